"""Wrong backward passes are caught, and named at the right tensor."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from glassnet.check import Check, check_network
from glassnet.nn import BatchNorm, Dropout, Linear, Network, ReLU, Sigmoid, SoftmaxCrossEntropy, Tanh

NOTATION = "linear 6 -> batchnorm -> relu -> dropout 0.3 -> linear 5 -> sigmoid -> linear 5 -> tanh -> linear 4"


def _check(notation: str = NOTATION, *, fuse_relu: bool = True, **options: Any) -> Check:
    rng = np.random.default_rng(0)
    network = Network(notation, (7,), seed=1).choose(fuse_relu=fuse_relu)
    for parameter in network.parameters().values():
        parameter.value += 0.3 * rng.standard_normal(parameter.value.shape).astype(np.float32)
    x, target = rng.standard_normal((8, 7)), rng.integers(4, size=8)
    return check_network(network, x, target, "softmax-cross-entropy", **options)


def _wrong(check: Check) -> set[str]:
    return {row.parameter for row in check.wrong}


def _spoil(
    monkeypatch: pytest.MonkeyPatch, kind: type, change: Callable[[Any, Any], Any], position: int | None = None
) -> None:
    """Let `change(layer, dx)` alter what the backward pass of layers of `kind` wrote and returns."""
    original = kind.backward

    def backward(self: Any, dy: np.ndarray, *, input_gradient: bool = True) -> Any:
        dx = original(self, dy, input_gradient=True)
        dx = change(self, None if dx is None else dx.copy())
        return dx if input_gradient else None

    monkeypatch.setattr(kind, "backward", backward)


def test_the_network_itself_is_right() -> None:
    check = _check(l2=0.01)
    assert check.passed, str(check)


def _flip_weight(layer: Any, dx: Any) -> Any:
    if layer.input_shape == (6,):
        layer.parameters["weight"].grad *= -1
    return dx


def _transpose_weight(layer: Any, dx: Any) -> Any:
    if layer.input_shape == layer.output_shape:
        grad = layer.parameters["weight"].grad
        grad[...] = grad.T.copy()
    return dx


def _shift_bias(layer: Any, dx: Any) -> Any:
    if layer.input_shape == (6,):
        grad = layer.parameters["bias"].grad
        grad[...] = np.roll(grad, 1)
    return dx


def _no_mean_weight(layer: Any, dx: Any) -> Any:
    if layer.input_shape == (6,):
        layer.parameters["weight"].grad *= 8
    return dx


def _one_entry(layer: Any, dx: Any) -> Any:
    if layer.input_shape == (6,):
        layer.parameters["weight"].grad[2, 3] *= 1.0001
    return dx


@pytest.mark.parametrize(
    ("change", "name"),
    [
        (_flip_weight, "5.linear.weight"),
        (_transpose_weight, "7.linear.weight"),
        (_shift_bias, "5.linear.bias"),
        (_no_mean_weight, "5.linear.weight"),
        (_one_entry, "5.linear.weight"),
    ],
)
def test_wrong_tensor_is_named(monkeypatch: pytest.MonkeyPatch, change: Any, name: str) -> None:
    _spoil(monkeypatch, Linear, change)
    check = _check()
    assert _wrong(check) == {name}, str(check)
    assert "WRONG" in str(check) and not check.to_dict()["passed"]
    if change is _one_entry:
        assert check.worst.worst == (2, 3)


BELOW = {  # the tensors that a wrong input gradient of a layer reaches
    ReLU: {"1.linear.weight", "1.linear.bias", "2.batchnorm.scale", "2.batchnorm.shift", "input"},
    Dropout: {"1.linear.weight", "1.linear.bias", "2.batchnorm.scale", "2.batchnorm.shift", "input"},
}
BELOW[Sigmoid] = BELOW[ReLU] | {"5.linear.weight", "5.linear.bias"}
BELOW[Tanh] = BELOW[Sigmoid] | {"7.linear.weight", "7.linear.bias"}


@pytest.mark.parametrize("kind", BELOW)
@pytest.mark.parametrize("factor", [-1.0, 1.01])
def test_wrong_input_gradient_shows_in_all_below(monkeypatch: pytest.MonkeyPatch, kind: type, factor: float) -> None:
    _spoil(monkeypatch, kind, lambda layer, dx: factor * dx)
    assert _wrong(_check(train=False, fuse_relu=False)) == BELOW[kind]


def test_off_by_one_in_an_activation(monkeypatch: pytest.MonkeyPatch) -> None:
    _spoil(monkeypatch, Sigmoid, lambda layer, dx: np.roll(dx, 1, axis=1))
    assert _wrong(_check(train=False)) == BELOW[Sigmoid]


def test_batchnorm_that_forgets_its_mean(monkeypatch: pytest.MonkeyPatch) -> None:
    """The bias before batch normalisation has gradient 0 by symmetry; a lost mean shows there, in training only."""
    original = BatchNorm.backward

    def backward(self: Any, dy: np.ndarray, *, input_gradient: bool = True) -> Any:
        dx = original(self, dy, input_gradient=True)
        if self._cache.moments is None:
            return dx
        scale, inverse = self.parameters["scale"].value, self._cache.inverse_std
        return dx + scale * inverse * dy.mean(axis=0)

    monkeypatch.setattr(BatchNorm, "backward", backward)
    check = _check()
    assert _wrong(check) == {"1.linear.weight", "1.linear.bias", "input"}
    assert {row.mode for row in check.wrong} == {"training"}


@pytest.mark.parametrize("name", ["scale", "shift"])
def test_batchnorm_parameters(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    def change(layer: Any, dx: Any) -> Any:
        layer.parameters[name].grad += 1e-3
        return dx

    _spoil(monkeypatch, BatchNorm, change)
    assert _wrong(_check()) == {f"2.batchnorm.{name}"}


def test_loss_without_its_mean(monkeypatch: pytest.MonkeyPatch) -> None:
    original = SoftmaxCrossEntropy.loss
    monkeypatch.setattr(
        SoftmaxCrossEntropy,
        "loss",
        lambda self, z, t, **k: (lambda v: (v[0], v[1] * len(z)))(original(self, z, t, **k)),
    )
    check = _check(train=False)
    assert len(check.wrong) == len(check.rows)


def test_missing_regularisation(monkeypatch: pytest.MonkeyPatch) -> None:
    original = Linear.descend
    monkeypatch.setattr(
        Linear, "descend", lambda self, dy, rate, l2, **options: original(self, dy, rate, 0.0, **options)
    )
    assert _check().passed
    assert _wrong(_check(l2=0.01)) == {f"{i}.linear.weight" for i in (1, 5, 7, 9)}
    assert "gradient descent" in _check(l2=0.01).worst.note


def test_regularised_bias(monkeypatch: pytest.MonkeyPatch) -> None:
    original = Linear.descend

    def descend(self: Any, dy: np.ndarray, rate: float, l2: float, **options: Any) -> Any:
        dx = original(self, dy, rate, l2, **options)
        self.parameters["bias"].value *= 1 - rate * l2
        return dx

    monkeypatch.setattr(Linear, "descend", descend)
    assert _wrong(_check(l2=0.01)) == {f"{i}.linear.bias" for i in (1, 5, 7, 9)}


def test_gradients_that_add_up(monkeypatch: pytest.MonkeyPatch) -> None:
    original = Linear.backward

    def backward(self: Any, dy: np.ndarray, *, input_gradient: bool = True) -> Any:
        before = self.parameters["bias"].grad.copy()
        dx = original(self, dy, input_gradient=input_gradient)
        self.parameters["bias"].grad += before
        return dx

    monkeypatch.setattr(Linear, "backward", backward)
    assert "9.linear.bias" in _wrong(_check(train=False))


def test_not_a_number(monkeypatch: pytest.MonkeyPatch) -> None:
    def change(layer: Any, dx: Any) -> Any:
        layer.parameters["bias"].grad[0] = np.nan
        return dx

    _spoil(monkeypatch, Linear, change)
    check = _check(train=False)
    assert _wrong(check) == {f"{i}.linear.bias" for i in (1, 5, 7, 9)}
    assert check.worst.error == np.inf


def test_layer_of_an_unknown_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    """A layer that the fast way does not know is run itself: right ones pass, wrong ones are named."""

    class Cubed(Linear):
        word = "cubed"

        def forward(self, x: np.ndarray, *, train: bool = False) -> np.ndarray:
            self.root = super().forward(x, train=train).copy()
            return self.root**3

        def backward(self, dy: np.ndarray, *, input_gradient: bool = True) -> Any:
            return super().backward(dy * self.slope * self.root**2, input_gradient=input_gradient)

        def descend(self, dy: np.ndarray, rate: float, l2: float, *, input_gradient: bool = True) -> Any:
            return super().descend(dy * self.slope * self.root**2, rate, l2, input_gradient=input_gradient)

    rng = np.random.default_rng(2)
    x, target = rng.standard_normal((6, 5)), rng.integers(4, size=6)
    network = Network([Linear(6), ReLU(), Cubed(5), Tanh(), Linear(4)], (5,), seed=3)
    for slope, wrong in [
        (3, set()),
        (2, {"1.linear.weight", "1.linear.bias", "3.cubed.weight", "3.cubed.bias", "input"}),
    ]:
        monkeypatch.setattr(Cubed, "slope", slope, raising=False)
        check = check_network(network, x, target, "softmax-cross-entropy", l2=0.01)
        assert _wrong(check) == wrong, str(check)


def test_a_bug_in_a_fused_unit_shows(monkeypatch: pytest.MonkeyPatch) -> None:
    """The check goes through the units that run, not through the layers one by one."""
    _spoil(monkeypatch, BatchNorm, lambda layer, dx: dx * (layer.kink_signature()[0] + 1.0))
    assert "1.linear.weight" in _wrong(_check(train=False))
