"""Softmax regression by stochastic descent, one example a step, many steps in one compiled call.

A step of a linear classifier on one example costs about a microsecond of arithmetic; called from Python it would cost
fifty. The weights are held as (classes, features), one row per class, so that every inner loop runs along memory.
The update of step t and the scores of step t + 1 share one pass over the weights: while a vector of row c is in a
register it takes its update `w_c -= rate * dz_c * x_t` and then contributes `w_c . x_{t+1}`. The arithmetic is that of
separate steps. Several rows go side by side (`tiles.descend`), for which x_t and x_{t+1} are loaded once; what is left
is a load and a store of each weight. Stores that lie across two cache lines take twice as long, so the weights should
begin on a line and have rows of whole lines.
"""

from __future__ import annotations

import numpy as np

from glassnet.nn.kernels.exponential import exp
from glassnet.nn.kernels.options import SERIAL, inner, njit
from glassnet.nn.kernels.tiles import CLASSES, descend
from glassnet.nn.kernels.vector import lanes_of

# mypy: disable-error-code="no-untyped-def"

LINE = 16
"""Numbers of a cache line, or of two: what a row's length should be a multiple of."""


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
        row = w[c, : x.size]
        s = w.dtype.type(0)
        for j in range(row.size):
            s += row[j] * x[j]
        scores[c] = s + b[c]


@inner
def _update_and_look_ahead(w, b, x, following, ahead, rate, l2, error, scores):
    """w[c] = keep w[c] - step x and b likewise for every class; scores = w following + b.

    `ahead`, the example after `following`, is sent for meanwhile.
    """
    classes, apart, flat, d = w.shape[0], w.shape[1], w.reshape(-1), x.size
    lane = lanes_of(flat)
    whole = d // lane
    keep = w.dtype.type(1) - rate * l2
    for c in range(classes):
        error[c] *= rate  # the step of each class
    c = 0
    for side in range(len(CLASSES)):
        while c + CLASSES[side] <= classes:
            descend(flat, c * apart, apart, whole, error, c, keep, x, following, ahead, scores, side)
            c += CLASSES[side]
    for c in range(classes):
        row, s = w[c], scores[c]
        for i in range(whole * lane, d):
            row[i] = keep * row[i] - error[c] * x[i]
        for i in range(whole * lane, d):
            s += row[i] * following[i]
        b[c] -= error[c]
        scores[c] = s + b[c]


@njit(**SERIAL)
def softmax_descent(w, b, features, labels, order, rates, l2, smoothing):
    """Steps over the examples `order`, one each, with the rate of each step; returns (sum of losses, correct).

    w (classes, at least features: what lies behind is not looked at) and b (classes,) are changed in place. The loss
    of a step is that of its start. Stops at the first loss that is not finite and returns it.
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
        following, ahead = features[order[min(i + 1, n - 1)]], features[order[min(i + 2, n - 1)]]
        _update_and_look_ahead(w, b, x, following, ahead, rates[i], l2, error, scores)
    return total, correct
