"""Losses. Each returns its value and, where training uses it, its gradient in the same pass.

Derivations (n examples, k classes, scores z (n, k), labels y):

softmax            p_j = exp(z_j) / sum_l exp(z_l)         dp_j/dz_l = p_j (delta_jl - p_l)
                   hence dz_l = p_l (dp_l - sum_j dp_j p_j)
log-softmax        y_j = z_j - log sum_l exp(z_l)          dy_j/dz_l = delta_jl - p_l with p_l = exp(y_l)
                   hence dz_l = dy_l - p_l sum_j dy_j
cross-entropy      L = -1/n sum_i log(p_iy + eps)          dL/dp_iy = -1 / (n (p_iy + eps)), 0 elsewhere
both as one        L = 1/n sum_i (log sum_j exp(z_ij) - z_iy)          dL/dz = (p - onehot) / n
                   with label smoothing s the target onehot becomes (1 - s) onehot + s / k  (Szegedy et al. 2016)
multi-class hinge  L = 1/n sum_i sum_{j != y} max(0, z_ij - z_iy + margin)  (Weston and Watkins 1999)
                   dL/dz_ij = 1/n where the margin is violated, dL/dz_iy = -(number of violations) / n
squared error      'mean'  L = 1/(n d) sum (y - t)^2,  dL/dy = 2 (y - t) / (n d)
                   'half'  L = 1/(2 n) sum (y - t)^2,  dL/dy = (y - t) / n      'sum'  L = sum (y - t)^2

One operation for softmax and cross-entropy never takes the logarithm of a rounded probability, so neither a large
score nor a confident mistake gives infinity or NaN.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from glassnet.errors import GlassnetError, nearest
from glassnet.nn.functional.arrays import Array, as_float, as_labels, expect_shape, fitting
from glassnet.nn.kernels import losses

__all__ = [
    "cross_entropy",
    "cross_entropy_backward",
    "cross_entropy_backward_naive",
    "cross_entropy_naive",
    "hinge",
    "hinge_naive",
    "log_softmax_backward",
    "log_softmax_backward_naive",
    "log_softmax_forward",
    "log_softmax_forward_naive",
    "softmax_backward",
    "softmax_backward_naive",
    "softmax_cross_entropy",
    "softmax_cross_entropy_naive",
    "softmax_forward",
    "softmax_forward_naive",
    "squared_error",
    "squared_error_factor",
    "squared_error_naive",
]


def _scores(z: Any) -> Array:
    scores = as_float(z, "scores")
    if scores.ndim != 2 or 0 in scores.shape:
        raise GlassnetError(f"scores must have shape (examples, classes), both at least 1. Got {scores.shape} instead.")
    return scores


def softmax_forward(z: Array, *, out: Array | None = None) -> tuple[Array, Array]:
    """p = softmax of every row of z (n, k), in [0, 1] with rows that sum to 1; returns (p, cache).

    Examples
    --------
    >>> from glassnet.nn import functional as F
    >>> p, cache = F.softmax_forward(np.array([[1010.0, 1020.0, 1030.0]]))
    >>> p.round(4)
    array([[0., 0., 1.]])
    """
    z = _scores(z)
    p = fitting(out, z.shape, z.dtype)
    losses.softmax(z, p)
    return p, p


def softmax_backward(dp: Array, cache: Array) -> Array:
    """dz = p (dp - sum_j dp_j p_j).

    Examples
    --------
    >>> from glassnet.nn import functional as F
    >>> p, cache = F.softmax_forward(np.array([[0.0, 0.0]]))
    >>> F.softmax_backward(np.array([[1.0, 0.0]]), cache)
    array([[ 0.25, -0.25]])
    """
    expect_shape(np.asarray(dp), cache.shape, "dp")
    gradient: Array = cache * (dp - (dp * cache).sum(axis=1, keepdims=True))
    return gradient


def log_softmax_forward(z: Array, *, out: Array | None = None) -> tuple[Array, Array]:
    """y = log of the softmax of every row of z (n, k), at most 0; returns (y, cache).

    No probability is rounded on the way: where softmax gives 0, this still says how small the probability is.

    Examples
    --------
    >>> from glassnet.nn import functional as F
    >>> F.log_softmax_forward(np.array([[0.0, 0.0]]))[0].round(4)
    array([[-0.6931, -0.6931]])
    """
    z = _scores(z)
    y = fitting(out, z.shape, z.dtype)
    losses.log_softmax(z, y)
    return y, y


def log_softmax_backward(dy: Array, cache: Array) -> Array:
    """dz = dy - p sum_j dy_j, with p = exp(y).

    Examples
    --------
    >>> from glassnet.nn import functional as F
    >>> _, cache = F.log_softmax_forward(np.array([[0.0, 0.0]]))
    >>> F.log_softmax_backward(np.array([[1.0, 0.0]]), cache)
    array([[ 0.5, -0.5]])
    """
    expect_shape(np.asarray(dy), cache.shape, "dy")
    gradient: Array = dy - np.exp(cache) * np.sum(dy, axis=1, keepdims=True)
    return gradient


def cross_entropy(p: Array, labels: Any, *, eps: float = 1e-9) -> tuple[float, tuple[Array, Array, float]]:
    """Mean of -log(p_y + eps) over given probabilities p (n, k); labels as integers or one-hot. Returns (loss, cache).

    `eps` keeps the logarithm finite. For training use `softmax_cross_entropy`, which needs none.

    Examples
    --------
    >>> from glassnet.nn import functional as F
    >>> loss, cache = F.cross_entropy(np.array([[0.1, 0.3, 0.6]]), [1])
    >>> round(loss, 10)
    1.203972801
    """
    p = _scores(p)
    labels = as_labels(labels, *p.shape)
    chosen = p[np.arange(len(p)), labels].astype(np.float64)
    return float(-np.log(chosen + eps).mean()), (p, labels, eps)


def cross_entropy_backward(cache: tuple[Array, Array, float]) -> Array:
    """Gradient of `cross_entropy` with respect to the probabilities, (n, k).

    Examples
    --------
    >>> from glassnet.nn import functional as F
    >>> loss, cache = F.cross_entropy(np.array([[0.5, 0.5]]), [1])
    >>> F.cross_entropy_backward(cache).round(6)
    array([[ 0., -2.]])
    """
    p, labels, eps = cache
    dp = np.zeros_like(p)
    rows = np.arange(len(p))
    dp[rows, labels] = -1 / (len(p) * (p[rows, labels] + eps))
    return dp


def softmax_cross_entropy(
    z: Array, labels: Any, *, smoothing: float = 0.0, out: Array | None = None
) -> tuple[float, Array]:
    """Softmax and cross-entropy as one operation, mean over the examples.

    Parameters
    ----------
    z : (n, k) array
        Scores, any finite size.
    labels : (n,) or (n, k) array
        Integers in [0, k), or one-hot rows.
    smoothing : float
        Label smoothing in [0, 1).
    out : (n, k) array, optional
        For the gradient.

    Returns
    -------
    loss : float
        The mean.
    dz : (n, k) array
        The gradient with respect to the scores.

    Examples
    --------
    >>> from glassnet.nn import functional as F
    >>> loss, dz = F.softmax_cross_entropy(np.zeros((2, 10)), [3, 7])
    >>> round(loss, 4), dz[0].round(3).tolist()
    (2.3026, [0.05, 0.05, 0.05, -0.45, 0.05, 0.05, 0.05, 0.05, 0.05, 0.05])
    """
    z = _scores(z)
    if not 0 <= smoothing < 1:
        raise GlassnetError(f"label smoothing must lie in 0 ... 1 (1 excluded). Got {smoothing} instead.")
    dz = fitting(out, z.shape, z.dtype)
    loss, _ = losses.softmax_cross_entropy(z, as_labels(labels, *z.shape), smoothing, dz)
    return loss, dz


def hinge(z: Array, labels: Any, *, margin: float = 1.0, out: Array | None = None) -> tuple[float, Array]:
    """Multi-class SVM hinge loss of scores z (n, k), mean over the examples; returns (loss, dz).

    Examples
    --------
    >>> from glassnet.nn import functional as F
    >>> loss, dz = F.hinge(np.zeros((1, 10)), [3])
    >>> float(loss), dz[0].tolist()
    (9.0, [1.0, 1.0, 1.0, -9.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0])
    """
    z = _scores(z)
    dz = fitting(out, z.shape, z.dtype)
    loss, _ = losses.hinge(z, as_labels(labels, *z.shape), margin, dz)
    return loss, dz


def squared_error_factor(n: int, size: int, convention: str) -> float:
    """The factor c of c * sum (y - t)^2 for n examples of `size` numbers: 'mean', 'half' or 'sum'."""
    factors = {"mean": 1 / max(1, n * size), "half": 1 / (2 * max(1, n)), "sum": 1.0}
    if convention not in factors:
        raise GlassnetError(f"Unknown convention '{convention}' of the squared error.{nearest(convention, factors)}")
    return factors[convention]


def squared_error(
    y: Array, target: Array, *, convention: str = "mean", out: Array | None = None
) -> tuple[float, Array]:
    """Squared error between y and target, arrays (n, ...) of one shape; returns (loss, dy).

    convention: 'mean' over all numbers, 'half' = half the sum a mean example, 'sum' over everything.

    Examples
    --------
    >>> from glassnet.nn import functional as F
    >>> loss, dy = F.squared_error(np.array([[1.0, 2.0]]), np.array([[1.0, 4.0]]))
    >>> float(loss), dy
    (2.0, array([[ 0., -2.]]))
    """
    y = as_float(y, "y")
    target = as_float(target, "target").astype(y.dtype, copy=False)
    expect_shape(target, y.shape, "target")
    n = y.shape[0] if y.ndim else 1
    if y.size == 0:
        raise GlassnetError(f"squared error needs at least one number. Got arrays of shape {y.shape} instead.")
    rows = y.reshape(n, -1)
    factor = squared_error_factor(n, rows.shape[1], convention)
    dy = fitting(out, y.shape, y.dtype)
    return losses.squared_error(rows, target.reshape(n, -1), factor, dy.reshape(n, -1)), dy


# ---- references ----------------------------------------------------------------------------------------------------


def softmax_forward_naive(z: Any) -> Array:
    """Reference: exp(z_j - max) / sum, row by row.

    Examples
    --------
    >>> from glassnet.nn import functional as F
    >>> F.softmax_forward_naive([[0.0, 0.0]])
    array([[0.5, 0.5]])
    """
    rows = []
    for row in np.asarray(z, np.float64):
        exps = [math.exp(v - max(row)) for v in row]
        rows.append([e / sum(exps) for e in exps])
    return np.array(rows)


def softmax_backward_naive(dp: Any, z: Any) -> Array:
    """Reference: each row times its full Jacobian p_j (delta_jl - p_l).

    Examples
    --------
    >>> from glassnet.nn import functional as F
    >>> F.softmax_backward_naive([[1.0, 0.0]], [[0.0, 0.0]])
    array([[ 0.25, -0.25]])
    """
    p = softmax_forward_naive(z)
    return np.array([(np.diag(row) - np.outer(row, row)) @ g for row, g in zip(p, np.asarray(dp), strict=True)])


def log_softmax_forward_naive(z: Any) -> Array:
    """Reference: z_j - max - log sum_l exp(z_l - max), row by row.

    Examples
    --------
    >>> from glassnet.nn import functional as F
    >>> F.log_softmax_forward_naive([[0.0, 0.0]]).round(4)
    array([[-0.6931, -0.6931]])
    """
    rows = []
    for row in np.asarray(z, np.float64):
        log_total = math.log(sum(math.exp(v - max(row)) for v in row))
        rows.append([v - max(row) - log_total for v in row])
    return np.array(rows)


def log_softmax_backward_naive(dy: Any, z: Any) -> Array:
    """Reference: each row times its full Jacobian delta_jl - p_l.

    Examples
    --------
    >>> from glassnet.nn import functional as F
    >>> F.log_softmax_backward_naive([[1.0, 0.0]], [[0.0, 0.0]])
    array([[ 0.5, -0.5]])
    """
    p = softmax_forward_naive(z)
    return np.array([(np.eye(row.size) - row).T @ g for row, g in zip(p, np.asarray(dy), strict=True)])


def cross_entropy_naive(p: Any, labels: Any, eps: float = 1e-9) -> float:
    """Reference: the mean of -log(p_y + eps), example by example.

    Examples
    --------
    >>> from glassnet.nn import functional as F
    >>> round(F.cross_entropy_naive([[0.1, 0.3, 0.6]], [1]), 10)
    1.203972801
    """
    return sum(-math.log(row[label] + eps) for row, label in zip(p, labels, strict=True)) / len(p)


def cross_entropy_backward_naive(p: Any, labels: Any, eps: float = 1e-9) -> Array:
    """Reference: -1 / (n (p_y + eps)) at the label, 0 elsewhere.

    Examples
    --------
    >>> from glassnet.nn import functional as F
    >>> F.cross_entropy_backward_naive([[0.5, 0.5]], [1]).round(6)
    array([[-0., -2.]])
    """
    n, k = np.shape(p)
    return np.array([[-float(j == labels[i]) / (n * (p[i][j] + eps)) for j in range(k)] for i in range(n)], np.float64)


def softmax_cross_entropy_naive(z: Any, labels: Any, smoothing: float = 0.0) -> tuple[float, Array]:
    """Reference: - sum_j target_j log p_j with the two operations apart.

    Examples
    --------
    >>> from glassnet.nn import functional as F
    >>> loss, dz = F.softmax_cross_entropy_naive(np.zeros((2, 10)), [3, 7])
    >>> round(float(loss), 4)
    2.3026
    """
    p = softmax_forward_naive(z)
    n, k = p.shape
    target = np.full((n, k), smoothing / k)
    for i in range(n):
        target[i, labels[i]] += 1 - smoothing
    loss = -sum(target[i, j] * math.log(p[i, j]) for i in range(n) for j in range(k)) / n
    return loss, (p - target) / n


def hinge_naive(z: Any, labels: Any, margin: float = 1.0) -> tuple[float, Array]:
    """Reference: pair by pair.

    Examples
    --------
    >>> from glassnet.nn import functional as F
    >>> loss, dz = F.hinge_naive(np.zeros((1, 10)), [3])
    >>> float(loss)
    9.0
    """
    z = np.asarray(z, np.float64)
    n, k = z.shape
    loss, dz = 0.0, np.zeros((n, k))
    for i in range(n):
        for j in range(k):
            gap = z[i, j] - z[i, labels[i]] + margin
            if j != labels[i] and gap > 0:
                loss += gap / n
                dz[i, j] += 1 / n
                dz[i, labels[i]] -= 1 / n
    return loss, dz


def squared_error_naive(y: Any, target: Any, convention: str = "mean") -> tuple[float, Array]:
    """Reference: element by element.

    Examples
    --------
    >>> from glassnet.nn import functional as F
    >>> loss, dy = F.squared_error_naive([[1.0, 2.0]], [[1.0, 4.0]])
    >>> float(loss)
    2.0
    """
    y, target = np.asarray(y, np.float64), np.asarray(target, np.float64)
    factor = squared_error_factor(len(y), y[0].size, convention)
    loss = sum(factor * (a - b) ** 2 for a, b in zip(y.ravel(), target.ravel(), strict=True))
    return float(loss), 2 * factor * (y - target)
