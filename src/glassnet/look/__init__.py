"""Look: figures and the HTML report of what a network learned and where it fails."""

from glassnet.look.confusion import confusion_figure
from glassnet.look.content import ReportContent
from glassnet.look.curves import learning_curves
from glassnet.look.norms import norms_figure
from glassnet.look.pictures import image_grid, mistakes_figure, reconstruction_figure
from glassnet.look.report import save_figures, write_report
from glassnet.look.scores import per_class_figure, reliability_figure
from glassnet.look.style import png_bytes
from glassnet.look.sweep import SweepRun, best_run, sweep_report
from glassnet.look.weights import weight_figure

__all__ = [
    "ReportContent",
    "SweepRun",
    "best_run",
    "confusion_figure",
    "image_grid",
    "learning_curves",
    "mistakes_figure",
    "norms_figure",
    "per_class_figure",
    "png_bytes",
    "reconstruction_figure",
    "reliability_figure",
    "save_figures",
    "sweep_report",
    "weight_figure",
    "write_report",
]
