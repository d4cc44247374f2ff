"""ReLU, ReLU6, sigmoid and tanh: gradients, PyTorch, naive references, golden values, stability, kinks."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from glassnet import threads
from glassnet.errors import GlassnetError
from glassnet.nn import functional as F
from glassnet.nn.kernels import elementwise
from glassnet.nn.kernels.options import WORTH_SHARING
from support.gradients import (
    TORCH_TOLERANCE,
    assert_close,
    assert_gradients,
    away_from_zero,
    drawn,
    seeds,
    torch_gradients,
)


class Activation(NamedTuple):
    name: str
    forward: Callable[..., Any]
    backward: Callable[..., Any]
    forward_naive: Callable[..., Any]
    backward_naive: Callable[..., Any]
    kernel: str
    settings: tuple[float, ...] = ()


ALL = [
    Activation(
        "relu", F.relu_forward, F.relu_backward, F.relu_forward_naive, F.relu_backward_naive, "relu", (math.inf,)
    ),
    Activation(
        "relu6",
        partial(F.relu_forward, ceiling=6.0),
        partial(F.relu_backward, ceiling=6.0),
        partial(F.relu_forward_naive, ceiling=6.0),
        partial(F.relu_backward_naive, ceiling=6.0),
        "relu",
        (6.0,),
    ),
    Activation(
        "sigmoid",
        F.sigmoid_forward,
        F.sigmoid_backward,
        F.sigmoid_forward_naive,
        F.sigmoid_backward_naive,
        "sigmoid",
    ),
    Activation("tanh", F.tanh_forward, F.tanh_backward, F.tanh_forward_naive, F.tanh_backward_naive, "tanh"),
]
each = pytest.mark.parametrize("op", ALL, ids=[op.name for op in ALL])
shapes = st.lists(st.integers(1, 5), min_size=0, max_size=4).map(tuple)


def _pair(seed: int, shape: tuple[int, ...], dtype: type = np.float64) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    x = away_from_zero(np.asarray(4 * rng.standard_normal(shape)))  # beyond 6 as well
    return x.astype(dtype), np.asarray(rng.standard_normal(shape)).astype(dtype)


@each
@drawn
@given(seed=seeds, shape=shapes)
def test_gradient(op: Activation, seed: int, shape: tuple[int, ...]) -> None:
    x, dy = _pair(seed, shape)
    y, cache = op.forward(x)
    assert y.shape == shape
    assert_gradients(lambda x: op.forward(x)[0], [x], dy, [op.backward(dy, cache)])


@each
@drawn
@given(seed=seeds, shape=shapes)
def test_torch(op: Activation, seed: int, shape: tuple[int, ...]) -> None:
    x, dy = _pair(seed, shape)
    functional = pytest.importorskip("torch").nn.functional
    y, (dx,) = torch_gradients(getattr(functional, op.name), [x], dy)
    ours, cache = op.forward(x)
    assert_close(ours, y, TORCH_TOLERANCE)
    assert_close(op.backward(dy, cache), dx, TORCH_TOLERANCE)


@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float64, 1e-14), (np.float32, 1e-6)])
@each
@drawn
@given(seed=seeds, shape=shapes)
def test_naive(op: Activation, dtype: type, tolerance: float, seed: int, shape: tuple[int, ...]) -> None:
    x, dy = _pair(seed, shape, dtype)
    y, cache = op.forward(x)
    dx = op.backward(dy, cache)
    assert y.dtype == dx.dtype == dtype
    assert_close(y, op.forward_naive(x), tolerance)
    assert_close(dx, op.backward_naive(dy, x), tolerance)


@each
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("size", [WORTH_SHARING, WORTH_SHARING + 1, 3 * WORTH_SHARING + 7])
def test_shared_gradient_equals_serial(op: Activation, dtype: type, size: int) -> None:
    x, dy = _pair(size, (size,), dtype)
    with threads.use(1):
        y, cache = op.forward(x)
        dx = op.backward(dy, cache)
    with threads.use(2):
        shared, shared_cache = op.forward(x)
        np.testing.assert_array_equal(shared, y)
        np.testing.assert_array_equal(op.backward(dy, shared_cache), dx)
    assert_close(dx, op.backward_naive(dy, x), 1e-6)


@each
@pytest.mark.parametrize("parts", [1, 2, 5])
def test_shared_kernels_touch_every_element_once(op: Activation, parts: int) -> None:
    """In place, an element that two threads computed would come out wrong, as would one that none did."""
    x, dy = _pair(parts, (1003,))
    y, cache = op.forward(x)
    dx = op.backward(dy, cache)
    getattr(elementwise, f"{op.kernel}_shared")(x, x, *op.settings, parts)
    np.testing.assert_array_equal(x, y)
    getattr(elementwise, f"{op.kernel}_backward_shared")(dy, y, dy, *op.settings, parts)
    np.testing.assert_array_equal(dy, dx)


def test_relu_gradient_at_the_kink() -> None:
    """At x = 0 the derivative is taken to be 0, on both signs of zero."""
    x = np.array([-0.0, 0.0, 5e-324, -5e-324])
    y, cache = F.relu_forward(x)
    np.testing.assert_array_equal(y, [0, 0, 5e-324, 0])
    np.testing.assert_array_equal(F.relu_backward(np.full(4, 3.0), cache), [0, 0, 3, 0])


def test_relu_has_no_upper_bound() -> None:
    y, cache = F.relu_forward(np.array([1e3, 1e30, np.inf]))
    np.testing.assert_array_equal(y, [1e3, 1e30, np.inf])
    np.testing.assert_array_equal(F.relu_backward(np.ones(3), cache), np.ones(3))


def test_relu6_stops_at_six() -> None:
    """At x = 6 the derivative is taken to be 0, as PyTorch does."""
    below = np.nextafter(6.0, 0)
    y, cache = F.relu_forward(np.array([-1.0, 0.0, below, 6.0, 7.0, np.inf, np.nan]), ceiling=6.0)
    np.testing.assert_array_equal(y, [0, 0, below, 6, 6, 6, np.nan])
    np.testing.assert_array_equal(F.relu_backward(np.full(7, 3.0), cache, ceiling=6.0), [0, 0, 3, 0, 0, 0, 0])
    assert [list(piece) for piece in F.relu_pieces(y[:5], 6.0)] == [
        [False, False, True, True, True],
        [True] * 3 + [False] * 2,
    ]


@pytest.mark.parametrize(("relu", "ceiling"), [(False, 0.0), (True, np.inf), (6, 6.0), (0.5, 0.5), (np.True_, np.inf)])
def test_a_relu_in_the_same_pass_is_a_ceiling(relu: float, ceiling: float) -> None:
    assert F.relu_ceiling(relu) == ceiling and type(F.relu_ceiling(relu)) is float


@pytest.mark.parametrize("relu", [-1.0, np.nan])
def test_a_ceiling_below_zero_is_refused(relu: float) -> None:
    with pytest.raises(GlassnetError, match="a ceiling above 0"):
        F.relu_ceiling(relu)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("size", [1e3, 1e4, 1e30, np.inf])
def test_stable_for_large_input(dtype: type, size: float) -> None:
    """Warnings are errors here: an overflow would show."""
    x = np.array([-size, size, 0], dtype)
    sigmoid, cache = F.sigmoid_forward(x)
    np.testing.assert_allclose(sigmoid, [0, 1, 0.5], atol=1e-37)
    np.testing.assert_allclose(F.sigmoid_backward(np.ones(3, dtype), cache), [0, 0, 0.25], atol=1e-37)
    tanh, cache = F.tanh_forward(x)
    np.testing.assert_array_equal(tanh, np.array([-1, 1, 0], dtype))
    np.testing.assert_array_equal(F.tanh_backward(np.ones(3, dtype), cache), np.array([0, 0, 1], dtype))


@each
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_nan_goes_through(op: Activation, dtype: type) -> None:
    for position in range(9):  # the vectorised part and the rest of a loop
        x, dy = _pair(position, (9,), dtype)
        x[position] = np.nan
        y, _ = op.forward(x)
        assert np.isnan(y[position]) and np.isfinite(np.delete(y, position)).all()
        _, cache = op.forward(np.nan_to_num(x, nan=1.0))
        dy[position] = np.nan
        dx = op.backward(dy, cache)
        assert np.isnan(dx[position]) and np.isfinite(np.delete(dx, position)).all()


@each
def test_in_place(op: Activation) -> None:
    x, dy = _pair(4, (3, 5))
    y, cache = op.forward(x)
    dx = op.backward(dy, cache)
    there = x.copy()
    assert op.forward(there, out=there)[0] is there
    np.testing.assert_array_equal(there, y)
    np.testing.assert_array_equal(op.backward(dy, there, out=dy), dx)


@each
def test_wrong_arrays(op: Activation) -> None:
    x, dy = _pair(5, (3, 4))
    _, cache = op.forward(x)
    for bad in (dy[:2], dy.T, dy.ravel(), np.zeros((3, 4), "<U3")):
        with pytest.raises(GlassnetError, match="dy"):
            op.backward(bad, cache)
    with pytest.raises(GlassnetError, match="real numbers"):
        op.forward(np.zeros(3, complex))
    for out in (np.empty(3), np.empty((3, 4), np.float32), np.empty((4, 3)).T):
        with pytest.raises(GlassnetError, match="out"):
            op.forward(x, out=out)


@each
def test_strided_input(op: Activation) -> None:
    x, dy = _pair(6, (6, 8))
    y, cache = op.forward(x[::2, ::-2])
    np.testing.assert_array_equal(y, op.forward(np.ascontiguousarray(x[::2, ::-2]))[0])
    np.testing.assert_array_equal(op.backward(dy[::2, ::2], cache), op.backward(dy[::2, ::2].copy(), cache))


# ---- golden values -------------------------------------------------------------------------------------------------

SMALL = np.array([[3, -10, 0.7]])
LARGE = np.array([[3, -10, 0.7], [9, 15, -1], [-5, 1, -1]])


def test_golden_relu() -> None:
    y, _ = F.relu_forward(np.linspace(-0.5, 0.5, 12).reshape(3, 4))
    golden = [[0, 0, 0, 0], [0, 0, 0.04545455, 0.13636364], [0.22727273, 0.31818182, 0.40909091, 0.5]]
    np.testing.assert_allclose(y, golden, atol=5e-9)
    y, cache = F.relu_forward(SMALL)
    np.testing.assert_array_equal(y, [[3, 0, 0.7]])
    np.testing.assert_array_equal(F.relu_backward(np.array([[-10, 1, 0]]), cache), [[-10, 0, 0]])
    y, cache = F.relu_forward(LARGE)
    np.testing.assert_array_equal(y, [[3, 0, 0.7], [9, 15, 0], [0, 1, 0]])
    dy = np.array([[3, 5, -10], [5, -4, 2], [-3, -5, 3]])
    np.testing.assert_array_equal(F.relu_backward(dy, cache), [[3, 0, -10], [5, -4, 0], [0, -5, 0]])


def test_golden_sigmoid() -> None:
    y, cache = F.sigmoid_forward(SMALL)
    np.testing.assert_allclose(y, [[9.52574127e-01, 4.53978687e-05, 6.68187772e-01]], rtol=2e-9)
    np.testing.assert_allclose(F.sigmoid_backward(SMALL, cache), [[0.13552998, -0.00045396, 0.15519901]], atol=5e-9)
    y, cache = F.sigmoid_forward(LARGE)
    golden = [
        [9.52574127e-01, 4.53978687e-05, 6.68187772e-01],
        [9.99876605e-01, 9.99999694e-01, 2.68941421e-01],
        [6.69285092e-03, 7.31058579e-01, 2.68941421e-01],
    ]
    np.testing.assert_allclose(y, golden, rtol=2e-9)
    golden = [
        [1.35529979e-01, -4.53958077e-04, 1.55199011e-01],
        [1.11041415e-03, 4.58853200e-06, -1.96611933e-01],
        [-3.32402834e-02, 1.96611933e-01, -1.96611933e-01],
    ]
    np.testing.assert_allclose(F.sigmoid_backward(LARGE, cache), golden, rtol=4e-9)
