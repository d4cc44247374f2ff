"""Report: figures, and HTML pages made of panels, of what a network learned and where it fails."""

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

__all__ = [
    "Chart",
    "FeatureMaps",
    "Heading",
    "Panel",
    "confusion_figure",
    "feature_maps",
    "feature_maps_figure",
    "first_weights",
    "image_grid",
    "kernel_figure",
    "kernel_pictures",
    "learning_curves",
    "mistakes_figure",
    "network_figure",
    "norms_figure",
    "per_class_figure",
    "png_bytes",
    "reconstruction_figure",
    "reliability_figure",
    "save_png",
    "unit_figure",
    "unit_pictures",
    "write_page",
]
