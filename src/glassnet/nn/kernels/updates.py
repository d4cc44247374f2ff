"""One optimiser step over a flat weight array in a single fused pass.

Every kernel reads the gradient as `g = clip * gradient + l2 * w`: `clip` is the factor of gradient clipping (1 where
nothing was clipped), `l2` the coefficient of the penalty 0.5 l2 |w|^2.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from glassnet.nn.kernels.options import SERIAL
from glassnet.nn.kernels.sharing import shared

# mypy: disable-error-code="no-untyped-def"


@shared
def sgd(w, gradient, rate, clip, l2, t, parts):
    lo, hi = w.size * t // parts, w.size * (t + 1) // parts
    w, gradient = w[lo:hi], gradient[lo:hi]
    for i in range(w.size):
        w[i] -= rate * (clip * gradient[i] + l2 * w[i])


@shared
def momentum(w, gradient, v, rate, mu, nesterov, clip, l2, t, parts):
    lo, hi = w.size * t // parts, w.size * (t + 1) // parts
    w, gradient, v = w[lo:hi], gradient[lo:hi], v[lo:hi]
    if nesterov:
        for i in range(w.size):
            g = clip * gradient[i] + l2 * w[i]
            v[i] = mu * v[i] + g
            w[i] -= rate * (g + mu * v[i])
    else:
        for i in range(w.size):
            v[i] = mu * v[i] + (clip * gradient[i] + l2 * w[i])
            w[i] -= rate * v[i]


@shared
def rmsprop(w, gradient, s, rate, decay, eps, eps_inside, clip, l2, t, parts):
    lo, hi = w.size * t // parts, w.size * (t + 1) // parts
    w, gradient, s = w[lo:hi], gradient[lo:hi], s[lo:hi]
    one = w.dtype.type(1)
    inside, outside = (eps, eps * 0) if eps_inside else (eps * 0, eps)
    for i in range(w.size):
        g = clip * gradient[i] + l2 * w[i]
        s[i] = decay * s[i] + (one - decay) * g * g
        w[i] -= rate * g / (np.sqrt(s[i] + inside) + outside)


@shared
def adam(w, gradient, m, v, rate, beta1, beta2, eps, correction1, correction2, weight_decay, clip, l2, t, parts):
    lo, hi = w.size * t // parts, w.size * (t + 1) // parts
    w, gradient, m, v = w[lo:hi], gradient[lo:hi], m[lo:hi], v[lo:hi]
    one = w.dtype.type(1)
    keep = one - rate * weight_decay
    for i in range(w.size):
        g = clip * gradient[i] + l2 * w[i]
        m[i] = beta1 * m[i] + (one - beta1) * g
        v[i] = beta2 * v[i] + (one - beta2) * g * g
        w[i] = keep * w[i] - rate * (m[i] * correction1) / (np.sqrt(v[i] * correction2) + eps)


@shared
def average(mean, w, share, t, parts):
    """mean <- (1 - share) mean + share w."""
    lo, hi = mean.size * t // parts, mean.size * (t + 1) // parts
    mean, w = mean[lo:hi], w[lo:hi]
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
