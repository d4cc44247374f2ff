"""Batch normalisation of features and of images' channels (Ioffe and Szegedy 2015, algorithms 1 and 2).

For each feature over the m examples of a batch (for a channel, over the m = n h w pixels of all its images), with mean
mu and biased variance s2,

    h_i = (x_i - mu) r      r = 1 / sqrt(s2 + eps)      y_i = g h_i + c

Derivation of the backward pass in training (mu and r depend on x). Let e_i = dL/dh_i = g dL/dy_i. From
dmu/dx_k = 1/m, ds2/dx_k = 2 (x_k - mu) / m and dr/ds2 = -r^3 / 2 it follows that
dh_i/dx_k = r (delta_ik - 1/m - h_i h_k / m), and so

    dL/dx_k = r (e_k - mean(e) - h_k mean(e h))     dL/dg = sum_i dy_i h_i     dL/dc = sum_i dy_i

In evaluation mu and s2 are constants (the running moments), hence dL/dx = g r dL/dy. The running variance takes the
unbiased estimate m / (m - 1) s2, as PyTorch does.

A ReLU can follow in the same pass, y_i = max(0, g h_i + c); then dL/dy_i above is 0 wherever y_i is not above 0. The
backward pass keeps x alone and computes h and the ReLU's mask again: these are a few operations in registers, while
reading a stored h or y would cost as much time as the whole pass takes to read x, and storing h as much memory as x.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

from glassnet import threads
from glassnet.errors import GlassnetError
from glassnet.nn.functional.activation import relu_ceiling
from glassnet.nn.functional.arrays import Array, as_float, expect_shape, fitting, flat
from glassnet.nn.kernels import normalisation
from glassnet.nn.kernels.options import WORTH_SHARING
from glassnet.nn.kernels.recording import alone

__all__ = [
    "batchnorm_backward",
    "batchnorm_backward_naive",
    "batchnorm_forward",
    "batchnorm_forward_naive",
    "batchnorm_line",
    "update_running_moments",
]


class BatchnormCache(NamedTuple):
    """What the backward pass needs (x is referenced, not copied), and the batch's own moments in float64.

    `moments` are None in evaluation. `line` (3, d) are centre, slope and offset of y = (x - centre) slope + offset.
    """

    x: Array
    mean: Array
    inverse_std: Array
    line: Array
    relu: float
    moments: tuple[Array, Array] | None


def batchnorm_forward(
    x: Array,
    scale: Array,
    shift: Array,
    *,
    moments: tuple[Array, Array] | None = None,
    eps: float = 1e-5,
    relu: bool | float = False,
    out: Array | None = None,
) -> tuple[Array, BatchnormCache]:
    """Normalise every feature or channel of x, then scale and shift it.

    Parameters
    ----------
    x : (n, d) or (n, h, w, d) array
        Features or images; statistics are taken over everything but the last axis. The backward pass reads
        x again: it must not change in between.
    scale, shift : (d,) arrays
    moments : pair of (d,) arrays, optional
        Mean and variance to normalise by (evaluation); None takes those of the batch (training), which needs at least
        two values per feature.
    eps : float
        Added to the variance.
    relu : bool or float
        Take max(0, y) in the same pass, and with a number no more than that; a NaN stays a NaN.
    out : array, optional
        Of x's shape, for y.

    Returns
    -------
    y : array
        Of x's shape.
    cache : BatchnormCache
        For `batchnorm_backward`; `cache.moments` are the batch's own, float64.

    Raises
    ------
    GlassnetError
        The shapes do not fit, or there are too few values for a variance.

    Examples
    --------
    >>> from glassnet.nn import functional as F
    >>> y, cache = F.batchnorm_forward(np.array([[1.0], [3.0]]), np.ones(1), np.zeros(1))
    >>> y.ravel().round(3)
    array([-1.,  1.])
    """
    x = as_float(x)
    if x.ndim not in (2, 4):
        raise GlassnetError(f"Batch normalisation takes (n, features) or (n, h, w, channels). Got {x.shape} instead.")
    n, d = math.prod(x.shape[:-1]), x.shape[-1]
    expect_shape(scale, (d,), "scale")
    expect_shape(shift, (d,), "shift")
    if moments is None:
        if n < 2:
            raise GlassnetError(
                f"Batch normalisation in training needs at least 2 values per channel. Got {n} instead."
            )
        mean, variance = own = _moments(x, n)
    else:
        own = None
        mean, variance = (np.asarray(values, np.float64) for values in moments)
    expect_shape(mean, (d,), "the mean")
    expect_shape(variance, (d,), "the variance")
    inverse_std, line = np.empty(d), np.empty((3, d), x.dtype)
    told = mean, variance, float(eps), scale, shift
    alone(normalisation.coefficients, normalisation.coefficients_shared, *told, inverse_std, line)
    y = fitting(out, x.shape, x.dtype)
    top = relu_ceiling(relu)
    normalisation.normalise(flat(x), line, top, flat(y), n, _parts(x, n))
    return y, BatchnormCache(x, mean, inverse_std, line, top, own)


def batchnorm_line(
    scale: Array, shift: Array, moments: tuple[Array, Array], bias: Array | None = None, *, eps: float = 1e-5
) -> tuple[Array, Array]:
    """(slope, offset), both (d,): in evaluation the normalisation of x + bias is slope x + offset.

    From y = g (x + b - mu) r + c with r = 1 / sqrt(s2 + eps): slope = g r and offset = c + (b - mu) g r.

    Parameters
    ----------
    scale, shift : (d,) arrays
    moments : pair of (d,) float64 arrays
        Mean and variance.
    bias : (d,) array, optional
        None for 0.
    eps : float
        Added to the variance.

    Examples
    --------
    >>> from glassnet.nn import functional as F
    >>> F.batchnorm_line(np.array([2.0]), np.array([1.0]), (np.array([3.0]), np.array([4.0])), eps=0.0)
    (array([1.]), array([-2.]))
    """
    for values, what in ((shift, "shift"), *zip(moments, ("the mean", "the variance"), strict=True)):
        expect_shape(values, scale.shape, what)
    slope, offset = np.empty_like(scale), np.empty_like(scale)
    bias = np.empty(0, scale.dtype) if bias is None else bias
    normalisation.epilogue_line(*moments, float(eps), scale, shift, bias, slope, offset, 1)
    return slope, offset


def _moments(x: Array, n: int) -> tuple[Array, Array]:
    """Mean and biased variance (d,) of the n rows of x, in float64."""
    parts = _parts(x, n)
    means, squares = np.empty((parts, x.shape[-1])), np.empty((parts, x.shape[-1]))
    normalisation.moments(flat(x), n, means, squares, parts)
    normalisation.join_moments(means, squares, n)
    return means[0], squares[0] / n


def _parts(x: Array, n: int) -> int:
    """Threads worth waking for x with its n rows."""
    return min(threads.count(), n) if x.size >= WORTH_SHARING else 1


def batchnorm_backward(
    dy: Array, cache: BatchnormCache, *, out: tuple[Array | None, Array | None, Array | None] = (None, None, None)
) -> tuple[Array, Array, Array]:
    """Gradients (dx, dscale, dshift) of batch normalisation, in the mode in which the forward pass ran.

    dy: array of x's shape. `out` are arrays to write the three into; that of dx may be dy itself. Where a ReLU
    followed, its derivative at 0 is taken to be 0.

    Examples
    --------
    >>> from glassnet.nn import functional as F
    >>> y, cache = F.batchnorm_forward(np.array([[1.0], [3.0], [4.0]]), np.ones(1), np.zeros(1))
    >>> dx, dscale, dshift = F.batchnorm_backward(np.array([[1.0], [0.0], [0.0]]), cache)
    >>> abs(float(dx.sum())) < 1e-12, dshift
    (True, array([1.]))
    """
    x, mean, inverse_std, line, relu, own = cache
    dy = as_float(dy, "dy").astype(x.dtype, copy=False)
    expect_shape(dy, x.shape, "dy")
    dx = fitting(out[0], x.shape, x.dtype)
    dscale, dshift = fitting(out[1], mean.shape, x.dtype), fitting(out[2], mean.shape, x.dtype)
    n, train = math.prod(x.shape[:-1]), own is not None
    parts = _parts(x, n)
    sums, products, rest = np.empty((parts, mean.size)), np.empty((parts, mean.size)), np.empty_like(line[:2])
    normalisation.sums_of_gradients(flat(dy), flat(x), line, relu, n, sums, products, parts)
    normalisation.add_up(sums)
    normalisation.add_up(products)
    normalisation.gradient_line(sums[0], products[0], n, mean, inverse_std, line, dscale, dshift, rest)
    normalisation.input_gradient(flat(dy), flat(x), line, relu, train, rest, flat(dx), n, parts)
    return dx, dscale, dshift


def update_running_moments(running: tuple[Array, Array], batch: tuple[Array, Array], n: int, momentum: float) -> None:
    """running <- (1 - momentum) running + momentum batch, in place, with the unbiased variance of the n values.

    n is the number of values per feature: the number of examples, for channels of images n h w.

    Examples
    --------
    >>> from glassnet.nn import functional as F
    >>> mean, variance = np.zeros(1), np.ones(1)
    >>> F.update_running_moments((mean, variance), (np.array([10.0]), np.array([3.0])), n=4, momentum=0.1)
    >>> mean, variance.round(3)
    (array([1.]), array([1.3]))
    """
    running[0][...] = (1 - momentum) * running[0] + momentum * batch[0]
    running[1][...] = (1 - momentum) * running[1] + momentum * batch[1] * (n / (n - 1))


def batchnorm_forward_naive(
    x: Any, scale: Any, shift: Any, moments: tuple[Any, Any] | None = None, eps: float = 1e-5, relu: bool = False
) -> Array:
    """Reference: one feature after the other, by the definition.

    Examples
    --------
    >>> from glassnet.nn import functional as F
    >>> F.batchnorm_forward_naive([[1.0], [3.0]], [1.0], [0.0]).ravel().round(3)
    array([-1.,  1.])
    """
    x = np.asarray(x, np.float64)
    y: Array = np.empty_like(x)
    for j in range(x.shape[-1]):
        values = x[..., j]
        mean = moments[0][j] if moments else sum(values.flat) / values.size
        variance = moments[1][j] if moments else sum((v - mean) ** 2 for v in values.flat) / values.size
        for at in np.ndindex(values.shape):
            v = scale[j] * (values[at] - mean) / np.sqrt(variance + eps) + shift[j]
            y[(*at, j)] = max(0.0, v) if relu else v
    return y


def batchnorm_backward_naive(
    dy: Any,
    x: Any,
    scale: Any,
    moments: tuple[Any, Any] | None = None,
    eps: float = 1e-5,
    *,
    relu_shift: Any = None,
) -> tuple[Array, Array, Array]:
    """Reference: dL/dx_k = sum_i dL/dy_i dy_i/dx_k with the derivative of every pair (i, k) written out.

    `relu_shift` is the shift, given where a ReLU follows: dy then counts only where y > 0.

    Examples
    --------
    >>> from glassnet.nn import functional as F
    >>> dx, dscale, dshift = F.batchnorm_backward_naive([[1.0], [0.0], [0.0]], [[1.0], [3.0], [4.0]], [1.0])
    >>> dshift
    array([1.])
    """
    shape, d = np.shape(x), np.shape(x)[-1]
    x, dy = np.asarray(x, np.float64).reshape(-1, d), np.array(dy, np.float64).reshape(-1, d)
    n = len(x)
    dx, dscale, dshift = np.zeros((n, d)), np.zeros(d), np.zeros(d)
    for j in range(d):
        mean = moments[0][j] if moments else x[:, j].mean()
        variance = moments[1][j] if moments else ((x[:, j] - mean) ** 2).mean()
        r = 1 / np.sqrt(variance + eps)
        h = (x[:, j] - mean) * r
        for i in range(n):
            if relu_shift is not None and scale[j] * h[i] + relu_shift[j] <= 0:
                continue
            dscale[j] += dy[i, j] * h[i]
            dshift[j] += dy[i, j]
            for k in range(n):
                slope = float(i == k)
                if moments is None:
                    slope -= (1 + h[i] * h[k]) / n
                dx[k, j] += dy[i, j] * scale[j] * r * slope
    return dx.reshape(shape), dscale, dshift
