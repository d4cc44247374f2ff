"""Softmax regression by stochastic descent, one example a step, many steps in one compiled call.

A step of a linear classifier on one example costs about a microsecond of arithmetic; called from Python it would cost
fifty. The weights are held as (classes, features), one row per class, so that every inner loop runs along memory.
The update of step t and the scores of step t + 1 share one pass over the weights: while row c is in registers it takes
its update `w_c -= rate * dz_c * x_t` and then contributes `w_c . x_{t+1}`. The arithmetic is that of separate steps.

A loop that adds up and writes at once is spelt out in vectors: left to the compiler it has two forms, chosen by whether
the arrays lie close together, and the two round differently.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from glassnet.nn.kernels.exponential import exp
from glassnet.nn.kernels.options import SERIAL, inner
from glassnet.nn.kernels.vector import everywhere, lanes_of, load, multiply_add, store, sum_of, zeros

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
    for j in range(k):
        error[j] = exp(scores[j] - top)
    total = scalar(0)
    mean = scalar(0)
    for j in range(k):
        total += error[j]
        mean += scores[j] - top
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
    """w[c] = keep w[c] - step x and b likewise for every class; scores = w following + b."""
    lane, zero, d = lanes_of(w), zeros(w), x.size
    keep = w.dtype.type(1) - rate * l2
    for c in range(w.shape[0]):
        row = w[c]
        step = rate * error[c]
        less = everywhere(-step, zero)
        s0 = s1 = s2 = s3 = zero
        j = 0
        while j + 4 * lane <= d:
            j1, j2, j3 = j + lane, j + 2 * lane, j + 3 * lane
            v0 = multiply_add(less, load(x, j), keep * load(row, j))
            v1 = multiply_add(less, load(x, j1), keep * load(row, j1))
            v2 = multiply_add(less, load(x, j2), keep * load(row, j2))
            v3 = multiply_add(less, load(x, j3), keep * load(row, j3))
            store(row, j, v0)
            store(row, j1, v1)
            store(row, j2, v2)
            store(row, j3, v3)
            s0 = multiply_add(v0, load(following, j), s0)
            s1 = multiply_add(v1, load(following, j1), s1)
            s2 = multiply_add(v2, load(following, j2), s2)
            s3 = multiply_add(v3, load(following, j3), s3)
            j += 4 * lane
        while j + lane <= d:
            v = multiply_add(less, load(x, j), keep * load(row, j))
            store(row, j, v)
            s0 = multiply_add(v, load(following, j), s0)
            j += lane
        s = sum_of((s0 + s1) + (s2 + s3))
        for i in range(j, d):
            row[i] = keep * row[i] - step * x[i]
        for i in range(j, d):
            s += row[i] * following[i]
        b[c] -= step
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
