"""Differences on the same pictures: intervals and tests against formulas, SciPy's, and sides whose truth is known."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from benchmarks.compare import Drawn, World, tally
from glassnet.errors import DataError
from glassnet.metrics import difference_by_parts, mcnemar, more_pictures, more_seeds, paired_difference
from glassnet.metrics.plan import POWER, power_to_settle
from glassnet.metrics.spread import student_quantile


def answers(both: int, first: int, second: int, neither: int) -> tuple[np.ndarray, np.ndarray]:
    counts = (both, first, second, neither)
    return np.repeat([True, True, False, False], counts), np.repeat([True, False, True, False], counts)


# ---- these networks


def test_two_networks_by_hand() -> None:
    found = paired_difference(*answers(80, 12, 5, 1))  # 98 pictures, and two that are added: 13 and 6 of 100
    assert found.value == pytest.approx(7 / 98) and found.n == 98 and found.question == "networks"
    half = 1.959963985 * math.sqrt((0.13 + 0.06 - 0.07**2) / 100)
    assert found.p == mcnemar(*answers(80, 12, 5, 1)).p > 0.05
    assert found.interval() == pytest.approx((0.07 - half, 0.07 + half))
    wide = student_quantile(0.99, 1e9)
    assert found.interval(0.99).high == pytest.approx(0.07 + half * wide / 1.959963985)


def test_interval_and_exact_test_never_contradict_each_other() -> None:
    for first in range(36):
        for second in range(36):
            for rest in (2, 1000):
                found = paired_difference(*answers(rest, first, second, 0))
                low, high = found.interval()
                assert (low <= 0 <= high) == (found.p >= 0.05), (first, second, rest)
                assert -1 <= low < high <= 1


def test_figures_that_are_no_truth_values_have_students_test() -> None:
    rng = np.random.default_rng(0)
    first, second = rng.normal(20, 3, 50), rng.normal(19, 3, 50)
    found, expected = paired_difference(first, second), stats.ttest_rel(first, second)
    assert found.p == pytest.approx(expected.pvalue) and found.value == pytest.approx((first - second).mean())
    assert found.interval() == pytest.approx(tuple(expected.confidence_interval()))
    assert found.interval(0.8) == pytest.approx(tuple(expected.confidence_interval(0.8)))
    both = np.stack([first, first + 1]), np.stack([second, second - 1])
    means = stats.ttest_rel(first + 0.5, second - 0.5)
    assert paired_difference(*both, "networks").p == pytest.approx(means.pvalue)


# ---- recipes


def test_seeds_alone_are_welchs_test() -> None:
    """Figures that are the same for all pictures of a network leave nothing to chance but the seed."""
    a, b = np.array([0.91, 0.93, 0.92, 0.95]), np.array([0.90, 0.86, 0.89])
    found = paired_difference(np.repeat(a[:, None], 7, axis=1), np.repeat(b[:, None], 7, axis=1))
    expected = stats.ttest_ind(a, b, equal_var=False)
    assert found.question == "recipes" and found.seeds == (4, 3)
    assert found.p == pytest.approx(expected.pvalue)
    assert found.interval() == pytest.approx(tuple(expected.confidence_interval()))


def test_one_seed_beside_several_has_their_variance() -> None:
    a = np.array([0.91, 0.93, 0.92, 0.95])
    found = paired_difference(np.repeat(a[:, None], 7, axis=1), np.full((1, 7), 0.88))
    t = (a.mean() - 0.88) / (a.std(ddof=1) * math.sqrt(1 / 4 + 1))
    assert found.p == pytest.approx(2 * stats.t.sf(t, 3)) and "one variance" in found.method


def test_parts_of_the_variance_by_hand() -> None:
    """Two networks of three pictures: rows 1 2 6 and 3 6 6. Means 3 and 5; the rest is -+ (0, 1, -1): w = 4 / 2."""
    first = np.array([[1.0, 2.0, 6.0], [3.0, 6.0, 6.0]])
    found = paired_difference(first, np.zeros((2, 3)))
    (side, other), n = found.spread.seeds, 3
    assert (side.within, other.within) == (pytest.approx(2.0), 0.0)
    assert side.between == pytest.approx(2 - 2 / 3) and other.between == 0.0  # s^2 of 3 and 5 is 2
    assert found.spread.contrast == pytest.approx(4 - 2 / 2)  # s^2 of the means 2, 4, 6 is 4
    assert found.spread.variance(n) == pytest.approx(3 / 3 + (4 / 3 + 2 / 3) / 2)
    assert found.spread.variance(2 * n, 2) == pytest.approx(3 / 6 + (4 / 3 + 2 / 6) / 4)
    parts = np.array([(3 + 2 / 2) / 3, 2 / 2])  # of the pictures with 2 degrees of freedom, of the seeds with 1
    assert found.spread.freedom(n) == pytest.approx(max(1.0, 4 / (parts[0] ** 2 / 2 + parts[1] ** 2 / 1)))


def test_variances_are_right_on_average() -> None:
    """The estimated variance of the difference, against how much it varies from world to world."""
    world = World(0.02, 400, 4, 0.02, 0.8)
    found = [paired_difference(*Drawn(world, np.random.default_rng((5, i))).right) for i in range(400)]
    values = np.array([one.value for one in found])
    assert values.mean() == pytest.approx(0.02, abs=3 * values.std() / 20)
    expected = np.mean([float(one.spread.variance(one.n)) for one in found])
    assert values.var() == pytest.approx(expected, rel=0.15)
    assert np.mean([one.interval().low <= 0.02 <= one.interval().high for one in found]) > 0.93


def test_seeds_that_hold_out_other_pictures() -> None:
    d = [0.02, 0.05, 0.03]
    found = difference_by_parts(d, 360, 0.25)
    t = np.mean(d) / math.sqrt((1 / 3 + 0.25) * np.var(d, ddof=1))
    assert found.p == pytest.approx(2 * stats.t.sf(t, 2)) and found.seeds == (3, 3)
    assert more_pictures(found, margin=0.005) is None
    with pytest.raises(DataError, match="two on"):
        difference_by_parts([0.1], 10, 0.1)


@pytest.mark.parametrize(
    "pair", [([True, False], [True]), ([True], [True]), ([[[1.0, 2.0]]], [1.0, 2.0]), ([1.0, math.nan], [1, 2])]
)
def test_what_cannot_be_compared(pair: tuple[list[float], list[float]]) -> None:
    with pytest.raises(DataError):
        paired_difference(*pair)


# ---- verdicts


def test_outcomes() -> None:
    better = paired_difference(*answers(50, 40, 10, 0))
    assert better.outcome(0.005) == "first" and paired_difference(*answers(50, 10, 40, 0)).outcome(0.005) == "second"
    assert better.outcome(0.005, p=0.06) == "undecided"  # one of several pairs
    equal = paired_difference(*answers(99_800, 100, 100, 0))
    assert equal.outcome(0.005) == "equal" and equal.outcome(0.0) == "undecided"
    low, high = equal.interval()
    assert equal.outcome(high * 1.001) == "equal" and equal.outcome(high * 0.999) == "undecided" and low == -high


# ---- how many more


def test_the_number_of_pictures_is_that_of_the_formula() -> None:
    found = paired_difference(*answers(1700, 165, 135, 0))
    c, error = found.spread.contrast, math.sqrt(float(found.spread.variance(found.n)))
    z = (stats.norm.ppf(0.975) + stats.norm.ppf(0.9)) ** 2
    assert found.p > 0.05
    assert found.n + more_pictures(found, as_seen=True) == pytest.approx(z * c / found.centre**2, rel=0.011)
    assert found.n + more_pictures(found) == pytest.approx(z * c / (found.centre - error) ** 2, rel=0.011)


def test_nothing_is_promised_near_zero_but_for_a_margin() -> None:
    found = paired_difference(*answers(1700, 151, 149, 0))
    assert more_pictures(found) is None and more_seeds(found) is None
    wide = more_pictures(found, margin=0.005)
    assert wide is not None
    assert power_to_settle(found, 0.0, found.n + wide, margin=0.005) >= POWER
    # An interval shorter than the margin is settled whatever the difference.
    many = math.ceil((2 * 1.96 / 0.005) ** 2 * found.spread.contrast) + 1
    assert power_to_settle(found, np.linspace(-0.01, 0.01, 9), many, margin=0.005).min() == 1.0
    assert wide <= many


def test_power_is_how_often_it_happens() -> None:
    found = paired_difference(*answers(1700, 165, 135, 0))
    rng, n, delta, margin = np.random.default_rng(1), 20_000, 0.004, 0.01
    d = rng.normal(delta, math.sqrt(float(found.spread.variance(n))), 20_000)
    half = float(found.spread.half(n))
    settled = np.mean((np.abs(d) > half) | (np.abs(d) < margin - half))
    assert power_to_settle(found, delta, n, margin=margin) == pytest.approx(settled, abs=0.012)


def test_more_seeds_are_promised_where_they_vary() -> None:
    a = np.array([0.91, 0.93, 0.92, 0.95, 0.92])
    b = a - 0.012
    found = paired_difference(np.repeat(a[:, None], 50, axis=1), np.repeat(b[:, None], 50, axis=1))
    assert found.outcome(0.0) == "undecided" and more_pictures(found) is None  # of pictures there are enough
    more = more_seeds(found, as_seen=True)
    assert more is not None
    s = a.std(ddof=1)
    for extra, enough in ((more, True), (more - 1, False)):
        count = 5 + extra  # the power of Student's test, its alternative a shifted distribution
        freedom, error = 2 * count - 2, s * math.sqrt(2 / count)
        power = stats.t.sf(stats.t.ppf(0.975, freedom) - 0.012 / error, freedom)
        assert (power >= POWER) == enough
    assert more_seeds(found) is None or more_seeds(found) > more


def test_simulated_sides_get_the_right_verdict_and_what_was_promised() -> None:
    """The smaller version of `python -m benchmarks.compare`."""
    worlds = [World(delta, 2000) for delta in (0.0, 0.005, 0.01)] + [World(0.03, 500, 3, 0.003)]
    found = [tally(world, 25, (2, i)) for i, world in enumerate(worlds)]
    whole = found[0] + found[1] + found[2] + found[3]
    assert whole.pairs == 100 and whole.wrong <= 5
    assert whole.promised >= 40 and whole.kept >= 0.8 * whole.promised
