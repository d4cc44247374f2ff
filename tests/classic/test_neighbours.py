"""Nearest neighbours: exact for every type of number, whatever float32 rounds."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.neighbors import KNeighborsClassifier

from glassnet.classic import KNNClassifier
from glassnet.classic import nearest as module
from glassnet.classic.nearest import Index


def _brute(points: np.ndarray, queries: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    kind = np.int64 if points.dtype.kind in "iub" else np.float64
    gap = queries[:, None].astype(kind) - points[None].astype(kind)
    squared = (gap * gap).sum(axis=2)
    order = np.argsort(squared, axis=1, kind="stable")[:, :k]
    return np.take_along_axis(squared, order, 1), order


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(["uint8", "int8", "int32", "bool"]),
    st.integers(1, 400),
    st.integers(1, 12),
    st.integers(1, 6),
    st.integers(0, 10_000),
)
def test_whole_numbers_are_exact_and_ties_go_by_number(kind: str, n: int, d: int, k: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    high = 2 if kind == "bool" else int(rng.choice([2, 5, 100]))
    points, queries = (rng.integers(0, high, (m, d)).astype(kind) for m in (n, 30))
    k = min(k, n)
    distances, numbers = Index(points).search(queries, k)
    exact, order = _brute(points, queries, k)
    assert np.array_equal(distances, np.sqrt(exact)) and np.array_equal(numbers, order)


@settings(max_examples=40, deadline=None)
@given(st.integers(20, 3000), st.integers(1, 60), st.integers(1, 8), st.floats(0, 1e6), st.integers(0, 10_000))
def test_floats_are_exact_far_from_zero(n: int, d: int, k: int, away: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    points, queries = rng.normal(size=(n, d)) + away, rng.normal(size=(40, d)) + away
    distances, numbers = Index(points).search(queries, k)
    exact, order = _brute(points, queries, k)
    assert np.array_equal(numbers, order) and np.allclose(distances, np.sqrt(exact), rtol=1e-9)


def test_differences_that_float32_cannot_see() -> None:
    points = np.concatenate([1e4 + 1e-5 * np.arange(100)[:, None], [[-1e4]]])
    distances, numbers = Index(points).search(np.array([[1e4 + 5.02e-4]]), 3)
    assert numbers[0].tolist() == [50, 51, 49] and distances[0, 0] ** 2 < 1e-11


def test_large_whole_numbers_do_not_overflow() -> None:
    points = np.array([[0], [2**31 - 1], [-(2**31)], [5]], np.int64)
    assert Index(points).search(np.array([[7]], np.int64), 4)[1].tolist() == [[3, 0, 1, 2]]
    bytes_ = np.array([[0], [250], [255]], np.uint8)
    assert Index(bytes_).search(np.array([[3]], np.uint8), 1)[1].tolist() == [[0]]
    assert KNNClassifier(1).fit(bytes_, [0, 1, 1]).predict(np.array([[3]], np.uint8)).tolist() == [0]


def _by_fractions(points: np.ndarray, query: np.ndarray) -> list[Fraction]:
    """Squared distances without any rounding."""
    return [
        sum(((Fraction(a) - Fraction(b)) ** 2 for a, b in zip(p, query.tolist(), strict=True)), Fraction(0))
        for p in points.tolist()
    ]


@settings(max_examples=60, deadline=None)
@given(
    st.tuples(*[st.sampled_from(["int64", "uint64", "int32"])] * 2),
    st.sampled_from([20, 2**22, 2**31, 2**53, 2**62]),
    st.booleans(),
    st.integers(1, 60),
    st.integers(1, 3),
    st.integers(0, 10_000),
)
def test_whole_numbers_of_any_size_and_sign_are_exact(
    kinds: tuple[str, str], reach: int, at_the_end: bool, n: int, d: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)

    def drawn(kind: str, m: int) -> np.ndarray:
        least, most = (int(f(np.iinfo(kind))) for f in (lambda i: i.min, lambda i: i.max))
        low = max(least, most - reach) if at_the_end else max(least, -reach)
        return rng.integers(low, min(most, low + 2 * reach), (m, d), kind, endpoint=True)

    points, queries = drawn(kinds[0], n), drawn(kinds[1], 3)
    k = min(4, n)
    distances, numbers = Index(points).search(queries, k)
    for q, query in enumerate(queries):
        exact = _by_fractions(points, query)
        assert numbers[q].tolist() == sorted(range(n), key=lambda j: (exact[j], j))[:k]
        assert distances[q] == pytest.approx([math.sqrt(exact[j]) for j in numbers[q]], rel=1e-14)


def test_sums_of_squares_beyond_float64s_digits() -> None:
    # 784 squares of 2^22 + 1 against 783 of them and a square larger by one: 2^53 < both < 2^54, one apart or so.
    points = np.full((2, 784), 2**22 + 1, np.int64)
    points[0, 0] += 1
    for few in (points, points.astype(np.int32)):
        assert Index(few).search(np.zeros((1, 784), np.int64), 2)[1].tolist() == [[1, 0]]
    near = np.array([[10**18], [10**18 + 30]])
    assert KNNClassifier(1).fit(near, [0, 1]).predict(np.array([[10**18 + 25]])).tolist() == [1]
    assert KNNClassifier(1).fit(near, [0, 1]).predict(np.array([[1e18]])).tolist() == [0]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.integers(-308, 307), min_size=1, max_size=4), st.integers(1, 40), st.integers(1, 3), st.integers(0, 99)
)
def test_floats_of_mixed_sizes_neither_overflow_nor_underflow(powers: list[int], n: int, d: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    points, queries = (rng.normal(size=(m, d)) * 10.0 ** rng.choice(powers, (m, 1)) for m in (n, 3))
    k = min(3, n)
    distances, numbers = Index(points).search(queries, k)
    for q, query in enumerate(queries):
        exact = _by_fractions(points, query)
        best = sorted(exact)[:k]
        for j, wanted, found in zip(numbers[q], best, distances[q], strict=True):
            assert abs(exact[j] - wanted) <= wanted * Fraction(1, 10**14), "as near, but for float64's rounding"
            assert abs(Fraction(float(found)) ** 2 - exact[j]) <= exact[j] * Fraction(1, 10**12) + Fraction(5e-324) ** 2


@pytest.mark.parametrize("size", [1e200, 1e-200, 1.7e308, 5e-324])
def test_squares_out_of_range(size: float) -> None:
    points = np.array([[0.0], [size]])
    distances, numbers = Index(points).search(np.array([[size], [0.0]]), 2)
    assert numbers.tolist() == [[1, 0], [0, 1]] and distances.tolist() == [[0.0, size]] * 2
    model = KNNClassifier(2, weights="distance").fit(np.array([[0.0], [size], [-size]]), [0, 1, 1])
    assert model.predict_proba(np.array([[size / 2 or size]]))[0].sum() == 1.0


@pytest.mark.parametrize("scale", [1e-30, 1e12, 1e25, 1e100])
def test_floats_of_any_size(scale: float) -> None:
    rng = np.random.default_rng(0)
    points, queries = scale * rng.normal(size=(300, 5)), scale * rng.normal(size=(20, 5))
    assert np.array_equal(Index(points).search(queries, 4)[1], _brute(points, queries, 4)[1])


def test_without_the_compiled_product(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    points, queries = rng.integers(0, 9, (500, 4)), rng.integers(0, 9, (70, 4))
    expected = Index(points).search(queries, 5)
    monkeypatch.setattr(module.blas, "AVAILABLE", False)
    found = Index(points).search(queries, 5)
    assert all(np.array_equal(a, b) for a, b in zip(found, expected, strict=True))
    assert len(Index(points).search(queries[:0], 5)[0]) == 0


def test_votes() -> None:
    x = [[0], [1], [2], [10], [11]]
    y = ["a", "b", "b", "c", "c"]
    assert KNNClassifier(3).fit(x, y).predict([[0.4]]).tolist() == ["b"]
    assert KNNClassifier(3, weights="distance").fit(x, y).predict([[0.1], [10]]).tolist() == ["a", "c"]
    assert KNNClassifier(2).fit(x, y).predict([[0.4]]).tolist() == ["a"], "among equals the first class"
    shares = KNNClassifier(3).fit(x, y).predict_proba([[0.4]])
    assert shares == pytest.approx(np.array([[1 / 3, 2 / 3, 0]]))


def test_classes_are_scikit_learns() -> None:
    rng = np.random.default_rng(3)
    x, y = rng.normal(size=(600, 5)), rng.integers(0, 4, 600)
    for weights in ("uniform", "distance"):
        ours = KNNClassifier(7, weights=weights).fit(x[:500], y[:500])
        theirs = KNeighborsClassifier(7, weights=weights, algorithm="brute").fit(x[:500], y[:500])
        assert np.array_equal(ours.predict(x[500:]), theirs.predict(x[500:]))
        assert np.allclose(ours.predict_proba(x[500:]), theirs.predict_proba(x[500:]))
