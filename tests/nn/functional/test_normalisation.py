"""Batch normalisation of features in both modes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from operation_checks import (
    TORCH_TOLERANCE,
    assert_close,
    assert_gradients,
    drawn,
    seeds,
    torch_gradients,
    torch_or_skip,
)

from glassnet.errors import GlassnetError
from glassnet.nn import functional as F

counts, features, modes = st.integers(2, 8), st.integers(1, 5), st.booleans()


def _arrays(
    seed: int, n: int, d: int, train: bool, dtype: type = np.float64
) -> tuple[list[np.ndarray], Any, np.ndarray]:
    """([x, scale, shift], moments, dy); x is spread well so that no column's variance is near 0."""
    rng = np.random.default_rng(seed)
    x = rng.permuted(np.linspace(-1.5, 2, n)[:, None] + 0.1 * rng.standard_normal((n, d)), axis=0)
    arrays = [x * rng.uniform(0.5, 3, d) + rng.standard_normal(d), rng.uniform(-2, 2, d), rng.standard_normal(d)]
    moments = None if train else (rng.standard_normal(d), rng.uniform(0.2, 2, d))
    return [a.astype(dtype) for a in arrays], moments, rng.standard_normal((n, d)).astype(dtype)


@drawn
@given(seeds, counts, features, modes)
def test_gradient(seed: int, n: int, d: int, train: bool) -> None:
    arrays, moments, dy = _arrays(seed, n, d, train)
    _, cache = F.batchnorm_forward(*arrays, moments=moments)
    assert_gradients(
        lambda *a: F.batchnorm_forward(*a, moments=moments)[0], arrays, dy, F.batchnorm_backward(dy, cache)
    )


@pytest.mark.parametrize("eps", [1e-5, 0.1])
def test_gradient_with_large_eps(eps: float) -> None:
    arrays, _, dy = _arrays(1, 6, 4, True)
    _, cache = F.batchnorm_forward(*arrays, eps=eps)
    assert_gradients(lambda *a: F.batchnorm_forward(*a, eps=eps)[0], arrays, dy, F.batchnorm_backward(dy, cache))


@drawn
@given(seeds, counts, features, modes)
def test_torch(seed: int, n: int, d: int, train: bool) -> None:
    torch = torch_or_skip()
    arrays, moments, dy = _arrays(seed, n, d, train)
    mean, variance = (None, None) if moments is None else map(torch.tensor, moments)
    y, gradients = torch_gradients(
        lambda x, g, c: torch.nn.functional.batch_norm(x, mean, variance, g, c, training=train, eps=1e-5), arrays, dy
    )
    ours, cache = F.batchnorm_forward(*arrays, moments=moments)
    assert_close(ours, y, TORCH_TOLERANCE)
    for a, t in zip(F.batchnorm_backward(dy, cache), gradients, strict=True):
        assert_close(a, t, TORCH_TOLERANCE)


@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float64, 1e-13), (np.float32, 1e-5)])
@drawn
@given(seed=seeds, n=counts, d=features, train=modes)
def test_naive(dtype: type, tolerance: float, seed: int, n: int, d: int, train: bool) -> None:
    arrays, moments, dy = _arrays(seed, n, d, train, dtype)
    y, cache = F.batchnorm_forward(*arrays, moments=moments)
    assert y.dtype == dtype
    assert_close(y, F.batchnorm_forward_naive(*arrays, moments), tolerance)
    naive = F.batchnorm_backward_naive(dy, arrays[0], arrays[1], moments)
    for fast, slow in zip(F.batchnorm_backward(dy, cache), naive, strict=True):
        assert fast.dtype == dtype
        assert_close(fast, slow, tolerance)


def test_gradient_is_orthogonal_to_shift_and_scale_of_the_input() -> None:
    """In training, adding a constant to a feature or stretching it changes nothing: dx must not point there."""
    (x, scale, shift), _, dy = _arrays(2, 7, 3, True)
    _, cache = F.batchnorm_forward(x, scale, shift, eps=0.0)
    dx = F.batchnorm_backward(dy, cache)[0]
    np.testing.assert_allclose(dx.sum(axis=0), 0, atol=1e-13)
    np.testing.assert_allclose((dx * (x - x.mean(axis=0))).sum(axis=0), 0, atol=1e-13)


def test_output_of_training_is_normalised() -> None:
    (x, _, _), _, _ = _arrays(3, 8, 4, True, np.float32)
    y, cache = F.batchnorm_forward(x * 100 + 1e4, np.ones(4, np.float32), np.zeros(4, np.float32))
    np.testing.assert_allclose(y.mean(axis=0), 0, atol=1e-4)
    np.testing.assert_allclose(y.std(axis=0), 1, atol=1e-4)
    assert cache.moments is not None and cache.moments[0].dtype == np.float64


def test_constant_feature() -> None:
    """A feature without variance gives the shift, and finite gradients."""
    x = np.column_stack([np.full(4, 3.0), np.arange(4.0)])
    y, cache = F.batchnorm_forward(x, np.ones(2), np.array([5.0, 0.0]))
    np.testing.assert_array_equal(y[:, 0], 5)
    assert all(np.isfinite(g).all() for g in F.batchnorm_backward(np.ones((4, 2)), cache))


def test_running_moments_as_torch() -> None:
    torch = torch_or_skip()
    layer = torch.nn.BatchNorm1d(3, momentum=0.3, dtype=torch.float64)
    running = (np.zeros(3), np.ones(3))
    for seed in range(4):
        arrays, _, _ = _arrays(seed, 5, 3, True)
        layer(torch.tensor(arrays[0]))
        _, cache = F.batchnorm_forward(*arrays)
        F.update_running_moments(running, cache.moments, 5, 0.3)
    np.testing.assert_allclose(running[0], layer.running_mean.numpy(), atol=1e-12)
    np.testing.assert_allclose(running[1], layer.running_var.numpy(), atol=1e-12)


@pytest.mark.parametrize("train", [True, False])
def test_gradient_in_place(train: bool) -> None:
    arrays, moments, dy = _arrays(4, 6, 3, train)
    _, cache = F.batchnorm_forward(*arrays, moments=moments)
    expected = F.batchnorm_backward(dy, cache)
    there = dy.copy()
    for ours, wanted in zip(F.batchnorm_backward(there, cache, out=(there, None, None)), expected, strict=True):
        np.testing.assert_array_equal(ours, wanted)


def test_out_arrays_are_written() -> None:
    (x, scale, shift), _, dy = _arrays(7, 6, 3, True)
    y, normalised = np.empty((6, 3)), np.empty((6, 3))
    assert F.batchnorm_forward(x, scale, shift, out=(y, normalised))[0] is y
    _, cache = F.batchnorm_forward(x, scale, shift, out=(y, normalised))
    assert cache.normalised is normalised
    out = (np.empty((6, 3)), np.empty(3), np.empty(3))
    for ours, place in zip(F.batchnorm_backward(dy, cache, out=out), out, strict=True):
        assert ours is place


@pytest.mark.parametrize("train", [True, False])
def test_nan_goes_through(train: bool) -> None:
    arrays, moments, dy = _arrays(5, 6, 3, train)
    arrays[0][2, 1] = np.nan
    y, cache = F.batchnorm_forward(*arrays, moments=moments)
    assert np.isnan(y[2, 1]) and np.isfinite(y[:, [0, 2]]).all()
    assert np.isnan(F.batchnorm_backward(dy, cache)[1][1])


def test_wrong_arrays() -> None:
    (x, scale, shift), moments, dy = _arrays(6, 4, 3, False)
    _, cache = F.batchnorm_forward(x, scale, shift)
    bad_calls: list[tuple[Any, ...]] = [(x[:1], scale, shift), (x[:0], scale, shift), (x[0], scale, shift)]
    bad_calls += [
        (x, scale[:2], shift),
        (x, scale, shift[:2]),
        (x[None], scale, shift),
        (x.astype(complex), scale, shift),
    ]
    for bad in bad_calls:
        with pytest.raises(GlassnetError):
            F.batchnorm_forward(*bad)
    for bad_moments in [(moments[0][:2], moments[1]), (moments[0], moments[1][:2]), (moments[0], moments[1][None])]:
        with pytest.raises(GlassnetError):
            F.batchnorm_forward(x, scale, shift, moments=bad_moments)
    for bad_dy in (dy[:3], dy[:, :2]):
        with pytest.raises(GlassnetError, match="dy"):
            F.batchnorm_backward(bad_dy, cache)
