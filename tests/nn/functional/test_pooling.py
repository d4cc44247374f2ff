"""Pooling: gradients, PyTorch, naive references, golden values, ties, NaN, threads, bad input."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from glassnet import threads
from glassnet.errors import GlassnetError
from glassnet.nn import functional as F
from glassnet.nn.functional import pooling
from support.gradients import (
    TORCH_TOLERANCE,
    assert_close,
    assert_gradients,
    drawn,
    seeds,
    torch_gradients,
    torch_or_skip,
)

DTYPES = [(np.float64, 1e-13), (np.float32, 1e-5)]


class Case(NamedTuple):
    """Images and a window that fits them."""

    shape: tuple[int, int, int, int]
    size: tuple[int, int]
    settings: dict[str, Any]


@st.composite
def cases(draw: Any, largest: int = 9, channels: Any = (1, 2, 3, 5, 8, 16, 32)) -> Case:
    """Any window: not square, overlapping or with gaps, padded by less than its span, dilated, in ceil mode or not."""
    size, stride, dilation = (draw(st.tuples(st.integers(1, top), st.integers(1, top))) for top in (4, 4, 3))
    pad, lengths = [], []
    for k, d in zip(size, dilation, strict=True):
        span = (k - 1) * d + 1
        before, after = (draw(st.integers(0, span - 1)) for _ in range(2))
        least = max(d, span - before - after)  # every window has at least one tap in the image
        lengths.append(draw(st.integers(least, max(least, largest))))
        pad += [before, after]
    settings = {"stride": stride, "pad": tuple(pad), "ceil": draw(st.booleans()), "dilation": dilation}
    return Case((draw(st.integers(1, 3)), *lengths, draw(st.sampled_from(channels))), size, settings)


@st.composite
def usual_cases(draw: Any, channels: Any = (1, 2, 3, 4, 16, 32)) -> Case:
    """The windows that have kernels of their own: 2x2 side by side and 3x3."""
    h, w = draw(st.tuples(st.integers(3, 9), st.integers(3, 9)))
    shape = (draw(st.integers(1, 3)), h, w, draw(st.sampled_from(channels)))
    if draw(st.booleans()):
        return Case(shape, (2, 2), {"ceil": draw(st.booleans())})
    pad = draw(st.tuples(*(st.integers(0, 2),) * 4))
    return Case(shape, (3, 3), {"stride": draw(st.integers(1, 4)), "pad": pad, "ceil": draw(st.booleans())})


any_case = st.one_of(cases(), usual_cases())
small_case = st.one_of(cases(6, (1, 2)), usual_cases((1, 3)), usual_cases((16,)))


def _images(shape: tuple[int, ...], seed: int, dtype: type = np.float64) -> np.ndarray:
    """Numbers at least 0.01 apart: no window has two that are nearly equal."""
    numbers = np.random.default_rng(seed).permutation(int(np.prod(shape)))
    return (0.01 * numbers - 0.3).reshape(shape).astype(dtype)


def _upstream(shape: tuple[int, ...], seed: int, dtype: type = np.float64) -> np.ndarray:
    return np.random.default_rng(seed + 1).standard_normal(shape).astype(dtype)


def _on_threads(patch: pytest.MonkeyPatch, parts: int) -> None:
    """Share even the smallest work among `parts` threads."""
    patch.setattr(pooling, "WORTH_SHARING", 0)
    patch.setattr(threads, "count", lambda: parts)


# ---- the maximum ---------------------------------------------------------------------------------------------------


@drawn
@given(small_case, seeds)
def test_max_gradient(case: Case, seed: int) -> None:
    x = _images((1, *case.shape[1:]), seed)
    y, cache = F.max_pool_forward(x, case.size, **case.settings)
    dy = _upstream(y.shape, seed)
    assert_gradients(
        lambda x: F.max_pool_forward(x, case.size, **case.settings)[0], [x], dy, [F.max_pool_backward(dy, cache)]
    )


@pytest.mark.parametrize(("dtype", "tolerance"), DTYPES)
def test_max_naive(dtype: type, tolerance: float) -> None:
    """With few different numbers, so that ties abound; shared among any number of threads."""

    @drawn
    @given(any_case, seeds, st.sampled_from([1, 2, 5]))
    def check(case: Case, seed: int, parts: int) -> None:
        x = np.random.default_rng(seed).integers(-2, 3, case.shape).astype(dtype)
        with pytest.MonkeyPatch.context() as patch:
            _on_threads(patch, parts)
            y, cache = F.max_pool_forward(x, case.size, **case.settings)
            dy = _upstream(y.shape, seed, dtype)
            dx = F.max_pool_backward(dy, cache)
        assert y.dtype == dx.dtype == dtype
        np.testing.assert_array_equal(y, F.max_pool_forward_naive(x, case.size, **case.settings))
        np.testing.assert_array_equal(x.reshape(-1)[F.max_pool_index(cache)], y)
        assert_close(dx, F.max_pool_backward_naive(dy, x, case.size, **case.settings), tolerance)

    check()


def _torch_max(case: Case, ceil: bool) -> Any:
    """PyTorch's max pooling of (n, h, w, c), padded beforehand, since PyTorch pads at most by half a window."""
    torch = torch_or_skip()
    top, bottom, left, right = case.settings.get("pad", (0, 0, 0, 0))
    stride, dilation = case.settings.get("stride", case.size), case.settings.get("dilation", 1)

    def pool(x: Any) -> Any:
        x = torch.nn.functional.pad(x.permute(0, 3, 1, 2), (left, right, top, bottom), value=-torch.inf)
        y = torch.nn.functional.max_pool2d(x, case.size, stride, 0, dilation, ceil_mode=ceil)
        return y.permute(0, 2, 3, 1)

    return pool


@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float64, TORCH_TOLERANCE), (np.float32, 1e-5)])
def test_max_torch(dtype: type, tolerance: float) -> None:
    torch_or_skip()

    @drawn
    @given(any_case, seeds)
    def check(case: Case, seed: int) -> None:
        # In ceil mode PyTorch drops a window that begins in the padding, which it does not see here.
        settings = {**case.settings, "ceil": False} if any(case.settings.get("pad", ())) else case.settings
        x = np.random.default_rng(seed).integers(-9, 10, case.shape).astype(dtype)
        y, cache = F.max_pool_forward(x, case.size, **settings)
        dy = _upstream(y.shape, seed, dtype)
        theirs, (dx,) = torch_gradients(_torch_max(case, settings["ceil"]), [x], dy)
        np.testing.assert_array_equal(y, theirs)
        assert_close(F.max_pool_backward(dy, cache), dx, tolerance)

    check()


halves = st.tuples(st.integers(1, 4), st.integers(1, 4)).flatmap(
    lambda size: st.tuples(st.just(size), st.tuples(*(st.integers(0, k // 2) for k in size)))
)


@drawn
@given(halves, st.tuples(st.integers(1, 4), st.integers(1, 4)), st.tuples(st.integers(4, 9), st.integers(4, 9)), seeds)
def test_torch_in_ceil_mode_with_padding(
    window: tuple[tuple[int, int], tuple[int, int]], stride: tuple[int, int], lengths: tuple[int, int], seed: int
) -> None:
    """Windows that hang over: their number, the maximum and its place, the mean in either way of counting."""
    torch = torch_or_skip()
    size, pad = window
    x = np.random.default_rng(seed).standard_normal((2, *lengths, 3))
    settings = {"stride": stride, "pad": pad, "ceil": True}
    y, cache = F.max_pool_forward(x, size, **settings)
    dy = _upstream(y.shape, seed)
    places = torch.nn.functional.max_pool2d(
        torch.tensor(x).permute(0, 3, 1, 2), size, stride, pad, ceil_mode=True, return_indices=True
    )[1].permute(0, 2, 3, 1)
    plane = F.max_pool_index(cache) // 3 % (lengths[0] * lengths[1])
    np.testing.assert_array_equal(plane, places.numpy())
    for count_pad in (False, True):
        ours, cache = F.average_pool_forward(x, size, count_pad=count_pad, **settings)

        def pool(x: Any, count_pad: bool = count_pad) -> Any:
            y = torch.nn.functional.avg_pool2d(x.permute(0, 3, 1, 2), size, stride, pad, True, count_pad)
            return y.permute(0, 2, 3, 1)

        theirs, (dx,) = torch_gradients(pool, [x], dy)
        assert_close(ours, theirs, TORCH_TOLERANCE)
        assert_close(F.average_pool_backward(dy, cache), dx, TORCH_TOLERANCE)


def test_golden() -> None:
    """CS231n's check of max pooling: 2x2, stride 2, on 2 images of 3 channels."""
    x = np.linspace(-0.3, 0.4, 2 * 3 * 4 * 4).reshape(2, 3, 4, 4).transpose(0, 2, 3, 1)
    golden = [
        [[[-0.26315789, -0.24842105], [-0.20421053, -0.18947368]],
         [[-0.14526316, -0.13052632], [-0.08631579, -0.07157895]],
         [[-0.02736842, -0.01263158], [0.03157895, 0.04631579]]],
        [[[0.09052632, 0.10526316], [0.14947368, 0.16421053]],
         [[0.20842105, 0.22315789], [0.26736842, 0.28210526]],
         [[0.32631579, 0.34105263], [0.38526316, 0.4]]],
    ]  # fmt: skip
    y, _ = F.max_pool_forward(x, 2)
    np.testing.assert_allclose(y.transpose(0, 3, 1, 2), golden, rtol=0, atol=5e-9)


@pytest.mark.parametrize("channels", [1, 3, 4, 16])
@pytest.mark.parametrize("settings", [{"size": 2}, {"size": 3, "stride": 1}, {"size": (2, 3), "stride": 1}])
def test_first_of_equal_pixels_takes_the_gradient(channels: int, settings: dict[str, Any]) -> None:
    x = np.full((1, 6, 6, channels), -np.inf)  # even where all are as low as the padding
    for value in (-np.inf, 0.0, 2.0):
        x[:] = value
        for pad in (0, 1) if settings["size"] != 2 else (0,):
            y, cache = F.max_pool_forward(x, **settings, pad=pad)
            rows, columns = (
                np.maximum(0, np.arange(length) * (settings.get("stride", 2)) - pad) for length in y.shape[1:3]
            )
            expected = (rows[:, None] * 6 + columns)[..., None] * channels + np.arange(channels)
            np.testing.assert_array_equal(F.max_pool_index(cache)[0], expected)
            dx = F.max_pool_backward(np.ones_like(y), cache)
            assert dx.sum() == y.size
            np.testing.assert_array_equal(y, value)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("settings", [{"size": 2}, {"size": 3, "stride": 2, "pad": 1}, {"size": (2, 5), "stride": 1}])
@pytest.mark.parametrize("channels", [1, 3, 16])
def test_nan_wins(channels: int, settings: dict[str, Any], dtype: type) -> None:
    """A NaN anywhere in a window is its maximum, beside infinity too, and takes the gradient; of two the last does."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((2, 6, 6, channels)).astype(dtype)
    x[rng.random(x.shape) < 0.2] = np.nan
    x[rng.random(x.shape) < 0.1] = np.inf
    y, cache = F.max_pool_forward(x, **settings)
    np.testing.assert_array_equal(y, F.max_pool_forward_naive(x, **settings))
    assert 0 < np.isnan(y).sum() < y.size
    dy = _upstream(y.shape, 0, dtype)
    assert_close(F.max_pool_backward(dy, cache), F.max_pool_backward_naive(dy, x, **settings), 1e-6)


@pytest.mark.parametrize(
    ("size", "dtype"), [((16, 16), np.uint8), ((16, 17), np.uint16), ((2, 2), np.uint8), ((1, 1), np.uint8)]
)
def test_index_is_as_small_as_can_be(size: tuple[int, int], dtype: type) -> None:
    x = _images((1, 17, 18, 2), 3)
    y, cache = F.max_pool_forward(x, size, stride=1)
    assert cache.winners.dtype == dtype
    np.testing.assert_array_equal(x.reshape(-1)[F.max_pool_index(cache)], y)
    np.testing.assert_array_equal(y, F.max_pool_forward_naive(x, size, stride=1))


def test_pixels_that_no_window_sees_have_no_gradient() -> None:
    x = _images((2, 5, 7, 3), 0)
    y, cache = F.max_pool_forward(x, 2)
    out = np.full_like(x, np.nan)
    dx = F.max_pool_backward(np.ones_like(y), cache, out=out)
    assert y.shape == (2, 2, 3, 3) and dx is out
    np.testing.assert_array_equal(dx[:, 4], 0)
    np.testing.assert_array_equal(dx[:, :, 6], 0)
    assert dx.sum() == y.size


# ---- the mean ------------------------------------------------------------------------------------------------------


@drawn
@given(small_case, seeds, st.booleans())
def test_average_gradient(case: Case, seed: int, count_pad: bool) -> None:
    x = _images((1, *case.shape[1:]), seed)
    y, cache = F.average_pool_forward(x, case.size, count_pad=count_pad, **case.settings)
    dy = _upstream(y.shape, seed)
    assert_gradients(
        lambda x: F.average_pool_forward(x, case.size, count_pad=count_pad, **case.settings)[0],
        [x],
        dy,
        [F.average_pool_backward(dy, cache)],
    )


@pytest.mark.parametrize(("dtype", "tolerance"), DTYPES)
def test_average_naive(dtype: type, tolerance: float) -> None:
    @drawn
    @given(any_case, seeds, st.booleans(), st.sampled_from([1, 2, 5]))
    def check(case: Case, seed: int, count_pad: bool, parts: int) -> None:
        x = np.random.default_rng(seed).standard_normal(case.shape).astype(dtype)
        settings = {**case.settings, "count_pad": count_pad}
        with pytest.MonkeyPatch.context() as patch:
            _on_threads(patch, parts)
            y, cache = F.average_pool_forward(x, case.size, **settings)
            dy = _upstream(y.shape, seed, dtype)
            dx = F.average_pool_backward(dy, cache)
        assert y.dtype == dx.dtype == dtype
        assert_close(y, F.average_pool_forward_naive(x, case.size, **settings), tolerance)
        assert_close(dx, F.average_pool_backward_naive(dy, x.shape, case.size, **settings), tolerance)

    check()


@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float64, TORCH_TOLERANCE), (np.float32, 1e-5)])
def test_average_torch(dtype: type, tolerance: float) -> None:
    torch = torch_or_skip()

    @drawn
    @given(usual_cases(), seeds)
    def check(case: Case, seed: int) -> None:
        stride = case.settings.get("stride", case.size)
        x = np.random.default_rng(seed).standard_normal(case.shape).astype(dtype)
        y, cache = F.average_pool_forward(x, case.size, stride=stride, ceil=case.settings["ceil"])
        dy = _upstream(y.shape, seed, dtype)

        def pool(x: Any) -> Any:
            y = torch.nn.functional.avg_pool2d(x.permute(0, 3, 1, 2), case.size, stride, 0, case.settings["ceil"])
            return y.permute(0, 2, 3, 1)

        theirs, (dx,) = torch_gradients(pool, [x], dy)
        assert_close(y, theirs, tolerance)
        assert_close(F.average_pool_backward(dy, cache), dx, tolerance)

    check()


def test_what_the_mean_counts() -> None:
    """3x3, stride 2, pad 1, ceil on a row of 4: windows at -1, 1 and 3, of which the last hangs over by one."""
    x = np.ones((1, 4, 4, 1))
    settings = {"stride": 2, "pad": 1, "ceil": True}
    assert F.average_pool_forward(x, 3, **settings)[0].tolist() == [[[[1.0]] * 3] * 3]
    counted = F.average_pool_forward(x, 3, count_pad=True, **settings)[0][0, :, :, 0]
    share = np.array([2 / 3, 3 / 3, 1 / 2])  # the last: one pixel and one of the padding; the third tap is neither
    np.testing.assert_allclose(counted, share[:, None] * share)


# ---- global --------------------------------------------------------------------------------------------------------

images = st.tuples(st.integers(1, 4), st.integers(1, 12), st.integers(1, 12), st.integers(1, 20))


@drawn
@given(images, seeds)
def test_global_gradient(shape: tuple[int, ...], seed: int) -> None:
    shape = (1, *(min(length, 4) for length in shape[1:]))
    x, dy = _images(shape, seed), _upstream((1, shape[3]), seed)
    _, cache = F.global_average_pool_forward(x)
    assert_gradients(
        lambda x: F.global_average_pool_forward(x)[0], [x], dy, [F.global_average_pool_backward(dy, cache)]
    )


@pytest.mark.parametrize(("dtype", "tolerance"), DTYPES)
def test_global_naive_and_torch(dtype: type, tolerance: float) -> None:
    torch_or_skip()

    @drawn
    @given(images, seeds, st.sampled_from([1, 2, 5]))
    def check(shape: tuple[int, ...], seed: int, parts: int) -> None:
        x = np.random.default_rng(seed).standard_normal(shape).astype(dtype)
        dy = _upstream((shape[0], shape[3]), seed, dtype)
        with pytest.MonkeyPatch.context() as patch:
            _on_threads(patch, parts)
            y, cache = F.global_average_pool_forward(x)
            dx = F.global_average_pool_backward(dy, cache)
        assert y.dtype == dx.dtype == dtype
        assert_close(y, F.global_average_pool_forward_naive(x), tolerance)
        assert_close(dx, F.global_average_pool_backward_naive(dy, shape), tolerance)
        theirs, (gradient,) = torch_gradients(lambda x: x.mean((1, 2)), [x], dy)
        assert_close(y, theirs, tolerance)
        assert_close(dx, gradient, tolerance)

    check()


# ---- all of them ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(1, 97, 40, 16), (5, 48, 60, 3)])
def test_two_threads_give_the_bits_of_one(shape: tuple[int, ...]) -> None:
    x = np.random.default_rng(5).standard_normal(shape).astype(np.float32)
    results: list[list[np.ndarray]] = []
    for number in (1, 2):
        with threads.use(number):
            arrays: list[np.ndarray] = []
            for settings in ({"size": 2}, {"size": 3, "stride": 2, "pad": 1}, {"size": 3, "stride": 1}):
                for forward, backward in (
                    (F.max_pool_forward, F.max_pool_backward),
                    (F.average_pool_forward, F.average_pool_backward),
                ):
                    y, cache = forward(x, **settings)
                    arrays += [y, backward(_upstream(y.shape, 1, np.float32), cache)]
            y, cache = F.global_average_pool_forward(x)
            results.append([*arrays, y, F.global_average_pool_backward(y, cache)])
    for one, two in zip(*results, strict=True):
        np.testing.assert_array_equal(one, two)


def test_out_arrays_are_written() -> None:
    x = _images((2, 6, 6, 3), 0)
    y, index, mean, dx = np.empty((2, 3, 3, 3)), np.empty((2, 3, 3, 3), np.uint8), np.empty((2, 3)), np.empty_like(x)
    ours, cache = F.max_pool_forward(x, 2, out=(y, index))
    assert ours is y and cache.winners is index
    np.testing.assert_array_equal(y, F.max_pool_forward_naive(x, 2))
    assert F.max_pool_backward(y, cache, out=dx) is dx
    ours, average_cache = F.average_pool_forward(x, 2, out=y)
    assert ours is y and F.average_pool_backward(y, average_cache, out=dx) is dx
    np.testing.assert_allclose(dx.sum(), y.sum())
    ours, shape = F.global_average_pool_forward(x, out=mean)
    assert ours is mean and F.global_average_pool_backward(mean, shape, out=dx) is dx


def test_no_images() -> None:
    x = np.empty((0, 4, 4, 3))
    for forward, backward in (
        (F.max_pool_forward, F.max_pool_backward),
        (F.average_pool_forward, F.average_pool_backward),
    ):
        y, cache = forward(x, 3, stride=1)
        assert y.shape == (0, 2, 2, 3) and backward(y, cache).shape == x.shape
    y, shape = F.global_average_pool_forward(x)
    assert y.shape == (0, 3) and F.global_average_pool_backward(y, shape).shape == x.shape


@pytest.mark.parametrize("forward", [F.max_pool_forward, F.average_pool_forward])
@pytest.mark.parametrize(
    ("shape", "settings", "message"),
    [
        ((4, 4, 3), {"size": 2}, "images of shape"),
        ((1, 4, 0, 3), {"size": 1}, "images of shape"),
        ((1, 4, 4, 3), {"size": 0}, "size"),
        ((1, 4, 4, 3), {"size": (2, 2, 2)}, "size"),
        ((1, 4, 4, 3), {"size": 2, "stride": 0}, "stride"),
        ((1, 4, 4, 3), {"size": 2, "dilation": 0}, "dilation"),
        ((1, 4, 4, 3), {"size": 2, "pad": -1}, "pad"),
        ((1, 4, 4, 3), {"size": 2, "pad": 2}, "smaller than the window"),
        ((1, 4, 4, 3), {"size": (2, 3), "pad": (0, 0, 0, 3)}, "smaller than the window"),
        ((1, 4, 4, 3), {"size": 2, "dilation": 2, "pad": 3}, "smaller than the window"),
        ((1, 4, 4, 3), {"size": 5}, "does not fit"),
        ((1, 4, 4, 3), {"size": 3, "dilation": 2}, "does not fit"),
        ((1, 1, 4, 3), {"size": 2, "dilation": 2, "pad": 1}, "no pixel"),
    ],
)
def test_wrong_windows(forward: Any, shape: tuple[int, ...], settings: dict[str, Any], message: str) -> None:
    with pytest.raises(GlassnetError, match=message):
        forward(np.zeros(shape), **settings)


def test_wrong_arrays() -> None:
    x = np.zeros((1, 4, 4, 2))
    _, cache = F.max_pool_forward(x, 2)
    _, average_cache = F.average_pool_forward(x, 2)
    with pytest.raises(GlassnetError, match="dy"):
        F.max_pool_backward(np.zeros((1, 2, 2, 3)), cache)
    with pytest.raises(GlassnetError, match="dy"):
        F.average_pool_backward(np.zeros((1, 4, 4, 2)), average_cache)
    with pytest.raises(GlassnetError, match="dy"):
        F.global_average_pool_backward(np.zeros((2, 1)), (1, 4, 4, 2))
    with pytest.raises(GlassnetError, match="images of shape"):
        F.global_average_pool_forward(x[0])
    with pytest.raises(GlassnetError, match="out"):
        F.max_pool_forward(x, 2, out=(np.empty((1, 2, 2, 3)), None))
    with pytest.raises(GlassnetError, match="out"):
        F.max_pool_forward(x, 2, out=(None, np.empty((1, 2, 2, 2), np.int64)))
    with pytest.raises(GlassnetError, match="real numbers"):
        F.average_pool_forward(x.astype(complex), 2)
