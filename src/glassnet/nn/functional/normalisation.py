"""Batch normalisation of features or channels (Ioffe and Szegedy 2015, algorithms 1 and 2).

For each feature (the last axis) over the n values it takes in a batch, with mean mu and biased variance s2,

    h_i = (x_i - mu) r      r = 1 / sqrt(s2 + eps)      y_i = g h_i + c

For pictures (N, H, W, C) a channel takes n = N H W values. Derivation of the backward pass in training (mu and r depend
on x). Let e_i = dL/dh_i = g dL/dy_i. From dmu/dx_k = 1/n, ds2/dx_k = 2 (x_k - mu) / n and dr/ds2 = -r^3 / 2 it follows
that dh_i/dx_k = r (delta_ik - 1/n - h_i h_k / n), and so

    dL/dx_k = r (e_k - mean(e) - h_k mean(e h))     dL/dg = sum_i dy_i h_i     dL/dc = sum_i dy_i

In evaluation mu and s2 are constants (the running moments), hence dL/dx = g r dL/dy. The running variance takes the
unbiased estimate n / (n - 1) s2, as PyTorch does.

A ReLU that follows can be applied as y is written. Going back, dy is then masked by y > 0, and y, like h, is computed
again from x: one array is kept for the backward pass, not three, and x is the output of the layer before.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from glassnet import threads
from glassnet.errors import GlassnetError
from glassnet.nn.functional.arrays import Array, as_float, expect_shape, fitting
from glassnet.nn.kernels import normalisation
from glassnet.nn.kernels.options import WORTH_SHARING

__all__ = [
    "batchnorm_backward",
    "batchnorm_backward_naive",
    "batchnorm_forward",
    "batchnorm_forward_naive",
    "update_running_moments",
]

_SAMPLE = 32  # rows whose mean is the shift under which squares are added up


class BatchnormCache(NamedTuple):
    """What the backward pass needs: x and, by feature, mean, r, g r and c; the batch's moments (None in evaluation)."""

    x: Array
    mean: Array
    inverse_std: Array
    slope: Array
    shift: Array
    relu: bool
    moments: tuple[Array, Array] | None


def batchnorm_forward(
    x: Array,
    scale: Array,
    shift: Array,
    *,
    moments: tuple[Array, Array] | None = None,
    eps: float = 1e-5,
    relu: bool = False,
    out: Array | None = None,
) -> tuple[Array, BatchnormCache]:
    """Normalise each feature of x, then scale and shift it.

    Parameters
    ----------
    x : (n, d) array, or (n, h, w, d) with a feature a channel; scale, shift : (d,) arrays
    moments : (mean, variance), each (d,), to normalise by (evaluation); None takes those of the batch (training),
        which needs at least two values a feature
    eps : added to the variance
    relu : y = max(0, .) in the same pass
    out : array like x for y

    Returns
    -------
    y : array like x, and a cache for `batchnorm_backward`; `cache.moments` are the batch's own, in float64

    Raises
    ------
    GlassnetError
        The shapes do not fit, or there are fewer than two values a feature to take moments of.
    """
    x = as_float(x)
    if x.ndim not in (2, 4):
        raise GlassnetError(
            f"Batch normalisation takes features (examples, features) or pictures (n, h, w, c). Got {x.shape} instead."
        )
    d = x.shape[-1]
    expect_shape(scale, (d,), "scale")
    expect_shape(shift, (d,), "shift")
    rows = x.reshape(-1, d)
    parts = _parts(x)
    own = None
    if moments is None:
        if len(rows) < 2:
            raise GlassnetError(
                f"Batch normalisation in training needs at least 2 values a feature. Got {len(rows)} instead."
            )
        own = _moments(rows, parts)
    mean, variance = own if own is not None else (np.asarray(moments[0]), np.asarray(moments[1]))  # type: ignore[index]
    expect_shape(mean, (d,), "the mean")
    expect_shape(variance, (d,), "the variance")
    inverse_std = 1.0 / np.sqrt(variance.astype(np.float64) + eps)
    slope, mean, shift = ((a).astype(x.dtype) for a in (scale * inverse_std, mean, shift))
    y = fitting(out, x.shape, x.dtype)
    normalisation.normalise(rows, mean, slope, shift, relu, y.reshape(-1, d), parts)
    return y, BatchnormCache(x, mean, inverse_std, slope, shift, relu, own)


def batchnorm_backward(
    dy: Array, cache: BatchnormCache, *, out: tuple[Array | None, Array | None, Array | None] = (None, None, None)
) -> tuple[Array, Array, Array]:
    """Gradients (dx, dscale, dshift) of batch normalisation, in the mode in which the forward pass ran.

    dy has the shape of x; `out` are arrays to write into, of which the one for dx may be dy itself.
    """
    x, mean, inverse_std, slope, shift, relu, own = cache
    dy = as_float(dy, "dy").astype(x.dtype, copy=False)
    expect_shape(dy, x.shape, "dy")
    d = x.shape[-1]
    dx = fitting(out[0], x.shape, x.dtype)
    dscale, dshift = fitting(out[1], (d,), x.dtype), fitting(out[2], (d,), x.dtype)
    rows, upstream, parts = x.reshape(-1, d), dy.reshape(-1, d), _parts(x)
    sums = np.empty((parts, 2, d))
    normalisation.gradient_sums(
        upstream, rows, mean, slope, shift, relu, np.empty((parts, 2, d), x.dtype), sums, parts
    )  # fmt: skip
    total, product = sums[0]
    dshift[...] = total
    dscale[...] = product * inverse_std
    if own is None:
        constant = factor = np.zeros(d, x.dtype)
    else:
        constant = (total / len(rows)).astype(x.dtype)
        factor = (product * inverse_std**2 / len(rows)).astype(x.dtype)
    normalisation.input_gradient(
        upstream, rows, mean, slope, shift, relu, constant, factor, dx.reshape(-1, d), parts
    )  # fmt: skip
    return dx, dscale, dshift


def _parts(x: Array) -> int:
    return threads.count() if x.size >= WORTH_SHARING else 1


def _moments(rows: Array, parts: int) -> tuple[Array, Array]:
    """Mean and biased variance of each column, in float64."""
    n, d = rows.shape
    sample = rows[:: max(1, n // _SAMPLE)][:_SAMPLE]
    shift = sample.mean(axis=0, dtype=np.float64).astype(rows.dtype)
    mean, variance = np.empty(d), np.empty(d)
    scratch, sums = np.empty((parts, 2, d), rows.dtype), np.empty((parts, 2, d))
    normalisation.moments(rows, shift, scratch, sums, mean, variance, parts)
    return mean, variance


def update_running_moments(running: tuple[Array, Array], batch: tuple[Array, Array], n: int, momentum: float) -> None:
    """running <- (1 - momentum) running + momentum batch, in place, with the unbiased variance of the n examples."""
    running[0][...] = (1 - momentum) * running[0] + momentum * batch[0]
    running[1][...] = (1 - momentum) * running[1] + momentum * batch[1] * (n / (n - 1))


def batchnorm_forward_naive(
    x: Any, scale: Any, shift: Any, moments: tuple[Any, Any] | None = None, eps: float = 1e-5, relu: bool = False
) -> Array:
    """Reference: one feature after the other, by the definition."""
    rows = np.asarray(x, np.float64).reshape(-1, np.shape(x)[-1])
    y: Array = np.empty_like(rows)
    for j in range(rows.shape[1]):
        column = rows[:, j]
        mean = moments[0][j] if moments else sum(column) / len(column)
        variance = moments[1][j] if moments else sum((v - mean) ** 2 for v in column) / len(column)
        for i, v in enumerate(column):
            y[i, j] = scale[j] * (v - mean) / np.sqrt(variance + eps) + shift[j]
    if relu:
        y = np.maximum(y, 0)
    return y.reshape(np.shape(x))


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
    """
    features = np.shape(x)[-1]
    rows = np.asarray(x, np.float64).reshape(-1, features)
    upstream = np.asarray(dy, np.float64).reshape(-1, features)
    n, d = rows.shape
    dx, dscale, dshift = np.zeros((n, d)), np.zeros(d), np.zeros(d)
    for j in range(d):
        mean = moments[0][j] if moments else rows[:, j].mean()
        variance = moments[1][j] if moments else ((rows[:, j] - mean) ** 2).mean()
        r = 1 / np.sqrt(variance + eps)
        h = (rows[:, j] - mean) * r
        for i in range(n):
            if relu_shift is not None and scale[j] * h[i] + relu_shift[j] <= 0:
                continue
            dscale[j] += upstream[i, j] * h[i]
            dshift[j] += upstream[i, j]
            for k in range(n):
                slope = float(i == k)
                if moments is None:
                    slope -= (1 + h[i] * h[k]) / n
                dx[k, j] += upstream[i, j] * scale[j] * r * slope
    return dx.reshape(np.shape(x)), dscale, dshift
