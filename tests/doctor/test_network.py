"""What is wrong with a network before its training is named, and healthy ones raise no alarm."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from glassnet.data import Dataset, load
from glassnet.doctor import examine_network
from glassnet.doctor.network import FirstBatch, after_training, before_training, constant_loss
from glassnet.doctor.practice import PICTURES, cannot_overfit, practise
from glassnet.nn import Hinge, Network, SoftmaxCrossEntropy, SquaredError, parse_loss
from glassnet.nn.initialise import _WORDS as INITIALISATIONS
from glassnet.optim import OPTIMIZERS, AdamW, make_optimizer

SHAPE = (8, 8, 1)
HIDDEN, CONVOLUTION = "linear 64 -> relu -> linear", "conv 3x3, 8, pad 1 -> relu -> maxpool 2x2 -> linear"


@pytest.fixture(scope="module")
def digits() -> Dataset:
    return load("digits").train.subset(slice(128))


def pixels(digits: Dataset) -> np.ndarray:
    x: np.ndarray = digits.images.astype(np.float32) / 255.0
    return x


def names(network: Network, digits: Dataset, loss: str = "softmax-cross-entropy", **more: Any) -> list[str]:
    x = pixels(digits)
    y = x.reshape(len(x), -1) if loss.startswith("squared") else digits.labels
    found = before_training(FirstBatch(network, parse_loss(loss), x, y, train=True), **more)
    return [finding.name for finding in found]


GOOD = [
    *(f"linear 64, init {word} -> relu -> linear, init {word}" for word in ("he", "xavier", "gaussian 0.05")),
    "linear, init zeros",
    f"{HIDDEN}, init zeros",
    "linear 64 -> tanh -> linear",
    "linear 32 -> sigmoid -> linear 32 -> sigmoid -> linear",
    " -> ".join(["linear 64 -> relu"] * 10) + " -> linear",
    CONVOLUTION,
    "conv-bn-relu 3x3, 8, pad 1 -> basic-block 8 -> avgpool global -> dropout 0.5 -> linear",
    "linear 64, init gaussian 3 -> batchnorm -> relu -> linear",  # whose scale batch normalisation takes away
]


def test_all_initialisations_are_looked_at() -> None:
    assert set(INITIALISATIONS) == {word for notation in GOOD for word in INITIALISATIONS if f"init {word}" in notation}


@pytest.mark.parametrize("notation", GOOD)
def test_healthy_networks_raise_no_alarm(notation: str, digits: Dataset) -> None:
    network = Network(notation, SHAPE, 10)
    assert names(network, digits, l2=1e-3) == names(network, digits, "svm") == []
    found = examine_network(
        network, SoftmaxCrossEntropy(), pixels(digits), digits.labels, optimizer=make_optimizer("adam")
    )
    assert found == ()


def test_an_autoencoder_raises_no_alarm(digits: Dataset) -> None:
    assert names(Network("linear 16 -> relu -> linear 64 -> sigmoid", SHAPE), digits, "squared-error") == []


BAD: dict[str, tuple[str, str, str]] = {
    "zeros": ("linear 64, init zeros -> relu -> linear", "same-units", "1.linear.weight"),
    "large": ("linear 64, init gaussian 3 -> relu -> linear, init gaussian 1", "first-loss-high", "1.linear.weight"),
    "growing": (" -> ".join(["linear 64, init gaussian 1 -> relu"] * 5) + " -> linear", "exploding", "5.linear"),
    "shrinking": ("linear 64, init gaussian 0.001 -> relu -> " * 2 + "linear", "vanishing", "3.linear"),
    "sigmoids": ("linear 32 -> sigmoid -> " * 6 + "linear", "vanishing", "1.linear"),
    "flat": ("linear 64, init gaussian 1 -> tanh -> linear", "saturated", "2.tanh"),
}


@pytest.mark.parametrize(("notation", "name", "where"), BAD.values(), ids=BAD)
def test_what_is_wrong_is_named_with_its_layer(notation: str, name: str, where: str, digits: Dataset) -> None:
    network = Network(notation, SHAPE, 10)
    batch = FirstBatch(network, SoftmaxCrossEntropy(), pixels(digits), digits.labels, train=True)
    found = {finding.name: finding for finding in before_training(batch)}
    assert found[name].where == where and found[name].severity == "failure" and found[name].remedy


def change_biases(network: Network, value: float) -> Network:
    network.parameters()["1.linear.bias"].value[...] = value
    return network


@pytest.mark.parametrize(
    ("change", "name"),
    [
        (lambda network: change_biases(network, -100.0), "dead-units"),
        (lambda network: change_biases(network, math.inf), "loss-not-finite"),
    ],
)
def test_biases(change: Callable[[Network], Network], name: str, digits: Dataset) -> None:
    assert name in names(change(Network(HIDDEN, SHAPE, 10)), digits)


@pytest.mark.parametrize(("factor", "wrong"), [(1.0, False), (255.0, True), (1 / 255, True)])
def test_the_range_of_the_input(factor: float, wrong: bool, digits: Dataset) -> None:
    batch = FirstBatch(
        Network(HIDDEN, SHAPE, 10), SoftmaxCrossEntropy(), pixels(digits) * factor, digits.labels, train=True
    )
    assert ("input-range" in [finding.name for finding in before_training(batch)]) == wrong


@pytest.mark.parametrize(("l2", "wrong"), [(0.0, False), (0.01, False), (0.1, True), (10.0, True)])
def test_the_penalty(l2: float, wrong: bool, digits: Dataset) -> None:
    network = Network(HIDDEN, SHAPE, 10)
    batch = FirstBatch(network, SoftmaxCrossEntropy(), pixels(digits), digits.labels, train=True)
    found = [finding for finding in before_training(batch, l2=l2) if finding.name == "l2-too-strong"]
    assert bool(found) == wrong
    if found:  # with what is advised the penalty is a tenth of the loss
        weights = sum(float((p.value**2).sum()) for p in network.parameters().values() if p.decays)
        assert 0.5 * found[0].advice["train.l2"] * weights == pytest.approx(0.1 * batch.value, rel=0.5)


# ---- after it


def test_a_trained_network_that_answers_nothing(digits: Dataset) -> None:
    network = change_biases(Network(HIDDEN, SHAPE, 10), -100.0)
    batch = FirstBatch(network, SoftmaxCrossEntropy(), pixels(digits), digits.labels, train=False)
    assert [finding.name for finding in after_training(batch)] == ["dead-units", "output-independent"]


@pytest.mark.parametrize(("steps", "expected"), [(0, ["statistics-frozen"]), (30, [])])
def test_running_moments_of_the_pictures(steps: int, expected: list[str], digits: Dataset) -> None:
    network = Network("linear 64 -> batchnorm -> relu -> linear", SHAPE, 10)
    for _ in range(steps):
        network.forward(10 * pixels(digits), train=True)
    batch = FirstBatch(network, SoftmaxCrossEntropy(), 10 * pixels(digits), digits.labels, train=False)
    assert [finding.name for finding in after_training(batch)] == expected


# ---- the loss that needs no picture


def test_the_loss_of_class_frequencies() -> None:
    y = np.array([0, 0, 0, 1])
    entropy = -(0.75 * math.log(0.75) + 0.25 * math.log(0.25))
    assert constant_loss(SoftmaxCrossEntropy(), y, 3) == pytest.approx(entropy)
    assert constant_loss(SoftmaxCrossEntropy(), np.arange(10), 10) == pytest.approx(math.log(10))
    assert constant_loss(Hinge(), y, 3) == pytest.approx(0.25 * 3)  # the most frequent class, by margin 1
    targets = np.array([[0.0, 1.0], [1.0, 1.0]])
    assert constant_loss(SquaredError(), targets, 2) == pytest.approx(0.125)


# ---- twenty pictures


@pytest.mark.parametrize("word", OPTIMIZERS)
def test_every_optimiser_learns_twenty_pictures(word: str, digits: Dataset) -> None:
    network = Network(HIDDEN, SHAPE, 10)
    before = network.arrays()["1.linear.weight"].copy()
    found = practise(network, SoftmaxCrossEntropy(), make_optimizer(word), pixels(digits), digits.labels)
    counts = np.bincount(digits.labels[:PICTURES]) / PICTURES
    assert found.constant == pytest.approx(-sum(f * math.log(f) for f in counts if f)) and found.learned
    assert found.pictures == 20 and found.right >= 10 and found.last < found.first and 0 < found.steps < 400
    np.testing.assert_array_equal(network.arrays()["1.linear.weight"], before)


@pytest.mark.parametrize(
    ("notation", "optimizer", "l2", "name", "advice"),
    [
        (HIDDEN, make_optimizer("sgd", lr=1000.0), 0.0, "rate-too-high", {"optimizer.lr": 0.01}),
        (HIDDEN, make_optimizer("adam", lr=1.0), 0.0, "rate-too-high", {"optimizer.lr": 0.001}),
        (HIDDEN, make_optimizer("adam", lr=1e-6), 0.0, "rate-too-low", {"optimizer.lr": 0.001}),
        (HIDDEN, make_optimizer("sgd", lr=0.0), 0.0, "rate-too-low", {"optimizer.lr": 0.01}),
        (HIDDEN, make_optimizer("adam"), 3.0, "l2-too-strong", {"train.l2": 0.003}),
        (HIDDEN, AdamW(0.01, weight_decay=90.0), 0.0, "decay-too-strong", {"optimizer.weight_decay": 0.01}),
        ("linear 64, init zeros -> relu -> linear, init zeros", make_optimizer("adam"), 0.0, "initialisation-wrong",
         {"model.network": "linear 64 -> relu -> linear 10"}),
    ],
)  # fmt: skip
def test_what_keeps_it_from_learning_is_found_by_trying(
    notation: str, optimizer: Any, l2: float, name: str, advice: dict[str, Any], digits: Dataset
) -> None:
    network = Network(notation, SHAPE, 10)
    found = list(cannot_overfit(network, SoftmaxCrossEntropy(), optimizer, pixels(digits), digits.labels, l2=l2))
    assert [(finding.name, finding.symptom) for finding in found] == [("cannot-overfit", True), (name, False)]
    assert found[1].advice == advice and "20 pictures" in found[0].evidence


def test_strong_smoothing_can_be_learned_by_heart(digits: Dataset) -> None:
    loss = parse_loss("softmax-cross-entropy, smoothing 0.6")
    x, y = pixels(digits), digits.labels
    assert list(cannot_overfit(Network(HIDDEN, SHAPE, 10), loss, make_optimizer("adam"), x, y)) == []


def test_what_looks_wrong_and_learns_is_a_warning(digits: Dataset) -> None:
    x, y, loss = pixels(digits), digits.labels, SoftmaxCrossEntropy()
    flat = examine_network(Network(BAD["flat"][0], SHAPE, 10), loss, x, y, optimizer=make_optimizer("adam"))
    assert [(finding.name, finding.severity) for finding in flat] == [("saturated", "warning")]
    zeros = examine_network(Network(BAD["zeros"][0], SHAPE, 10), loss, x, y, optimizer=make_optimizer("sgd"))
    assert (zeros[0].name, zeros[0].severity) == ("same-units", "failure")
