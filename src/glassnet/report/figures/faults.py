"""The doctor's confusion matrix: faults down the side, the cause that was named first across."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from glassnet.report.figures import style

__all__ = ["faults_figure"]

_CELL = 0.17  # inches


def faults_figure(counts: Mapping[str, Mapping[str, int]], right: Mapping[str, Collection[str]]) -> Figure:
    """How often which finding came first.

    Parameters
    ----------
    counts : mapping of str to mapping of str to int
        By fault, how many of its exams named which finding first.
    right : mapping of str to collection of str
        By fault, the findings that are right: blue; others are orange.
    """
    rows, columns = list(counts), _columns(counts)
    picture = np.ones((len(rows), len(columns), 3)) * np.array([0.972, 0.976, 0.983])
    for i, fault in enumerate(rows):
        total = sum(counts[fault].values())
        for j, name in enumerate(columns):
            if count := counts[fault].get(name, 0):
                colour = style.BLUE if name in right.get(fault, ()) else style.ORANGE
                picture[i, j] = style.blend(colour, np.array(0.25 + 0.75 * count / total))
    figure = style.new_figure(3.2 + _CELL * len(columns), 1.9 + _CELL * len(rows))
    axes = figure.subplots()
    axes.imshow(picture, interpolation="nearest", aspect="equal")
    style.dress(axes, grid="")
    axes.set_xticks(np.arange(len(columns)), columns, rotation=90, fontsize=7.5)
    axes.set_yticks(np.arange(len(rows)), rows, fontsize=7.5)
    for line in range(1, len(rows)):
        axes.axhline(line - 0.5, color=style.PAPER, linewidth=0.8)
    for line in range(1, len(columns)):
        axes.axvline(line - 0.5, color=style.PAPER, linewidth=0.8)
    axes.xaxis.tick_top()
    return figure


def _columns(counts: Mapping[str, Mapping[str, int]]) -> Sequence[str]:
    """All findings, in the order in which they first come; what is no finding last."""
    names = dict.fromkeys(name for found in counts.values() for name in found)
    last = [name for name in ("refused", "nothing") if name in names]
    return [*(name for name in names if name not in last), *last]
