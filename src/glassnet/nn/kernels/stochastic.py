"""Softmax regression by stochastic descent, one example a step, many steps in one compiled call.

A step of a linear classifier on one example costs about a microsecond of arithmetic; called from Python it would cost
fifty. The weights are held as (classes, features), one row per class, so that every inner loop runs along memory.
The update of step t and the scores of step t + 1 share one pass over the weights: while row c is in registers it takes
its update `w_c -= rate * dz_c * x_t` and then contributes `w_c . x_{t+1}`. The arithmetic is that of separate steps.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from glassnet.nn.kernels.exponential import exp
from glassnet.nn.kernels.options import SERIAL, inner

# mypy: disable-error-code="no-untyped-def"


@inner
def _softmax_error(scores, label, smoothing, error):
    """error = softmax(scores) - target; returns (loss, whether the top score is the label's)."""
    scalar = scores.dtype.type
    k = scores.size
    top = scores[0]
    best = 0
    for j in range(1, k):
        if scores[j] > top:
            top = scores[j]
            best = j
    total = scalar(0)
    mean = scalar(0)
    for j in range(k):
        d = scores[j] - top
        e = exp(d)
        error[j] = e
        total += e
        mean += d
    rest = scalar(smoothing / k)
    peak = scalar(1.0 - smoothing)
    loss = np.log(np.float64(total)) - np.float64(peak) * (np.float64(scores[label]) - np.float64(top))
    if rest > 0:  # the sum of the scores may overflow where it is not wanted
        loss -= np.float64(rest) * np.float64(mean)
    for j in range(k):
        error[j] = error[j] / total - rest
    error[label] -= peak
    return loss, best == label


@inner
def _scores(w, b, x, scores):
    for c in range(w.shape[0]):
        row = w[c]
        s = w.dtype.type(0)
        for j in range(row.size):
            s += row[j] * x[j]
        scores[c] = s + b[c]


@inner
def _update_and_look_ahead(w, b, x, following, rate, l2, error, scores):
    keep = w.dtype.type(1) - rate * l2
    for c in range(w.shape[0]):
        row = w[c]
        step = rate * error[c]
        b[c] -= step
        s = w.dtype.type(0)
        for j in range(row.size):
            v = keep * row[j] - step * x[j]
            row[j] = v
            s += v * following[j]
        scores[c] = s + b[c]


@njit(**SERIAL)
def softmax_descent(w, b, features, labels, order, rates, l2, smoothing):
    """Steps over the examples `order`, one each, with the rate of each step; returns (sum of losses, correct).

    w (classes, features) and b (classes,) are changed in place. The loss of a step is that of its start. Stops at the
    first loss that is not finite and returns it.
    """
    n = order.size
    scores, error = np.empty_like(b), np.empty_like(b)
    total, correct = 0.0, 0
    _scores(w, b, features[order[0]], scores)
    for i in range(n):
        x = features[order[i]]
        loss, hit = _softmax_error(scores, labels[order[i]], smoothing, error)
        total += loss
        correct += hit
        if not np.isfinite(loss):
            break
        _update_and_look_ahead(w, b, x, features[order[min(i + 1, n - 1)]], rates[i], l2, error, scores)
    return total, correct
