"""Pooling, by plain loops: the references for `pooling`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from glassnet.nn.functional.arrays import Array
from glassnet.nn.functional.pooling_window import Pair, Size, pool_window

__all__ = [
    "average_pool_backward_naive",
    "average_pool_forward_naive",
    "global_average_pool_backward_naive",
    "global_average_pool_forward_naive",
    "max_pool_backward_naive",
    "max_pool_forward_naive",
]


def _places(
    shape: tuple[int, ...], size: Size, stride: Size | None, pad: Any, ceil: bool, dilation: Size, margin: bool = False
) -> Iterator[tuple[Pair, list[Pair], int]]:
    """For every window ((p, q), its pixels (row, column) in the image in order, the number of taps that count)."""
    _, h, w, _ = shape
    window = pool_window(shape, size, stride, pad, ceil, dilation)
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
    """Reference: window by window and number by number.

    Examples
    --------
    >>> from glassnet.nn import functional as F
    >>> F.max_pool_forward_naive(np.arange(16.0).reshape(1, 4, 4, 1), 2)[0, :, :, 0]
    array([[ 5.,  7.],
           [13., 15.]])
    """
    x = np.asarray(x, np.float64)
    y = np.empty(pool_window(x.shape, size, stride, pad, ceil, dilation).output_shape)
    for (p, q), pixels, _ in _places(x.shape, size, stride, pad, ceil, dilation):
        for n in range(x.shape[0]):
            for k in range(x.shape[3]):
                y[n, p, q, k] = x[(n, *_winner(x[n, :, :, k], pixels), k)]
    return y


def max_pool_backward_naive(
    dy: Any, x: Any, size: Size, *, stride: Size | None = None, pad: Any = 0, ceil: bool = False, dilation: Size = 1
) -> Array:
    """Reference: every dy to the winner of its window.

    Examples
    --------
    >>> from glassnet.nn import functional as F
    >>> F.max_pool_backward_naive(np.ones((1, 1, 1, 1)), [[[[1.0], [2.0]], [[3.0], [0.0]]]], 2)[0, :, :, 0]
    array([[0., 0.],
           [1., 0.]])
    """
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
    """Reference: the sum of every window over the number of its taps that count.

    Examples
    --------
    >>> from glassnet.nn import functional as F
    >>> F.average_pool_forward_naive(np.arange(16.0).reshape(1, 4, 4, 1), 2)[0, :, :, 0]
    array([[ 2.5,  4.5],
           [10.5, 12.5]])
    """
    x = np.asarray(x, np.float64)
    y = np.zeros(pool_window(x.shape, size, stride, pad, ceil, dilation).output_shape)
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
    """Reference: dy / count to every pixel of its window, for images of `shape`.

    Examples
    --------
    >>> from glassnet.nn import functional as F
    >>> F.average_pool_backward_naive(np.ones((1, 1, 1, 1)), (1, 2, 2, 1), 2)[0, :, :, 0]
    array([[0.25, 0.25],
           [0.25, 0.25]])
    """
    dy = np.asarray(dy, np.float64)
    dx: Array = np.zeros(shape)
    for (p, q), pixels, count in _places(shape, size, stride, pad, ceil, dilation, count_pad):
        for r, s in pixels:
            dx[:, r, s] += dy[:, p, q] / count
    return dx


def global_average_pool_forward_naive(x: Any) -> Array:
    """Reference: the sum of all pixels over their number.

    Examples
    --------
    >>> from glassnet.nn import functional as F
    >>> F.global_average_pool_forward_naive(np.arange(16.0).reshape(1, 4, 4, 1))
    array([[7.5]])
    """
    x = np.asarray(x, np.float64)
    n, h, w, c = x.shape
    y = np.zeros((n, c))
    for r in range(h):
        for s in range(w):
            y += x[:, r, s] / (h * w)
    return y


def global_average_pool_backward_naive(dy: Any, shape: tuple[int, ...]) -> Array:
    """Reference: dy / (h w) to every pixel of images of `shape`.

    Examples
    --------
    >>> from glassnet.nn import functional as F
    >>> F.global_average_pool_backward_naive([[1.0]], (1, 2, 2, 1))[0, :, :, 0]
    array([[0.25, 0.25],
           [0.25, 0.25]])
    """
    dx: Array = np.zeros(shape)
    for r in range(shape[1]):
        for s in range(shape[2]):
            dx[:, r, s] = np.asarray(dy, np.float64) / (shape[1] * shape[2])
    return dx
