"""A network and its PyTorch module: the same scores, gradients and running moments, to rounding."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from glassnet.errors import GlassnetError
from glassnet.interop import library, to_torch
from glassnet.nn import Dropout, Layer, Network, SoftmaxCrossEntropy
from glassnet.nn.layers import LAYERS, GlobalAveragePool
from glassnet.nn.named import NAMED
from support.networks import stirred

torch = pytest.importorskip("torch")

TOLERANCE = {np.float32: 1e-5, np.float64: 1e-10}
SHAPE = (7, 6, 2)
# Every layer, uneven sizes, pads and strides, and every way in which a flattened picture may travel on.
SMALL = {
    "pooled": "conv 3x3, 4, pad 1 -> batchnorm -> relu -> maxpool 2x2 -> flatten -> linear 3",
    "fused": (
        "conv 3x2, 4, pad same -> relu -> maxpool 2x2 -> conv 1x1, 3 -> relu -> conv 2x2, 2 -> maxpool 2x2 -> linear 3"
    ),
    "uneven": "conv 3x2, 4, stride 2x1, pad 1 0 2 1, bias off -> tanh -> avgpool 2x2, stride 1 -> linear 3",
    "grouped": "depthwise 3x3, 2, pad 1 -> sigmoid -> conv 1x1, 6, groups 2 -> dropout 0.4, channels -> linear 3",
    "overlapping": "conv 1x1, 3 -> maxpool 3x3, stride 2, ceil -> maxpool 3x2, stride 1, pad 1 1 0 1 -> avgpool global",
    "padded max": "conv 1x1, 3 -> maxpool 3x3, stride 2, pad 2 1 0 2, ceil -> maxpool 2x2, stride 1, pad 1 -> linear 3",
    "averages": (
        "conv 1x1, 3 -> avgpool 3x3, stride 2, pad 1, ceil -> avgpool 2x2, stride 1, pad 1, count_pad -> linear 3"
    ),
    "uneven averages": (
        "conv 1x1, 3 -> avgpool 3x3, stride 2, pad 0 2 1 0 -> avgpool 3x3, stride 1, pad 2, count_pad -> linear 3"
    ),
    "residual": "conv-bn-relu 3x3, 4, pad 1 -> basic-block 4 -> basic-block 6, stride 2 -> avgpool global -> linear 3",
    "bottleneck": "conv 1x1, 4 -> bottleneck-block 2, project -> bottleneck-block 2 -> avgpool global -> linear 3",
    "fire": (
        "conv 3x3, 3 -> fire 2, 3 x2 -> maxpool 3x3, stride 2, ceil -> dropout 0.3 -> conv 1x1, 3 -> avgpool global"
    ),
    "nested": "concat(conv 1x1, 2 -> residual(tanh) | residual(concat(relu | conv 1x1, 1) | conv 1x1, 3)) -> linear 3",
    "features": (
        "linear 5, init he -> batchnorm, momentum 0.3, eps 1e-3 -> relu -> dropout 0.2 -> residual(linear 5"
        " -> relu) -> linear 3"
    ),
    "flat to the end": "conv 2x2, 3, stride 3 -> flatten",
    "clipped": "conv 3x3, 4, stride 2, pad same -> relu6 -> depthwise 3x3, pad same -> relu6 -> linear 3 -> relu6",
    "flat and normalised": "conv 3x3, 2 -> flatten -> batchnorm -> relu -> linear 3",
    "flat sums": (
        "conv 3x3, 2 -> flatten -> residual(tanh) -> residual(linear 40) -> residual(tanh | linear 40) -> linear 3"
    ),
    "flat pieces": "conv 3x3, 2 -> flatten -> concat(tanh | linear 4) -> batchnorm -> residual(sigmoid) -> linear 3",
    "flat pictures": "concat(conv 3x3, 1 -> flatten | flatten -> tanh) -> linear 3",
    "kept inputs": (
        "relu -> relu -> conv 1x1, 2 -> sigmoid -> relu -> residual(conv 1x1, 2 -> tanh) -> relu -> linear 3"
    ),
}
# Named networks with the smallest pictures that they are meant for or that go through them.
ZOO = {
    "softmax": (8, 8, 1),
    "two-layer": (8, 8, 1),
    "autoencoder": (8, 8, 1),
    "small-convnet": (16, 16, 3),
    "digits-convnet": (28, 28, 1),
    "letters-convnet": (32, 32, 1),
    "lenet-5": (28, 28, 1),
    "picture-convnet": (16, 16, 1),
    "photo-convnet": (16, 16, 3),
    "photo-resnet": (16, 16, 3),
    "vgg-small": (16, 16, 3),
    "resnet-20": (16, 16, 3),
    "resnet-18": (48, 48, 3),
    "squeezenet-1.1": (48, 48, 3),
}


def _without_dropout(network: Network) -> Network:
    for _, layer in network.walk():
        if isinstance(layer, Dropout):
            layer.p = 0.0
    return network


def _tensor(x: np.ndarray) -> Any:
    return torch.from_numpy(np.ascontiguousarray(x.transpose(0, 3, 1, 2) if x.ndim == 4 else x))


def _assert_near(ours: np.ndarray, its: np.ndarray, tolerance: float, what: str) -> None:
    assert ours.shape == its.shape and ours.dtype == its.dtype, what
    scale = max(float(np.abs(its).max()), 1e-3 if ours.dtype == np.float32 else 1e-6)
    assert np.abs(ours - its).max() <= tolerance * scale, what


def _compare(network: Network, train: bool, tolerance: float, *, channels_last: bool = False) -> None:
    """Scores, gradients under a random upstream and under softmax cross-entropy, and running moments."""
    twin = to_torch(network, channels_last=channels_last).train(train)
    rng = np.random.default_rng(7)
    x = rng.standard_normal((4, *network.input_shape)).astype(network.dtype)
    labels = rng.integers(0, network.output_shape[0], 4)
    upstream = rng.standard_normal((4, *network.output_shape)).astype(network.dtype)
    for loss in ("upstream", "cross-entropy"):
        scores = network.forward(x, train=train)
        its = twin(_tensor(x))
        _assert_near(scores, its.detach().numpy(), tolerance, f"scores for {loss}")
        twin.zero_grad()
        if loss == "upstream":
            network.backward(upstream)
            its.backward(torch.from_numpy(upstream))
        else:
            network.backward(SoftmaxCrossEntropy().loss(scores, labels)[1])
            torch.nn.functional.cross_entropy(its, torch.from_numpy(labels)).backward()
        gradients = twin.gradients()
        assert set(gradients) == set(network.parameters())
        largest = max(float(np.abs(g).max()) for g in gradients.values())
        for name, parameter in network.parameters().items():
            # A sum whose terms cancel (to zero, for a bias before batch normalisation) is as exact as its terms are.
            share = 0.1 if network.dtype == np.float32 else 1e-3
            scale = max(float(np.abs(gradients[name]).max()), share * largest)
            assert np.abs(parameter.grad - gradients[name]).max() <= tolerance * scale, (loss, name)
    for name, array in twin.arrays().items():
        np.testing.assert_allclose(network.arrays()[name], array, rtol=10 * tolerance, atol=tolerance, err_msg=name)


@pytest.mark.parametrize("train", [False, True], ids=["evaluation", "training"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", SMALL)
def test_small_networks(name: str, dtype: type, train: bool) -> None:
    network = stirred(SMALL[name], SHAPE, dtype=dtype)
    _compare(_without_dropout(network) if train else network, train, TOLERANCE[dtype])


def test_every_layer_is_tried() -> None:
    used: set[type[Layer]] = set()
    for notation in SMALL.values():
        used |= {type(layer) for _, layer in Network(notation, SHAPE, 3).walk()}
    assert used == {*LAYERS.values(), GlobalAveragePool}
    # EfficientNet-Lite0 is compared with a module written out, in tests/nn/test_published_weights.py.
    assert set(NAMED) - set(ZOO) == {"resnet-50", "resnet-152", "efficientnet-lite0"}


@pytest.mark.parametrize("train", [False, True], ids=["evaluation", "training"])
@pytest.mark.parametrize("name", ZOO)
def test_named_networks(name: str, train: bool) -> None:
    network = stirred(name, ZOO[name], dtype=np.float64)
    _compare(_without_dropout(network) if train else network, train, TOLERANCE[np.float64])


@pytest.mark.parametrize("name", ZOO)
def test_named_networks_in_single_precision(name: str) -> None:
    """The scores alone: in float32 a rounding may turn a ReLU around, and its gradients are then far apart.

    Without Winograd, whose rounding errors are about ten times larger and have tests of their own.
    """
    network = stirred(name, ZOO[name], dtype=np.float32).choose(winograd=False)
    x = np.random.default_rng(7).standard_normal((4, *network.input_shape)).astype(np.float32)
    with torch.no_grad():
        its = to_torch(network).eval()(_tensor(x)).numpy()
    _assert_near(network.forward(x), its, TOLERANCE[np.float32], name)


def test_winograd_in_single_precision() -> None:
    """Its transforms lose about a digit against a plain product; two such layers still stay within the tolerance."""
    notation = "conv 3x3, 64, pad 1 -> relu -> conv 3x3, 64, pad 1 -> relu -> maxpool 2x2 -> conv 3x3, 64 -> linear 3"
    network = stirred(notation, (12, 10, 3), dtype=np.float32)
    x = np.random.default_rng(7).standard_normal((16, 12, 10, 3)).astype(np.float32)
    assert [row.kernel for row in network.plan(len(x)).rows].count("winograd") == 2
    with torch.no_grad():
        its = to_torch(network).eval()(_tensor(x)).numpy()
    _assert_near(network.forward(x), its, TOLERANCE[np.float32], "scores")


@pytest.mark.parametrize("name", ["pooled", "uneven", "fire", "flat and normalised"])
def test_channels_last(name: str) -> None:
    network = stirred(SMALL[name], SHAPE, dtype=np.float64)
    twin = to_torch(network, channels_last=True)
    weight = next(p for p in twin.parameters() if p.ndim == 4 and p.shape[2:] != (1, 1))
    assert weight.is_contiguous(memory_format=torch.channels_last)
    _compare(_without_dropout(network), True, TOLERANCE[np.float64], channels_last=True)


def test_precision_may_be_chosen() -> None:
    network = stirred(SMALL["pooled"], SHAPE, dtype=np.float32)
    twin = to_torch(network, dtype=np.float64)
    assert {p.dtype for p in twin.parameters()} == {torch.float64}
    _assert_near(network.parameters()["1.conv.weight"].value.astype(np.float64), twin.arrays()["1.conv.weight"], 0, "")
    with pytest.raises(GlassnetError, match="float32 or float64"):
        to_torch(network, dtype=np.int32)


def test_nothing_is_shared_and_no_random_number_used() -> None:
    network = stirred(SMALL["residual"], SHAPE, dtype=np.float32)
    before = {name: array.copy() for name, array in network.arrays().items()}
    state = torch.random.get_rng_state()
    twin = to_torch(network)
    assert torch.equal(state, torch.random.get_rng_state())
    with torch.no_grad():
        for tensor in (*twin.parameters(), *twin.buffers()):
            tensor += 1
    for name, array in network.arrays().items():
        np.testing.assert_array_equal(array, before[name])
    network.load_arrays(twin.arrays())
    np.testing.assert_array_equal(network.arrays()["1.conv.weight"], before["1.conv.weight"] + 1)


def test_dropout_of_channels_drops_whole_channels() -> None:
    twin = to_torch(Network("dropout 0.5, channels", (5, 5, 8)))
    y = twin(torch.ones(20, 8, 5, 5)).reshape(20, 8, 25).detach().numpy()
    assert set(np.unique(y)) == {0.0, 2.0} and (y == y[:, :, :1]).all()
    single = to_torch(Network("dropout 0.5", (5, 5, 8)))(torch.ones(20, 8, 5, 5)).reshape(20, 8, 25).detach().numpy()
    assert set(np.unique(single)) == {0.0, 2.0} and not (single == single[:, :, :1]).all()


def test_a_layer_without_a_counterpart_is_named() -> None:
    class Strange(Layer):
        word = "strange"

    network = Network([Strange()], (3,))
    with pytest.raises(GlassnetError, match="'strange' has no counterpart"):
        to_torch(network)


def test_without_pytorch_one_line_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(library, "is_installed", lambda: False)
    with pytest.raises(GlassnetError, match=r"PyTorch is not installed; pip install 'glassnet\[torch\]'"):
        to_torch(Network("linear 2", (3,)))
