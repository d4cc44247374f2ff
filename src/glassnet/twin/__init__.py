"""Two engines side by side: the same start, the same batches, and where they part."""

from glassnet.twin.compare import Both, both_of, compare
from glassnet.twin.distance import TOLERANCES, Difference
from glassnet.twin.reasons import Reason
from glassnet.twin.result import Parting, Twin
from glassnet.twin.sides import Side

__all__ = ["TOLERANCES", "Both", "Difference", "Parting", "Reason", "Side", "Twin", "both_of", "compare"]
