"""Charts of weight-agnostic networks: the search, the shared weight, what training adds, what pruning leaves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from glassnet.report.figures import style

__all__ = ["contest_chart", "cost_curve", "cost_of", "pixel_map", "pruning_curve", "search_curves", "weight_curve"]

_GROUPS = 60  # points of the cost curve


def _figure(narrow: bool, height: float = 3.4) -> Figure:
    return style.new_figure(style.NARROW if narrow else 7.4, height)


def search_curves(records: Sequence[dict[str, Any]], *, narrow: bool = False) -> Figure:
    """Accuracy by generation, and the number of connections."""
    figure = style.new_figure(style.NARROW if narrow else 9.6, 5.4 if narrow else 3.4)
    accuracy, size = figure.subplots(2, 1) if narrow else figure.subplots(1, 2)
    steps = [record["generation"] for record in records]
    style.dress(accuracy, title="Accuracy", xlabel="generation")
    lines = (
        ("best_weight", "best network, best weight", style.GREEN, 1.0),
        ("mean", "best network, mean over weights", style.BLUE, 1.8),
        ("median", "median network", style.GREY, 1.0),
        ("valid_mean", "kept network, validation", style.ORANGE, 1.4),
    )
    for key, label, colour, width in lines:
        accuracy.plot(steps, [record[key] for record in records], color=colour, linewidth=width, label=label)
    style.percent_axis(accuracy.yaxis)
    style.dress(size, title="Connections and units of the best", xlabel="generation")
    size.plot(steps, [record["connections"] for record in records], color=style.BLUE, linewidth=1.6)
    size.plot(steps, [record["units"] for record in records], color=style.ORANGE, linewidth=1.6)
    for key in ("connections", "units"):
        size.annotate(key, (steps[-1], records[-1][key]), xytext=(-4, 4), textcoords="offset points", ha="right",
                      fontsize=8.5, color=style.GREY)  # fmt: skip
    for axes in (accuracy, size):
        style.whole_ticks(axes, 4 if narrow else 6)
    style.figure_legend(figure, 1 if narrow else 2)
    return figure


def weight_curve(shown: dict[str, Any], *, narrow: bool = False) -> Figure:
    """Accuracy by the shared weight, on validation and on the test part."""
    figure = _figure(narrow)
    axes = figure.subplots()
    curve = shown["curve"]
    style.dress(axes, xlabel="the one weight of all connections", ylabel="accuracy")
    axes.plot(curve["weights"], curve["valid"], color=style.ORANGE, linewidth=1.0, label="validation")
    axes.plot(curve["weights"], curve["accuracy"], color=style.BLUE, linewidth=1.8, label=f"{shown['part']} part")
    axes.axhline(shown["random"]["mean"], color=style.BLUE, linewidth=0.9, linestyle=(0, (3, 3)),
                 label="mean over random weights")  # fmt: skip
    axes.plot([shown["tuned"]["weight"]], [shown["tuned"]["accuracy"]], "o", color=style.GREEN, markersize=7,
              label="the weight chosen on validation")  # fmt: skip
    axes.set_ylim(0, 1)
    style.percent_axis(axes.yaxis)
    style.figure_legend(figure, 1 if narrow else 2)
    return figure


def pixel_map(counts: NDArray[np.int64]) -> Figure:
    """How many connections come from each pixel, (H, W)."""
    figure = style.new_figure(style.NARROW, 3.0)
    axes = figure.subplots()
    image = axes.imshow(counts, cmap="Blues", vmin=0)
    style.pictures_off(axes)
    bar = figure.colorbar(image, ax=axes, shrink=0.8)
    bar.outline.set_visible(False)  # type: ignore[operator]
    bar.ax.tick_params(length=0, labelsize=8.5, labelcolor=style.GREY)
    return figure


def contest_chart(
    rows: Sequence[tuple[str, Sequence[float], float, Sequence[float]]], *, narrow: bool = False
) -> Figure:
    """A row for each side: its accuracy by seed as dots, the mean, the interval. `rows` are of name and these three."""
    figure = style.new_figure(style.NARROW if narrow else 7.4, 0.9 + 0.5 * len(rows))
    axes = figure.subplots()
    style.dress(axes, xlabel="accuracy", grid="x")
    for place, (name, seeds, mean, interval) in enumerate(rows):
        colour = style.ORANGE if place == 0 else style.BLUE
        axes.plot(interval, [place, place], color=colour, linewidth=2.2, alpha=0.45, solid_capstyle="round")
        axes.plot(seeds, [place] * len(seeds), "o", color=colour, markersize=4, alpha=0.45, markeredgewidth=0)
        axes.plot([mean], [place], "|", color=colour, markersize=10, markeredgewidth=2.4)
        axes.annotate(style.plain(name), (0.0, place), xycoords=("axes fraction", "data"), xytext=(0, 8),
                      textcoords="offset points", fontsize=8.5, color=style.INK)  # fmt: skip
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.set_ylim(len(rows) - 0.6, -0.75)
    style.percent_axis(axes.xaxis, 4 if narrow else 6)
    return figure


def pruning_curve(pruned: dict[str, Any], searched: tuple[int, float] | None, *, narrow: bool = False) -> Figure:
    """Accuracy by the connections that are left; `searched` is the size of the searched topology and its accuracy."""
    figure = _figure(narrow)
    axes = figure.subplots()
    style.dress(axes, xlabel="connections left", ylabel="accuracy", grid="both")
    left = [level["connections"] for level in pruned["levels"]]
    for key, label, colour in (
        ("rewound", "smallest weights removed, rewound", style.BLUE),
        ("random", "as many kept at random", style.GREY),
    ):
        middle = [level[key]["mean"] for level in pruned["levels"]]
        low, high = zip(*(level[key]["interval"] for level in pruned["levels"]), strict=True)
        axes.fill_between(left, low, high, color=colour, alpha=0.18, linewidth=0)
        axes.plot(left, middle, "o-", color=colour, markersize=4, linewidth=1.6, label=label)
    if searched is not None:
        axes.plot([searched[0]], [searched[1]], "D", color=style.ORANGE, markersize=7,
                  label="searched topology, trained")  # fmt: skip
    _decades(axes, left)
    style.percent_axis(axes.yaxis)
    style.figure_legend(figure, 1 if narrow else 3)
    return figure


def _decades(axes: Axes, values: Sequence[float]) -> None:
    axes.set_xscale("log")
    chosen: list[float] = []
    for value in sorted(values):
        if not chosen or value > 1.6 * chosen[-1]:
            chosen.append(value)
    axes.set_xticks(chosen, [f"{value:g}" for value in chosen])
    axes.minorticks_off()


def cost_of(records: Sequence[dict[str, Any]]) -> tuple[NDArray[np.float64], NDArray[np.float64], float]:
    """(median connections, milliseconds of the processor for each network judged on 1,000 examples, exponent).

    Records are put together into groups; the exponent b is that of time = a size^b, by least squares of the logarithms,
    0 where all are of one size.
    """
    groups = np.array_split(np.arange(len(records)), min(_GROUPS, len(records)))
    size, cost = [], []
    for group in groups:
        part = [records[place] for place in group]
        work = sum(record["judged"] * record["examples"] for record in part)
        size.append(float(np.mean([record["median_connections"] for record in part])))
        cost.append(1e6 * sum(record["processor_seconds"] for record in part) / work)
    x, y = np.array(size), np.array(cost)
    usable = (x > 0) & (y > 0)
    if len(set(x[usable])) < 2:
        return x, y, 0.0
    return x, y, float(np.polyfit(np.log(x[usable]), np.log(y[usable]), 1)[0])


def cost_curve(records: Sequence[dict[str, Any]], *, narrow: bool = False) -> Figure:
    """What it takes to judge a network, by its size."""
    figure = _figure(narrow, 3.0)
    axes = figure.subplots()
    size, cost, _ = cost_of(records)
    style.dress(axes, xlabel="connections of the median network", ylabel="ms", grid="both",
                title="Processor time a network, 1,000 examples")  # fmt: skip
    axes.plot(size, cost, "o", color=style.BLUE, markersize=4, alpha=0.7, markeredgewidth=0)
    axes.set_xlim(left=0)
    axes.set_ylim(bottom=0)
    return figure
