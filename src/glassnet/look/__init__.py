"""Look: figures and the HTML report of what a network learned and where it fails."""

from glassnet.look.content import ReportContent
from glassnet.look.figures import (
    confusion_figure,
    image_grid,
    learning_curves,
    mistakes_figure,
    norms_figure,
    per_class_figure,
    png_bytes,
    reconstruction_figure,
    reliability_figure,
    weight_figure,
)
from glassnet.look.report import save_figures, write_report
from glassnet.look.sweep import SweepRun, best_run, sweep_report

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
