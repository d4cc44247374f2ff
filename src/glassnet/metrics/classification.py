"""How good a classifier is: accuracy with its interval, the confusion matrix, figures for each class, calibration."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from glassnet import display
from glassnet.errors import DataError
from glassnet.metrics.intervals import Interval, wilson_interval
from glassnet.metrics.reliability import Calibration, calibration

__all__ = ["ClassScore", "Confusion", "Evaluation", "confusion_matrix", "evaluate"]

_TOP_K = (1, 2, 3, 5, 10)
_MOST_CLASSES = 100  # of which figures are written out in full; a table for more is of no use to anyone


@dataclass(frozen=True, slots=True)
class ClassScore:
    """Figures of one class. A figure that divides by zero is `nan`: recall without examples, precision without
    predictions.

    precision = right / predicted as it,  recall = right / truly it,  F1 = 2 right / (predicted as it + truly it).
    `recall_interval` is Wilson's 95 % interval; `support` the number of examples that are truly of the class.

    Examples
    --------
    >>> from glassnet.metrics import evaluate
    >>> found = evaluate([[0.9, 0.1], [0.4, 0.6], [0.7, 0.3]], [0, 1, 1], ["cat", "dog"])
    >>> dog = found.per_class[1]
    >>> dog.name, dog.recall, dog.support
    ('dog', 0.5, 2)
    """

    name: str
    precision: float
    recall: float
    recall_interval: Interval
    f1: float
    support: int


@dataclass(frozen=True, slots=True)
class Confusion:
    """One kind of mistake: `count` examples of class `true`, a `share` of them all, were taken for `predicted`.

    Examples
    --------
    >>> from glassnet.metrics import Confusion
    >>> Confusion(true=3, predicted=8, count=4, share=0.02).count
    4
    """

    true: int
    predicted: int
    count: int
    share: float


@dataclass(frozen=True, eq=False, repr=False)
class Evaluation:
    """What `evaluate` found out. Arrays keep the order of the examples.

    Attributes
    ----------
    class_names : tuple of str
        K names.
    n : int
        Number of examples N.
    accuracy : float
        Share of right predictions in [0, 1]; `accuracy_interval` is Wilson's 95 % interval.
    top_k : mapping of int to float
        {k: share of examples whose true class is among the k most probable}, for the usual k below K.
    loss : float
        Mean negative log likelihood in nats, the cross-entropy of the labels.
    confusion : (K, K) int64 array
        Rows true, columns predicted.
    per_class : tuple of ClassScore
        K `ClassScore`s.
    calibration : Calibration
        Expected calibration error and the reliability table over 15 bins.
    labels, predictions : (N,) int64 array
    confidences : (N,) float64 array
        Probability of the predicted class.

    Examples
    --------
    >>> from glassnet.metrics import evaluate
    >>> found = evaluate([[0.9, 0.1], [0.4, 0.6], [0.7, 0.3]], [0, 1, 1], ["cat", "dog"])
    >>> found.class_names, found.n
    (('cat', 'dog'), 3)
    """

    class_names: tuple[str, ...]
    n: int
    accuracy: float
    accuracy_interval: Interval
    top_k: Mapping[int, float]
    loss: float
    confusion: NDArray[np.int64]
    per_class: tuple[ClassScore, ...]
    calibration: Calibration
    labels: NDArray[np.int64]
    predictions: NDArray[np.int64]
    confidences: NDArray[np.float64]

    def __repr__(self) -> str:
        return f"<Evaluation {self.describe()}>"

    def _repr_html_(self) -> str:
        head = ("class", "precision", "recall", "F1", "examples")
        rows = [(c.name, f"{c.precision:.3f}", f"{c.recall:.3f}", f"{c.f1:.3f}", c.support) for c in self.per_class]
        return display.block("Evaluation", [self.describe()], display.table([head, *rows]))

    def describe(self) -> str:
        """Accuracy with its interval, on how many examples, in one line."""
        low, high = (100 * end for end in self.accuracy_interval)
        return f"accuracy {100 * self.accuracy:.1f} % of {self.n:,} (95 % interval {low:.1f} to {high:.1f} %)"

    @property
    def classes(self) -> int:
        """Number of classes K."""
        return len(self.class_names)

    @property
    def many_classes(self) -> bool:
        """Whether there are too many classes for a table of them and a confusion matrix to be read."""
        return self.classes > _MOST_CLASSES

    @property
    def classes_seen(self) -> int:
        """Number of classes with an example here."""
        return sum(score.support > 0 for score in self.per_class)

    def top_k_interval(self, k: int) -> Interval:
        """Wilson's 95 % interval of `top_k[k]`."""
        return wilson_interval(round(self.top_k[k] * self.n), self.n)

    def mistakes(self, k: int | None = None) -> NDArray[np.int64]:
        """Indices of at most `k` wrong predictions, the most confident first; ties keep the examples' order."""
        wrong = np.flatnonzero(self.predictions != self.labels)
        order = np.argsort(-self.confidences[wrong], kind="stable")
        return wrong[order][:k].astype(np.int64)

    def most_confused(self, k: int | None = 10) -> list[Confusion]:
        """Pairs (true, predicted) that are mixed up most often, most first; at most `k`, only pairs that happened."""
        errors = self.confusion.copy()
        np.fill_diagonal(errors, 0)
        rows, columns = np.nonzero(errors)
        counts = errors[rows, columns]
        order = np.lexsort((columns, rows, -counts))[:k]
        support = self.confusion.sum(axis=1)
        return [
            Confusion(int(rows[i]), int(columns[i]), int(counts[i]), float(counts[i] / support[rows[i]])) for i in order
        ]

    def taken_for(self, i: int) -> list[Confusion]:
        """What the examples of class i are taken for, itself among it, the most frequent first."""
        counts = self.confusion[i]
        found = [int(j) for j in np.argsort(-counts, kind="stable") if counts[j]]
        return [Confusion(i, j, int(counts[j]), float(counts[j] / counts.sum())) for j in found]

    def to_dict(self) -> dict[str, Any]:
        """All figures as plain JSON values, `null` where undefined. The examples' own arrays are left out.

        Of many classes (above 100) the confusion matrix is left out, and the classes that were neither seen nor
        predicted are.
        """
        written = [
            score for score in self.per_class if not self.many_classes or score.support or score.precision >= 0.0
        ]
        found = {
            "n": self.n,
            "accuracy": self.accuracy,
            "accuracy_interval": list(self.accuracy_interval),
            "top_k": {str(k): share for k, share in self.top_k.items()},
            "top_k_intervals": {str(k): list(self.top_k_interval(k)) for k in self.top_k},
            "loss": self.loss,
            "class_names": list(self.class_names),
            "classes_seen": self.classes_seen,
            "per_class": [_score_to_dict(score) for score in written],
            "most_confused": [
                {
                    "true": self.class_names[pair.true],
                    "predicted": self.class_names[pair.predicted],
                    "count": pair.count,
                    "share": pair.share,
                }
                for pair in self.most_confused()
            ],
            "calibration": self.calibration.to_dict(),
        }
        return found if self.many_classes else found | {"confusion": self.confusion.tolist()}


def evaluate(probabilities: ArrayLike, labels: ArrayLike, class_names: Sequence[str]) -> Evaluation:
    """Compare predicted class probabilities with the true labels.

    Parameters
    ----------
    probabilities : (N, K) floating-point array
        Each row a distribution (not negative, sum 1 within 1e-3).
    labels : (N,) integer array
        In [0, K).
    class_names : sequence of str
        K names.

    Returns
    -------
    Evaluation
        The predicted class is the most probable one, of several equal the first. The loss is the mean of -log p[true];
        p is held at the smallest positive normal number of its type, so a probability of exactly 0 costs 87.3 nats
        in float32 (708.4 in float64) and not infinity.

    Raises
    ------
    DataError
        Shapes do not fit, a label is out of range, or the rows are not probabilities.

    Examples
    --------
    >>> from glassnet.metrics import evaluate
    >>> found = evaluate([[0.9, 0.1], [0.4, 0.6], [0.7, 0.3]], [0, 1, 1], ["cat", "dog"])
    >>> round(found.accuracy, 4), found.n
    (0.6667, 3)
    """
    p, true, names = _checked(probabilities, labels, class_names)
    n, k = p.shape
    predictions = p.argmax(axis=1).astype(np.int64)
    rows = np.arange(n)
    confidences = np.minimum(p[rows, predictions].astype(np.float64), 1.0)
    p_true = p[rows, true]
    loss = float(-np.log(np.maximum(p_true, np.finfo(p.dtype).tiny).astype(np.float64)).mean())
    right = int((predictions == true).sum())
    table = confusion_matrix(true, predictions, k)
    return Evaluation(
        class_names=names,
        n=n,
        accuracy=right / n,
        accuracy_interval=wilson_interval(right, n),
        top_k=_top_k(p, p_true, true),
        # A probability a rounding step above 1 would make the loss -0.0 or a shade below.
        loss=max(loss, 0.0),
        confusion=table,
        per_class=tuple(_class_score(table, i, name) for i, name in enumerate(names)),
        calibration=calibration(confidences, predictions == true),
        labels=true,
        predictions=predictions,
        confidences=confidences,
    )


def confusion_matrix(labels: NDArray[np.int64], predictions: NDArray[np.int64], classes: int) -> NDArray[np.int64]:
    """(K, K) int64 counts, rows true, columns predicted, of integer arrays (N,) with values in [0, K).

    Examples
    --------
    >>> from glassnet.metrics import confusion_matrix
    >>> confusion_matrix(np.array([0, 1, 1]), np.array([0, 1, 0]), 2)
    array([[1, 0],
           [1, 1]])
    """
    return (
        np.bincount(labels * classes + predictions, minlength=classes * classes)
        .reshape(classes, classes)
        .astype(np.int64)
    )


def _checked(
    probabilities: ArrayLike, labels: ArrayLike, class_names: Sequence[str]
) -> tuple[NDArray[Any], NDArray[np.int64], tuple[str, ...]]:
    p = np.asarray(probabilities)
    if p.dtype not in (np.float32, np.float64):
        p = p.astype(np.float64)
    true = np.asarray(labels)
    names = tuple(str(name) for name in class_names)
    if p.ndim != 2 or p.shape[0] == 0 or p.shape[1] == 0:
        raise DataError(f"The 'probabilities' must have shape (N, K) with at least one example. Got {p.shape} instead.")
    n, k = p.shape
    if true.shape != (n,) or not np.issubdtype(true.dtype, np.integer):
        raise DataError(
            f"The 'labels' must be {n} integers, one per example. Got {true.dtype} of shape {true.shape} instead."
        )
    if len(names) != k:
        raise DataError(
            f"The 'class_names' must be {k}, one for each column of probabilities. Got {len(names)} instead."
        )
    if true.min() < 0 or true.max() >= k:
        raise DataError(
            f"A label must be between 0 and {k - 1}. Got {true.min()}..{true.max()}; do data and model share classes?"
        )
    if not np.isfinite(p).all():
        raise DataError(
            "The 'probabilities' hold nan or infinite values: the network's weights or the pixels are not finite."
        )
    if p.min() < 0.0 or float(np.abs(p.sum(axis=1) - 1.0).max()) > 1e-3:
        raise DataError(
            "Each row of 'probabilities' must be non-negative and sum to 1. Got other rows; apply softmax first."
        )
    return p, true.astype(np.int64), names


def _top_k(p: NDArray[Any], p_true: NDArray[Any], true: NDArray[np.int64]) -> dict[int, float]:
    """Rank of the true class counted from 0; equal probabilities rank in class order, as argmax does."""
    ahead = (p > p_true[:, None]).sum(axis=1)
    tied_before = ((p == p_true[:, None]) & (np.arange(p.shape[1]) < true[:, None])).sum(axis=1)
    rank = ahead + tied_before
    return {k: float((rank < k).mean()) for k in _TOP_K if k == 1 or k < p.shape[1]}


def _class_score(table: NDArray[np.int64], i: int, name: str) -> ClassScore:
    right = int(table[i, i])
    predicted = int(table[:, i].sum())
    support = int(table[i].sum())
    return ClassScore(
        name=name,
        precision=right / predicted if predicted else math.nan,
        recall=right / support if support else math.nan,
        recall_interval=wilson_interval(right, support),
        f1=2 * right / (predicted + support) if predicted + support else math.nan,
        support=support,
    )


def _score_to_dict(score: ClassScore) -> dict[str, Any]:
    return {
        "name": score.name,
        "precision": _or_none(score.precision),
        "recall": _or_none(score.recall),
        "recall_interval": [_or_none(end) for end in score.recall_interval],
        "f1": _or_none(score.f1),
        "support": score.support,
    }


def _or_none(value: float) -> float | None:
    return value if math.isfinite(value) else None
