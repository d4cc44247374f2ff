"""Healthy networks of every kind obey all laws, and each law finds a network, layer or loss that breaks it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glassnet.data import Preprocess
from glassnet.doctor import examine_network
from glassnet.doctor.laws import broken_laws, composition_law, homogeneity_law, scale_law
from glassnet.doctor.probe import Probe
from glassnet.doctor.training_laws import model_law, penalty_law, preprocess_law, scores_law, step_law
from glassnet.engines import NativeEngine
from glassnet.errors import GlassnetError
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
    SoftmaxCrossEntropy,
    parse_loss,
)
from glassnet.nn.chain import Chain
from glassnet.nn.layers import LAYERS
from glassnet.nn.loss import Loss
from glassnet.nn.named import NAMED
from glassnet.optim import OPTIMIZERS, SGD, Adam, make_optimizer
from support.networks import SHAPE, stirred
from support.networks import STEPS as OF_LAYERS

CLASSES = 3
MIXED = (
    "conv 3x3, 4, pad 1, bias off -> batchnorm -> relu -> residual(conv 3x3, 4, pad 1 -> relu -> conv 3x3, 4, pad 1)"
    " -> maxpool 2x2 -> dropout 0.3 -> linear 6 -> tanh -> linear"
)
PLAIN = "conv 3x3, 4, pad 1 -> relu -> maxpool 2x2 -> linear 6 -> relu -> linear"
STEPS = {**OF_LAYERS, "dropout": "dropout 0.4"}
SMALL = ("softmax", "autoencoder", "digits-convnet")


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


@settings(max_examples=24, deadline=None, derandomize=True)
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


@pytest.mark.parametrize("given", [np.zeros((0, *SHAPE)), np.zeros((4, 6, 6)), np.zeros((4, 5, 6, 4))])
def test_examples_of_another_shape_are_refused(given: np.ndarray) -> None:
    with pytest.raises(GlassnetError, match=r"examples as an array of shape \(n, 6, 6, 4\)"):
        examine_network(Network(PLAIN, SHAPE, CLASSES), SoftmaxCrossEntropy(), given, np.zeros(4, np.int64))


def test_a_single_example_is_enough() -> None:
    x = np.random.default_rng(0).standard_normal((1, *SHAPE))
    assert examine_network(stirred(MIXED, SHAPE, CLASSES), SoftmaxCrossEntropy(), x, np.array([1]), trained=True) == ()


# ---- broken layers, losses and networks


def spoil(monkeypatch: pytest.MonkeyPatch, kind: type, method: str, change: Any) -> None:
    """Let `change(layer, result)` alter what a method of a class gives."""
    original = getattr(kind, method)
    monkeypatch.setattr(kind, method, lambda self, *given, **more: change(self, original(self, *given, **more)))


def doubled_weight(layer: Any, dx: Any) -> Any:
    layer.parameters["weight"].grad *= 2.0
    return dx


def lost_corner(layer: Any, dx: Any) -> Any:
    layer.parameters["weight"].grad[0, 0, 0, 0] = 0.0
    return dx


@pytest.mark.parametrize(
    ("kind", "change", "place", "words"),
    [
        (Conv, doubled_weight, "4.residual.body.3.conv.weight", "2 times as much everywhere"),
        (Conv, lost_corner, "4.residual.body.3.conv.weight", "The same at 4.residual.body.1.conv.weight"),
        (Linear, lambda layer, dx: None if dx is None else -dx, "9.linear, input", "-1 times as much everywhere"),
        (ReLU, lambda layer, dx: dx * 0.5, "4.residual.body.2.relu, input", "0.5 times as much everywhere"),
        (MaxPool, lambda layer, dx: dx * 0.0, "5.maxpool, input", "all of it is 0"),
        (BatchNorm, lambda layer, dx: dx + 0.1, "2.batchnorm, input", "backward pass gives"),
    ],
)
def test_a_wrong_backward_pass_is_found_where_it_is(
    kind: type, change: Any, place: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    spoil(monkeypatch, kind, "backward", change)
    (finding,) = broken_laws(probe())
    assert (finding.name, finding.severity, finding.where) == ("gradient-wrong", "failure", place)
    assert finding.remedy and (words in finding.evidence or words == "backward pass gives")


def test_a_residual_sum_that_loses_its_shortcut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Residual, "_sum", lambda self, grads, dy: grads[0])
    assert found(probe()) == [("gradient-wrong", "4.residual, input")]


@pytest.mark.parametrize(
    ("kind", "method", "change", "name", "place"),
    [
        (ReLU, "forward", lambda layer, y: y + 1.0, "forward-wrong", "3.relu"),
        (MaxPool, "forward", lambda layer, y: y * 0.5, "forward-wrong", "5.maxpool"),
        (Linear, "forward", lambda layer, y: y - y.mean(axis=0), "cross-talk", "7.linear"),
        (Conv, "forward", lambda layer, y: y + y[:1], "cross-talk", "1.conv"),
    ],
)
def test_a_wrong_forward_pass_is_found_where_it_is(
    kind: type, method: str, change: Any, name: str, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    spoil(monkeypatch, kind, method, change)
    assert found(probe()) == [(name, place)]


def test_examples_that_mix_on_the_way_back(monkeypatch: pytest.MonkeyPatch) -> None:
    original = Chain._back
    monkeypatch.setattr(
        Chain, "_back", lambda self, dy, wanted, step: original(self, dy + dy.mean(axis=0), wanted, step)
    )
    names = found(probe(PLAIN))
    assert names[0] == ("cross-talk", "backward") and names[1][0] == "gradient-wrong"


def in_mode(kind: type, train: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    original: Any = kind.forward  # type: ignore[attr-defined]
    given = {"train": train}
    monkeypatch.setattr(kind, "forward", lambda self, x, **more: original(self, x, **{**more, **given}))


@pytest.mark.parametrize(
    ("kind", "train", "names"),
    [
        (Dropout, True, {"dropout-in-evaluation"}),
        (Dropout, False, {"dropout-off-in-training"}),
        (BatchNorm, True, {"batch-moments-in-evaluation", "statistics-in-evaluation"}),
        (BatchNorm, False, {"running-moments-in-training", "statistics-frozen"}),
    ],
)
def test_a_layer_in_the_wrong_mode(kind: type, train: bool, names: set[str], monkeypatch: pytest.MonkeyPatch) -> None:
    in_mode(kind, train, monkeypatch)
    assert {name for name, _ in found(probe())} == names


@pytest.mark.parametrize(
    ("method", "train", "name"),
    [("run", True, "training-mode-in-evaluation"), ("run", False, "evaluation-mode-in-training")],
)
def test_a_network_in_the_wrong_mode(method: str, train: bool, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    in_mode_of = Network.run
    monkeypatch.setattr(Network, method, lambda self, x, **more: in_mode_of(self, x, train=train))
    assert name in {found_name for found_name, _ in found(probe())} | {
        finding.name for finding in composition_law(probe())
    }


def test_dropout_that_is_not_scaled(monkeypatch: pytest.MonkeyPatch) -> None:
    spoil(monkeypatch, Dropout, "mask", lambda layer, mask: (mask > 0).astype(mask.dtype))
    (finding,) = broken_laws(probe())
    assert finding.name == "dropout-not-scaled" and "1 / (1 - 0.3) = 1.429" in finding.evidence


def test_dropout_of_another_share(monkeypatch: pytest.MonkeyPatch) -> None:
    original = Dropout.mask
    monkeypatch.setattr(Dropout, "mask", lambda self, shape, rng: np.where(rng.random(shape) < 0.5, 0.0, 1 / 0.7))
    assert original is not Dropout.mask and found(probe()) == [("dropout-share-wrong", "6.dropout")]


@pytest.mark.parametrize(("momentum", "name"), [(0.0, "statistics-frozen"), (0.5, "statistics-wrong")])
def test_running_moments_that_do_not_follow(momentum: float, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    original = BatchNorm.forward

    def forward(self: Any, x: Any, **more: Any) -> Any:
        asked, self.momentum = self.momentum, momentum
        try:
            return original(self, x, **more)
        finally:
            self.momentum = asked

    monkeypatch.setattr(BatchNorm, "forward", forward)
    assert found(probe()) == [(name, "2.batchnorm.mean")]


def of_loss(change: Any) -> type[SoftmaxCrossEntropy]:
    class Broken(SoftmaxCrossEntropy):
        def loss(self, scores: Any, target: Any, *, out: Any = None) -> Any:
            value, dscores = super().loss(scores, target)
            return change(value, dscores, len(scores))

    return Broken


@pytest.mark.parametrize(
    ("change", "name", "words"),
    [
        (lambda v, d, n: (v * n, d * n), "loss-not-mean", "3 times as large"),
        (lambda v, d, n: (v, d * n), "loss-not-mean", "6 times too large"),
        (lambda v, d, n: (v, d + 0.01), "gradient-wrong", "at example"),
        (lambda v, d, n: (v, -d), "gradient-wrong", "at example"),
        (lambda v, d, n: (v * 2, d * 2), "loss-wrong", "its definition gives"),
    ],
)
def test_a_wrong_loss(change: Any, name: str, words: str) -> None:
    findings = broken_laws(probe(loss=of_loss(change)()))
    assert findings[0].name == name and findings[0].where == "softmax-cross-entropy" and words in findings[0].evidence


def test_a_loss_that_training_computes_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    spoil(monkeypatch, SoftmaxCrossEntropy, "run", lambda loss, found: (found[0] * 8, found[1]))
    assert found(probe()) == [("loss-wrong", "softmax-cross-entropy")]


def test_rows_of_the_gradient_that_do_not_sum_to_zero() -> None:
    broken = of_loss(lambda v, d, n: (v, d + 1e-7))()  # below what differences resolve
    (finding,) = broken_laws(probe(loss=broken))
    assert finding.name == "gradient-wrong" and "does not sum to 0" in finding.evidence


# ---- the network as a whole


def test_gradients_that_add_up(monkeypatch: pytest.MonkeyPatch) -> None:
    original = Chain.run_backward

    def run_backward(self: Any, dy: Any, **more: Any) -> Any:
        kept = {name: parameter.grad.copy() for name, parameter in self.parameters().items()}
        dx = original(self, dy, **more)
        for name, parameter in self.parameters().items():
            parameter.grad += kept[name]
        return dx

    monkeypatch.setattr(Chain, "run_backward", run_backward)
    assert found(probe(PLAIN)) == [("gradient-accumulates", "1.conv.weight")]


def test_a_chain_rule_that_is_broken_between_layers(monkeypatch: pytest.MonkeyPatch) -> None:
    original = Chain._back
    monkeypatch.setattr(Chain, "_back", lambda self, dy, wanted, step: original(self, dy * 1.01, wanted, step))
    assert [name for name, _ in found(probe(PLAIN))] == ["gradient-wrong"]


def test_a_folded_step_that_forgets_the_penalty(monkeypatch: pytest.MonkeyPatch) -> None:
    original = Linear.descend
    monkeypatch.setattr(Linear, "descend", lambda self, dy, rate, l2, **more: original(self, dy, rate, 0.0, **more))
    assert found(probe(PLAIN)) == [] and found(probe(PLAIN, l2=0.1)) == [("gradient-wrong", "4.linear.weight")]


@pytest.mark.parametrize(
    ("law", "notation", "place"),
    [
        (scale_law, "conv 3x3, 4, pad 1 -> maxpool 2x2 -> batchnorm -> relu -> linear", "1.conv.weight"),
        (homogeneity_law, PLAIN, "1.conv.weight"),
    ],
)
def test_laws_of_scale_find_a_wrong_gradient_without_differences(
    law: Any, notation: str, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert list(law(probe(notation))) == []

    def change(layer: Any, dx: Any) -> Any:
        layer.parameters["weight"].grad += 0.01 * layer.parameters["weight"].value
        return dx

    spoil(monkeypatch, Conv, "backward", change)
    (finding,) = law(probe(notation))
    assert (finding.name, finding.where) == ("gradient-wrong", place)


# ---- what trains and uses it


@pytest.mark.parametrize("word", OPTIMIZERS)
def test_every_optimiser_obeys(word: str) -> None:
    laws = probe(l2=0.05)
    assert list(step_law(laws, make_optimizer(word))) == [] == list(penalty_law(laws, make_optimizer(word)))


class Uphill(SGD):
    sign = -1.0

    def _update(self, rows: Any, parameters: Any, rates: list[float], clip: float, l2: list[float]) -> None:
        before = [row[0].copy() for row in rows]
        super()._update(rows, parameters, rates, clip, l2)
        for row, value in zip(rows, before, strict=True):
            row[0][...] = value + self.sign * (row[0] - value)


class Idle(Uphill):
    sign = 0.0


@pytest.mark.parametrize(("kind", "name"), [(Uphill, "step-uphill"), (Idle, "not-updated")])
def test_a_step_that_leads_elsewhere(kind: type[SGD], name: str) -> None:
    (finding,) = step_law(probe(), kind(0.1, momentum=0.9))
    assert (finding.name, finding.where) == (name, "1.conv.weight")


def test_a_penalty_of_another_size(monkeypatch: pytest.MonkeyPatch) -> None:
    spoil(monkeypatch, NativeEngine, "penalty", lambda engine, size: -size)
    (finding,) = penalty_law(probe(l2=0.1), SGD())
    assert finding.name == "penalty-wrong" and list(penalty_law(probe(), SGD())) == []


def test_scores_that_are_not_those_of_evaluation() -> None:
    laws = probe(new=True)
    network = laws.network
    assert list(scores_law(laws, network.run_inference)) == []
    with_dropout = list(scores_law(laws, lambda x: network.astype(np.float32).forward(x, train=True)))
    assert [finding.name for finding in with_dropout] == ["evaluation-random"]
    network.set_dropout_key((0,))
    keyed = list(scores_law(laws, lambda x: network.astype(np.float32).forward(x, train=True)))
    assert [finding.name for finding in keyed] == ["training-mode-in-evaluation"]
    assert [finding.name for finding in scores_law(laws, lambda x: 2 * network.infer(x))] == ["forward-differs"]


def test_preprocessing_of_training_and_of_the_model() -> None:
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (20, *SHAPE), np.uint8)
    ours, theirs = (Preprocess.parse("scale -> standardise").fit(part) for part in (images, images[:5]))
    model = Model(stirred(PLAIN, SHAPE, CLASSES), ours, SHAPE, ("a", "b", "c"), SoftmaxCrossEntropy())
    assert list(model_law(model)) == list(preprocess_law(model, ours, images)) == []
    (finding,) = preprocess_law(model, theirs, images)
    assert (finding.name, finding.where) == ("preprocess-differs", "2.standardise.mean")
    (finding,) = preprocess_law(model, Preprocess.parse("scale"), images)
    assert finding.where == "notation" and "'scale -> standardise" in finding.evidence


def test_a_model_that_does_not_keep_all(monkeypatch: pytest.MonkeyPatch) -> None:
    model = Model(stirred(MIXED, SHAPE, CLASSES), Preprocess(), SHAPE, ("a", "b", "c"), SoftmaxCrossEntropy())
    spoil(monkeypatch, Network, "load_arrays", lambda network, nothing: network.arrays()["2.batchnorm.mean"].fill(0.0))
    (finding,) = model_law(model)
    assert (finding.name, finding.where) == ("model-differs", "network.2.batchnorm.mean")


@pytest.mark.parametrize("where", ["input", "1.conv.weight"])
def test_numbers_that_are_not_finite(where: str) -> None:
    laws = probe()
    x = np.where(laws.x > 2.0, np.nan, laws.x) if where == "input" else laws.x
    if where != "input":
        laws.network.arrays()[where].flat[0] = np.inf
    (finding,) = examine_network(laws.network, laws.loss, x, laws.y)
    assert (finding.name, finding.where) == ("not-finite", where)
