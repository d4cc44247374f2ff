"""Healthy networks of every kind obey all laws, and each law finds a network, layer or loss that breaks it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glassnet.data import Preprocess
from glassnet.doctor import Finding, examine_network
from glassnet.doctor.laws import broken_laws
from glassnet.doctor.probe import Probe
from glassnet.doctor.training_laws import model_law, penalty_law, preprocess_law, scores_law, step_law
from glassnet.engines import NativeEngine
from glassnet.model import Model
from glassnet.nn import (
    BatchNorm,
    Conv,
    Dropout,
    Linear,
    MaxPool,
    Network,
    ReLU,
    Residual,
    Sigmoid,
    SoftmaxCrossEntropy,
    parse_loss,
)
from glassnet.nn.chain import Chain
from glassnet.nn.layers import LAYERS
from glassnet.nn.loss import Loss
from glassnet.nn.named import NAMED
from glassnet.optim import OPTIMIZERS, SGD, Adam, make_optimizer
from support.networks import stirred

SHAPE, CLASSES = (6, 6, 4), 3
MIXED = (
    "conv 3x3, 4, pad 1, bias off -> batchnorm -> relu -> residual(conv 3x3, 4, pad 1 -> relu -> conv 3x3, 4, pad 1)"
    " -> maxpool 2x2 -> dropout 0.3 -> linear 6 -> tanh -> linear"
)
PLAIN = "conv 3x3, 4, pad 1 -> relu -> maxpool 2x2 -> linear 6 -> relu -> linear"
STEPS = {
    "linear": "linear 3",
    "conv": "conv 3x3, 4, pad 1",
    "depthwise": "depthwise 3x3, 2, pad 1",
    "maxpool": "maxpool 2x2",
    "avgpool": "avgpool 3x2, pad 1, count_pad",
    "residual": "residual(conv 3x3, 4, pad 1 -> relu | conv 1x1, 4 -> dropout 0.5)",
    "concat": "concat(conv 1x1, 2 -> batchnorm | maxpool 3x3, stride 1, pad 1)",
    "dropout": "dropout 0.4",
}
SMALL = ("softmax", "two-layer", "autoencoder", "small-convnet", "digits-convnet", "lenet-5")


def probe(
    notation: str = MIXED, loss: str | Loss = "softmax-cross-entropy", seed: int = 0, new: bool = False, **more: Any
) -> Probe:
    """A probe of a network that is new, or whose arrays are not what they start with."""
    network = Network(notation, SHAPE, CLASSES, seed=seed) if new else stirred(notation, SHAPE, CLASSES, seed=seed)
    loss = parse_loss(loss) if isinstance(loss, str) else loss
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((8, *SHAPE))
    shape = (8, *network.output_shape)
    y = rng.random(shape) if loss.word == "squared-error" else rng.integers(shape[-1], size=8)
    return Probe.of(network, loss, x, y, seed=seed, **more)


def found(broken: Probe) -> list[tuple[str, str]]:
    return [(finding.name, finding.where) for finding in broken_laws(broken)]


# ---- healthy ones


@pytest.mark.parametrize("new", [True, False])
@pytest.mark.parametrize("word", [*LAYERS, "avgpool global"])
def test_every_layer_obeys(word: str, new: bool) -> None:
    notation = f"conv 1x1, 4 -> {STEPS.get(word, word)} -> linear"
    assert found(probe(notation, new=new, l2=0.01)) == []


@pytest.mark.parametrize(
    "loss", ["softmax-cross-entropy, smoothing 0.1", "svm", "squared-error", "squared-error half", "squared-error sum"]
)
def test_every_loss_obeys(loss: str) -> None:
    assert found(probe(loss=loss)) == []


layers = st.sampled_from([*(step for word, step in STEPS.items() if word != "linear"), "relu", "relu6", "sigmoid"])
shrinking = st.sampled_from(["", "flatten -> ", "avgpool global -> ", "linear 5 -> batchnorm -> relu -> "])


@settings(max_examples=30, deadline=None, derandomize=True)
@given(st.lists(layers, min_size=1, max_size=4), shrinking, st.integers(0, 99), st.booleans())
def test_drawn_networks_obey(chosen: list[str], end: str, seed: int, new: bool) -> None:
    if sum("pool 2" in step or "avgpool 3" in step for step in chosen) > 2:
        chosen = chosen[:2]
    notation = f"conv 1x1, 4 -> {' -> conv 1x1, 4 -> '.join(chosen)} -> {end}linear"
    assert found(probe(notation, seed=seed, new=new)) == []


@pytest.mark.parametrize("name", SMALL)
def test_named_networks_are_healthy(name: str) -> None:
    use = NAMED[name].use
    network = Network(name, use.input_shape, use.classes, seed=1)
    rng = np.random.default_rng(1)
    x = rng.random((8, *use.input_shape))
    y = x.reshape(8, -1) if use.loss == "squared-error" else rng.integers(use.classes, size=8)
    laws = Probe.of(network, parse_loss(use.loss), x, y, l2=1e-3)
    assert found(laws) == [] and list(step_law(laws, make_optimizer(use.optimizer))) == []


@pytest.mark.parametrize("notation", ["linear, init zeros", "linear 5, init zeros -> relu -> linear, init zeros"])
def test_weights_of_zero_break_no_law(notation: str) -> None:
    assert found(probe(notation, new=True)) == []


def test_nothing_is_changed() -> None:
    network = stirred(MIXED, SHAPE, CLASSES)
    network.set_dropout_key(None)
    drawn = [repr(vars(layer)["_rng"].bit_generator.state) for _, layer in network.walk() if isinstance(layer, Dropout)]
    before = {name: array.copy() for name, array in network.arrays().items()}
    rng = np.random.default_rng(0)
    x, y, optimizer = rng.standard_normal((20, *SHAPE)), rng.integers(CLASSES, size=20), Adam(0.01)
    given_x = x.copy()
    assert examine_network(network, SoftmaxCrossEntropy(), x, y, optimizer=optimizer, l2=0.01) == ()
    for name, array in network.arrays().items():
        np.testing.assert_array_equal(array, before[name])
    np.testing.assert_array_equal(x, given_x)
    again = [repr(vars(layer)["_rng"].bit_generator.state) for _, layer in network.walk() if isinstance(layer, Dropout)]
    assert drawn == again and optimizer.steps == 0 and optimizer.state == {}
