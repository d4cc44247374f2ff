"""k-nearest neighbours: the class that most of the nearest examples have."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from glassnet.classic.nearest import Index

__all__ = ["KNNClassifier"]


class KNNClassifier(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """k-nearest neighbours by exact Euclidean distance.

    Distances are exact: whole numbers of any type and size are compared without rounding, floats in float64 without
    overflow or underflow. Equal distances are ordered by the examples' order in training. The class with most votes
    wins; among equals the first of `classes_`.

    Parameters
    ----------
    n_neighbors : int, default 5
        Number of neighbours.
    weights : "uniform" or "distance", default "uniform"
        Whether all count the same, or by the inverse of their distance (neighbours at distance 0 then decide alone).

    Attributes
    ----------
    classes_ : (classes,) array
    n_features_in_ : int

    Examples
    --------
    >>> from glassnet.classic import KNNClassifier
    >>> KNNClassifier(1).fit([[0], [1], [9]], ["small", "small", "large"]).predict([[7]])
    array(['large'], dtype='<U5')
    """

    def __init__(self, n_neighbors: int = 5, *, weights: str = "uniform") -> None:
        self.n_neighbors = n_neighbors
        self.weights = weights

    def fit(self, X: Any, y: Any) -> KNNClassifier:
        """Keep the examples X (N, D) and their classes y (N,)."""
        if not isinstance(self.n_neighbors, (int, np.integer)) or self.n_neighbors < 1:
            raise ValueError(f"n_neighbors must be a whole number of at least 1. Got {self.n_neighbors!r}.")
        if self.weights not in ("uniform", "distance"):
            raise ValueError(f"weights must be 'uniform' or 'distance'. Got {self.weights!r}.")
        X, y = validate_data(self, X, y)
        check_classification_targets(y)
        self.classes_, self._labels = np.unique(y, return_inverse=True)
        self._index = Index(X)
        return self

    def kneighbors(self, X: Any, n_neighbors: int | None = None) -> tuple[npt.NDArray[Any], npt.NDArray[np.int64]]:
        """(distances (Q, k), numbers of the training examples (Q, k)) of the nearest to X (Q, D), nearest first."""
        check_is_fitted(self)
        X = validate_data(self, X, reset=False)
        k = self.n_neighbors if n_neighbors is None else n_neighbors
        if not 1 <= k <= len(self._labels):
            raise ValueError(f"n_neighbors must lie in 1 ... {len(self._labels)}, the number of examples. Got {k}.")
        return self._index.search(X, k)

    def predict(self, X: Any) -> npt.NDArray[Any]:
        """The class of each of X (Q, D)."""
        check_is_fitted(self)
        return np.asarray(self.classes_[self._votes(X).argmax(axis=1)])

    def predict_proba(self, X: Any) -> npt.NDArray[np.float64]:
        """(Q, classes) the share of the neighbours' votes for every class."""
        check_is_fitted(self)
        votes = self._votes(X)
        shares: npt.NDArray[np.float64] = votes / votes.sum(axis=1, keepdims=True)
        return shares

    def _votes(self, X: Any) -> npt.NDArray[np.float64]:
        """(Q, classes) what the neighbours' weights add up to for every class."""
        distances, numbers = self.kneighbors(X)
        labels = self._labels[numbers]
        weights = np.ones(distances.shape)
        if self.weights == "distance":
            nearest = distances[:, :1]  # against which the others' weights are: no inverse overflows
            equal = distances == nearest
            weights = np.where(equal, 1.0, nearest / np.where(equal, 1.0, distances))
        votes = np.zeros((len(labels), len(self.classes_)))
        np.add.at(votes, (np.arange(len(labels))[:, None], labels), weights)
        return votes
