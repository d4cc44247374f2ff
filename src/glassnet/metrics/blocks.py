"""The mean of a series whose values depend on their neighbours, such as the frames of a video, and its interval.

Frames that follow one another are nearly the same picture, so n of them say less than n pictures would, and an interval
for independent examples is far too narrow. The block bootstrap draws whole blocks of neighbours instead.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from glassnet.errors import DataError
from glassnet.metrics.intervals import Interval, finite_values, normal_quantile, wilson_interval

__all__ = ["FEWEST_BLOCKS", "SeriesMean", "block_interval", "block_length", "series_mean"]

FEWEST_BLOCKS = 5
"""Fewer blocks have no interval: so few draws of so few things say nothing of how they spread."""

_NO_INTERVAL = Interval(math.nan, math.nan)
_NEGLIGIBLE = (
    2.0  # an autocorrelation below this, times sqrt(log10 n / n), counts as none (Politis and White, sect. 3.2)
)


@dataclass(frozen=True)
class SeriesMean:
    """The mean of a series with the interval it is known to.

    Attributes
    ----------
    value : float
        The mean.
    interval : Interval
        95 %; both ends are `nan` where there is none, and `reason` says why.
    n : int
        Values.
    block : int
        The length of a block, in values; 0 where nothing varies.
    method : str
        "block bootstrap", "Wilson, by blocks", or "" where there is no interval.
    reason : str
        Why there is no interval.

    Examples
    --------
    >>> from glassnet.metrics import series_mean
    >>> series_mean([1, 1, 0, 1] * 20).n
    80
    """

    value: float
    interval: Interval
    n: int
    block: int
    method: str
    reason: str = ""

    @property
    def blocks(self) -> int:
        """Whole blocks in the series."""
        return self.n // self.block if self.block else 0

    def to_dict(self) -> dict[str, Any]:
        """Plain values, `null` where there is no interval."""
        ends = None if self.reason else list(self.interval)
        return {
            "value": self.value,
            "interval": ends,
            "n": self.n,
            "block": self.block,
            "blocks": self.blocks,
            "method": self.method,
            "reason": self.reason,
        }


def block_length(series: ArrayLike) -> int:
    """How long the blocks of a circular block bootstrap of the mean should be, by the rule of Politis and White.

    With the autocovariances R(k) of n values, m the smallest lag after which K = max(5, ceil(sqrt(log10 n))) of them in
    a row are negligible (below 2 sqrt(log10 n / n) as correlations), M = 2 m, and the flat-top window
    w(t) = min(1, 2 (1 - |t|)):

        g = sum_k w(k/M) |k| R(k),   s = sum_k w(k/M) R(k),   b = (2 g^2 / (4/3 s^2))^(1/3) n^(1/3)

    both sums over -M..M. b is rounded up, and is at most ceil(min(3 sqrt(n), n / 3)). It minimises the mean squared
    error of the variance that the bootstrap finds.

    Parameters
    ----------
    series : (n,) array
        Finite numbers in order.

    Returns
    -------
    int
        At least 1; 0 where the values do not vary: nothing can then be known of how they hang together.

    Raises
    ------
    DataError
        The values are not finite or not one-dimensional.

    Notes
    -----
    Source: D. N. Politis and H. White, "Automatic block-length selection for the dependent bootstrap", Econometric
    Reviews 23 (2004) 53-70, with the correction of A. Patton, D. N. Politis and H. White, Econometric Reviews 28 (2009)
    372-375.

    Examples
    --------
    >>> from glassnet.metrics import block_length
    >>> independent, runs = np.random.default_rng(0).normal(size=300), np.repeat([0.0, 1.0, 0.0, 1.0, 1.0], 60)
    >>> block_length(independent) < block_length(runs)
    True
    """
    values = finite_values(series)
    n = values.size
    away = values - values.mean() if n else values
    if n < 2 or float(np.abs(away).max()) <= 1e-12 * float(np.abs(values).max()):
        return 0
    run = max(5, math.ceil(math.sqrt(math.log10(n))))
    most = min(n - 1, math.ceil(math.sqrt(n)) + run)
    covariances = np.array([float(away[lag:] @ away[: n - lag]) for lag in range(most + 1)]) / n
    negligible = np.abs(covariances / covariances[0]) < _NEGLIGIBLE * math.sqrt(math.log10(n) / n)
    starts = (lag for lag in range(1, most + 1) if lag + run <= most and negligible[lag + 1 : lag + run + 1].all())
    lags = min(2 * int(next(starts, most)), most)
    k = np.arange(1, lags + 1)
    weighted = np.minimum(1.0, 2.0 * (1.0 - k / lags)) * covariances[1 : lags + 1]
    g = 2.0 * float(k @ weighted)
    s = float(covariances[0]) + 2.0 * float(weighted.sum())
    longest = math.ceil(min(3.0 * math.sqrt(n), n / 3.0))
    if s <= 0.0:  # an estimate that says nothing: as long as may be
        return longest
    best = (2.0 * g * g / (4.0 / 3.0 * s * s)) ** (1.0 / 3.0) * n ** (1.0 / 3.0)
    return int(min(longest, max(1, math.ceil(best))))


def block_interval(
    series: ArrayLike, length: int, level: float = 0.95, *, resamples: int = 10_000, seed: int = 0
) -> Interval:
    """Circular block bootstrap interval of the mean of a series: expanded percentiles.

    Each resample is n values: blocks of `length` neighbours, which begin anywhere, the series being joined into a ring.
    The interval runs between quantiles of the resamples' means. With B = n / length blocks, whole ones, these are

        Phi(-+ sqrt(B / (B - 1)) t(B - 1))

    instead of (1 -+ level) / 2, t(B - 1) the quantile of Student's distribution: plain percentiles are too narrow where
    blocks are few.

    Parameters
    ----------
    series : (n,) array
        Finite numbers in order.
    length : int
        Values in a block, at least 1, as `block_length` chooses them.
    level : float
        In (0, 1).
    resamples : int
        At least 100.
    seed : int
        Of the generator; the same seed gives the same interval.

    Returns
    -------
    Interval
        Both ends are `nan` where there are fewer than 5 blocks.

    Raises
    ------
    DataError
        The values are not finite or not one-dimensional, `level`, `length` or `resamples` is out of range.

    Notes
    -----
    Sources: D. N. Politis and J. P. Romano, "A circular block-resampling procedure for stationary data", in Exploring
    the Limits of Bootstrap (1992) 263-270; T. C. Hesterberg, "What teachers should know about the bootstrap", The
    American Statistician 69 (2015) 371-386 (the expanded percentiles).

    Examples
    --------
    >>> from glassnet.metrics import block_interval
    >>> low, high = block_interval(np.repeat([0, 1, 1, 0, 1, 0, 0, 1, 1, 1], 30), 30)
    >>> low < 0.6 < high
    True
    """
    normal_quantile(level)
    if resamples < 100:
        raise DataError(f"The 'resamples' of a bootstrap interval must be at least 100. Got {resamples} instead.")
    if length < 1:
        raise DataError(f"The 'length' of a block must be at least 1. Got {length} instead.")
    values = finite_values(series)
    n = values.size
    blocks = n // length
    if blocks < FEWEST_BLOCKS:
        return _NO_INTERVAL
    from scipy import special  # slow to import, and seldom needed

    means = _resampled_means(values, length, resamples, np.random.default_rng(seed))
    t = float(special.stdtrit(blocks - 1, 0.5 + level / 2.0))  # Student's t
    tail = NormalDist().cdf(-math.sqrt(blocks / (blocks - 1)) * t)
    low, high = np.quantile(means, [tail, 1.0 - tail])
    return Interval(float(low), float(high))


def _resampled_means(
    values: NDArray[np.float64], length: int, resamples: int, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Means of resamples, by the sums of all blocks: of `length` values, and of those that are left for the last."""
    n = values.size
    middle = float(values.mean())  # sums of what is near 0 lose nothing
    ring = np.concatenate([[0.0], np.cumsum(np.concatenate([values, values[:length]]) - middle)])
    whole, rest = divmod(n, length)
    of_block = ring[length : length + n] - ring[:n]
    of_rest = ring[rest : rest + n] - ring[:n]
    found = np.empty(resamples)
    rows = max(1, 2_000_000 // whole)  # in slices, so that few starts are in memory at once
    for start in range(0, resamples, rows):
        count = min(rows, resamples - start)
        sums = of_block[rng.integers(0, n, size=(count, whole))].sum(axis=1)
        found[start : start + count] = sums + of_rest[rng.integers(0, n, size=count)]
    return found / n + middle


def series_mean(series: ArrayLike, beside: ArrayLike | None = None, *, seed: int = 0) -> SeriesMean:
    """The mean of a series with its 95 % interval, the length of the blocks by `block_length`.

    Parameters
    ----------
    series : (n,) array
        Finite numbers in order, such as whether each frame is right, at least one.
    beside : (n,) array, optional
        What the series was decided by, such as the probability of the right class. Where every value of the series is
        0 or every one is 1, the bootstrap finds no spread; then these choose the length, and the interval is Wilson's
        with the blocks as its examples.
    seed : int
        Of the bootstrap.

    Raises
    ------
    DataError
        The values are not finite or not one-dimensional, or there are none.

    Examples
    --------
    >>> from glassnet.metrics import series_mean
    >>> found = series_mean(np.repeat([0, 1, 1, 0, 1, 0, 0, 1, 1, 1], 30))
    >>> found.value, found.block > 1
    (0.6, True)
    """
    values = finite_values(series)
    n = values.size
    if not n:
        raise DataError("The mean of a series needs at least one value. Got none.")
    mean, length = float(values.mean()), block_length(values)
    constant = length == 0
    if constant:
        length = 0 if beside is None or mean not in (0.0, 1.0) else block_length(beside)
    if not length:
        return SeriesMean(mean, _NO_INTERVAL, n, 0, "", "nothing varies, so nothing shows how much it would elsewhere")
    if n // length < FEWEST_BLOCKS:
        reason = f"blocks of {length} make {n // length} of {n}; an interval needs {FEWEST_BLOCKS}"
        return SeriesMean(mean, _NO_INTERVAL, n, length, "", reason)
    if constant:
        blocks = n // length
        return SeriesMean(mean, wilson_interval(round(mean * blocks), blocks), n, length, "Wilson, by blocks")
    return SeriesMean(mean, block_interval(values, length, seed=seed), n, length, "block bootstrap")
