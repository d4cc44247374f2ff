"""Nearest neighbours: exact for every type of number, whatever float32 rounds."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

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


# ---- the choice of candidates, and the bound by which it is known to be right ----------------------------------------


def _sorted_scores(near: np.ndarray, points: np.ndarray, m: int) -> tuple[np.ndarray, np.ndarray]:
    """The m smallest |x|^2 / 2 - q . x of whole numbers, which float32 holds, equal ones by number."""
    scores = (points * points).sum(axis=1) / 2 - near @ points.T
    order = np.argsort(scores, axis=1, kind="stable")[:, :m]
    return np.take_along_axis(scores, order, 1), order


def test_the_kernel_keeps_the_smallest_scores_within_its_blocks() -> None:
    """Blocks of 2 queries and 5 points; what lies behind each array would be nearer and stays as it is."""
    rng = np.random.default_rng(0)
    q, n, m, parts = 10, 93, 4, 3
    queries, points = (rng.integers(-9, 10, (size, 3)).astype(np.float32) for size in (4 * q, 2 * n))
    half = (points * points).sum(axis=1) / 2
    half[n:] = -1e6
    scores, candidates = np.full((4 * q, m), np.inf, np.float32), np.zeros((4 * q, m), np.int64)
    scratch = np.full((parts + 3, 2, 5), np.nan, np.float32)
    module._nearest(queries[:q], points[:n], half[:n], scratch[:parts], scores[:q], candidates[:q], parts)
    expected, order = _sorted_scores(queries[:q].astype(float), points[:n].astype(float), m)
    assert np.array_equal(scores[:q], expected) and np.array_equal(candidates[:q], order)
    assert np.isinf(scores[q:]).all() and not candidates[q:].any() and np.isnan(scratch[parts:]).all()


@pytest.mark.parametrize("compiled", [True, False])
@pytest.mark.parametrize(("count", "kept"), [(2100, 8), (12, 12), (12, 1)])
def test_candidates_are_the_points_of_the_smallest_scores(
    count: int, kept: int, compiled: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module.blas, "AVAILABLE", compiled and module.blas.AVAILABLE)
    rng = np.random.default_rng(1)
    points = rng.integers(-30, 31, (count // 2, 4))
    index = Index(np.concatenate([points, -points]))  # their mean is 0, so that nothing is rounded
    near = rng.integers(-30, 31, (1100, 4)).astype(float)
    scores, candidates = np.full((1100, kept), np.inf, np.float32), np.zeros((1100, kept), np.int64)
    unit = 2.0**-index._exponent
    index._choose((near * unit).astype(np.float32), scores, candidates)
    every = (index.points * index.points).sum(axis=1) / 2 - near @ index.points.T
    assert np.array_equal(scores, np.sort(every, axis=1)[:, :kept] * unit**2)
    assert np.array_equal(np.take_along_axis(every, candidates, 1) * unit**2, scores)
    assert all(len(set(row)) == kept for row in candidates.tolist())


def _answered_from_all(index: Index, monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The first coordinate of every query that the candidates do not settle, as they come."""
    found: list[float] = []
    exactly = index._among_all

    def noted(query: np.ndarray, k: int, plain: bool) -> Any:
        found.append(float(query[0]))
        return exactly(query, k, plain)

    monkeypatch.setattr(index, "_among_all", noted)
    return found


@pytest.mark.parametrize("k", [1, 7, 12])
@pytest.mark.parametrize("scale", [1.0, 64.0])
def test_far_apart_points_are_settled_by_their_candidates(
    k: int, scale: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(2)
    points, queries = scale * rng.normal(size=(300, 8)), scale * rng.normal(size=(60, 8))
    queries[::2] *= 4.0  # outside
    index = Index(points)
    doubtful = _answered_from_all(index, monkeypatch)
    numbers = index.search(queries, k)[1]
    assert np.array_equal(numbers, _brute(points, queries, k)[1]) and doubtful == []


def test_seven_equal_points_are_settled_and_eight_are_not(monkeypatch: pytest.MonkeyPatch) -> None:
    """One neighbour, and seven candidates more, are kept: the last of eight has to lie further away."""
    for equal, expected in ((7, []), (8, [5.0])):
        points = np.concatenate([np.arange(100, 120.0), np.full(equal, 5.0), -np.arange(100, 120.0)])[:, None]
        index = Index(points)
        doubtful = _answered_from_all(index, monkeypatch)
        assert index.search(np.array([[5.0]]), 1)[1].tolist() == [[20]] and doubtful == expected


def test_all_points_are_candidates_where_there_are_few(monkeypatch: pytest.MonkeyPatch) -> None:
    index = Index(np.full((8, 2), 3.0))
    doubtful = _answered_from_all(index, monkeypatch)
    assert index.search(np.array([[3.0, 3.0]]), 1)[1].tolist() == [[0]] and doubtful == []


@pytest.mark.parametrize("compiled", [True, False])
def test_points_that_are_all_equal_go_by_number(compiled: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module.blas, "AVAILABLE", compiled and module.blas.AVAILABLE)
    for points in (np.zeros((2000, 2)), np.full((2000, 2), 0.1)):
        assert Index(points).search(points[:1], 3)[1].tolist() == [[0, 1, 2]]


def test_queries_that_float32_does_not_hold_are_answered_from_all_points() -> None:
    points = np.concatenate([np.linspace(-1.0, -0.99, 30), [1.0]])[:, None]
    distances, numbers = Index(points).search(np.array([[1e60]]), 2)  # infinite scores for all but one
    assert numbers.tolist() == [[0, 1]], "as near as each other in float64"
    assert distances.tolist() == [[1e60, 1e60]]


@pytest.mark.parametrize("away", [0.0, 300.0, 1e5])
def test_the_bound_on_float32s_scores_is_one(away: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """Against the scores of the same numbers in float64, which is off by a 2^29th of that."""
    rng = np.random.default_rng(4)
    points = np.concatenate([rng.normal(size=(400, 30)), rng.normal(size=(1, 30)) + away])
    index = Index(points)
    for compiled in (True, False):
        monkeypatch.setattr(module.blas, "AVAILABLE", compiled and module.blas.AVAILABLE)
        centred = index._centred(rng.normal(size=(50, 30)) * (1.0 + away / 10))
        scores, candidates = np.full((50, 401), np.inf, np.float32), np.zeros((50, 401), np.int64)
        index._choose(centred.astype(np.float32), scores, candidates)
        x = index._centred(points)
        exact = np.take_along_axis((x * x).sum(axis=1) / 2 - centred @ x.T, candidates, 1)
        bound = index._rounding(np.sqrt((centred * centred).sum(axis=1)))
        assert (np.abs(scores - exact) <= bound[:, None]).all()
        assert np.abs(scores - exact).max() >= bound.max() / 1000, "and no idle one"


def test_exact_distances_are_taken_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(5)
    points = rng.integers(0, 50, (41, 3))
    query = np.array([7, 20, 33])
    expected = np.sqrt(_brute(points, query[None], 6)[0][0]), _brute(points, query[None], 6)[1][0]
    index = Index(points)
    sizes: list[int] = []
    for name in ("_squared", "keys"):
        function = getattr(module, name)
        monkeypatch.setattr(module, name, lambda part, q, f=function: (sizes.append(len(part)), f(part, q))[1])
    for block, rows in ((12, [4] * 10 + [1]), (2, [1] * 41), (1 << 22, [41])):
        monkeypatch.setattr(module, "_EXACT_BLOCK", block)
        for plain in (True, False):
            sizes.clear()
            found = index._among_all(query, 6, plain)
            assert all(np.array_equal(a, b) for a, b in zip(found, expected, strict=True)) and sizes == rows


def test_plain_sums_of_squares_are_taken_where_they_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(6)
    numbers = np.array([[4, 1, 7], [0, 8, 2]])

    def never(*arguments: Any) -> Any:
        assert not len(arguments[0]), "only what underflowed goes by keys"
        return np.empty((0, 3)), np.empty((0, 3), np.int64)

    for kinds in (("uint8", "uint8"), ("int64", "float64"), ("float64", "uint8"), ("float64", "float64")):
        points, queries = (
            rng.integers(0, 200, (size, 5)).astype(kind) for size, kind in zip((9, 2), kinds, strict=True)
        )
        index = Index(points)
        monkeypatch.setattr(index, "_by_keys", never)
        gaps = points[numbers].astype(float) - queries[:, None].astype(float)
        squared = (gaps * gaps).sum(axis=2)
        distances, order = index._plainly(queries, numbers)
        assert np.array_equal(distances, np.sqrt(squared)) and np.array_equal(order, np.argsort(squared, axis=1))


def test_a_float_beside_whole_numbers_may_underflow() -> None:
    distances, numbers = Index(np.array([[0], [1]])).search(np.array([[1e-200]]), 2)
    assert distances.tolist() == [[1e-200, 1.0]] and numbers.tolist() == [[0, 1]]


def test_each_share_of_the_distances_is_its_own() -> None:
    """The kernel's Python: shares 0 to 2 of 10 queries write rows 0-2, 3-5 and 6-9 and no other."""
    rng = np.random.default_rng(7)
    points, queries = rng.normal(size=(8, 3)), rng.normal(size=(10, 3))
    numbers = rng.integers(0, 8, (10, 2))
    expected = ((points[numbers] - queries[:, None]) ** 2).sum(axis=2)
    for t, rows in enumerate((slice(0, 3), slice(3, 6), slice(6, 10))):
        out = np.full((10, 2), np.nan)
        module._distances.__wrapped__(points, queries, numbers, out, np.float64(1), t, 3)
        assert np.allclose(out[rows], expected[rows], rtol=1e-14)
        assert np.isnan(np.delete(out, np.arange(10)[rows], axis=0)).all()


def test_no_queries_have_no_neighbours() -> None:
    distances, numbers = Index(np.arange(20.0)[:, None]).search(np.empty((0, 1)), 3)
    assert distances.shape == numbers.shape == (0, 3)
