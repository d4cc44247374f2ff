"""A study in figures: the best so far, which settings matter, every setting by itself, and all of them at once."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator
from numpy.typing import NDArray

from glassnet.experiments import Choice, Space, Span, Trial
from glassnet.report.figures import style
from glassnet.tasks import Metric

__all__ = ["best_so_far", "importance_bars", "parallel_coordinates", "slices"]

_LIGHT = "#b9c2ce"
_LABEL = 22  # characters of a value on an axis
_MOST_SLICES = 9
_ROOM = 0.06  # of an axis

_SHARES = ("accuracy", "error")


def best_so_far(trials: Sequence[Trial], metric: Metric, *, narrow: bool = False) -> Figure:
    """Every trial by number, and the best finished one up to each."""
    figure = style.new_figure(style.NARROW if narrow else 8.2, 3.0 if narrow else 3.4)
    axes = figure.subplots()
    style.dress(axes, xlabel="trial", ylabel=f"validation {metric.name}", grid="both")
    shown = [trial for trial in trials if trial.value is not None]
    finished = [trial for trial in shown if trial.finished]
    ended = [trial for trial in shown if not trial.finished]
    axes.scatter([t.number for t in ended], _values(ended), s=18, facecolors="none", edgecolors=_LIGHT, linewidths=1.2,
                 label="ended early")  # fmt: skip
    axes.scatter([t.number for t in finished], _values(finished), s=20, color=style.BLUE, label="finished", zorder=3)
    if finished:
        better = np.maximum if metric.higher_is_better else np.minimum
        best = better.accumulate(_values(finished))
        last = max(trial.number for trial in trials)
        numbers = [*(t.number for t in finished), last]
        axes.step(numbers, [*best, best[-1]], where="post", color=style.ORANGE, linewidth=1.8, label="best so far")
    failed = [trial.number for trial in trials if trial.outcome == "failed"]
    if failed:
        bottom = axes.get_ylim()[0]
        axes.scatter(failed, [bottom] * len(failed), marker="x", color=style.GREY, s=26, label="failed", clip_on=False)
        axes.set_ylim(bottom=bottom)
    _shares(axes, metric)
    style.whole_ticks(axes)
    style.figure_legend(figure, columns=2 if narrow else None)
    return figure


def importance_bars(importance: Mapping[str, float], *, narrow: bool = False) -> Figure:
    """How much of the spread of the finished trials each setting explains."""
    names = list(importance)[::-1]
    figure = style.new_figure(style.NARROW if narrow else 7.0, 0.8 + 0.36 * len(names))
    axes = figure.subplots()
    style.dress(axes, xlabel="share of the spread explained", grid="x")
    shares = [importance[name] for name in names]
    axes.barh(range(len(names)), shares, height=0.62, color=style.BLUE)
    axes.set_yticks(range(len(names)), [style.plain(_short(name) if narrow else name) for name in names])
    for place, share in enumerate(shares):
        axes.text(share + 0.01, place, f"{100 * share:.0f} %", va="center", fontsize=8.5, color=style.INK)
    axes.set_xlim(0, max(shares) * 1.18 + 0.02)
    style.percent_axis(axes.xaxis)
    return figure


def slices(trials: Sequence[Trial], space: Space, metric: Metric, *, narrow: bool = False) -> Figure:
    """The metric by each setting alone; later trials are darker, those that ended early hollow."""
    names = list(space)[:_MOST_SLICES]
    columns = 1 if narrow else min(3, len(names))
    rows = -(-len(names) // columns)
    figure = style.new_figure(style.NARROW if narrow else 3.1 * columns + 0.4, 2.5 * rows + 0.2)
    grid = figure.subplots(rows, columns, squeeze=False, sharey=not narrow)
    shown = [trial for trial in trials if trial.value is not None]
    for place, axes in enumerate(grid.ravel()):
        if place >= len(names):
            axes.set_axis_off()
            continue
        first = place % columns == 0
        ylabel = f"validation {metric.name}" if first else ""
        style.dress(axes, xlabel=names[place], ylabel=ylabel, grid="both")
        _slice(axes, shown, names[place], space[names[place]])
        _shares(axes, metric)
    return figure


def _slice(axes: Axes, trials: Sequence[Trial], name: str, part: Span | Choice) -> None:
    x = np.array([_place(part, trial.settings.get(name)) for trial in trials], np.float64)
    y, done = _values(trials), np.array([trial.finished for trial in trials], bool)
    order = np.array([trial.number for trial in trials], np.float64)
    if isinstance(part, Choice):
        ticks, labels = _ticks(part)
        # side by side in the order of the trials, or equal ones would cover one another
        x = x + 0.5 * (order / max(1.0, order.max(initial=1.0)) - 0.5)
        axes.set_xticks(ticks, labels)
        axes.set_xlim(-0.5, len(ticks) - 0.5)
        if max(map(len, labels)) * len(labels) > 24:
            axes.tick_params(axis="x", rotation=22)
            for label in axes.get_xticklabels():
                label.set_horizontalalignment("right")
    elif part.log:
        axes.set_xscale("log")
    axes.scatter(x[~done], y[~done], s=16, facecolors="none", edgecolors=_LIGHT, linewidths=1.1)
    axes.scatter(x[done], y[done], s=18, c=order[done], cmap="viridis_r", vmin=-0.25 * order.max(initial=1.0), zorder=3)


def parallel_coordinates(trials: Sequence[Trial], space: Space, metric: Metric) -> Figure:
    """A line for every finished trial through its value of each setting to the metric; the better, the darker."""
    names = list(space)
    shown = sorted((t for t in trials if t.finished and t.value is not None), key=lambda t: t.value or 0.0)
    if not metric.higher_is_better:
        shown = shown[::-1]
    figure = style.new_figure(max(6.0, 1.65 * (len(names) + 1)), 4.2)
    axes = figure.subplots()
    style.dress(axes, grid="")
    for spine in axes.spines.values():
        spine.set_visible(False)
    axes.yaxis.set_major_locator(NullLocator())
    values = _values(shown)
    low, high = (float(values.min()), float(values.max())) if len(values) else (0.0, 1.0)
    last = len(names)
    colours = matplotlib.colormaps["viridis_r"](np.linspace(0.05, 0.95, max(1, len(shown))))
    for rank, trial in enumerate(shown):
        heights = [_height(space[name], trial.settings.get(name), trial.number) for name in names]
        heights.append(0.5 if high == low else (float(trial.value or 0.0) - low) / (high - low))
        best = rank == len(shown) - 1
        axes.plot(range(last + 1), heights, color=style.ORANGE if best else tuple(colours[rank]),
                  linewidth=2.6 if best else 1.0, alpha=1.0 if best else 0.75, zorder=4 if best else 2)  # fmt: skip
    for place, name in enumerate(names):
        _axis(axes, place, space[name])
    axes.axvline(last, color="#c3cad4", linewidth=0.9, zorder=1)
    for height, value in ((0.0, low), (1.0, high)):
        _tick(axes, last, height, _figure(metric, value))
    labels = [_short(name) for name in names] + [f"validation\n{metric.name}"]
    axes.set_xticks(range(last + 1), [style.plain(label) for label in labels], fontsize=9, color=style.INK)
    axes.set_xlim(-0.35, last + 0.45)
    axes.set_ylim(-0.08, 1.08)
    return figure


def _axis(axes: Axes, place: int, part: Span | Choice) -> None:
    axes.axvline(place, color="#c3cad4", linewidth=0.9, zorder=1)
    if isinstance(part, Choice):
        for number, label in zip(*_ticks(part), strict=True):
            _tick(axes, place, (number + 0.5) / len(part.values), label)
    else:
        for height, value in ((0.0, part.low), (1.0, part.high)):
            _tick(axes, place, height, f"{value:.2g}")


def _tick(axes: Axes, place: int, height: float, label: str) -> None:
    axes.text(place + 0.05, height, label, fontsize=8, color=style.INK, va="center", zorder=5,
              bbox={"facecolor": style.PAPER, "edgecolor": "none", "alpha": 0.75, "pad": 0.6})  # fmt: skip


def _height(part: Span | Choice, value: Any, number: int) -> float:
    """Where a value lies on its axis, from 0 to 1; equal choices are drawn a little apart."""
    place = _place(part, value)
    if isinstance(part, Choice):
        apart = 0.5 * ((number * 0.618034) % 1.0 - 0.5)
        return (place + 0.5 + apart) / len(part.values)
    if part.log:
        return math.log(place / part.low) / math.log(part.high / part.low)
    return (place - part.low) / (part.high - part.low)


def _place(part: Span | Choice, value: Any) -> float:
    """A number as it is, a choice by its position."""
    if isinstance(part, Choice):
        return float(part.values.index(value)) if value in part.values else math.nan
    return float(value)


def _ticks(part: Choice) -> tuple[list[int], list[str]]:
    names = [
        "none" if value is None else f"{value:g}" if isinstance(value, float) else str(value) for value in part.values
    ]
    return list(range(len(names))), [style.plain(style.shorten(name, _LABEL)) for name in names]


def _values(trials: Sequence[Trial]) -> NDArray[np.float64]:
    return style.finite(trial.value for trial in trials)


def _short(name: str) -> str:
    return name.rpartition(".")[2]


def _figure(metric: Metric, value: float) -> str:
    return f"{100 * value:.1f} %" if metric.name in _SHARES else f"{value:.4g}"


def _shares(axes: Axes, metric: Metric) -> None:
    if metric.name in _SHARES:
        style.percent_axis(axes.yaxis)
