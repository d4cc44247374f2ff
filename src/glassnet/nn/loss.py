"""The losses that a network is trained with, as objects: value and gradient of the scores, and what to read from them.

| word                  | targets           | loss                                                       |
|-----------------------|-------------------|------------------------------------------------------------|
| softmax-cross-entropy | labels            | softmax and cross-entropy as one operation                 |
| svm                   | labels            | multi-class hinge with margin 1                            |
| squared-error         | arrays, or labels | mean over all numbers ('mean'), 'half' or 'sum' as options |
| ctc                   | texts as labels   | connectionist temporal classification, mean over the lines |
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from glassnet.errors import GlassnetError, NotationError, nearest
from glassnet.nn import functional as F
from glassnet.nn.functional.arrays import Array
from glassnet.nn.functional.loss import squared_error_factor
from glassnet.nn.kernels import losses
from glassnet.notation import as_real, parse, real_text

__all__ = ["CTC", "LOSSES", "Hinge", "Loss", "SoftmaxCrossEntropy", "SquaredError", "columns", "parse_loss"]


class Loss:
    """Base of the losses. `task` names what a network is trained to do with it, see `glassnet.tasks`.

    Examples
    --------
    >>> from glassnet.nn import Loss
    >>> class Sum(Loss):
    ...     def __call__(self, scores, target):
    ...         return float(scores.sum()), np.ones_like(scores)
    >>> Sum()(np.array([[1.0, 2.0]]), None)[0]
    3.0
    """

    word: ClassVar[str]
    task: ClassVar[str] = "classification"

    def notation(self) -> str:
        """This loss in arrow notation."""
        return self.word

    def loss(self, scores: Array, target: Any, *, out: Array | None = None) -> tuple[float, Array]:
        """(mean loss, its gradient (n, k) with respect to the scores (n, k)); everything is checked first."""
        raise NotImplementedError

    def __call__(self, scores: Array, target: Any) -> tuple[float, Array]:
        """`loss`: (mean loss, its gradient (n, k) with respect to the scores (n, k))."""
        return self.loss(scores, target)

    def run(self, scores: Array, target: Array, out: Array) -> tuple[float, int]:
        """(mean loss, number of correct examples) with the gradient written to `out`; nothing is checked."""
        raise NotImplementedError

    def weighted(self, scores: Array, target: Array, weights: Array) -> float:
        """The mean over the examples of their losses times `weights` (n,)."""
        spare = np.empty_like(scores[:1])
        return sum(
            float(weight) * self.run(scores[row : row + 1], target[row : row + 1], spare)[0]
            for row, weight in enumerate(weights)
        ) / len(scores)

    def probabilities(self, scores: Array) -> Array:
        """The softmax of the scores (n, k): class probabilities, as far as the network was trained to give them."""
        return F.softmax_forward(scores)[0]


class SoftmaxCrossEntropy(Loss):
    """Softmax cross-entropy, optionally with label smoothing. Notation: `softmax-cross-entropy, smoothing 0.1`.

    Examples
    --------
    >>> from glassnet.nn import SoftmaxCrossEntropy
    >>> value, dscores = SoftmaxCrossEntropy()(np.zeros((2, 10)), [3, 7])
    >>> round(value, 4), dscores.shape
    (2.3026, (2, 10))
    """

    word = "softmax-cross-entropy"

    def __init__(self, smoothing: float = 0.0) -> None:
        self.smoothing = as_real(smoothing)
        if not 0 <= self.smoothing < 1:
            raise NotationError(f"smoothing must lie in 0 ... 1 (1 excluded). Got {smoothing} instead.")

    def notation(self) -> str:
        return self.word if not self.smoothing else f"{self.word}, smoothing {real_text(self.smoothing)}"

    def loss(self, scores: Array, target: Any, *, out: Array | None = None) -> tuple[float, Array]:
        return F.softmax_cross_entropy(scores, target, smoothing=self.smoothing, out=out)

    def run(self, scores: Array, target: Array, out: Array) -> tuple[float, int]:
        result: tuple[float, int] = losses.softmax_cross_entropy(scores, target, self.smoothing, out)
        return result


class Hinge(Loss):
    """Multi-class SVM hinge loss with margin 1. Notation: `svm`.

    Examples
    --------
    >>> from glassnet.nn import Hinge
    >>> value, dscores = Hinge()(np.zeros((1, 10)), [3])
    >>> float(value)
    9.0
    """

    word = "svm"

    def loss(self, scores: Array, target: Any, *, out: Array | None = None) -> tuple[float, Array]:
        return F.hinge(scores, target, out=out)

    def run(self, scores: Array, target: Array, out: Array) -> tuple[float, int]:
        result: tuple[float, int] = losses.hinge(scores, target, 1.0, out)
        return result


class SquaredError(Loss):
    """Squared error against arrays: the loss of an autoencoder. Notation: `squared-error`, `squared-error half`.

    Examples
    --------
    >>> from glassnet.nn import SquaredError
    >>> value, dy = SquaredError()(np.array([[1.0, 2.0]]), np.array([[1.0, 4.0]]))
    >>> float(value), dy
    (2.0, array([[ 0., -2.]]))
    """

    word = "squared-error"
    task = "reconstruction"

    def __init__(self, convention: str = "mean") -> None:
        squared_error_factor(1, 1, convention)
        self.convention = convention

    def notation(self) -> str:
        return self.word if self.convention == "mean" else f"{self.word} {self.convention}"

    def loss(self, scores: Array, target: Any, *, out: Array | None = None) -> tuple[float, Array]:
        return F.squared_error(scores, target, convention=self.convention, out=out)

    def run(self, scores: Array, target: Array, out: Array) -> tuple[float, int]:
        factor = squared_error_factor(len(scores), scores.shape[1], self.convention)
        return losses.squared_error(scores, target, factor, out), 0

    def weighted(self, scores: Array, target: Array, weights: Array) -> float:
        mean = super().weighted(scores, target, weights)
        return mean * len(scores) if self.convention == "sum" else mean

    def probabilities(self, scores: Array) -> Array:
        return np.clip(scores, 0, 1)


class CTC(Loss):
    """Connectionist temporal classification, see `glassnet.nn.functional.ctc`. Notation: `ctc`.

    Scores are those of a line's columns, (n, columns, k) or (n, 1, columns, k) with the blank as the last class; the
    targets are n sequences of labels in 0 ... k - 2, of any lengths.

    Examples
    --------
    >>> from glassnet.nn import CTC
    >>> value, dscores = CTC()(np.zeros((1, 4, 3)), [[0, 1]])
    >>> dscores.shape
    (1, 4, 3)
    """

    word = "ctc"
    task = "transcription"

    def loss(self, scores: Array, target: Any, *, out: Array | None = None) -> tuple[float, Array]:
        scores = np.asarray(scores)
        value, gradient = F.ctc_loss(columns(scores), target, out=None if out is None else columns(out))
        return value, gradient.reshape(scores.shape)

    def run(self, scores: Array, target: Any, out: Array) -> tuple[float, int]:
        value, _ = F.ctc_loss(columns(scores), target, out=columns(out))
        read = F.ctc_greedy(columns(scores))
        return value, sum(own == list(wanted) for own, wanted in zip(read, target, strict=True))

    def probabilities(self, scores: Array) -> Array:
        flat = scores.reshape(-1, scores.shape[-1])
        return F.softmax_forward(flat)[0].reshape(scores.shape)


def columns(scores: Array) -> Array:
    """Scores of lines as (n, columns, k): a picture that is one pixel high, (n, 1, columns, k), is a row of columns.

    Raises `GlassnetError` for anything else.
    """
    if scores.ndim == 3:
        return scores
    if scores.ndim != 4 or scores.shape[1] != 1:
        raise GlassnetError(
            f"Scores of lines have the shape (n, columns, k) or (n, 1, columns, k). Got {scores.shape}."
        )
    return scores[:, 0]


LOSSES: dict[str, type[Loss]] = {loss.word: loss for loss in (SoftmaxCrossEntropy, Hinge, SquaredError, CTC)}


def parse_loss(text: str) -> Loss:
    """The loss that a notation names. Raises `NotationError`.

    Examples
    --------
    >>> from glassnet.nn import parse_loss
    >>> parse_loss("softmax-cross-entropy, smoothing 0.1").smoothing
    0.1
    """
    steps = parse(text, "loss")
    word = steps[0].word
    if len(steps) != 1 or word not in LOSSES:
        raise NotationError(f"loss must be one of {', '.join(LOSSES)}. Got '{text}' instead.{nearest(word, LOSSES)}")
    positional, named = steps[0].split(("smoothing",))
    try:
        if word == "softmax-cross-entropy" and not positional:
            return SoftmaxCrossEntropy(**{name: as_real(value) for name, (value,) in named.items()})
        if word == "squared-error" and not named and len(positional) <= 1:
            return SquaredError(*positional)
        if not positional and not named:
            return LOSSES[word]()
    except (TypeError, ValueError):
        pass
    raise NotationError(f"'{text}' has arguments that the loss '{word}' does not take.")
