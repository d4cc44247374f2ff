"""Softmax regression one example a step in one compiled call, against the same steps written apart in NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from glassnet.nn.kernels.stochastic import softmax_descent
from support.gradients import assert_close, drawn, seeds


def _steps(
    w: np.ndarray, b: np.ndarray, features: np.ndarray, labels: Any, order: Any, rates: Any, l2: float, smoothing: float
) -> tuple[float, int]:
    """The formulas: dz = softmax(z) - target; w <- w - rate (dz x^T + l2 w); b <- b - rate dz."""
    total, correct = 0.0, 0
    k = len(b)
    for index, rate in zip(order, rates, strict=True):
        z = w @ features[index] + b
        p = np.exp(z - z.max())
        p /= p.sum()
        target = np.full(k, smoothing / k)
        target[labels[index]] += 1 - smoothing
        total -= float((target * np.log(p)).sum())
        correct += int(z.argmax() == labels[index])
        dz = p - target
        w -= rate * (np.outer(dz, features[index]) + l2 * w)
        b -= rate * dz
    return total, correct


def _problem(seed: int, n: int, d: int, k: int, dtype: type) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    return [
        rng.standard_normal((k, d)).astype(dtype),
        rng.standard_normal(k).astype(dtype),
        rng.standard_normal((n, d)).astype(dtype),
        rng.integers(k, size=n),
        rng.integers(n, size=2 * n + 1),
        rng.uniform(0.01, 0.2, 2 * n + 1).astype(dtype),
    ]


@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float64, 1e-12), (np.float32, 2e-4)])
@drawn
@given(
    seed=seeds, n=st.integers(1, 12), d=st.integers(1, 70), k=st.integers(1, 17),
    l2=st.sampled_from([0.0, 0.05]), smoothing=st.sampled_from([0.0, 0.1]),
)  # fmt: skip
def test_equals_separate_steps(
    dtype: type, tolerance: float, seed: int, n: int, d: int, k: int, l2: float, smoothing: float
) -> None:
    w, b, features, labels, order, rates = _problem(seed, n, d, k, dtype)
    expected_w, expected_b = w.astype(np.float64), b.astype(np.float64)
    expected = _steps(expected_w, expected_b, features.astype(np.float64), labels, order, rates, l2, smoothing)
    total, correct = softmax_descent(w, b, features, labels, order, rates, dtype(l2), smoothing)
    assert_close(w, expected_w, tolerance)
    assert_close(b, expected_b, tolerance)
    assert_close(total, expected[0], tolerance)
    if dtype == np.float64:
        assert correct == expected[1]


def test_rows_may_be_longer_than_the_features() -> None:
    w, b, features, labels, order, rates = _problem(5, 9, 21, 12, np.float32)
    longer, other_b = np.full((12, 32), 7.0, np.float32), b.copy()
    longer[:, :21] = w
    wanted = softmax_descent(w, b, features, labels, order, rates, np.float32(0.1), 0.1)
    assert softmax_descent(longer, other_b, features, labels, order, rates, np.float32(0.1), 0.1) == wanted
    np.testing.assert_array_equal(longer[:, :21], w)
    np.testing.assert_array_equal(other_b, b)
    assert (longer[:, 21:] == 7).all()


def test_cut_in_two_is_the_same() -> None:
    """Stopping between two steps and going on changes no bit."""
    w, b, features, labels, order, rates = _problem(3, 10, 8, 4, np.float32)
    other_w, other_b = w.copy(), b.copy()
    whole = softmax_descent(w, b, features, labels, order, rates, np.float32(0.01), 0.0)
    first = softmax_descent(other_w, other_b, features, labels, order[:9], rates[:9], np.float32(0.01), 0.0)
    second = softmax_descent(other_w, other_b, features, labels, order[9:], rates[9:], np.float32(0.01), 0.0)
    assert whole[1] == first[1] + second[1]
    np.testing.assert_allclose(whole[0], first[0] + second[0], rtol=1e-12)
    np.testing.assert_allclose(w, other_w, rtol=0, atol=2e-6)
    np.testing.assert_allclose(b, other_b, rtol=0, atol=2e-6)


def test_stops_at_the_first_loss_that_is_not_finite() -> None:
    w, b, features, labels, _, _ = _problem(4, 6, 5, 3, np.float64)
    features[2, 1] = np.nan
    total, _ = softmax_descent(w, b, features, labels, np.arange(6), np.full(6, 0.1), 0.0, 0.0)
    assert np.isnan(total)
    assert np.isfinite(w).all()


@pytest.mark.parametrize("place", [0, 1, 2])
@pytest.mark.parametrize("size", [1e4, 3e38])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_stable_for_large_scores(place: int, size: float, dtype: type) -> None:
    w, b = np.zeros((3, 1), dtype), np.roll(np.array([size, -size, 0], dtype), place)
    one = np.ones(1, dtype)
    total, correct = softmax_descent(
        w, b, np.zeros((1, 1), dtype), np.array([place]), np.zeros(1, int), one, dtype(0), 0.0
    )
    assert total == 0.0 and correct == 1
    np.testing.assert_allclose(b, np.roll(np.array([size, -size, 0], dtype), place), atol=1e-37)
