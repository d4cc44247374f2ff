"""Planted differences between two engines: each must be found at its step, tensor and element, with its reason."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from glassnet.data import Dataset, load
from glassnet.engines import Batch, NativeEngine, StepResult
from glassnet.errors import CheckError, RecipeError
from glassnet.nn import Network, SoftmaxCrossEntropy
from glassnet.nn.layers import BatchNorm, Linear, ReLU, Tanh
from glassnet.optim import SGD, Adam, Optimizer
from glassnet.train import Trainer
from glassnet.twin import Both, Side, Twin, compare

Array = np.ndarray[Any, Any]
STEPS = 6


@pytest.fixture(scope="module")
def digits() -> Dataset:
    return load("digits").train.subset(slice(0, 300))


def network(notation: str, dtype: Any = np.float64) -> Network:
    return Network(notation, (8, 8, 1), 10, seed=3).astype(dtype)


def engine(of: Network, optimizer: Optimizer | None = None, kind: type[NativeEngine] = NativeEngine) -> NativeEngine:
    return kind(of, SoftmaxCrossEntropy(), optimizer or Adam())


def trained(first: NativeEngine, second: NativeEngine, on: Dataset, steps: int = STEPS, **settings: Any) -> Twin:
    both = Both(first, second, ("ours", "theirs"), **settings)
    return compare(Trainer(engine=both, batch=32, epochs=2), on, steps)


class Altered(NativeEngine):
    """Our engine, and `alter` is called with its state after every step."""

    def __init__(self, alter: Callable[[int, dict[str, Array]], None], of: Network, optimizer: Optimizer) -> None:
        super().__init__(of, SoftmaxCrossEntropy(), optimizer)
        self.alter, self.made = alter, 0

    def step(self, batch: Batch, lr: float, *, norms: bool = False) -> StepResult:
        result = super().step(batch, lr, norms=norms)
        self.made += 1
        self.alter(self.made, self.state())
        return result


def at(step: int, tensor: str, index: tuple[int, ...], by: float) -> Callable[[int, dict[str, Array]], None]:
    """Adds to one element of one tensor after one step."""

    def alter(made: int, state: dict[str, Array]) -> None:
        if made == step:
            state[tensor][index] += by

    return alter


def test_equal_engines_are_the_same_to_the_bit(digits: Dataset) -> None:
    notation = "linear 16 -> batchnorm -> relu -> dropout 0.3 -> linear"
    found = trained(engine(network(notation)), engine(network(notation)), digits, 15)
    assert found.passed and found.steps == 15 and set(found.errors) == {0.0} and found.losses[0] == found.losses[1]
    assert found.losses[0][0] != found.losses[0][1]


def test_the_losses_are_those_of_a_plain_training(digits: Dataset) -> None:
    notation = "linear 16 -> relu -> dropout 0.3 -> linear"
    found = trained(engine(network(notation)), engine(network(notation, np.float32)), digits, 20)
    of = network(notation, np.float32)
    plain = Trainer(engine=engine(of), batch=32, epochs=2)
    plain.fit(digits)
    means = [record["loss"] for record in plain.history.records if record["kind"] == "epoch"]
    assert [np.mean(found.losses[1][:10]), np.mean(found.losses[1][10:])] == pytest.approx(means, rel=1e-12)


@pytest.mark.parametrize(
    ("step", "tensor", "index"),
    [
        (1, "network.3.linear.weight", (5, 2)),
        (4, "network.1.linear.bias", (7,)),
        (3, "network.1.linear.weight", (63, 15)),
    ],
)
def test_one_element_of_one_tensor_at_one_step(digits: Dataset, step: int, tensor: str, index: tuple[int, ...]) -> None:
    notation = "linear 16 -> tanh -> linear"
    second = Altered(at(step, tensor, index, 1e-6), network(notation), Adam())
    found = trained(engine(network(notation)), second, digits)
    assert found.parted is not None and found.parted.step == step
    difference = found.parted.difference
    assert (difference.tensor, difference.index, difference.apart) == (tensor, index, 1)
    assert abs(difference.first - difference.second) == pytest.approx(1e-6, rel=1e-6)
    unit = np.spacing(max(abs(difference.first), abs(difference.second)))
    assert difference.ulps == pytest.approx(abs(difference.first - difference.second) / unit)
    assert not found.parted.others
    assert found.parted.reason.kind == "optimiser" and "one element" in found.parted.reason.text
    assert max(found.errors[: step - 1], default=0) == 0


def test_a_memory_of_the_optimiser(digits: Dataset) -> None:
    notation = "linear 16 -> tanh -> linear"
    second = Altered(at(2, "optimizer.1.linear.weight.m", (33,), 1e-4), network(notation), Adam())
    found = trained(engine(network(notation)), second, digits)
    assert found.parted is not None and found.parted.step == 2
    assert found.parted.difference.name == "1.linear.weight.m"
    assert found.parted.difference.index == (33 // 16, 33 % 16)


def test_another_epsilon(digits: Dataset) -> None:
    notation = "linear 16 -> relu -> linear"
    found = trained(engine(network(notation), Adam(eps=1e-8)), engine(network(notation), Adam(eps=1e-4)), digits)
    assert found.parted is not None and found.parted.step == 1
    assert found.parted.difference.tensor == "network.3.linear.bias"  # the last array is updated first
    assert found.parted.reason.kind == "optimiser" and "eps" in found.parted.reason.text


def test_a_kink_that_a_rounding_error_crosses(digits: Dataset) -> None:
    """Unit 0 of the ReLU is at 1e-13 on one side and at -1e-13 on the other, from step 3 on."""
    notation = "linear 4 -> relu -> linear"
    first = network(notation)
    first.parameters()["1.linear.weight"].value[:, 0] = 0
    first.parameters()["1.linear.bias"].value[:] = [1e-13, 1, 1, 1]
    still = SGD(lr=0.0, momentum=0.9)  # it remembers gradients, and moves nothing
    second = Altered(at(2, "network.1.linear.bias", (0,), -2e-13), first.astype(np.float64), SGD(0.0, 0.9))
    found = trained(engine(first, still), second, digits)
    assert found.parted is not None and found.parted.step == 3
    assert found.parted.difference.place == "1.linear.bias.velocity[0]"
    assert found.parted.reason.kind == "kink" and "2.relu at example 0, [0]" in found.parted.reason.text
    assert "1.000e-13 in ours and -1.000e-13 in theirs" in found.parted.reason.text


class OtherTie(ReLU):
    """A ReLU whose gradient at 0 is 1."""

    def forward(self, x: Array, *, train: bool = False) -> Array:
        self.x = x.copy()
        return super().forward(x, train=train)

    def backward(self, dy: Array, *, input_gradient: bool = True) -> Array | None:
        return dy * (self.x >= 0)


class Kept(Tanh):
    """A tanh with the derivative of the logistic function."""

    def forward(self, x: Array, *, train: bool = False) -> Array:
        self.y = np.array(super().forward(x, train=train))
        return self.y

    def backward(self, dy: Array, *, input_gradient: bool = True) -> Array | None:
        return dy * self.y * (1 - self.y)


def with_layer(layer: ReLU | Tanh) -> Network:
    return Network([Linear(4), layer, Linear(10)], (8, 8, 1), seed=3).astype(np.float64)


def test_another_gradient_at_a_kink(digits: Dataset) -> None:
    ours, theirs = with_layer(ReLU()), with_layer(OtherTie())
    for each in (ours, theirs):
        each.parameters()["1.linear.weight"].value[:, 2] = 0
    found = trained(engine(ours, SGD(0.1)), engine(theirs, SGD(0.1)), digits)
    assert found.parted is not None and found.parted.step == 1
    assert found.parted.difference.place == "1.linear.bias[2]"
    assert found.parted.reason.kind == "tie" and found.parted.reason.text.startswith("2.relu is exactly at")


def test_a_wrong_backward_pass(digits: Dataset) -> None:
    found = trained(engine(with_layer(Tanh())), engine(with_layer(Kept())), digits)
    assert found.parted is not None and found.parted.step == 1
    assert found.parted.difference.tensor == "optimizer.1.linear.bias.m"  # last array first
    assert found.parted.reason.kind == "gradient" and "2.tanh ... 3.linear" in found.parted.reason.text


def test_another_loss(digits: Dataset) -> None:
    notation = "linear 16 -> relu -> linear"
    second = NativeEngine(network(notation), SoftmaxCrossEntropy(0.1), Adam())
    found = trained(engine(network(notation)), second, digits)
    assert found.parted is not None and found.parted.difference.tensor == "loss"
    assert found.parted.reason.kind == "forward"


def test_a_variance_of_n_instead_of_n_minus_one(digits: Dataset) -> None:
    notation = "linear 16 -> batchnorm -> relu -> linear"
    kept = {"variance": np.ones(16)}

    def biased(made: int, state: dict[str, Array]) -> None:
        variance, before = state["network.2.batchnorm.variance"], 0.9 * kept["variance"]
        variance[:] = before + (variance - before) * 31 / 32
        kept["variance"] = variance.copy()

    found = trained(engine(network(notation)), Altered(biased, network(notation), Adam()), digits)
    assert found.parted is not None and found.parted.step == 1
    assert found.parted.difference.name == "2.batchnorm.variance"
    assert found.parted.reason.kind == "statistics"
    assert "n = 32 numbers: theirs divides by n, the other by n - 1" in found.parted.reason.text


def test_a_channel_that_hardly_varies(digits: Dataset) -> None:
    of = Network([Linear(4), BatchNorm(eps=1e-12), Tanh(), Linear(10)], (8, 8, 1), seed=3)
    of.parameters()["1.linear.weight"].value[:, 1] *= 1e-6
    of.parameters()["1.linear.bias"].value[1] = 1
    found = trained(engine(of, SGD(0.1)), engine(of.astype(np.float64), SGD(0.1)), digits)
    assert found.parted is not None and found.parted.step == 1
    assert found.parted.reason.kind == "small variance"
    assert "2.batchnorm divides channel 1" in found.parted.reason.text


def test_the_bias_before_a_batch_norm(digits: Dataset) -> None:
    notation = "linear 16 -> batchnorm -> relu -> linear"
    once = trained(engine(network(notation)), engine(network(notation, np.float32)), digits, 1)
    assert once.passed and once.left_out == ("1.linear.bias",)
    assert "left out: 1.linear.bias; the gradient is 0" in str(once)
    found = trained(engine(network(notation)), engine(network(notation, np.float32)), digits)
    assert found.parted is not None and found.parted.difference.name == "2.batchnorm.mean"
    assert found.parted.reason.kind == "zero gradient" and "follows 1.linear.bias" in found.parted.reason.text


def test_an_element_without_a_gradient(digits: Dataset) -> None:
    """The first pixel is always 0: what is remembered of its weights is nothing but what a rounding error left."""
    notation = "linear 16 -> tanh -> linear"

    def leave(made: int, state: dict[str, Array]) -> None:
        if made == 2:
            state["optimizer.1.linear.weight.m"][5] = 1e-13
            state["optimizer.1.linear.weight.v"][5] = 1e-26

    found = trained(engine(network(notation)), Altered(leave, network(notation), Adam()), digits)
    assert found.parted is not None and found.parted.step == 3
    assert found.parted.difference.place == "1.linear.weight[0, 5]" and found.parted.difference.apart == 1
    assert found.parted.reason.kind == "zero gradient" and "adam" in found.parted.reason.text


def test_rounding_errors_that_grow(digits: Dataset) -> None:
    notation = "linear 16 -> tanh -> linear"
    pair = engine(network(notation), SGD(3.0)), engine(network(notation, np.float32), SGD(3.0))
    found = trained(*pair, digits, 20, tolerance=3e-6)
    assert found.parted is not None and 1 < found.parted.step < 20
    assert found.parted.reason.kind == "rounding" and "after step 1" in found.parted.reason.text
    assert 0 < found.errors[0] < 3e-6 < found.errors[found.parted.step - 1]


def test_a_loss_that_is_no_number_ends_the_comparison(digits: Dataset) -> None:
    notation = "linear 16 -> relu -> linear"
    first = engine(network(notation))
    second = Altered(at(2, "network.3.linear.weight", (0, 0), math.nan), network(notation), Adam())
    found = trained(second, first, digits)
    assert found.parted is not None and found.parted.step == 2 and found.steps == 3
    assert found.parted.difference.place == "3.linear.weight[0, 0]" and math.isinf(found.parted.difference.error)
    assert found.parted.reason.kind == "not finite" and "ours left" in found.parted.reason.text


def test_the_table_names_the_step_and_both_sides(digits: Dataset) -> None:
    notation = "linear 16 -> tanh -> linear"
    second = Altered(at(4, "network.1.linear.bias", (7,), 1e-6), network(notation), Adam())
    text = str(trained(engine(network(notation)), second, digits, 15))
    assert "loss, ours" in text and "4 *" in text
    assert "they part at step 4, in 1.linear.bias[7]: ours " in text and "likely reason: " in text


def test_what_cannot_be_compared(digits: Dataset) -> None:
    one, other = (engine(network(f"linear {n} -> relu -> linear")) for n in (4, 5))
    with pytest.raises(CheckError, match="must train the same network"):
        Both(one, other)
    with pytest.raises(CheckError, match="above 0"):
        Both(one, one, tolerance=-1.0)
    with pytest.raises(CheckError, match="at least 1 step"):
        compare(Trainer(engine=Both(one, engine(network("linear 4 -> relu -> linear")))), digits, 0)
    with pytest.raises(CheckError, match="a trainer of two engines"):
        compare(Trainer(network("linear")), digits)


def test_sides_are_written_as_they_are_read() -> None:
    assert str(Side.parse("native")) == "native float64" and str(Side.parse(" torch  float32 ")) == "torch float32"
    for text in ("torch float64 cuda", "torch float32 3 processes", "torch float64 mps", "torch float32 cuda:1"):
        assert str(Side.parse(text)) == text
    for text in ("", "numpy", "native float16", "native float32 float64", "native cuda", "torch 1 processes"):
        with pytest.raises(RecipeError, match="A side is an engine"):
            Side.parse(text)
