"""How weights and gradients are spread, layer by layer, over the epochs: a heat strip for each."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import Colormap, LinearSegmentedColormap
from matplotlib.figure import Figure
from numpy.typing import NDArray

from glassnet.nn.functional.arrays import Array
from glassnet.report.figures import style

__all__ = ["histogram_figure", "shown_layers"]

_MOST = 6  # layers that are drawn
_BINS = 41  # of a strip
_SMOOTH = np.array([0.25, 0.5, 0.25])  # of neighbouring bins: a few hundred numbers make ragged counts
_KINDS = (("weight", "Weights"), ("gradient", "Gradients"))

Strip = NDArray[np.float64]


def shown_layers(histograms: Mapping[str, Array]) -> list[str]:
    """The weight tensors that are drawn: all, or of more than six the first, the last and some evenly between them."""
    names = [
        name.removeprefix("weight.") for name in histograms if name.startswith("weight.") and not name.endswith("limit")
    ]
    if len(names) <= _MOST:
        return names
    return [names[place] for place in np.linspace(0, len(names) - 1, _MOST).round().astype(int)]


def histogram_figure(histograms: Mapping[str, Array]) -> Figure:
    """A row for each layer, weights on the left and gradients on the right; a column of a strip is an epoch.

    The darker, the more of the layer's numbers lie at that height, against the fullest height of that epoch. Each strip
    has its own scale.

    Parameters
    ----------
    histograms : mapping of str to array
        As `glassnet.train.callbacks.Histograms` counts them.
    """
    layers = shown_layers(histograms)
    figure = style.new_figure(9.6, 0.75 + 1.35 * max(1, len(layers)))
    grid = figure.subplots(max(1, len(layers)), len(_KINDS), squeeze=False, sharex=True)
    edges = _edges(histograms["epochs"])
    for row, layer in enumerate(layers):
        for axes, (kind, title) in zip(grid[row], _KINDS, strict=True):
            last = row == len(layers) - 1
            style.dress(axes, title=title if row == 0 else "", xlabel="epoch" if last else "", grid="")
            counts, limits = histograms.get(f"{kind}.{layer}"), histograms.get(f"{kind}.{layer}.limit")
            _draw(axes, counts, limits, edges)
            style.whole_ticks(axes)
        grid[row, 0].set_ylabel(
            style.plain(style.shorten(layer.removesuffix(".weight"), 18)), fontsize=9, color=style.GREY
        )
    figure.align_ylabels()
    return figure


def _draw(axes: Axes, counts: Array | None, limits: Array | None, edges: Strip) -> None:
    if counts is None or limits is None or not float(limits.max(initial=0.0)) > 0.0:
        style.empty_note(axes, "none recorded" if counts is None or not counts.any() else "all 0, at every epoch")
        axes.set_yticks([])
        return
    top = float(np.quantile(limits[limits > 0.0], 0.9))
    heights = np.linspace(-top, top, _BINS + 1)
    strip = np.stack([_rebinned(row, float(limit), heights) for row, limit in zip(counts, limits, strict=True)], axis=1)
    strip /= np.maximum(strip.max(axis=0, keepdims=True), 1e-12)
    axes.pcolormesh(edges, heights, np.sqrt(strip), cmap=_colours(), vmin=0.0, shading="flat", rasterized=True)
    axes.set_yticks([-top, 0.0, top], [f"{-top:.1g}", "0", f"{top:.1g}"])
    axes.set_xlim(edges[0], edges[-1])


def _rebinned(counts: Array, limit: float, heights: Strip) -> Strip:
    """Shares of counts in equal bins from -limit to limit, in other bins; what lies outside is in the last ones."""
    total = float(counts.sum())
    if not total:  # nothing was recorded at that epoch
        return np.zeros(len(heights) - 1)
    if limit <= 0.0:
        where = np.searchsorted(heights, 0.0, side="right") - 1
        return np.bincount([where], minlength=len(heights) - 1).astype(np.float64)
    own = np.linspace(-limit, limit, len(counts) + 1)
    below = np.interp(heights, own, np.concatenate([[0.0], np.cumsum(counts)]) / total)
    below[0], below[-1] = 0.0, 1.0
    return np.convolve(np.diff(below), _SMOOTH, mode="same")


def _edges(epochs: Array) -> Strip:
    """Where the column of each epoch begins and ends: half-way to its neighbours."""
    numbers = np.asarray(epochs, np.float64)
    between = (numbers[1:] + numbers[:-1]) / 2.0
    first = numbers[0] - (between[0] - numbers[0] if between.size else 0.5)
    last = numbers[-1] + (numbers[-1] - between[-1] if between.size else 0.5)
    return np.concatenate([[first], between, [last]])


def _colours() -> Colormap:
    return LinearSegmentedColormap.from_list("glassnet_strip", [style.PAPER, "#b5d3ea", style.BLUE, "#062f57"])
