"""Differences and keys of numbers of any type and size, against Python's fractions."""

from __future__ import annotations

import itertools
import math
from fractions import Fraction

import numpy as np
import pytest

from glassnet.classic.distances import distances_of, extremes, gap, keys, order_of, squares_fit, underflowed

_VALUES = {
    "int8": [-128, -1, 0, 127],
    "int32": [-(2**31), -77, 0, 5, 2**31 - 1],
    "int64": [
        -(2**63),
        -(2**60) - 3,
        -(2**53) - 1,
        -(2**53),
        -3,
        -1,
        0,
        1,
        2**22,
        2**53,
        2**53 + 1,
        2**60 + 3,
        2**63 - 1,
    ],
    "uint64": [0, 1, 3, 2**22 - 1, 2**53, 2**53 + 1, 2**60 + 3, 2**63 + 12345, 2**64 - 1],
    "float64": [-(2.0**60), -1e18, -0.3, 0.0, 0.1, 3.0, 2.0**53, 1e18 + 1e3],
}


@pytest.mark.parametrize(("one", "other"), list(itertools.product(_VALUES, repeat=2)))
def test_differences_are_right_to_the_last_digits(one: str, other: str) -> None:
    a, b = np.array(_VALUES[one], one), np.array(_VALUES[other], other)
    for y in b:
        found = gap(a, np.full(len(a), y, other))
        for x, difference in zip(a.tolist(), found.tolist(), strict=True):
            exact = Fraction(x) - Fraction(y.item())
            assert abs(Fraction(difference) - exact) <= abs(exact) * Fraction(1, 2**51)


@pytest.mark.parametrize(("one", "other"), list(itertools.product(("int32", "int64", "uint64"), repeat=2)))
def test_keys_of_whole_numbers_are_exact_and_in_order(one: str, other: str) -> None:
    points = np.array(list(itertools.product(_VALUES[one], repeat=2)), one)
    for query in itertools.product(_VALUES[other][1:8:3], repeat=2):
        found = keys(points, np.array(query, other))
        exact = [sum((p - q) ** 2 for p, q in zip(point, query, strict=True)) for point in points.tolist()]
        assert [sum(int(d) << 22 * k for k, d in enumerate(row)) for row in found] == exact
        assert (found >= 0).all() and (found < 2**22).all()
        assert order_of(found).tolist() == sorted(range(len(exact)), key=exact.__getitem__)
        assert distances_of(found) == pytest.approx([math.sqrt(v) for v in exact], rel=1e-15)


def test_sums_over_more_features_than_are_added_at_once() -> None:
    points = np.zeros((2, 65538), np.int64)
    points[0, [0, -1]], points[1, 1] = 3, 4
    assert distances_of(keys(points, np.zeros(65538, np.int64))).tolist() == [math.sqrt(18), 4.0]
    far = keys(np.full((1, 300), 2**64 - 1, np.uint64), np.zeros(300, np.uint64))  # the sum has all seven digits
    assert sum(int(d) << 22 * k for k, d in enumerate(far[0])) == 300 * (2**64 - 1) ** 2 and (far < 2**22).all()


@pytest.mark.parametrize("size", [5e-324, 1e-310, 1e-200, 1e-8, 1.0, 3e7, 1e200, 4e307])
def test_keys_of_floats_neither_overflow_nor_underflow(size: float) -> None:
    points = size * np.array([[3.0, 4.0], [0.0, 0.0], [1.0, 0.0], [2.0, 2.0], [0.0, 0.0], [0.0, -3.0]])
    found = keys(points, np.zeros(2))
    assert order_of(found).tolist() == [1, 4, 2, 3, 5, 0]
    wanted = [math.hypot(*point) for point in points.tolist()]
    assert distances_of(found) == pytest.approx(wanted, rel=1e-15, abs=5e-324 if size < 1e-300 else 0.0)


def test_keys_where_differences_leave_float64() -> None:
    large = np.array([[1.7e308, 0.0], [1.5e308, 0.0], [-1.7e308, 0.0]])
    found = keys(large, np.array([1.4e308, 0.0]))
    assert order_of(found).tolist() == [1, 0, 2]
    assert distances_of(found) == pytest.approx([3e307, 1e307, math.inf], rel=1e-14)
    far_apart = np.array([[1e300, 0.0], [15e-324, 0.0], [0.0, 5e-324]])
    assert distances_of(keys(far_apart, np.zeros(2))).tolist() == [1e300, 15e-324, 5e-324]


def test_keys_order_all_sizes_together() -> None:
    points = np.array([[1e200], [0.0], [1e-200], [3.0], [1e-320], [7e8], [0.4]])
    found = keys(points, np.zeros(1))
    assert order_of(found).tolist() == [1, 4, 2, 6, 3, 5, 0]
    mixed = keys(np.array([[1], [2**62 + 1]]), np.array([0.5]))
    assert distances_of(mixed) == pytest.approx([0.5, 2.0**62], rel=1e-15)


def test_plain_sums_are_taken_where_they_are_exact() -> None:
    def fit(points: list, queries: list, kinds: tuple[str, str]) -> bool:
        own, others = np.array(points, kinds[0]), np.array(queries, kinds[1])
        return squares_fit(own, extremes(own), others)

    whole = ("int64", "int64")
    assert fit([[2**26, 0], [1, 1], [5, 0]], [[0, 0]], whole)  # 2 * 2^52 is 2^53
    assert not fit([[2**26 + 1, 0], [1, 1], [5, 0]], [[0, 0]], whole)
    assert not fit([[0, 0]], [[-(2**26) - 1, 0]], whole)
    assert fit([[2**40], [2**40 + 1]], [[2**40 + 3]], whole)
    assert fit([[-(2.0**500)]], [[1.0]], ("float64", "float64"))
    assert not fit([[-(2.0**501)]], [[1.0]], ("float64", "float64")) and not fit([[1.0]], [[2.0**501]], ("f8", "f8"))
    assert fit([[2**53]], [[1.0]], ("int64", "float64")) and not fit([[2**53 + 2]], [[1.0]], ("int64", "float64"))
    assert fit([[1.0]], [[-(2**53)]], ("float64", "int64")) and not fit([[1.0]], [[-(2**53) - 2]], ("float64", "int64"))


def test_sums_that_lost_digits_are_noticed() -> None:
    points, numbers = np.array([[1e-200], [3.0], [0.0]]), np.array([2, 0])
    assert underflowed(np.array([0.0, 0.0]), points, numbers, np.array([0.0]))
    assert not underflowed(np.array([0.0]), points, numbers[:1], np.array([0.0])), "a point at no distance"
    assert not underflowed(np.array([9.0, 2.0**-900]), points, np.array([1, 2]), np.array([0.0]))
    assert not underflowed(np.array([2.0**-900]), np.array([[2.0**-450]]), numbers[:1] * 0, np.array([0.0]))
