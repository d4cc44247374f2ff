"""First-layer weights as pictures, before training and after: what each unit or filter looks for in the input."""

from __future__ import annotations

import math
import textwrap
from dataclasses import dataclass

import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize, to_rgb
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray

from glassnet.errors import DataError
from glassnet.nn import Network
from glassnet.nn.layer import Layer
from glassnet.nn.layers import Conv, Linear
from glassnet.report.figures import style
from glassnet.report.figures.pictures import enlarged, mosaic
from glassnet.report.figures.weight_matrix import strongest

__all__ = [
    "WeightPictures",
    "first_weights",
    "kernel_figure",
    "kernel_pictures",
    "unit_figure",
    "unit_pictures",
]

_SIDE = 30  # pixels a side to which small kernels grow, by a whole factor
_BAR = 4  # pixels below a kernel: a white line and a bar
_MOST = 64  # units or filters that are shown
_INCHES = 4.4  # of a mosaic

Weights = NDArray[np.float64]
Pictures = NDArray[np.uint8]


def first_weights(network: Network) -> tuple[str, Layer] | None:
    """The first layer that multiplies its input with weights, a convolution or an affine layer, and its name.

    Examples
    --------
    >>> from glassnet import Network
    >>> from glassnet.report import first_weights
    >>> first_weights(Network("conv 3x3, 4 -> relu -> linear 3", (9, 9, 1)))[0]
    '1.conv'
    """
    for name, layer in network.walk():
        if isinstance(layer, Conv | Linear):
            return name, layer
    return None


@dataclass(frozen=True, eq=False)
class WeightPictures:
    """The weights of K units or filters as pictures.

    Attributes
    ----------
    before, after : (K, H, W, 3) uint8 array
        Before training (`None` if not known) and after it.
    shown : (K,) int64
        Which units or filters these are, increasing.
    limits : (K,) float64 array
        The weight of each that has the strongest colour; 0 is white, or mid-grey in colour.
    largest : float
        The largest of all limits, before training and after.
    colour : bool
        Whether the three channels are shown as a colour; else their mean is, from blue over white to red.
    columns, gap : int
        Pictures in a row of a mosaic that is about square, and the pixels between them.
    """

    before: Pictures | None
    after: Pictures
    shown: NDArray[np.int64]
    limits: Weights
    largest: float
    colour: bool
    columns: int
    gap: int

    def mosaics(self) -> list[tuple[str, Pictures]]:
        """Named RGBA mosaics: "before training" (if known) and "after training"."""
        named = [("before training", self.before), ("after training", self.after)]
        return [(name, mosaic(pictures, self.columns, self.gap)) for name, pictures in named if pictures is not None]


def unit_pictures(
    before: ArrayLike | None, after: ArrayLike, image_shape: tuple[int, int, int], most: int = _MOST
) -> WeightPictures:
    """Each unit of an affine layer as the picture that it multiplies the input with, all on one scale.

    The scale ends at the 99.8 % quantile of |weight|, so that a few outliers do not bleach the rest.

    Parameters
    ----------
    before, after : (in, out)
        Weights with in = H * W * C; `before` may be `None`.
    image_shape : (H, W, C)
        Of the layer's input.
    most : int
        Of more units, those whose weights are longest after training, in their own order.

    Raises
    ------
    DataError
        The shapes do not fit each other or the image.

    Examples
    --------
    >>> from glassnet.report import unit_figure, unit_pictures
    >>> weights = np.random.default_rng(0).normal(size=(64, 5))
    >>> type(unit_figure(unit_pictures(None, weights, (8, 8, 1)))).__name__
    'Figure'
    """
    first, last = _drawable(before, after)
    shape = tuple(int(side) for side in image_shape)
    if len(shape) != 3 or last.ndim != 2 or last.size == 0 or last.shape[0] != math.prod(shape):
        raise DataError(f"First-layer weights of shape {last.shape} do not fit an input of H x W x C = {image_shape}.")
    shown = strongest(last, most)
    stacks = [_stack(w[:, shown].reshape(*shape, -1)) for w in (first, last) if w is not None]
    limit = max(float(np.quantile(np.abs(stack), 0.998)) for stack in stacks) or 1.0
    limits = np.full(len(shown), limit)
    *rest, after_ = [_paint(stack, limits) for stack in stacks]
    columns, gap = columns_for(len(shown), shape[0] / shape[1]), max(1, shape[0] // 14)
    return WeightPictures(_only(rest), after_, shown, limits, limit, shape[2] == 3, columns, gap)


def kernel_pictures(before: ArrayLike | None, after: ArrayLike, most: int = _MOST) -> WeightPictures:
    """Each filter of a convolution as a picture on its own scale, with a bar below: its size against the largest.

    Parameters
    ----------
    before, after : (kh, kw, c, f)
        Weights; `before` may be `None`. Pictures grow by a whole factor.
    most : int
        Of more filters, those whose weights are longest after training, in their own order.

    Raises
    ------
    DataError
        The weights do not have four axes, or not one shape.

    Examples
    --------
    >>> from glassnet.report import kernel_figure, kernel_pictures
    >>> type(kernel_figure(kernel_pictures(None, np.random.default_rng(0).normal(size=(3, 3, 1, 4))))).__name__
    'Figure'
    """
    first, last = _drawable(before, after)
    if last.ndim != 4 or last.size == 0:
        raise DataError(f"Convolution weights have shape (kh, kw, channels, filters). Got {last.shape} instead.")
    shown = strongest(last, most)
    stacks = [_stack(w[..., shown]) for w in (first, last) if w is not None]
    limits = [np.abs(stack).max(axis=(1, 2, 3)) for stack in stacks]
    largest = max(float(one.max()) for one in limits) or 1.0
    *rest, after_ = [
        _with_bars(enlarged(_paint(stack, one), _SIDE), one / largest)
        for stack, one in zip(stacks, limits, strict=True)
    ]
    columns = columns_for(len(shown), after_.shape[1] / after_.shape[2])
    return WeightPictures(_only(rest), after_, shown, limits[-1], largest, last.shape[2] == 3, columns, _BAR)


def _drawable(before: ArrayLike | None, after: ArrayLike) -> tuple[Weights | None, Weights]:
    first, last = None if before is None else style.drawable(before), style.drawable(after)
    if first is not None and first.shape != last.shape:
        raise DataError(f"Weights before and after must have one shape. Got {first.shape} and {last.shape} instead.")
    return first, last


def _only(pictures: list[Pictures]) -> Pictures | None:
    return pictures[0] if pictures else None


def columns_for(count: int, height_to_width: float) -> int:
    """Columns that make the whole about square; of the nearest few, those with the fewest gaps in the last row."""
    square = math.ceil(math.sqrt(count * height_to_width))
    return min(count, min(range(square, square + 3), key=lambda columns: (-count % columns, columns)))


def _stack(weights: Weights) -> Weights:
    """(H, W, C, K) -> (K, H, W, 3 or 1): three channels are kept, others averaged."""
    pictures = np.moveaxis(weights, -1, 0)
    return pictures if pictures.shape[-1] == 3 else pictures.mean(axis=-1, keepdims=True)


def _paint(stack: Weights, limits: Weights) -> Pictures:
    scale = np.where(limits > 0, limits, 1.0)[:, None, None, None]
    level = np.clip(0.5 + 0.5 * stack / scale, 0.0, 1.0)
    rgb = level if level.shape[-1] == 3 else style.diverging()(level[..., 0])[..., :3]
    return np.rint(255.0 * rgb).astype(np.uint8)


def _with_bars(pictures: Pictures, shares: Weights) -> Pictures:
    """Pictures with a white line below, then a bar three pixels high on a faint track."""
    width = pictures.shape[2]
    strip = np.full((len(shares), _BAR, width, 3), 255, np.uint8)
    strip[:, 1:] = _colour(style.FAINT)
    for one, share in zip(strip, shares, strict=True):
        one[1:, : round(share * width)] = _colour(style.BLUE)
    return np.concatenate([pictures, strip], axis=1)


def _colour(name: str) -> Pictures:
    return np.rint(255.0 * np.array(to_rgb(name))).astype(np.uint8)


def unit_figure(found: WeightPictures) -> Figure:
    """The pictures of `unit_pictures`, before | after, with a colour bar for one channel.

    Examples
    --------
    >>> from glassnet.report import unit_figure, unit_pictures
    >>> weights = np.random.default_rng(0).normal(size=(64, 5))
    >>> type(unit_figure(unit_pictures(None, weights, (8, 8, 1)))).__name__
    'Figure'
    """
    mosaics = found.mosaics()
    height, width = mosaics[0][1].shape[:2]
    figure = style.new_figure(_INCHES * len(mosaics) + 0.9, max(1.5, _INCHES * height / width + 0.5))
    axes = _draw_mosaics(figure, mosaics, 0.05)
    if not found.colour:
        scale = ScalarMappable(Normalize(-found.largest, found.largest), style.diverging())
        bar = figure.colorbar(scale, ax=list(axes), shrink=0.7, aspect=24, pad=0.02)
        bar.outline.set_visible(False)  # type: ignore[operator]
        bar.ax.tick_params(length=0, labelsize=8, labelcolor=style.GREY)
    return figure


def kernel_figure(found: WeightPictures) -> Figure:
    """The pictures of `kernel_pictures`, before | after, with a note on how to read the colours and bars.

    Examples
    --------
    >>> from glassnet.report import kernel_figure, kernel_pictures
    >>> kernels = kernel_pictures(None, np.random.default_rng(0).normal(size=(3, 3, 1, 4)))
    >>> type(kernel_figure(kernels)).__name__
    'Figure'
    """
    mosaics = found.mosaics()
    height, width = mosaics[0][1].shape[:2]
    wide = _INCHES * len(mosaics) + 0.2
    zero = "mid-grey" if found.colour else "white"
    note = (
        f"Each on its own scale, 0 {zero}, full colour at ±{found.limits.min():.2g} to ±{found.limits.max():.2g};"
        f" bars: against the largest, ±{found.largest:.2g}"
    )
    note = textwrap.fill(note, int(wide / 0.068))
    figure = style.new_figure(wide, max(1.0, _INCHES * height / width) + 0.75 + 0.15 * note.count("\n"))
    _draw_mosaics(figure, mosaics, 0.06)
    figure.supxlabel(note, x=0.02, ha="left", fontsize=8, color=style.GREY)
    return figure


def _draw_mosaics(figure: Figure, mosaics: list[tuple[str, Pictures]], gap: float) -> NDArray[np.object_]:
    axes: NDArray[np.object_] = figure.subplots(1, len(mosaics), squeeze=False)[0]
    figure.get_layout_engine().set(wspace=gap)  # type: ignore[union-attr,call-arg]
    for one, (name, picture) in zip(axes, mosaics, strict=True):
        one.imshow(picture, interpolation="nearest")
        style.dress(one, title=name.capitalize(), grid="")
        style.pictures_off(one)
    return axes
