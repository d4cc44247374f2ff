"""Pictures classified by their visual words: counts, a map of them, a linear support vector machine.

A linear machine compares counts by their product, in which a word that is everywhere outweighs all others. Better
kernels for histograms are products of mapped counts:

    hellinger   k(x, y) = sum sqrt(x_i y_i)           phi(x) = sqrt x
    chi2        k(x, y) = sum 2 x_i y_i / (x_i + y_i)   phi(x): A. Vedaldi and A. Zisserman, "Efficient additive
                                                        kernels via explicit feature maps", PAMI 2012, to second order
    none        k(x, y) = sum x_i y_i                  phi(x) = x

The machine's scores s are no probabilities. They become some by softmax(s / T), with the temperature T under which
scores of pictures that the machine was not fitted to (by three-fold cross-validation among the training pictures) tell
the classes most likely.

A score is a sum over words, s_c(x) = b_c + sum_w e_c(x, w), where e_c(x, w) adds up the coefficients times the mapped
counts of word w in all regions. So a word's evidence for a class is the mean of e_c(x, w) over the pictures of the
class, less the mean over all pictures.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import special
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.kernel_approximation import AdditiveChi2Sampler
from sklearn.model_selection import StratifiedKFold
from sklearn.preprocessing import FunctionTransformer
from sklearn.svm import LinearSVC
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted

from glassnet.classic.bag_of_words import BagOfWords, Told, silent
from glassnet.metrics import best_temperature

__all__ = ["MAPS", "BagOfWordsClassifier"]

MAPS = {
    "hellinger": FunctionTransformer(np.sqrt),
    "chi2": AdditiveChi2Sampler(sample_steps=2),
    "none": FunctionTransformer(),
}
"""The maps of counts, by name."""

_FOLDS = 3

Floats = npt.NDArray[np.float64]


class BagOfWordsClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """A linear support vector machine on mapped counts of visual words.

    Parameters
    ----------
    words : BagOfWords, optional
        How pictures become counts; None takes its defaults.
    counts_map : str, default "hellinger"
        "hellinger", "chi2" or "none".
    C : float, default 1.0
        The weight of mistakes against the length of the coefficients.
    random_state : int, default 0
        Seed of the machine's solver and of the folds.

    Attributes
    ----------
    classes_ : (classes,) array
    words_ : BagOfWords
        Fitted.
    machine_ : LinearSVC
        Fitted.
    temperature_ : float
        T.
    evidence_ : (classes, K) array
        How much each word speaks for each class on the training pictures.

    Examples
    --------
    >>> from glassnet.classic import BagOfWords, BagOfWordsClassifier
    >>> pictures = np.random.default_rng(0).random((10, 32, 32), dtype=np.float32)
    >>> pictures[5:] = pictures[5:].repeat(4, axis=1)[:, :32]  # stripes
    >>> model = BagOfWordsClassifier(BagOfWords(20, levels=1, sample=500)).fit(pictures, [0] * 5 + [1] * 5)
    >>> model.score(pictures, [0] * 5 + [1] * 5)
    1.0
    """

    def __init__(
        self,
        words: BagOfWords | None = None,
        *,
        counts_map: str = "hellinger",
        C: float = 1.0,
        random_state: int = 0,
    ) -> None:
        self.words = words
        self.counts_map = counts_map
        self.C = C
        self.random_state = random_state

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array, tags.input_tags.three_d_array = False, True
        return tags

    def fit(self, X: Any, y: Any, *, told: Told = silent) -> BagOfWordsClassifier:
        """Fit pictures X (N, H, W) or (N, H, W, C) and their classes y (N,); `told` hears how far the work is.

        Raises
        ------
        ValueError
            A setting is out of range, there is one class alone, or the pictures do not do for the words.
        """
        if self.counts_map not in MAPS:
            raise ValueError(f"counts_map must be one of {', '.join(map(repr, MAPS))}. Got {self.counts_map!r}.")
        if not 0 < self.C < np.inf:
            raise ValueError(f"C must be positive. Got {self.C!r}.")
        check_classification_targets(y)
        self.classes_, labels = np.unique(np.asarray(y), return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError(
                f"There must be at least two classes, but there is one class: {self.classes_.tolist()[0]!r}."
            )
        if len(X) != len(labels):
            raise ValueError(f"There must be one class for each picture. Got {len(X)} pictures and {len(labels)}.")
        self.words_ = clone(BagOfWords() if self.words is None else self.words).fit(X, told=told)
        counts = self.words_.transform(X, told=told)
        self.map_ = clone(MAPS[self.counts_map]).fit(counts)
        mapped = self.map_.transform(counts)
        told("support vector machine", 0, 1)
        self.machine_ = self._machine().fit(mapped, labels)
        self.temperature_ = self._temperature(mapped, labels)
        self.evidence_ = self._evidence(mapped, labels)
        return self

    def decision_function(self, X: Any, *, told: Told = silent) -> Floats:
        """(N, classes) scores; for two classes (N,) the second's."""
        scores = self._scores(X, told)
        return scores if len(self.classes_) > 2 else 2 * scores[:, 1]

    def predict_proba(self, X: Any, *, told: Told = silent) -> Floats:
        """(N, classes) probabilities."""
        return np.asarray(special.softmax(self._scores(X, told) / self.temperature_, axis=1), np.float64)

    def predict(self, X: Any) -> npt.NDArray[Any]:
        """(N,) the class with the highest score."""
        best = self._scores(X, silent).argmax(axis=1)
        return np.asarray(self.classes_[best])

    def _machine(self) -> LinearSVC:
        return LinearSVC(C=self.C, random_state=self.random_state, dual=True, max_iter=5000)

    def _scores(self, X: Any, told: Told) -> Floats:
        check_is_fitted(self)
        return _both(self.machine_.decision_function(self.map_.transform(self.words_.transform(X, told=told))))

    def _temperature(self, mapped: npt.NDArray[Any], labels: npt.NDArray[np.int64]) -> float:
        """T by cross-validation; 1 where a class has too few pictures for that."""
        if np.bincount(labels).min() < _FOLDS:
            return 1.0
        scores = np.empty((len(labels), len(self.classes_)))
        for rest, held in StratifiedKFold(_FOLDS, shuffle=True, random_state=self.random_state).split(mapped, labels):
            scores[held] = _both(self._machine().fit(mapped[rest], labels[rest]).decision_function(mapped[held]))
        return best_temperature(scores, labels)

    def _evidence(self, mapped: npt.NDArray[Any], labels: npt.NDArray[np.int64]) -> Floats:
        means = np.stack([mapped[labels == c].mean(axis=0) for c in range(len(self.classes_))]) - mapped.mean(axis=0)
        coefficients = self.machine_.coef_
        if len(coefficients) == 1:
            coefficients = np.concatenate([-coefficients, coefficients]) / 2
        each = (coefficients * means).reshape(len(self.classes_), -1, self.words_.n_words)
        return np.asarray(each.sum(axis=1), np.float64)


def _both(scores: Floats) -> Floats:
    """(N, classes) of a machine's scores, of which there is one a picture where there are two classes."""
    return scores if scores.ndim == 2 else np.stack([-scores, scores], axis=1) / 2
