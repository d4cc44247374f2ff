"""An affine map y = x S + t by gradient descent, beside its closed form.

    f(S, t) = sum_n |x_n S + t - y_n|^2 / (2 N)

is a parabola in (S, t). With the means of x and y taken off first, S alone is left to be found. Along the principal
axes of x, X = U diag(s) V^T, it is a sum of parabolas of one variable each, with second derivatives s_i^2 / N. With L
the largest and m the smallest that is not 0, descent with

    step (2 / (sqrt L + sqrt m))^2,    momentum ((sqrt L - sqrt m) / (sqrt L + sqrt m))^2

is the fastest of its kind, and needs some sqrt(L / m) steps for each digit: no rate is tuned by hand.

sqrt(L / m) depends on the units of x, and is 10^7 for the powers x, ..., x^9 on [0, 1]. So where no rate is given, the
features are first brought to deviation 1, and then every axis shorter than a hundredth of the longest is stretched to
that: descent in other coordinates (preconditioned), with sqrt(L / m) <= 100, towards the same minimum. Where S is not
determined (axes of length 0: fewer examples than features, or features that follow from others), the component along
them stays 0.

Source: B. Polyak, "Some methods of speeding up the convergence of iteration methods", 1964.
"""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import BaseEstimator, MultiOutputMixin, RegressorMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.validation import check_is_fitted, validate_data

from glassnet.classic.numbers import finite, standard

__all__ = ["AffineFit"]

_SHORTEST = 0.01  # of the longest axis: as far as the shorter ones are stretched

Floats = npt.NDArray[np.float64]


class AffineFit(MultiOutputMixin, RegressorMixin, BaseEstimator):  # type: ignore[misc]
    """Least squares for y = x S + t by gradient descent; the closed form is computed besides.

    Parameters
    ----------
    rate : float or None, default None
        Length of a step in the features as given. None takes the best one, with its momentum, in coordinates that suit
        the problem: features of deviation 1, short principal axes stretched.
    momentum : float or None, default None
        Share of the last step that goes on. None takes the best one, or 0 where a rate is given.
    max_iter : int, default 10_000
        Steps at most; a `ConvergenceWarning` says that they were not enough.
    tol : float, default 1e-12
        Descent ends when the gradient is this small a share of what it was at the start.

    Attributes
    ----------
    coef_ : (D, outputs) array
        S; (D,) for a single output given as a vector.
    intercept_ : (outputs,) array
        t; a number for a single output given as a vector.
    closed_form_ : (array, array)
        S and t by least squares, in the same shapes.
    difference_ : float
        The largest difference of S and t from the closed form.
    path_ : (steps + 1,) array
        f along the way.
    rank_ : int
        How many directions of the features vary; S is determined if it is D.
    rate_, momentum_ : float
        The rate and momentum of the descent.
    n_iter_ : int
        Its steps.

    Examples
    --------
    >>> from glassnet.classic import AffineFit
    >>> x = np.random.default_rng(0).normal(size=(50, 2))
    >>> fitted = AffineFit().fit(x, x @ [[2.0, 0.0], [0.0, 3.0]] + [1.0, -1.0])
    >>> fitted.predict([[1.0, 1.0]]).round(6)
    array([[3., 2.]])
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
        share = np.full(len(X), 1 / len(X))
        (middle, deviation), (level, size) = standard(X, share), standard(targets, share)
        if self.rate is not None:
            deviation = np.ones(X.shape[1])
        x, z = (X - middle) / deviation, (targets - level) / size
        rests = x.mean(axis=0), z.mean(axis=0)  # far from the origin the means are rounded
        x, z = x - rests[0], z - rests[1]
        u, s, vt = np.linalg.svd(x, full_matrices=False)
        reach = max(float(s[0]), float((np.abs(X) / deviation).max()))  # of numbers that were rounded on the way to x
        noise = np.finfo(float).eps * max(x.shape) * reach
        kept = s > noise
        u, s, vt, self.rank_ = u[:, kept], s[kept], vt[kept], int(kept.sum())
        best = np.linalg.lstsq(x, z, rcond=noise / s[0] if self.rank_ else None)[0]
        length = np.maximum(s, _SHORTEST * s.max(initial=0.0)) if self.rate is None else s
        with np.errstate(over="ignore", invalid="ignore"):
            toward = u.T @ z
            self._apart = ((z - u @ toward) ** 2).sum(axis=0) / len(x)  # what no x S comes nearer to
            found = self._descend(length / np.sqrt(len(x)), toward / np.sqrt(len(x)), size)
            self._scales, self._weights = (middle, deviation, size, level), vt.T @ (found * (length / s)[:, None])
            self._offset = rests[1] - rests[0] @ self._weights
            vector = np.ndim(y) == 1
            (self.coef_, self.intercept_), self.closed_form_ = (
                _shaped(w, level - middle @ w, vector)
                for w in (v * size / deviation[:, None] for v in (self._weights, best))
            )
            pairs = zip((self.coef_, self.intercept_), self.closed_form_, strict=True)
            self.difference_ = max(float(np.abs(mine - exact).max()) for mine, exact in pairs)
        if not np.isfinite(self.difference_):
            raise ValueError("S or t is too large for float64: bring the features and targets to other units.")
        self._vector = vector
        return self

    def _descend(self, length: Floats, toward: Floats, size: Floats) -> Floats:
        """(rank, outputs) the lowest point of sum_i |length_i w_i - toward_i|^2 / 2, begun at 0."""
        curvature, cross = length[:, None] ** 2, length[:, None] * toward
        largest, smallest = (curvature.max(), curvature.min()) if curvature.size else (1.0, 1.0)
        self.rate_, self.momentum_ = self._step(largest, smallest)
        weights, last = np.zeros_like(cross), np.zeros_like(cross)
        path, first = [self._apart + (toward**2).sum(axis=0)], float(np.linalg.norm(cross))
        while True:
            gradient = curvature * weights - cross
            ended = bool(np.linalg.norm(gradient) <= self.tol * first)
            if ended or len(path) > self.max_iter:
                break
            last = self.momentum_ * last - self.rate_ * gradient
            weights = weights + last
            path.append(self._apart + ((length[:, None] * weights - toward) ** 2).sum(axis=0))
            if not (path[-1] <= 1e12 * (1 + path[0])).all():
                raise ValueError(
                    f"Descent diverged: the rate {self.rate_:g} is above 2/L = {2 / largest:g}; give a smaller."
                )
        self.path_, self.n_iter_ = ((np.sqrt(path) * size) ** 2).sum(axis=1) / 2, len(path) - 1
        if not ended:
            left = float(np.linalg.norm(gradient)) / first
            warnings.warn(
                f"Descent ended after max_iter = {self.max_iter} steps with {left:.1e} of its first gradient left "
                f"(tol is {self.tol:g}): give more steps or another rate.",
                ConvergenceWarning,
                stacklevel=3,
            )
        return weights

    def _step(self, largest: float, smallest: float) -> tuple[float, float]:
        if self.rate is not None:
            return self.rate, self.momentum or 0.0
        if self.momentum is not None:
            return 1 / largest, self.momentum
        high, low = np.sqrt(largest), np.sqrt(smallest)
        return float((2 / (high + low)) ** 2), float(((high - low) / (high + low)) ** 2)

    def predict(self, X: Any) -> Floats:
        """x S + t for each of X (N, D)."""
        check_is_fitted(self)
        X = validate_data(self, X, reset=False, dtype=np.float64)
        middle, deviation, size, level = self._scales
        with np.errstate(over="ignore", invalid="ignore"):
            answers = (((X - middle) / deviation) @ self._weights + self._offset) * size + level
        return finite(answers[:, 0] if self._vector else answers, "answer")


def _shaped(weights: Floats, offset: Floats, vector: bool) -> tuple[Any, Any]:
    return (weights[:, 0], float(offset[0])) if vector else (weights, offset)
