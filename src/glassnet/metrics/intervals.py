"""Intervals: how far a measured figure may be from the true one, because only so many examples were seen."""

from __future__ import annotations

import math
from collections.abc import Callable
from statistics import NormalDist
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from glassnet.errors import DataError

__all__ = [
    "Interval",
    "bootstrap_interval",
    "difference_interval",
    "finite_values",
    "normal_interval",
    "normal_quantile",
    "wilson_interval",
]


class Interval(NamedTuple):
    """A confidence interval `low <= value <= high`; both ends are `nan` where it is not defined.

    Examples
    --------
    >>> from glassnet.metrics import Interval
    >>> Interval(0.2, 0.4).high
    0.4
    """

    low: float
    high: float


def normal_quantile(level: float) -> float:
    """z with P(|Z| <= z) = level for a standard normal Z: 1.95996 for 0.95."""
    if not 0.0 < level < 1.0:
        raise DataError(f"The 'level' of an interval must be between 0 and 1, such as 0.95. Got {level!r} instead.")
    return NormalDist().inv_cdf(0.5 + level / 2.0)


def finite_values(values: ArrayLike) -> NDArray[np.float64]:
    """Values (n,) as float64. Raises `DataError` where they have other than one axis or are not finite."""
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1:
        raise DataError(
            f"The values of an interval must be a list of numbers (one axis). Got shape {array.shape} instead."
        )
    if not np.isfinite(array).all():
        raise DataError(
            "The values of an interval must be finite. Got nan or infinite values; leave them out or report them."
        )
    return array


def wilson_interval(successes: int, n: int, level: float = 0.95) -> Interval:
    """Wilson's score interval of a proportion, for an accuracy of `successes` right answers out of `n`.

    With p = successes / n and the normal quantile z of `level`:

        centre = (p + z^2 / 2n) / (1 + z^2 / n)
        half   = z / (1 + z^2 / n) * sqrt(p (1 - p) / n + z^2 / 4 n^2)

    It stays within [0, 1] and has a sensible width at p = 0 and p = 1, where the textbook interval shrinks to a point.

    Parameters
    ----------
    successes, n : int
        Integers with 0 <= successes <= n. With n = 0 both ends are `nan`.
    level : float
        Probability that such intervals cover the true proportion, in (0, 1).

    Raises
    ------
    DataError
        `successes` is not within 0..n, or `level` is not within (0, 1).

    Notes
    -----
    Source: E. B. Wilson, "Probable inference, the law of succession, and statistical inference", J. Amer. Statist.
    Assoc. 22 (1927) 209-212; recommended by L. D. Brown, T. T. Cai and A. DasGupta, Statistical Science 16 (2001)
    101-133.

    Examples
    --------
    >>> from glassnet.metrics import wilson_interval
    >>> low, high = wilson_interval(204, 246)
    >>> round(low, 3), round(high, 3)
    (0.777, 0.871)
    """
    z = normal_quantile(level)
    if n < 0 or not 0 <= successes <= n:
        raise DataError(f"The 'successes' must be between 0 and n. Got {successes} of {n} instead.")
    if n == 0:
        return Interval(math.nan, math.nan)
    p = successes / n
    shrink = 1.0 + z * z / n
    centre = (p + z * z / (2.0 * n)) / shrink
    half = z / shrink * math.sqrt(p * (1.0 - p) / n + z * z / (4.0 * n * n))
    # At p = 0 and p = 1 an end is exactly 0 or 1; rounding must not carry it past.
    low = 0.0 if successes == 0 else max(0.0, centre - half)
    high = 1.0 if successes == n else min(1.0, centre + half)
    return Interval(low, high)


def normal_interval(values: ArrayLike, level: float = 0.95) -> Interval:
    """Interval of a mean by the central limit theorem: mean -+ z s / sqrt(n), s the sample deviation (divisor n - 1).

    Parameters
    ----------
    values : (n,) array
        Finite numbers, one per example. With n < 2 the spread is unknown and both ends are `nan`.
    level : float
        In (0, 1).

    Raises
    ------
    DataError
        The values are not finite or not one-dimensional, or `level` is not within (0, 1).

    Notes
    -----
    Source: any text on statistics, such as G. Casella and R. L. Berger, Statistical Inference (2002), section 9.2.

    Examples
    --------
    >>> from glassnet.metrics import normal_interval
    >>> low, high = normal_interval([0.95, 0.96, 0.97])
    >>> round(low, 3), round(high, 3)
    (0.949, 0.971)
    """
    z = normal_quantile(level)
    array = finite_values(values)
    if array.size < 2:
        return Interval(math.nan, math.nan)
    mean = float(array.mean())
    half = z * float(array.std(ddof=1)) / math.sqrt(array.size)
    return Interval(mean - half, mean + half)


def difference_interval(first: float, of_first: Interval, second: float, of_second: Interval) -> Interval:
    """Interval of the difference of two independent figures, from those of both (of the same level).

        low  = (a - b) - sqrt((a - a_low)^2 + (b_high - b)^2)
        high = (a - b) + sqrt((a_high - a)^2 + (b - b_low)^2)

    Neither has to lie in the middle of its interval. Both ends are `nan` where one of the figures has none.

    Parameters
    ----------
    first, second : float
        The figures a and b.
    of_first, of_second : Interval
        Theirs.

    Notes
    -----
    Source: R. G. Newcombe, "Interval estimation for the difference between independent proportions", Statistics in
    Medicine 17 (1998) 873-890, method 10; for any figures G. Y. Zou and A. Donner, Statistics in Medicine 27 (2008)
    1693-1702.

    Examples
    --------
    >>> from glassnet.metrics import difference_interval, wilson_interval
    >>> low, high = difference_interval(27 / 50, wilson_interval(27, 50), 106 / 220, wilson_interval(106, 220))
    >>> round(low, 2), round(high, 2)
    (-0.09, 0.2)
    """
    gap = first - second
    return Interval(
        gap - math.hypot(first - of_first.low, of_second.high - second),
        gap + math.hypot(of_first.high - first, second - of_second.low),
    )


def bootstrap_interval(
    values: ArrayLike,
    level: float = 0.95,
    *,
    resamples: int = 2000,
    seed: int = 0,
    statistic: Callable[..., NDArray[Any]] = np.mean,
) -> Interval:
    """Percentile bootstrap interval of a statistic of `values`, the mean unless told.

    `resamples` samples of n values are drawn with replacement; the interval runs from the (1 - level)/2 quantile of
    their statistics to the (1 + level)/2 quantile. It needs no formula for the spread, so it also serves medians.

    Parameters
    ----------
    values : (n,) array
        Finite numbers. With n < 2 both ends are `nan`.
    level : float
        In (0, 1).
    resamples : int
        Number of samples drawn, at least 100.
    seed : int
        Of the generator; the same seed gives the same interval.
    statistic : callable
        A function like `numpy.mean` or `numpy.median` that takes `axis=`.

    Raises
    ------
    DataError
        The values are not finite or not one-dimensional, `level` or `resamples` is out of range.

    Notes
    -----
    Source: B. Efron and R. J. Tibshirani, An Introduction to the Bootstrap (1993), section 13.3.

    Examples
    --------
    >>> from glassnet.metrics import bootstrap_interval
    >>> low, high = bootstrap_interval(np.arange(100.0))
    >>> low < 49.5 < high
    True
    """
    normal_quantile(level)
    if resamples < 100:
        raise DataError(f"The 'resamples' of a bootstrap interval must be at least 100. Got {resamples} instead.")
    array = finite_values(values)
    n = array.size
    if n < 2:
        return Interval(math.nan, math.nan)
    rng = np.random.default_rng(seed)
    found = np.empty(resamples)
    # In slices, so that resamples x n indices never need to be in memory at once.
    rows = max(1, 2_000_000 // n)
    for start in range(0, resamples, rows):
        count = min(rows, resamples - start)
        sample = array[rng.integers(0, n, size=(count, n))]
        found[start : start + count] = statistic(sample, axis=1)
    low, high = np.quantile(found, [(1.0 - level) / 2.0, (1.0 + level) / 2.0])
    return Interval(float(low), float(high))
