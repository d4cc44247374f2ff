"""The mean of a dependent series: block lengths against theory, coverage by counting, no interval from too little."""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np
import pytest
from scipy.signal import lfilter

from glassnet.errors import DataError
from glassnet.metrics import block_interval, block_length, series_mean, wilson_interval

Array = np.ndarray


def autoregressive(rng: np.random.Generator, n: int, rho: float) -> Array:
    """x_t = rho x_{t-1} + e_t with deviation 1, from long before its first value."""
    noise = rng.standard_normal(n + 300) * math.sqrt(1 - rho * rho)
    found: Array = lfilter([1.0], [1.0, -rho], noise)[300:]
    return found


@pytest.mark.parametrize("rho", [0.3, 0.6, 0.9])
def test_the_length_is_the_best_one_that_theory_knows(rho: float) -> None:
    """For x_t = rho x_{t-1} + e_t, g = 2 rho / (1 - rho)^2 and s = (1 + rho) / (1 - rho), in variances."""
    n, rng = 20_000, np.random.default_rng(0)
    g, s = 2 * rho / (1 - rho) ** 2, (1 + rho) / (1 - rho)
    best = (2 * g * g / (4 / 3 * s * s)) ** (1 / 3) * n ** (1 / 3)
    found = np.median([block_length(autoregressive(rng, n, rho)) for _ in range(9)])
    assert 0.85 * best < found < 1.15 * best + 1


# What arch 8.0.0 says (`optimal_block_length(x)["circular"]`) of the series that these seeds give.
ARCH = {(0, 500, 0.5): 9.059, (1, 500, 0.8): 24.924, (2, 5000, 0.9): 77.793, (3, 5000, 0.2): 10.625}


@pytest.mark.parametrize("case", ARCH)
def test_the_length_is_near_that_of_arch(case: tuple[int, int, float]) -> None:
    """arch looks one lag further, and weighs correlations a little otherwise."""
    seed, n, rho = case
    found = block_length(autoregressive(np.random.default_rng(seed), n, rho))
    assert abs(found - ARCH[case]) <= 0.15 * ARCH[case] + 1


def coverage(n: int, rho: float, mean: float, series: int) -> tuple[float, float]:
    """How often the interval, and one for independent values, holds the mean of right and wrong frames."""
    rng, threshold = np.random.default_rng(5), NormalDist().inv_cdf(1 - mean)
    held = np.zeros(2)
    for _ in range(series):
        right = autoregressive(rng, n, rho) > threshold
        for place, ends in enumerate((series_mean(right).interval, wilson_interval(int(right.sum()), n))):
            held[place] += ends.low <= mean <= ends.high
    return float(held[0] / series), float(held[1] / series)


def test_it_covers_a_known_mean_where_an_interval_for_independent_values_does_not() -> None:
    blocks, independent = coverage(1000, 0.8, 0.7, 400)
    assert 0.9 <= blocks <= 0.98
    assert independent < 0.7


def test_independent_values_have_the_interval_of_independent_values() -> None:
    values = np.random.default_rng(2).normal(3, 2, 2000)
    low, high = block_interval(values, 1)
    half = NormalDist().inv_cdf(0.975) * values.std() / math.sqrt(len(values))
    assert low == pytest.approx(values.mean() - half, abs=0.1 * half)
    assert high == pytest.approx(values.mean() + half, abs=0.1 * half)


def test_the_resamples_are_those_of_a_naive_bootstrap() -> None:
    """Blocks of 7 from a ring of 40, five whole ones and 5 values of a sixth, drawn one by one."""
    values, rng = autoregressive(np.random.default_rng(3), 40, 0.6), np.random.default_rng(4)
    naive = []
    for _ in range(20_000):
        starts = rng.integers(0, 40, 6)
        naive.append(values[((starts[:, None] + np.arange(7)) % 40).ravel()[:40]].mean())
    t = 2.776445105197793  # Student's 0.975 quantile with 5 - 1 degrees of freedom
    tail = NormalDist().cdf(-math.sqrt(5 / 4) * t)
    low, high = np.quantile(naive, [tail, 1 - tail])
    spread = np.std(naive)
    found = block_interval(values, 7, resamples=20_000)
    assert abs(found.low - low) < 0.5 * spread and abs(found.high - high) < 0.5 * spread
    assert block_interval(values, 7) == block_interval(values, 7)


def test_fewer_than_five_blocks_have_no_interval() -> None:
    values = np.random.default_rng(0).random(49)
    assert math.isnan(block_interval(values, 10).low) and math.isfinite(block_interval(values, 9).low)
    slow = np.repeat([0.0, 1.0], 30)
    found = series_mean(slow)
    assert found.value == 0.5 and math.isnan(found.interval.low) and found.to_dict()["interval"] is None
    assert f"blocks of {found.block} make {found.blocks}" in found.reason and found.blocks < 5


def test_a_series_that_never_changes_has_blocks_as_examples() -> None:
    beside = autoregressive(np.random.default_rng(1), 600, 0.7) / 100 + 0.9
    found = series_mean(np.ones(600), beside)
    assert found.block == block_length(beside) > 3
    assert found.interval == wilson_interval(600 // found.block, 600 // found.block)
    for still in (series_mean(np.zeros(600)), series_mean(np.ones(600), np.full(600, 0.9)), series_mean([1.0])):
        assert still.reason and still.block == still.blocks == 0 and math.isnan(still.interval.high)


@pytest.mark.parametrize(
    ("call", "word"),
    [
        (lambda: block_interval([0.0, 1.0], 0), "length"),
        (lambda: block_interval([0.0, 1.0], 1, resamples=5), "resamples"),
        (lambda: block_interval([0.0, 1.0], 1, level=1.0), "level"),
        (lambda: block_length([0.0, math.nan]), "finite"),
        (lambda: series_mean([]), "at least one"),
    ],
)
def test_wrong_input(call: object, word: str) -> None:
    with pytest.raises(DataError, match=word):
        call()  # type: ignore[operator]
