"""Faults of the layers' code: each takes a trainer and puts other code into layers of its network.

A layer gets a class derived from its own, so that copies of the network in another precision have the fault, too.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from glassnet.errors import RecipeError
from glassnet.nn.functional.arrays import Array
from glassnet.nn.layer import Layer
from glassnet.nn.layers import BatchNorm, Conv, Dropout, Flatten, Linear, ReLU
from glassnet.train import Trainer

__all__ = ["CODE", "changed", "fault"]

Change = Callable[[Trainer], None]

CODE: dict[str, Change] = {}
"""The faults of code by name."""


def fault(name: str) -> Callable[[Change], Change]:
    """Put a function into `CODE`."""

    def keep(change: Change) -> Change:
        CODE[name] = change
        return change

    return keep


def changed(thing: Any, fault: type) -> None:
    """Give an object a class derived from `fault` and its own."""
    thing.__class__ = type(type(thing).__name__, (fault, type(thing)), {"__module__": __name__})


# ---- gradients


class _WeightSign(Layer):
    def backward(self, dy: Array, *, input_gradient: bool = True) -> Array | None:
        dx = super().backward(dy, input_gradient=input_gradient)
        self.parameters["weight"].grad *= -1
        return dx


class _WeightScale(Layer):
    def backward(self, dy: Array, *, input_gradient: bool = True) -> Array | None:
        dx = super().backward(dy, input_gradient=input_gradient)
        self.parameters["weight"].grad *= 10
        return dx


class _WeightPart(Layer):
    def backward(self, dy: Array, *, input_gradient: bool = True) -> Array | None:
        dx = super().backward(dy, input_gradient=input_gradient)
        gradient = self.parameters["weight"].grad
        gradient[..., : gradient.shape[-1] // 2] = 0
        return dx


class _NoBias(Layer):
    def backward(self, dy: Array, *, input_gradient: bool = True) -> Array | None:
        dx = super().backward(dy, input_gradient=input_gradient)
        for name in ("bias", "shift"):
            if name in self.parameters:
                self.parameters[name].grad[...] = 0
        return dx


class _InputSign(Layer):
    def backward(self, dy: Array, *, input_gradient: bool = True) -> Array | None:
        dx = super().backward(dy, input_gradient=input_gradient)
        return None if dx is None else np.negative(dx, out=dx)


class _Stopped(Layer):
    def backward(self, dy: Array, *, input_gradient: bool = True) -> Array | None:
        dx = super().backward(dy, input_gradient=input_gradient)
        if dx is not None:
            dx[...] = 0
        return dx


class _Accumulates(Layer):
    def backward(self, dy: Array, *, input_gradient: bool = True) -> Array | None:
        before = {name: parameter.grad.copy() for name, parameter in self.parameters.items()}
        dx = super().backward(dy, input_gradient=input_gradient)
        for name, gradient in before.items():
            self.parameters[name].grad += gradient
        return dx


class _Everywhere(Layer):
    def backward(self, dy: Array, *, input_gradient: bool = True) -> Array | None:
        return dy if input_gradient else None


class _MomentsConstant(BatchNorm):
    def backward(self, dy: Array, *, input_gradient: bool = True) -> Array | None:
        slope = self.parameters["scale"].value * self._cache.inverse_std
        simple = (dy * slope).astype(dy.dtype)
        dx = super().backward(dy, input_gradient=input_gradient)
        if dx is not None:
            dx[...] = simple.reshape(dx.shape)
        return dx


def _of_a_layer(layer_fault: type, place: int) -> Change:
    """A fault of one of the layers with weights: the first (0), or the last (-1)."""

    def change(trainer: Trainer) -> None:
        changed(_weighted(trainer)[place], layer_fault)

    return change


CODE["weight-gradient-sign"] = _of_a_layer(_WeightSign, 0)
CODE["weight-gradient-scale"] = _of_a_layer(_WeightScale, 0)
CODE["weight-gradient-part"] = _of_a_layer(_WeightPart, 0)
CODE["input-gradient-sign"] = _of_a_layer(_InputSign, -1)
CODE["gradient-stopped"] = _of_a_layer(_Stopped, -1)


@fault("bias-gradient-missing")
def _(trainer: Trainer) -> None:
    for layer in _layers(trainer, (Linear, Conv, BatchNorm)):
        changed(layer, _NoBias)


@fault("gradients-accumulate")
def _(trainer: Trainer) -> None:
    for layer in _layers(trainer, (Linear, Conv, BatchNorm)):
        changed(layer, _Accumulates)


@fault("relu-gradient-everywhere")
def _(trainer: Trainer) -> None:
    changed(_layers(trainer, (ReLU,))[-1], _Everywhere)


@fault("batchnorm-gradient-part")
def _(trainer: Trainer) -> None:
    for layer in _layers(trainer, (BatchNorm,)):
        changed(layer, _MomentsConstant)


# ---- outputs


class _PassesAll(Layer):
    def forward(self, x: Array, *, train: bool = False) -> Array:
        return x

    def backward(self, dy: Array, *, input_gradient: bool = True) -> Array | None:
        return dy if input_gradient else None

    def kink_signature(self) -> list[Array]:
        return []


class _Talks(Layer):
    def forward(self, x: Array, *, train: bool = False) -> Array:
        y = super().forward(x, train=train)
        y += 0.5 * np.roll(y, 1, axis=0)
        return y

    def backward(self, dy: Array, *, input_gradient: bool = True) -> Array | None:
        return super().backward(dy + 0.5 * np.roll(dy, -1, axis=0), input_gradient=input_gradient)


class _Scrambles(Layer):
    def forward(self, x: Array, *, train: bool = False) -> Array:
        return np.ascontiguousarray(x.reshape(-1, len(x)).T)

    def backward(self, dy: Array, *, input_gradient: bool = True) -> Array | None:
        return np.ascontiguousarray(dy.T).reshape(len(dy), *self.input_shape) if input_gradient else None


class _Tied(Layer):
    def forward(self, x: Array, *, train: bool = False) -> Array:
        for parameter in self.parameters.values():
            parameter.value[...] = parameter.value[..., :1]
        return super().forward(x, train=train)


class _AlwaysDrops(Dropout):
    def forward(self, x: Array, *, train: bool = False) -> Array:
        key = self.key
        self.key = key if train else None
        y = super().forward(x, train=True)
        self.key = key
        return y


class _Unscaled(Dropout):
    def mask(self, shape: tuple[int, ...], rng: np.random.Generator) -> Array:
        kept: Array = super().mask(shape, rng)
        return (kept * (1 - self.p)).astype(kept.dtype)


class _OwnMoments(BatchNorm):
    def forward(self, x: Array, *, train: bool = False, **more: Any) -> Array:
        return super().forward(x, train=True, **more)


class _FrozenMoments(BatchNorm):
    def forward(self, x: Array, *, train: bool = False, **more: Any) -> Array:
        kept = {name: array.copy() for name, array in self.state.items()}
        y = super().forward(x, train=train, **more)
        for name, array in kept.items():
            self.state[name][...] = array
        return y


def _of_every(kind: type[Layer], layer_fault: type) -> Change:
    """A fault of every layer of a kind."""

    def change(trainer: Trainer) -> None:
        for layer in _layers(trainer, (kind,)):
            changed(layer, layer_fault)

    return change


CODE["cross-talk"] = _of_a_layer(_Talks, 0)
CODE["tied-units"] = _of_a_layer(_Tied, 0)
CODE["relu-passes-all"] = _of_every(ReLU, _PassesAll)
CODE["flatten-scrambled"] = _of_every(Flatten, _Scrambles)
CODE["dropout-in-evaluation"] = _of_every(Dropout, _AlwaysDrops)
CODE["dropout-unscaled"] = _of_every(Dropout, _Unscaled)
CODE["batchnorm-in-training-mode"] = _of_every(BatchNorm, _OwnMoments)
CODE["batchnorm-frozen"] = _of_every(BatchNorm, _FrozenMoments)


# ---- what they have in common


def _layers(trainer: Trainer, kinds: Sequence[type]) -> list[Any]:
    """The layers of some kinds, those inside composites included. Raises `RecipeError` where there are none."""
    found = [layer for _, layer in trainer.network.walk() if isinstance(layer, tuple(kinds))]
    if not found:
        words = " or ".join(kind.__name__ for kind in kinds)
        raise RecipeError(f"This fault is one of {words} layers, and the network has none.")
    return found


def _weighted(trainer: Trainer) -> list[Any]:
    return _layers(trainer, (Linear, Conv))
