"""Convolutional networks: notation, shapes, names, composites, fused units, inference, the gradient check."""

from __future__ import annotations

import numpy as np
import pytest

from glassnet.check import check_network
from glassnet.errors import GlassnetError, NotationError
from glassnet.nn import Network
from glassnet.nn.fusion import Fused
from glassnet.nn.named import NAMED

INPUTS = {
    "softmax": (8, 8, 1),
    "two-layer": (8, 8, 1),
    "autoencoder": (8, 8, 1),
    "small-convnet": (32, 32, 3),
    "digits-convnet": (28, 28, 1),
    "letters-convnet": (32, 32, 1),
    "lenet-5": (28, 28, 1),
    "picture-convnet": (28, 28, 1),
    "photo-convnet": (32, 32, 3),
    "photo-resnet": (32, 32, 3),
    "vgg-small": (32, 32, 3),
    "resnet-20": (32, 32, 3),
    "resnet-18": (64, 64, 3),
    "squeezenet-1.1": (64, 64, 3),
    "efficientnet-lite0": (64, 64, 3),
}

# Small networks that use every kind of layer, strides, uneven sizes and every fused unit.
SMALL = {
    "pooled": "conv 3x3, 4, pad 1 -> batchnorm -> relu -> maxpool 2x2 -> flatten -> linear 3",
    "fused": "conv 3x2, 4, pad same -> relu -> maxpool 2x2 -> conv-relu 1x1, 3 -> conv 2x2, 2 -> maxpool 2x2 -> linear",
    "strided": "conv 3x3, 4, stride 2, pad 1 0 1 0, bias off -> tanh -> avgpool 2x2, stride 1 -> linear 3",
    "residual": "conv-bn-relu 3x3, 4, pad 1 -> basic-block 4 -> basic-block 6, stride 2 -> avgpool global -> linear 3",
    "bottleneck": "conv 1x1, 4 -> bottleneck-block 2, project -> bottleneck-block 2 -> avgpool global -> linear 3",
    "fire": "conv 3x3, 3 -> fire 2, 3 x2 -> maxpool 3x3, stride 2, ceil -> dropout 0.3 -> conv 1x1 -> avgpool global",
    "groups": "depthwise 3x3, 2, pad 1 -> sigmoid -> conv 1x1, 4, groups 2 -> dropout 0.4, channels -> linear 3",
    "inverted": "conv 3x3, 2, stride 2, pad same -> relu6 -> mbconv 3x3, 2, 2, expand 2"
    " -> mbconv 5x5, 2, 3, expand 1, stride 2"
    " -> maxpool 3x3, stride 2, pad same -> linear 3",
    "nested": "concat(conv 1x1, 2 -> residual(tanh) | residual(concat(relu | conv 1x1, 1) | conv 1x1, 3)) -> linear 3",
}


@pytest.mark.parametrize("name", SMALL)
def test_every_gradient(name: str) -> None:
    network = Network(SMALL[name], (7, 6, 2), 3, seed=3)
    rng = np.random.default_rng(0)
    x, labels = rng.standard_normal((4, 7, 6, 2)), rng.integers(0, 3, 4)
    for parameter in network.parameters().values():
        parameter.value += (0.2 * rng.standard_normal(parameter.value.shape)).astype(np.float32)
    result = check_network(network, x, labels, "softmax-cross-entropy", l2=0.01, samples=60)
    assert result.passed, str(result)
    assert {row.parameter for row in result.rows} == {*network.parameters(), "input"}


@pytest.mark.parametrize("name", SMALL)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_fused_units_compute_what_their_layers_do(name: str, dtype: type) -> None:
    rng = np.random.default_rng(1)
    x = rng.standard_normal((5, 7, 6, 2)).astype(dtype)
    results = []
    for fuse in (True, False):
        network = Network(SMALL[name], (7, 6, 2), 3, dtype=dtype).choose(fuse_relu=fuse, fuse_pool=fuse)
        network.set_dropout_key((7,))
        scores = network.forward(x, train=True)
        dx = network.backward(np.ones_like(scores) * np.arange(3, dtype=dtype), input_gradient=True)
        results.append([scores, dx, *(p.grad.copy() for p in network.parameters().values()), network.forward(x)])
    for fused, plain in zip(*results, strict=True):
        np.testing.assert_allclose(fused, plain, rtol=1e-4 if dtype is np.float32 else 1e-11, atol=1e-6)


@pytest.mark.parametrize("name", SMALL)
def test_inference_gives_the_same_and_keeps_nothing(name: str) -> None:
    rng = np.random.default_rng(1)
    x = rng.standard_normal((5, 7, 6, 2)).astype(np.float32)
    network = Network(SMALL[name], (7, 6, 2), 3)
    np.testing.assert_array_equal(network.infer(x), network.forward(x))
    fresh = Network(SMALL[name], (7, 6, 2), 3)
    for _ in range(3):  # blocks find their places
        fresh.infer(x)
        assert not fresh.arena._busy
    held = fresh.nbytes
    for _ in range(3):
        fresh.infer(x)
    assert fresh.nbytes == held


NORMALISED = {
    "any": "conv 3x3, 5, pad 1 -> batchnorm -> relu -> conv 2x2, 3, bias off -> batchnorm -> maxpool 2x2 -> linear 3",
    "pooled": "conv 3x3, 8, pad 1 -> batchnorm -> relu -> maxpool 2x2 -> linear 3",
    "winograd": "conv 3x3, 16 -> relu -> conv 3x3, 16, pad 1, bias off -> batchnorm -> relu -> maxpool 2x2 -> linear 3",
    "depthwise": "conv 1x1, 16 -> depthwise 3x3, pad 1 -> batchnorm -> relu6 -> depthwise 3x3, stride 2 -> batchnorm"
    " -> linear 3",
    "groups": "conv 1x1, 6 -> conv 3x3, 4, groups 2 -> batchnorm -> relu -> linear 3",
    "branches": "conv 3x3, 4 -> residual(conv 3x3, 4, pad 1 -> batchnorm -> relu | conv 1x1, 4 -> batchnorm)"
    " -> linear 3",
}


@pytest.mark.parametrize("name", NORMALISED)
@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float32, 1e-5), (np.float64, 1e-12)])
def test_normalisation_in_use_is_computed_by_the_convolution(name: str, dtype: type, tolerance: float) -> None:
    rng = np.random.default_rng(2)
    network = Network(NORMALISED[name], (12, 11, 3), 3, dtype=dtype)
    for key, array in network.arrays().items():
        if "batchnorm" in key:
            array[...] = rng.uniform(0.2, 2, array.shape) * (1 if key.endswith("variance") else rng.choice([-1, 1]))
    x = rng.standard_normal((3, 12, 11, 3)).astype(dtype)
    expected = network.astype(np.float64).chain.reference(x.astype(np.float64))
    scale = np.abs(expected).max()
    for fuse_norm in (True, False):
        network.choose(fuse_norm=fuse_norm)
        assert np.abs(network.infer(x) - expected).max() <= tolerance * scale
        assert np.abs(network.forward(x) - expected).max() <= tolerance * scale
    # Training goes on as it would have: what is taken along in use leaves no trace.
    used, fresh = network.choose(fuse_norm=True).astype(dtype), network.astype(dtype)
    used.infer(x)
    for net in (used, fresh):
        net.forward(x, train=True)
        net.backward(np.ones((3, 3), dtype))
    for key, parameter in used.parameters().items():
        np.testing.assert_array_equal(parameter.grad, fresh.parameters()[key].grad)


@pytest.mark.parametrize("name", SMALL)
def test_steady_training_holds_no_more_memory(name: str) -> None:
    rng = np.random.default_rng(1)
    x = rng.standard_normal((5, 7, 6, 2)).astype(np.float32)
    network = Network(SMALL[name], (7, 6, 2), 3)

    def step() -> int:
        scores = network.run(x, train=True)
        network.run_backward(np.ones_like(scores))
        return network.nbytes

    held = [step() for _ in range(3)][-1]
    assert [step() for _ in range(3)] == [held] * 3
    assert not network.arena._busy


@pytest.mark.parametrize("name", INPUTS)
def test_named_networks_are_built_and_written_out(name: str) -> None:
    network = Network(name, INPUTS[name], classes=10)
    again = Network(network.notation(), INPUTS[name])
    assert again.notation() == network.notation()
    assert {n: a.shape for n, a in again.arrays().items()} == {n: a.shape for n, a in network.arrays().items()}
    again.load_arrays(network.arrays())
    x = np.random.default_rng(0).random((2, *INPUTS[name]))
    np.testing.assert_array_equal(again.infer(x), network.infer(x))
    assert str(network.plan(4)).count("\n") > 2 and str(network).count("\n") > 3


def test_all_named_networks_are_tried() -> None:
    assert set(NAMED) - set(INPUTS) == {"resnet-50", "resnet-152"}


@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("resnet-18", 11_689_512),
        ("resnet-50", 25_557_032),
        ("resnet-152", 60_192_808),
        ("squeezenet-1.1", 1_235_496),
        ("efficientnet-lite0", 4_652_008),
    ],
)
def test_published_sizes(name: str, size: int) -> None:
    assert Network(name, (224, 224, 3), classes=1000).size == size


def test_lenet_and_resnet_20_sizes() -> None:
    assert Network("lenet-5", (28, 28, 1), classes=10).size == 61_706
    assert Network("resnet-20", (32, 32, 3), classes=10).size == 272_474


def test_names_of_parameters() -> None:
    names = set(Network(SMALL["residual"], (7, 6, 2)).parameters())
    assert {"1.conv.weight", "4.residual.body.1.conv.weight", "6.residual.shortcut.2.batchnorm.scale"} <= names
    assert "6.residual.shortcut.2.batchnorm.mean" in Network(SMALL["residual"], (7, 6, 2)).arrays()


def test_repetition_and_groups_are_written_out() -> None:
    network = Network("(conv 3x3, 4, pad 1 -> relu) x2 -> flatten -> linear 3", (5, 5, 1))
    assert network.notation() == "conv 3x3, 4, pad 1 -> relu -> conv 3x3, 4, pad 1 -> relu -> flatten -> linear 3"


def test_last_convolution_takes_the_classes() -> None:
    assert Network("conv 3x3, 4 -> conv 1x1 -> avgpool global", (5, 5, 1), classes=7).output_shape == (7,)
    with pytest.raises(NotationError, match="Only the last layer"):
        Network("conv 3x3 -> conv 1x1 -> avgpool global", (5, 5, 1), classes=7)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("conv", "is written 'conv 3x3"),
        ("conv 3x3, 4, 5", "is written 'conv 3x3"),
        ("conv 3, 4, pad", "pad takes"),
        ("conv 3x3x3, 4", "size such as '3x3'"),
        ("conv 0, 4", "size such as '3x3'"),
        ("conv 3, 4, stride 0", "size such as"),
        ("conv 3, 0", "whole number"),
        ("conv 9, 4", "does not fit"),
        ("conv 3, 4, groups 3", "must divide"),
        ("conv 3, 4, bias maybe", "bias"),
        ("conv 3, 4, padd 1", "is written"),
        ("maxpool", "is written 'maxpool"),
        ("maxpool 9", "larger than its input"),
        ("maxpool 2, pad 2", "smaller than its window"),
        ("maxpool 2, ceil 3", "is written"),
        ("avgpool everything", "size such as"),
        ("flatten -> conv 3, 4", "needs pictures"),
        ("flatten -> maxpool 2", "needs pictures"),
        ("flatten -> avgpool global", "needs pictures"),
        ("flatten -> dropout 0.1, channels", "needs pictures"),
        ("residual(conv 3x3, 4)", "must be the same size"),
        ("residual(relu | relu | relu)", "is written 'residual"),
        ("residual", "is written 'residual"),
        ("residual(relu), 3", "is written 'residual"),
        ("concat(relu | maxpool 2)", "must agree"),
        ("relu(relu)", "no layers in parentheses"),
        ("fire 3", "is written 'fire"),
        ("basic-block", "is written 'basic-block"),
        ("basic-block 4(relu)", "must"),
        ("conv 3x3, 4 -> (relu", "lacks a closing"),
        ("relu x0", "repeated 0 times"),
        ("(((((((((((((relu)))))))))))))", "within each other"),
        ("relu x9999", "more than"),
        ("cnv 3, 4", "Did you mean 'conv'"),
    ],
)
def test_wrong_notations_say_what_is_wrong(text: str, says: str) -> None:
    with pytest.raises(NotationError, match=says):
        Network(text, (6, 6, 2), classes=3)


def _uses_winograd(network: Network) -> bool:
    return any(row.kernel == "winograd" for row in network.plan(64).rows)


def test_plan_says_which_kernel_runs_and_why() -> None:
    network = Network("vgg-small", (32, 32, 3), classes=10)
    text = str(network.plan(64))
    assert "winograd" in text and "batchnorm -> relu" in text
    assert not _uses_winograd(network.choose(winograd=False))
    assert "turned off: winograd" in str(network.plan(64))
    assert not any(isinstance(unit, Fused) for unit in network.choose(fuse_relu=False, fuse_pool=False).chain.units)
    assert not _uses_winograd(network.choose(winograd=True).astype(np.float64))
    with pytest.raises(GlassnetError, match="no choice named"):
        network.choose(speed=True)


def test_astype_and_clone_share_nothing() -> None:
    network = Network(SMALL["residual"], (7, 6, 2))
    twin = network.astype(np.float64)
    for name, array in twin.arrays().items():
        assert not np.shares_memory(array, network.arrays()[name])
    before = {name: array.copy() for name, array in network.arrays().items()}
    for array in twin.arrays().values():
        array += 1
    for name, array in network.arrays().items():
        np.testing.assert_array_equal(array, before[name])
    x = np.zeros((3, 7, 6, 2))
    assert not np.array_equal(twin.forward(x), network.forward(x))


def test_activations_of_every_layer() -> None:
    network = Network(SMALL["pooled"], (7, 6, 2))
    x = np.random.default_rng(0).random((3, 7, 6, 2))
    kept = network.activations(x)
    assert [a.shape[1:] for a in kept.values()] == [layer.output_shape for layer in network.layers]
    np.testing.assert_allclose(kept["6.linear"], network.forward(x), rtol=1e-5)


def test_descent_moves_composites_too() -> None:
    rng = np.random.default_rng(0)
    x = rng.standard_normal((4, 7, 6, 2))
    for name in ("residual", "nested", "fire"):
        one, two = (Network(SMALL[name], (7, 6, 2), 3, dtype=np.float64) for _ in range(2))
        for network in (one, two):
            network.set_dropout_key((1,))
            network.run(x, train=True)
        dscores = rng.standard_normal((4, 3))
        one.run_backward(dscores)
        two.run_descent(dscores, 0.1, 0.05)
        for key, parameter in one.parameters().items():
            decay = 0.05 * parameter.value if parameter.decays else 0.0
            expected = parameter.value - 0.1 * (parameter.grad + decay)
            np.testing.assert_allclose(two.parameters()[key].value, expected, atol=1e-12)
