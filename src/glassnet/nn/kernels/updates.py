"""One optimiser step over a flat weight array in a single fused pass.

Every kernel reads the gradient as `g = clip * gradient + l2 * w`: `clip` is the factor of gradient clipping (1 where
nothing was clipped), `l2` the coefficient of the penalty 0.5 l2 |w|^2. Each has a version shared among threads.
"""

from __future__ import annotations

import numpy as np
from numba import njit, prange

from glassnet.nn.kernels.options import PARALLEL, SERIAL

# mypy: disable-error-code="no-untyped-def"


@njit(**SERIAL)
def sgd(w, gradient, rate, clip, l2):
    for i in range(w.size):
        w[i] -= rate * (clip * gradient[i] + l2 * w[i])


@njit(**SERIAL)
def momentum(w, gradient, v, rate, mu, nesterov, clip, l2):
    if nesterov:
        for i in range(w.size):
            g = clip * gradient[i] + l2 * w[i]
            v[i] = mu * v[i] + g
            w[i] -= rate * (g + mu * v[i])
    else:
        for i in range(w.size):
            v[i] = mu * v[i] + (clip * gradient[i] + l2 * w[i])
            w[i] -= rate * v[i]


@njit(**SERIAL)
def rmsprop(w, gradient, s, rate, decay, eps, eps_inside, clip, l2):
    one = w.dtype.type(1)
    inside, outside = (eps, eps * 0) if eps_inside else (eps * 0, eps)
    for i in range(w.size):
        g = clip * gradient[i] + l2 * w[i]
        s[i] = decay * s[i] + (one - decay) * g * g
        w[i] -= rate * g / (np.sqrt(s[i] + inside) + outside)


@njit(**SERIAL)
def adam(w, gradient, m, v, rate, beta1, beta2, eps, correction1, correction2, weight_decay, clip, l2):
    one = w.dtype.type(1)
    keep = one - rate * weight_decay
    for i in range(w.size):
        g = clip * gradient[i] + l2 * w[i]
        m[i] = beta1 * m[i] + (one - beta1) * g
        v[i] = beta2 * v[i] + (one - beta2) * g * g
        w[i] = keep * w[i] - rate * (m[i] * correction1) / (np.sqrt(v[i] * correction2) + eps)


@njit(**SERIAL)
def average(mean, w, share):
    """mean <- (1 - share) mean + share w."""
    for i in range(w.size):
        mean[i] += share * (w[i] - mean[i])


@njit(**SERIAL)
def sum_of_squares(x):
    """Sum of squares, accumulated in float64 by blocks of 4096."""
    total = 0.0
    for lo in range(0, x.size, 4096):
        part = x.dtype.type(0)
        for i in range(lo, min(lo + 4096, x.size)):
            part += x[i] * x[i]
        total += part
    return total


# ---- the same, shared among threads --------------------------------------------------------------------------------


@njit(**PARALLEL)
def sgd_shared(parts, w, gradient, rate, clip, l2):
    for t in prange(parts):
        lo, hi = w.size * t // parts, w.size * (t + 1) // parts
        sgd(w[lo:hi], gradient[lo:hi], rate, clip, l2)


@njit(**PARALLEL)
def momentum_shared(parts, w, gradient, v, rate, mu, nesterov, clip, l2):
    for t in prange(parts):
        lo, hi = w.size * t // parts, w.size * (t + 1) // parts
        momentum(w[lo:hi], gradient[lo:hi], v[lo:hi], rate, mu, nesterov, clip, l2)


@njit(**PARALLEL)
def rmsprop_shared(parts, w, gradient, s, rate, decay, eps, eps_inside, clip, l2):
    for t in prange(parts):
        lo, hi = w.size * t // parts, w.size * (t + 1) // parts
        rmsprop(w[lo:hi], gradient[lo:hi], s[lo:hi], rate, decay, eps, eps_inside, clip, l2)


@njit(**PARALLEL)
def average_shared(parts, mean, w, share):
    for t in prange(parts):
        lo, hi = w.size * t // parts, w.size * (t + 1) // parts
        average(mean[lo:hi], w[lo:hi], share)


@njit(**PARALLEL)
def adam_shared(parts, w, gradient, m, v, rate, beta1, beta2, eps, correction1, correction2, weight_decay, clip, l2):
    for t in prange(parts):
        lo, hi = w.size * t // parts, w.size * (t + 1) // parts
        adam(
            w[lo:hi], gradient[lo:hi], m[lo:hi], v[lo:hi],
            rate, beta1, beta2, eps, correction1, correction2, weight_decay, clip, l2,
        )  # fmt: skip
