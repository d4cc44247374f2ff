"""Labels that look wrong: what a quick classifier is sure of, against the label that a picture has.

The classifier is ridge regression on grey values, edges and colours; a temperature makes probabilities of its scores.
Every picture is judged by weights from the other four fifths of the pictures; copies stay in one fold, so that none
vouches for another. A label is suspicious by confident learning (C. Northcutt, L. Jiang, I. Chuang, "Confident
learning: estimating uncertainty in dataset labels", JAIR 2021): another class reaches its own threshold, the mean
probability of that class among the pictures labelled so.

That alone names many pictures of a set that is merely difficult. So first it is asked whether labels are wrong at all.
Where they are right, the classifier's disagreement with them goes to 0 as it grows surer; where a share of them is
wrong whatever the picture, it stays at that share. Measured on the surest 10, 25 and 50 % of the pictures:

    set          as it is                 5 % of the labels changed
    digits       0.0    0.0    0.0 %      6.2    5.6    5.5 %
    mnist        0.0    0.0    0.0 %      5.2    5.0    4.9 %
    letters36    0.5    1.7    3.7 %      4.8    6.3    8.7 %
    sun8         6.9    8.0   21.5 %      8.8   12.5   24.9 %
    cifar10      8.1   15.0   26.1 %     12.3   19.2   29.8 %

On sets as difficult for this classifier as the last two it can say nothing, and says nothing: it must be right on most
of the pictures whose labels are not counted as wrong.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from glassnet.doctor.finding import Finding, Severity
from glassnet.doctor.sketches import Sketches

__all__ = ["Judged", "judge", "suspicious", "unrelated"]

_FOLDS = 5
_RIDGE = 1e-3  # of the mean of the Gram matrix's diagonal
_FEWEST, _OF_CLASS, _OF_PART = 200, 10, 50  # pictures in all, of a class and of a part: below these nothing is said
_SUREST = (0.1, 0.25, 0.5)  # shares of the pictures, the ones that the classifier is surest of; see the table
_LEAST = (
    0.01  # share of labels: fewer wrong ones cost little (3 % are wrong on average in ten test sets: Northcutt, 2021)
)
_MOST = 0.4  # share of labels: where more contradict, labels or classifier may be wrong
_FLAT = 2.0  # times the disagreement on fewer of the surest, to which it may grow on more; see the table
_ABLE = 0.7  # of the labels that are right, that the classifier must agree with: 99 % on digits, 83 % on letters36
_RISK = 0.01  # of the interval below the disagreement
_WORSE = 3.0  # times the accuracy of guessing, that the whole set must reach before a small part is said not to
_NAMED = 4

Floats = npt.NDArray[np.float64]
Rows = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Judged:
    """What the classifier says of M pictures that it was not trained on.

    Attributes
    ----------
    numbers : (M,) integer array
        Their numbers among the sketches.
    given, answer : (M,) integer array
        The label, and the class of the highest probability.
    sure : (M,) array
        That probability.
    doubtful : (M,) array of bool
        Whether confident learning calls the label wrong.
    margin : (M,) array
        Probability of the label less that of the most probable other class that reached its threshold.
    """

    numbers: Rows
    given: Rows
    answer: Rows
    sure: Floats
    doubtful: npt.NDArray[np.bool_]
    margin: Floats

    def wrong_share(self, rows: Rows) -> float:
        """The share of wrong labels among these of the M pictures; 0 where nothing can be said."""
        from scipy import stats  # slow to import, and seldom needed

        order = rows[np.argsort(-self.sure[rows], kind="stable")]
        wrong = self.answer[order] != self.given[order]
        few, some, many = (wrong[: max(1, round(share * len(order)))] for share in _SUREST)
        share, count = float(some.mean()), int(some.sum())
        lowest = stats.beta.ppf(_RISK, count, len(some) - count + 1) if count else 0.0
        flat = many.mean() <= _FLAT * share <= _FLAT**2 * few.mean()
        able = 1 - wrong.mean() >= _ABLE * (1 - share)
        return share if lowest >= _LEAST and flat and able and share < _MOST else 0.0

    def suspects(self, rows: Rows) -> Rows:
        """Those of these rows whose label looks wrong, the surest first: no more than the share says there are."""
        count = int(np.ceil(self.wrong_share(rows) * len(rows)))
        some = rows[self.doubtful[rows]]
        return some[np.argsort(self.margin[some], kind="stable")][:count]


def judge(sketches: Sketches, groups: Rows, seed: int) -> Judged | None:
    """Judge every picture by the others. None where there are too few pictures of more than one class.

    Parameters
    ----------
    sketches : Sketches
        N pictures.
    groups : (N,) integer array
        The same number for copies of one picture.
    seed : int
        Of the folds.
    """
    counts = np.bincount(sketches.labels, minlength=len(sketches.class_names))
    numbers = np.flatnonzero((counts[sketches.labels] >= _OF_CLASS) & ~sketches.blank & sketches.finite)
    if len(numbers) < _FEWEST or len(np.unique(sketches.labels[numbers])) < 2:
        return None
    classes, given = np.unique(sketches.labels[numbers], return_inverse=True)
    kinds, kind = np.unique(groups[numbers], return_inverse=True)
    fold = (np.random.default_rng([seed, len(kinds)]).permutation(len(kinds)) % _FOLDS)[kind]
    chances = _probabilities(_scores(_standardised(sketches.features[numbers]), given, fold, len(classes)), given)
    rows = np.arange(len(given))
    threshold = np.array([chances[given == label, label].mean() for label in range(len(classes))])
    reached = np.where(chances >= threshold, chances, -1.0)
    reached[rows, given] = -1.0
    other = reached.max(axis=1)
    own = chances[rows, given]
    answer = chances.argmax(axis=1)
    doubtful = (other > own) & (other > 0.0)
    return Judged(numbers, classes[given], classes[answer], chances.max(axis=1), doubtful, own - other)


def _standardised(features: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    deviation = features.std(axis=0)
    found = (features - features.mean(axis=0)) / np.where(deviation > 1e-6, deviation, 1.0)
    return np.column_stack([found, np.ones(len(found), np.float32)])


def _scores(x: npt.NDArray[np.float32], given: Rows, fold: Rows, classes: int) -> Floats:
    """(M, classes) scores of each picture by ridge regression on the other folds: w = (G + l I)^-1 X^T Y."""
    grams, products = [], []
    for number in range(_FOLDS):
        mine = x[fold == number]
        grams.append((mine.T @ mine).astype(np.float64))
        products.append((mine.T @ np.eye(classes, dtype=np.float32)[given[fold == number]]).astype(np.float64))
    gram, product = sum(grams), sum(products)
    scores = np.empty((len(x), classes))
    for number in range(_FOLDS):
        left = gram - grams[number]
        left += _RIDGE * np.trace(left) / len(left) * np.eye(len(left))
        scores[fold == number] = x[fold == number] @ np.linalg.solve(left, product - products[number])
    return scores


def _probabilities(scores: Floats, given: Rows) -> Floats:
    """Softmax of the scores, times what makes the labels most likely."""
    from scipy import optimize, special  # slow to import, and seldom needed

    rows = np.arange(len(given))

    def loss(exponent: float) -> float:
        return -float(special.log_softmax(scores * np.exp(exponent), axis=1)[rows, given].mean())

    best = optimize.minimize_scalar(loss, bounds=(-3.0, 4.0), method="bounded")
    return np.asarray(special.softmax(scores * np.exp(best.x), axis=1))


def suspicious(sketches: Sketches, found: Judged) -> Iterator[Finding]:
    """Parts with wrong labels, and which they are."""
    for word in sketches.names:
        rows = np.flatnonzero(sketches.of(word)[found.numbers])
        if len(rows) < _OF_PART or _guessed(found, rows):
            continue
        share = found.wrong_share(rows)
        suspects = found.suspects(rows)
        if not share or not len(suspects):
            continue
        names = sketches.class_names
        some = ", ".join(
            f"{sketches.name(int(found.numbers[row]))} ('{names[found.given[row]]}', looks like"
            f" '{names[found.answer[row]]}')"
            for row in suspects[:_NAMED].tolist()
        )
        severity: Severity = "failure" if share > 0.1 else "warning"
        yield Finding(
            "suspicious-labels",
            severity,
            f"About {max(1, round(100 * share))} % of the {word} labels look wrong: so often does a quick classifier"
            f" contradict them where it is surest. {len(suspects):,} of {len(rows):,} stand out: {some}.",
            remedy="Look at these pictures, and correct their labels or leave them out.",
            where=word,
        )


def unrelated(sketches: Sketches, found: Judged) -> Iterator[Finding]:
    """Labels that have nothing to do with the pictures: of the whole set, or of a part."""
    every = np.arange(len(found.given))
    accuracy, chance = _accuracy(found, every), _chance(found, every)
    remedy = "See how pictures and labels were paired: an order, an offset or a file is mistaken."
    if _guessed(found, every):
        yield Finding(
            "labels-random",
            "failure",
            f"The labels have nothing to do with the pictures: a quick classifier, trained on four fifths of them, is"
            f" right on {100 * accuracy:.0f} % of the others, and always answering one class on {100 * chance:.0f} %.",
            remedy=remedy,
            where=sketches.names[0],
        )
        return
    for word in sketches.names:
        rows = np.flatnonzero(sketches.of(word)[found.numbers])
        enough = _FEWEST if accuracy < _WORSE * chance else _OF_PART
        if len(rows) >= enough and _guessed(found, rows):
            yield Finding(
                "labels-disagree",
                "failure",
                f"The {word} labels do not fit the {word} pictures: a quick classifier is right on"
                f" {100 * _accuracy(found, rows):.0f} % of them, and on {100 * accuracy:.0f} % of the whole set.",
                remedy=remedy,
                where=word,
            )


def _accuracy(found: Judged, rows: Rows) -> float:
    return float((found.answer[rows] == found.given[rows]).mean())


def _chance(found: Judged, rows: Rows) -> float:
    """The share of the largest class, which always answering it gets right."""
    return float(np.bincount(found.given[rows]).max() / len(rows))


def _guessed(found: Judged, rows: Rows) -> bool:
    """Whether the classifier is no better than always answering the largest class."""
    from scipy import stats  # slow to import, and seldom needed

    right = int((found.answer[rows] == found.given[rows]).sum())
    return bool(stats.binom.sf(right - 1, len(rows), _chance(found, rows)) > _RISK)
