"""Activations: ReLU, ReLU6, sigmoid and hyperbolic tangent, applied to every element.

Derivations. With y = f(x) element by element, dL/dx = dL/dy f'(x), and for all of them f'(x) can be had from y alone,
so that y is all that a backward pass keeps:

    relu     y = max(0, x)            f' = 1 where y > 0, else 0 (at x = 0 the derivative is taken to be 0)
    relu6    y = min(max(0, x), 6)    f' = 1 where 0 < y < 6, else 0 (at x = 6 it is 0 as well)
    sigmoid  y = 1 / (1 + exp(-x))    f' = exp(-x) / (1 + exp(-x))^2 = y (1 - y)
    tanh     y = tanh(x)              f' = 1 - tanh(x)^2 = 1 - y^2

The sigmoid is computed from exp(-|x|), which cannot overflow. ReLU6 is from Krizhevsky, "Convolutional Deep Belief
Networks on CIFAR-10", 2010; a ReLU with a ceiling keeps its numbers in the range of low precision.

Other operations do a ReLU in the same pass as their own work. They take it as `relu`: False, True, or a number that is
the ceiling: min(max(0, y), relu).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from glassnet import threads
from glassnet.errors import GlassnetError
from glassnet.nn.functional.arrays import Array, as_float, expect_shape, fitting, flat
from glassnet.nn.kernels import elementwise
from glassnet.nn.kernels.options import WORTH_SHARING
from glassnet.nn.kernels.recording import recording_now

__all__ = [
    "relu_backward",
    "relu_backward_naive",
    "relu_ceiling",
    "relu_forward",
    "relu_forward_naive",
    "relu_pieces",
    "sigmoid_backward",
    "sigmoid_backward_naive",
    "sigmoid_forward",
    "sigmoid_forward_naive",
    "tanh_backward",
    "tanh_backward_naive",
    "tanh_forward",
    "tanh_forward_naive",
]


def _forward(x: Array, out: Array | None, serial: Any, shared: Any, *settings: float) -> tuple[Array, Array]:
    x = as_float(x)
    y = fitting(out, x.shape, x.dtype)
    parts = threads.count() if x.size >= WORTH_SHARING else 1
    if parts > 1 or recording_now():
        shared(flat(x), flat(y), *settings, parts)
    else:
        serial(flat(x), flat(y), *settings)
    return y, y


def _backward(dy: Array, y: Array, out: Array | None, serial: Any, shared: Any, *settings: float) -> Array:
    dy = as_float(dy, "dy")
    expect_shape(dy, y.shape, "dy")
    dx = fitting(out, y.shape, y.dtype)
    parts = threads.count()
    if parts > 1 and y.size >= WORTH_SHARING:
        shared(flat(dy), flat(y), flat(dx), *settings, parts)
    else:
        serial(flat(dy), flat(y), flat(dx), *settings)
    return dx


def relu_forward(x: Array, *, ceiling: float = math.inf, out: Array | None = None) -> tuple[Array, Array]:
    """y = min(max(0, x), ceiling) for an array of any shape; returns (y, cache). `out` may be `x`. A NaN stays one.

    Examples
    --------
    >>> from glassnet.nn import functional as F
    >>> F.relu_forward(np.array([[-1.0, 2.0]]))[0]
    array([[0., 2.]])
    """
    return _forward(x, out, elementwise.relu, elementwise.relu_shared, ceiling)


def relu_backward(dy: Array, cache: Array, *, ceiling: float = math.inf, out: Array | None = None) -> Array:
    """dx = dy where 0 < y < ceiling, else 0. `out` may be `dy`.

    Examples
    --------
    >>> from glassnet.nn import functional as F
    >>> _, cache = F.relu_forward(np.array([[-1.0, 2.0]]))
    >>> F.relu_backward(np.array([[5.0, 5.0]]), cache)
    array([[0., 5.]])
    """
    return _backward(dy, cache, out, elementwise.relu_backward, elementwise.relu_backward_shared, ceiling)


def relu_ceiling(relu: bool | float) -> float:
    """What kernels are told about a ReLU: its ceiling (infinity without one), 0 for no ReLU at all.

    Raises `GlassnetError` for a ceiling that is not above 0.

    Examples
    --------
    >>> from glassnet.nn import functional as F
    >>> F.relu_ceiling(True), F.relu_ceiling(6.0), F.relu_ceiling(False)
    (inf, 6.0, 0.0)
    """
    if isinstance(relu, (bool, np.bool_)):
        return math.inf if relu else 0.0
    if not relu >= 0:
        raise GlassnetError(f"relu must be False, True or a ceiling above 0. Got {relu} instead.")
    return float(relu)


def relu_pieces(y: Array, ceiling: float = math.inf) -> list[Array]:
    """On which of its straight pieces a ReLU was, from its results: above 0, and below the ceiling if there is one.

    Examples
    --------
    >>> from glassnet.nn import functional as F
    >>> [piece.tolist() for piece in F.relu_pieces(np.array([0.0, 2.0]))]
    [[False, True]]
    """
    return [y > 0] + ([y < ceiling] if ceiling < math.inf else [])


def sigmoid_forward(x: Array, *, out: Array | None = None) -> tuple[Array, Array]:
    """y = 1 / (1 + exp(-x)) in (0, 1); returns (y, cache). Stable for any x.

    Examples
    --------
    >>> from glassnet.nn import functional as F
    >>> F.sigmoid_forward(np.array([0.0, -1000.0, 1000.0]))[0]
    array([0.5, 0. , 1. ])
    """
    return _forward(x, out, elementwise.sigmoid, elementwise.sigmoid_shared)


def sigmoid_backward(dy: Array, cache: Array, *, out: Array | None = None) -> Array:
    """dx = dy y (1 - y).

    Examples
    --------
    >>> from glassnet.nn import functional as F
    >>> y, cache = F.sigmoid_forward(np.array([0.0]))
    >>> F.sigmoid_backward(np.array([1.0]), cache)
    array([0.25])
    """
    return _backward(dy, cache, out, elementwise.sigmoid_backward, elementwise.sigmoid_backward_shared)


def tanh_forward(x: Array, *, out: Array | None = None) -> tuple[Array, Array]:
    """y = tanh(x) in (-1, 1); returns (y, cache).

    Examples
    --------
    >>> from glassnet.nn import functional as F
    >>> F.tanh_forward(np.array([0.0, 1000.0]))[0]
    array([0., 1.])
    """
    return _forward(x, out, elementwise.tanh, elementwise.tanh_shared)


def tanh_backward(dy: Array, cache: Array, *, out: Array | None = None) -> Array:
    """dx = dy (1 - y^2).

    Examples
    --------
    >>> from glassnet.nn import functional as F
    >>> _, cache = F.tanh_forward(np.array([0.0, 1000.0]))
    >>> F.tanh_backward(np.array([1.0, 1.0]), cache)
    array([1., 0.])
    """
    return _backward(dy, cache, out, elementwise.tanh_backward, elementwise.tanh_backward_shared)


# ---- references ----------------------------------------------------------------------------------------------------


def _each(function: Callable[..., float], *arrays: Any) -> Array:
    """`function` applied to the elements one at a time, in float64."""
    values = [function(*map(float, elements)) for elements in zip(*(np.ravel(a) for a in arrays), strict=True)]
    return np.array(values, np.float64).reshape(np.shape(arrays[0]))


def _sigmoid(x: float) -> float:
    return 1.0 / (1.0 + math.exp(-x)) if x >= 0 else math.exp(x) / (1.0 + math.exp(x))


def relu_forward_naive(x: Any, ceiling: float = math.inf) -> Array:
    """Reference: the larger of 0 and x, and no more than the ceiling, one element at a time.

    Examples
    --------
    >>> from glassnet.nn import functional as F
    >>> F.relu_forward_naive([[-1.0, 2.0, 9.0]], 6)
    array([[0., 2., 6.]])
    """
    return _each(lambda v: min(max(0.0, v), ceiling), x)


def relu_backward_naive(dy: Any, x: Any, ceiling: float = math.inf) -> Array:
    """Reference: dy where 0 < x < ceiling.

    Examples
    --------
    >>> from glassnet.nn import functional as F
    >>> F.relu_backward_naive([[5.0, 5.0]], [[-1.0, 2.0]])
    array([[0., 5.]])
    """
    return _each(lambda g, v: g if 0 < v < ceiling else 0.0, dy, x)


def sigmoid_forward_naive(x: Any) -> Array:
    """Reference: the logistic function, one element at a time.

    Examples
    --------
    >>> from glassnet.nn import functional as F
    >>> F.sigmoid_forward_naive([0.0])
    array([0.5])
    """
    return _each(_sigmoid, x)


def sigmoid_backward_naive(dy: Any, x: Any) -> Array:
    """Reference: dy s(x) s(-x), since 1 - s(x) = s(-x).

    Examples
    --------
    >>> from glassnet.nn import functional as F
    >>> F.sigmoid_backward_naive([1.0], [0.0])
    array([0.25])
    """
    return _each(lambda g, v: g * _sigmoid(v) * _sigmoid(-v), dy, x)


def tanh_forward_naive(x: Any) -> Array:
    """Reference: tanh, one element at a time.

    Examples
    --------
    >>> from glassnet.nn import functional as F
    >>> F.tanh_forward_naive([0.0])
    array([0.])
    """
    return _each(math.tanh, x)


def tanh_backward_naive(dy: Any, x: Any) -> Array:
    """Reference: dy / cosh(x)^2, with cosh taken as infinite where it would overflow.

    Examples
    --------
    >>> from glassnet.nn import functional as F
    >>> F.tanh_backward_naive([1.0], [0.0])
    array([1.])
    """
    return _each(lambda g, v: g / math.cosh(v) ** 2 if abs(v) < 300 else 0.0, dy, x)
