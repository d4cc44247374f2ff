"""McNemar's test and Holm's correction, against the binomial test, by hand, and by all ways that chance may fall."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from glassnet.errors import DataError
from glassnet.metrics import holm, mcnemar


def answers(both: int, first: int, second: int, neither: int) -> tuple[np.ndarray, np.ndarray]:
    counts = (both, first, second, neither)
    return np.repeat([True, True, False, False], counts), np.repeat([True, False, True, False], counts)


@given(*(st.integers(0, 200) for _ in range(4)))
def test_is_the_binomial_test_of_the_pictures_that_tell(both: int, first: int, second: int, neither: int) -> None:
    if both + first + second + neither == 0:
        return
    found = mcnemar(*answers(both, first, second, neither))
    assert (found.both, found.only_first, found.only_second, found.neither) == (both, first, second, neither)
    expected = stats.binomtest(first, first + second, 0.5).pvalue if first + second else 1.0
    assert found.p == pytest.approx(expected, rel=1e-9)
    assert found.difference == pytest.approx((first - second) / (both + first + second + neither))


def test_is_the_share_of_all_ways_that_are_as_uneven() -> None:
    first, second = 6, 1
    ways = [sum(way) for way in itertools.product((0, 1), repeat=first + second)]
    uneven = sum(max(k, first + second - k) >= first for k in ways) / len(ways)
    assert mcnemar(*answers(3, first, second, 4)).p == pytest.approx(uneven) == pytest.approx(0.125)


def test_ten_thousand_pictures_and_equal_answers() -> None:
    assert mcnemar(*answers(0, 5200, 4800, 0)).p == pytest.approx(stats.binomtest(5200, 10_000).pvalue, rel=1e-6)
    assert mcnemar([True, False], [True, False]).p == 1


@pytest.mark.parametrize("pair", [([], []), ([True], [True, False]), ([[True]], [[True]])])
def test_what_cannot_be_compared(pair: tuple[list[bool], list[bool]]) -> None:
    with pytest.raises(DataError, match="same examples"):
        mcnemar(*pair)


def test_holm_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.9, 0.8]) == pytest.approx([1.0, 1.0]) and holm([]) == [] and holm([0.2]) == [0.2]
    with pytest.raises(DataError, match="between 0 and 1"):
        holm([0.1, 1.1])
