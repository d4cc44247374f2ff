"""Look: figures and the HTML report of what a network learned and where it fails."""

from glassnet.report.figures.confusion import confusion_figure
from glassnet.report.content import ReportContent
from glassnet.report.figures.curves import learning_curves
from glassnet.report.figures.diagram import network_figure
from glassnet.report.figures.features import FeatureMaps, feature_maps, feature_maps_figure
from glassnet.report.pages.filter import filter_figure
from glassnet.filters.apply import filter_picture
from glassnet.report.figures.kernels import first_weights, kernel_figure
from glassnet.report.figures.norms import norms_figure
from glassnet.report.figures.pictures import image_grid, mistakes_figure, reconstruction_figure
from glassnet.report.report import save_figures, write_report
from glassnet.report.figures.scores import per_class_figure, reliability_figure
from glassnet.report.figures.style import png_bytes, save_png
from glassnet.report.pages.sweep import SweepRun, best_run, sweep_report
from glassnet.report.figures.weights import weight_figure

__all__ = [
    "FeatureMaps",
    "ReportContent",
    "SweepRun",
    "best_run",
    "confusion_figure",
    "feature_maps",
    "feature_maps_figure",
    "filter_figure",
    "filter_picture",
    "first_weights",
    "image_grid",
    "kernel_figure",
    "learning_curves",
    "mistakes_figure",
    "network_figure",
    "norms_figure",
    "per_class_figure",
    "png_bytes",
    "reconstruction_figure",
    "reliability_figure",
    "save_figures",
    "save_png",
    "sweep_report",
    "weight_figure",
    "write_report",
]
