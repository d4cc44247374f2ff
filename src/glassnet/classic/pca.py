"""Principal components: the directions along which data vary most.

With the mean taken off, the covariance C = X^T X / (n - 1) has eigenvectors, the components, and eigenvalues, the
variances along them. The same come from the singular values of X: X = U S V^T, C = V (S^2 / (n - 1)) V^T.

For bytes the covariance is exact at float32's speed. Their differences from a whole number near the mean are whole
numbers, and so are sums of products of these. As long as no sum of absolute products passes 2^24, float32 counts
without error; by Cauchy and Schwarz none does in a block of rows whose sums of squares stay below that. The blocks'
sums are added in float64. A block that is too long is halved.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.linalg
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted, validate_data

from glassnet.classic.numbers import finite, middle_of
from glassnet.notation import is_real, is_whole

__all__ = ["PCA"]

_WHOLE = 2.0**24  # up to which float32 holds every whole number
_SURELY = 258  # rows whose squares' sums are below that: 258 * 255^2 < 2^24
_BYTE_ROWS = 1152  # of bytes at a time
_ROWS = 8192  # of floats at a time
_LARGEST, _SMALLEST = 1e150, 1e-150  # differences whose squares, and their sums, float64 holds

Floats = npt.NDArray[np.float64]


class PCA(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Principal component analysis, exact, in float64.

    Parameters
    ----------
    n_components : int, float or None, default None
        How many components to keep: a number of them; a share of the variance in (0, 1), which as few as possible must
        reach; or all.
    whiten : bool, default False
        Whether `transform` divides each component by its standard deviation.
    solver : "auto", "covariance" or "svd", default "auto"
        Eigenvectors of the covariance (fast where there are more examples than features), or singular values of the
        data (accurate for the smallest components, too). "auto" takes the covariance unless features outnumber
        examples.

    Attributes
    ----------
    components_ : (n_components_, D) array
        Rows of length 1, in order of variance; in each, the entry of largest size is positive.
    explained_variance_, explained_variance_ratio_, singular_values_ : (n_components_,)
    spectrum_ : (min(n, D),) array
        All variances, also of the components that are not kept.
    mean_ : (D,)
    n_samples_seen_ : int

    Examples
    --------
    >>> from glassnet.classic import PCA
    >>> PCA(1).fit([[0.0, 0.0], [1.0, 2.0], [2.0, 4.0]]).explained_variance_ratio_
    array([1.])
    """

    def __init__(self, n_components: float | None = None, *, whiten: bool = False, solver: str = "auto") -> None:
        self.n_components = n_components
        self.whiten = whiten
        self.solver = solver

    def fit(self, X: Any, y: Any = None) -> PCA:
        """Find the components of X (N, D)."""
        self._check_settings()
        X = validate_data(self, X, ensure_min_samples=2)
        if self.solver == "svd" or (self.solver == "auto" and X.shape[1] > X.shape[0]):
            self._forget()
            self.mean_ = middle_of(X)
            self.n_samples_seen_ = len(X)
            moved = _squarable(X.astype(np.float64) - self.mean_)
            _, s, vt = scipy.linalg.svd(moved, full_matrices=False, overwrite_a=True, check_finite=False)
            return self._keep(s**2 / (len(X) - 1), vt)
        self._forget()
        self._add(X)
        return self._solve()

    @available_if(lambda self: self.solver != "svd")  # type: ignore[untyped-decorator]  # which needs all data at once
    def partial_fit(self, X: Any, y: Any = None) -> PCA:
        """Add the examples X (n, D) to those seen so far: for data larger than memory."""
        self._check_settings()
        first = not hasattr(self, "_scatter")
        X = validate_data(self, X, reset=first)
        if first:
            self._forget()
        self._add(X)
        return self._solve() if self.n_samples_seen_ > 1 else self

    def _check_settings(self) -> None:
        n = self.n_components
        if n is not None and not (n >= 1 if is_whole(n) else is_real(n) and 0 < n < 1):
            raise ValueError(
                f"n_components must be None, a whole number from 1, or a share between 0 and 1. Got {n!r}."
            )
        if self.solver not in ("auto", "covariance", "svd"):
            raise ValueError(f"solver must be 'auto', 'covariance' or 'svd'. Got {self.solver!r}.")

    def _forget(self) -> None:
        for name in ("_scatter", "_sum", "n_samples_seen_"):
            self.__dict__.pop(name, None)

    def _add(self, X: npt.NDArray[Any]) -> None:
        """Sums of the rows, and of their products, about a fixed point near the mean."""
        if not hasattr(self, "_scatter"):
            size = X.shape[1]
            self._origin = middle_of(X[:_BYTE_ROWS])
            if X.dtype == np.uint8:
                self._origin = np.rint(self._origin)
            self._sum, self._scatter, self.n_samples_seen_ = np.zeros(size), np.zeros((size, size)), 0
        exact = X.dtype == np.uint8 and bool((self._origin == np.rint(self._origin)).all())
        products = np.zeros((X.shape[1],) * 2, np.float32) if exact else None
        for start in range(0, len(X), _BYTE_ROWS if exact else _ROWS):
            if products is not None:
                self._add_bytes(X[start : start + _BYTE_ROWS], products)
            else:
                rows = _squarable(X[start : start + _ROWS].astype(np.float64) - self._origin)
                self._scatter += rows.T @ rows
                self._sum += rows.sum(axis=0)
        self.n_samples_seen_ += len(X)

    def _add_bytes(self, X: npt.NDArray[np.uint8], products: npt.NDArray[np.float32]) -> None:
        """The same for bytes about a whole number, without rounding. `products` is overwritten."""
        rows = X.astype(np.float32)
        rows -= self._origin.astype(np.float32)
        np.matmul(rows.T, rows, out=products)
        if products.diagonal().max() >= _WHOLE and len(X) > _SURELY:
            self._add_bytes(X[: len(X) // 2], products)
            self._add_bytes(X[len(X) // 2 :], products)
            return
        self._scatter += products
        self._sum += rows.sum(axis=0)  # below 2^24, too: no larger than the squares' sums

    def _solve(self) -> PCA:
        n = self.n_samples_seen_
        mean = self._sum / n
        self.mean_ = mean + self._origin
        covariance = (self._scatter - n * np.outer(mean, mean)) / (n - 1)
        values, vectors = np.linalg.eigh(covariance)  # which looks at the lower triangle alone
        size = min(n, len(values))
        return self._keep(np.maximum(values[::-1][:size], 0.0), np.ascontiguousarray(vectors.T[::-1][:size]))

    def _keep(self, variances: Floats, components: Floats) -> PCA:
        self.spectrum_ = variances
        count = self._count()
        largest = np.abs(components).argmax(axis=1)
        components = components * np.sign(components[np.arange(len(components)), largest])[:, None]
        total = variances.sum()
        self.n_components_ = count
        self.components_ = components[:count]
        self.explained_variance_ = variances[:count]
        self.explained_variance_ratio_ = variances[:count] / total if total > 0 else np.zeros(count)
        self.singular_values_ = np.sqrt(variances[:count] * (self.n_samples_seen_ - 1))
        return self

    def _count(self) -> int:
        n, most = self.n_components, len(self.spectrum_)
        if n is None:
            return most
        if is_whole(n):
            if n > most:
                raise ValueError(
                    f"n_components is {n}, but there are only {most} (the smaller of examples and features)."
                )
            return int(n)
        return self.components_for(variance=float(n))

    def components_for(self, *, variance: float | None = None, psnr: float | None = None, peak: float = 255.0) -> int:
        """The fewest components that reach a share of the variance, or a PSNR (dB) of the data rebuilt from them.

        The mean squared error of data rebuilt from k components is the sum of the other variances (times (n - 1) / n)
        divided by the number of features; PSNR = 10 log10(peak^2 / error), `peak` being the largest value.
        """
        check_is_fitted(self)
        if (variance is None) == (psnr is None):
            raise ValueError("Give either a share of the variance or a PSNR.")
        if variance is not None:
            left = _left(self.spectrum_)
            enough = left <= (1 - variance) * left[0] * (1 + 1e-12)
        else:
            assert psnr is not None
            enough = self.psnr(peak) >= psnr
        return max(1, int(np.flatnonzero(enough)[0])) if enough.any() else len(self.spectrum_)

    def psnr(self, peak: float = 255.0) -> Floats:
        """(len(spectrum_) + 1,) PSNR (dB) of the data rebuilt from the first 0, 1, ... components.

        Infinite where there is no error. The logarithm is taken once, of the mean error over all data.
        """
        check_is_fitted(self)
        n, size = self.n_samples_seen_, len(self.mean_)
        error = np.maximum(_left(self.spectrum_), 0.0) * (n - 1) / n / size
        with np.errstate(divide="ignore"):
            return np.asarray(10 * np.log10(peak**2 / error), np.float64)

    def transform(self, X: Any) -> Floats:
        """(N, n_components_) coordinates of X (N, D) along the components."""
        check_is_fitted(self)
        X = validate_data(self, X, reset=False)
        moved = X.astype(np.float64)
        with np.errstate(over="ignore", invalid="ignore"):
            moved -= self.mean_
            coordinates = moved @ self.components_.T
            if self.whiten:
                coordinates /= self._deviations()
        return finite(coordinates, "coordinates")

    def inverse_transform(self, X: Any) -> Floats:
        """(N, D) the data that have coordinates X (N, n_components_)."""
        check_is_fitted(self)
        coordinates = np.asarray(X, np.float64)
        with np.errstate(over="ignore", invalid="ignore"):
            if self.whiten:
                coordinates = coordinates * self._deviations()
            return finite(coordinates @ self.components_ + self.mean_, "features")

    def _deviations(self) -> Floats:
        deviations = np.sqrt(self.explained_variance_)
        return np.where(deviations > 1e-10 * deviations.max(), deviations, 1.0)

    @property
    def _n_features_out(self) -> int:
        return int(self.n_components_)


def _squarable(moved: Floats) -> Floats:
    """Differences (n, D) themselves. Raises `ValueError` where their squares leave the range of float64."""
    largest = float(np.abs(moved).max(initial=0.0))
    if largest != 0 and not _SMALLEST < largest < _LARGEST:
        raise ValueError(
            f"The features differ by up to {largest:.3g}, whose squares leave float64: bring them to other units."
        )
    return moved


def _left(spectrum: Floats) -> Floats:
    """(components + 1,) the variance that is not in the first 0, 1, ... components."""
    return np.concatenate([np.cumsum(spectrum[::-1])[::-1], [0.0]])
