"""Figures of attacks: the way over a boundary, who turns into whom, robust accuracy and corruptions as curves."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from glassnet.attack import Robustness
from glassnet.metrics import wilson_interval
from glassnet.report.figures import style

__all__ = ["boundary_figure", "corruption_figure", "robustness_figure", "turning_figure"]

Floats = NDArray[np.float64]


def boundary_figure(ways: Sequence[tuple[str, str, Floats, Floats, Floats]], *, narrow: bool = False) -> Figure:
    """How the probabilities change on the straight way from a picture over its fooling one and beyond.

    Parameters
    ----------
    ways : sequence of (label, target, places (k,), label's probabilities (k,), target's probabilities (k,))
        Place 0 is the picture, 1 the fooling one.
    narrow : bool
        As a phone shows it.
    """
    columns = min(2 if narrow else 3, len(ways))
    rows = math.ceil(len(ways) / columns)
    width, high = (style.NARROW, 1.5) if narrow else (3.4 * columns + 0.4, 2.1)
    figure = style.new_figure(width, high * rows + (0.9 if narrow else 0.5))
    grid = figure.subplots(rows, columns, squeeze=False, sharex=True, sharey=True).ravel()
    for axes, (label, target, places, before, after) in zip(grid, ways, strict=False):
        style.dress(axes, title=f"{style.shorten(label, 14)} to {style.shorten(target, 14)}", grid="both")
        axes.axvline(1, color=style.GREY, linewidth=0.9, linestyle=(0, (4, 3)), label="fooling picture")
        axes.plot(places, before, color=style.BLUE, linewidth=1.8, label="the picture's class")
        axes.plot(places, after, color=style.ORANGE, linewidth=1.8, label="the wanted class")
        axes.set_ylim(-0.02, 1.02)
        axes.set_xlim(places[0], places[-1])
        style.percent_axis(axes.yaxis)
    for axes in grid[len(ways) :]:
        axes.set_visible(False)
    for axes in grid[max(0, len(ways) - columns) : len(ways)]:
        axes.set_xlabel("share of the change", fontsize=9, color=style.GREY)
        axes.tick_params(labelbottom=True)
    style.figure_legend(figure, 1 if narrow else None)
    return figure


def turning_figure(values: Floats, names: Sequence[str], unit: str, *, narrow: bool = False) -> Figure:
    """Who turns into whom: a matrix (K, K), rows the right classes, columns the wanted ones; NaN is left empty.

    A darker cell is a smaller change: a nearer neighbour. `narrow`: as a phone shows up to 16 classes.
    """
    classes = len(names)
    size = float(np.clip(3.2 + 0.32 * classes, 4.6, 13.0))
    figure = style.new_figure(style.NARROW, style.NARROW) if narrow else style.new_figure(size + 0.8, size)
    axes = figure.subplots()
    there = np.isfinite(values)
    low, high = (float(values[there].min()), float(values[there].max())) if there.any() else (0.0, 1.0)
    near = 1 - (values - low) / max(high - low, 1e-12)
    picture = style.blend(style.BLUE, np.where(there, 0.06 + 0.8 * np.nan_to_num(near), 0))
    axes.imshow(picture, interpolation="nearest", aspect="equal")
    for line in range(1, classes):
        axes.axhline(line - 0.5, color=style.PAPER, linewidth=1.2)
        axes.axvline(line - 0.5, color=style.PAPER, linewidth=1.2)
    if classes <= 16:
        size_of_text = min(8.0, 54 / classes) if narrow else 8.0
        for (i, j), value in np.ndenumerate(values):
            if there[i, j]:
                dark = float(picture[i, j] @ np.array([0.299, 0.587, 0.114])) < 0.62
                colour = style.PAPER if dark else style.INK
                axes.text(j, i, f"{value:.2g}", ha="center", va="center", fontsize=size_of_text,
                          color=colour)  # fmt: skip
    style.dress(axes, grid="", xlabel="taken for", ylabel="is", title=unit)
    texts = [style.plain(style.shorten(name, 14)) for name in names]
    flat = max(map(len, texts)) <= 3
    axes.set_xticks(range(classes), texts, rotation=0 if flat else 90, fontsize=8.5)
    axes.set_yticks(range(classes), texts, fontsize=8.5)
    for spine in axes.spines.values():
        spine.set_visible(False)
    return figure


def robustness_figure(results: Sequence[Robustness], *, narrow: bool = False) -> Figure:
    """Robust accuracy by the size of the change, one panel for each norm, with the 95 % interval at each size.

    `narrow`: one above the other, as a phone shows it.
    """
    count = len(results)
    figure = style.new_figure(style.NARROW, 2.9 * count + 0.4) if narrow else style.new_figure(5.6 * count, 3.7)
    grid = figure.subplots(count, 1, squeeze=False) if narrow else figure.subplots(1, count, squeeze=False)
    for axes, found in zip(grid.ravel(), results, strict=True):
        largest = found.eps[-1]
        sizes = np.sort(found.sizes[np.isfinite(found.sizes) & (found.sizes <= largest)])
        places = np.unique(np.concatenate([[0.0], sizes[sizes > 0], found.eps]))
        label = "largest change of a pixel" if found.norm == "linf" else "length of the change (l2)"
        style.dress(axes, grid="both", xlabel=label, ylabel="accuracy", title=found.norm)
        axes.step(places, [found.accuracy(place) for place in places], where="post", color=style.BLUE, linewidth=1.8,
                  label="under the whole ensemble")  # fmt: skip
        rates = np.array([found.accuracy(eps) for eps in found.eps])
        low, high = np.array([found.interval(eps) for eps in found.eps]).T
        axes.errorbar(found.eps, rates, yerr=[rates - low, high - rates], fmt="o", color=style.BLUE, capsize=3,
                      markersize=4, linewidth=1.2)  # fmt: skip
        alone = [(eps, found.alone[eps, "FGSM"]) for eps in found.eps if (eps, "FGSM") in found.alone]
        if alone:
            axes.plot(*zip(*alone, strict=True), color=style.ORANGE, marker="s", markersize=4, linewidth=1.1,
                      linestyle=(0, (4, 3)), label="under FGSM alone")  # fmt: skip
        axes.set_ylim(0, 1.02)
        axes.set_xlim(0, largest * 1.04)
        style.percent_axis(axes.yaxis)
    style.figure_legend(figure, 1 if narrow else None)
    return figure


def corruption_figure(
    rates: Mapping[str, Sequence[int]],
    clean: int,
    count: int,
    matched: Mapping[str, tuple[float, float]] | None = None,
    *,
    narrow: bool = False,
) -> Figure:
    """Accuracy by severity, a small panel for each corruption with its 95 % interval.

    Parameters
    ----------
    rates : mapping of str to sequence of int
        How many pictures are right at severities 1, 2, ...
    clean : int
        How many of the pictures as they are.
    count : int
        How many pictures there are.
    matched : mapping of str to (float, float), optional
        By corruption a severity to mark, and the accuracy there.
    narrow : bool
        As a phone shows it.
    """
    columns = min(2 if narrow else 4 if len(rates) <= 8 else 5, len(rates))
    rows = math.ceil(len(rates) / columns)
    width, high = (style.NARROW, 1.45) if narrow else (2.15 * columns + 0.4, 1.9)
    figure = style.new_figure(width, high * rows + 0.4)
    grid = figure.subplots(rows, columns, squeeze=False, sharex=True, sharey=True).ravel()
    for axes, (kind, right) in zip(grid, rates.items(), strict=False):
        counts = [clean, *right]
        low, high = np.array([wilson_interval(value, count) for value in counts]).T
        places = np.arange(len(counts))
        style.dress(axes, title=kind, grid="both")
        axes.fill_between(places, low, high, color=style.BLUE, alpha=0.15, linewidth=0)
        axes.plot(places, np.array(counts) / count, color=style.BLUE, marker="o", markersize=3, linewidth=1.5)
        if matched and kind in matched:
            axes.plot(*matched[kind], color=style.ORANGE, marker="D", markersize=6, linestyle="none", zorder=3)
        axes.set_ylim(0, 1.02)
        axes.set_xticks(places)
        style.percent_axis(axes.yaxis)
    for axes in grid[len(rates) :]:
        axes.set_visible(False)
    for axes in grid[(rows - 1) * columns : len(rates)]:
        axes.set_xlabel("severity", fontsize=9, color=style.GREY)
    return figure
