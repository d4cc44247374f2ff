"""Figures of an evaluation: recall of each class with its interval, and how far the confidence can be believed."""

from __future__ import annotations

import math

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from glassnet.metrics import Calibration, ClassScore, Evaluation, wilson_interval
from glassnet.report.figures import style

__all__ = ["per_class_figure", "reliability_figure"]


def per_class_figure(evaluation: Evaluation) -> Figure:
    """Recall of every class as a bar with its 95 % interval (Wilson), the worst class on top.

    The dashed line is the accuracy over all classes. Classes without examples stand last, without a bar. More than 36
    classes are spread over columns.

    Examples
    --------
    >>> from glassnet.metrics import evaluate
    >>> from glassnet.report import per_class_figure
    >>> found = evaluate([[0.9, 0.1], [0.4, 0.6], [0.7, 0.3]], [0, 1, 1], ["cat", "dog"])
    >>> type(per_class_figure(found)).__name__
    'Figure'
    """
    scores = sorted(evaluation.per_class, key=lambda s: (math.isnan(s.recall), s.recall if s.support else 0.0))
    columns = 1 if len(scores) <= 36 else 2 if len(scores) <= 72 else 3
    rows = math.ceil(len(scores) / columns)
    figure = style.new_figure(7.6 if columns == 1 else 9.6, max(1.8, 0.9 + 0.25 * rows))
    for column, axes in enumerate(figure.subplots(1, columns, squeeze=False)[0]):
        part = scores[column * rows : (column + 1) * rows]
        style.dress(axes, grid="x", xlabel="recall, with 95 % interval")
        axes.spines["left"].set_visible(False)
        if part:
            _draw_recalls(axes, part, rows)
            axes.axvline(evaluation.accuracy, color=style.GREY, linewidth=1.0, linestyle=(0, (4, 3)))
        else:
            axes.set_visible(False)
    return figure


def _draw_recalls(axes: Axes, scores: list[ClassScore], rows: int) -> None:
    places = np.arange(len(scores))
    recall = np.nan_to_num(np.array([score.recall for score in scores]))
    axes.barh(places, recall, height=0.62, color="#a9cbe6")
    for place, score in enumerate(scores):
        if score.support:
            low, high = score.recall_interval
            axes.plot([low, high], [place, place], color=style.BLUE, linewidth=1.8, solid_capstyle="round")
            axes.plot([score.recall], [place], marker="o", markersize=4, color=style.BLUE)
        text = f"{100 * score.recall:.1f} %" if score.support else "–"
        axes.text(1.03, place, text, va="center", fontsize=8, color=style.INK, transform=axes.get_yaxis_transform())
    axes.set_yticks(
        places, [style.plain(style.shorten(score.name, 22)) for score in scores], fontsize=8.5, color=style.INK
    )
    axes.set_ylim(rows - 0.4, -0.6)
    axes.set_xlim(0.0, 1.02)
    style.percent_axis(axes.xaxis)


def reliability_figure(calibration: Calibration, *, narrow: bool = False) -> Figure:
    """Reliability diagram: accuracy against confidence, above the number of examples at each confidence.

    A point on the diagonal means that the confidence can be taken at its word; below it the network was too sure.
    Each point has the 95 % interval (Wilson) of its accuracy, and is orange where this excludes the confidence.
    `narrow`: as a phone shows it.

    Examples
    --------
    >>> from glassnet.metrics import calibration
    >>> from glassnet.report import reliability_figure
    >>> type(reliability_figure(calibration([0.9, 0.6], [True, False]))).__name__
    'Figure'
    """
    figure = style.new_figure(*((style.NARROW, 4.2) if narrow else (6.4, 5.0)))
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=[3.4, 1])
    width = np.diff(calibration.edges) * 0.9
    centre = (calibration.edges[:-1] + calibration.edges[1:]) / 2
    above.plot([0, 1], [0, 1], color=style.GREY, linewidth=1.0, linestyle=(0, (4, 3)), label="perfectly calibrated")
    above.bar(centre, np.nan_to_num(calibration.accuracy), width, color=style.BLUE, alpha=0.16, linewidth=0)
    _draw_points(above, calibration)
    style.dress(above, ylabel="accuracy", grid="both")
    above.set_xlim(0, 1.01)
    above.set_ylim(0, 1.03)
    below.bar(centre, calibration.counts, width, color="#b9c3d0")
    style.dress(below, xlabel="confidence of the predicted class", ylabel="examples")
    style.percent_axis(below.xaxis)
    style.percent_axis(above.yaxis)
    style.figure_legend(figure, 1 if narrow else None)
    figure.align_ylabels()
    return figure


def _draw_points(axes: Axes, calibration: Calibration) -> None:
    counts = calibration.counts
    right = np.rint(np.nan_to_num(calibration.accuracy) * counts).astype(np.int64)
    intervals = np.array([wilson_interval(int(r), int(n)) for r, n in zip(right, counts, strict=True)])
    filled = counts > 0
    believed = filled & (intervals[:, 0] <= calibration.confidence) & (calibration.confidence <= intervals[:, 1])
    kinds = ((believed, style.BLUE, "accuracy agrees"), (filled & ~believed, style.ORANGE, "accuracy differs"))
    for chosen, colour, label in kinds:
        if chosen.any():
            x = calibration.confidence[chosen]
            axes.vlines(x, intervals[chosen, 0], intervals[chosen, 1], color=colour, linewidth=1.6)
            axes.plot(x, calibration.accuracy[chosen], "o", color=colour, markersize=5, label=label)
