"""Look: figures and the HTML report of what a network learned and where it fails."""

from glassnet.look.confusion import confusion_figure
from glassnet.look.content import ReportContent
from glassnet.look.curves import learning_curves
from glassnet.look.diagram import network_figure
from glassnet.look.features import FeatureMaps, feature_maps, feature_maps_figure
from glassnet.look.filter_page import filter_figure
from glassnet.look.filtering import filter_picture
from glassnet.look.kernels import first_weights, kernel_figure
from glassnet.look.norms import norms_figure
from glassnet.look.pictures import image_grid, mistakes_figure, reconstruction_figure
from glassnet.look.report import save_figures, write_report
from glassnet.look.scores import per_class_figure, reliability_figure
from glassnet.look.style import png_bytes, save_png
from glassnet.look.sweep import SweepRun, best_run, sweep_report
from glassnet.look.weights import weight_figure

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
