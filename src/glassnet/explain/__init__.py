"""Why a network answers what it answers: where in a picture the evidence lies, what the last layer adds up, and what
its units respond to.

Every method works on a `Victim`, an engine behind its preprocessing, and gives plain arrays; nothing is drawn here.
"""

from glassnet.explain.contributions import Contributions, contributions
from glassnet.explain.explanation import ClassExplanation, HeatMap, explain
from glassnet.explain.gradcam import ClassMap, grad_cam, last_map_layer, resized, weighted_maps
from glassnet.explain.nearest import Gallery, last_features
from glassnet.explain.occlusion import Occlusion, occlusion
from glassnet.explain.reaction import LayerReaction, Reaction, react
from glassnet.explain.receptive import ReceptiveFields, receptive_fields
from glassnet.explain.saliency import gradient_times_input, saliency, score_gradient, smooth_saliency
from glassnet.explain.seen import Seen, see
from glassnet.explain.units import Strongest, first_units_layer, strongest
from glassnet.explain.working import Term, Working, unit_working

__all__ = [
    "ClassExplanation",
    "ClassMap",
    "Contributions",
    "Gallery",
    "HeatMap",
    "LayerReaction",
    "Occlusion",
    "Reaction",
    "ReceptiveFields",
    "Seen",
    "Strongest",
    "Term",
    "Working",
    "contributions",
    "explain",
    "first_units_layer",
    "grad_cam",
    "gradient_times_input",
    "last_features",
    "last_map_layer",
    "occlusion",
    "react",
    "receptive_fields",
    "resized",
    "saliency",
    "score_gradient",
    "see",
    "smooth_saliency",
    "strongest",
    "unit_working",
    "weighted_maps",
]
