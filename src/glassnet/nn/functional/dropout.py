"""Inverted dropout (Srivastava et al. 2014, section 10): y = x m with a mask m that is 0 with probability p.

The kept elements are scaled by 1 / (1 - p), so that E[y] = x and evaluation needs no dropout at all. The mask is a
constant of the step, hence dx = dy m.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from glassnet.errors import GlassnetError
from glassnet.nn.functional.arrays import Array, as_float, expect_shape, fitting, flat
from glassnet.nn.kernels import elementwise

__all__ = [
    "channel_dropout_mask",
    "dropout_backward",
    "dropout_backward_naive",
    "dropout_forward",
    "dropout_forward_naive",
    "dropout_mask",
]


def dropout_mask(shape: tuple[int, ...], p: float, rng: np.random.Generator, dtype: Any = np.float32) -> Array:
    """A mask of `shape`: 0 with probability p, else 1 / (1 - p). p in [0, 1).

    Examples
    --------
    >>> from glassnet.nn import functional as F
    >>> mask = F.dropout_mask((1000,), 0.5, np.random.default_rng(0))
    >>> np.unique(mask).tolist()
    [0.0, 2.0]
    """
    if not 0 <= p < 1:
        raise GlassnetError(f"The dropout probability must lie in 0 ... 1 (1 excluded). Got {p} instead.")
    mask = (rng.random(shape, np.float32) >= p).astype(dtype)
    mask *= np.dtype(dtype).type(1 / (1 - p))
    return mask


def channel_dropout_mask(n: int, channels: int, p: float, rng: np.random.Generator, dtype: Any = np.float32) -> Array:
    """A mask (n, 1, 1, channels) that drops whole channels of pictures (Tompson et al. 2015). p in [0, 1).

    Examples
    --------
    >>> from glassnet.nn import functional as F
    >>> F.channel_dropout_mask(2, 8, 0.5, np.random.default_rng(0)).shape
    (2, 1, 1, 8)
    """
    return dropout_mask((n, 1, 1, channels), p, rng, dtype)


def dropout_forward(x: Array, mask: Array, *, out: Array | None = None) -> tuple[Array, Array]:
    """y = x * mask for a mask of the shape of x, or (n, 1, 1, c) for x (n, h, w, c); returns (y, cache).

    Examples
    --------
    >>> from glassnet.nn import functional as F
    >>> y, cache = F.dropout_forward(np.array([[1.0, 2.0]]), np.array([[0.0, 2.0]]))
    >>> y
    array([[0., 4.]])
    """
    x = as_float(x)
    y = fitting(out, x.shape, x.dtype)
    if not _multiply(x, mask, y):
        expect_shape(mask, x.shape, "mask")
    return y, mask


def dropout_backward(dy: Array, cache: Array, *, out: Array | None = None) -> Array:
    """dx = dy * mask.

    Examples
    --------
    >>> from glassnet.nn import functional as F
    >>> y, cache = F.dropout_forward(np.array([[1.0, 2.0]]), np.array([[0.0, 2.0]]))
    >>> F.dropout_backward(np.array([[1.0, 1.0]]), cache)
    array([[0., 2.]])
    """
    dy = as_float(dy, "dy")
    dx = fitting(out, dy.shape, dy.dtype)
    if not _multiply(dy, cache, dx):
        expect_shape(dy, cache.shape, "dy")
    return dx


def _multiply(x: Array, mask: Array, y: Array) -> bool:
    """y = x * mask, unless their shapes do not fit."""
    if mask.shape == x.shape:
        elementwise.multiply(flat(x), flat(mask), flat(y))
        return True
    if x.ndim == 4 and mask.shape == (x.shape[0], 1, 1, x.shape[3]):
        np.multiply(x, mask, out=y)
        return True
    return False


def dropout_forward_naive(x: Any, mask: Any) -> Array:
    """Reference: the product, in float64.

    Examples
    --------
    >>> from glassnet.nn import functional as F
    >>> F.dropout_forward_naive([[1.0, 2.0]], [[0.0, 2.0]])
    array([[0., 4.]])
    """
    return np.asarray(x, np.float64) * np.asarray(mask, np.float64)


def dropout_backward_naive(dy: Any, mask: Any) -> Array:
    """Reference: the product, in float64.

    Examples
    --------
    >>> from glassnet.nn import functional as F
    >>> F.dropout_backward_naive([[1.0, 1.0]], [[0.0, 2.0]])
    array([[0., 2.]])
    """
    return np.asarray(dy, np.float64) * np.asarray(mask, np.float64)
