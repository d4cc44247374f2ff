"""Where a text stands in a line's columns, and how probable the texts are that differ from it in one character;
`glassnet.reader.lines.alignment` and `confidence` have the derivations.

A text of m labels has the states 0 ... 2 m: blanks, and label i in state 2 i + 1 (see `glassnet.nn.functional.ctc`).
"""

from __future__ import annotations

import numpy as np

from glassnet.nn.kernels.ctc import _skips
from glassnet.nn.kernels.options import SERIAL, inner, njit

__all__ = ["best_path", "edits"]

# mypy: disable-error-code="no-untyped-def"


@inner
def _emitted(labels, blank, s):
    return labels[s // 2] if s % 2 == 1 else blank


@njit(**SERIAL)
def best_path(logs, labels, starts, stops):
    """starts, stops (m,): the columns of each label on the most probable path that reads so; its log-probability."""
    columns, k = logs.shape
    blank, m = k - 1, len(labels)
    states = 2 * m + 1
    back = np.zeros((columns, states), np.uint8)
    score, earlier = np.full(states, -np.inf), np.empty(states)
    score[0] = logs[0, blank]
    if m:
        score[1] = logs[0, labels[0]]
    for t in range(1, columns):
        earlier[:] = score
        for s in range(states):
            best = earlier[s]
            for step in range(1, 3):
                if step <= s and (step == 1 or _skips(labels, s)) and earlier[s - step] > best:
                    best, back[t, s] = earlier[s - step], step
            score[s] = best + logs[t, _emitted(labels, blank, s)]
    s = states - 1
    if m and score[s - 1] > score[s]:
        s -= 1
    total = score[s]
    starts[:], stops[:] = columns, 0
    for t in range(columns - 1, -1, -1):
        if s % 2 == 1:
            starts[s // 2] = t
            stops[s // 2] = max(stops[s // 2], t + 1)
        s -= back[t, s]
    return total


@inner
def _forward(y, labels, before, scale):
    """before[t, s] = probability of all beginnings of paths that are in s at t, over prod scale[: t + 1]."""
    columns, blank, states = y.shape[0], y.shape[1] - 1, before.shape[1]
    before[:] = 0.0
    before[0, 0] = y[0, blank]
    if states > 1:
        before[0, 1] = y[0, labels[0]]
    for t in range(columns):
        top = 0.0
        for s in range(min(states, 2 * t + 2)):
            if t > 0:
                value = before[t - 1, s]
                if s > 0:
                    value += before[t - 1, s - 1]
                if _skips(labels, s):
                    value += before[t - 1, s - 2]
                before[t, s] = value * y[t, _emitted(labels, blank, s)]
            top = max(top, before[t, s])
        scale[t] = top if top > 0.0 else 1.0
        for s in range(states):
            before[t, s] /= scale[t]


@inner
def _backward(y, labels, scale, p, after):
    """after[t, s] = probability of all endings of paths from s at t on, what is emitted at t included, in terms of p
    and over prod scale[t:]: with `before` of the column before it is a share of all paths of the text."""
    columns, blank, states = y.shape[0], y.shape[1] - 1, after.shape[1]
    after[:] = 0.0
    for t in range(columns - 1, -1, -1):
        for s in range(max(0, states - 2 * (columns - t)), states):
            if t == columns - 1:
                value = 1.0 / p
            else:
                value = after[t + 1, s]
                if s + 1 < states:
                    value += after[t + 1, s + 1]
                if s + 2 < states and _skips(labels, s + 2):
                    value += after[t + 1, s + 2]
            after[t, s] = value * y[t, _emitted(labels, blank, s)] / scale[t]


@inner
def _through(y, before, after, scale, p, labels, c, i, j, low, high):
    """The probability of labels[:i], c, labels[j:] over that of the labels, by the columns at which a path leaves c."""
    columns, m = y.shape[0], len(labels)
    total, here = 0.0, 0.0
    from_label, to_label = i > 0 and labels[i - 1] != c, j < m and labels[j] != c
    for t in range(low, high):
        if t > 0:
            here += before[t - 1, 2 * i]
            if from_label:
                here += before[t - 1, 2 * i - 1]
        elif i == 0:
            here = 1.0
        here *= y[t, c] / scale[t]
        if t + 1 < columns:
            leave = after[t + 1, 2 * j]
            if to_label:
                leave += after[t + 1, 2 * j + 1]
        else:
            leave = 1.0 / p if j == m else 0.0
        total += here * leave
    return total


@inner
def _without(before, after, p, labels, i):
    """The probability of the labels without label i over that of the labels, by the columns at which a path goes on."""
    columns, m = before.shape[0], len(labels)
    if i == m - 1:
        return (before[columns - 1, 2 * i] + (before[columns - 1, 2 * i - 1] if i > 0 else 0.0)) / p
    total = after[0, 2 * i + 3] if i == 0 else 0.0
    touching = i > 0 and labels[i - 1] != labels[i + 1]
    for t in range(columns - 1):
        entry = before[t, 2 * i]
        if touching:
            entry += before[t, 2 * i - 1]
        total += entry * after[t + 1, 2 * i + 3]
    return total


@njit(**SERIAL)
def edits(logs, labels, margin, replaced, inserted):
    """log p of all texts that differ from the labels (m,) in one; returns that of the labels.

    replaced (m, k): label i replaced by c, column k - 1: left out. inserted (m + 1, k - 1): c before label i. Of the
    columns those are left out whose paths through the states about there are less than exp(-margin) of all. Where the
    labels are impossible nothing else is looked at.
    """
    columns, k = logs.shape
    m = len(labels)
    states = 2 * m + 1
    replaced[:], inserted[:] = -np.inf, -np.inf
    y = np.exp(logs)
    before, after, scale = np.empty((columns, states)), np.empty((columns, states)), np.empty(columns)
    _forward(y, labels, before, scale)
    p = before[columns - 1, states - 1]
    if m:
        p += before[columns - 1, states - 2]
    log_p = np.log(p) + np.log(scale).sum()
    if p == 0.0:
        return -np.inf
    _backward(y, labels, scale, p, after)
    low, high = np.full(states, columns), np.zeros(states, np.int64)  # the columns in which a state is alive
    least = np.exp(-margin)
    for t in range(columns):
        for s in range(states):
            emitted = y[t, _emitted(labels, k - 1, s)]
            if emitted > 0.0 and before[t, s] * after[t, s] * scale[t] >= least * emitted:
                low[s], high[s] = min(low[s], t), t + 1
    for i in range(m + 1):
        a, b = columns, 0
        for s in range(max(2 * i - 1, 0), min(2 * i + 4, states)):
            a, b = min(a, low[s]), max(b, high[s])
        for c in range(k - 1):
            inserted[i, c] = log_p + np.log(_through(y, before, after, scale, p, labels, c, i, i, a, b))
            if i < m and c != labels[i]:
                replaced[i, c] = log_p + np.log(_through(y, before, after, scale, p, labels, c, i, i + 1, a, b))
        if i < m:
            replaced[i, labels[i]] = log_p
            replaced[i, k - 1] = log_p + np.log(_without(before, after, p, labels, i))
    return log_p
