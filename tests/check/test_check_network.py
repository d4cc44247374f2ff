"""Right networks pass, in every mode; the fast differences are the plain ones; kinks are not faults."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glassnet.check import check_network, numerical_gradient
from glassnet.check.differences import Differences
from glassnet.errors import CheckError, GlassnetError
from glassnet.nn import Network, SoftmaxCrossEntropy, parse_loss

drawn = settings(max_examples=40, deadline=None, derandomize=True)

small_layers = st.sampled_from(
    ["linear 3", "linear 7", "relu", "sigmoid", "tanh", "dropout 0.4", "batchnorm", "flatten"]
)
notations = st.lists(small_layers, max_size=5).map(lambda layers: " -> ".join(["linear 5", *layers, "linear 4"]))
losses = st.sampled_from(
    ["softmax-cross-entropy", "softmax-cross-entropy, smoothing 0.2", "svm", "squared-error", "squared-error half"]
)


def _problem(seed: int, n: int = 7, shape: tuple[int, ...] = (3, 2, 2), loss: str = "svm") -> tuple[np.ndarray, Any]:
    rng = np.random.default_rng(seed)
    target = rng.standard_normal((n, 4)) if loss.startswith("squared") else rng.integers(4, size=n)
    return rng.standard_normal((n, *shape)), target


def _network(notation: str, seed: int = 0, shape: tuple[int, ...] = (3, 2, 2)) -> Network:
    """A network whose biases, scales and running moments are not the special values that they start with."""
    network = Network(notation, shape, classes=4, seed=seed)
    rng = np.random.default_rng(seed)
    for parameter in network.parameters().values():
        parameter.value += 0.2 * rng.standard_normal(parameter.value.shape).astype(np.float32)
    for layer in network.layers:
        if layer.state:
            layer.state["mean"] += 0.3
            layer.state["variance"] *= 1.7
    return network


@drawn
@given(notations, losses, st.integers(0, 1000), st.sampled_from([0.0, 0.01]))
def test_right_networks_pass(notation: str, loss: str, seed: int, l2: float) -> None:
    x, target = _problem(seed, loss=loss)
    network = _network(notation, seed)
    before = {name: array.copy() for name, array in network.arrays().items()}
    check = check_network(network, x, target, loss, l2=l2, seed=seed)
    assert check.passed, str(check)
    assert all(row.error <= 1e-6 for row in check.rows)
    assert {row.mode for row in check.rows} == (
        {"evaluation", "training"} if "dropout" in notation or "batchnorm" in notation else {"evaluation"}
    )
    for name, array in network.arrays().items():
        np.testing.assert_array_equal(array, before[name])


@drawn
@given(notations, losses, st.integers(0, 1000), st.booleans())
def test_fast_differences_equal_plain_ones(notation: str, loss: str, seed: int, train: bool) -> None:
    x, target = _problem(seed, loss=loss)
    network = _network(notation, seed).astype(np.float64)
    network.set_dropout_key((seed,))
    around = Differences(network, x, target, parse_loss(loss), train)
    step = 1e-5

    def loss_of(array: np.ndarray, value: np.ndarray) -> float:
        kept = array.copy()
        array[...] = value
        result = around.loss.loss(network.run(x, train=train), target)[0]
        array[...] = kept
        return result

    moves = [
        (parameter.value, around.move_of(position, name))
        for position, layer in enumerate(network.layers)
        for name, parameter in layer.parameters.items()
    ]
    x = around.activations[0]
    for array, move in [*moves, (x, around.move_of_input())]:
        assert move is not None
        entries = np.arange(array.size)
        fast, crossed = around.fast(move, entries, step)
        plain = numerical_gradient(lambda value, array=array: loss_of(array, value), array, None, step).reshape(-1)
        rerun, rerun_crossed = around.rerun(array, move.following - 1 if move.following else 0, entries, step)
        size = max(1.0, np.abs(plain).max())
        # Rounding apart they are the same numbers, also across a kink.
        np.testing.assert_allclose(fast, plain, atol=2e-9 * size)
        np.testing.assert_allclose(rerun, plain, atol=2e-9 * size)
        if not loss.startswith("svm"):
            np.testing.assert_array_equal(crossed, rerun_crossed)


def test_chunks_do_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    x, target = _problem(1)
    network = _network("linear 6 -> relu -> linear 5 -> tanh -> linear 4")
    whole = check_network(network, x, target, "softmax-cross-entropy")
    monkeypatch.setattr("glassnet.check.differences._CHUNK", 1)
    for one, other in zip(whole.rows, check_network(network, x, target, "softmax-cross-entropy").rows, strict=True):
        assert one.error == pytest.approx(other.error, abs=1e-9) and one.shape == other.shape


def test_samples() -> None:
    x, target = _problem(2, shape=(40,))
    network = Network("linear 30 -> sigmoid -> linear 4", (40,))
    check = check_network(network, x, target, SoftmaxCrossEntropy(), samples=17, seed=3)
    assert [row.entries for row in check.rows] == [17, 17, 17, 4, 17]
    assert check.passed and check.entries == 72
    again = check_network(network, x, target, SoftmaxCrossEntropy(), samples=17, seed=3)
    assert [row.worst for row in again.rows] == [row.worst for row in check.rows]


def test_every_entry_and_no_input_unless_asked() -> None:
    x, target = _problem(2, shape=(40,))
    network = Network("linear 30 -> relu -> linear 4", (40,))
    check = check_network(network, x, target, "softmax-cross-entropy", input_gradient=False)
    assert [row.parameter for row in check.rows] == [
        "1.linear.weight",
        "1.linear.bias",
        "3.linear.weight",
        "3.linear.bias",
    ]
    assert check.entries == network.size


def test_every_gradient_of_a_cifar_network() -> None:
    """All 30,840 gradients of 3072-10-10 on 20 images: mean difference of the worst tensor at most 5e-10."""
    rng = np.random.default_rng(0)
    network = Network("linear 10 -> relu -> linear 10", (32, 32, 3))
    x, target = rng.uniform(0, 1, (20, 32, 32, 3)), rng.integers(10, size=20)
    check = check_network(network, x, target, "softmax-cross-entropy", l2=1e-4, input_gradient=False)
    assert check.passed and check.entries == 30_840
    assert max(row.mean_difference for row in check.rows) <= 5e-10


def test_bias_before_batchnorm_is_compared_absolutely() -> None:
    x, target = _problem(3)
    check = check_network(_network("linear 5 -> batchnorm -> relu -> linear 4"), x, target, "svm", train=True)
    rows = {row.parameter: row for row in check.rows}
    assert check.passed and rows["1.linear.bias"].absolute and not rows["1.linear.weight"].absolute
    assert "compared absolutely" in str(check)


@pytest.mark.parametrize("distance", [0.0, 1e-6, -1e-6, 1e-9])
def test_kinks_are_no_faults(distance: float) -> None:
    """A pre-activation within the step of 0: decided with a smaller step where one exists, else skipped and counted."""
    network = Network("linear 3 -> relu -> linear 4", (2,), dtype=np.float64)
    parameters = network.parameters()
    x, target = np.array([[1.0, 2.0], [0.5, -1.0]]), np.array([0, 3])
    first = parameters["1.linear.weight"].value
    parameters["1.linear.bias"].value[:] = distance - (x @ first)[0]  # all three units at `distance` for example 0
    check = check_network(network, x, target, "softmax-cross-entropy")
    assert check.passed, str(check)
    bias = next(row for row in check.rows if row.parameter == "1.linear.bias")
    if abs(distance) >= 1e-6:
        assert bias.rechecked == 3 and bias.skipped == 0
        assert "3 with a smaller step" in str(check)
    else:
        assert bias.skipped == 3 and bias.entries == 0 and bias.verdict == "on a kink"
        assert "3 on a kink skipped" in str(check)


def test_raw_pixels_as_input() -> None:
    """Inputs up to 255 need a smaller step, which the check takes by itself."""
    rng = np.random.default_rng(0)
    x, target = rng.integers(0, 256, (9, 4, 4, 3)).astype(np.uint8), rng.integers(4, size=9)
    for notation in ("linear 6 -> tanh -> linear 4", "linear 6 -> batchnorm -> sigmoid -> linear 4"):
        network = Network(notation, (4, 4, 3))
        network.parameters()["1.linear.weight"].value *= 0.02
        assert check_network(network, x, target, "softmax-cross-entropy").passed


def test_plain_data() -> None:
    x, target = _problem(4)
    check = check_network(_network("linear 3 -> relu -> linear 4"), x, target, "svm", l2=0.1)
    plain = json.loads(json.dumps(check.to_dict()))
    assert plain["passed"] is True and plain["entries"] == check.entries
    assert {"parameter", "shape", "entries", "error", "worst", "analytic", "numerical", "verdict"} <= set(
        plain["rows"][0]
    )
    assert len(check.worst.worst) == len(check.worst.shape)
    assert "every gradient is right" in str(check)


def test_wrong_arguments() -> None:
    x, target = _problem(5)
    network = _network("linear 3 -> relu -> linear 4")
    for wrong in ({"samples": 0}, {"step": 0.0}, {"step": float("nan")}, {"l2": -1.0}, {"tolerance": 0.0}):
        with pytest.raises(CheckError, match=next(iter(wrong))):
            check_network(network, x, target, "svm", **wrong)
    with pytest.raises(CheckError, match="finite"):
        check_network(network, np.full_like(x, np.nan), target, "svm")
    for bad_x, bad_target in [(x[:, :2], target), (x[:0], target[:0]), (x, target[:3]), (x, target + 4)]:
        with pytest.raises(GlassnetError):
            check_network(network, bad_x, bad_target, "svm")
    with pytest.raises(GlassnetError):
        check_network(network, x, target, "smv")
