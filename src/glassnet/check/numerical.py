"""Numerical gradients by central differences, and how far an analytic gradient is from them.

For a function y = f(x) of arrays and an upstream gradient u = dL/dy, the gradient of L = sum(u * f(x)) is

    dL/dx_i ~ sum(u * (f(x + h e_i) - f(x - h e_i))) / 2h        with an error of h^2/6 f''' + rounding / h

The outputs are subtracted before they are contracted with u, so that outputs that do not move cancel exactly. The
upstream gradient should be random: under one of ones the true gradient of softmax or of batch normalisation is about
0, and a wrong one may be as well.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from glassnet.errors import CheckError

__all__ = ["DEFAULT_STEP", "gradient_error", "numerical_gradient", "sampled_numerical_gradient"]

Array = NDArray[Any]

# With float64 the rounding error eps / h and the truncation error h^2 are level near eps^(1/3), about 6e-6.
DEFAULT_STEP = 1e-5


def numerical_gradient(
    f: Callable[[Array], Any], x: Any, upstream: Any = None, step: float = DEFAULT_STEP
) -> NDArray[np.float64]:
    """The gradient of sum(upstream * f(x)) with respect to every element of x, by central differences in float64.

    Parameters
    ----------
    f : callable
        Takes a float64 array of the shape of x, gives an array or a number; it must not keep or change its argument.
    x : array-like
        Of any shape.
    upstream : array-like, optional
        Of the shape of f(x); None only where f gives a single number.
    step : float
        Half the distance h between the two points.

    Returns
    -------
    float64 array
        Of the shape of x.

    Raises
    ------
    CheckError
        `upstream` does not fit f(x), or the step is not a positive number.

    Examples
    --------
    >>> from glassnet.check import numerical_gradient
    >>> numerical_gradient(lambda x: (x**2).sum(), np.array([1.0, 2.0])).round(6)
    array([2., 4.])
    """
    x = np.array(x, np.float64, order="C")
    indices = np.arange(x.size)
    return sampled_numerical_gradient(f, x, indices, upstream, step).reshape(x.shape)


def sampled_numerical_gradient(
    f: Callable[[Array], Any], x: Any, indices: Any, upstream: Any = None, step: float = DEFAULT_STEP
) -> NDArray[np.float64]:
    """As `numerical_gradient`, only for the elements of x at the flat `indices` (k,); returns (k,) float64.

    Examples
    --------
    >>> from glassnet.check import sampled_numerical_gradient
    >>> sampled_numerical_gradient(lambda x: (x**2).sum(), np.array([1.0, 2.0]), [1]).round(6)
    array([4.])
    """
    if not (step > 0 and np.isfinite(step)):
        raise CheckError(f"step must be a positive number. Got {step} instead.")
    x = np.array(x, np.float64, order="C")
    flat = x.reshape(-1)
    gradient = np.empty(len(indices))
    for position, index in enumerate(indices):
        middle = flat[index]
        flat[index] = high = middle + step
        above = np.array(f(x), np.float64)  # a copy: f may give back a buffer that it reuses
        flat[index] = low = middle - step
        below = np.array(f(x), np.float64)
        flat[index] = middle
        weights = _upstream(upstream, above.shape)
        # high - low, not 2 h: the two points are rounded.
        gradient[position] = np.sum(weights * (above - below)) / (high - low)
    return gradient


def _upstream(upstream: Any, shape: tuple[int, ...]) -> Array:
    if upstream is None:
        if int(np.prod(shape)) != 1:
            raise CheckError(f"A function with output of shape {shape} needs an upstream gradient. Got None instead.")
        return np.ones(shape)
    array = np.asarray(upstream, np.float64)
    if array.shape != shape:
        raise CheckError(f"The upstream gradient must have the output's shape {shape}. Got {array.shape} instead.")
    return array


def gradient_error(analytic: Any, numerical: Any, floor: float = 1e-8) -> float:
    """max|a - n| / max(|a|, |n|, floor), the maxima taken over the whole tensor; infinite where a value is not finite.

    One number a tensor: an element that happens to be near 0 does not spoil it, as it would element by element.
    Raises `CheckError` where the shapes differ.

    Examples
    --------
    >>> from glassnet.check import gradient_error
    >>> gradient_error([2.0, 4.0], [2.0, 5.0])
    0.2
    """
    a, n = np.asarray(analytic, np.float64), np.asarray(numerical, np.float64)
    if a.shape != n.shape:
        raise CheckError(f"The analytic gradient has shape {a.shape}, the numerical one {n.shape}: they must agree.")
    if a.size == 0:
        return 0.0
    if not (np.isfinite(a).all() and np.isfinite(n).all()):
        return float("inf")
    return float(np.abs(a - n).max() / max(np.abs(a).max(), np.abs(n).max(), floor))
