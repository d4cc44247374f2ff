"""Convolution: every method against the naive loops, PyTorch and central differences, with what is fused into it."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from glassnet import threads
from glassnet.errors import GlassnetError
from glassnet.nn.functional import convolution as C
from glassnet.nn.functional import convolution_plan
from glassnet.nn.functional.workspace import Arena
from glassnet.nn.kernels import blas
from support.gradients import (
    TORCH_TOLERANCE,
    assert_close,
    assert_gradients,
    drawn,
    seeds,
    torch_gradients,
    torch_or_skip,
)

GENERAL = ["rows", "direct", "numpy", "grouped"]
METHODS = [*GENERAL, "product", "depthwise"]


class Case(NamedTuple):
    """A convolution's sizes."""

    x: tuple[int, int, int, int]
    w: tuple[int, int, int, int]
    stride: tuple[int, int]
    pad: tuple[int, int, int, int]
    groups: int

    @property
    def settings(self) -> dict[str, Any]:
        return {"stride": self.stride, "pad": self.pad, "groups": self.groups}


@st.composite
def cases(draw: Any, method: str, channels: int = 4) -> Case:
    """Sizes that the method can compute; small, not square, the kernel at times larger than the bare image."""
    few = st.integers(1, channels)
    n, h, w = draw(st.integers(1, 3)), draw(st.integers(1, 7)), draw(st.integers(1, 7))
    if method == "product":
        return Case((n, h, w, draw(few)), (1, 1, 0, draw(few)), (1, 1), (0, 0, 0, 0), 1)
    pad = draw(st.tuples(*[st.integers(0, 2)] * 4))
    kh = draw(st.integers(1, min(4, h + pad[0] + pad[1])))
    kw = draw(st.integers(1, min(4, w + pad[2] + pad[3])))
    stride = draw(st.tuples(st.integers(1, 3), st.integers(1, 3)))
    if method == "depthwise":
        c, multiplier = draw(few), draw(st.integers(1, 2))
        return Case((n, h, w, c), (kh, kw, 0, c * multiplier), stride, pad, c)
    groups = draw(st.integers(1, 3)) if method in ("numpy", "grouped") else 1
    return Case((n, h, w, groups * draw(few)), (kh, kw, 0, groups * draw(few)), stride, pad, groups)


def _arrays(case: Case, seed: int, dtype: type = np.float64) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    w = (*case.w[:2], case.x[3] // case.groups, case.w[3])
    return tuple(rng.standard_normal(s).astype(dtype) for s in (case.x, w, case.w[3:]))  # type: ignore[return-value]


def _pooled(z: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The maximum of every 2x2 window and its place in the window, by loops."""
    n, h, w, f = z.shape
    y, index = np.zeros((n, h // 2, w // 2, f)), np.zeros((n, h // 2, w // 2, f), np.uint8)
    for i, r, c, o in np.ndindex(y.shape):
        window = z[i, 2 * r : 2 * r + 2, 2 * c : 2 * c + 2, o].ravel()
        index[i, r, c, o] = window.argmax()
        y[i, r, c, o] = window.max()
    return y, index


def _reference(case: Case, arrays: Any, relu: bool, pool: bool) -> np.ndarray:
    x, w, b = arrays
    y = C.conv2d_forward_naive(x, w, b, **case.settings)
    y = _pooled(y)[0] if pool else y
    return np.maximum(y, 0) if relu else y


def _reference_gradients(case: Case, arrays: Any, dy: np.ndarray, relu: bool, pool: bool) -> Any:
    x, w, b = arrays
    z = C.conv2d_forward_naive(x, w, b, **case.settings)
    dz = np.zeros_like(z)
    if pool:
        y, index = _pooled(z)
        for i, r, c, o in np.ndindex(y.shape):
            if y[i, r, c, o] > 0 or not relu:
                dz[i, 2 * r + index[i, r, c, o] // 2, 2 * c + index[i, r, c, o] % 2, o] = dy[i, r, c, o]
    else:
        dz = np.where(z > 0, dy, 0) if relu else dy
    return C.conv2d_backward_naive(dz, x, w, **case.settings)


def _away_from_kinks(case: Case, seed: int, relu: bool, pool: bool) -> Any:
    """Arrays under which no result is near 0 (ReLU) and no window's two largest results are near each other (pool)."""
    for attempt in itertools.count():
        arrays = _arrays(case, seed + attempt)
        z = C.conv2d_forward_naive(*arrays, **case.settings)
        n, h, w, f = z.shape
        windows = z[:, : h // 2 * 2, : w // 2 * 2].reshape(n, h // 2, 2, w // 2, 2, f).transpose(0, 1, 3, 5, 2, 4)
        ordered = np.sort(windows.reshape(-1, 4), axis=1)
        if not (relu and np.abs(z).min(initial=1) < 1e-3) and not (
            pool and (ordered[:, 3] - ordered[:, 2]).min(initial=1) < 1e-3
        ):
            return arrays


epilogues = st.tuples(st.booleans(), st.booleans())


@pytest.mark.parametrize("method", METHODS)
@drawn
@given(data=st.data(), seed=seeds, epilogue=epilogues)
def test_gradient(method: str, data: Any, seed: int, epilogue: tuple[bool, bool]) -> None:
    relu, pool = epilogue
    case = data.draw(cases(method, 2))
    arrays = _away_from_kinks(case, seed, relu, pool)
    settings = {**case.settings, "relu": relu, "pool": pool, "method": method}
    y, cache = C.conv2d_forward(*arrays, **settings)
    dy = np.random.default_rng(seed).standard_normal(y.shape)
    assert_gradients(lambda *a: C.conv2d_forward(*a, **settings)[0], arrays, dy, C.conv2d_backward(dy, cache))


@pytest.mark.parametrize("blocks", ["small", "usual"])
@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float64, 1e-12), (np.float32, 1e-5)])
@pytest.mark.parametrize("method", METHODS)
def test_naive(method: str, dtype: type, tolerance: float, blocks: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also with blocks of one or two rows, and on one thread and two."""
    if blocks == "small":
        monkeypatch.setattr(convolution_plan, "_CACHE", 1)
        monkeypatch.setattr(convolution_plan, "_DIRECT_CACHE", 1)
        monkeypatch.setattr(convolution_plan, "_PIXELS", 1)

    @drawn
    @given(case=cases(method, 5), seed=seeds, epilogue=epilogues, number=st.integers(1, 2))
    def check(case: Case, seed: int, epilogue: tuple[bool, bool], number: int) -> None:
        arrays = _arrays(case, seed, dtype)
        relu, pool = epilogue
        with threads.use(number):
            y, cache = C.conv2d_forward(*arrays, **case.settings, relu=relu, pool=pool, method=method)
            assert y.dtype == dtype
            assert_close(y, _reference(case, arrays, relu, pool), tolerance)
            dy = np.random.default_rng(seed).standard_normal(y.shape).astype(dtype)
            slow = _reference_gradients(case, arrays, dy, relu, pool)
            gradients = C.conv2d_backward(dy, cache)
            for fast, naive in zip(gradients, slow, strict=True):
                assert fast is not None and fast.dtype == dtype
                assert_close(fast, naive, 3 * tolerance)
            np.testing.assert_array_equal(C.conv2d_input_gradient(dy, cache), gradients[0])

    check()


@pytest.mark.parametrize("method", METHODS)
@drawn
@given(data=st.data(), seed=seeds, epilogue=epilogues, number=st.integers(1, 2))
def test_scaled_results(method: str, data: Any, seed: int, epilogue: tuple[bool, bool], number: int) -> None:
    """A scale of every channel, negative ones too, comes before bias, ReLU and pool."""
    case = data.draw(cases(method, 3))
    x, w, b = _arrays(case, seed)
    scale = np.random.default_rng(seed).standard_normal(len(b))
    relu, pool = epilogue
    with threads.use(number):
        y, cache = C.conv2d_forward(x, w, b, **case.settings, scale=scale, relu=relu, pool=pool, method=method)
    assert cache is None
    assert_close(y, _reference(case, (x, w * scale, b), relu, pool), 1e-12)


def test_a_scale_takes_a_bias() -> None:
    with pytest.raises(GlassnetError, match="needs a bias"):
        C.conv2d_forward(np.zeros((1, 3, 3, 1)), _unit(1), scale=np.ones(1))


def _torch_convolution(case: Case, relu: bool, pool: bool) -> Any:
    """The same convolution as a PyTorch function of our arrays."""
    functional = torch_or_skip().nn.functional
    top, bottom, left, right = case.pad

    def apply(x: Any, w: Any, b: Any) -> Any:
        padded = functional.pad(x.permute(0, 3, 1, 2), (left, right, top, bottom))
        y = functional.conv2d(padded, w.permute(3, 2, 0, 1).contiguous(), b, case.stride, groups=case.groups)
        y = y.relu() if relu else y
        return (functional.max_pool2d(y, 2) if pool else y).permute(0, 2, 3, 1)

    return apply


@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float64, TORCH_TOLERANCE), (np.float32, 1e-5)])
@pytest.mark.parametrize("method", METHODS)
@drawn
@given(data=st.data(), seed=seeds, relu=st.booleans())
def test_torch(method: str, dtype: type, tolerance: float, data: Any, seed: int, relu: bool) -> None:
    case = data.draw(cases(method, 9))
    arrays = _arrays(case, seed, dtype)
    ours, cache = C.conv2d_forward(*arrays, **case.settings, method=method)
    pool = min(ours.shape[1:3]) >= 2  # PyTorch refuses to pool less
    if pool or relu:
        ours, cache = C.conv2d_forward(*arrays, **case.settings, relu=relu, pool=pool, method=method)
    dy = np.random.default_rng(seed).standard_normal(ours.shape)
    y, gradients = torch_gradients(_torch_convolution(case, relu, pool), arrays, dy)
    assert_close(ours, y, tolerance)
    for a, t in zip(C.conv2d_backward(dy, cache), gradients, strict=True):
        assert_close(a, t, 3 * tolerance)


@pytest.mark.parametrize("groups", [1, 8])
@pytest.mark.parametrize("stride", [1, 2])
def test_larger_images_on_two_threads(stride: int, groups: int) -> None:
    """Several blocks an image, few images: results of one and of two threads, and of PyTorch."""
    case = Case((3, 41, 37, 8), (3, 5, 0, 24), (stride, stride), (1, 1, 2, 2), groups)
    arrays = _arrays(case, 3)
    methods = ["rows", "direct"] if groups == 1 else ["depthwise", "grouped"]
    y, _ = torch_gradients(_torch_convolution(case, True, True), arrays, np.ones(_reference_shape(case)))
    for x in (arrays[0], arrays[0][:1], arrays[0][:2]):
        dy = np.random.default_rng(4).standard_normal((len(x), *y.shape[1:]))
        _, gradients = torch_gradients(_torch_convolution(case, True, True), [x, *arrays[1:]], dy)
        for method, number in itertools.product(methods, (1, 2)):
            with threads.use(number):
                ours, cache = C.conv2d_forward(x, *arrays[1:], **case.settings, relu=True, pool=True, method=method)
                assert_close(ours, y[: len(x)], TORCH_TOLERANCE)
                for a, t in zip(C.conv2d_backward(dy, cache), gradients, strict=True):
                    assert_close(a, t, TORCH_TOLERANCE)


@pytest.mark.parametrize("method", ["rows", "product"])
def test_many_small_pictures_on_threads(method: str) -> None:
    """Several pictures a block, more blocks than threads or fewer; what lies in scratch memory is never read."""
    case = Case((11, 5, 5, 3), (1, 1, 0, 4), (1, 1), (0, 0, 0, 0), 1)
    if method == "rows":
        case = case._replace(w=(3, 3, 0, 4), pad=(1, 1, 1, 1))
    arrays = _arrays(case, 5)
    y, cache = C.conv2d_forward(*arrays, **case.settings, relu=True, method="numpy")
    dy = np.random.default_rng(6).standard_normal(y.shape)
    expected = [y, *C.conv2d_backward(dy, cache)]
    for number in (1, 2, 3, 5):
        arena = Arena()
        memory = arena.take((1 << 20,), np.float64)
        memory[:] = np.nan
        arena.release(memory)
        with threads.use(number):
            ours, cache = C.conv2d_forward(*arrays, **case.settings, relu=True, method=method, arena=arena)
            found = [ours, *C.conv2d_backward(dy, cache, arena=arena)]
        for a, b in zip(found, expected, strict=True):
            assert_close(a, b, 1e-12)


def _reference_shape(case: Case) -> tuple[int, ...]:
    w = (*case.w[:2], case.x[3] // case.groups, case.w[3])
    n, h, width, f = C.conv2d_output_shape(case.x, w, case.stride, case.pad, case.groups)
    return n, h // 2, width // 2, f


@pytest.mark.parametrize("method", [None, "rows", "direct", "numpy", "grouped"])
def test_golden(method: str | None) -> None:
    """CS231n's conv_forward arrays, stride 2, pad 1, channels first there."""
    x = np.linspace(-0.1, 0.5, 2 * 3 * 4 * 4).reshape(2, 3, 4, 4).transpose(0, 2, 3, 1)
    w = np.linspace(-0.2, 0.3, 3 * 3 * 4 * 4).reshape(3, 3, 4, 4).transpose(2, 3, 1, 0)
    y, _ = C.conv2d_forward(x, np.ascontiguousarray(w), np.linspace(-0.1, 0.2, 3), stride=2, pad=1, method=method)
    golden = [
        [
            [[-0.08759809, -0.10987781], [-0.18387192, -0.2109216]],
            [[0.21027089, 0.21661097], [0.22847626, 0.23004637]],
            [[0.50813986, 0.54309974], [0.64082444, 0.67101435]],
        ],
        [
            [[-0.98053589, -1.03143541], [-1.19128892, -1.24695841]],
            [[0.69108355, 0.66880383], [0.59480972, 0.56776003]],
            [[2.36270298, 2.36904306], [2.38090835, 2.38247847]],
        ],
    ]
    np.testing.assert_allclose(y.transpose(0, 3, 1, 2), golden, rtol=0, atol=5e-9)


# ---- ReLU and pooling ----------------------------------------------------------------------------------------------


def _unit(channels: int) -> np.ndarray:
    """Weights of a 1x1 convolution that changes nothing."""
    return np.eye(channels)[None, None]


@pytest.mark.parametrize("method", ["product", "rows", "direct", "numpy", "grouped"])
def test_index_of_ties_and_of_what_the_relu_cut_off(method: str) -> None:
    windows = [[3, 1, 2, 0], [1, 3, 3, 3], [0, 1, 2, 2], [0, 1, 2, 3], [-1, -2, -1, -3], [0, 0, 0, 0], [-1, 0, 0, -1]]
    x = np.array(windows, float).T.reshape(1, 2, 2, 7)
    y, cache = C.conv2d_forward(x, _unit(7), relu=True, pool=True, method=method)
    np.testing.assert_array_equal(y[0, 0, 0], [3, 3, 2, 3, 0, 0, 0])
    np.testing.assert_array_equal(cache.winners[0, 0, 0], [0, 1, 2, 3, 4, 4, 4])
    dx, _, _ = C.conv2d_backward(np.ones_like(y), cache)
    assert dx is not None
    np.testing.assert_array_equal(dx.reshape(4, 7).argmax(axis=0)[:4], [0, 1, 2, 3])
    np.testing.assert_array_equal(dx.sum(axis=(0, 1, 2)), [1, 1, 1, 1, 0, 0, 0])
    _, cache = C.conv2d_forward(x, _unit(7), pool=True, method=method)
    np.testing.assert_array_equal(cache.winners[0, 0, 0], [0, 1, 2, 3, 0, 0, 1])


@pytest.mark.parametrize("method", ["product", "rows", "direct", "numpy", "grouped"])
def test_relu_lets_no_gradient_through_at_zero(method: str) -> None:
    x = np.array([-1.0, 0.0, 1e-300, 2.0]).reshape(1, 1, 4, 1)
    y, cache = C.conv2d_forward(x, _unit(1), relu=True, method=method)
    np.testing.assert_array_equal(y.ravel(), [0, 0, 1e-300, 2])
    dx, _, _ = C.conv2d_backward(np.ones_like(y), cache)
    assert dx is not None
    np.testing.assert_array_equal(dx.ravel(), [0, 0, 1, 1])


@pytest.mark.parametrize("place", range(4))
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("method", ["product", "rows", "direct", "numpy", "grouped"])
def test_nan_goes_through(method: str, dtype: type, place: int) -> None:
    x = np.arange(64, dtype=dtype).reshape(2, 4, 4, 2)
    x[1, place // 2, place % 2, 0] = np.nan
    w = _unit(2).astype(dtype)
    w[0, 0, 0, 1] = 1  # every output channel sees the NaN
    for relu, pool in itertools.product([False, True], repeat=2):
        y, cache = C.conv2d_forward(x, w, relu=relu, pool=pool, method=method)
        assert np.isnan(y[1]).sum() == 2 and np.isfinite(y[0]).all()
        dy = np.ones_like(y)
        dy[0, 0, 0, 0] = np.nan
        assert np.isnan(C.conv2d_backward(dy, cache)[1]).any()


# ---- arrays and memory ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("pool", [False, True])
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("number", [1, 2])
def test_out_arrays_are_written_and_scratch_is_used_again(number: int, method: str, pool: bool) -> None:
    side = 1 if method == "product" else 3
    groups = 4 if method == "depthwise" else 1
    case = Case((2, 8, 8, 4), (side, side, 0, 8), (1, 1), (0, 0, 0, 0), groups)
    arrays = _arrays(case, 1)
    arena = Arena()
    with threads.use(number):
        plain, cache = C.conv2d_forward(*arrays, groups=groups, relu=True, pool=pool, method=method)
        expected = C.conv2d_backward(plain, cache)
        out = (np.full_like(plain, np.nan), np.full(plain.shape, 9, np.uint8) if pool else None)
        gradients = tuple(np.full_like(a, np.nan) for a in arrays)
        held: list[int] = []
        for _ in range(3):
            y, cache = C.conv2d_forward(
                *arrays, groups=groups, relu=True, pool=pool, method=method, out=out, arena=arena
            )
            assert y is out[0]
            assert not pool or cache.winners is out[1]
            found = C.conv2d_backward(y, cache, out=gradients, arena=arena)
            assert all(a is b for a, b in zip(found, gradients, strict=True))
            held.append(arena.nbytes)
        assert held[1] == held[2]
    np.testing.assert_array_equal(y, plain)
    for a, b in zip(gradients, expected, strict=True):
        assert_close(a, b, 1e-13)


@pytest.mark.parametrize("method", METHODS)
def test_no_input_gradient_and_no_bias(method: str) -> None:
    side = 1 if method == "product" else 2
    groups = 3 if method == "depthwise" else 1
    x, w, b = _arrays(Case((2, 5, 4, 3), (side, side, 0, 6), (1, 1), (0, 0, 0, 0), groups), 2)
    y, cache = C.conv2d_forward(x, w, groups=groups, method=method)
    with_zeros, other = C.conv2d_forward(x, w, 0 * b, groups=groups, method=method)
    np.testing.assert_array_equal(y, with_zeros)
    dx, dw, db = C.conv2d_backward(y, cache, input_gradient=False)
    assert dx is None and db is None
    assert_close(dw, C.conv2d_backward(y, other)[1], 1e-14)


@pytest.mark.parametrize("method", METHODS)
def test_no_examples(method: str) -> None:
    side = 1 if method == "product" else 2
    groups = 3 if method == "depthwise" else 1
    x, w, b = _arrays(Case((0, 5, 4, 3), (side, side, 0, 6), (1, 1), (0, 0, 0, 0), groups), 2)
    for pool in (False, True):
        y, cache = C.conv2d_forward(x, w, b, groups=groups, pool=pool, method=method)
        assert len(y) == 0
        dx, dw, db = C.conv2d_backward(y, cache)
        assert dx is not None and db is not None
        assert dx.shape == x.shape and not dw.any() and not db.any()


@pytest.mark.parametrize("method", METHODS)
def test_pool_of_a_single_row_is_empty(method: str) -> None:
    groups = 3 if method == "depthwise" else 1
    x, w, b = _arrays(Case((2, 1, 4, 3), (1, 1, 0, 3), (1, 1), (0, 0, 0, 0), groups), 2)
    y, cache = C.conv2d_forward(x, w, b, groups=groups, pool=True, method=method)
    assert y.shape == (2, 0, 2, 3)
    assert not any(g.any() for g in C.conv2d_backward(y, cache) if g is not None)


@pytest.mark.parametrize("other", [np.float32, np.int64, np.uint8])
def test_input_of_another_dtype_is_converted(other: type) -> None:
    rng = np.random.default_rng(7)
    x = rng.integers(0, 9, (2, 5, 4, 3))
    for dtype in (np.float32, np.float64):
        w = rng.standard_normal((3, 3, 3, 2)).astype(dtype)
        y, cache = C.conv2d_forward(x.astype(other), w)
        assert y.dtype == dtype
        assert_close(y, C.conv2d_forward_naive(x, w), 1e-5)
        dy = rng.integers(0, 9, y.shape)
        assert_close(C.conv2d_backward(dy.astype(other), cache)[1], C.conv2d_backward_naive(dy, x, w)[1], 1e-5)


# ---- the choice of a method, and wrong input ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("channels", "kernel", "settings", "name"),
    [
        ((64, 16), 1, {}, "product"),
        ((16, 16), 1, {"stride": 2}, "direct"),
        ((64, 128), 1, {"stride": 2}, "rows"),
        ((1, 32), 5, {}, "direct"),
        ((128, 64), 5, {}, "rows"),
        ((64, 128), 3, {"pad": 1}, "winograd"),
        ((64, 128), 3, {"pad": 1, "winograd": False}, "direct"),
        ((64, 128), 3, {"pad": 1, "dtype": np.float64}, "rows"),
        ((64, 128), 3, {"pad": 1, "stride": 2}, "direct"),
        ((128, 128), 3, {"pad": 1, "stride": 2}, "rows"),
        ((64, 64), 3, {"groups": 64}, "depthwise"),
        ((64, 64), 3, {"groups": 2}, "grouped"),
    ],
)
def test_choice(channels: tuple[int, int], kernel: int, settings: dict[str, Any], name: str) -> None:
    if not blas.AVAILABLE:
        pytest.skip("NumPy's BLAS was not found")
    shape = (kernel, kernel, channels[0] // settings.get("groups", 1), channels[1])
    chosen, why = C.choose_method((8, 14, 14, channels[0]), shape, **settings)
    assert chosen == name
    assert len(why) > 20


def test_without_blas() -> None:
    program = (
        "import numpy as np; from glassnet.nn.functional import convolution as C\n"
        "rng = np.random.default_rng(1)\n"
        "for c, g in [(200, 1), (4, 2), (3, 3), (1, 1)]:\n"
        "    x, w, b = rng.standard_normal((2, 5, 6, c)), rng.standard_normal((3, 2, c // g, 6)), np.ones(6)\n"
        "    y, cache = C.conv2d_forward(x, w, b, groups=g)\n"
        "    assert abs(y - C.conv2d_forward_naive(x, w, b, groups=g)).max() < 1e-12\n"
        "    pairs = zip(C.conv2d_backward(y, cache), C.conv2d_backward_naive(y, x, w, groups=g))\n"
        "    assert all(abs(a - b).max() < 1e-11 for a, b in pairs)\n"
        "    print(cache.method)\n"
    )
    environment = {**os.environ, "GLASSNET_BLAS": "numpy", "GLASSNET_THREADS": "1"}
    done = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["numpy", "numpy", "depthwise", "direct"]


def test_output_shape() -> None:
    assert C.conv2d_output_shape((2, 31, 31, 3), (3, 3, 3, 25), 2, 1) == (2, 16, 16, 25)
    assert C.conv2d_output_shape((2, 7, 9, 4), (2, 3, 2, 6), (3, 2), (1, 0, 2, 1), 2) == (2, 3, 5, 6)


def test_wrong_sizes() -> None:
    x, w, b = np.zeros((2, 5, 4, 6)), np.zeros((3, 3, 6, 4)), np.zeros(4)
    bad_arrays: list[tuple[Any, ...]] = [
        (x[0], w, b),
        (x[..., :5], w, b),
        (x[:, :2], w, b),
        (x[:, :, :2], w, b),
        (x, w[0], b),
        (x, w[..., :0], b[:0]),
        (x, w, b[:3]),
        (x, w, b[None]),
    ]
    for arrays in bad_arrays:
        with pytest.raises(GlassnetError):
            C.conv2d_forward(*arrays)
    for settings in (
        {"groups": 5},
        {"groups": 3},
        {"groups": 0},
        {"groups": 1.0},
        {"stride": 0},
        {"stride": (1, 2, 3)},
        {"pad": -1},
        {"pad": (1, 2, 3)},
    ):
        with pytest.raises(GlassnetError):
            C.conv2d_forward(x, w, b, **settings)
    with pytest.raises(GlassnetError, match="does not fit"):
        C.conv2d_forward(x, np.zeros((8, 3, 6, 4)), b, pad=1)


def test_wrong_dtypes() -> None:
    x, w = np.zeros((2, 5, 4, 6)), np.zeros((3, 3, 6, 4))
    for bad in (w.astype(int), w.astype(np.float16), w.astype(complex), w.transpose(1, 0, 2, 3)):
        with pytest.raises(GlassnetError, match="weights"):
            C.conv2d_forward(x, bad)
    with pytest.raises(GlassnetError, match="real numbers"):
        C.conv2d_forward(x.astype(complex), w)


def test_wrong_method() -> None:
    x, w = np.zeros((2, 5, 4, 6)), np.zeros((3, 3, 6, 6))
    with pytest.raises(GlassnetError, match="one of"):
        C.conv2d_forward(x, w, method="fft")
    for method in ("product", "depthwise", "winograd"):
        with pytest.raises(GlassnetError, match=method):
            C.conv2d_forward(x, w, stride=2, method=method)
    for method in ("rows", "direct"):
        with pytest.raises(GlassnetError, match=method):
            C.conv2d_forward(x, np.zeros((3, 3, 3, 6)), groups=2, method=method)


def test_wrong_gradient_and_out() -> None:
    x, w, b = _arrays(Case((2, 6, 6, 3), (3, 3, 0, 4), (1, 1), (0, 0, 0, 0), 1), 2)
    y, cache = C.conv2d_forward(x, w, b, pool=True)
    for bad in (y[:1], y[:, :1], y.astype(complex)):
        with pytest.raises(GlassnetError, match="dy"):
            C.conv2d_backward(bad, cache)
    for out in ((np.empty((2, 3, 2, 4)), None), (np.empty(y.shape, np.float32), None), (None, np.empty(y.shape))):
        with pytest.raises(GlassnetError, match="out"):
            C.conv2d_forward(x, w, b, pool=True, out=out)
    for out in ((np.empty((2, 6, 6, 4)), None, None), (None, np.empty((3, 3, 3, 5)), None), (None, None, np.empty(5))):
        with pytest.raises(GlassnetError, match="out"):
            C.conv2d_backward(y, cache, out=out)
