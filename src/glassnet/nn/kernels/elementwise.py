"""Activations, the bias, and sums over rows: one pass over memory each.

The activation kernels work on flat arrays. `x` may be `y` (in place). Comparisons are written so that a NaN goes
through instead of turning into 0.
"""

from __future__ import annotations

from glassnet.nn.kernels import exponential
from glassnet.nn.kernels.exponential import exp
from glassnet.nn.kernels.options import SERIAL, njit
from glassnet.nn.kernels.rectify import bounds, clamped, passes
from glassnet.nn.kernels.sharing import shared

# mypy: disable-error-code="no-untyped-def"


@njit(**SERIAL)
def add_bias(y, b):
    """y (n, d) += b (d,)."""
    for i in range(y.shape[0]):
        row = y[i]
        for j in range(y.shape[1]):
            row[j] += b[j]


@njit(**SERIAL)
def sum_rows(dy, out):
    """out (d,) = sum over rows of dy (n, d)."""
    for j in range(out.size):
        out[j] = 0
    for i in range(dy.shape[0]):
        row = dy[i]
        for j in range(out.size):
            out[j] += row[j]


@njit(**SERIAL)
def relu(x, y, ceiling):
    low, high = bounds(ceiling, x)
    for i in range(x.size):
        y[i] = clamped(x[i], low, high)


@njit(**SERIAL)
def relu_backward(dy, y, dx, ceiling):
    low, high = bounds(ceiling, y)
    for i in range(y.size):
        dx[i] = dy[i] if passes(y[i], low, high) else low


@njit(**SERIAL)
def sigmoid(x, y):
    one = x.dtype.type(1)
    for i in range(x.size):
        v = x[i]
        e = exp(-v if v > 0 else v)  # at most 1: neither branch can overflow
        s = one / (one + e)
        y[i] = e * s if v < 0 else s


@njit(**SERIAL)
def sigmoid_backward(dy, y, dx):
    one = y.dtype.type(1)
    for i in range(y.size):
        dx[i] = dy[i] * y[i] * (one - y[i])


@njit(**SERIAL)
def tanh(x, y):
    for i in range(x.size):
        y[i] = exponential.tanh(x[i])


@njit(**SERIAL)
def tanh_backward(dy, y, dx):
    one = y.dtype.type(1)
    for i in range(y.size):
        dx[i] = dy[i] * (one - y[i] * y[i])


@njit(**SERIAL)
def multiply(x, mask, y):
    for i in range(x.size):
        y[i] = x[i] * mask[i]


# ---- the same, shared among threads --------------------------------------------------------------------------------


@shared
def add_bias_shared(y, b, t, parts):
    add_bias(y[y.shape[0] * t // parts : y.shape[0] * (t + 1) // parts], b)


@shared
def relu_shared(x, y, ceiling, t, parts):
    lo, hi = x.size * t // parts, x.size * (t + 1) // parts
    relu(x[lo:hi], y[lo:hi], ceiling)


@shared
def relu_backward_shared(dy, y, dx, ceiling, t, parts):
    lo, hi = y.size * t // parts, y.size * (t + 1) // parts
    relu_backward(dy[lo:hi], y[lo:hi], dx[lo:hi], ceiling)


@shared
def sigmoid_shared(x, y, t, parts):
    lo, hi = x.size * t // parts, x.size * (t + 1) // parts
    sigmoid(x[lo:hi], y[lo:hi])


@shared
def sigmoid_backward_shared(dy, y, dx, t, parts):
    lo, hi = y.size * t // parts, y.size * (t + 1) // parts
    sigmoid_backward(dy[lo:hi], y[lo:hi], dx[lo:hi])


@shared
def tanh_shared(x, y, t, parts):
    lo, hi = x.size * t // parts, x.size * (t + 1) // parts
    tanh(x[lo:hi], y[lo:hi])


@shared
def tanh_backward_shared(dy, y, dx, t, parts):
    lo, hi = y.size * t // parts, y.size * (t + 1) // parts
    tanh_backward(dy[lo:hi], y[lo:hi], dx[lo:hi])
