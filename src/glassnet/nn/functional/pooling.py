"""Pooling of images (n, h, w, c): the maximum or the mean of every window, channel by channel.

Window (p, q) has its tap (i, j) at row p sh - top + i dh and column q sw - left + j dw of the image, for a stride s, a
dilation d and the padding. Let T(p, q) be the taps that lie in the image (there the padding ends its part). With
channels understood,

    maximum    y_pq = max_T x                     dL/dx_t = sum of dL/dy_pq over the windows whose winner is t
    mean       y_pq = 1 / m_pq sum_T x            dL/dx_t = sum of dL/dy_pq / m_pq over the windows that contain t

Where several pixels of a window share the maximum, the first in the order of reading (row by row) is the winner and
takes the whole gradient: one of the subgradients, and the one that PyTorch takes. A NaN wins over every number.

m_pq is the number of taps in T, or with `count_pad` the number of taps in the image and its padding (not of those that
`ceil` lets hang over behind the padding), as in PyTorch and ONNX. Global pooling is the mean of all pixels.

The sizes of the result are those of `window.output_length`. The winners' index is kept as the tap's number i kw + j in
the smallest unsigned integers that hold it.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from glassnet import threads
from glassnet.errors import GlassnetError
from glassnet.nn.functional.arrays import Array, as_float, expect_shape, fitting
from glassnet.nn.functional.window import Pad, as_pad, as_pair, output_length
from glassnet.nn.kernels import pooling
from glassnet.nn.kernels.options import WORTH_SHARING

__all__ = [
    "average_pool_backward",
    "average_pool_backward_naive",
    "average_pool_forward",
    "average_pool_forward_naive",
    "global_average_pool_backward",
    "global_average_pool_backward_naive",
    "global_average_pool_forward",
    "global_average_pool_forward_naive",
    "max_pool_backward",
    "max_pool_backward_naive",
    "max_pool_forward",
    "max_pool_forward_naive",
    "max_pool_index",
]

Pair = tuple[int, int]
Size = int | Pair


@dataclass(frozen=True)
class Window:
    """The sliding window of a pooling operation on images of one shape, and what the kernels are told about it."""

    size: Pair
    stride: Pair
    dilation: Pair
    pad: Pad
    input_shape: tuple[int, ...]
    output_shape: tuple[int, ...]

    def taps(self, axis: int, margin: Pair = (0, 0)) -> Array:
        """(positions, taps) boolean: which taps of every window lie in the image, or within `margin` around it."""
        before = (self.pad.top, self.pad.left)[axis]
        at = np.arange(self.output_shape[1 + axis])[:, None] * self.stride[axis] - before
        at = at + np.arange(self.size[axis]) * self.dilation[axis]
        inside: Array = (at >= -margin[0]) & (at < self.input_shape[1 + axis] + margin[1])
        return inside

    @functools.cached_property
    def numbers(self) -> tuple[int, ...]:
        """Size, stride, dilation, padding above and to the left."""
        return (*self.size, *self.stride, *self.dilation, self.pad.top, self.pad.left)

    @functools.cached_property
    def plain(self) -> bool:
        """Whether windows of 2x2 lie side by side, all in the image."""
        side_by_side = self.size == self.stride == (2, 2) and self.dilation == (1, 1)
        return side_by_side and bool(self.taps(0).all() and self.taps(1).all())

    @functools.cached_property
    def nine_taps(self) -> bool:
        """Whether windows of 3x3 without dilation run over channels that fill whole registers."""
        return self.size == (3, 3) and self.dilation == (1, 1) and self.input_shape[3] % pooling.DIRECT == 0

    @functools.cached_property
    def index_dtype(self) -> Any:
        """The smallest unsigned integers that number the taps."""
        return np.min_scalar_type(math.prod(self.size) - 1)

    @functools.cached_property
    def first_columns(self) -> Array:
        """(ow c,) the first column of every window that lies in the image."""
        return np.repeat(self.taps(1).argmax(axis=1), self.input_shape[3]).astype(self.index_dtype)

    @functools.cached_property
    def tap_offsets(self) -> Array:
        """(taps,) unsigned: how far in memory every tap lies from the window's first."""
        (kh, kw), (dh, dw), (_, _, w, c) = self.size, self.dilation, self.input_shape
        return (np.arange(kh)[:, None] * (dh * w * c) + np.arange(kw) * (dw * c)).reshape(-1).astype(np.uint64)


def _window(shape: tuple[int, ...], size: Size, stride: Size | None, pad: Any, ceil: bool, dilation: Size) -> Window:
    """The window, checked against images of `shape`."""
    if len(shape) != 4 or 0 in shape[1:]:
        raise GlassnetError(f"Pooling takes images of shape (n, height, width, channels). Got {shape} instead.")
    kernel, gaps = as_pair(size, "The window's size"), as_pair(dilation, "dilation")
    step = kernel if stride is None else as_pair(stride, "stride")
    return _checked_window(shape, kernel, step, as_pad(pad), bool(ceil), gaps)


@functools.lru_cache(maxsize=256)
def _checked_window(shape: tuple[int, ...], kernel: Pair, step: Pair, pad: Pad, ceil: bool, gaps: Pair) -> Window:
    """A training step asks for the same few windows again and again."""
    span = ((kernel[0] - 1) * gaps[0] + 1, (kernel[1] - 1) * gaps[1] + 1)
    if max(pad.top, pad.bottom) >= span[0] or max(pad.left, pad.right) >= span[1]:
        raise GlassnetError(
            f"The padding must be smaller than the window, which spans {span[0]}x{span[1]}. Got {tuple(pad)} instead."
        )
    rows = output_length(shape[1], span[0], step[0], pad.top, pad.bottom, ceil)
    columns = output_length(shape[2], span[1], step[1], pad.left, pad.right, ceil)
    if rows < 1 or columns < 1:
        raise GlassnetError(
            f"A window that spans {span[0]}x{span[1]} does not fit into images of {shape[1]}x{shape[2]} with padding "
            f"{tuple(pad)}. Take a smaller window or larger images."
        )
    window = Window(kernel, step, gaps, pad, shape, (shape[0], rows, columns, shape[3]))
    if not all(window.taps(axis).any(axis=1).all() for axis in (0, 1)):
        raise GlassnetError(
            f"A window of {kernel[0]}x{kernel[1]}, dilation {gaps}, has no pixel of the image under its taps in some "
            "places. Take less padding or less dilation."
        )
    return window


def _rows(x: Array) -> Array:
    """Images (n, h, w, c) as rows (n h, w c)."""
    n, h, w, c = x.shape
    return x.reshape(n * h, w * c)


def _parts(size: int) -> int:
    """Threads worth waking for `size` numbers."""
    return threads.count() if size >= WORTH_SHARING else 1


# ---- the maximum ---------------------------------------------------------------------------------------------------


class MaxPoolCache(NamedTuple):
    """The winning tap of every window (n, oh, ow, c), and the window."""

    index: Array
    window: Window


def max_pool_forward(
    x: Array,
    size: Size,
    *,
    stride: Size | None = None,
    pad: Any = 0,
    ceil: bool = False,
    dilation: Size = 1,
    out: tuple[Array | None, Array | None] = (None, None),
) -> tuple[Array, MaxPoolCache]:
    """The largest number of every window; padding counts as minus infinity.

    Parameters
    ----------
    x : (n, h, w, c) array, float32 or float64
    size : of the window, one number or (rows, columns)
    stride : likewise; None is the window's size
    pad : one number, (rows, columns) or (top, bottom, left, right), each smaller than the window's span
    ceil : round the number of windows up, so that the last may hang over the edge
    dilation : distance between neighbouring taps
    out : arrays for y and for the winners' index (uint8 up to 256 taps), both (n, oh, ow, c)

    Returns
    -------
    y : (n, oh, ow, c) array, and a cache for `max_pool_backward` and `max_pool_index`

    Raises
    ------
    GlassnetError
        The window does not fit, or x is no batch of images.
    """
    x = as_float(x)
    window = _window(x.shape, size, stride, pad, ceil, dilation)
    y = fitting(out[0], window.output_shape, x.dtype)
    index = fitting(out[1], window.output_shape, window.index_dtype)
    h, oh, c = x.shape[1], y.shape[1], x.shape[3]
    parts = _parts(x.size)
    if window.plain:
        if parts == 1:
            pooling.max_pool_2x2(_rows(x), _rows(y), _rows(index), h, oh, c, 0, len(y) * oh)
        else:
            pooling.max_pool_2x2_shared(_rows(x), _rows(y), _rows(index), h, oh, c, parts)
        return y, MaxPoolCache(index, window)
    if window.nine_taps:
        if parts == 1:
            pooling.max_pool_3x3(_rows(x), _rows(y), _rows(index), h, oh, c, window.numbers, 0, len(y) * oh)
        else:
            pooling.max_pool_3x3_shared(_rows(x), _rows(y), _rows(index), h, oh, c, window.numbers, parts)
        return y, MaxPoolCache(index, window)
    arguments = (_rows(x), _rows(y), _rows(index), window.first_columns, h, oh, c, window.numbers)
    if parts == 1:
        pooling.max_pool(*arguments, 0, len(y) * oh)
    else:
        pooling.max_pool_shared(*arguments, parts)
    return y, MaxPoolCache(index, window)


def max_pool_backward(dy: Array, cache: MaxPoolCache, *, out: Array | None = None) -> Array:
    """dx (n, h, w, c): every dy goes to its window's winner, and where windows overlap the gradients add up."""
    index, window = cache
    dy = as_float(dy, "dy")
    expect_shape(dy, window.output_shape, "dy")
    dx = fitting(out, window.input_shape, dy.dtype)
    h, oh, c = dx.shape[1], dy.shape[1], dx.shape[3]
    arguments = (_rows(dy), _rows(index), window.tap_offsets, _rows(dx), h, oh, c, window.numbers)
    parts = _parts(dx.size)
    if parts == 1:
        pooling.max_pool_backward(*arguments, 0, len(dx) * h)
    else:
        pooling.max_pool_backward_shared(*arguments, parts)
    return dx


def max_pool_index(cache: MaxPoolCache) -> Array:
    """Positions of the winners (n, oh, ow, c), int64: `x.reshape(-1)[max_pool_index(cache)]` is y."""
    index, window = cache
    n, oh, ow, c = window.output_shape
    _, h, w, _ = window.input_shape
    row = np.arange(oh) * window.stride[0] - window.pad.top
    column = np.arange(ow) * window.stride[1] - window.pad.left
    corner = np.arange(n)[:, None, None] * (h * w) + row[:, None] * w + column  # (n, oh, ow), of the first tap
    return corner[..., None] * c + np.arange(c) + window.tap_offsets.astype(np.int64)[index]


# ---- the mean ------------------------------------------------------------------------------------------------------


class AveragePoolCache(NamedTuple):
    """The window, and whether the padding counts."""

    window: Window
    count_pad: bool


def average_pool_forward(
    x: Array,
    size: Size,
    *,
    stride: Size | None = None,
    pad: Any = 0,
    ceil: bool = False,
    count_pad: bool = False,
    dilation: Size = 1,
    out: Array | None = None,
) -> tuple[Array, AveragePoolCache]:
    """The mean of every window. Parameters and errors are those of `max_pool_forward`, and

    count_pad : whether pixels of the padding count (as zeros); else the mean is that of the pixels in the image
    out : (n, oh, ow, c) array for y
    """
    x = as_float(x)
    window = _window(x.shape, size, stride, pad, ceil, dilation)
    y = fitting(out, window.output_shape, x.dtype)
    h, oh, c = x.shape[1], y.shape[1], x.shape[3]
    arguments = (_rows(x), _rows(y), *_weights(window, count_pad, x.dtype), h, oh, c, window.numbers)
    parts = _parts(x.size)
    if parts == 1:
        pooling.average_pool(*arguments, 0, len(y) * oh)
    else:
        pooling.average_pool_shared(*arguments, parts)
    return y, AveragePoolCache(window, count_pad)


def average_pool_backward(dy: Array, cache: AveragePoolCache, *, out: Array | None = None) -> Array:
    """dx (n, h, w, c): every pixel of a window takes dy / count; where windows overlap the shares add up."""
    window = cache.window
    dy = as_float(dy, "dy")
    expect_shape(dy, window.output_shape, "dy")
    dx = fitting(out, window.input_shape, dy.dtype)
    h, oh, c = dx.shape[1], dy.shape[1], dx.shape[3]
    arguments = (_rows(dy), _rows(dx), *_weights(window, cache.count_pad, dy.dtype), h, oh, c, window.numbers)
    parts = _parts(dx.size)
    if parts == 1:
        pooling.average_pool_backward(*arguments, 0, len(dx) * h)
    else:
        pooling.average_pool_backward_shared(*arguments, parts)
    return dx


@functools.lru_cache(maxsize=256)
def _weights(window: Window, count_pad: bool, dtype: Any) -> tuple[Array, Array]:
    """1 / count of the rows (oh,) and of the columns (ow c,): the taps that count are a rectangle."""
    top, bottom, left, right = window.pad if count_pad else (0, 0, 0, 0)
    rows, columns = window.taps(0, (top, bottom)).sum(axis=1), window.taps(1, (left, right)).sum(axis=1)
    return (1 / rows).astype(dtype), np.repeat(1 / columns, window.input_shape[3]).astype(dtype)


def global_average_pool_forward(x: Array, *, out: Array | None = None) -> tuple[Array, tuple[int, ...]]:
    """y (n, c), the mean over all pixels of x (n, h, w, c); returns (y, cache)."""
    x = as_float(x)
    if x.ndim != 4 or 0 in x.shape[1:3]:
        raise GlassnetError(f"Pooling takes images of shape (n, height, width, channels). Got {x.shape} instead.")
    n, h, w, c = x.shape
    y = fitting(out, (n, c), x.dtype)
    parts = _parts(x.size)
    if parts == 1:
        pooling.global_average_pool(x.reshape(n, h * w, c), y, 0, n)
    else:
        pooling.global_average_pool_shared(x.reshape(n, h * w, c), y, parts)
    return y, x.shape


def global_average_pool_backward(dy: Array, cache: tuple[int, ...], *, out: Array | None = None) -> Array:
    """dx = dy / (h w) at every pixel."""
    n, h, w, c = cache
    dy = as_float(dy, "dy")
    expect_shape(dy, (n, c), "dy")
    dx = fitting(out, cache, dy.dtype)
    parts = _parts(dx.size)
    if parts == 1:
        pooling.global_average_pool_backward(dy, dx.reshape(n, h * w, c), 0, n)
    else:
        pooling.global_average_pool_backward_shared(dy, dx.reshape(n, h * w, c), parts)
    return dx


# ---- references ----------------------------------------------------------------------------------------------------


def _places(
    shape: tuple[int, ...], size: Size, stride: Size | None, pad: Any, ceil: bool, dilation: Size, margin: bool = False
) -> Iterator[tuple[Pair, list[Pair], int]]:
    """For every window ((p, q), its pixels (row, column) in the image in order, the number of taps that count)."""
    _, h, w, _ = shape
    window = _window(shape, size, stride, pad, ceil, dilation)
    top, bottom, left, right = window.pad
    for p in range(window.output_shape[1]):
        for q in range(window.output_shape[2]):
            taps = [
                (
                    p * window.stride[0] - top + i * window.dilation[0],
                    q * window.stride[1] - left + j * window.dilation[1],
                )
                for i in range(window.size[0])
                for j in range(window.size[1])
            ]
            pixels = [(r, s) for r, s in taps if 0 <= r < h and 0 <= s < w]
            padded = [(r, s) for r, s in taps if r < h + bottom and s < w + right]
            yield (p, q), pixels, len(padded if margin else pixels)


def max_pool_forward_naive(
    x: Any, size: Size, *, stride: Size | None = None, pad: Any = 0, ceil: bool = False, dilation: Size = 1
) -> Array:
    """Reference: window by window and number by number."""
    x = np.asarray(x, np.float64)
    y = np.empty(_window(x.shape, size, stride, pad, ceil, dilation).output_shape)
    for (p, q), pixels, _ in _places(x.shape, size, stride, pad, ceil, dilation):
        for n in range(x.shape[0]):
            for k in range(x.shape[3]):
                y[n, p, q, k] = x[(n, *_winner(x[n, :, :, k], pixels), k)]
    return y


def max_pool_backward_naive(
    dy: Any, x: Any, size: Size, *, stride: Size | None = None, pad: Any = 0, ceil: bool = False, dilation: Size = 1
) -> Array:
    """Reference: every dy to the winner of its window."""
    x, dy = np.asarray(x, np.float64), np.asarray(dy, np.float64)
    dx: Array = np.zeros(x.shape)
    for (p, q), pixels, _ in _places(x.shape, size, stride, pad, ceil, dilation):
        for n in range(x.shape[0]):
            for k in range(x.shape[3]):
                dx[(n, *_winner(x[n, :, :, k], pixels), k)] += dy[n, p, q, k]
    return dx


def _winner(plane: Array, pixels: list[Pair]) -> Pair:
    """The first of `pixels` with the largest number, or the last NaN."""
    best = pixels[0]
    for pixel in pixels[1:]:
        if plane[pixel] > plane[best] or np.isnan(plane[pixel]):
            best = pixel
    return best


def average_pool_forward_naive(
    x: Any,
    size: Size,
    *,
    stride: Size | None = None,
    pad: Any = 0,
    ceil: bool = False,
    count_pad: bool = False,
    dilation: Size = 1,
) -> Array:
    """Reference: the sum of every window over the number of its taps that count."""
    x = np.asarray(x, np.float64)
    y = np.zeros(_window(x.shape, size, stride, pad, ceil, dilation).output_shape)
    for (p, q), pixels, count in _places(x.shape, size, stride, pad, ceil, dilation, count_pad):
        for r, s in pixels:
            y[:, p, q] += x[:, r, s] / count
    return y


def average_pool_backward_naive(
    dy: Any,
    shape: tuple[int, ...],
    size: Size,
    *,
    stride: Size | None = None,
    pad: Any = 0,
    ceil: bool = False,
    count_pad: bool = False,
    dilation: Size = 1,
) -> Array:
    """Reference: dy / count to every pixel of its window, for images of `shape`."""
    dy = np.asarray(dy, np.float64)
    dx: Array = np.zeros(shape)
    for (p, q), pixels, count in _places(shape, size, stride, pad, ceil, dilation, count_pad):
        for r, s in pixels:
            dx[:, r, s] += dy[:, p, q] / count
    return dx


def global_average_pool_forward_naive(x: Any) -> Array:
    """Reference: the sum of all pixels over their number."""
    x = np.asarray(x, np.float64)
    n, h, w, c = x.shape
    y = np.zeros((n, c))
    for r in range(h):
        for s in range(w):
            y += x[:, r, s] / (h * w)
    return y


def global_average_pool_backward_naive(dy: Any, shape: tuple[int, ...]) -> Array:
    """Reference: dy / (h w) to every pixel of images of `shape`."""
    dx: Array = np.zeros(shape)
    for r in range(shape[1]):
        for s in range(shape[2]):
            dx[:, r, s] = np.asarray(dy, np.float64) / (shape[1] * shape[2])
    return dx
