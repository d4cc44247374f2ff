"""Dropout of numbers and of channels: gradients with the mask fixed, PyTorch, naive reference, masks' statistics."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from glassnet.errors import GlassnetError
from glassnet.nn import functional as F
from support.gradients import TORCH_TOLERANCE, assert_close, assert_gradients, drawn, seeds, torch_gradients

shapes = st.lists(st.integers(1, 6), min_size=1, max_size=3).map(tuple)
probabilities = st.sampled_from([0.0, 0.1, 0.5, 0.9])


def _arrays(seed: int, shape: tuple[int, ...], p: float, dtype: type = np.float64) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    x, dy = (rng.standard_normal(shape).astype(dtype) for _ in range(2))
    return [x, F.dropout_mask(shape, p, rng, dtype), dy]


@drawn
@given(seeds, shapes, probabilities)
def test_gradient(seed: int, shape: tuple[int, ...], p: float) -> None:
    x, mask, dy = _arrays(seed, shape, p)
    _, cache = F.dropout_forward(x, mask)
    assert_gradients(lambda x: F.dropout_forward(x, mask)[0], [x], dy, [F.dropout_backward(dy, cache)])


@drawn
@given(seeds, shapes, probabilities)
def test_torch(seed: int, shape: tuple[int, ...], p: float) -> None:
    x, mask, dy = _arrays(seed, shape, p)
    y, (dx,) = torch_gradients(lambda x: x * x.new_tensor(mask), [x], dy)
    ours, cache = F.dropout_forward(x, mask)
    assert_close(ours, y, TORCH_TOLERANCE)
    assert_close(F.dropout_backward(dy, cache), dx, TORCH_TOLERANCE)


@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float64, 1e-15), (np.float32, 1e-6)])
@drawn
@given(seed=seeds, shape=shapes, p=probabilities)
def test_naive(dtype: type, tolerance: float, seed: int, shape: tuple[int, ...], p: float) -> None:
    x, mask, dy = _arrays(seed, shape, p, dtype)
    y, cache = F.dropout_forward(x, mask)
    dx = F.dropout_backward(dy, cache)
    assert y.dtype == dx.dtype == dtype
    assert_close(y, F.dropout_forward_naive(x, mask), tolerance)
    assert_close(dx, F.dropout_backward_naive(dy, mask), tolerance)


@pytest.mark.parametrize("p", [0.1, 0.5, 0.8])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_mask_statistics(p: float, dtype: type) -> None:
    mask = F.dropout_mask((400, 500), p, np.random.default_rng(0), dtype)
    assert mask.dtype == dtype
    kept = mask > 0
    np.testing.assert_array_equal(np.unique(mask), np.array([0, 1 / (1 - p)], dtype))
    # Five standard deviations of a binomial share, over everything and in the worst row and column.
    for axis, number in ((None, 200_000), (1, 500), (0, 400)):
        shares = np.atleast_1d(kept.mean(axis=axis))
        assert np.abs(shares - (1 - p)).max() < 5 * np.sqrt(p * (1 - p) / number)
    assert abs(mask.mean(dtype=np.float64) - 1) < 5 * np.sqrt(p / (1 - p) / 200_000)  # E[y] = x
    neighbours = np.corrcoef(kept[:, :-1].ravel(), kept[:, 1:].ravel())[0, 1]
    assert abs(neighbours) < 5 / np.sqrt(200_000)


def test_mask_of_probability_zero_keeps_all() -> None:
    np.testing.assert_array_equal(F.dropout_mask((3, 4), 0.0, np.random.default_rng(0)), np.ones((3, 4), np.float32))


def test_mask_comes_from_the_generator_alone() -> None:
    first, second = (F.dropout_mask((5, 6), 0.5, np.random.default_rng(9)) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    assert not np.array_equal(first, F.dropout_mask((5, 6), 0.5, np.random.default_rng(10)))


@pytest.mark.parametrize("p", [1.0, -0.1, 2.0, float("nan")])
def test_wrong_probability(p: float) -> None:
    with pytest.raises(GlassnetError, match="dropout probability"):
        F.dropout_mask((2,), p, np.random.default_rng(0))


def test_nan_goes_through_and_wrong_shapes_do_not() -> None:
    x, mask, dy = _arrays(0, (4, 5), 0.5)
    x[:] = np.nan
    assert np.isnan(F.dropout_forward(x, mask)[0]).all()  # even where the mask is 0: a NaN must be noticed
    with pytest.raises(GlassnetError, match="mask"):
        F.dropout_forward(x, mask[:3])
    with pytest.raises(GlassnetError, match="dy"):
        F.dropout_backward(dy[:, :4], mask)


# ---- whole channels ------------------------------------------------------------------------------------------------

images = st.tuples(*(st.integers(1, 4),) * 4)


def _images(seed: int, shape: tuple[int, ...], p: float, dtype: type = np.float64) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    x, dy = (rng.standard_normal(shape).astype(dtype) for _ in range(2))
    return [x, F.channel_dropout_mask(shape[0], shape[3], p, rng, dtype), dy]


@drawn
@given(seeds, images, probabilities)
def test_gradient_of_channels(seed: int, shape: tuple[int, ...], p: float) -> None:
    x, mask, dy = _images(seed, shape, p)
    _, cache = F.dropout_forward(x, mask)
    assert_gradients(lambda x: F.dropout_forward(x, mask)[0], [x], dy, [F.dropout_backward(dy, cache)])


@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float64, 1e-15), (np.float32, 1e-6)])
@drawn
@given(seed=seeds, shape=images, p=probabilities)
def test_naive_of_channels(dtype: type, tolerance: float, seed: int, shape: tuple[int, ...], p: float) -> None:
    x, mask, dy = _images(seed, shape, p, dtype)
    out = np.empty_like(x)
    y, cache = F.dropout_forward(x, mask, out=out)
    dx = F.dropout_backward(dy, cache)
    assert y is out and y.dtype == dx.dtype == dtype
    assert_close(y, F.dropout_forward_naive(x, mask), tolerance)
    assert_close(dx, F.dropout_backward_naive(dy, mask), tolerance)


@drawn
@given(seeds, images, probabilities)
def test_torch_channels(seed: int, shape: tuple[int, ...], p: float) -> None:
    x, mask, dy = _images(seed, shape, p)
    y, (dx,) = torch_gradients(lambda x: x * x.new_tensor(mask), [x], dy)
    ours, cache = F.dropout_forward(x, mask)
    assert_close(ours, y, TORCH_TOLERANCE)
    assert_close(F.dropout_backward(dy, cache), dx, TORCH_TOLERANCE)


@pytest.mark.parametrize("p", [0.1, 0.5])
def test_channels_stay_or_go_as_a_whole(p: float) -> None:
    mask = F.channel_dropout_mask(300, 200, p, np.random.default_rng(0))
    assert mask.shape == (300, 1, 1, 200) and mask.dtype == np.float32
    np.testing.assert_array_equal(np.unique(mask), np.array([0, 1 / (1 - p)], np.float32))
    assert abs((mask > 0).mean() - (1 - p)) < 5 * np.sqrt(p * (1 - p) / mask.size)
    y, _ = F.dropout_forward(np.ones((300, 2, 3, 200), np.float32), mask)
    np.testing.assert_array_equal(y, np.broadcast_to(mask, y.shape))


def test_wrong_masks_of_channels() -> None:
    x, mask, dy = _images(0, (2, 3, 3, 4), 0.5)
    for wrong in (mask[:1], mask[..., :3], mask.reshape(2, 4)):
        with pytest.raises(GlassnetError, match="mask"):
            F.dropout_forward(x, wrong)
    with pytest.raises(GlassnetError, match="dy"):
        F.dropout_backward(dy[..., :3], mask)
    with pytest.raises(GlassnetError, match="dropout probability"):
        F.channel_dropout_mask(2, 3, 1.0, np.random.default_rng(0))
