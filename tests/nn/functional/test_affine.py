"""The affine operation: gradients, PyTorch, naive reference, golden values, bad input."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from glassnet import threads
from glassnet.errors import GlassnetError
from glassnet.nn import functional as F
from support.gradients import TORCH_TOLERANCE, assert_close, assert_gradients, drawn, seeds, torch_gradients

sizes = st.integers(1, 7)
inner_shapes = st.lists(st.integers(1, 4), min_size=0, max_size=3).map(tuple)


def _arrays(seed: int, n: int, inner: tuple[int, ...], m: int, dtype: type = np.float64) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    d = int(np.prod(inner))
    shapes = [(n, *inner), (d, m), (m,), (n, m)]
    return [rng.standard_normal(shape).astype(dtype) for shape in shapes]


@drawn
@given(seeds, sizes, inner_shapes, sizes)
def test_gradient(seed: int, n: int, inner: tuple[int, ...], m: int) -> None:
    x, w, b, dy = _arrays(seed, n, inner, m)
    y, cache = F.affine_forward(x, w, b)
    assert y.shape == (n, m)
    assert_gradients(lambda x, w, b: F.affine_forward(x, w, b)[0], [x, w, b], dy, F.affine_backward(dy, cache))


def test_gradient_shared() -> None:
    """Large enough that the products are shared among threads; a random direction instead of every element."""
    rng = np.random.default_rng(3)
    x, w, b, dy = (rng.standard_normal(s) for s in [(130, 90), (90, 101), (101,), (130, 101)])
    with threads.use(2):
        _, cache = F.affine_forward(x, w, b)
        dx, dw, db = F.affine_backward(dy, cache)
    assert_close(dx, dy @ w.T, 1e-13)
    assert_close(dw, x.T @ dy, 1e-13)
    assert_close(db, dy.sum(axis=0), 1e-13)


@drawn
@given(seeds, sizes, inner_shapes, sizes)
def test_torch(seed: int, n: int, inner: tuple[int, ...], m: int) -> None:
    x, w, b, dy = _arrays(seed, n, inner, m)
    y, gradients = torch_gradients(lambda x, w, b: x.reshape(n, -1) @ w + b, [x, w, b], dy)
    ours, cache = F.affine_forward(x, w, b)
    assert_close(ours, y, TORCH_TOLERANCE)
    for a, t in zip(F.affine_backward(dy, cache), gradients, strict=True):
        assert_close(a, t, TORCH_TOLERANCE)


@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float64, 1e-14), (np.float32, 3e-6)])
@drawn
@given(seed=seeds, n=sizes, inner=inner_shapes, m=sizes)
def test_naive(dtype: type, tolerance: float, seed: int, n: int, inner: tuple[int, ...], m: int) -> None:
    x, w, b, dy = _arrays(seed, n, inner, m, dtype)
    y, cache = F.affine_forward(x, w, b)
    assert y.dtype == dtype
    assert_close(y, F.affine_forward_naive(x, w, b), tolerance)
    for fast, naive in zip(F.affine_backward(dy, cache), F.affine_backward_naive(dy, x, w), strict=True):
        assert fast.dtype == dtype
        assert_close(fast, naive, tolerance)


@pytest.mark.parametrize("l2", [0.0, 0.3])
@pytest.mark.parametrize("number", [1, 2])
def test_gradient_descend_equals_backward_then_step(l2: float, number: int) -> None:
    rng = np.random.default_rng(5)
    x, w, b, dy = (rng.standard_normal(s) for s in [(130, 90), (90, 101), (101,), (130, 101)])
    rate = 0.2
    with threads.use(number):
        _, cache = F.affine_forward(x, w, b)
        dx, dw, db = F.affine_backward(dy, cache)
        expected_w, expected_b = w - rate * (dw + l2 * w), b - rate * db
        assert_close(F.affine_descend(dy, cache, b, rate, l2), dx, 1e-14)
    assert_close(w, expected_w, 1e-13)
    assert_close(b, expected_b, 1e-13)
    assert F.affine_descend(dy, cache, b, rate, l2, input_gradient=False) is None


def test_no_input_gradient_unless_asked() -> None:
    x, w, b, dy = _arrays(0, 3, (4,), 2)
    _, cache = F.affine_forward(x, w, b)
    dx, dw, db = F.affine_backward(dy, cache, input_gradient=False)
    assert dx is None
    assert_close(dw, x.T @ dy, 1e-14)
    assert_close(db, dy.sum(axis=0), 1e-14)


def test_the_input_gradient_alone_has_the_same_bits() -> None:
    for n, inner, m in ((5, (3, 2), 4), (130, (90,), 101), (0, (3,), 2)):
        x, w, b, dy = _arrays(1, n, inner, m)
        _, cache = F.affine_forward(x, w, b)
        np.testing.assert_array_equal(F.affine_input_gradient(dy, cache), F.affine_backward(dy, cache)[0])
    with pytest.raises(GlassnetError, match="dy"):
        F.affine_input_gradient(dy[:, :1], cache)


def test_out_arrays_are_written() -> None:
    x, w, b, dy = _arrays(1, 3, (2, 2), 5)
    y = np.empty((3, 5))
    assert F.affine_forward(x, w, b, out=y)[0] is y
    _, cache = F.affine_forward(x, w, b)
    out = (np.empty((3, 4)), np.empty((4, 5)), np.empty(5))
    dx, dw, db = F.affine_backward(dy, cache, out=out)
    assert dx.base is out[0] and dx.shape == x.shape
    assert dw is out[1] and db is out[2]
    places = (np.empty((3, 4)), np.empty(5))
    dx = F.affine_descend(dy, cache, b, 0.1, out=places)
    assert dx is not None and dx.base is places[0]
    assert_close(places[1], 0.1 * dy.sum(axis=0), 1e-14)


def test_golden_forward() -> None:
    """CS231n's affine_forward array."""
    x = np.linspace(-0.1, 0.5, 240).reshape(2, 4, 5, 6)
    w = np.linspace(-0.2, 0.3, 360).reshape(120, 3)
    y, _ = F.affine_forward(x, w, np.linspace(-0.3, 0.1, 3))
    golden = [[1.49834967, 1.70660132, 1.91485297], [3.25553199, 3.5141327, 3.77273342]]
    np.testing.assert_allclose(y, golden, rtol=0, atol=5e-9)


def test_golden_backward() -> None:
    w = np.array([[0.2, -0.3, 0.6], [-0.9, 0.1, -0.4]])
    b = np.array([0.2, -0.3, 0.6])
    x = np.array([[0.2, -0.3], [-0.9, 0.1]])
    dy = np.array([[0.1, 0.5, -0.8], [0.4, 0.7, -0.2]])
    y, cache = F.affine_forward(x, w, b)
    dx, dw, db = F.affine_backward(dy, cache)
    np.testing.assert_allclose(y, [[0.51, -0.39, 0.84], [-0.07, -0.02, 0.02]], atol=1e-15)
    np.testing.assert_allclose(dx, [[-0.61, 0.28], [-0.25, -0.21]], atol=1e-15)
    np.testing.assert_allclose(dw, [[-0.34, -0.53, 0.02], [0.01, -0.08, 0.22]], atol=1e-15)
    np.testing.assert_allclose(db, [0.5, 1.2, -1.0], atol=1e-15)


def test_nan_goes_through() -> None:
    x, w, b, dy = _arrays(2, 3, (4,), 2)
    x[1, 2] = np.nan
    y, cache = F.affine_forward(x, w, b)
    assert np.isnan(y[1]).all() and np.isfinite(y[[0, 2]]).all()
    dy[0, 0] = np.nan
    dx, _, db = F.affine_backward(dy, cache)
    assert np.isnan(dx[0]).all() and np.isnan(db[0]) and np.isfinite(db[1])


def test_no_examples() -> None:
    _, w, b, _ = _arrays(2, 1, (4,), 2)
    y, cache = F.affine_forward(np.empty((0, 2, 2)), w, b)
    assert y.shape == (0, 2)
    dx, dw, db = F.affine_backward(np.empty((0, 2)), cache)
    assert dx.shape == (0, 2, 2) and not dw.any() and not db.any()


@pytest.mark.parametrize("other", [np.float32, np.int64, np.uint8])
def test_input_of_another_dtype_is_converted(other: type) -> None:
    """A product reads memory as the weights' dtype: nothing may reach it in another one."""
    rng = np.random.default_rng(7)
    x = rng.integers(0, 9, (5, 4))
    for dtype in (np.float32, np.float64):
        w, b = rng.standard_normal((4, 3)).astype(dtype), np.zeros(3, dtype)
        y, cache = F.affine_forward(x.astype(other), w, b)
        assert y.dtype == dtype
        assert_close(y, x @ w.astype(np.float64), 1e-5)
        dy = rng.integers(0, 9, (5, 3))
        dx, dw, _ = F.affine_backward(dy.astype(other), cache)
        assert_close(dx, dy @ w.astype(np.float64).T, 1e-5)
        assert_close(dw, x.T @ dy, 1e-5)


@pytest.mark.parametrize("shape", [(3, 5), (5, 3), (3,), (), (0,), (3, 4, 2)])
def test_wrong_input_shape(shape: tuple[int, ...]) -> None:
    with pytest.raises(GlassnetError, match="affine"):
        F.affine_forward(np.zeros(shape), np.zeros((4, 2)), np.zeros(2))


def test_wrong_arrays() -> None:
    x, w, b, dy = _arrays(3, 3, (4,), 2)
    for bad_w, bad_b in [(w, b[:1]), (w[:, :1], b), (w[0], b), (w.reshape(2, 4).T, b), (w.astype(int), b)]:
        with pytest.raises(GlassnetError):
            F.affine_forward(x, bad_w, bad_b)
    _, cache = F.affine_forward(x, w, b)
    for bad in (dy[:2], dy[:, :1], dy.T, dy.astype(complex)):
        with pytest.raises(GlassnetError, match="dy"):
            F.affine_backward(bad, cache)
        with pytest.raises(GlassnetError, match="dy"):
            F.affine_descend(bad, cache, b, 0.1)
    for out in (np.empty((3, 3)), np.empty((3, 2), np.float32), np.empty((2, 3)).T):
        with pytest.raises(GlassnetError, match="out"):
            F.affine_forward(x, w, b, out=out)
    with pytest.raises(GlassnetError, match="bias"):
        F.affine_descend(dy, cache, np.zeros(5), 0.1)
