"""The report of a run: one HTML file that holds everything, and the same figures as single pictures."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from glassnet.errors import DataError
from glassnet.files import atomic_write
from glassnet.report.figures import style
from glassnet.report.figures.confusion import confusion_figure
from glassnet.report.content import ReportContent
from glassnet.report.figures.curves import epoch_records, learning_curves
from glassnet.report.figures.diagram import network_figure
from glassnet.report.figures.features import feature_maps_figure
from glassnet.report.html import element, page
from glassnet.report.figures.kernels import kernel_figure
from glassnet.report.masthead import masthead
from glassnet.report.figures.norms import norms_figure, update_ratios
from glassnet.report.figures.pictures import mistakes_figure, reconstruction_figure
from glassnet.report.figures.scores import per_class_figure, reliability_figure
from glassnet.report.panels.results import sections
from glassnet.report.tables import SCRIPT
from glassnet.report.figures.weights import weight_figure

__all__ = ["save_figures", "write_report"]


def write_report(
    path: str | os.PathLike[str], content: ReportContent, *, figures_folder: str | os.PathLike[str] | None = None
) -> list[Path]:
    """Write the report as one self-contained HTML file; with `figures_folder`, its figures as PNG files too.

    The page needs no network and no other file, follows the reader's light or dark setting, fits phones and prints.
    Every text is escaped. Returns the paths of all files written, the page first.

    Raises
    ------
    GlassnetError
        A file cannot be written; nothing is left half-written. `DataError` when pictures do not belong to the
        evaluation.
    """
    parts = sections(content)
    navigation = element(
        "nav", *(element("a", part.title, href=f"#{part.key}") for part in parts), aria_label="Sections"
    )
    body = element("main", masthead(content), navigation, *(part.html() for part in parts))
    written = [Path(path)]
    with atomic_write(path) as file:
        file.write(page(content.title, body, SCRIPT))
    if figures_folder is not None:
        written += save_figures(content, figures_folder)
    return written


def save_figures(content: ReportContent, folder: str | os.PathLike[str]) -> list[Path]:
    """Write every figure that `content` has data for as `folder/NAME.png`, whole or not at all; returns the paths."""
    paths = []
    for name, figure in _figures(content).items():
        paths.append(style.save_png(figure, Path(folder) / f"{name}.png"))
    return paths


def _figures(content: ReportContent) -> dict[str, Figure]:
    found: dict[str, Figure] = {}
    if epoch_records(content.history):
        found["learning_curves"] = learning_curves(content.history)
    if update_ratios(content.history):
        found["update_ratios"] = norms_figure(content.history)
    if content.evaluation is not None:
        found["confusion"] = confusion_figure(content.evaluation)
        found["per_class"] = per_class_figure(content.evaluation)
        found["reliability"] = reliability_figure(content.evaluation.calibration)
        if content.images is not None:
            found["mistakes"] = mistakes_figure(content.images, content.evaluation)
    first = _first_layer(content)
    if first is not None:
        found["first_layer"] = first
    if content.feature_maps is not None:
        found["feature_maps"] = feature_maps_figure(content.feature_maps)
    if content.network is not None:
        found["network"] = network_figure(content.network)
    if content.reconstructions is not None:
        found["reconstructions"] = reconstruction_figure(*content.reconstructions)
    return found


def _first_layer(content: ReportContent) -> Figure | None:
    before, after, shape = content.weights_before, content.weights_after, content.image_shape
    if after is None:
        return None
    if np.ndim(after) == 4:
        return kernel_figure(before, after)
    # Preprocessing such as whitening changes the input's size: then there is no picture to draw.
    with contextlib.suppress(DataError):
        return None if shape is None else weight_figure(before, after, shape)
    return None
