"""Batch normalisation of features and of channels in both modes, with and without the ReLU behind it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from glassnet import threads
from glassnet.errors import GlassnetError
from glassnet.nn import functional as F
from glassnet.nn.functional import normalisation
from support.gradients import (
    TORCH_TOLERANCE,
    assert_close,
    assert_gradients,
    drawn,
    seeds,
    torch_gradients,
    torch_or_skip,
)

counts, features, modes = st.integers(2, 8), st.integers(1, 5), st.booleans()
images = st.tuples(st.integers(1, 3), st.integers(2, 4), st.integers(1, 4))


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


@pytest.mark.parametrize("relu", [True, False])
@pytest.mark.parametrize("train", [True, False])
def test_gradient_in_place(train: bool, relu: bool) -> None:
    arrays, moments, dy = _arrays(4, 6, 3, train)
    _, cache = F.batchnorm_forward(*arrays, moments=moments, relu=relu)
    expected = F.batchnorm_backward(dy, cache)
    there = dy.copy()
    for ours, wanted in zip(F.batchnorm_backward(there, cache, out=(there, None, None)), expected, strict=True):
        np.testing.assert_array_equal(ours, wanted)


def test_out_arrays_are_written() -> None:
    (x, scale, shift), _, dy = _arrays(7, 6, 3, True)
    place = np.empty((6, 3))
    y, cache = F.batchnorm_forward(x, scale, shift, out=place)
    assert y is place and cache.x is x
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
        (x[None, :1, None], scale, shift),
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


# ---- channels, and the ReLU ----------------------------------------------------------------------------------------


def _away_from_the_kink(arrays: list[np.ndarray], moments: Any) -> bool:
    """Whether no output is so near 0 that a step of a numerical gradient could cross it."""
    return bool(np.abs(F.batchnorm_forward(*arrays, moments=moments)[0]).min() > 1e-3)


@drawn
@given(seeds, images, features, modes)
def test_gradient_of_channels_with_relu(seed: int, lengths: tuple[int, int, int], c: int, train: bool) -> None:
    arrays, moments, dy = _arrays(seed, int(np.prod(lengths)), c, train)
    assume(_away_from_the_kink(arrays, moments))
    arrays[0], dy = arrays[0].reshape(*lengths, c), dy.reshape(*lengths, c)
    y, cache = F.batchnorm_forward(*arrays, moments=moments, relu=True)
    assert (y >= 0).all() and y.shape == (*lengths, c)
    assert_gradients(
        lambda *a: F.batchnorm_forward(*a, moments=moments, relu=True)[0], arrays, dy, F.batchnorm_backward(dy, cache)
    )


@drawn
@given(seeds, images, features, modes)
def test_torch_channels_with_relu(seed: int, lengths: tuple[int, int, int], c: int, train: bool) -> None:
    torch = torch_or_skip()
    arrays, moments, dy = _arrays(seed, int(np.prod(lengths)), c, train)
    arrays[0], dy = arrays[0].reshape(*lengths, c), dy.reshape(*lengths, c)
    mean, variance = (None, None) if moments is None else map(torch.tensor, moments)

    def norm(x: Any, g: Any, b: Any) -> Any:
        y = torch.nn.functional.batch_norm(x.permute(0, 3, 1, 2), mean, variance, g, b, training=train, eps=1e-5)
        return torch.relu(y).permute(0, 2, 3, 1)

    y, gradients = torch_gradients(norm, arrays, dy)
    ours, cache = F.batchnorm_forward(*arrays, moments=moments, relu=True)
    assert_close(ours, y, TORCH_TOLERANCE)
    for a, t in zip(F.batchnorm_backward(dy, cache), gradients, strict=True):
        assert_close(a, t, TORCH_TOLERANCE)


@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float64, 1e-13), (np.float32, 1e-5)])
def test_naive_of_channels_on_threads(dtype: type, tolerance: float) -> None:
    @drawn
    @given(seeds, images, features, modes, st.booleans(), st.sampled_from([1, 2, 5]))
    def check(seed: int, lengths: tuple[int, int, int], c: int, train: bool, relu: bool, parts: int) -> None:
        arrays, moments, dy = _arrays(seed, int(np.prod(lengths)), c, train, dtype)
        assume(not relu or _away_from_the_kink(arrays, moments))
        arrays[0], dy = arrays[0].reshape(*lengths, c), dy.reshape(*lengths, c)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(normalisation, "WORTH_SHARING", 0)
            patch.setattr(threads, "count", lambda: parts)
            y, cache = F.batchnorm_forward(*arrays, moments=moments, relu=relu)
            gradients = F.batchnorm_backward(dy, cache)
        assert y.dtype == dtype
        assert_close(y, F.batchnorm_forward_naive(*arrays, moments, relu=relu), tolerance)
        naive = F.batchnorm_backward_naive(dy, *arrays[:2], moments, relu_shift=arrays[2] if relu else None)
        for fast, slow in zip(gradients, naive, strict=True):
            assert fast.dtype == dtype
            assert_close(fast, slow, tolerance)

    check()


@pytest.mark.parametrize("shape", [(9, 31, 29, 3), (7, 13, 11, 64), (3, 5, 7, 300), (400, 257)])
@pytest.mark.parametrize("number", [1, 2])
def test_many_rows(shape: tuple[int, ...], number: int) -> None:
    """Many runs of many wide rows, the last of them cut short, against the definition in float64."""
    rng = np.random.default_rng(1)
    c = shape[-1]
    x = (rng.standard_normal(shape) * rng.uniform(0.1, 10, c) + rng.uniform(-50, 50, c)).astype(np.float32)
    scale, shift = (rng.standard_normal(c).astype(np.float32) for _ in range(2))
    dy = rng.standard_normal(shape).astype(np.float32)
    axes = tuple(range(x.ndim - 1))
    with threads.use(number):
        y, cache = F.batchnorm_forward(x, scale, shift, relu=True)
        dx, dscale, dshift = F.batchnorm_backward(dy, cache)
    assert cache.moments is not None
    wide = x.astype(np.float64)
    np.testing.assert_allclose(cache.moments[0], wide.mean(axes), rtol=1e-6)
    np.testing.assert_allclose(cache.moments[1], wide.var(axes), rtol=1e-6)
    h = (wide - wide.mean(axes)) / np.sqrt(wide.var(axes) + 1e-5)
    assert_close(y, np.maximum(0, scale * h + shift), 1e-5)
    dz = dy * (y > 0)
    assert_close(dshift, dz.sum(axes, dtype=np.float64), 1e-5)
    assert_close(dscale, (dz * h).sum(axes), 1e-5)
    slope = scale / np.sqrt(wide.var(axes) + 1e-5)
    assert_close(dx, slope * (dz - dz.mean(axes, dtype=np.float64) - h * (dz * h).mean(axes)), 1e-5)


@pytest.mark.parametrize("number", [1, 2])
@pytest.mark.parametrize("start", [0.0, 1e6])
def test_small_variance_beside_a_large_mean(start: float, number: int) -> None:
    """A mean of 10,000 times the deviation, and first rows that lie far from all others: nothing cancels."""
    rng = np.random.default_rng(2)
    x = (1e4 + rng.standard_normal((64, 16, 16, 8))).astype(np.float32)
    x[0, 0, :2] += np.float32(start)
    wide = x.astype(np.float64)
    with threads.use(number):
        y, cache = F.batchnorm_forward(x, np.ones(8, np.float32), np.zeros(8, np.float32), eps=0.0)
    assert cache.moments is not None
    np.testing.assert_allclose(cache.moments[1], wide.var((0, 1, 2)), rtol=2e-6)
    h = (wide - wide.mean((0, 1, 2))) / wide.std((0, 1, 2))
    np.testing.assert_allclose(y, h, rtol=1e-5, atol=1e-5)
    dy = rng.standard_normal(x.shape).astype(np.float32)
    with threads.use(number):
        dx, dscale, dshift = F.batchnorm_backward(dy, cache)
    dz = dy.astype(np.float64)
    assert_close(dscale, (dz * h).sum((0, 1, 2)), 1e-5)
    assert_close(dshift, dz.sum((0, 1, 2)), 1e-5)
    assert_close(dx, (dz - dz.mean((0, 1, 2)) - h * (dz * h).mean((0, 1, 2))) / wide.std((0, 1, 2)), 1e-5)


def test_relu_at_the_kink() -> None:
    """Where y is exactly 0 the ReLU's derivative is taken to be 0; a NaN is not a number to be cut off."""
    x = np.array([[-1.0], [0.0], [1.0]])
    moments = (np.zeros(1), np.ones(1))
    y, cache = F.batchnorm_forward(x, np.ones(1), np.zeros(1), moments=moments, eps=0.0, relu=True)
    np.testing.assert_array_equal(y, [[0], [0], [1]])
    dx, dscale, dshift = F.batchnorm_backward(np.ones((3, 1)), cache)
    np.testing.assert_array_equal(dx, [[0], [0], [1]])
    assert dscale == dshift == 1
    x[0] = np.nan
    y, cache = F.batchnorm_forward(x, np.ones(1), np.zeros(1), moments=moments, relu=True)
    assert np.isnan(y[0, 0]) and not np.isnan(y[1:]).any()


@pytest.mark.parametrize("relu", [True, False])
def test_gradient_in_evaluation_does_not_depend_on_infinite_inputs(relu: bool) -> None:
    x = np.array([[np.inf], [1.0]])
    _, cache = F.batchnorm_forward(x, np.ones(1), np.zeros(1), moments=(np.zeros(1), np.ones(1)), eps=0.0, relu=relu)
    np.testing.assert_array_equal(F.batchnorm_backward(np.full((2, 1), 3.0), cache)[0], [[3], [3]])


def test_running_moments_of_channels_as_torch() -> None:
    torch = torch_or_skip()
    layer = torch.nn.BatchNorm2d(3, momentum=0.3, dtype=torch.float64)
    running = (np.zeros(3), np.ones(3))
    for seed in range(3):
        x = np.random.default_rng(seed).standard_normal((2, 4, 5, 3)) + 2
        layer(torch.tensor(x).permute(0, 3, 1, 2))
        _, cache = F.batchnorm_forward(x, np.ones(3), np.zeros(3))
        F.update_running_moments(running, cache.moments, 2 * 4 * 5, 0.3)
    np.testing.assert_allclose(running[0], layer.running_mean.numpy(), atol=1e-12)
    np.testing.assert_allclose(running[1], layer.running_var.numpy(), atol=1e-12)


def test_one_picture_is_enough_where_it_has_two_pixels() -> None:
    x = np.array([1.0, 3.0]).reshape(1, 1, 2, 1)
    y, _ = F.batchnorm_forward(x, np.ones(1), np.zeros(1), eps=0.0)
    np.testing.assert_allclose(y.ravel(), [-1, 1])
    with pytest.raises(GlassnetError, match="at least 2 values per channel"):
        F.batchnorm_forward(x[:, :, :1], np.ones(1), np.zeros(1))
