"""PyTorch's engine takes the steps of our own: losses, gradients and updated weights, in float64, to 1e-10."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glassnet.nn import Loss, Network
from glassnet.nn.named import NAMED
from glassnet.optim import parse_schedule

torch = pytest.importorskip("torch")

from support.engines import LOSSES, OPTIMIZERS, assert_same_step, batch_of, both, stirred  # noqa: E402

NETWORKS = {
    "dense": ("linear 8 -> relu -> dropout 0.3 -> linear 6 -> batchnorm -> tanh -> linear", (7,)),
    "pictures": (
        "conv 3x3, 4, pad 1, bias off -> batchnorm -> relu -> dropout 0.3 -> maxpool 2x2 -> flatten -> dropout 0.2"
        " -> batchnorm -> linear 9 -> relu -> linear",
        (8, 6, 2),
    ),
    "blocks": (
        "conv-bn-relu 3x3, 4, pad 1 -> basic-block 4 -> dropout 0.2, channels -> residual(conv 1x1, 4 -> dropout 0.5)"
        " -> basic-block 6, stride 2 -> avgpool global -> linear",
        (8, 8, 3),
    ),
}
WAYS: dict[str, dict[str, Any]] = {"plain": {}, "penalised and clipped": {"l2": 0.01, "clip": 0.5}}
TRAINED = {
    "dense": ("linear 12 -> relu -> dropout 0.2 -> linear", (9,)),
    "convolutional": ("conv 3x3, 4 -> batchnorm -> relu -> maxpool 2x2 -> dropout 0.2 -> linear", (8, 8, 1)),
}
SCHEDULES = ("constant", "exponential 0.9", "steps 2 3, gamma 0.5", "cosine, floor 0.1", "onecycle", "linear")


def compare(network: Network, loss: str, optimizer: str, **ways: Any) -> None:
    """Three steps, on weighted examples in between."""
    ours, its = both(network, loss, optimizer, **ways)
    for step in range(3):
        assert_same_step(ours, its, batch_of(ours, step, weighted=step == 1))


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("name", NETWORKS)
def test_every_optimiser(name: str, optimizer: str) -> None:
    for ways in WAYS.values():
        compare(stirred(*NETWORKS[name]), LOSSES[0], optimizer, **ways)


@pytest.mark.parametrize("loss", LOSSES)
def test_every_loss(loss: str) -> None:
    for name in NETWORKS:
        compare(stirred(*NETWORKS[name]), loss, "momentum", l2=0.01)


class Distance(Loss):
    """A loss that PyTorch's engine does not know: the mean distance from the target."""

    word = "distance"
    task = "reconstruction"

    def run(self, scores: np.ndarray, target: np.ndarray, out: np.ndarray) -> tuple[float, int]:
        out[...] = np.sign(scores - target) / len(scores)
        return float(np.abs(scores - target).sum() / len(scores)), 3


def test_a_loss_of_somebody_elses() -> None:
    ours, its = both(stirred(*NETWORKS["pictures"]), LOSSES[0], "adam", l2=0.1)
    for engine in (ours, its):
        engine.loss = Distance()
    for step in range(2):
        assert assert_same_step(ours, its, batch_of(ours, step, weighted=step == 1)).correct == 3


def test_rates_of_single_parameters() -> None:
    network = stirred(*NETWORKS["pictures"])
    for number, parameter in enumerate(network.parameters().values()):
        parameter.rate = 0.5 + number
    compare(network, LOSSES[0], "adamw", clip=1.0)


def test_masks_of_a_batch_without_a_key_are_those_of_the_layers() -> None:
    (ours, _), (_, its) = (both(stirred(*NETWORKS["dense"]), LOSSES[0], "sgd") for _ in range(2))
    for step in range(3):
        assert_same_step(ours, its, batch_of(ours, step)._replace(key=None))


# ---- networks by name and drawn


def _small(name: str) -> tuple[int, ...]:
    """The shape that a named network is meant for; deep ones take 64x64."""
    rows, columns, channels = NAMED[name].use.input_shape
    return min(rows, 64), min(columns, 64), channels


SAMPLE = ("two-layer", "lenet-5", "photo-convnet")


def _compare_named(name: str, optimizer: str) -> None:
    network = stirred(name, _small(name))
    ours, its = both(network, "squared-error" if name == "autoencoder" else LOSSES[0], optimizer)
    deep = network.size > 1_000_000 and not optimizer.startswith(("sgd", "momentum", "nesterov"))
    assert_same_step(ours, its, batch_of(ours, 0, 2), deep=deep)


@pytest.mark.parametrize("name", SAMPLE)
def test_named_networks(name: str) -> None:
    _compare_named(name, "nesterov")


@pytest.mark.long
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("name", NAMED)
def test_every_named_network_with_every_optimiser(name: str, optimizer: str) -> None:
    _compare_named(name, optimizer)


ON_PICTURES = (
    "conv 3x3, 3", "conv 2x2, 4, pad same", "conv 3x3, 4, stride 2, pad 1, bias off", "depthwise 3x3, pad 1",
    "conv 1x1, 4, groups 2", "batchnorm", "relu", "relu6", "tanh", "sigmoid", "maxpool 2x2", "dropout 0.3, channels",
    "maxpool 3x3, stride 2, ceil", "avgpool 2x2, stride 1, pad 1", "dropout 0.2", "fire 2, 3", "basic-block 4",
    "residual(tanh)", "residual(conv 3x3, 4, pad 1 -> batchnorm | conv 1x1, 4)", "concat(conv 1x1, 2 | tanh)",
)  # fmt: skip
ON_FEATURES = (
    "linear 7", "batchnorm", "relu", "tanh", "sigmoid", "dropout 0.4", "residual(linear 7 -> tanh | linear 7)",
    "concat(linear 3 | tanh)",
)  # fmt: skip


@st.composite
def drawn_networks(draw: st.DrawFn) -> Network:
    """Networks of layers in any order that fits: on pictures, through one of the ways to features, to five scores."""
    shape = (draw(st.integers(9, 12)), draw(st.integers(9, 12)), 2)
    on_pictures = draw(st.lists(st.sampled_from(ON_PICTURES), max_size=4))
    bridge = draw(st.sampled_from(["flatten", "avgpool global", "linear 6"]))
    on_features = draw(st.lists(st.sampled_from(ON_FEATURES), max_size=3))
    layers: list[str] = []
    for layer in [*on_pictures, bridge, *on_features, "linear"]:
        try:
            Network(" -> ".join([*layers, layer]), shape, 5)
        except Exception:  # a layer that does not fit the one before it is left out
            continue
        layers.append(layer)
    return stirred(" -> ".join(layers), shape, seed=draw(st.integers(0, 99)))


def _compare_drawn(network: Network, data: st.DataObject) -> None:
    optimizer, loss = data.draw(st.sampled_from(list(OPTIMIZERS))), data.draw(st.sampled_from(LOSSES))
    ours, its = both(network, loss, optimizer, **data.draw(st.sampled_from(list(WAYS.values()))))
    assert_same_step(ours, its, batch_of(ours, 0, 4, weighted=data.draw(st.booleans())))


@given(drawn_networks(), st.data())
@settings(max_examples=12, deadline=None, derandomize=True)
def test_drawn_networks(network: Network, data: st.DataObject) -> None:
    _compare_drawn(network, data)


@pytest.mark.long
@given(drawn_networks(), st.data())
@settings(max_examples=100, deadline=None, derandomize=True)
def test_a_hundred_drawn_networks(network: Network, data: st.DataObject) -> None:
    _compare_drawn(network, data)


# ---- many steps


def _train_both(name: str, optimizer: str, schedule: str) -> None:
    ours, its = both(stirred(*TRAINED[name]), LOSSES[0], optimizer)
    plan = parse_schedule(schedule)
    for step in range(200):
        batch, rate = batch_of(ours, step % 40, 10), ours.lr * plan.factor(step, 50, 4)
        one, other = (engine.step(batch._replace(key=(3, 1, step)), rate) for engine in (ours, its))
        assert abs(one.loss - other.loss) <= 1e-9 * max(1.0, abs(one.loss)), step
    x = batch_of(ours, 1000).x
    np.testing.assert_allclose(its.scores(x), ours.scores(x), rtol=1e-7, atol=1e-7)


@pytest.mark.parametrize(("optimizer", "schedule"), [("adamw", "onecycle"), ("nesterov", "cosine, floor 0.1")])
@pytest.mark.parametrize("name", TRAINED)
def test_two_hundred_steps(name: str, optimizer: str, schedule: str) -> None:
    _train_both(name, optimizer, schedule)


@pytest.mark.long
@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("name", TRAINED)
def test_two_hundred_steps_of_every_optimiser_and_schedule(name: str, optimizer: str, schedule: str) -> None:
    _train_both(name, optimizer, schedule)


# ---- evaluation


@pytest.mark.parametrize("name", NETWORKS)
def test_scores_outputs_and_gradients_in_evaluation(name: str) -> None:
    ours, its = both(stirred(*NETWORKS[name]), LOSSES[0], "sgd")
    x = batch_of(ours, 0).x
    np.testing.assert_allclose(its.scores(x), ours.scores(x), rtol=1e-10, atol=1e-12)
    for layer in [f"{position}.{layer.word}" for position, layer in enumerate(ours.network.layers, start=1)]:
        np.testing.assert_allclose(its.output_at(layer, x), ours.output_at(layer, x), rtol=1e-10, atol=1e-12)
        for a, b in zip(ours.gradient_at(layer, x, np.square), its.gradient_at(layer, x, np.square), strict=True):
            np.testing.assert_allclose(b, a, rtol=1e-9, atol=1e-12, err_msg=layer)
    for a, b in zip(ours.input_gradient(x, np.square), its.input_gradient(x, np.square), strict=True):
        np.testing.assert_allclose(b, a, rtol=1e-9, atol=1e-12)
