"""Softmax regression: linear scores, one per class, turned into probabilities.

    f(W, b) = - sum_n w_n log softmax(x_n W + b)[y_n] / sum_n w_n  +  l2 |W|^2 / 2

is convex; L-BFGS finds its minimum. The gradient of the scores is (softmax - one hot) w_n / sum w.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import optimize, special
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from glassnet.classic.numbers import finite, standard

__all__ = ["SoftmaxRegression"]

Floats = npt.NDArray[np.float64]


class SoftmaxRegression(ClassifierMixin, BaseEstimator):  # type: ignore[misc]
    """Multinomial logistic regression by L-BFGS, in float64.

    Features are standardised internally, so that the penalty does not depend on their units.

    Parameters
    ----------
    l2 : float, default 1e-3
        Coefficient of the penalty.
    max_iter : int, default 500
        Steps at most; a `ConvergenceWarning` says that the search ended before `tol` was reached.
    tol : float, default 1e-6
        The largest entry of the gradient at which the search ends.

    Attributes
    ----------
    classes_ : (classes,)
    coef_ : (D, classes) array
        For features as given.
    intercept_ : (classes,) array
        For features as given.
    n_iter_ : int

    Examples
    --------
    >>> from glassnet.classic import SoftmaxRegression
    >>> SoftmaxRegression().fit([[-1.0], [1.0]], ["left", "right"]).predict([[-3.0], [2.0]])
    array(['left', 'right'], dtype='<U5')
    """

    def __init__(self, l2: float = 1e-3, *, max_iter: int = 500, tol: float = 1e-6) -> None:
        self.l2 = l2
        self.max_iter = max_iter
        self.tol = tol

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> SoftmaxRegression:
        """Fit X (N, D), classes y (N,), optionally with a weight (N,) for each example."""
        if self.l2 < 0:
            raise ValueError(f"l2 must not be negative. Got {self.l2!r}.")
        X, y = validate_data(self, X, y, dtype=np.float64)
        check_classification_targets(y)
        weights = _check_sample_weight(sample_weight, X, ensure_non_negative=True)
        kept = weights > 0
        if not kept.any():
            raise ValueError("sample_weight leaves no example: all weights are 0.")
        X, y, weights = X[kept], y[kept], weights[kept] / weights.sum()
        self.classes_, labels = np.unique(y, return_inverse=True)
        count = len(self.classes_)
        if count < 2:
            raise ValueError(f"There must be at least two classes, but there is one class: {self.classes_[0]!r}.")
        middle, scale = standard(X, weights)
        x = (X - middle) / scale
        rows = np.arange(len(x))

        def objective(flat: Floats) -> tuple[float, Floats]:
            w, b = flat[:-count].reshape(-1, count), flat[-count:]
            scores = x @ w + b
            log_p = scores - special.logsumexp(scores, axis=1, keepdims=True)
            delta = np.exp(log_p)
            delta[rows, labels] -= 1
            delta *= weights[:, None]
            loss = -float(weights @ log_p[rows, labels]) + 0.5 * self.l2 * float((w**2).sum())
            return loss, np.concatenate([(x.T @ delta + self.l2 * w).ravel(), delta.sum(axis=0)])

        start = np.zeros((x.shape[1] + 1) * count)
        settings = {"maxiter": self.max_iter, "gtol": self.tol, "ftol": 0.0, "maxfun": 20 * self.max_iter}
        found = optimize.minimize(objective, start, jac=True, method="L-BFGS-B", options=settings)
        left = float(np.abs(found.jac).max())
        if not left <= self.tol:
            warnings.warn(
                f"The search ended after {found.nit} of max_iter = {self.max_iter} steps with gradient {left:.1e} "
                f"(tol is {self.tol:g}): give more steps, a larger tol or a larger l2.",
                ConvergenceWarning,
                stacklevel=2,
            )
        w, b = found.x[:-count].reshape(-1, count), found.x[-count:]
        self._standard = (middle, scale, w, b)
        with np.errstate(over="ignore", invalid="ignore"):
            self.coef_ = w / scale[:, None]
            self.intercept_ = b - middle @ self.coef_
        self.n_iter_ = int(found.nit)
        return self

    def decision_function(self, X: Any) -> Floats:
        """(N, classes) scores; for two classes (N,) the second's less the first's."""
        scores = self._scores(X)
        return scores if len(self.classes_) > 2 else scores[:, 1] - scores[:, 0]

    def predict_proba(self, X: Any) -> Floats:
        """(N, classes) probabilities."""
        return np.asarray(special.softmax(self._scores(X), axis=1), np.float64)

    def predict(self, X: Any) -> npt.NDArray[Any]:
        """(N,) the class with the highest score."""
        scores = self._scores(X)
        return np.asarray(self.classes_[scores.argmax(axis=1)])

    def _scores(self, X: Any) -> Floats:
        check_is_fitted(self)
        X = validate_data(self, X, reset=False, dtype=np.float64)
        middle, scale, w, b = self._standard
        with np.errstate(over="ignore", invalid="ignore"):
            return finite(((X - middle) / scale) @ w + b, "scores")
