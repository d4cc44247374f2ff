"""Report: figures and HTML pages of what a network learned and where it fails."""

from glassnet.report.figures.confusion import confusion_figure
from glassnet.report.figures.curves import learning_curves
from glassnet.report.figures.diagram import network_figure
from glassnet.report.figures.features import FeatureMaps, feature_maps, feature_maps_figure
from glassnet.report.figures.first_layer import (
    first_weights,
    kernel_figure,
    kernel_pictures,
    unit_figure,
    unit_pictures,
)
from glassnet.report.figures.norms import norms_figure
from glassnet.report.figures.pictures import image_grid, mistakes_figure, reconstruction_figure
from glassnet.report.figures.scores import per_class_figure, reliability_figure
from glassnet.report.figures.style import png_bytes, save_png
from glassnet.report.page import Chart, Heading, Panel, write_page
from glassnet.report.pages.filter import filter_figure, write_filter_page
from glassnet.report.pages.inside import look_inside
from glassnet.report.pages.run import run_panels, write_run_page
from glassnet.report.pages.sweep import SweepRun, best_run, sweep_report, write_sweep_page

__all__ = [
    "Chart",
    "FeatureMaps",
    "Heading",
    "Panel",
    "SweepRun",
    "best_run",
    "confusion_figure",
    "feature_maps",
    "feature_maps_figure",
    "filter_figure",
    "first_weights",
    "image_grid",
    "kernel_figure",
    "kernel_pictures",
    "learning_curves",
    "look_inside",
    "mistakes_figure",
    "network_figure",
    "norms_figure",
    "per_class_figure",
    "png_bytes",
    "reconstruction_figure",
    "reliability_figure",
    "run_panels",
    "save_png",
    "sweep_report",
    "unit_figure",
    "unit_pictures",
    "write_filter_page",
    "write_page",
    "write_run_page",
    "write_sweep_page",
]
