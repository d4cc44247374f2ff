"""Parts of a network, its stages, and a new head."""

from __future__ import annotations

import numpy as np
import pytest

from glassnet import Network
from glassnet.errors import ModelError
from glassnet.nn.transfer import head_position, stage_positions, with_new_head

CONVNET = (
    "conv 3x3, 4, pad 1 -> batchnorm -> relu -> maxpool 2x2 -> residual(conv 3x3, 4, pad 1) -> conv 3x3, 6, stride 2"
    " -> tanh -> flatten -> linear 5 -> relu -> dropout 0.5 -> linear 3"
)


@pytest.mark.parametrize(
    ("notation", "shape", "head", "stages"),
    [
        ("linear 3", (4,), 0, []),
        ("linear 8 -> relu -> linear 3", (4,), 2, [0]),
        ("linear 8 -> relu -> linear 8 -> tanh -> linear 3", (4,), 4, [0, 2]),
        (CONVNET, (12, 12, 2), 11, [0, 3, 5, 8]),
        ("conv 3x3, 4 -> relu -> maxpool 2x2 -> flatten -> linear 3", (8, 8, 1), 4, [0]),
        # The stem, then a pool and two residual blocks, then two blocks for each of three halvings (He et al. 2015,
        # table 1), a ReLU after each block.
        ("resnet-18", (224, 224, 3), 21, [0, 3, 8, 12, 16]),
        # Fires 2 and 3, 4 and 5, 6 to 9 stand between the three pools (Iandola et al. 2016, version 1.1).
        ("squeezenet-1.1", (224, 224, 3), 30, [0, 2, 9, 16]),
    ],
)
def test_where_head_and_stages_begin(notation: str, shape: tuple[int, ...], head: int, stages: list[int]) -> None:
    network = Network(notation, shape, 10)
    assert head_position(network) == head
    assert stage_positions(network) == stages


@pytest.mark.parametrize("cut", range(13))
def test_parts_give_what_the_whole_gives(cut: int) -> None:
    network = Network(CONVNET, (12, 12, 2), seed=3)
    x = np.random.default_rng(0).random((5, 12, 12, 2)).astype(np.float32)
    whole, first, second = network.infer(x), network.part(0, cut), network.part(cut)
    between = first.run_inference(x) if first.layers else x
    assert between.shape[1:] == second.input_shape
    found = second.run_inference(between) if second.layers else between
    np.testing.assert_array_equal(found, whole)
    assert first.size + second.size == network.size


def test_a_part_has_the_gradients_of_the_whole() -> None:
    network = Network(CONVNET, (12, 12, 2), seed=3)
    rng = np.random.default_rng(1)
    x, dscores = rng.random((5, 12, 12, 2)).astype(np.float32), rng.normal(size=(5, 3)).astype(np.float32)
    network.forward(x)
    network.backward(dscores)
    whole = {name: parameter.grad.copy() for name, parameter in network.parameters().items()}
    between = network.part(0, 5).run_inference(x)
    part = network.part(5)
    part.forward(between)
    part.backward(dscores)
    for name, parameter in part.parameters().items():
        place, _, rest = name.partition(".")
        np.testing.assert_array_equal(parameter.grad, whole[f"{int(place) + 5}.{rest}"])
        assert parameter.grad.any()


def test_a_new_head_keeps_all_before_it() -> None:
    network = Network(CONVNET, (12, 12, 2), seed=3)
    made = with_new_head(network, 7, seed=1)
    assert made.output_shape == (7,) and made.notation() == network.notation().replace("linear 3", "linear 7")
    x = np.random.default_rng(0).random((2, 12, 12, 2)).astype(np.float32)
    np.testing.assert_array_equal(made.part(0, 11).infer(x), network.part(0, 11).infer(x))
    assert not np.shares_memory(made.arrays()["1.conv.weight"], network.arrays()["1.conv.weight"])
    again = with_new_head(network, 7, seed=2)
    assert not np.array_equal(made.arrays()["12.linear.weight"], again.arrays()["12.linear.weight"])


def test_a_last_convolution_becomes_a_linear_layer_on_means() -> None:
    network = Network("conv 3x3, 4 -> relu -> dropout 0.5 -> conv 1x1, 3 -> relu -> avgpool global", (8, 8, 1))
    made = with_new_head(network, 5)
    assert made.notation() == "conv 3x3, 4 -> relu -> avgpool global -> linear 5"
    x = np.random.default_rng(0).random((2, 8, 8, 1)).astype(np.float32)
    means = network.part(0, 2).infer(x).mean(axis=(1, 2))
    expected = means @ made.arrays()["4.linear.weight"]
    np.testing.assert_allclose(made.infer(x), expected, atol=1e-5)


@pytest.mark.parametrize("notation", ["relu", "linear 4 -> batchnorm", "flatten"])
def test_a_network_without_a_head_is_refused(notation: str) -> None:
    with pytest.raises(ModelError, match="no head"):
        head_position(Network(notation, (3, 3, 1)))
