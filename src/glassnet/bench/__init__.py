"""How fast this machine trains and uses networks: ours against PyTorch, each side in processes of its own."""

from glassnet.bench.cases import DEFAULTS, KNOWN, THREE_CONVOLUTIONS, Case, cases_for
from glassnet.bench.progress import Lines
from glassnet.bench.race import Result, race
from glassnet.bench.report import Report, bench

__all__ = [
    "DEFAULTS",
    "KNOWN",
    "THREE_CONVOLUTIONS",
    "Case",
    "Lines",
    "Report",
    "Result",
    "bench",
    "cases_for",
    "race",
]
