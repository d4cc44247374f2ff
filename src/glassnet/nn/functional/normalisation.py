"""Batch normalisation of features (Ioffe and Szegedy 2015, algorithms 1 and 2).

For each feature over the n examples of a batch, with mean mu and biased variance s2,

    h_i = (x_i - mu) r      r = 1 / sqrt(s2 + eps)      y_i = g h_i + c

Derivation of the backward pass in training (mu and r depend on x). Let e_i = dL/dh_i = g dL/dy_i. From
dmu/dx_k = 1/n, ds2/dx_k = 2 (x_k - mu) / n and dr/ds2 = -r^3 / 2 it follows that
dh_i/dx_k = r (delta_ik - 1/n - h_i h_k / n), and so

    dL/dx_k = r (e_k - mean(e) - h_k mean(e h))     dL/dg = sum_i dy_i h_i     dL/dc = sum_i dy_i

In evaluation mu and s2 are constants (the running moments), hence dL/dx = g r dL/dy. The running variance takes the
unbiased estimate n / (n - 1) s2, as PyTorch does.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from glassnet.errors import GlassnetError
from glassnet.nn.functional.arrays import Array, as_float, expect_shape, fitting
from glassnet.nn.kernels import normalisation

__all__ = [
    "batchnorm_backward",
    "batchnorm_backward_naive",
    "batchnorm_forward",
    "batchnorm_forward_naive",
    "update_running_moments",
]


class BatchnormCache(NamedTuple):
    """What the backward pass needs, and the batch's own moments in float64 (None in evaluation)."""

    normalised: Array
    inverse_std: Array
    scale: Array
    moments: tuple[Array, Array] | None


def batchnorm_forward(
    x: Array,
    scale: Array,
    shift: Array,
    *,
    moments: tuple[Array, Array] | None = None,
    eps: float = 1e-5,
    out: tuple[Array | None, Array | None] = (None, None),
) -> tuple[Array, BatchnormCache]:
    """Normalise the columns of x (n, d), then scale and shift them.

    Parameters
    ----------
    x : (n, d) array; scale, shift : (d,) arrays
    moments : (mean, variance), each (d,), to normalise by (evaluation); None takes those of the batch (training),
        which needs at least two examples
    eps : added to the variance
    out : arrays (n, d) for y and for the normalised values

    Returns
    -------
    y : (n, d) array, and a cache for `batchnorm_backward`; `cache.moments` are the batch's own
    """
    x = as_float(x)
    if x.ndim != 2:
        raise GlassnetError(f"Batch normalisation takes features of shape (examples, features). Got {x.shape} instead.")
    n, d = x.shape
    expect_shape(scale, (d,), "scale")
    expect_shape(shift, (d,), "shift")
    own = None
    if moments is None:
        if n < 2:
            raise GlassnetError(f"Batch normalisation in training needs at least 2 examples a batch. Got {n} instead.")
        own = (np.empty(d), np.empty(d))
        normalisation.moments(x, *own)
    mean, variance = own if own is not None else (np.asarray(moments[0]), np.asarray(moments[1]))  # type: ignore[index]
    expect_shape(mean, (d,), "the mean")
    expect_shape(variance, (d,), "the variance")
    inverse_std = 1.0 / np.sqrt(variance.astype(np.float64) + eps)
    y, normalised = fitting(out[0], x.shape, x.dtype), fitting(out[1], x.shape, x.dtype)
    normalisation.normalise(x, mean.astype(np.float64), inverse_std, scale, shift, normalised, y)
    return y, BatchnormCache(normalised, inverse_std, scale, own)


def batchnorm_backward(
    dy: Array, cache: BatchnormCache, *, out: tuple[Array | None, Array | None, Array | None] = (None, None, None)
) -> tuple[Array, Array, Array]:
    """Gradients (dx, dscale, dshift) of batch normalisation, in the mode in which the forward pass ran."""
    dy = as_float(dy, "dy")
    normalised, inverse_std, scale, own = cache
    expect_shape(dy, normalised.shape, "dy")
    dx = fitting(out[0], dy.shape, dy.dtype)
    dscale, dshift = fitting(out[1], scale.shape, scale.dtype), fitting(out[2], scale.shape, scale.dtype)
    # In evaluation the kernel's dx is not wanted; it must not overwrite dy, which `out` may share.
    through_moments = dx if own is not None else np.empty_like(dx)
    normalisation.backward(dy, normalised, inverse_std, scale, through_moments, dscale, dshift)
    if own is None:
        np.multiply(dy, (scale * inverse_std).astype(dy.dtype), out=dx)
    return dx, dscale, dshift


def update_running_moments(running: tuple[Array, Array], batch: tuple[Array, Array], n: int, momentum: float) -> None:
    """running <- (1 - momentum) running + momentum batch, in place, with the unbiased variance of the n examples."""
    running[0][...] = (1 - momentum) * running[0] + momentum * batch[0]
    running[1][...] = (1 - momentum) * running[1] + momentum * batch[1] * (n / (n - 1))


def batchnorm_forward_naive(
    x: Any, scale: Any, shift: Any, moments: tuple[Any, Any] | None = None, eps: float = 1e-5
) -> Array:
    """Reference: one feature after the other, by the definition."""
    x = np.asarray(x, np.float64)
    y: Array = np.empty_like(x)
    for j in range(x.shape[1]):
        column = x[:, j]
        mean = moments[0][j] if moments else sum(column) / len(column)
        variance = moments[1][j] if moments else sum((v - mean) ** 2 for v in column) / len(column)
        for i, v in enumerate(column):
            y[i, j] = scale[j] * (v - mean) / np.sqrt(variance + eps) + shift[j]
    return y


def batchnorm_backward_naive(
    dy: Any, x: Any, scale: Any, moments: tuple[Any, Any] | None = None, eps: float = 1e-5
) -> tuple[Array, Array, Array]:
    """Reference: dL/dx_k = sum_i dL/dy_i dy_i/dx_k with the derivative of every pair (i, k) written out."""
    x, dy = np.asarray(x, np.float64), np.asarray(dy, np.float64)
    n, d = x.shape
    dx, dscale, dshift = np.zeros((n, d)), np.zeros(d), np.zeros(d)
    for j in range(d):
        mean = moments[0][j] if moments else x[:, j].mean()
        variance = moments[1][j] if moments else ((x[:, j] - mean) ** 2).mean()
        r = 1 / np.sqrt(variance + eps)
        h = (x[:, j] - mean) * r
        for i in range(n):
            dscale[j] += dy[i, j] * h[i]
            dshift[j] += dy[i, j]
            for k in range(n):
                slope = float(i == k)
                if moments is None:
                    slope -= (1 + h[i] * h[k]) / n
                dx[k, j] += dy[i, j] * scale[j] * r * slope
    return dx, dscale, dshift
