"""First-layer kernels of a convolutional network as pictures: the patch of the input that each one answers to."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass

import numpy as np
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray

from glassnet.errors import DataError
from glassnet.report.figures import style
from glassnet.report.figures.matrix import draw_matrix
from glassnet.report.figures.pictures import enlarged, mosaic
from glassnet.report.figures.weights import columns_for
from glassnet.nn import Network
from glassnet.nn.layer import Layer
from glassnet.nn.layers import Conv, Linear

__all__ = ["KernelPictures", "first_weights", "kernel_figure", "kernel_pictures", "matrix_figure", "shown_as_matrix"]

_SIDE = 30  # pixels a side to which small kernels grow, by a whole factor
_MATRIX_ROWS = 64


def first_weights(network: Network) -> tuple[str, Layer] | None:
    """The first layer that multiplies its input with weights, a convolution or an affine layer, and its name."""
    for name, layer in network.walk():
        if isinstance(layer, Conv | Linear):
            return name, layer
    return None


@dataclass(frozen=True, eq=False)
class KernelPictures:
    """Kernels as pictures, each on its own scale, with a bar below that compares it with the largest.

    before, after : (K, H', W', 3) uint8, enlarged by a whole factor, the bar included; `before` may be `None`.
    filters : (K,) which filters, increasing.
    limits : (K,) the weight of full colour of each, after training; 0 is white, or mid-grey in colour.
    largest : the largest of them all, before and after training: that of the longest bar.
    columns : pictures in a row that make the mosaic about square.
    colour : whether the three channels are shown as a colour; else the mean over channels is, on a scale from blue
        over white to red.
    """

    before: NDArray[np.uint8] | None
    after: NDArray[np.uint8]
    filters: NDArray[np.int64]
    limits: NDArray[np.float64]
    largest: float
    columns: int
    colour: bool

    def mosaics(self) -> list[tuple[str, NDArray[np.uint8]]]:
        """Named RGBA mosaics: "before training" (if known) and "after training"."""
        named = [("before training", self.before), ("after training", self.after)]
        return [(name, mosaic(pictures, self.columns, 4)) for name, pictures in named if pictures is not None]


def shown_as_matrix(shape: tuple[int, ...]) -> bool:
    """Whether kernels of shape (kh, kw, c, f) are too small to be pictures."""
    return min(shape[:2]) < 3


def kernel_pictures(before: ArrayLike | None, after: ArrayLike, most: int = 64) -> KernelPictures:
    """Each filter of a convolution as a picture.

    Parameters
    ----------
    before, after : (kh, kw, c, f) weights; `before` may be `None`.
    most : at most this many filters are shown; of more, those whose weights are longest after training, in their own
        order.

    Raises
    ------
    DataError
        The weights do not have four axes, or not one shape.
    """
    last = style.drawable(after)
    first = None if before is None else style.drawable(before)
    if last.ndim != 4 or last.size == 0:
        raise DataError(f"Convolution weights have shape (kh, kw, channels, filters). Got {last.shape} instead.")
    if first is not None and first.shape != last.shape:
        raise DataError(f"Weights before and after must have one shape. Got {first.shape} and {last.shape} instead.")
    filters = strongest(last, most)
    colour = last.shape[2] == 3
    stacks = [None if w is None else _stack(w[..., filters], colour) for w in (first, last)]
    limits = [None if s is None else np.abs(s).max(axis=(1, 2, 3)) for s in stacks]
    largest = max(float(one.max()) for one in limits if one is not None) or 1.0
    drawn = [
        None if s is None or one is None else _paint(s, one, one / largest, colour)
        for s, one in zip(stacks, limits, strict=True)
    ]
    assert drawn[1] is not None and limits[1] is not None
    columns = columns_for(len(filters), drawn[1].shape[1] / drawn[1].shape[2])
    return KernelPictures(drawn[0], drawn[1], filters, limits[1], largest, columns, colour)


def strongest(weights: NDArray[np.float64], most: int) -> NDArray[np.int64]:
    """The `most` last-axis indices with the longest weights, increasing."""
    length = np.linalg.norm(weights.reshape(-1, weights.shape[-1]), axis=0)
    return np.sort(np.argsort(-length, kind="stable")[:most]).astype(np.int64)


def _stack(weights: NDArray[np.float64], colour: bool) -> NDArray[np.float64]:
    # (kh, kw, c, K) -> (K, kh, kw, 3 or 1)
    pictures = np.moveaxis(weights, -1, 0)
    return pictures if colour else pictures.mean(axis=-1, keepdims=True)


def _paint(
    pictures: NDArray[np.float64], limits: NDArray[np.float64], bars: NDArray[np.float64], colour: bool
) -> NDArray[np.uint8]:
    scale = np.where(limits > 0, limits, 1.0)[:, None, None, None]
    level = np.clip(0.5 + 0.5 * pictures / scale, 0.0, 1.0)
    rgb = level if colour else style.diverging()(level[..., 0])[..., :3]
    painted = enlarged(np.rint(255.0 * rgb).astype(np.uint8), _SIDE)
    return np.concatenate([painted, _bars(bars, painted.shape[2])], axis=1)


def _bars(shares: NDArray[np.float64], width: int) -> NDArray[np.uint8]:
    """(K, 4, width, 3): a white line, then a bar three pixels high on a faint track."""
    strip = np.full((len(shares), 4, width, 3), 255, np.uint8)
    strip[:, 1:] = _colour(style.FAINT)
    for picture, share in zip(strip, shares, strict=True):
        picture[1:, : round(share * width)] = _colour(style.BLUE)
    return strip


def _colour(name: str) -> NDArray[np.uint8]:
    return np.rint(255.0 * np.array(to_rgb(name))).astype(np.uint8)


def kernel_figure(before: ArrayLike | None, after: ArrayLike, most: int = 64) -> Figure:
    """The pictures of `kernel_pictures`, before | after; kernels smaller than 3 pixels as `matrix_figure`."""
    if shown_as_matrix(np.shape(after)):
        return matrix_figure(after)
    found = kernel_pictures(before, after, most)
    mosaics = found.mosaics()
    height, width = mosaics[0][1].shape[:2]
    inches = 4.4
    wide = inches * len(mosaics) + 0.2
    note = textwrap.fill(scale_note(found), int(wide / 0.068))
    figure = style.new_figure(wide, max(1.0, inches * height / width) + 0.75 + 0.15 * note.count("\n"))
    axes = figure.subplots(1, len(mosaics), squeeze=False)[0]
    figure.get_layout_engine().set(wspace=0.06)  # type: ignore[union-attr,call-arg]
    for one, (name, picture) in zip(axes, mosaics, strict=True):
        one.imshow(picture, interpolation="nearest")
        style.dress(one, title=name.capitalize(), grid="")
        style.pictures_off(one)
    figure.supxlabel(note, x=0.02, ha="left", fontsize=8, color=style.GREY)
    return figure


def scale_note(found: KernelPictures) -> str:
    """How to read the colours and bars."""
    zero = "mid-grey" if found.colour else "white"
    low, high = found.limits.min(), found.limits.max()
    return (
        f"Each on its own scale, 0 {zero}, full colour at ±{low:.2g} to ±{high:.2g}; bars: against the largest,"
        f" ±{found.largest:.2g}"
    )


def matrix_figure(weights: ArrayLike) -> Figure:
    """Small kernels (kh, kw, c, f) as a matrix: a column for each filter, a row for each place and channel.

    Of more than 64 filters or rows the strongest are shown, in their own order.
    """
    last = style.drawable(weights)
    if last.ndim != 4 or last.size == 0:
        raise DataError(f"Convolution weights have shape (kh, kw, channels, filters). Got {last.shape} instead.")
    kh, kw, channels, _ = last.shape
    matrix = last.reshape(kh * kw * channels, -1)
    filters, rows = strongest(matrix, _MATRIX_ROWS), strongest(matrix.T, _MATRIX_ROWS)
    names = _row_names(kh, kw, channels)
    figure = style.new_figure(
        float(np.clip(1.6 + 0.13 * len(filters), 3.0, 10.0)), float(np.clip(0.9 + 0.17 * len(rows), 1.7, 11.0))
    )
    axes = figure.subplots()
    draw_matrix(axes, matrix[np.ix_(rows, filters)])
    axes.set_aspect("auto")
    axes.tick_params(length=0, labelsize=7, labelcolor=style.GREY)
    axes.set_yticks(range(len(rows)), [names[row] for row in rows])
    each = max(1, len(filters) // 16)
    axes.set_xticks(range(0, len(filters), each), [str(filters[i]) for i in range(0, len(filters), each)])
    limit = float(np.abs(matrix).max())
    style.dress(axes, title="Weights of the first layer", grid="", xlabel=f"filter (full colour at ±{limit:.2g})")
    for spine in axes.spines.values():
        spine.set_visible(False)
    axes.tick_params(labelsize=7, pad=2)
    return figure


def _row_names(kh: int, kw: int, channels: int) -> list[str]:
    colours = ["red", "green", "blue"] if channels == 3 else [f"channel {c}" for c in range(channels)]
    if channels == 1:
        colours = ["input"]
    if (kh, kw) == (1, 1):
        return colours
    return [f"{colour} {i},{j}" for i in range(kh) for j in range(kw) for colour in colours]
