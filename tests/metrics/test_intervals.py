"""Intervals: published values, an oracle that solves Wilson's equation, coverage by counting."""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from scipy.optimize import brentq

from glassnet.errors import DataError
from glassnet.metrics import Interval, bootstrap_interval, difference_interval, normal_interval, wilson_interval


@st.composite
def counts(draw: st.DrawFn) -> tuple[int, int]:
    n = draw(st.integers(1, 20_000))
    return draw(st.integers(0, n)), n


@given(counts(), st.floats(0.5, 0.999))
def test_wilson_ends_solve_the_score_equation(pair: tuple[int, int], level: float) -> None:
    successes, n = pair
    low, high = wilson_interval(successes, n, level)
    p, z = successes / n, NormalDist().inv_cdf(0.5 + level / 2)
    assert 0.0 <= low <= p <= high <= 1.0
    for end in (low, high):
        # The ends are the true shares from which p lies exactly z standard errors away.
        assert (p - end) ** 2 == pytest.approx(z * z * end * (1 - end) / n, rel=1e-6, abs=1e-12)


@pytest.mark.parametrize(("successes", "n"), [(0, 10), (1, 10), (9712, 10000), (40, 40)])
def test_wilson_agrees_with_scipy(successes: int, n: int) -> None:
    oracle = stats.binomtest(successes, n).proportion_ci(0.95, method="wilson")
    assert wilson_interval(successes, n) == pytest.approx((oracle.low, oracle.high), abs=1e-12)


def test_wilson_covers_the_truth_as_often_as_it_says() -> None:
    n, truth = 50, 0.9
    covered = 0.0
    for successes in range(n + 1):
        low, high = wilson_interval(successes, n)
        covered += stats.binom.pmf(successes, n, truth) * (low <= truth <= high)
    assert covered > 0.93


def test_wilson_upper_end_by_root_finding() -> None:
    z = NormalDist().inv_cdf(0.975)
    oracle = brentq(lambda q: (0.3 - q) - -z * math.sqrt(q * (1 - q) / 20), 0.3, 0.99)
    assert wilson_interval(6, 20).high == pytest.approx(oracle, abs=1e-9)


def test_nothing_seen_is_undefined() -> None:
    assert all(math.isnan(end) for end in wilson_interval(0, 0))
    assert all(math.isnan(end) for end in normal_interval([1.0]))
    assert all(math.isnan(end) for end in bootstrap_interval([]))


@pytest.mark.parametrize(
    ("successes", "n", "level"), [(-1, 5, 0.9), (6, 5, 0.9), (0, -1, 0.9), (1, 5, 0.0), (1, 5, 1.0)]
)
def test_wilson_rejects_what_is_no_count(successes: int, n: int, level: float) -> None:
    with pytest.raises(DataError):
        wilson_interval(successes, n, level)


def test_normal_interval_agrees_with_scipy() -> None:
    values = np.random.default_rng(3).normal(5, 2, 200)
    oracle = stats.norm.interval(0.9, values.mean(), stats.sem(values))
    assert normal_interval(values, 0.9) == pytest.approx(oracle, rel=1e-12)


def test_bootstrap_is_near_the_normal_interval_and_repeats() -> None:
    values = np.random.default_rng(5).normal(0, 1, 400)
    first = bootstrap_interval(values, seed=1)
    assert first == bootstrap_interval(values, seed=1)
    assert first == pytest.approx(normal_interval(values), abs=0.02)
    assert bootstrap_interval(values, statistic=np.median).low < np.median(values)


@pytest.mark.parametrize("values", [[1.0, math.nan], [math.inf, 0.0], [[1.0, 2.0]]])
def test_values_must_be_a_list_of_finite_numbers(values: list[float]) -> None:
    with pytest.raises(DataError):
        normal_interval(values)
    with pytest.raises(DataError):
        bootstrap_interval(values)
    with pytest.raises(DataError, match="resamples"):
        bootstrap_interval([1.0, 2.0], resamples=5)


def test_the_interval_of_a_difference_is_the_published_one() -> None:
    """Newcombe 1998, table II, method 10: 56 of 70 less 48 of 80."""
    first, second = wilson_interval(56, 70), wilson_interval(48, 80)
    assert difference_interval(56 / 70, first, 48 / 80, second) == pytest.approx((0.0524, 0.3339), abs=5e-5)
    assert difference_interval(48 / 80, second, 56 / 70, first) == pytest.approx((-0.3339, -0.0524), abs=5e-5)
    assert all(map(math.isnan, difference_interval(0.5, Interval(math.nan, math.nan), 0.5, second)))
