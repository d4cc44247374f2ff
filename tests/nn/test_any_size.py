"""Networks on examples of another size than they were made for: the same arrays, the right scores and gradients."""

from __future__ import annotations

import numpy as np
import pytest

from glassnet.check.numerical import gradient_error, numerical_gradient
from glassnet.errors import ModelError, NotationError
from glassnet.nn import Network

NOTATION = (
    "conv 3x3, 6, pad 1 -> batchnorm -> relu -> maxpool 2x2 -> residual(depthwise 1x5, pad 0 2 -> relu -> conv 1x1, 6)"
    " -> avgpool 2x1 -> conv 2x1, 5"
)


def made(dtype: type = np.float64) -> Network:
    return Network(NOTATION, (8, 12, 1), seed=3, dtype=dtype)


def examples(width: int, n: int = 3) -> np.ndarray:
    return np.random.default_rng(width).standard_normal((n, 8, width, 1))


@pytest.mark.parametrize("width", [6, 12, 14, 40])
def test_scores_are_those_of_a_network_made_for_the_size(width: int) -> None:
    network = made()
    other = Network(NOTATION, (8, width, 1), dtype=np.float64)
    other.load_arrays(network.arrays())
    x = examples(width)
    for train in (False, True):
        np.testing.assert_array_equal(network.at((8, width, 1)).forward(x, train=train), other.forward(x, train=train))
    assert network.arrays().keys() == other.arrays().keys()
    for name, array in network.arrays().items():  # running moments too
        np.testing.assert_array_equal(array, other.arrays()[name])


def test_sizes_share_their_arrays_and_take_turns() -> None:
    network = made()
    wide = network.at((8, 40, 1))
    assert network.at((8, 40, 1)) is wide and network.at((8, 12, 1)) is network
    assert all(array is wide.arrays()[name] for name, array in network.arrays().items())
    x, y = examples(12), examples(40)
    alone = network.forward(x)
    wide.forward(y)
    np.testing.assert_array_equal(network.forward(x), alone)
    before = wide.forward(y)
    network.parameters()["1.conv.weight"].value *= 1.5
    assert not np.array_equal(wide.forward(y), before)
    assert network.choose(fuse_relu=False).at((8, 40, 1)) is not wide


def test_nothing_is_drawn_for_another_size(monkeypatch: pytest.MonkeyPatch) -> None:
    network = Network("conv 3x3, 4, pad 1 -> dropout 0.5 -> conv 1x1, 3", (8, 12, 1), seed=3)
    monkeypatch.setattr(np.random, "default_rng", None)
    x = np.ones((1, 8, 40, 1))
    one, two = (network.at((8, 40, 1)).forward(x, train=True) for _ in range(2))
    assert not np.array_equal(one, two)  # dropout draws on from the generator that it has


def test_gradients_at_another_size() -> None:
    network = made()
    wide, x = network.at((8, 20, 1)), examples(20, 2)
    upstream = np.random.default_rng(0).standard_normal((2, *wide.output_shape))
    network.forward(examples(12))  # what another size left behind is not used
    wide.forward(x, train=True)
    wide.backward(upstream)
    for name in ("1.conv.weight", "2.batchnorm.scale", "5.residual.body.1.depthwise.weight", "7.conv.weight"):
        parameter = network.parameters()[name]
        grad, value = parameter.grad.copy(), parameter.value.copy()

        def scores(moved: np.ndarray, slot: np.ndarray = parameter.value) -> np.ndarray:
            slot[...] = moved
            return wide.forward(x, train=True)

        assert gradient_error(grad, numerical_gradient(scores, value, upstream)) < 1e-7
        parameter.value[...] = value


def test_what_is_bound_to_its_size() -> None:
    network = Network("conv 3x3, 4, pad 1 -> flatten -> linear 3", (4, 4, 1))
    with pytest.raises(ModelError, match=r"'linear 3' is bound to inputs of 64: for 96 its weight would be 96x3"):
        network.at((4, 6, 1))
    with pytest.raises(NotationError, match="maxpool"):
        made().at((8, 1, 1))


def test_a_copy_in_another_precision_has_sizes_of_its_own() -> None:
    network = made()
    wide = network.at((8, 40, 1))
    single = network.astype(np.float32).at((8, 40, 1))
    assert single.dtype == np.float32 and wide.dtype == np.float64
    np.testing.assert_allclose(single.infer(examples(40)), wide.infer(examples(40)), rtol=1e-4, atol=1e-5)
