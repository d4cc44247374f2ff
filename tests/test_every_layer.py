"""Every layer is in every table, and a new one is added by the steps of CONTRIBUTING.md and no other."""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from glassnet import load
from glassnet.bench import cases_for
from glassnet.check import check_network, layer_card, opinion, stacked
from glassnet.check.differences import Differences
from glassnet.data import Dataset
from glassnet.interop.onnx.forms import onnx_form
from glassnet.nn import Layer, Network, SoftmaxCrossEntropy
from glassnet.nn.layer import KINDS
from glassnet.nn.layers import LAYERS, Composite, GlobalAveragePool
from glassnet.nn.torchvision import torch_arrays
from glassnet.optim import Adam
from glassnet.report.figures.diagram import network_figure
from glassnet.report.figures.features import chosen_layers
from glassnet.train import Trainer
from support.networks import SHAPE, STEPS

HAS_TORCH = importlib.util.find_spec("torch") is not None


def layers_of(package: str = "glassnet.nn.layers") -> set[type[Layer]]:
    """Every layer that the package defines, the bases left out."""

    def below(kind: type[Layer]) -> Iterator[type[Layer]]:
        for derived in kind.__subclasses__():
            yield derived
            yield from below(derived)

    return {kind for kind in below(Layer) if kind.__module__.startswith(package) and "word" in vars(kind)}


def entries(table: Any, kind: type[Layer]) -> bool:
    """Whether a table of `singledispatch` has an entry for this layer, or for a base of it but `Layer`."""
    return any(base in table.registry for base in kind.__mro__[: kind.__mro__.index(Layer)])


def missing(kind: type[Layer]) -> list[str]:
    """What CONTRIBUTING.md asks of a new layer and this one lacks."""
    found = []
    if LAYERS.get(kind.word) is not kind and kind is not GlobalAveragePool:  # 'avgpool' makes the global one as well
        found.append("a line in LAYERS")
    if getattr(kind, "kind", None) not in KINDS:
        found.append("a kind")
    for name in ("forward", "backward", "reference"):
        if getattr(kind, name) is getattr(Layer, name):
            found.append(f"the method '{name}'")
    tables: dict[str, Any] = {
        "check.stacked.stacked_form": stacked.stacked_form,
        "check.opinion.scalar_form": opinion.scalar_form,
        "interop.onnx.forms.onnx_form": onnx_form,
    }
    if HAS_TORCH:
        from glassnet.interop.convert import torch_form

        tables["interop.convert.torch_form"] = torch_form
    found.extend(f"an entry in {name}" for name, table in tables.items() if not entries(table, kind))
    return found


def lacking() -> dict[str, list[str]]:
    """What layers lack, by their names."""
    return {kind.__name__: gaps for kind in layers_of() | set(LAYERS.values()) if (gaps := missing(kind))}


def small(step: str, shape: tuple[int, ...] = SHAPE) -> tuple[Network, np.ndarray]:
    """A network of one layer in float64, its arrays moved away from where they start, and a batch for it."""
    rng = np.random.default_rng(3)
    network = Network(step, shape, 3, dtype=np.float64)
    network.set_dropout_key((4,))
    for array in network.arrays().values():
        array += rng.random(array.shape)
    return network, rng.standard_normal((5, *shape))


def test_every_layer_is_in_every_table() -> None:
    assert len(layers_of()) == len(LAYERS) + 1
    assert lacking() == {}


@pytest.mark.parametrize("word", [*LAYERS, "avgpool global"])
def test_the_fast_form_of_every_layer_is_its_reference(word: str) -> None:
    network, x = small(STEPS.get(word, word))
    for train in (False, True):
        before = {name: array.copy() for name, array in network.arrays().items()}
        wanted = network.chain.reference(x, train=train)
        for name, array in network.arrays().items():
            np.testing.assert_array_equal(array, before[name])
        found = network.run(x, train=train)
        assert wanted.dtype == np.float64 and wanted.shape == found.shape
        np.testing.assert_allclose(found, wanted, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("word", [*LAYERS, "avgpool global"])
def test_the_input_gradient_alone_is_that_of_the_backward_pass(word: str) -> None:
    network, x = small(STEPS.get(word, word))
    weights = np.random.default_rng(5).standard_normal((5, *network.output_shape))
    scores, found = network.input_gradient(x, lambda scores: weights)
    np.testing.assert_array_equal(scores, network.forward(x))
    np.testing.assert_array_equal(found, network.backward(weights, input_gradient=True))
    assert found.shape == x.shape


def test_the_input_gradient_alone_of_a_whole_network() -> None:
    line = (
        "conv 3x3, 4, pad 1 -> relu -> maxpool 2x2 -> concat(residual(conv 1x1, 4 -> relu) | conv 1x1, 2) -> linear 3"
    )
    network = Network(line, SHAPE, dtype=np.float64)
    x = np.random.default_rng(0).standard_normal((6, *SHAPE))
    scores, found = network.input_gradient(x, np.cos)
    np.testing.assert_array_equal(network.forward(x), scores)
    np.testing.assert_array_equal(found, network.backward(np.cos(scores), input_gradient=True))
    steps = 1e-6 * np.random.default_rng(1).standard_normal(x.shape)
    slope = (np.sin(network(x + steps)).sum() - np.sin(network(x - steps)).sum()) / 2
    assert (found * steps).sum() == pytest.approx(slope, rel=1e-7)


def test_a_reference_draws_what_the_next_forward_pass_draws() -> None:
    network, x = small("dropout 0.4")
    network.set_dropout_key(None)
    masks = []
    for _ in range(2):
        wanted = network.chain.reference(x, train=True)
        np.testing.assert_allclose(network.run(x, train=True), wanted, rtol=1e-12)
        masks.append(wanted == 0)
    assert (masks[0] != masks[1]).any()


@pytest.mark.parametrize("word", [*LAYERS, "avgpool global"])
def test_cards_hold_for_every_layer(word: str) -> None:
    card = layer_card(STEPS.get(word, word), SHAPE, examples=3)
    assert card.passed, str(card)


@pytest.mark.parametrize("word", [*LAYERS, "avgpool global"])
def test_arrays_of_every_layer_have_a_name_in_pytorch(word: str) -> None:
    network, _ = small(STEPS.get(word, word))
    for _, layer in network.walk():
        own = {} if isinstance(layer, Composite) else {**layer.parameters, **layer.state}
        assert set(torch_arrays(layer)) == set(own)


@pytest.mark.parametrize("word", [*LAYERS, "avgpool global"])
def test_every_layer_as_onnx_is_its_reference(word: str) -> None:
    """By the reference of the package onnx itself, which computes node by node."""
    pytest.importorskip("onnx")
    from support.onnx_graphs import as_onnx, evaluated

    network, x = small(STEPS.get(word, word))
    x = x.astype(np.float32)
    found = evaluated(as_onnx(network), x.transpose(0, 3, 1, 2))
    wanted = network.chain.reference(x.astype(np.float64))
    found = found.transpose(0, 2, 3, 1) if found.ndim == 4 else found
    assert found.shape == wanted.shape and found.dtype == np.float32
    np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("word", [*LAYERS, "avgpool global"])
def test_every_layer_says_what_runs_and_what_it_is(word: str) -> None:
    network, _ = small(STEPS.get(word, word))
    (layer,) = network.layers
    assert all(layer.explain(5)) and layer.notation() in repr(layer)
    again = layer.clone(np.float32)
    assert again.notation() == layer.notation() and again.branches.keys() == layer.branches.keys()
    for (_, one), (_, other) in zip(network.astype(np.float32).walk(), network.walk(), strict=True):
        assert one is not other and type(one) is type(other)


@pytest.mark.parametrize(
    "last", ["linear 4", "depthwise 3x3, pad 1", "residual(conv 1x1, 4)", "batchnorm", "relu", "dropout 0.5"]
)
def test_a_sum_is_the_same_wherever_it_is_written(last: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the body's output is free the sum takes its place: no bit of any gradient may change by that."""
    shape = (4,) if last.startswith("linear") else SHAPE
    first = "linear 4" if last.startswith("linear") else "conv 3x3, 4, pad 1"
    notation = f"residual({first} -> {last}) -> relu -> linear 3"

    def gradients() -> list[np.ndarray]:
        network, x = small(notation, shape)
        scores = network.forward(x, train=True)
        dx = network.backward(np.cos(scores), input_gradient=True)
        assert dx is not None
        return [scores, dx, *(parameter.grad for parameter in network.parameters().values())]

    usual = gradients()
    for kind in layers_of():
        monkeypatch.setattr(kind, "output_is_free", False)
    for one, other in zip(usual, gradients(), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("word", LAYERS)
def test_every_word_is_explained(word: str) -> None:
    page = (Path(__file__).parents[1] / "docs" / "notation.md").read_text(encoding="utf-8")
    rows = [line.split(" | ")[0] for line in page.splitlines() if line.startswith("| `")]
    assert any(re.search(rf"`{word}[ (`]", row) for row in rows)


# ---- a new layer, by the steps of CONTRIBUTING.md


@pytest.fixture
def softplus(monkeypatch: pytest.MonkeyPatch) -> type[Layer]:
    """log(1 + e^x), with a slope that is trained, added as a file of `nn/layers` and the entries would add it."""

    class Softplus(Layer):
        """y = log(1 + e^(s x)), s a number for each feature. Notation: `softplus`."""

        word = "softplus"
        kind = "activation"

        def build(self, input_shape: tuple[int, ...], rng: Any, dtype: type, following: str = "") -> None:
            super().build(input_shape, rng, dtype)
            from glassnet.nn import Parameter

            self.parameters = {"slope": Parameter.of(np.ones(input_shape[-1], dtype), "scale")}

        def forward(self, x: np.ndarray, *, train: bool = False) -> np.ndarray:
            self._cache = x
            y = self._output(len(x))
            np.logaddexp(0, self.parameters["slope"].value * x, out=y)
            return y

        def reference(self, x: np.ndarray, *, train: bool = False) -> np.ndarray:
            return np.log(1 + np.exp(np.asarray(self.parameters["slope"].value * x, np.float64)))

        def backward(self, dy: np.ndarray, *, input_gradient: bool = True) -> np.ndarray | None:
            slope = self.parameters["slope"]
            inner = dy / (1 + np.exp(-slope.value * self._cache))
            slope.grad[...] = (inner * self._cache).reshape(-1, len(slope.grad)).sum(axis=0)
            if not input_gradient:
                return None
            dx = self._gradient(len(dy))
            dx[...] = inner * slope.value
            return dx

    assert missing(Softplus)[0] == "a line in LAYERS"
    monkeypatch.setitem(LAYERS, Softplus.word, Softplus)
    return Softplus


def register(kind: type[Layer]) -> None:
    """The entries of the tables, for a class that a single test has made."""

    @stacked.stacked_form.register(kind)
    def _stacked(layer: Layer, x: np.ndarray, train: bool) -> stacked.Piece | None:
        slope = layer.parameters["slope"].value
        if x.ndim != 2:  # of pictures, every number of a channel moves with one
            return None
        return stacked.Piece(
            lambda a, kinks: np.log1p(np.exp(slope[:, None, None] * a)),
            lambda c, j, kinks: np.log1p(np.exp(slope[j][:, None] * c)),
        )

    @opinion.scalar_form.register(kind)
    def _not_written(layer: Layer) -> None: ...

    @torch_arrays.register(kind)
    def _arrays(layer: Layer) -> dict[str, Any]:
        from glassnet.nn.torchvision import TorchArray

        return {"slope": TorchArray("slope")}

    @onnx_form.register(kind)
    def _nodes(layer: Layer, graph: Any, x: str, name: str) -> str:
        slope = graph.array(
            f"{name}.slope", layer.parameters["slope"].value, shape=(-1, *[1] * (len(layer.input_shape) - 1))
        )
        return str(graph.node("Softplus", graph.node("Mul", x, slope, name=name), name=name))

    if HAS_TORCH:
        import torch

        from glassnet.interop.convert import torch_form

        class Module(torch.nn.Module):
            def __init__(self, size: int) -> None:
                super().__init__()
                self.slope = torch.nn.Parameter(torch.ones(size))

            def forward(self, x: torch.Tensor) -> torch.Tensor:
                slope = self.slope.reshape(-1, *[1] * (x.ndim - 2))
                return torch.logaddexp(torch.zeros_like(x), slope * x)  # `softplus` of PyTorch is x from 20 on

        @torch_form.register(kind)
        def _module(layer: Layer, build: Any, at: Any) -> Any:
            build.place(layer, at, {"slope": at.order})
            return Module(layer.input_shape[-1]), at.order


def test_a_missing_entry_is_named(softplus: type[Layer]) -> None:
    tables = ["an entry in check.stacked.stacked_form", "an entry in check.opinion.scalar_form"]
    tables += ["an entry in interop.onnx.forms.onnx_form"]
    tables += ["an entry in interop.convert.torch_form"] * HAS_TORCH
    assert lacking() == {"Softplus": tables}
    register(softplus)
    assert lacking() == {}
    incomplete = type("Softplus", (Layer,), {"word": "softplus", "kind": "wavy"})
    assert missing(incomplete)[:5] == [
        "a line in LAYERS",
        "a kind",
        "the method 'forward'",
        "the method 'backward'",
        "the method 'reference'",
    ]


def test_a_new_layer_is_checked_drawn_and_trained(
    softplus: type[Layer], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    register(softplus)
    notation = "conv 3x3, 4, pad 1 -> softplus -> maxpool 2x2 -> flatten -> linear 6 -> softplus -> linear"
    network = Network(notation, (6, 6, 1), 3, seed=2)
    rng = np.random.default_rng(0)
    # classes that lie in the brightness of three rows
    labels = np.arange(90) % 3
    images = rng.integers(0, 60, (90, 6, 6, 1)).astype(np.uint8)
    for image, label in zip(images, labels, strict=True):
        image[2 * label] += 150
    x = images[:8] / 255.0

    # gradients: by fast differences where the layer is described, and of the layer alone
    assert check_network(network, x, labels[:8], "softmax-cross-entropy").passed
    dense = Network("linear 5 -> softplus -> linear 3", (4,), seed=1, dtype=np.float64)
    around = Differences(dense, rng.standard_normal((6, 4)), labels[:6], SoftmaxCrossEntropy(), False)
    assert None not in around.pieces and around.move_of(0, "weight") is not None
    card = layer_card("softplus")
    assert card.passed and card.formula.startswith("y = log(1 + e^(s x))") and "slope" in card.errors

    # a wrong backward pass is caught
    right = softplus.backward

    def wrong(self: Layer, dy: np.ndarray, *, input_gradient: bool = True) -> np.ndarray | None:
        return right(self, 2 * dy, input_gradient=input_gradient)

    with monkeypatch.context() as patch:
        patch.setattr(softplus, "backward", wrong)
        assert not layer_card("softplus").passed

    # drawing, the plan, the table of layers, the feature maps, the benchmark
    assert "softplus" in str(network.plan(8)) and "softplus" in str(network)
    texts = [text.get_text() for text in network_figure(network).axes[0].texts]
    assert texts.count("softplus") == 2
    assert chosen_layers(network)[0] == ("2.softplus", "conv 3x3, 4, pad 1 -> softplus")
    assert cases_for([notation], input_shape=(6, 6, 1))[0].flops(network) > 0

    # training, saving, reading
    data = Dataset(images, labels, ("a", "b", "c"))
    before = SoftmaxCrossEntropy()(network(images / 255.0), labels)[0]
    model = Trainer(network, optimizer=Adam(lr=0.02), epochs=40, batch=15, seed=1).fit(data)
    assert SoftmaxCrossEntropy()(network(images / 255.0), labels)[0] < 0.1 * before
    model.save(tmp_path / "m.safetensors")
    again = load(tmp_path / "m.safetensors")
    np.testing.assert_array_equal(again.predict_proba(images), model.predict_proba(images))
    assert (again.predict_proba(images).argmax(axis=1) == labels).all()


@pytest.mark.skipif(not HAS_TORCH, reason="PyTorch is not installed")
def test_a_new_layer_has_its_counterpart_in_pytorch(softplus: type[Layer]) -> None:
    import torch

    from glassnet.interop import to_torch

    register(softplus)
    network, x = small("conv 3x3, 4, pad 1 -> softplus -> flatten -> softplus -> linear 3")
    module = to_torch(network)
    with torch.no_grad():
        scores = module(torch.from_numpy(x.transpose(0, 3, 1, 2).copy())).numpy()
    np.testing.assert_allclose(scores, network.forward(x), rtol=1e-12)
    np.testing.assert_array_equal(module.arrays()["4.softplus.slope"], network.arrays()["4.softplus.slope"])


def test_a_new_layer_has_its_counterpart_in_onnx(softplus: type[Layer]) -> None:
    pytest.importorskip("onnx")
    from support.onnx_graphs import as_onnx, evaluated

    register(softplus)
    network, x = small("conv 3x3, 4, pad 1 -> softplus -> flatten -> softplus -> linear 3")
    found = evaluated(as_onnx(network), x.transpose(0, 3, 1, 2).astype(np.float32))
    np.testing.assert_allclose(found, network.forward(x), rtol=1e-4)
