"""Losses: value and gradient, row by row. Sums of losses are accumulated in float64.

A loop that adds up writes to no array: a compiler that may not know whether arrays overlap would make two forms of it,
which add up in different orders, and choose by where the arrays happen to lie.
"""

from __future__ import annotations

import numpy as np

from glassnet.nn.kernels.exponential import exp
from glassnet.nn.kernels.options import SERIAL, njit

# mypy: disable-error-code="no-untyped-def"


@njit(**SERIAL)
def softmax(z, p):
    """p (n, k) = softmax of the rows of z; the row's largest score is taken away first."""
    for i in range(z.shape[0]):
        row, out = z[i], p[i]
        top = row[0]
        for j in range(1, row.size):
            top = row[j] if row[j] > top else top
        for j in range(row.size):
            out[j] = exp(row[j] - top)
        total = z.dtype.type(0)
        for j in range(row.size):
            total += out[j]
        for j in range(row.size):
            out[j] /= total


@njit(**SERIAL)
def log_softmax(z, y):
    """y (n, k) = z - log sum exp(z), row by row; the row's largest score is taken away first."""
    for i in range(z.shape[0]):
        row, out = z[i], y[i]
        top = row[0]
        for j in range(1, row.size):
            top = row[j] if row[j] > top else top
        total = z.dtype.type(0)
        for j in range(row.size):
            total += exp(row[j] - top)
        log_total = np.log(np.float64(total))
        for j in range(row.size):
            out[j] = np.float64(row[j] - top) - log_total


@njit(**SERIAL)
def softmax_cross_entropy(z, labels, smoothing, dz):
    """Mean loss of integer labels and its gradient; target = (1 - s) onehot + s / k. Returns (loss, correct)."""
    n, k = z.shape
    scalar = z.dtype.type
    scale = scalar(1.0 / n)
    loss, correct = 0.0, 0
    rest = scalar(smoothing / k)
    peak = scalar(1.0 - smoothing)
    for i in range(n):
        row, out = z[i], dz[i]
        label = labels[i]
        top = row[0]
        best = 0
        for j in range(1, k):
            if row[j] > top:
                top = row[j]
                best = j
        correct += best == label
        for j in range(k):
            out[j] = exp(row[j] - top)
        total = scalar(0)
        mean = scalar(0)
        for j in range(k):
            total += out[j]
            mean += row[j] - top
        log_total = np.log(np.float64(total))
        loss += log_total - np.float64(peak) * (np.float64(row[label]) - np.float64(top))
        if rest > 0:  # the sum of the scores may overflow where it is not wanted
            loss -= np.float64(rest) * np.float64(mean)
        factor = scale / total
        for j in range(k):
            out[j] = out[j] * factor - rest * scale
        out[label] -= peak * scale
    return loss / n, correct


@njit(**SERIAL)
def hinge(z, labels, margin, dz):
    """Mean multi-class SVM loss sum_j max(0, z_j - z_y + margin) and its gradient. Returns (loss, correct)."""
    n, k = z.shape
    scalar = z.dtype.type
    scale = scalar(1.0 / n)
    loss, correct = 0.0, 0
    for i in range(n):
        row, out = z[i], dz[i]
        label = labels[i]
        own = row[label]
        count = scalar(0)
        is_best = True
        for j in range(k):
            if j != label:
                if row[j] > own or (row[j] == own and j < label):
                    is_best = False
                gap = row[j] - own + scalar(margin)
                if not gap <= 0:  # a NaN counts, and so shows in the loss
                    loss += gap
                    count += scale
        for j in range(k):
            out[j] = scalar(0) if row[j] - own + scalar(margin) <= 0 else scale
        out[label] = -count
        correct += is_best
    return loss / n, correct


@njit(**SERIAL)
def squared_error(y, target, factor, dy):
    """factor * sum (y - t)^2 over flat arrays, and its gradient 2 factor (y - t). Returns the loss."""
    slope = y.dtype.type(2 * factor)
    total = 0.0
    for i in range(y.shape[0]):
        row, want, out = y[i], target[i], dy[i]
        part = y.dtype.type(0)
        for j in range(row.size):
            d = row[j] - want[j]
            part += d * d
        total += part
        for j in range(row.size):
            out[j] = slope * (row[j] - want[j])
    return factor * total
