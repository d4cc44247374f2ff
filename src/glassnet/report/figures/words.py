"""Visual words as pictures: all of them, and those that speak for each class."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from glassnet.classic import BagOfWords
from glassnet.report.figures import style
from glassnet.report.figures.pictures import as_rgb, enlarged, mosaic

__all__ = ["evidence_figure", "words_figure"]

_MOST = 200  # words that are shown
_SPREAD = 0.22  # standard deviation of a mean patch as it is shown, of 0 ... 1
_SIDE = 40  # pixels a side to which small patches grow
_FOR = 8  # words shown for a class, and half as many on a phone

Floats = NDArray[np.float64]


def words_figure(words: BagOfWords, *, narrow: bool = False) -> Figure:
    """The mean patch of each word, its contrast stretched, and the patch nearest to it; the most frequent first."""
    order = np.argsort(-words.frequencies_, kind="stable")
    order = order[words.frequencies_[order] > 0][: _MOST // 2 if narrow else _MOST]
    columns = 10 if narrow else 25
    rows = math.ceil(len(order) / columns)
    width = style.NARROW if narrow else 11.0
    figure = style.new_figure(width, 2 * (0.35 + rows * width / columns * 1.04))
    shown = (
        ("Mean of the patches of each word", stretched(words.patches_)),
        ("The patch nearest to each word", words.examples_),
    )
    for axes, (title, patches) in zip(figure.subplots(2, 1), shown, strict=True):
        pictures = enlarged(as_rgb(patches[order]), _SIDE)
        axes.imshow(mosaic(pictures, columns, gap=3), interpolation="nearest")
        style.dress(axes, title=title, grid="")
        style.pictures_off(axes)
    return figure


def stretched(patches: NDArray[np.float32]) -> NDArray[np.float32]:
    """Patches (K, S, S, C) about mid-grey, each with the same contrast: means of many patches are pale."""
    moved = patches - patches.mean(axis=(1, 2), keepdims=True)
    spread = moved.std(axis=(1, 2, 3), keepdims=True)
    return np.asarray(np.clip(0.5 + moved * _SPREAD / np.maximum(spread, 1e-6), 0, 1), np.float32)


def evidence_figure(words: BagOfWords, evidence: Floats, names: Sequence[str], *, narrow: bool = False) -> Figure:
    """For each class the words that speak for it most: mean patch and nearest patch, and how much each adds.

    Parameters
    ----------
    words : BagOfWords
        Fitted.
    evidence : (classes, K) array
        See `BagOfWordsClassifier`.
    names : sequence of str
        Of the classes.
    narrow : bool
        As a phone shows it.
    """
    count = min(_FOR // 2 if narrow else _FOR, evidence.shape[1])
    means = stretched(words.patches_)
    width = style.NARROW if narrow else 10.0
    left = 1.25 if narrow else 1.6
    cell = (width - left) / count
    figure = style.new_figure(width, len(names) * (cell / 2 + 0.34))
    figure.set_layout_engine("none")
    height = 1 / len(names)
    for row, (name, own) in enumerate(zip(names, evidence, strict=True)):
        bottom = 1 - (row + 1) * height
        figure.text(0.01, bottom + 0.62 * height, style.plain(style.shorten(name, 14 if narrow else 20)), va="center",
                    fontsize=9, color=style.INK)  # fmt: skip
        for place, word in enumerate(np.argsort(-own, kind="stable")[:count]):
            pair = enlarged(as_rgb(np.stack([means[word], words.examples_[word]])), _SIDE)
            axes = figure.add_axes(
                ((left + place * cell) / width, bottom + 0.28 * height, 0.92 * cell / width, 0.68 * height)
            )
            axes.imshow(mosaic(pair, 2, gap=2), interpolation="nearest")
            axes.set_anchor("N")
            style.pictures_off(axes)
            axes.set_xlabel(f"{own[word]:+.2f}", fontsize=7.5, color=style.GREY, labelpad=2)
    return figure
