"""The layers of dense networks. Their mathematics lives in `nn/functional`; here are sizes, parameters and caches."""

from __future__ import annotations

import math

import numpy as np

from glassnet.errors import ModelError, NotationError
from glassnet.nn import functional as F
from glassnet.nn.functional.arrays import Array
from glassnet.nn.initialise import Initialisation
from glassnet.nn.layer import Layer, positive_int
from glassnet.nn.parameter import Parameter
from glassnet.notation import Step

__all__ = ["LAYERS", "BatchNorm", "Dropout", "Flatten", "Linear", "ReLU", "Sigmoid", "Tanh"]

# Weights that a mistyped notation may ask for by accident are refused before memory is.
_LARGEST = 2**28


class Linear(Layer):
    """y = x W + b with W (in, out) and b (out,); inputs of any shape are flattened.

    Notation: `linear UNITS, init WORD`. A last `linear` without units takes the number of classes. The bias starts at
    zero; the weights by `init`, by default 'he' before a ReLU and 'xavier' elsewhere.
    """

    word = "linear"
    options = ("init",)

    def __init__(self, units: int | None = None, init: Initialisation | str | None = None) -> None:
        super().__init__()
        self.units = units
        self.init = Initialisation.parse(init.split()) if isinstance(init, str) else init

    @classmethod
    def from_step(cls, step: Step, classes: int | None) -> Linear:
        positional, named = step.split(cls.options)
        if len(positional) > 1:
            raise NotationError(f"'linear' takes one number of units and an init. Got '{step.text}' instead.")
        units = positive_int(positional[0], "The units of 'linear'") if positional else None
        return cls(units, Initialisation.parse(named["init"]) if "init" in named else None)

    def notation(self) -> str:
        text = "linear" if self.units is None else f"linear {self.units}"
        return text if self.init is None else f"{text}, init {self.init}"

    def build(self, input_shape: tuple[int, ...], rng: np.random.Generator, dtype: type, following: str = "") -> None:
        super().build(input_shape, rng, dtype)
        if self.units is None:
            raise NotationError(
                "'linear' without a number of units stands for the classes, and these are not known here."
            )
        inputs = math.prod(input_shape)
        if inputs * self.units > _LARGEST:
            raise NotationError(f"'{self.notation()}' on {inputs} inputs asks for {inputs * self.units:,} weights.")
        self.output_shape = (self.units,)
        init = self.init or Initialisation("he" if following == "relu" else "xavier")
        weight = init.draw((inputs, self.units), (inputs, self.units), rng, dtype)
        self.parameters = {
            "weight": Parameter.of(weight, "weight"),
            "bias": Parameter.of(np.zeros(self.units, dtype), "bias"),
        }

    @property
    def flops(self) -> int:
        return 2 * math.prod(self.input_shape) * self.output_shape[0]

    def forward(self, x: Array, *, train: bool = False) -> Array:
        weight, bias = self.parameters["weight"], self.parameters["bias"]
        out = self._buffer("y", len(x), self.output_shape)
        y, self._cache = F.affine_forward(x, weight.value, bias.value, out=out)
        return y

    def backward(self, dy: Array, *, input_gradient: bool = True) -> Array | None:
        weight, bias = self.parameters["weight"], self.parameters["bias"]
        dx = self._buffer("dx", len(dy), (weight.value.shape[0],)) if input_gradient else None
        out = (dx, weight.grad, bias.grad)
        return F.affine_backward(dy, self._cache, input_gradient=input_gradient, out=out)[0]

    def descend(self, dy: Array, rate: float, l2: float, *, input_gradient: bool = True) -> Array | None:
        weight, bias = self.parameters["weight"], self.parameters["bias"]
        dx = self._buffer("dx", len(dy), (weight.value.shape[0],)) if input_gradient else None
        out = (dx, bias.grad)
        return F.affine_descend(dy, self._cache, bias.value, rate, l2, input_gradient=input_gradient, out=out)


class _Activation(Layer):
    """Base of the element-wise activations."""

    elementwise = True
    _forward = staticmethod(F.relu_forward)
    _backward = staticmethod(F.relu_backward)

    def forward(self, x: Array, *, train: bool = False) -> Array:
        y, self._cache = self._forward(x, out=self._buffer("y", len(x), self.output_shape))
        return y

    def backward(self, dy: Array, *, input_gradient: bool = True) -> Array | None:
        if not input_gradient:
            return None
        return self._backward(dy, self._cache, out=self._buffer("dx", len(dy), self.output_shape))


class ReLU(_Activation):
    """y = max(0, x). Notation: `relu`."""

    word = "relu"


class Sigmoid(_Activation):
    """y = 1 / (1 + exp(-x)). Notation: `sigmoid`."""

    word = "sigmoid"
    _forward = staticmethod(F.sigmoid_forward)
    _backward = staticmethod(F.sigmoid_backward)

    @property
    def flops(self) -> int:
        return 3 * super().flops


class Tanh(_Activation):
    """y = tanh(x). Notation: `tanh`."""

    word = "tanh"
    _forward = staticmethod(F.tanh_forward)
    _backward = staticmethod(F.tanh_backward)

    @property
    def flops(self) -> int:
        return 3 * super().flops


class Dropout(Layer):
    """Inverted dropout: in training each number is 0 with probability p, the rest are scaled by 1 / (1 - p).

    Notation: `dropout P` with p in [0, 1), by default 0.5. The mask comes from `key`, a tuple of integers, where one
    is set (so that a resumed run draws the same), else from a generator of the layer's own.
    """

    word = "dropout"
    elementwise = True

    def __init__(self, p: float = 0.5) -> None:
        super().__init__()
        if not 0 <= p < 1:
            raise NotationError(f"The probability of 'dropout' must lie in 0 ... 1 (1 excluded). Got {p:g} instead.")
        self.p = p
        self.key: tuple[int, ...] | None = None
        self._rng = np.random.default_rng(0)

    @classmethod
    def from_step(cls, step: Step, classes: int | None) -> Dropout:
        positional, _ = step.split(cls.options)
        try:
            return cls(*(float(value) for value in positional))
        except (TypeError, ValueError):
            raise NotationError(f"'dropout' takes one probability, as in 'dropout 0.5'. Got '{step.text}'.") from None

    def notation(self) -> str:
        return f"dropout {self.p:g}"

    def build(self, input_shape: tuple[int, ...], rng: np.random.Generator, dtype: type, following: str = "") -> None:
        super().build(input_shape, rng, dtype)
        self._rng = np.random.default_rng(int(rng.integers(2**63)))

    def forward(self, x: Array, *, train: bool = False) -> Array:
        if not train or self.p == 0:
            self._cache = None
            return x
        rng = self._rng if self.key is None else np.random.default_rng(self.key)
        mask = F.dropout_mask(x.shape, self.p, rng, self.dtype)
        y, self._cache = F.dropout_forward(x, mask, out=self._buffer("y", len(x), self.output_shape))
        return y

    def backward(self, dy: Array, *, input_gradient: bool = True) -> Array | None:
        if not input_gradient:
            return None
        if self._cache is None:
            return dy
        return F.dropout_backward(dy, self._cache, out=self._buffer("dx", len(dy), self.output_shape))


class BatchNorm(Layer):
    """Batch normalisation of features, with running moments for evaluation.

    Notation: `batchnorm, momentum M, eps E`; by default momentum 0.1 (the share of the newest batch) and eps 1e-5.
    """

    word = "batchnorm"
    options = ("momentum", "eps")

    def __init__(self, momentum: float = 0.1, eps: float = 1e-5) -> None:
        super().__init__()
        if not 0 < momentum <= 1 or not 0 < eps < 1:
            raise NotationError(f"'batchnorm' needs 0 < momentum <= 1 and 0 < eps < 1. Got {momentum:g} and {eps:g}.")
        self.momentum, self.eps = momentum, eps

    @classmethod
    def from_step(cls, step: Step, classes: int | None) -> BatchNorm:
        positional, named = step.split(cls.options)
        try:
            if positional:
                raise ValueError
            return cls(**{name: float(value) for name, (value,) in named.items()})
        except ValueError:
            raise NotationError(f"'batchnorm' takes the options momentum and eps alone. Got '{step.text}'.") from None

    def notation(self) -> str:
        momentum = "" if self.momentum == 0.1 else f", momentum {self.momentum:g}"
        return "batchnorm" + momentum + ("" if self.eps == 1e-5 else f", eps {self.eps:g}")

    def build(self, input_shape: tuple[int, ...], rng: np.random.Generator, dtype: type, following: str = "") -> None:
        super().build(input_shape, rng, dtype)
        if len(input_shape) != 1:
            raise NotationError(
                f"'batchnorm' here works on features; put 'flatten' before it. Its input is {input_shape}."
            )
        size = input_shape[0]
        self.parameters = {
            "scale": Parameter.of(np.ones(size, dtype), "scale"),
            "shift": Parameter.of(np.zeros(size, dtype), "shift"),
        }
        self.state = {"mean": np.zeros(size), "variance": np.ones(size)}

    @property
    def flops(self) -> int:
        return 4 * super().flops

    def forward(self, x: Array, *, train: bool = False) -> Array:
        running = (self.state["mean"], self.state["variance"])
        out = (self._buffer("y", len(x), self.output_shape), self._buffer("normalised", len(x), self.output_shape))
        y, self._cache = F.batchnorm_forward(
            x,
            self.parameters["scale"].value,
            self.parameters["shift"].value,
            moments=None if train else running,
            eps=self.eps,
            out=out,
        )
        if train:
            F.update_running_moments(running, self._cache.moments, len(x), self.momentum)
        return y

    def backward(self, dy: Array, *, input_gradient: bool = True) -> Array | None:
        scale, shift = self.parameters["scale"], self.parameters["shift"]
        out = (self._buffer("dx", len(dy), self.output_shape), scale.grad, shift.grad)
        dx = F.batchnorm_backward(dy, self._cache, out=out)[0]
        return dx if input_gradient else None


class Flatten(Layer):
    """(n, H, W, C) -> (n, H W C), in the order of memory. Notation: `flatten`."""

    word = "flatten"

    def build(self, input_shape: tuple[int, ...], rng: np.random.Generator, dtype: type, following: str = "") -> None:
        super().build(input_shape, rng, dtype)
        self.output_shape = (math.prod(input_shape),)

    @property
    def flops(self) -> int:
        return 0

    def forward(self, x: Array, *, train: bool = False) -> Array:
        return x.reshape(len(x), -1)

    def backward(self, dy: Array, *, input_gradient: bool = True) -> Array | None:
        return dy.reshape(len(dy), *self.input_shape) if input_gradient else None


LAYERS: dict[str, type[Layer]] = {
    layer.word: layer for layer in (Linear, ReLU, Sigmoid, Tanh, Dropout, BatchNorm, Flatten)
}


def load_state(layer: Layer, arrays: dict[str, Array]) -> None:
    """Put saved parameters and state into a built layer. Raises `ModelError` where names or shapes differ."""
    slots = {**{name: p.value for name, p in layer.parameters.items()}, **layer.state}
    if set(arrays) != set(slots):
        raise ModelError(f"'{layer.notation()}' needs the arrays {sorted(slots)}. Got {sorted(arrays)} instead.")
    for name, slot in slots.items():
        if arrays[name].shape != slot.shape:
            raise ModelError(f"'{layer.notation()}' needs a {name} of {slot.shape}. Got {arrays[name].shape} instead.")
        slot[...] = arrays[name]
