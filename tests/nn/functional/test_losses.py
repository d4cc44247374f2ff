"""Losses: softmax, cross-entropy, the two as one, multi-class hinge, squared error."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from glassnet.errors import GlassnetError
from glassnet.nn import functional as F
from support.gradients import (
    TORCH_TOLERANCE,
    assert_close,
    assert_gradients,
    drawn,
    seeds,
    torch_gradients,
    torch_or_skip,
)

counts, classes = st.integers(1, 7), st.integers(1, 6)
smoothings = st.sampled_from([0.0, 0.1, 0.5])
conventions = st.sampled_from(["mean", "half", "sum"])
dtypes = pytest.mark.parametrize(("dtype", "tolerance"), [(np.float64, 1e-13), (np.float32, 2e-6)])


def _scores(seed: int, n: int, k: int, dtype: type = np.float64) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(scores, labels, upstream gradient)"""
    rng = np.random.default_rng(seed)
    return (2 * rng.standard_normal((n, k))).astype(dtype), rng.integers(k, size=n), rng.standard_normal((n, k))


def _hinge_scores(seed: int, n: int, k: int, margin: float) -> tuple[np.ndarray, np.ndarray]:
    """Scores none of whose margins is within 1e-3 of the kink."""
    z, labels, _ = _scores(seed, n, k)
    own = z[np.arange(n), labels][:, None]
    close = np.abs(z - own + margin) < 1e-3
    close[np.arange(n), labels] = False
    return np.where(close, z + 1e-2, z), labels


# ---- softmax -------------------------------------------------------------------------------------------------------


@drawn
@given(seeds, counts, classes)
def test_softmax_gradient(seed: int, n: int, k: int) -> None:
    z, _, dp = _scores(seed, n, k)
    _, cache = F.softmax_forward(z)
    assert_gradients(lambda z: F.softmax_forward(z)[0], [z], dp, [F.softmax_backward(dp, cache)])


@drawn
@given(seeds, counts, classes)
def test_softmax_torch(seed: int, n: int, k: int) -> None:
    z, _, dp = _scores(seed, n, k)
    p, (dz,) = torch_gradients(lambda z: z.softmax(1), [z], dp)
    ours, cache = F.softmax_forward(z)
    assert_close(ours, p, TORCH_TOLERANCE)
    assert_close(F.softmax_backward(dp, cache), dz, TORCH_TOLERANCE)


@dtypes
@drawn
@given(seed=seeds, n=counts, k=classes)
def test_softmax_naive(dtype: type, tolerance: float, seed: int, n: int, k: int) -> None:
    z, _, dp = _scores(seed, n, k, dtype)
    p, cache = F.softmax_forward(z)
    assert p.dtype == dtype
    assert_close(p, F.softmax_forward_naive(z), tolerance)
    assert_close(F.softmax_backward(dp.astype(dtype), cache), F.softmax_backward_naive(dp, z), tolerance)


def test_softmax_golden() -> None:
    p, _ = F.softmax_forward(np.array([[2060, 2000, 2080], [1010, 1020, 1030]]))
    golden = [[2.06115362e-09, 1.80485138e-35, 9.99999998e-01], [2.06106005e-09, 4.53978686e-05, 9.99954600e-01]]
    np.testing.assert_allclose(p, golden, rtol=3e-9)
    np.testing.assert_allclose(p.sum(axis=1), 1, rtol=1e-15)


# ---- cross-entropy of probabilities --------------------------------------------------------------------------------


@drawn
@given(seeds, counts, classes)
def test_cross_entropy_gradient(seed: int, n: int, k: int) -> None:
    rng = np.random.default_rng(seed)
    p, labels = rng.uniform(0.1, 1, (n, k)), rng.integers(k, size=n)
    upstream = rng.standard_normal()
    _, cache = F.cross_entropy(p, labels)
    gradient = upstream * F.cross_entropy_backward(cache)
    assert_gradients(lambda p: F.cross_entropy(p, labels)[0], [p], upstream, [gradient])
    _, cache = F.cross_entropy(p, labels, eps=0.05)
    gradient = upstream * F.cross_entropy_backward(cache)
    assert_gradients(lambda p: F.cross_entropy(p, labels, eps=0.05)[0], [p], upstream, [gradient])


@drawn
@given(seeds, counts, classes)
def test_cross_entropy_torch_and_naive(seed: int, n: int, k: int) -> None:
    rng = np.random.default_rng(seed)
    p, labels = rng.uniform(0.1, 1, (n, k)), rng.integers(k, size=n)
    loss, cache = F.cross_entropy(p, labels)
    dp = F.cross_entropy_backward(cache)
    value, (gradient,) = torch_gradients(lambda p: -(p[range(n), labels] + 1e-9).log().mean(), [p])
    assert_close(loss, value, TORCH_TOLERANCE)
    assert_close(dp, gradient, TORCH_TOLERANCE)
    assert_close(loss, F.cross_entropy_naive(p, labels), 1e-13)
    assert_close(dp, F.cross_entropy_backward_naive(p, labels), 1e-13)
    single, cache = F.cross_entropy(p.astype(np.float32), labels)
    assert_close(single, loss, 1e-6)
    assert_close(F.cross_entropy_backward(cache), dp, 1e-6)


def test_softmax_then_cross_entropy_is_the_one_operation() -> None:
    z, labels, _ = _scores(3, 5, 4)
    p, cache = F.softmax_forward(z)
    loss, loss_cache = F.cross_entropy(p, labels, eps=0.0)
    dz = F.softmax_backward(F.cross_entropy_backward(loss_cache), cache)
    together, gradient = F.softmax_cross_entropy(z, labels)
    assert_close(loss, together, 1e-14)
    assert_close(dz, gradient, 1e-14)


@pytest.mark.parametrize(
    ("p", "target", "golden"),
    [
        ([[0.0, 0.0, 0.0]], [[0, 1, 0]], 20.72326583694641),
        ([[0.1, 0.3, 0.6]], [[0, 1, 0]], 1.2039728009926025),
        ([[0.1, 0.3, 0.6], [0.2, 0.4, 0.4], [0.9, 0.05, 0.05]], [[0, 1, 0], [0, 0, 1], [1, 0, 0]], 0.7418746816378242),
    ],
)
def test_cross_entropy_golden(p: Any, target: Any, golden: float) -> None:
    loss, _ = F.cross_entropy(np.array(p), np.array(target))
    assert loss == pytest.approx(golden, rel=1e-15)


# ---- softmax cross-entropy -----------------------------------------------------------------------------------------


@drawn
@given(seeds, counts, classes, smoothings)
def test_softmax_cross_entropy_gradient(seed: int, n: int, k: int, smoothing: float) -> None:
    z, labels, _ = _scores(seed, n, k)
    _, dz = F.softmax_cross_entropy(z, labels, smoothing=smoothing)
    assert_gradients(lambda z: F.softmax_cross_entropy(z, labels, smoothing=smoothing)[0], [z], None, [dz])


@drawn
@given(seeds, counts, classes, smoothings)
def test_softmax_cross_entropy_torch(seed: int, n: int, k: int, smoothing: float) -> None:
    torch = torch_or_skip()
    z, labels, _ = _scores(seed, n, k)
    value, (gradient,) = torch_gradients(
        lambda z: torch.nn.functional.cross_entropy(z, torch.tensor(labels), label_smoothing=smoothing), [z]
    )
    loss, dz = F.softmax_cross_entropy(z, labels, smoothing=smoothing)
    assert_close(loss, value, TORCH_TOLERANCE)
    assert_close(dz, gradient, TORCH_TOLERANCE)


@dtypes
@drawn
@given(seed=seeds, n=counts, k=classes, smoothing=smoothings)
def test_softmax_cross_entropy_naive(
    dtype: type, tolerance: float, seed: int, n: int, k: int, smoothing: float
) -> None:
    z, labels, _ = _scores(seed, n, k, dtype)
    loss, dz = F.softmax_cross_entropy(z, labels, smoothing=smoothing)
    assert dz.dtype == dtype
    naive, gradient = F.softmax_cross_entropy_naive(z, labels, smoothing)
    assert_close(loss, naive, tolerance)
    assert_close(dz, gradient, tolerance)
    one_hot = np.eye(k, dtype=dtype)[labels]
    again, same = F.softmax_cross_entropy(z, one_hot, smoothing=smoothing)
    assert again == loss and np.array_equal(same, dz)


def test_softmax_cross_entropy_golden() -> None:
    z = np.array([[3, -10, 0.7]])
    loss, dz = F.softmax_cross_entropy(z, np.array([[0, 1, 0]]))
    # The write-up adds 1e-9 inside the logarithm of a probability near 2e-6, which shows in the fourth digit.
    p, _ = F.softmax_forward(z)
    assert F.cross_entropy(p, np.array([1]))[0] == pytest.approx(13.095060867144417, rel=1e-14)
    assert loss == pytest.approx(-math.log(p[0, 1]), rel=1e-14)
    np.testing.assert_allclose(dz, [[0.90887517, -0.99999795, 0.09112277]], atol=5e-9)
    z = np.array([[3, -10, 0.7], [9, 15, -1], [-5, 1, -1]])
    target = np.array([[0, 1, 0], [1, 0, 0], [0, 0, 1]])
    p, _ = F.softmax_forward(z)
    assert F.cross_entropy(p, target)[0] == pytest.approx(7.075548386844261, rel=1e-14)
    _, dz = F.softmax_cross_entropy(z, target)
    golden = [
        [3.02958391e-01, -3.33332649e-01, 3.03742579e-02],
        [-3.32509126e-01, 3.32509088e-01, 3.74189683e-08],
        [7.26173786e-04, 2.92959414e-01, -2.93685588e-01],
    ]
    np.testing.assert_allclose(dz, golden, rtol=4e-9)


def test_golden_of_nearly_equal_scores() -> None:
    """Softmax loss near log(10) and hinge loss near 9 on 0.001 * randn(50, 10)."""
    rng = np.random.default_rng(0)
    z, labels = 0.001 * rng.standard_normal((50, 10)), rng.integers(10, size=50)
    assert F.softmax_cross_entropy(z, labels)[0] == pytest.approx(2.3026, abs=5e-4)
    assert F.hinge(z, labels)[0] == pytest.approx(9.0, abs=5e-3)
    assert F.softmax_cross_entropy(np.zeros((50, 10)), labels)[0] == pytest.approx(math.log(10), rel=1e-15)
    p, _ = F.softmax_forward(np.zeros((50, 10)))
    assert F.cross_entropy(p, labels)[0] == pytest.approx(2.302585082994045, rel=1e-14)  # 1e-9 inside the logarithm


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("size", [1e4, 1e30, 3e38])
@pytest.mark.parametrize("place", [0, 1, 2])
def test_stable_for_large_scores(dtype: type, size: float, place: int) -> None:
    """The largest score in any place."""

    def rolled(values: list[float]) -> np.ndarray:
        return np.roll(np.array([values], dtype), place, axis=1)

    z = rolled([size, -size, 0.0])
    p, _ = F.softmax_forward(z)
    np.testing.assert_allclose(p, rolled([1, 0, 0]), atol=1e-37)
    loss, dz = F.softmax_cross_entropy(z, np.array([place]))
    assert loss == 0.0
    np.testing.assert_allclose(dz, [[0, 0, 0]], atol=1e-37)
    loss, dz = F.softmax_cross_entropy(z, np.array([(place + 1) % 3]))
    assert loss == pytest.approx(2 * size, rel=1e-6)
    np.testing.assert_allclose(dz, rolled([1, -1, 0]), atol=1e-37)


# ---- hinge ---------------------------------------------------------------------------------------------------------


@drawn
@given(seeds, counts, classes, st.sampled_from([1.0, 0.3]))
def test_hinge_gradient(seed: int, n: int, k: int, margin: float) -> None:
    z, labels = _hinge_scores(seed, n, k, margin)
    _, dz = F.hinge(z, labels, margin=margin)
    assert_gradients(lambda z: F.hinge(z, labels, margin=margin)[0], [z], None, [dz])


@drawn
@given(seeds, counts, classes)
def test_hinge_torch(seed: int, n: int, k: int) -> None:
    torch = torch_or_skip()
    z, labels = _hinge_scores(seed, n, k, 1.0)
    # PyTorch divides by the number of classes as well.
    value, (gradient,) = torch_gradients(
        lambda z: k * torch.nn.functional.multi_margin_loss(z, torch.tensor(labels)), [z]
    )
    loss, dz = F.hinge(z, labels)
    assert_close(loss, value, TORCH_TOLERANCE)
    assert_close(dz, gradient, TORCH_TOLERANCE)


@dtypes
@drawn
@given(seed=seeds, n=counts, k=classes)
def test_hinge_naive(dtype: type, tolerance: float, seed: int, n: int, k: int) -> None:
    z, labels = _hinge_scores(seed, n, k, 1.0)
    loss, dz = F.hinge(z.astype(dtype), labels)
    naive, gradient = F.hinge_naive(z, labels)
    assert dz.dtype == dtype
    assert_close(loss, naive, tolerance)
    assert_close(dz, gradient, tolerance)


def test_hinge_gradient_at_the_margin() -> None:
    """A score exactly at the margin is not a violation: no loss, no gradient."""
    z = np.array([[2.0, 1.0, 0.0], [0.0, 0.0, 0.0]])
    loss, dz = F.hinge(z, np.array([0, 1]))
    assert loss == 1.0  # (0 + 0 + 1 + 1) / 2
    np.testing.assert_array_equal(dz, [[0, 0, 0], [0.5, -1, 0.5]])


# ---- squared error -------------------------------------------------------------------------------------------------


@drawn
@given(seeds, counts, st.lists(st.integers(1, 4), max_size=3), conventions)
def test_squared_error_gradient(seed: int, n: int, inner: list[int], convention: str) -> None:
    rng = np.random.default_rng(seed)
    y, target = rng.standard_normal((2, n, *inner))
    _, dy = F.squared_error(y, target, convention=convention)
    assert_gradients(lambda y: F.squared_error(y, target, convention=convention)[0], [y], None, [dy])


@drawn
@given(seeds, counts, st.lists(st.integers(1, 4), max_size=3))
def test_squared_error_torch(seed: int, n: int, inner: list[int]) -> None:
    torch = torch_or_skip()
    rng = np.random.default_rng(seed)
    y, target = rng.standard_normal((2, n, *inner))
    mse = torch.nn.functional.mse_loss
    twins: dict[str, Any] = {
        "mean": lambda y: mse(y, torch.tensor(target)),
        "half": lambda y: mse(y, torch.tensor(target), reduction="sum") / (2 * n),
        "sum": lambda y: mse(y, torch.tensor(target), reduction="sum"),
    }
    for convention, twin in twins.items():
        value, (gradient,) = torch_gradients(twin, [y])
        loss, dy = F.squared_error(y, target, convention=convention)
        assert_close(loss, value, TORCH_TOLERANCE)
        assert_close(dy, gradient, TORCH_TOLERANCE)


@dtypes
@drawn
@given(seed=seeds, n=counts, inner=st.lists(st.integers(1, 4), max_size=2), convention=conventions)
def test_squared_error_naive(
    dtype: type, tolerance: float, seed: int, n: int, inner: list[int], convention: str
) -> None:
    y, target = np.random.default_rng(seed).standard_normal((2, n, *inner)).astype(dtype)
    loss, dy = F.squared_error(y, target, convention=convention)
    naive, gradient = F.squared_error_naive(y, target, convention)
    assert dy.dtype == dtype
    assert_close(loss, naive, tolerance)
    assert_close(dy, gradient, tolerance)


def test_squared_error_conventions_by_hand() -> None:
    y, target = np.array([[1.0, 2.0], [3.0, 6.0]]), np.array([[0.0, 0.0], [3.0, 4.0]])
    for convention, value, slope in [("mean", 9 / 4, 2 / 4), ("half", 9 / 4, 1 / 2), ("sum", 9.0, 2.0)]:
        loss, dy = F.squared_error(y, target, convention=convention)
        assert loss == value
        np.testing.assert_array_equal(dy, slope * np.array([[1, 2], [0, 2]]))
    for one in (np.array(3.0), np.array([3.0])):  # a single number
        for convention, value, slope in [("mean", 4.0, 4.0), ("half", 2.0, 2.0), ("sum", 4.0, 4.0)]:
            loss, dy = F.squared_error(one, one - 2, convention=convention)
            assert loss == value and dy.shape == one.shape and float(dy.sum()) == slope


# ---- the write-up's toy network ------------------------------------------------------------------------------------


def _toy() -> dict[str, np.ndarray]:
    return {
        "w1": np.linspace(-0.2, 0.6, 40).reshape(4, 10),
        "b1": np.linspace(-0.3, 0.7, 10),
        "w2": np.linspace(-0.4, 0.1, 30).reshape(10, 3),
        "b2": np.linspace(-0.5, 0.9, 3),
        "x": np.linspace(-0.2, 0.5, 20).reshape(5, 4),
        "y": np.array([0, 1, 2, 2, 1]),
    }


def _toy_loss(toy: dict[str, np.ndarray], reg: float) -> tuple[np.ndarray, float, dict[str, np.ndarray]]:
    hidden, first = F.affine_forward(toy["x"], toy["w1"], toy["b1"])
    active, relu = F.relu_forward(hidden)
    scores, second = F.affine_forward(active, toy["w2"], toy["b2"])
    loss, dz = F.softmax_cross_entropy(scores, toy["y"])
    da, dw2, db2 = F.affine_backward(dz, second)
    _, dw1, db1 = F.affine_backward(F.relu_backward(da, relu), first, input_gradient=False)
    loss += 0.5 * reg * sum(float((toy[w] ** 2).sum()) for w in ("w1", "w2"))
    return scores, loss, {"w1": dw1 + reg * toy["w1"], "b1": db1, "w2": dw2 + reg * toy["w2"], "b2": db2}


def test_golden_toy_scores_and_loss() -> None:
    golden = [
        [-0.5328368, 0.20031504, 0.93346689],
        [-0.59412164, 0.15498488, 0.9040914],
        [-0.67658362, 0.08978957, 0.85616275],
        [-0.77092643, 0.01339997, 0.79772637],
        [-0.89110401, -0.08754544, 0.71601312],
    ]
    scores, loss, _ = _toy_loss(_toy(), 0.1)
    np.testing.assert_allclose(scores, golden, atol=5e-9)
    assert loss == pytest.approx(1.38191946092, abs=5e-12)


def test_golden_toy_gradient() -> None:
    toy = _toy()
    _, _, gradients = _toy_loss(toy, 0.1)
    for name, gradient in gradients.items():
        assert_gradients(lambda v, name=name: _toy_loss({**toy, name: v}, 0.1)[1], [toy[name]], None, [gradient])


@pytest.mark.parametrize(("rule", "golden"), [("sgd", 0.940686), ("momentum", 0.494394), ("rmsprop", 0.439368)])
def test_golden_toy_training(rule: str, golden: float) -> None:
    """100 full-batch steps, learning rate 0.1, regularisation 0.001; the loss of the last step's start."""
    toy, loss = _toy(), 0.0
    state = {name: np.zeros_like(toy[name]) for name in ("w1", "b1", "w2", "b2")}
    for _ in range(100):
        _, loss, gradients = _toy_loss(toy, 0.001)
        for name, g in gradients.items():
            if rule == "sgd":
                step = g
            elif rule == "momentum":
                step = state[name] = 0.9 * state[name] + g
            else:
                state[name] = 0.99 * state[name] + 0.01 * g**2
                step = g / np.sqrt(state[name] + 1e-8)
            toy[name] = toy[name] - 0.1 * step
    assert loss == pytest.approx(golden, abs=5e-7)


# ---- bad input -----------------------------------------------------------------------------------------------------

of_scores = pytest.mark.parametrize("loss", [F.softmax_cross_entropy, F.hinge, F.cross_entropy])


@of_scores
@pytest.mark.parametrize(
    "labels",
    [
        [0, 1, 3],
        [0, 1, -1],
        [0, 1, 2**40],
        [0, 1],
        [0, 1, 2, 0],
        [0.0, 1.0, 2.0],
        [True, False, True],
        [[0], [1], [2]],
        0,
        [],
        np.zeros((3, 3)),
        np.ones((3, 3)),
        np.full((3, 3), np.nan),
        np.eye(3) * 2,
        np.eye(4),
        ["a", "b", "c"],
    ],
    ids=str,
)
def test_wrong_labels(loss: Any, labels: Any) -> None:
    with pytest.raises(GlassnetError, match="label"):
        loss(np.full((3, 3), 0.5), np.array(labels))


@of_scores
@pytest.mark.parametrize("shape", [(), (3,), (0, 3), (3, 0), (3, 3, 1)])
def test_wrong_scores(loss: Any, shape: tuple[int, ...]) -> None:
    with pytest.raises(GlassnetError, match="scores"):
        loss(np.zeros(shape), np.zeros(3, int))
    with pytest.raises(GlassnetError, match="scores"):
        F.softmax_forward(np.zeros(shape))


@of_scores
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_nan_goes_through(loss: Any, dtype: type) -> None:
    for position in range(10):
        z, labels = np.full((4, 10), 0.5, dtype), np.array([0, 1, 2, position])
        z[3, position] = np.nan
        assert math.isnan(loss(z, labels)[0])
        assert np.isnan(F.softmax_forward(z)[0][3]).all()


def test_other_wrong_arguments() -> None:
    z, labels, dp = _scores(0, 4, 3)
    for smoothing in (-0.1, 1.0, float("nan")):
        with pytest.raises(GlassnetError, match="smoothing"):
            F.softmax_cross_entropy(z, labels, smoothing=smoothing)
    _, cache = F.softmax_forward(z)
    with pytest.raises(GlassnetError, match="dp"):
        F.softmax_backward(dp[:3], cache)
    with pytest.raises(GlassnetError, match="out"):
        F.softmax_cross_entropy(z, labels, out=np.empty((4, 2)))
    with pytest.raises(GlassnetError, match="Did you mean 'mean'"):
        F.squared_error(z, z, convention="meen")
    for target in (z[:3], z.T, z.ravel()):
        with pytest.raises(GlassnetError, match="target"):
            F.squared_error(z, target)
    with pytest.raises(GlassnetError):
        F.squared_error(np.zeros((0, 3)), np.zeros((0, 3)))


def test_out_is_written() -> None:
    z, labels, _ = _scores(1, 4, 3)
    for loss in (F.softmax_cross_entropy, F.hinge):
        out = np.empty_like(z)
        assert loss(z, labels, out=out)[1] is out
    out = np.empty_like(z)
    assert F.softmax_forward(z, out=out)[0] is out
    assert F.squared_error(z, 2 * z, out=out)[1] is out
