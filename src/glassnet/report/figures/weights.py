"""First-layer weights as pictures: what each unit looks for in the input, before training and after."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray

from glassnet.errors import DataError
from glassnet.report.figures import style
from glassnet.report.figures.pictures import mosaic

__all__ = ["WeightPictures", "columns_for", "weight_figure", "weight_pictures"]


@dataclass(frozen=True, eq=False)
class WeightPictures:
    """Weights of K units as pictures on one scale.

    before, after : (K, H, W, 3) uint8; `before` is `None` if it was not given.
    units : (K,) indices of the units, increasing.
    limit : the weight that has the strongest colour; 0 is white (one channel) or mid-grey (RGB).
    columns : pictures in a row that make the mosaic about square.
    """

    before: NDArray[np.uint8] | None
    after: NDArray[np.uint8]
    units: NDArray[np.int64]
    limit: float
    columns: int
    colour: bool

    def mosaics(self) -> list[tuple[str, NDArray[np.uint8]]]:
        """Named RGBA mosaics: "before training" (if known) and "after training"."""
        gap = max(1, self.after.shape[1] // 14)
        named = [("before training", self.before), ("after training", self.after)]
        return [(name, mosaic(pictures, self.columns, gap)) for name, pictures in named if pictures is not None]


def weight_pictures(
    before: ArrayLike | None, after: ArrayLike, image_shape: tuple[int, int, int], most: int = 64
) -> WeightPictures:
    """Reshape each column of first-layer weights to the picture it is multiplied with.

    Parameters
    ----------
    before, after : (in, out) weights with in = H * W * C; `before` may be `None`.
    image_shape : (H, W, C) of the layer's input.
    most : at most this many units are shown; of more, those whose weights are longest after training, in their own
        order.

    With three channels each weight is a colour level, 0 mid-grey; else the mean over channels on a blue-white-red
    scale. Both states share one symmetric scale, which ends at the 99.8 % quantile of |weight| so that a few outliers
    don't bleach the rest.

    Raises
    ------
    DataError
        The shapes do not fit each other or the image.
    """
    last = style.drawable(after)
    first = None if before is None else style.drawable(before)
    shape = tuple(int(side) for side in image_shape)
    if len(shape) != 3 or last.ndim != 2 or last.size == 0 or last.shape[0] != math.prod(shape):
        raise DataError(f"First-layer weights of shape {last.shape} do not fit an input of H x W x C = {image_shape}.")
    if first is not None and first.shape != last.shape:
        raise DataError(f"Weights before and after must have one shape. Got {first.shape} and {last.shape} instead.")
    units = np.sort(np.argsort(-np.linalg.norm(last, axis=0), kind="stable")[:most]).astype(np.int64)
    stacks = [None if w is None else _stack(w[:, units], shape) for w in (first, last)]
    limit = max((float(np.quantile(np.abs(s), 0.998)) for s in stacks if s is not None), default=0.0) or 1.0
    colour = shape[2] == 3
    drawn = [None if s is None else _paint(s, limit, colour) for s in stacks]
    columns = columns_for(len(units), shape[0] / shape[1])
    if drawn[1] is None:  # pragma: no cover - `after` is always given
        raise DataError("The weights after training are missing.")
    return WeightPictures(drawn[0], drawn[1], units, limit, columns, colour)


def columns_for(count: int, height_to_width: float) -> int:
    """Columns that make the whole about square; of the nearest few, those with the fewest gaps in the last row."""
    square = math.ceil(math.sqrt(count * height_to_width))
    return min(count, min(range(square, square + 3), key=lambda columns: (-count % columns, columns)))


def _stack(weights: NDArray[np.float64], shape: tuple[int, ...]) -> NDArray[np.float64]:
    # (H*W*C, K) -> (K, H, W, C); three channels are kept, others averaged
    pictures = weights.T.reshape(-1, *shape)
    return pictures if shape[2] == 3 else pictures.mean(axis=-1, keepdims=True)


def _paint(pictures: NDArray[np.float64], limit: float, colour: bool) -> NDArray[np.uint8]:
    level = np.clip(0.5 + 0.5 * pictures / limit, 0.0, 1.0)
    rgb = level if colour else style.diverging()(level[..., 0])[..., :3]
    return np.rint(255.0 * rgb).astype(np.uint8)


def weight_figure(
    before: ArrayLike | None, after: ArrayLike, image_shape: tuple[int, int, int], most: int = 64
) -> Figure:
    """The pictures of `weight_pictures`, before | after, with a colour bar for one channel; arguments as there."""
    found = weight_pictures(before, after, image_shape, most)
    mosaics = found.mosaics()
    height, width = mosaics[0][1].shape[:2]
    inches = 4.4
    figure = style.new_figure(inches * len(mosaics) + 0.9, max(1.5, inches * height / width + 0.5))
    axes = figure.subplots(1, len(mosaics), squeeze=False)[0]
    figure.get_layout_engine().set(wspace=0.05)  # type: ignore[union-attr,call-arg]
    for one, (name, picture) in zip(axes, mosaics, strict=True):
        one.imshow(picture, interpolation="nearest")
        style.dress(one, title=name.capitalize(), grid="")
        style.pictures_off(one)
    if not found.colour:
        scale = ScalarMappable(Normalize(-found.limit, found.limit), style.diverging())
        bar = figure.colorbar(scale, ax=list(axes), shrink=0.7, aspect=24, pad=0.02)
        bar.outline.set_visible(False)  # type: ignore[operator]
        bar.ax.tick_params(length=0, labelsize=8, labelcolor=style.GREY)
    return figure
