"""All figures in one place, each a function that returns a Matplotlib `Figure`; `png_bytes` turns one into a file."""

from glassnet.look.confusion import confusion_figure
from glassnet.look.curves import learning_curves
from glassnet.look.norms import norms_figure
from glassnet.look.pictures import image_grid, mistakes_figure, reconstruction_figure
from glassnet.look.scores import per_class_figure, reliability_figure
from glassnet.look.style import png_bytes
from glassnet.look.weights import weight_figure

__all__ = [
    "confusion_figure",
    "image_grid",
    "learning_curves",
    "mistakes_figure",
    "norms_figure",
    "per_class_figure",
    "png_bytes",
    "reconstruction_figure",
    "reliability_figure",
    "weight_figure",
]
