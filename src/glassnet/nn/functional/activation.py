"""Activations: ReLU, sigmoid and hyperbolic tangent, applied to every element.

Derivations. With y = f(x) element by element, dL/dx = dL/dy f'(x), and for these three f'(x) can be had from y alone,
so that y is all that a backward pass keeps:

    relu     y = max(0, x)            f' = 1 where y > 0, else 0 (at x = 0 the derivative is taken to be 0)
    sigmoid  y = 1 / (1 + exp(-x))    f' = exp(-x) / (1 + exp(-x))^2 = y (1 - y)
    tanh     y = tanh(x)              f' = 1 - tanh(x)^2 = 1 - y^2

The sigmoid is computed from exp(-|x|), which cannot overflow.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from glassnet import threads
from glassnet.nn.functional.arrays import Array, as_float, expect_shape, fitting, flat
from glassnet.nn.kernels import elementwise
from glassnet.nn.kernels.options import WORTH_SHARING

__all__ = [
    "relu_backward",
    "relu_backward_naive",
    "relu_forward",
    "relu_forward_naive",
    "sigmoid_backward",
    "sigmoid_backward_naive",
    "sigmoid_forward",
    "sigmoid_forward_naive",
    "tanh_backward",
    "tanh_backward_naive",
    "tanh_forward",
    "tanh_forward_naive",
]


def _forward(x: Array, out: Array | None, serial: Any, shared: Any) -> tuple[Array, Array]:
    x = as_float(x)
    y = fitting(out, x.shape, x.dtype)
    parts = threads.count()
    if parts > 1 and x.size >= WORTH_SHARING:
        shared(flat(x), flat(y), parts)
    else:
        serial(flat(x), flat(y))
    return y, y


def _backward(dy: Array, y: Array, out: Array | None, serial: Any, shared: Any) -> Array:
    dy = as_float(dy, "dy")
    expect_shape(dy, y.shape, "dy")
    dx = fitting(out, y.shape, y.dtype)
    parts = threads.count()
    if parts > 1 and y.size >= WORTH_SHARING:
        shared(flat(dy), flat(y), flat(dx), parts)
    else:
        serial(flat(dy), flat(y), flat(dx))
    return dx


def relu_forward(x: Array, *, out: Array | None = None) -> tuple[Array, Array]:
    """y = max(0, x) for an array of any shape; returns (y, cache). A NaN stays a NaN. `out` may be `x`."""
    return _forward(x, out, elementwise.relu, elementwise.relu_shared)


def relu_backward(dy: Array, cache: Array, *, out: Array | None = None) -> Array:
    """dx = dy where y > 0, else 0. `out` may be `dy`."""
    return _backward(dy, cache, out, elementwise.relu_backward, elementwise.relu_backward_shared)


def sigmoid_forward(x: Array, *, out: Array | None = None) -> tuple[Array, Array]:
    """y = 1 / (1 + exp(-x)) in (0, 1); returns (y, cache). Stable for any x."""
    return _forward(x, out, elementwise.sigmoid, elementwise.sigmoid_shared)


def sigmoid_backward(dy: Array, cache: Array, *, out: Array | None = None) -> Array:
    """dx = dy y (1 - y)."""
    return _backward(dy, cache, out, elementwise.sigmoid_backward, elementwise.sigmoid_backward_shared)


def tanh_forward(x: Array, *, out: Array | None = None) -> tuple[Array, Array]:
    """y = tanh(x) in (-1, 1); returns (y, cache)."""
    return _forward(x, out, elementwise.tanh, elementwise.tanh_shared)


def tanh_backward(dy: Array, cache: Array, *, out: Array | None = None) -> Array:
    """dx = dy (1 - y^2)."""
    return _backward(dy, cache, out, elementwise.tanh_backward, elementwise.tanh_backward_shared)


# ---- references ----------------------------------------------------------------------------------------------------


def _each(function: Callable[..., float], *arrays: Any) -> Array:
    """`function` applied to the elements one at a time, in float64."""
    values = [function(*map(float, elements)) for elements in zip(*(np.ravel(a) for a in arrays), strict=True)]
    return np.array(values, np.float64).reshape(np.shape(arrays[0]))


def _sigmoid(x: float) -> float:
    return 1.0 / (1.0 + math.exp(-x)) if x >= 0 else math.exp(x) / (1.0 + math.exp(x))


def relu_forward_naive(x: Any) -> Array:
    """Reference: the larger of 0 and x, one element at a time."""
    return _each(lambda v: max(0.0, v), x)


def relu_backward_naive(dy: Any, x: Any) -> Array:
    """Reference: dy where x > 0."""
    return _each(lambda g, v: g if v > 0 else 0.0, dy, x)


def sigmoid_forward_naive(x: Any) -> Array:
    """Reference: the logistic function, one element at a time."""
    return _each(_sigmoid, x)


def sigmoid_backward_naive(dy: Any, x: Any) -> Array:
    """Reference: dy s(x) s(-x), since 1 - s(x) = s(-x)."""
    return _each(lambda g, v: g * _sigmoid(v) * _sigmoid(-v), dy, x)


def tanh_forward_naive(x: Any) -> Array:
    """Reference: tanh, one element at a time."""
    return _each(math.tanh, x)


def tanh_backward_naive(dy: Any, x: Any) -> Array:
    """Reference: dy / cosh(x)^2, with cosh taken as infinite where it would overflow."""
    return _each(lambda g, v: g / math.cosh(v) ** 2 if abs(v) < 300 else 0.0, dy, x)
