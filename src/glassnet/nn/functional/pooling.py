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
from typing import Any, NamedTuple

import numpy as np

from glassnet import threads
from glassnet.errors import GlassnetError
from glassnet.nn.functional.arrays import Array, as_float, expect_shape, fitting
from glassnet.nn.functional.pooling_naive import (
    average_pool_backward_naive,
    average_pool_forward_naive,
    global_average_pool_backward_naive,
    global_average_pool_forward_naive,
    max_pool_backward_naive,
    max_pool_forward_naive,
)
from glassnet.nn.functional.pooling_window import PoolWindow, Size, pool_window
from glassnet.nn.kernels import average_pooling, pooling
from glassnet.nn.kernels.options import WORTH_SHARING
from glassnet.nn.kernels.vector import lanes

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

    winners: Array
    window: PoolWindow


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
    size : int or (int, int)
        Of the window, one number or (rows, columns).
    stride : int or (int, int), optional
        Likewise; None is the window's size.
    pad : int or tuple of int
        One number, (rows, columns) or (top, bottom, left, right), each smaller than the window's span.
    ceil : bool
        Round the number of windows up, so that the last may hang over the edge.
    dilation : int or (int, int)
        Distance between neighbouring taps.
    out : pair of array or None
        Arrays for y and for the winners' index (uint8 up to 256 taps), both (n, oh, ow, c).

    Returns
    -------
    y : (n, oh, ow, c) array
    cache : MaxPoolCache
        For `max_pool_backward` and `max_pool_index`.

    Raises
    ------
    GlassnetError
        The window does not fit, or x is not a batch of images.

    Examples
    --------
    >>> from glassnet.nn import functional as F
    >>> x = np.arange(16.0).reshape(1, 4, 4, 1)
    >>> y, cache = F.max_pool_forward(x, 2)
    >>> y[0, :, :, 0]
    array([[ 5.,  7.],
           [13., 15.]])
    """
    x = as_float(x)
    window = pool_window(x.shape, size, stride, pad, ceil, dilation)
    y = fitting(out[0], window.output_shape, x.dtype)
    index = fitting(out[1], window.output_shape, window.index_dtype)
    h, oh, c = x.shape[1], y.shape[1], x.shape[3]
    parts = _parts(x.size)
    if window.plain:
        pooling.max_pool_2x2(_rows(x), _rows(y), _rows(index), h, oh, c, lanes(x.itemsize), parts)
    elif window.nine_taps:
        pooling.max_pool_3x3(_rows(x), _rows(y), _rows(index), h, oh, c, window.numbers, parts)
    else:
        first = window.first_columns
        pooling.max_pool(_rows(x), _rows(y), _rows(index), first, h, oh, c, window.numbers, parts)
    return y, MaxPoolCache(index, window)


def max_pool_backward(dy: Array, cache: MaxPoolCache, *, out: Array | None = None) -> Array:
    """dx (n, h, w, c): every dy goes to its window's winner, and where windows overlap the gradients add up.

    Examples
    --------
    >>> from glassnet.nn import functional as F
    >>> y, cache = F.max_pool_forward(np.arange(16.0).reshape(1, 4, 4, 1), 2)
    >>> F.max_pool_backward(np.ones_like(y), cache)[0, :, :, 0]
    array([[0., 0., 0., 0.],
           [0., 1., 0., 1.],
           [0., 0., 0., 0.],
           [0., 1., 0., 1.]])
    """
    winners, window = cache
    dy = as_float(dy, "dy")
    expect_shape(dy, window.output_shape, "dy")
    dx = fitting(out, window.input_shape, dy.dtype)
    h, oh, c = dx.shape[1], dy.shape[1], dx.shape[3]
    parts = _parts(dx.size)
    if window.plain:
        pooling.max_pool_2x2_backward(_rows(dy), _rows(winners), _rows(dx), h, oh, c, parts)
    else:
        offsets = window.tap_offsets
        pooling.max_pool_backward(_rows(dy), _rows(winners), offsets, _rows(dx), h, oh, c, window.numbers, parts)
    return dx


def max_pool_index(cache: MaxPoolCache) -> Array:
    """Positions of the winners (n, oh, ow, c), int64: `x.reshape(-1)[max_pool_index(cache)]` is y.

    Examples
    --------
    >>> from glassnet.nn import functional as F
    >>> y, cache = F.max_pool_forward(np.arange(16.0).reshape(1, 4, 4, 1), 2)
    >>> F.max_pool_index(cache)[0, :, :, 0]
    array([[ 5,  7],
           [13, 15]])
    """
    winners, window = cache
    n, oh, ow, c = window.output_shape
    _, h, w, _ = window.input_shape
    row = np.arange(oh) * window.stride[0] - window.pad.top
    column = np.arange(ow) * window.stride[1] - window.pad.left
    corner = np.arange(n)[:, None, None] * (h * w) + row[:, None] * w + column  # (n, oh, ow), of the first tap
    return corner[..., None] * c + np.arange(c) + window.tap_offsets.astype(np.int64)[winners]


# ---- the mean ------------------------------------------------------------------------------------------------------


class AveragePoolCache(NamedTuple):
    """The window, and whether the padding counts."""

    window: PoolWindow
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

    Parameters
    ----------
    count_pad : bool
        Whether pixels of the padding count (as zeros); else the mean is that of the pixels in the image.
    out : (n, oh, ow, c) array, optional
        For y.

    Examples
    --------
    >>> from glassnet.nn import functional as F
    >>> y, cache = F.average_pool_forward(np.arange(16.0).reshape(1, 4, 4, 1), 2)
    >>> y[0, :, :, 0]
    array([[ 2.5,  4.5],
           [10.5, 12.5]])
    """
    x = as_float(x)
    window = pool_window(x.shape, size, stride, pad, ceil, dilation)
    y = fitting(out, window.output_shape, x.dtype)
    h, oh, c = x.shape[1], y.shape[1], x.shape[3]
    weights = _weights(window, count_pad, x.dtype)
    average_pooling.average_pool(_rows(x), _rows(y), *weights, h, oh, c, window.numbers, _parts(x.size))
    return y, AveragePoolCache(window, count_pad)


def average_pool_backward(dy: Array, cache: AveragePoolCache, *, out: Array | None = None) -> Array:
    """dx (n, h, w, c): every pixel of a window takes dy / count; where windows overlap the shares add up.

    Examples
    --------
    >>> from glassnet.nn import functional as F
    >>> y, cache = F.average_pool_forward(np.arange(16.0).reshape(1, 4, 4, 1), 2)
    >>> F.average_pool_backward(np.ones_like(y), cache)[0, 0, :, 0]
    array([0.25, 0.25, 0.25, 0.25])
    """
    window = cache.window
    dy = as_float(dy, "dy")
    expect_shape(dy, window.output_shape, "dy")
    dx = fitting(out, window.input_shape, dy.dtype)
    h, oh, c = dx.shape[1], dy.shape[1], dx.shape[3]
    weights = _weights(window, cache.count_pad, dy.dtype)
    average_pooling.average_pool_backward(_rows(dy), _rows(dx), *weights, h, oh, c, window.numbers, _parts(dx.size))
    return dx


@functools.lru_cache(maxsize=256)
def _weights(window: PoolWindow, count_pad: bool, dtype: Any) -> tuple[Array, Array]:
    """1 / count of the rows (oh,) and of the columns (ow c,): the taps that count are a rectangle."""
    top, bottom, left, right = window.pad if count_pad else (0, 0, 0, 0)
    rows, columns = window.taps(0, (top, bottom)).sum(axis=1), window.taps(1, (left, right)).sum(axis=1)
    return (1 / rows).astype(dtype), np.repeat(1 / columns, window.input_shape[3]).astype(dtype)


def global_average_pool_forward(x: Array, *, out: Array | None = None) -> tuple[Array, tuple[int, ...]]:
    """y (n, c), the mean over all pixels of x (n, h, w, c); returns (y, cache).

    Examples
    --------
    >>> from glassnet.nn import functional as F
    >>> F.global_average_pool_forward(np.arange(16.0).reshape(1, 4, 4, 1))[0]
    array([[7.5]])
    """
    x = as_float(x)
    if x.ndim != 4 or 0 in x.shape[1:3]:
        raise GlassnetError(f"Pooling takes images of shape (n, height, width, channels). Got {x.shape} instead.")
    n, h, w, c = x.shape
    y = fitting(out, (n, c), x.dtype)
    average_pooling.global_average_pool(x.reshape(n, h * w, c), y, _parts(x.size))
    return y, x.shape


def global_average_pool_backward(dy: Array, cache: tuple[int, ...], *, out: Array | None = None) -> Array:
    """dx = dy / (h w) at every pixel.

    Examples
    --------
    >>> from glassnet.nn import functional as F
    >>> y, cache = F.global_average_pool_forward(np.arange(4.0).reshape(1, 2, 2, 1))
    >>> F.global_average_pool_backward(np.array([[1.0]]), cache)[0, :, :, 0]
    array([[0.25, 0.25],
           [0.25, 0.25]])
    """
    n, h, w, c = cache
    dy = as_float(dy, "dy")
    expect_shape(dy, (n, c), "dy")
    dx = fitting(out, cache, dy.dtype)
    average_pooling.global_average_pool_backward(dy, dx.reshape(n, h * w, c), _parts(dx.size))
    return dx
