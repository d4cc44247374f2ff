"""Learning curves of several recipes over one another, each with the band of its seeds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from glassnet.report.figures import style
from glassnet.report.figures.curves import Measure, Records, limits, measure_axis, measure_of, series

__all__ = ["Grouped", "colours", "grouped_curves"]

_LONGEST = 30  # letters of a name in the legend
_MOST = 12  # groups in the legend

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Grouped:
    """A recipe with the histories of its runs, one for each seed."""

    name: str
    histories: tuple[Records, ...]


def colours(count: int) -> list[Any]:
    """A colour for each of so many groups."""
    if count <= len(style.CYCLE):
        return list(style.CYCLE[:count])
    return [tuple(row) for row in matplotlib.colormaps["viridis"](np.linspace(0.9, 0.05, count))]


def grouped_curves(groups: Sequence[Grouped], *, narrow: bool = False) -> Figure:
    """Training (dashed) and validation (solid): the mean over the seeds, and the band from the least to the most.

    Where the seeds have trained for unequally many epochs, the mean goes on with those that are left.

    Parameters
    ----------
    groups : sequence of Grouped
        At least one.
    narrow : bool
        One panel above the other, as a phone shows it.
    """
    histories = [history for group in groups for history in group.histories]
    measure = next((m for m in map(measure_of, histories) if m is not None), None)
    panels = 1 if measure is None else 2
    figure = style.new_figure(*((style.NARROW, 2.6 * panels + 0.8) if narrow else (5.0 * panels + 0.6, 3.6)))
    grid = figure.subplots(panels, 1, squeeze=False) if narrow else figure.subplots(1, panels, squeeze=False)
    for axes, one in zip(grid.ravel(), (None, measure), strict=False):
        _draw(axes, groups, one, histories)
    _legend(figure, groups, any(_has(history, "valid_loss") for history in histories), narrow)
    return figure


def _has(history: Records, key: str) -> bool:
    return bool(np.isfinite(series(history, key)[1]).any())


def _draw(axes: Axes, groups: Sequence[Grouped], measure: Measure | None, histories: Sequence[Records]) -> None:
    key, title = ("loss", "Loss") if measure is None else (measure.key, measure.title)
    style.dress(axes, title=title, xlabel="epoch")
    last = 1.0
    for group, colour in zip(groups, colours(len(groups)), strict=True):
        for name, dashes, width, strength in ((key, (0, (3, 2)), 1.1, 0.08), (f"valid_{key}", "-", 1.9, 0.16)):
            epochs, table = _table(group.histories, name)
            if not epochs.size:
                continue
            last = max(last, float(epochs[-1]))
            counts = np.isfinite(table).sum(axis=0)
            mean = np.nansum(table, axis=0) / np.maximum(counts, 1)
            mean[counts == 0] = np.nan
            axes.plot(epochs, mean, color=colour, linestyle=dashes, linewidth=width,
                      marker="o" if len(epochs) <= 2 else "", markersize=4)  # fmt: skip
            if len(group.histories) > 1:
                low = np.where(np.isfinite(table), table, np.inf).min(axis=0)
                high = np.where(np.isfinite(table), table, -np.inf).max(axis=0)
                axes.fill_between(epochs, np.where(counts, low, np.nan), np.where(counts, high, np.nan), color=colour,
                                  alpha=strength, linewidth=0)  # fmt: skip
    span = limits(histories, key, 0.06)
    if span is None:
        style.empty_note(axes, "nothing finite was recorded")
        axes.set_yticks([])
    elif measure is not None:
        measure_axis(axes, measure, span[0], span[1])
    else:
        axes.set_yscale("log" if span[2] else "linear")
        axes.set_ylim(span[0], span[1])
    axes.set_xlim(1 - 0.03 * last, last + 0.03 * last) if last > 1 else axes.set_xlim(0.5, 1.5)
    style.whole_ticks(axes)


def _table(histories: Sequence[Records], key: str) -> tuple[Floats, Floats]:
    """(epochs, a row of values for each history); empty where nothing finite was recorded."""
    found = [series(history, key) for history in histories]
    known = [epochs[np.isfinite(epochs) & np.isfinite(values)] for epochs, values in found]
    epochs = np.unique(np.concatenate(known)) if known else np.empty(0)
    table = np.full((len(found), len(epochs)), np.nan)
    for row, (own, values) in zip(table, found, strict=True):
        there = np.isin(own, epochs)
        row[np.searchsorted(epochs, own[there])] = values[there]
    return epochs, table


def _legend(figure: Figure, groups: Sequence[Grouped], validated: bool, narrow: bool) -> None:
    shown = list(zip(groups, colours(len(groups)), strict=True))[:_MOST]
    lines = [Line2D([], [], color=colour, linewidth=1.9) for _, colour in shown]
    names = [style.plain(style.shorten(group.name, _LONGEST)) for group, _ in shown]
    lines.append(Line2D([], [], color=style.GREY, linewidth=1.1, linestyle=(0, (3, 2))))
    names.append("training")
    if validated:
        lines.append(Line2D([], [], color=style.GREY, linewidth=1.9))
        names.append("validation")
    where: Any = "outside lower center" if narrow else "outside right center"
    columns = 2 if narrow and max(map(len, names)) <= 18 else 1
    figure.legend(lines, names, loc=where, ncols=columns, frameon=False, fontsize=8.5, labelcolor=style.INK,
                  handlelength=1.8)  # fmt: skip
