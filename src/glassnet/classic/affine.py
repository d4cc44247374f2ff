"""An affine map y = x S + t by gradient descent, beside its closed form.

    f(S, t) = sum_n |x_n S + t - y_n|^2 / (2 N)

is a parabola in (S, t). With the means of x and y taken off first, S alone is left to be found, and the second
derivatives are the eigenvalues of G = X^T X / N. With L the largest and m the smallest that is not 0, descent with

    step (2 / (sqrt L + sqrt m))^2,    momentum ((sqrt L - sqrt m) / (sqrt L + sqrt m))^2

is the fastest of its kind: no rate is tuned by hand.

Source: B. Polyak, "Some methods of speeding up the convergence of iteration methods", 1964.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, MultiOutputMixin, RegressorMixin
from sklearn.utils.validation import check_is_fitted, validate_data

__all__ = ["AffineFit"]

Floats = npt.NDArray[np.float64]


class AffineFit(MultiOutputMixin, RegressorMixin, BaseEstimator):  # type: ignore[misc]
    """Least squares for y = x S + t by gradient descent; the closed form is computed besides.

    Parameters
    ----------
    rate : float or None, default None
        Length of a step. None takes the best one for this problem, with its momentum.
    momentum : float or None, default None
        Share of the last step that goes on. None takes the best one, or 0 where a rate is given.
    max_iter : int, default 10_000
        Steps at most.
    tol : float, default 1e-12
        Descent ends when the gradient is this small a share of what it was at the start.

    Attributes
    ----------
    coef_ : (D, outputs), S; (D,) for a single output given as a vector
    intercept_ : (outputs,), t; a number for a single output given as a vector
    closed_form_ : (S, t) by least squares, in the same shapes
    difference_ : the largest difference of S and t from the closed form
    path_ : (steps + 1,) f along the way
    rate_, momentum_, n_iter_
    """

    def __init__(
        self, *, rate: float | None = None, momentum: float | None = None, max_iter: int = 10_000, tol: float = 1e-12
    ) -> None:
        self.rate = rate
        self.momentum = momentum
        self.max_iter = max_iter
        self.tol = tol

    def fit(self, X: Any, y: Any) -> AffineFit:
        """Fit the pairs X (N, D) and y (N,) or (N, outputs)."""
        if self.rate is not None and not self.rate > 0:
            raise ValueError(f"rate must be positive or None. Got {self.rate!r}.")
        if self.momentum is not None and not 0 <= self.momentum < 1:
            raise ValueError(f"momentum must be at least 0 and below 1, or None. Got {self.momentum!r}.")
        if self.max_iter < 1:
            raise ValueError(f"max_iter must be at least 1. Got {self.max_iter!r}.")
        X, y = validate_data(self, X, y, multi_output=True, y_numeric=True, dtype=np.float64)
        targets = np.asarray(y, np.float64).reshape(len(X), -1)
        middle, level = X.mean(axis=0), targets.mean(axis=0)
        x, z = X - middle, targets - level
        gram, cross = x.T @ x / len(x), x.T @ z / len(x)
        values = np.linalg.eigvalsh(gram)
        largest = float(values[-1])
        smallest = float(values[values > 1e-10 * max(largest, 1e-300)].min(initial=largest))
        self.rate_, self.momentum_ = self._step(largest, smallest)
        floor = float((z**2).sum()) / (2 * len(x))
        weights, last = np.zeros_like(cross), np.zeros_like(cross)
        path = [floor]
        first = float(np.linalg.norm(cross))
        for _ in range(self.max_iter):
            gradient = gram @ weights - cross
            if np.linalg.norm(gradient) <= self.tol * first:
                break
            last = self.momentum_ * last - self.rate_ * gradient
            weights = weights + last
            path.append(floor + float((weights * (0.5 * gram @ weights - cross)).sum()))
            if not np.isfinite(path[-1]) or path[-1] > 1e12 * (1 + floor):
                raise ValueError(
                    f"Descent diverged: the rate {self.rate_:g} is above 2/L = {2 / largest:g}; give a smaller."
                )
        best = np.linalg.lstsq(x, z, rcond=None)[0]
        self.path_, self.n_iter_ = np.array(path), len(path) - 1
        vector = np.ndim(y) == 1
        self.coef_, self.intercept_ = _shaped(weights, level - middle @ weights, vector)
        self.closed_form_ = _shaped(best, level - middle @ best, vector)
        pairs = zip((self.coef_, self.intercept_), self.closed_form_, strict=True)
        self.difference_ = max(float(np.abs(found - exact).max()) for found, exact in pairs)
        return self

    def _step(self, largest: float, smallest: float) -> tuple[float, float]:
        high, low = np.sqrt(max(largest, 1e-300)), np.sqrt(max(smallest, 1e-300))
        if self.rate is not None:
            return self.rate, self.momentum or 0.0
        if self.momentum is not None:
            return 1 / high**2, self.momentum
        return float((2 / (high + low)) ** 2), float(((high - low) / (high + low)) ** 2)

    def predict(self, X: Any) -> Floats:
        """x S + t for each of X (N, D)."""
        check_is_fitted(self)
        X = validate_data(self, X, reset=False, dtype=np.float64)
        return np.asarray(X @ self.coef_ + self.intercept_, np.float64)


def _shaped(weights: Floats, offset: Floats, vector: bool) -> tuple[Any, Any]:
    return (weights[:, 0], float(offset[0])) if vector else (weights, offset)
