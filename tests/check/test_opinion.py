"""The third opinion: a network as scalar operations, differentiated by reverse and forward mode."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from glassnet.check import check_network, third_opinion
from glassnet.nn import Network, SoftmaxCrossEntropy, parse_loss
from glassnet.nn.layers import Linear, ReLU


def _opinion(notation: str, shape: tuple[int, ...] = (5,), loss: str = "softmax-cross-entropy", **settings: Any) -> Any:
    rng = np.random.default_rng(0)
    network = Network(notation, shape, 4, dtype=np.float64)
    for parameter in network.parameters().values():
        parameter.value[...] += rng.normal(0, 0.1, parameter.value.shape)
    x, y = settings.pop("scale", 1.0) * rng.normal(size=(6, *shape)), rng.integers(0, 4, 6)
    return third_opinion(network, x, y, parse_loss(loss), **settings)


@pytest.mark.parametrize(
    "notation",
    [
        "linear",
        "linear 8 -> relu -> linear",
        "linear 6 -> sigmoid -> dropout 0.5 -> linear 5 -> tanh -> linear",
        "flatten -> linear",
    ],
)
@pytest.mark.parametrize("loss", ["softmax-cross-entropy", "softmax-cross-entropy, smoothing 0.2"])
def test_dense_networks_agree_to_rounding(notation: str, loss: str) -> None:
    found = _opinion(notation, loss=loss, l2=0.1)
    assert found.passed and found.error < 1e-13 and found.examples == 6 and found.operations > 100
    assert "agree" in str(found)


def test_large_scores_do_not_overflow() -> None:
    assert _opinion("linear 8 -> relu -> linear", scale=1e4).passed


@pytest.mark.parametrize("layer", [ReLU, Linear])
def test_a_wrong_layer_is_found(layer: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    right = layer.backward

    def wrong(self: Any, dy: np.ndarray, **settings: Any) -> Any:
        return right(self, dy * 1.001, **settings)

    monkeypatch.setattr(layer, "backward", wrong)
    found = _opinion("linear 8 -> relu -> linear")
    assert not found.passed and "DISAGREE" in str(found)


def test_what_is_not_written_out_has_no_opinion() -> None:
    assert _opinion("conv 3x3, 4 -> relu -> linear", (6, 6, 1)) is None
    assert _opinion("linear 8 -> batchnorm -> linear") is None
    assert _opinion("linear 400 -> relu -> linear", (28, 28, 1)) is None
    assert _opinion("linear", loss="svm") is None
    assert _opinion("flatten -> relu", (2, 2, 1)) is None  # no parameters


def test_it_is_part_of_the_check() -> None:
    x, y = np.random.default_rng(0).normal(size=(5, 7)), np.arange(5) % 3
    check = check_network(Network("linear 6 -> tanh -> linear 3", (7,)), x, y, SoftmaxCrossEntropy(), l2=0.01)
    assert check.opinion is not None and check.passed and "third opinion" in str(check)
    assert check.to_dict()["opinion"]["examples"] == 5


def test_a_layer_derived_from_a_known_one_has_no_opinion_of_it() -> None:
    """What is written out for a ReLU is not what a layer derived from it computes."""

    class Leaky(ReLU):
        def forward(self, x: Any, *, train: bool = False) -> Any:
            self._cache = x
            return np.where(x > 0, x, 0.1 * x)

        def backward(self, dy: Any, *, input_gradient: bool = True) -> Any:
            return np.where(self._cache > 0, dy, 0.1 * dy)

    network = Network([Linear(6), Leaky(), Linear(4)], (5,), dtype=np.float64)
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(6, 5)), rng.integers(0, 4, 6)
    assert third_opinion(network, x, y, SoftmaxCrossEntropy()) is None
    assert check_network(network, x, y, "softmax-cross-entropy").passed
