"""The confusion matrix as a picture: right answers blue on the diagonal, mistakes orange, so that even few show."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from glassnet.metrics import Evaluation
from glassnet.report.figures import style

__all__ = ["NARROW_UP_TO", "confusion_figure"]

NARROW_UP_TO = 16  # classes whose names and counts can be read at the width of a phone

_COUNTS_UP_TO = 16
_LABELS_UP_TO = 110


def confusion_figure(evaluation: Evaluation, *, narrow: bool = False) -> Figure:
    """Confusion matrix, rows true, columns predicted, each cell coloured by its share of the row.

    The diagonal is shaded blue by the class's recall; mistakes are orange on a scale of their own, the square root of
    their share, so that one mistake in a hundred is visible. Up to 16 classes the counts stand in the cells; above,
    the names shrink with the number of classes, and above 110 only every n-th is written.
    `narrow`: as a phone shows it, for `NARROW_UP_TO` classes at most.

    Examples
    --------
    >>> from glassnet.metrics import evaluate
    >>> from glassnet.report import confusion_figure
    >>> found = evaluate([[0.9, 0.1], [0.4, 0.6], [0.7, 0.3]], [0, 1, 1], ["cat", "dog"])
    >>> type(confusion_figure(found)).__name__
    'Figure'
    """
    classes = evaluation.classes
    # Many classes make a large picture, so that the names can be read at its natural size.
    size = float(np.clip(3.8 + 0.22 * classes, 4.6, max(8.2, min(15.0, 2.6 + 0.115 * classes))))
    if narrow:
        size = style.NARROW - 0.1
    figure = style.new_figure(size + (0.1 if narrow else 0.6), size)
    axes = figure.subplots()
    _draw_cells(axes, evaluation, size)
    _label(axes, evaluation.class_names, size)
    return figure


def _draw_cells(axes: Axes, evaluation: Evaluation, inches: float) -> None:
    table = evaluation.confusion
    classes = evaluation.classes
    support = np.maximum(table.sum(axis=1, keepdims=True), 1)
    share = table / support
    # The scale of mistakes never gets so fine that a single slip among thousands looks like a catastrophe.
    wrong = np.where(np.eye(classes, dtype=bool), 0.0, share)
    top = max(float(wrong.max()), 0.05)
    picture = style.blend(style.ORANGE, 0.95 * np.sqrt(wrong / top))
    right = style.blend(style.BLUE, 0.08 + 0.84 * np.diag(share))
    diagonal = np.arange(classes)
    picture[diagonal, diagonal] = right
    picture[(table == 0) & ~np.eye(classes, dtype=bool)] = np.array([0.972, 0.976, 0.983])
    axes.imshow(picture, interpolation="nearest", aspect="equal")
    for line in range(1, classes):
        width = 1.4 if classes <= 30 else 0.5
        axes.axhline(line - 0.5, color=style.PAPER, linewidth=width)
        axes.axvline(line - 0.5, color=style.PAPER, linewidth=width)
    for i in diagonal[table.sum(axis=1) == 0]:
        axes.add_patch(Rectangle((i - 0.5, i - 0.5), 1, 1, facecolor=style.SOFT, edgecolor="none"))
    if classes <= _COUNTS_UP_TO:
        _write_counts(axes, evaluation, picture, inches)


def _write_counts(axes: Axes, evaluation: Evaluation, picture: np.ndarray, inches: float) -> None:  # type: ignore[type-arg]
    size = float(np.interp(evaluation.classes, [4, 16], [11, 7.5]))
    longest = len(str(int(evaluation.confusion.max())))
    # A cell is about 0.8 / classes of the figure wide, and a figure 0.6 of its size.
    cell = 72 * 0.8 * inches / evaluation.classes
    size = min(size, 34.0 / longest, cell / (0.75 * longest))
    for (i, j), count in np.ndenumerate(evaluation.confusion):
        if count == 0 and i != j:
            continue
        dark = float(picture[i, j] @ np.array([0.299, 0.587, 0.114])) < 0.62
        colour = style.PAPER if dark else style.INK
        axes.text(j, i, str(int(count)), ha="center", va="center", fontsize=size, color=colour)


def _label(axes: Axes, names: tuple[str, ...], inches: float) -> None:
    style.dress(axes, grid="", xlabel="predicted", ylabel="true")
    style.pictures_off(axes)
    classes = len(names)
    each = 1 if classes <= _LABELS_UP_TO else int(np.ceil(classes / _LABELS_UP_TO))
    places = np.arange(0, classes, each)
    cut = 18 if classes <= 30 else 12
    texts = [style.plain(style.shorten(names[i], cut)) for i in places]
    longest = max(len(text) for text in texts)
    # A cell is `inches * 0.8 / classes` wide and 72 points are an inch.
    cell = inches * 0.8 * 72 / classes * each
    size = float(np.clip(cell * 0.78, 4.2, 9.5))
    flat = longest * size * 0.62 < cell * 0.95
    axes.set_xticks(places, texts, fontsize=size, rotation=0 if flat else 90, color=style.GREY)
    axes.set_yticks(places, texts, fontsize=size, color=style.GREY)
    axes.tick_params(length=0, pad=3)
