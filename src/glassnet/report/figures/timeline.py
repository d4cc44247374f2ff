"""Figures of a video: which classes are seen when, and how probable what is looked for is."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from glassnet.report.figures import style
from glassnet.watch import Watched

__all__ = ["labels_figure", "probability_figure"]

_ROWS, _NARROW_ROWS = 10, 6  # classes
_BINS, _NARROW_BINS = 900, 300  # places along the time axis
_FEWEST_CHARACTERS = 12

Floats = NDArray[np.float64]


def labels_figure(found: Watched, *, narrow: bool = False) -> Figure:
    """A row for each of the most frequent labels, dark where it is probable; a line where it is the smoothed label.

    `narrow`: as a phone shows it.
    """
    line = found.timeline
    rows = [label for label, _, _ in found.counts()[: _NARROW_ROWS if narrow else _ROWS]]
    figure = style.new_figure(style.NARROW if narrow else 9.4, 0.34 * len(rows) + 1.0)
    axes = figure.subplots()
    edges, starts = _bins(found, _NARROW_BINS if narrow else _BINS)
    for place, label in enumerate(rows):
        own = np.where(line.classes == label, line.probabilities, 0.0).max(axis=1)
        strength = np.maximum.reduceat(own, starts)
        colour = style.GREEN if label in found.expect else style.BLUE
        strip = style.blend(colour, np.where(strength > 0, 0.08 + 0.92 * strength, 0.0))[None]
        axes.imshow(strip, extent=(edges[0], edges[-1], place + 0.36, place - 0.36), aspect="auto",
                    interpolation="nearest")  # fmt: skip
        if found.window:
            shown = np.maximum.reduceat((line.smoothed == label).astype(np.int64), starts) > 0
            axes.fill_between(np.repeat(edges, 2)[1:-1], place + 0.36, place + 0.44, where=np.repeat(shown, 2),
                              color=style.INK, linewidth=0)  # fmt: skip
    longest = _FEWEST_CHARACTERS if narrow else 26
    axes.set_yticks(range(len(rows)), [style.plain(style.shorten(found.class_names[row], longest)) for row in rows])
    style.dress(axes, grid="x", xlabel="seconds")
    axes.set_xlim(edges[0], edges[-1])
    axes.set_ylim(len(rows) - 0.5, -0.5)
    return figure


def probability_figure(found: Watched, *, narrow: bool = False) -> Figure:
    """The probability of the expected classes over time, or of the label where nothing is expected; raw and smoothed.

    `narrow`: as a phone shows it.
    """
    line = found.timeline
    if line.expected is not None and line.smoothed_expected is not None:
        raw, smoothed = line.expected, line.smoothed_expected
        name = found.expected_names
    else:
        raw, smoothed, name = line.probabilities[:, 0], line.smoothed_probability, "the label"
    figure = style.new_figure(style.NARROW if narrow else 9.4, 2.6)
    axes = figure.subplots()
    edges, starts = _bins(found, _NARROW_BINS if narrow else _BINS)
    middle = (edges[:-1] + edges[1:]) / 2
    if len(line) > len(middle):
        low, high = np.minimum.reduceat(raw, starts), np.maximum.reduceat(raw, starts)
        axes.fill_between(middle, low, high, color=style.BLUE, alpha=0.35, linewidth=0, label="each frame")
    else:
        axes.plot(line.times, raw, color=style.BLUE, linewidth=1.0, marker="." if len(line) < 120 else "",
                  markersize=4, label="each frame")  # fmt: skip
    if found.window:
        at, shown = (middle, smoothed[starts]) if len(line) > len(middle) else (line.times, smoothed)
        axes.plot(at, shown, color=style.ORANGE, linewidth=1.8, label=f"mean over {found.window:g} s")
    title = f"probability of {style.shorten(name, 18 if narrow else 60)}"
    style.dress(axes, title=title, grid="both", xlabel="seconds")
    axes.set_xlim(edges[0], edges[-1])
    axes.set_ylim(-0.02, 1.02)
    style.percent_axis(axes.yaxis)
    style.figure_legend(figure)
    return figure


def _bins(found: Watched, most: int) -> tuple[Floats, NDArray[Any]]:
    """(edges (B + 1,) in seconds, first frame of each of B bins): a frame is shown until the next one."""
    times = found.timeline.times
    step = found.seconds / len(times) or 1.0
    ends = np.append(times, times[-1] + step)
    moments, first = np.unique(times, return_index=True)  # frames at one time are one moment
    if len(moments) <= most:
        return np.append(moments, ends[-1]), first
    edges = np.linspace(ends[0], ends[-1], most + 1)
    starts = np.unique(np.maximum(np.searchsorted(times, edges[:-1], side="right") - 1, 0))
    return np.append(times[starts], ends[-1]), starts
