"""Filtering pictures: a convolution, by the same operation that the layers of a network use.

    result[i, j] = sum over a, b, c of  picture[i + a - top, j + b - left, c]  kernel[a, b]  mix[c]

where (top, left) = ((kh - 1) // 2, (kw - 1) // 2), so that an odd kernel is centred on its pixel and an even one lies
half a pixel further down and to the right, and `mix` are the channel's weights (`filters.CHANNELS`). The result has
the picture's size: beyond the border the pixels are 0, or repeat the last one, or are those of the picture reflected
at its last row or column.

The picture is worked through in strips of rows with the kernel's reach above and below, so that beside the picture and
its result only a few megabytes are needed. A kernel that is a column times a row, as the Gaussian is, is applied as
two convolutions, of kh + kw instead of kh kw weights.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from glassnet import threads
from glassnet.errors import DataError, nearest
from glassnet.files import exists
from glassnet.filters.files import read_filter
from glassnet.filters.kernels import CHANNELS, NAMES, Filter, make_filter, matrix_filter
from glassnet.nn.functional import conv2d_forward
from glassnet.nn.functional.workspace import Arena

__all__ = ["EDGES", "Filtered", "apply_filter", "choose_filter", "filter_picture"]

EDGES = ("reflect", "repeat", "zero")
_STRIP_VALUES = 1 << 21  # numbers of a strip: 8 MB in float32
_BINS = 8192  # of the histogram of results
_FEW = 0.001  # share of results at either end that 'stretch' and 'centre' leave out of account
_PIECE = 1 << 16  # numbers of a column strip's row, for pictures that are extremely wide


@dataclass(frozen=True, eq=False)
class Filtered:
    """A filtered picture and how its numbers became pixels.

    Attributes
    ----------
    picture : (H, W, C) uint8 array
    lowest, highest : float
        The smallest and the largest number before they became pixels.
    outside : float
        Share of them that were cut off at 0 or 255.

    Examples
    --------
    >>> from glassnet.filters import apply_filter, make_filter
    >>> apply_filter(np.full((5, 5), 100, np.uint8), make_filter("box")).picture.shape
    (5, 5, 1)
    """

    picture: NDArray[np.uint8]
    lowest: float
    highest: float
    outside: float


def filter_picture(
    image: ArrayLike,
    kernel: str | Path | Filter | ArrayLike,
    *,
    edge: str = "reflect",
    channel: str | None = None,
    values: str | None = None,
    normalise: bool = False,
    sigma: float = 2.0,
    size: int = 5,
) -> NDArray[np.uint8]:
    """A picture convolved with a kernel.

    Parameters
    ----------
    image : (H, W), (H, W, 1) or (H, W, 3) array
        uint8 or floating point in [0, 1].
    kernel : str, Path, Filter or array-like
        A name (`glassnet filter --kernel list` shows them), a file (see `read_filter`), a matrix (kh, kw) or a
        `Filter`.
    edge : str
        What lies beyond the border: 'reflect', 'repeat' or 'zero'.
    channel : str, optional
        What it is applied to: 'each' channel by itself, 'grey', 'red', 'green' or 'blue'; None: as the kernel says
        ('each' for one's own).
    values : str, optional
        How results become pixels: 'clip', 'absolute', 'stretch' or 'centre'; None: as the kernel says.
    normalise : bool
        Divide the weights by their sum.
    sigma : float
        Width of 'blur', in pixels.
    size : int
        Width of 'box', in pixels.

    Returns
    -------
    (H, W, C) uint8 array
        C = 1 unless each of three channels was filtered.

    Raises
    ------
    DataError
        The image, the kernel or a setting is not as described.

    Examples
    --------
    >>> from glassnet.filters import filter_picture
    >>> filter_picture(np.full((5, 5), 100, np.uint8), "blur")[2, 2]
    array([100], dtype=uint8)
    """
    chosen = choose_filter(kernel, sigma=sigma, size=size).with_settings(channel, values)
    return apply_filter(image, chosen.normalised() if normalise else chosen, edge=edge).picture


def choose_filter(kernel: str | Path | Filter | ArrayLike, *, sigma: float = 2.0, size: int = 5) -> Filter:
    """The filter that a name, a file or a matrix stands for. Raises `DataError`.

    Examples
    --------
    >>> from glassnet.filters import choose_filter
    >>> choose_filter("box", size=3).size, choose_filter([[1, 0, -1]]).size
    ((3, 3), (1, 3))
    """
    if isinstance(kernel, Filter):
        return kernel
    if isinstance(kernel, str | Path):
        if str(kernel) not in NAMES and exists(kernel) and Path(kernel).is_file():
            return read_filter(kernel)
        return make_filter(str(kernel), sigma=sigma, size=size)
    return matrix_filter(kernel)


def apply_filter(
    image: ArrayLike, chosen: Filter, *, edge: str = "reflect", progress: Callable[[float], None] | None = None
) -> Filtered:
    """`filter_picture` with what became of the numbers. `progress` is told the share that is done, up to 1.

    Examples
    --------
    >>> from glassnet.filters import apply_filter, make_filter
    >>> found = apply_filter(np.full((5, 5), 100, np.uint8), make_filter("laplacian"))
    >>> found.lowest, found.highest
    (0.0, 0.0)
    """
    if edge not in EDGES:
        raise DataError(f"There is no edge '{edge}'; known: {', '.join(EDGES)}.{nearest(edge, EDGES)}")
    picture = _as_picture(image)
    work = _Work(picture, chosen, edge)
    told = progress or (lambda share: None)
    # The range must be known before the first pixel can be set, so such results are computed twice, not kept.
    passes = 2 if chosen.values in ("stretch", "centre") else 1
    spread = _Spread(chosen)
    if passes == 2:
        for done, (_, part) in enumerate(work.strips(), start=1):
            spread.add(part)
            told(done / work.count / 2)
    limits = spread.limits(chosen.values)
    out = np.empty((*picture.shape[:2], work.channels), np.uint8)
    cut = 0
    for done, (place, part) in enumerate(work.strips(), start=1):
        spread.widen(part)
        levels = _levels(part, chosen.values, limits)
        # Rounding alone cuts nothing off: 255.4 is 255.
        cut += int(np.count_nonzero((levels < -0.5) | (levels > 255.5)))
        np.rint(np.clip(levels, 0.0, 255.0, out=levels), out=levels)
        out[place] = levels
        told((passes - 1 + done / work.count) / passes)
    return Filtered(out, spread.lowest, spread.highest, cut / out.size)


class _Spread:
    """How results are spread: their ends, and between which numbers all but a few lie."""

    def __init__(self, chosen: Filter) -> None:
        self.lowest, self.highest, self.seen = np.inf, -np.inf, 0
        # No result can be larger than this: all pixels white under positive weights, black under the others.
        self.most = 255.0 * max(1e-30, sum(float(np.abs(matrix).sum()) for matrix in chosen.matrices))
        self.counts = np.zeros(_BINS, np.int64)

    def widen(self, part: NDArray[np.float32]) -> None:
        self.lowest, self.highest = min(self.lowest, float(part.min())), max(self.highest, float(part.max()))

    def add(self, part: NDArray[np.float32]) -> None:
        self.widen(part)
        self.seen += part.size
        self.counts += np.histogram(part, _BINS, (-self.most, self.most))[0]

    def limits(self, values: str) -> tuple[float, float]:
        """The numbers that become black and white."""
        if values not in ("stretch", "centre"):
            return 0.0, 255.0
        few = self.seen * _FEW
        edges = np.linspace(-self.most, self.most, _BINS + 1)
        low = max(self.lowest, float(edges[np.flatnonzero(np.cumsum(self.counts) > few)[0]]))
        high = min(self.highest, float(edges[_BINS - np.flatnonzero(np.cumsum(self.counts[::-1]) > few)[0]]))
        if values == "centre":
            high = max(-low, high)
            low = -high
        return low, high


def _as_picture(image: ArrayLike) -> NDArray[Any]:
    array = np.asarray(image)
    if array.ndim == 2:
        array = array[:, :, None]
    if array.ndim != 3 or array.shape[2] not in (1, 3) or 0 in array.shape:
        raise DataError(f"A picture is an array (H, W), (H, W, 1) or (H, W, 3). Got shape {array.shape} instead.")
    if array.dtype == np.uint8:
        return array
    if array.dtype.kind != "f" or not np.isfinite(array).all() or array.min() < 0 or array.max() > 1:
        raise DataError(
            f"A picture must be uint8, or floating point from 0 to 1. Got {array.dtype}"
            + (f" from {array.min():g} to {array.max():g}" if array.dtype.kind == "f" else "")
            + " instead."
        )
    return np.asarray(array * 255.0, np.float32)


def _levels(part: NDArray[np.float32], values: str, limits: tuple[float, float]) -> NDArray[np.float32]:
    """Results on the scale 0 ... 255."""
    if values == "clip":
        return part
    if values == "absolute":
        return np.abs(part)
    low, high = limits
    if high <= low:  # all results are one number
        return np.full_like(part, 127.5 if values == "centre" else 0.0)
    return (part - np.float32(low)) * np.float32(255.0 / (high - low))


class _Work:
    """One picture, one filter: its strips, each convolved."""

    def __init__(self, picture: NDArray[Any], chosen: Filter, edge: str) -> None:
        self.picture, self.edge = picture, edge
        self.height, self.width, depth = picture.shape
        mix = CHANNELS[chosen.channel]
        # On a grey picture every colour is the brightness.
        self.mix = None if mix is None or depth == 1 else np.array(mix)
        self.channels = depth if mix is None else 1
        (kh, kw) = chosen.size
        self.margin = ((kh - 1) // 2, kh // 2, (kw - 1) // 2, kw // 2)
        self.weights = self._weights(chosen.matrices)
        self.columns = min(self.width, _PIECE)
        self.rows = max(1, min(self.height, _STRIP_VALUES // ((self.columns + kw) * depth)))
        self.count = -(-self.height // self.rows) * -(-self.width // self.columns)
        self.arena = Arena()

    def _weights(self, matrices: tuple[NDArray[np.float64], ...]) -> list[NDArray[np.float32]]:
        """The convolutions to be done one after the other, (kh, kw, channels or 1, kernels) each."""
        parts = _separated(matrices[0]) if len(matrices) == 1 else None
        steps = [np.stack(matrices, axis=-1)] if parts is None else [part[..., None] for part in parts]
        # Only the first sees the channels, for it mixes them into one.
        mixes = [np.ones(1) if self.mix is None else self.mix, np.ones(1)]
        return [
            np.ascontiguousarray(step[:, :, None, :] * mix[:, None], np.float32)
            for step, mix in zip(steps, mixes, strict=False)
        ]

    def strips(self) -> Iterator[tuple[tuple[slice, slice], NDArray[np.float32]]]:
        """(where, results (h, w, C)) of one strip after the other."""
        for top in range(0, self.height, self.rows):
            rows = slice(top, min(self.height, top + self.rows))
            for left in range(0, self.width, self.columns):
                place = (rows, slice(left, min(self.width, left + self.columns)))
                yield place, self._convolved(self._padded(*place))

    def _padded(self, rows: slice, columns: slice) -> NDArray[np.float32]:
        """The pixels that a strip depends on, (n, h, w, c): channels as images unless they are mixed."""
        above, below, before, after = self.margin
        row_numbers = np.arange(rows.start - above, rows.stop + below)
        column_numbers = np.arange(columns.start - before, columns.stop + after)
        rows_from = _source(row_numbers, self.height, self.edge)
        columns_from = _source(column_numbers, self.width, self.edge)
        pixels = self.picture[rows_from[:, None], columns_from]
        images = pixels[None] if self.mix is not None else np.moveaxis(pixels, -1, 0)[..., None]
        strip = np.ascontiguousarray(images, np.float32)
        if self.edge == "zero":
            strip[:, (row_numbers < 0) | (row_numbers >= self.height)] = 0.0
            strip[:, :, (column_numbers < 0) | (column_numbers >= self.width)] = 0.0
        return strip

    def _convolved(self, x: NDArray[np.float32]) -> NDArray[np.float32]:
        with threads.single_blas_thread():
            for weights in self.weights:
                x, _ = conv2d_forward(x, weights, arena=self.arena)
        result = x[..., 0] if x.shape[-1] == 1 else np.sqrt(np.square(x).sum(axis=-1))
        return np.ascontiguousarray(np.moveaxis(result, 0, -1))


def _source(numbers: NDArray[np.int64], length: int, edge: str) -> NDArray[np.int64]:
    """Rows (or columns) of the picture from which those of these numbers, some beyond its border, are taken."""
    if edge != "reflect" or length == 1:
        return np.clip(numbers, 0, length - 1)
    # 2 1 | 0 1 2 3 | 2 1: a wave of period 2 (length - 1)
    phase = np.mod(numbers, 2 * (length - 1))
    return np.asarray(np.minimum(phase, 2 * (length - 1) - phase))


def _separated(matrix: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
    """The column (kh, 1) and the row (1, kw) whose product the matrix is, where that saves work."""
    kh, kw = matrix.shape
    if kh * kw <= 2 * (kh + kw):
        return None
    left, sizes, right = np.linalg.svd(matrix)
    if sizes[0] == 0 or sizes[1] > 1e-12 * sizes[0]:
        return None
    factor = np.sqrt(sizes[0])
    return left[:, :1] * factor, right[:1] * factor
