"""Connectionist temporal classification (CTC): a loss for sequences of labels where nobody says which column shows
which.

A network gives scores z (T, k) for the T columns of a line; class k - 1 is the blank. y_t = softmax(z_t). A path is a
class for each column; it reads as the labels l that are left when repeats are merged and blanks are taken out. The
probability of the labels is the sum over all paths that read so,

    p(l) = sum over paths  prod_t y_t[path_t],    and the loss is -log p(l).

Put a blank around every label: l' = (blank, l_1, blank, ..., l_m, blank), S = 2 m + 1 states. A path walks through
them: it stays in a state, goes to the next, or skips a blank between two different labels. With

    alpha_t(s) = probability of all beginnings of paths that are in state s at column t, the emission of t included
    beta_t(s)  = probability of all endings from state s at column t, the emission of t not included

the walk gives, where the third term stands only for a skip that is allowed,

    alpha_t(s) = y_t[l'_s] (alpha_{t-1}(s) + alpha_{t-1}(s-1) + alpha_{t-1}(s-2))
    beta_t(s)  = b_{t+1}(s) + b_{t+1}(s+1) + b_{t+1}(s+2)    with b_t(s) = y_t[l'_s] beta_t(s)

beginning with alpha_1(1) = y_1[blank], alpha_1(2) = y_1[l_1], beta_T(S) = beta_T(S-1) = 1. For every t,
p(l) = sum_s alpha_t(s) beta_t(s), whose terms are the probabilities that the path is in s at t. So

    d(-log p)/d log y_t[j] = -gamma_t(j),    gamma_t(j) = sum over s with l'_s = j of alpha_t(s) beta_t(s) / p(l)

and since d log y_t[j] / dz_t[i] = delta_ij - y_t[i] and the gammas of a column sum to 1,

    d(-log p)/dz_t = y_t - gamma_t.

All is computed with logarithms in float64, so that no product of many small numbers becomes 0. Paths need at least a
column for each label and one more between two equal ones.

Source: A. Graves, S. Fernandez, F. Gomez, J. Schmidhuber, "Connectionist Temporal Classification: Labelling
Unsegmented Sequence Data with Recurrent Neural Networks", ICML 2006.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np

from glassnet import threads
from glassnet.errors import GlassnetError
from glassnet.nn.functional.arrays import Array, as_float, fitting
from glassnet.nn.kernels import ctc as kernels

__all__ = ["columns_needed", "ctc_greedy", "ctc_loss", "ctc_loss_naive", "merged"]


def ctc_loss(
    scores: Any, labels: Sequence[Any], lengths: Any = None, *, out: Array | None = None
) -> tuple[float, Array]:
    """Mean CTC loss of n lines and its gradient.

    Parameters
    ----------
    scores : (n, t, k) float array
        Scores of the columns; class k - 1 is the blank.
    labels : sequence of n integer sequences
        What each line reads, in 0 ... k - 2; may be empty.
    lengths : (n,) integers, optional
        Columns of each line, at most t; what lies beyond changes nothing. None: all.
    out : (n, t, k) array, optional
        Takes the gradient.

    Returns
    -------
    loss : float
        Mean over the lines of -log p.
    gradient : (n, t, k) array
        With respect to the scores; 0 beyond each line's length.

    Raises
    ------
    GlassnetError
        Shapes or labels do not fit, or a line has too few columns for its labels.

    Examples
    --------
    >>> from glassnet.nn import functional as F
    >>> loss, dscores = F.ctc_loss(np.zeros((1, 4, 3)), [[0, 1]])
    >>> round(float(loss), 4), dscores.shape
    (1.6864, (1, 4, 3))
    """
    scores = as_float(scores, "scores")
    rows, counts, lengths = _checked(scores, labels, lengths)
    gradient = fitting(out, scores.shape, scores.dtype)
    losses = np.empty(len(scores))
    parts = min(threads.count(), len(scores))
    kernels.ctc(np.ascontiguousarray(scores), lengths, rows, counts, losses, gradient, parts)
    gradient /= len(scores)
    return float(losses.mean()), gradient


def ctc_loss_naive(scores: Array, labels: Sequence[Any], lengths: Any = None) -> tuple[float, Array]:
    """As `ctc_loss`, by the definition: a sum over every path, of which there are k^t. Only for a few short lines.

    Examples
    --------
    >>> from glassnet.nn import functional as F
    >>> loss, dscores = F.ctc_loss_naive(np.zeros((1, 4, 3)), [[0, 1]])
    >>> round(float(loss), 4)
    1.6864
    """
    scores = as_float(scores, "scores")
    _, _, lengths = _checked(scores, labels, lengths)
    n, _, k = scores.shape
    gradient, total = np.zeros_like(scores), 0.0
    for i, wanted in enumerate(labels):
        z = scores[i, : lengths[i]].astype(np.float64)
        y = np.exp(z - z.max(axis=1, keepdims=True))
        y /= y.sum(axis=1, keepdims=True)
        p, visits = 0.0, np.zeros_like(y)
        for path in itertools.product(range(k), repeat=len(z)):
            if merged(path, k - 1) == list(wanted):
                probability = float(np.prod(y[np.arange(len(z)), path]))
                p += probability
                visits[np.arange(len(z)), path] += probability
        total -= np.log(p)
        gradient[i, : lengths[i]] = (y - visits / p) / n
    return total / n, gradient


def ctc_greedy(scores: Any, lengths: Any = None) -> list[list[int]]:
    """What the best path of each line reads: the best class of every column, repeats merged, blanks taken out.

    Parameters
    ----------
    scores : (n, t, k) float array
        Scores of the columns; class k - 1 is the blank.
    lengths : (n,) integers, optional
        Columns of each line. None: all.

    Examples
    --------
    >>> from glassnet.nn import functional as F
    >>> scores = np.eye(3)[[0, 1, 1, 0, 1, 2]][None]  # six steps of a series; the last class is the blank
    >>> F.ctc_greedy(scores)
    [[0, 1, 0, 1]]
    """
    scores = as_float(scores, "scores")
    _, _, lengths = _checked(scores, [[]] * len(scores), lengths)
    best = scores.argmax(axis=2)
    return [merged(row[:length], scores.shape[2] - 1) for row, length in zip(best, lengths, strict=True)]


def merged(path: Any, blank: int) -> list[int]:
    """What a path reads: repeats merged, then blanks taken out."""
    return [int(label) for label, _ in itertools.groupby(path) if label != blank]


def columns_needed(labels: Any) -> int:
    """The fewest columns that labels can be read from: one each, and one between equal neighbours."""
    labels = np.asarray(labels)
    return len(labels) + int((labels[1:] == labels[:-1]).sum())


def _checked(scores: Array, labels: Sequence[Any], lengths: Any) -> tuple[Array, Array, Array]:
    """(labels as rows of one array, how many there are in each, columns of each line)."""
    if scores.ndim != 3 or 0 in scores.shape or scores.shape[2] < 2:
        raise GlassnetError(
            f"scores must have shape (lines, columns, classes + blank), each at least 1. Got {scores.shape} instead."
        )
    n, t, k = scores.shape
    if len(labels) != n:
        raise GlassnetError(f"There must be labels for each of the {n} lines. Got {len(labels)} instead.")
    lengths = np.full(n, t) if lengths is None else np.asarray(lengths)
    if lengths.shape != (n,) or lengths.dtype.kind not in "iu" or not ((lengths >= 0) & (lengths <= t)).all():
        raise GlassnetError(f"lengths must be {n} whole numbers in 0 ... {t}. Got {lengths!r} instead.")
    counts = np.array([len(own) for own in labels], np.int64)
    rows = np.zeros((n, max(1, counts.max())), np.int64)
    for i, own in enumerate(labels):
        values = np.asarray(own) if len(own) else np.zeros(0, np.int64)
        if values.ndim != 1 or values.dtype.kind not in "iu" or not ((values >= 0) & (values < k - 1)).all():
            raise GlassnetError(f"The labels of line {i} must be whole numbers in 0 ... {k - 2}. Got {own!r} instead.")
        needed = columns_needed(values)
        if needed > lengths[i]:
            raise GlassnetError(
                f"Line {i} has {lengths[i]} columns, too few for its {len(values)} labels, which need {needed}."
            )
        rows[i, : len(values)] = values
    return rows, counts, lengths.astype(np.int64)
