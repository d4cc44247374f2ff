"""How sure the characters and words of a line are: the text against all texts that differ from it in one character.

With s(l) = log p(l | picture) + what language and word list say, the confidence of character i of the text l is

    exp s(l) / sum over c of exp s(l with c in place of l_i)

where c goes through all characters and none; the terms of the sum give the alternatives. Likewise the probability that
nothing is missing before character i is exp s(l) / (exp s(l) + sum over c of exp s(l with c put in before l_i)). A word
is right where all its characters are, nothing is missing within it or at its ends, and the spaces around it are there;
these are taken for independent.

No beam has to hold these texts. With forward and backward variables of the text's states (`nn.functional.ctc`), F and
B, the latter with what is emitted at its own column, the paths of a text with c between a label a = l_{i-1} and a label
b that have shown c up to column t, and the text's probability by the column at which a path leaves c, are

    f_t = y_t[c] (f_{t-1} + F_{t-1}(blank after a) + F_{t-1}(a) where c differs from a)
    p = sum over t of f_t (B_{t+1}(blank before b) + B_{t+1}(b) where c differs from b)

with b = l_{i+1} where c stands in place of l_i, and b = l_i where it is put in before. (Here the probabilities of a
column are divided by a constant of that column, so that no logarithm is needed.)

Networks are surer than they are right. So confidences p are mapped by sigmoid(slope logit(p) + offset), fitted to what
proved right on lines that no training saw (`calibrate`).

Source of the map: J. C. Platt, "Probabilistic Outputs for Support Vector Machines and Comparisons to Regularized
Likelihood Methods", 1999, with his targets.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from rapidfuzz.distance import Levenshtein

from glassnet.errors import ReaderError
from glassnet.metrics import Calibration, calibration
from glassnet.nn.kernels import alignment as alignment_kernels
from glassnet.nn.kernels import beam as beam_kernels
from glassnet.reader.lines.beam import Prior
from glassnet.reader.lines.reading import Reading

__all__ = ["AS_IT_IS", "Edits", "Map", "calibrate", "edits", "outcomes", "reliability"]

Floats = npt.NDArray[np.float64]
_SUREST = 1e-9  # what a probability is apart from 0 and 1, for its logit


@dataclass(frozen=True)
class Map:
    """sigmoid(slope logit(p) + offset); as it is, by default."""

    slope: float = 1.0
    offset: float = 0.0

    def __call__(self, p: npt.ArrayLike) -> Floats:
        if self == AS_IT_IS:
            return np.asarray(p, np.float64)
        return np.asarray(1 / (1 + np.exp(-(self.slope * _logit(p) + self.offset))))


AS_IT_IS = Map()


def _logit(p: npt.ArrayLike) -> Floats:
    p = np.clip(np.asarray(p, np.float64), _SUREST, 1 - _SUREST)
    return np.asarray(np.log(p) - np.log1p(-p))


# ---- one line -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class Edits:
    """The texts that differ from a text of m labels in one, by their probability among each other.

    Attributes
    ----------
    replaced : (m, k) array
        What stands in the place of each label: a character, or none in the last column. Rows add up to 1.
    missing : (m + 1,) array
        That something is missing before each label, and at the end.
    """

    replaced: Floats
    missing: Floats


def edits(logs: Floats, labels: Sequence[int], prior: Prior, *, least: float = np.inf, margin: float = np.inf) -> Edits:
    """What else a text may be.

    Parameters
    ----------
    logs : (columns, k) float64 array
        Log-probabilities; the blank is the last class.
    labels : sequence of m ints
        The text.
    prior : Prior
        What language and word list say.
    least : float
        Texts that the picture makes less probable than exp(-least) of this one do not count.
    margin : float
        Columns whose paths about a character are less than exp(-margin) of all are left out.

    Raises
    ------
    ReaderError
        No path reads so.
    """
    k = logs.shape[1]
    own = np.asarray(labels, np.int64)
    replaced, inserted = np.empty((len(own), k)), np.empty((len(own) + 1, k - 1))
    with np.errstate(divide="ignore"):
        picture = alignment_kernels.edits(np.ascontiguousarray(logs), own, margin, replaced, inserted)
    if picture == -np.inf:
        raise ReaderError(f"No path through the {len(logs)} columns reads as the text of {len(own)} characters.")
    score = picture + beam_kernels.rate_edits(
        own,
        picture - least,
        replaced,
        inserted,
        prior.grams,
        prior.words,
        float(prior.alpha),
        float(prior.beta),
        float(prior.unlisted),
        prior.space,
    )
    shares = np.exp(replaced - replaced.max(axis=1, keepdims=True, initial=score))
    more = np.exp(np.minimum(inserted - score, 700.0)).sum(axis=1)
    return Edits(shares / shares.sum(axis=1, keepdims=True), more / (1 + more))


# ---- what proved right ----------------------------------------------------------------------------------------------


def outcomes(readings: Iterable[Reading], truths: Iterable[str]) -> tuple[tuple[Floats, Floats], tuple[Floats, Floats]]:
    """(confidences, whether it was right) of all characters, and of all words, of lines whose text is known.

    A character or word is right that the least number of edits from what is there to what was read leaves alone.
    """
    parts: tuple[list[Floats], ...] = ([], [], [], [])
    for reading, truth in zip(readings, truths, strict=True):
        there = truth.split()
        parts[0].append(np.array([c.confidence for c in reading.characters]))
        spaced = _right(" ".join(there), reading.text)
        parts[1].append(spaced[[c != " " for c in reading.text]])
        parts[2].append(np.array([word.confidence for word in reading.words]))
        parts[3].append(_right(there, [word.text for word in reading.words]))
    a, b, c, d = (np.concatenate(part) if part else np.zeros(0) for part in parts)
    return (a, b), (c, d)


def _right(there: Sequence[str], read: Sequence[str]) -> Floats:
    right = np.zeros(len(read))
    for kind, _, _, start, stop in Levenshtein.opcodes(there, read):
        right[start:stop] = kind == "equal"
    return right


def calibrate(readings: Sequence[Reading], truths: Sequence[str]) -> tuple[Map, Map]:
    """The maps of the confidences of characters and of words under which what proved right is likeliest.

    Parameters
    ----------
    readings : sequence of Reading
        Of lines that no training saw, made without maps.
    truths : sequence of str
        What stands there.
    """
    characters, words = outcomes(readings, truths)
    return _fitted(*characters), _fitted(*words)


def _fitted(p: Floats, right: Floats, steps: int = 50) -> Map:
    """Logistic regression of the outcome on the logit, by Newton's method, with Platt's targets."""
    good = float(right.sum())
    bad = len(right) - good
    target = np.where(right > 0, (good + 1) / (good + 2), 1 / (bad + 2))
    x = np.stack([_logit(p), np.ones(len(p))], axis=1)
    w = np.array([1.0, 0.0])
    for _ in range(steps):
        y = 1 / (1 + np.exp(-x @ w))
        gradient = x.T @ (y - target)
        hessian = (x * (y * (1 - y))[:, None]).T @ x + 1e-6 * np.eye(2)
        step = np.linalg.solve(hessian, gradient)
        w -= step * min(1.0, 2.0 / max(1e-12, float(np.abs(step).max())))
        if np.abs(step).max() < 1e-10:
            break
    return Map(float(w[0]), float(w[1]))


def reliability(readings: Sequence[Reading], truths: Sequence[str], bins: int = 15) -> tuple[Calibration, Calibration]:
    """How far confidences of characters and of words can be taken at their word; `report.reliability_figure` draws it.

    Parameters
    ----------
    readings : sequence of Reading
        Of lines that neither training nor `calibrate` saw.
    truths : sequence of str
        What stands there.
    bins : int
        Of confidence, at least 1.
    """
    characters, words = outcomes(readings, truths)
    return calibration(*characters, bins), calibration(*words, bins)
