"""Convolution without compiled code: the loops of the definition, and im2col as NumPy alone can do it."""

from __future__ import annotations

from typing import Any

import numpy as np

from glassnet.nn.functional.arrays import Array
from glassnet.nn.functional.convolution_plan import Sizes, check

__all__ = ["conv2d_backward_naive", "conv2d_forward_naive", "numpy_backward", "numpy_forward"]


def conv2d_forward_naive(x: Any, w: Any, b: Any = None, *, stride: Any = 1, pad: Any = 0, groups: int = 1) -> Array:
    """Reference: every sum of products of the definition, one number at a time (no ReLU, no pooling).

    Examples
    --------
    >>> from glassnet.nn import functional as F
    >>> F.conv2d_forward_naive(np.ones((1, 3, 3, 1)), np.ones((2, 2, 1, 1)), stride=1)[0, :, :, 0]
    array([[4., 4.],
           [4., 4.]])
    """
    x, w = np.asarray(x, np.float64), np.asarray(w, np.float64)
    s = check(x.shape, w.shape, stride, pad, groups)
    y = np.zeros((s.n, s.oh, s.ow, s.f))
    for at, p, q, k, tap in _products(s):
        n, _, _, o = at
        y[at] += x[n, p, q, k] * w[tap][o]
    return y if b is None else y + np.asarray(b, np.float64)


def conv2d_backward_naive(
    dy: Any, x: Any, w: Any, *, stride: Any = 1, pad: Any = 0, groups: int = 1
) -> tuple[Array, Array, Array]:
    """Reference: (dx, dw, db) from the derivative of every product of the definition.

    Examples
    --------
    >>> from glassnet.nn import functional as F
    >>> dx, dw, db = F.conv2d_backward_naive(np.ones((1, 2, 2, 1)), np.ones((1, 3, 3, 1)), np.ones((2, 2, 1, 1)))
    >>> dw[:, :, 0, 0]
    array([[4., 4.],
           [4., 4.]])
    """
    x, w, dy = np.asarray(x, np.float64), np.asarray(w, np.float64), np.asarray(dy, np.float64)
    s = check(x.shape, w.shape, stride, pad, groups)
    dx, dw, db = np.zeros(x.shape), np.zeros(w.shape), np.zeros(s.f)
    for at, p, q, k, tap in _products(s):
        n, _, _, o = at
        dx[n, p, q, k] += dy[at] * w[tap][o]
        dw[tap][o] += dy[at] * x[n, p, q, k]
    for at in np.ndindex(dy.shape):
        db[at[3]] += dy[at]
    return dx, dw, db


def _products(s: Sizes) -> Any:
    """Every product of the definition: ((n, i, j, o), input row, column and channel, (a, b, k) of the weight)."""
    depth, wide = s.c // s.groups, s.f // s.groups
    for n, i, j, o, a, b, k in np.ndindex(s.n, s.oh, s.ow, s.f, s.kh, s.kw, depth):
        p, q = i * s.stride[0] + a - s.pad.top, j * s.stride[1] + b - s.pad.left
        if 0 <= p < s.h and 0 <= q < s.w:
            yield (n, i, j, o), p, q, o // wide * depth + k, (a, b, k)


# ---- im2col by NumPy, where no matrix product can be called from compiled code -------------------------------------


def _expansion(x: Array, s: Sizes) -> Array:
    """(n, oh, ow, groups, kh kw c / groups): what each window sees, by groups of channels."""
    top, bottom, left, right = s.pad
    padded = np.pad(x, ((0, 0), (top, bottom), (left, right), (0, 0)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (s.kh, s.kw), axis=(1, 2))
    windows = windows[:, :: s.stride[0], :: s.stride[1]]  # (n, oh, ow, c, kh, kw)
    windows = windows.reshape(s.n, s.oh, s.ow, s.groups, s.c // s.groups, s.kh, s.kw)
    return windows.transpose(0, 1, 2, 3, 5, 6, 4).reshape(s.n, s.oh, s.ow, s.groups, -1)


def numpy_forward(x: Array, w: Array, s: Sizes, z: Array) -> None:
    """z (n, oh, ow, f) = convolution of x with w."""
    e, wide = _expansion(x, s), s.f // s.groups
    for g in range(s.groups):
        channels = slice(g * wide, (g + 1) * wide)
        z[..., channels] = e[..., g, :] @ w[..., channels].reshape(-1, wide)


def numpy_backward(dz: Array, x: Array, w: Array, s: Sizes, dx: Array | None, dw: Array) -> None:
    """dw and, unless None, dx of a convolution from the gradient dz of its results."""
    e, wide = _expansion(x, s), s.f // s.groups
    top, bottom, left, right = s.pad
    padded = np.zeros((s.n, s.h + top + bottom, s.w + left + right, s.groups, s.c // s.groups), x.dtype)
    rows, columns = s.stride[0] * (s.oh - 1) + 1, s.stride[1] * (s.ow - 1) + 1
    for g in range(s.groups):
        channels = slice(g * wide, (g + 1) * wide)
        part = dz[..., channels].reshape(-1, wide)
        dw[..., channels] = (e[..., g, :].reshape(len(part), -1).T @ part).reshape(*w.shape[:3], wide)
        if dx is not None:
            back = (part @ w[..., channels].reshape(-1, wide).T).reshape(s.n, s.oh, s.ow, s.kh, s.kw, -1)
            for a in range(s.kh):
                for b in range(s.kw):
                    seen = padded[:, a : a + rows : s.stride[0], b : b + columns : s.stride[1], g]
                    seen += back[:, :, :, a, b]
    if dx is not None:
        dx[...] = padded[:, top : top + s.h, left : left + s.w].reshape(dx.shape)
