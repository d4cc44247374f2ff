"""Recorded passes: the same bits as usual passes, whatever changes between them, and none where Python computes."""

from __future__ import annotations

import copy
import os
import pickle
from typing import Any

import numpy as np
import pytest

from glassnet import threads
from glassnet.engines import Batch, NativeEngine
from glassnet.nn import Layer, Network, ReLU, SoftmaxCrossEntropy
from glassnet.nn import functional as F
from glassnet.nn.kernels.recording import Recording
from glassnet.optim import SGD
from tests.support.recorded_calls import NETWORKS

Array = np.ndarray[Any, Any]
SHAPE = (16, 16, 3)
WHOLE = (
    *(text for text in NETWORKS if "groups" not in text),
    "conv 3x3, 32, pad 1 -> batchnorm -> relu6 -> maxpool 2x2 -> residual(conv 3x3, 32, pad 1, bias off -> batchnorm ->"
    " relu -> conv 3x3, 32, pad 1 -> batchnorm) -> relu -> conv 1x1, 64 -> avgpool global -> linear 10",
    "batchnorm -> flatten -> linear 70 -> batchnorm -> relu -> linear 10",
    "concat(conv 1x1, 8 | maxpool 3x3, stride 1, pad 1 | conv 3x3, 16, pad 1) -> depthwise 3x3, stride 2 -> linear 3",
)


def pictures(n: int, seed: int, dtype: Any = np.float32) -> Array:
    return np.random.default_rng(seed).standard_normal((n, *SHAPE)).astype(dtype)


def recorded(network: Network, x: Array) -> bool:
    """Make passes over examples like x until one may be recorded; whether one is."""
    for _ in range(10):
        network.infer(x)
    return any(made is not None for made in network._replays._passes.values())


def usual(network: Network, x: Array) -> Array:
    """Scores by a usual pass: copies have no recordings."""
    return copy.deepcopy(network).infer(x)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("text", WHOLE)
def test_a_recorded_pass_gives_the_bits_of_a_usual_one(text: str, dtype: Any) -> None:
    network = Network(text, SHAPE, dtype=dtype)
    assert recorded(network, pictures(2, 0, dtype))
    for seed in (1, 2):
        x = pictures(2, seed, dtype)
        np.testing.assert_array_equal(network.infer(x), usual(network, x))


@pytest.mark.parametrize("count", [1, 2])
def test_each_number_of_threads_and_of_examples_has_its_own(count: int) -> None:
    network = Network(WHOLE[1], SHAPE)
    with threads.use(count):
        for n in (1, 3, 1):
            assert recorded(network, pictures(n, n))
            np.testing.assert_array_equal(network.infer(pictures(n, 7)), usual(network, pictures(n, 7)))


@pytest.mark.parametrize("text", WHOLE)
def test_arrays_that_change_in_place_are_seen(text: str) -> None:
    network, x = Network(text, SHAPE), pictures(2, 3)
    assert recorded(network, x)
    rng = np.random.default_rng(4)
    for array in network.arrays().values():
        before = network.infer(x)
        array *= rng.uniform(0.5, 2.0, array.shape)
        array += 0.1
        np.testing.assert_array_equal(network.infer(x), usual(network, x))
        assert not np.array_equal(before, network.infer(x))


def test_an_array_in_anothers_place_is_seen() -> None:
    network, x = Network("conv 3x3, 4 -> batchnorm -> linear 5", SHAPE), pictures(2, 0)
    assert recorded(network, x)
    weight, before = network.parameters()["1.conv.weight"], network.infer(x)
    weight.value = -weight.value
    assert not np.array_equal(network.infer(x), before)
    assert recorded(network, x)
    network.layers[1].state["mean"] = np.full(4, 3.0)
    np.testing.assert_array_equal(network.infer(x), usual(network, x))


def test_other_choices_are_seen() -> None:
    network, x = Network("conv 3x3, 32, pad 1 -> conv 3x3, 32, pad 1 -> linear 5", SHAPE), pictures(2, 0)
    assert recorded(network, x)
    network.choose(winograd=False)
    np.testing.assert_array_equal(network.infer(x), usual(network, x))


class Doubled(Layer):
    """By NumPy, and not said to be recordable."""

    word, kind = "doubled", "activation"

    def forward(self, x: Array, *, train: bool = False) -> Array:
        return 2 * x


class Liar(Doubled):
    """By NumPy, and said to be recordable."""

    recordable = True


class Derived(ReLU):
    """Of a recordable class, and something else."""

    def forward(self, x: Array, *, train: bool = False) -> Array:
        return np.maximum(x, 0.5)


@pytest.mark.parametrize("layer", [Doubled(), Liar(), Derived()])
def test_what_numpy_computes_is_not_recorded(layer: Layer) -> None:
    network, x = Network([*Network("conv 3x3, 4", SHAPE).layers, layer], SHAPE), pictures(2, 0)
    assert not recorded(network, x)
    other = pictures(2, 1)
    np.testing.assert_array_equal(network.infer(other), layer.forward(network.part(0, 1).infer(other)))


def test_a_network_in_use_alone_needs_no_more_memory_than_before() -> None:
    network, x = Network(WHOLE[3], SHAPE), pictures(2, 0)
    network.infer(x)
    network.infer(x)
    before = network.nbytes
    assert recorded(network, x)
    assert network.nbytes <= before + x.nbytes


def test_groups_are_not_recorded() -> None:
    network = Network("conv 3x3, 8, groups 2 -> linear 4", (16, 16, 4))
    assert not recorded(network, np.ones((2, 16, 16, 4), np.float32))


def test_a_long_pass_is_not_recorded() -> None:
    network = Network("conv 3x3, 32, pad 1 -> conv 3x3, 32, pad 1", (160, 160, 3))
    assert not recorded(network, np.zeros((10, 160, 160, 3), np.float32))


def test_copies_have_no_recordings() -> None:
    network, x = Network("conv 3x3, 4 -> linear 5", SHAPE), pictures(2, 0)
    assert recorded(network, x)
    for other in (copy.deepcopy(network), pickle.loads(pickle.dumps(network)), network.astype(np.float64)):
        assert not other._replays._passes
        for parameter in other.parameters().values():
            parameter.value *= 2
        assert not np.allclose(other.infer(x), network.infer(x))
    made = next(iter(network._replays._passes.values()))
    assert made is not None and len(made.calls) > 0 and len(copy.deepcopy(made.calls)) == 0
    assert isinstance(pickle.loads(pickle.dumps(made.calls)), Recording)


def test_training_between_passes_is_seen() -> None:
    network, x = Network("conv 3x3, 8 -> batchnorm -> relu -> linear 5", SHAPE), pictures(2, 0)
    assert recorded(network, x)
    for _ in range(3):
        network.forward(x, train=True)
        network.run_descent(np.ones((2, 5), np.float32), 0.1)
        np.testing.assert_array_equal(network.infer(x), usual(network, x))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
def test_a_forked_process_has_memory_of_its_own() -> None:
    network, x = Network("conv 3x3, 4 -> linear 5", SHAPE), pictures(2, 0)
    array = network.arena.take((1000,), np.float32)
    array[:] = 1
    child = os.fork()
    if child == 0:
        array[:] = 7
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    assert (array == 1).all()
    network.arena.release(array)
    assert network.infer(x).shape == (2, 5)


# ---- packed weights


@pytest.mark.parametrize("count", [1, 2])
@pytest.mark.parametrize("n", [1, 3])
@pytest.mark.parametrize("text", WHOLE)
def test_packed_weights_give_the_same_scores(text: str, n: int, count: int) -> None:
    network, x = Network(text, SHAPE), pictures(n, 5)
    with threads.use(count):
        wanted = network.infer(x)
        assert network.pack() is network
        for _ in range(12):  # the last ones are recorded passes
            found = network.infer(x)
            np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-5 * np.abs(wanted).max())
        np.testing.assert_array_equal(found, network.infer(x))


def test_packed_weights_are_read_only_until_a_training() -> None:
    network, x = Network(f"concat({WHOLE[5]} | linear 3)", SHAPE).pack(), pictures(2, 0)
    before = network.infer(x)
    for array in network.arrays().values():
        with pytest.raises(ValueError, match="read-only"):
            array[...] = 0
    engine = NativeEngine(network, SoftmaxCrossEntropy(), SGD(0.1))
    engine.step(Batch(x, np.array([0, 1])), 0.1)
    assert all(array.flags.writeable for array in network.arrays().values())
    assert not np.array_equal(network.infer(x), before)
    np.testing.assert_array_equal(network.infer(x), usual(network, x))


def test_other_weights_unpack() -> None:
    network, x = Network("conv 1x1, 32 -> conv 3x3, 32, pad 1 -> linear 3", SHAPE).pack(), pictures(2, 0)
    before = network.infer(x)
    network.load_arrays({name: -2 * array for name, array in network.arrays().items()})
    assert not np.allclose(network.infer(x), before)
    np.testing.assert_array_equal(network.infer(x), usual(network, x))


def test_what_is_changed_in_a_copy_of_packed_weights_is_seen() -> None:
    network, x = Network("conv 1x1, 32 -> conv 3x3, 32, pad 1 -> linear 3", SHAPE).pack(), pictures(2, 0)
    before = network.infer(x)
    other = copy.deepcopy(network)
    for parameter in other.parameters().values():
        parameter.value *= 2
    assert not np.allclose(other.infer(x), before)
    np.testing.assert_array_equal(network.infer(x), before)


def test_a_packed_network_takes_other_sizes() -> None:
    network = Network("conv 1x1, 32 -> conv 3x3, 32, pad 1 -> conv 1x1, 3", (16, 16, 16))
    x = np.random.default_rng(0).random((2, 16, 24, 16), np.float32)
    wanted = network.at(x.shape[1:]).infer(x)
    sized = network.pack().at(x.shape[1:])
    # Winograd's method is right to 5e-6 of the largest result.
    np.testing.assert_allclose(sized.infer(x), wanted, rtol=0, atol=1e-5 * np.abs(wanted).max())
    with pytest.raises(ValueError, match="read-only"):
        sized.parameters()["1.conv.weight"].value[...] = 0
    network.unpack().parameters()["1.conv.weight"].value[...] = 0
    assert not np.allclose(network.at(x.shape[1:]).infer(x), wanted)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("pool", [False, True])
@pytest.mark.parametrize(("n", "size", "c", "f"), [(1, 13, 5, 64), (3, 4, 40, 112), (2, 33, 7, 16), (1, 40, 24, 160)])
def test_a_packed_product_is_a_product(n: int, size: int, c: int, f: int, pool: bool, dtype: Any) -> None:
    rng = np.random.default_rng(c)
    x, w = rng.standard_normal((n, size, size, c)).astype(dtype), rng.standard_normal((1, 1, c, f)).astype(dtype)
    b, scale = rng.standard_normal((2, f)).astype(dtype)
    for count in (1, 2):
        with threads.use(count):
            found, _ = F.conv2d_forward(
                x, w, b, scale=scale, relu=True, pool=pool, method="product", packed=F.conv2d_pack(w, "product")
            )
        wanted = np.maximum(x.astype(np.float64) @ w[0, 0] * scale + b, 0)
        if pool:
            half = size // 2
            wanted = wanted[:, : 2 * half, : 2 * half].reshape(n, half, 2, half, 2, f).max(axis=(2, 4))
        np.testing.assert_allclose(found, wanted, rtol=1e-4 if dtype == np.float32 else 1e-12, atol=1e-4)
