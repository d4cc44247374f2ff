"""Nearest neighbours: exact for every type of number, whatever float32 rounds."""

from __future__ import annotations

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
    squared, numbers = Index(points).search(queries, k)
    exact, order = _brute(points, queries, k)
    assert np.array_equal(squared, exact) and np.array_equal(numbers, order)


@settings(max_examples=40, deadline=None)
@given(st.integers(20, 3000), st.integers(1, 60), st.integers(1, 8), st.floats(0, 1e6), st.integers(0, 10_000))
def test_floats_are_exact_far_from_zero(n: int, d: int, k: int, away: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    points, queries = rng.normal(size=(n, d)) + away, rng.normal(size=(40, d)) + away
    squared, numbers = Index(points).search(queries, k)
    exact, order = _brute(points, queries, k)
    assert np.array_equal(numbers, order) and np.allclose(squared, exact, rtol=1e-9)


def test_differences_that_float32_cannot_see() -> None:
    points = np.concatenate([1e4 + 1e-5 * np.arange(100)[:, None], [[-1e4]]])
    squared, numbers = Index(points).search(np.array([[1e4 + 5.02e-4]]), 3)
    assert numbers[0].tolist() == [50, 51, 49] and squared[0, 0] < 1e-11


def test_large_whole_numbers_do_not_overflow() -> None:
    points = np.array([[0], [2**31 - 1], [-(2**31)], [5]], np.int64)
    assert Index(points).search(np.array([[7]], np.int64), 4)[1].tolist() == [[3, 0, 1, 2]]
    bytes_ = np.array([[0], [250], [255]], np.uint8)
    assert Index(bytes_).search(np.array([[3]], np.uint8), 1)[1].tolist() == [[0]]
    assert KNNClassifier(1).fit(bytes_, [0, 1, 1]).predict(np.array([[3]], np.uint8)).tolist() == [0]


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
