"""Connectionist temporal classification: the log-probability of a sequence of labels and its gradient, in log space.

The derivation is in `glassnet.nn.functional.ctc`. Each example is computed by one thread, so its bits do not depend on
how many there are, nor on what else is in the batch.
"""

from __future__ import annotations

import numpy as np

from glassnet.nn.kernels.options import inner
from glassnet.nn.kernels.sharing import shared

# mypy: disable-error-code="no-untyped-def"


@inner
def _log_sum(a, b, c):
    """log(exp(a) + exp(b) + exp(c)), -inf where all three are; a NaN goes through."""
    top = a if a > b else b
    top = c if c > top else top
    if top == -np.inf:
        return a + b + c
    return top + np.log(np.exp(a - top) + np.exp(b - top) + np.exp(c - top))


@inner
def _skips(labels, s):
    """Whether a path may go from state s - 2 to state s: past the blank between two different labels."""
    return s % 2 == 1 and s >= 3 and labels[s // 2] != labels[s // 2 - 1]


@shared
def ctc(scores, lengths, labels, counts, losses, gradient, t, parts):
    """losses (n,) = -log p of each example, and its gradient (n, columns, k); zeros beyond an example's length.

    scores (n, columns, k) with the blank last; lengths (n,) columns of each; labels (n, most), the first counts[i] of
    row i. An example whose columns are too few for its labels has the loss inf and the gradient 0.
    """
    n, _, k = scores.shape
    blank = k - 1
    for i in range(n * t // parts, n * (t + 1) // parts):
        columns, own = lengths[i], labels[i]
        states = 2 * counts[i] + 1
        gradient[i] = 0
        if columns == 0:
            losses[i] = 0.0 if states == 1 else np.inf
            continue
        logs = np.empty((columns, k), np.float64)  # log-softmax of every column
        for c in range(columns):
            row = scores[i, c]
            top = np.float64(row[0])
            for j in range(1, k):
                top = np.float64(row[j]) if row[j] > top else top
            total = 0.0
            for j in range(k):
                total += np.exp(np.float64(row[j]) - top)
            log_total = top + np.log(total)
            for j in range(k):
                logs[c, j] = np.float64(row[j]) - log_total
        before = np.full((columns, states), -np.inf)
        before[0, 0] = logs[0, blank]
        if states > 1:
            before[0, 1] = logs[0, own[0]]
        for c in range(1, columns):
            for s in range(max(0, states - 2 * (columns - c)), min(states, 2 * c + 2)):
                step = before[c - 1, s - 1] if s > 0 else -np.inf
                skip = before[c - 1, s - 2] if _skips(own, s) else -np.inf
                emitted = logs[c, own[s // 2]] if s % 2 == 1 else logs[c, blank]
                before[c, s] = emitted + _log_sum(before[c - 1, s], step, skip)
        last = before[columns - 1, states - 1]
        log_p = _log_sum(last, before[columns - 1, states - 2] if states > 1 else -np.inf, -np.inf)
        losses[i] = -log_p
        if log_p == -np.inf:
            continue
        after = np.full(states, -np.inf)
        after[states - 1] = 0.0
        if states > 1:
            after[states - 2] = 0.0
        earlier = np.empty(states, np.float64)
        share = np.empty(k, np.float64)
        for c in range(columns - 1, -1, -1):
            share[:] = 0.0
            for s in range(states):
                j = own[s // 2] if s % 2 == 1 else blank
                share[j] += np.exp(before[c, s] + after[s] - log_p)
            for j in range(k):
                gradient[i, c, j] = np.exp(logs[c, j]) - share[j]
            if c == 0:
                break
            for s in range(states):  # what is emitted at column c joins what comes after it
                after[s] += logs[c, own[s // 2]] if s % 2 == 1 else logs[c, blank]
            for s in range(states):
                step = after[s + 1] if s + 1 < states else -np.inf
                skip = after[s + 2] if s + 2 < states and _skips(own, s + 2) else -np.inf
                earlier[s] = _log_sum(after[s], step, skip)
            after[:] = earlier
