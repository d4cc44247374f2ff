"""The logarithm of the softmax: gradients, twins, agreement with the other losses, extreme scores."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from glassnet.errors import GlassnetError
from glassnet.nn import functional as F
from glassnet.nn.functional.loss import (
    log_softmax_backward,
    log_softmax_backward_naive,
    log_softmax_forward,
    log_softmax_forward_naive,
)
from support.gradients import TORCH_TOLERANCE, assert_close, assert_gradients, drawn, seeds, torch_gradients

counts, classes = st.integers(1, 7), st.integers(1, 6)
dtypes = pytest.mark.parametrize(("dtype", "tolerance"), [(np.float64, 1e-13), (np.float32, 2e-6)])


def _scores(seed: int, n: int, k: int, dtype: type = np.float64) -> tuple[np.ndarray, np.ndarray]:
    """(scores, upstream gradient)"""
    rng = np.random.default_rng(seed)
    return (2 * rng.standard_normal((n, k))).astype(dtype), rng.standard_normal((n, k)).astype(dtype)


@drawn
@given(seeds, counts, classes)
def test_gradient(seed: int, n: int, k: int) -> None:
    z, dy = _scores(seed, n, k)
    _, cache = log_softmax_forward(z)
    assert_gradients(lambda z: log_softmax_forward(z)[0], [z], dy, [log_softmax_backward(dy, cache)])


@drawn
@given(seeds, counts, classes)
def test_torch(seed: int, n: int, k: int) -> None:
    z, dy = _scores(seed, n, k)
    y, (dz,) = torch_gradients(lambda z: z.log_softmax(1), [z], dy)
    ours, cache = log_softmax_forward(z)
    assert_close(ours, y, TORCH_TOLERANCE)
    assert_close(log_softmax_backward(dy, cache), dz, TORCH_TOLERANCE)


@dtypes
@drawn
@given(seed=seeds, n=counts, k=classes)
def test_naive(dtype: type, tolerance: float, seed: int, n: int, k: int) -> None:
    z, dy = _scores(seed, n, k, dtype)
    y, cache = log_softmax_forward(z)
    dz = log_softmax_backward(dy, cache)
    assert y.dtype == dtype and dz.dtype == dtype
    assert_close(y, log_softmax_forward_naive(z), tolerance)
    assert_close(dz, log_softmax_backward_naive(dy, z), tolerance)


@drawn
@given(seeds, counts, classes)
def test_agrees_with_the_other_losses(seed: int, n: int, k: int) -> None:
    z, _ = _scores(seed, n, k)
    labels = np.random.default_rng(seed).integers(k, size=n)
    y, cache = log_softmax_forward(z)
    assert_close(np.exp(y), F.softmax_forward(z)[0], 1e-14)
    loss, dz = F.softmax_cross_entropy(z, labels)
    picked = np.eye(k)[labels]
    assert_close(-(picked * y).sum() / n, loss, 1e-14)
    assert_close(log_softmax_backward(-picked / n, cache), dz, 1e-14)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("place", [0, 1, 2])
def test_extreme_scores(dtype: type, place: int) -> None:
    """Far below the smallest probability that softmax can give, and minus infinity, the largest in any place."""
    rows = [[2e4, 0, -2e4], [0, -np.inf, 0], [1e30, 0, -1e38], [-3e38, -np.inf, -np.inf]]
    golden = [[0, -2e4, -4e4], [-np.log(2), -np.inf, -np.log(2)], [0, -1e30, -1e38], [0, -np.inf, -np.inf]]
    y, cache = log_softmax_forward(np.roll(np.array(rows, dtype), place, axis=1))
    np.testing.assert_allclose(y, np.roll(golden, place, axis=1), rtol=2e-7)
    assert np.isfinite(log_softmax_backward(np.ones(y.shape, dtype), cache)).all()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_nan_goes_through(dtype: type) -> None:
    for position in range(10):
        z = np.full((2, 10), 0.5, dtype)
        z[1, position] = np.nan
        y, cache = log_softmax_forward(z)
        assert np.isfinite(y[0]).all() and np.isnan(y[1]).all()
        assert np.isnan(log_softmax_backward(np.ones_like(z), cache)[1]).all()


def test_arguments() -> None:
    z, dy = _scores(0, 4, 3)
    out = np.empty_like(z)
    y, cache = log_softmax_forward(z, out=out)
    assert y is out and np.array_equal(y, log_softmax_forward(z)[0])
    for wrong in (dy[:3], dy.T, dy.ravel()):
        with pytest.raises(GlassnetError, match="dy"):
            log_softmax_backward(wrong, cache)
    with pytest.raises(GlassnetError, match="out"):
        log_softmax_forward(z, out=np.empty((4, 2)))
    for shape in [(), (3,), (0, 3), (3, 0), (3, 3, 1)]:
        with pytest.raises(GlassnetError, match="scores"):
            log_softmax_forward(np.zeros(shape))
