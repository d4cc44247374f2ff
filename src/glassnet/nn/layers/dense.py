"""The affine layer, and flattening."""

from __future__ import annotations

import math

import numpy as np

from glassnet.errors import NotationError
from glassnet.nn import functional as F
from glassnet.nn.functional.arrays import Array
from glassnet.nn.initialise import Initialisation
from glassnet.nn.layer import LARGEST_WEIGHTS, Layer, positive_int
from glassnet.nn.parameter import Parameter
from glassnet.notation import Step

__all__ = ["Flatten", "Linear"]


class Linear(Layer):
    """y = x W + b with W (in, out) and b (out,); inputs of any shape are flattened.

    Notation: `linear UNITS, init WORD`. A last `linear` without units takes the number of classes. The bias starts at
    zero; the weights by `init`, by default 'he' before a ReLU and 'xavier' elsewhere.

    Examples
    --------
    >>> from glassnet.nn import Linear, Network
    >>> Network([Linear(5), Linear(2)], (3,)).output_shape
    (2,)
    """

    word = "linear"
    kind = "affine"
    recordable = True
    sized = True
    output_is_free = True
    options = ("init",)
    kernel = ("matrix product", "x W on rows of examples, shared among threads where it is large")

    def __init__(self, units: int | str | None = None, init: Initialisation | str | None = None) -> None:
        super().__init__()
        self.units = None if units is None else positive_int(units, "The units of 'linear'")
        self.init = Initialisation.parse(init.split()) if isinstance(init, str) else init

    @classmethod
    def from_step(cls, step: Step) -> Linear:
        positional, named = step.split(cls.options)
        if len(positional) > 1:
            raise NotationError(f"'linear' takes one number of units and an init. Got '{step.text}' instead.")
        units = positional[0] if positional else None
        return cls(units, Initialisation.parse(named["init"]) if "init" in named else None)

    @property
    def outputs(self) -> int | None:
        return self.units

    @outputs.setter
    def outputs(self, count: int | None) -> None:
        self.units = count

    def notation(self) -> str:
        text = "linear" if self.units is None else f"linear {self.units}"
        return text if self.init is None else f"{text}, init {self.init}"

    def build(
        self, input_shape: tuple[int, ...], rng: np.random.Generator | None, dtype: type, following: str = ""
    ) -> None:
        super().build(input_shape, rng, dtype)
        if self.units is None:
            raise NotationError(
                "'linear' without a number of units stands for the classes, and these are not known here."
            )
        inputs = math.prod(input_shape)
        if inputs * self.units > LARGEST_WEIGHTS:
            raise NotationError(f"'{self.notation()}' on {inputs} inputs asks for {inputs * self.units:,} weights.")
        self.output_shape = (self.units,)
        init = self.init or Initialisation("he" if following in ("relu", "relu6") else "xavier")
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
        y, self._cache = F.affine_forward(x, weight.value, bias.value, out=self._output(len(x)))
        return y

    def reference(self, x: Array, *, train: bool = False) -> Array:
        return F.affine_forward_naive(x, self.parameters["weight"].value, self.parameters["bias"].value)

    def backward(self, dy: Array, *, input_gradient: bool = True) -> Array | None:
        weight, bias = self.parameters["weight"], self.parameters["bias"]
        out = (self._rows_gradient(len(dy)) if input_gradient else None, weight.grad, bias.grad)
        return F.affine_backward(dy, self._cache, input_gradient=input_gradient, out=out)[0]

    def input_gradient(self, dy: Array) -> Array:
        return F.affine_input_gradient(dy, self._cache, out=self._rows_gradient(len(dy)))

    def descend(self, dy: Array, rate: float, l2: float, *, input_gradient: bool = True) -> Array | None:
        bias = self.parameters["bias"]
        out = (self._rows_gradient(len(dy)) if input_gradient else None, bias.grad)
        return F.affine_descend(dy, self._cache, bias.value, rate, l2, input_gradient=input_gradient, out=out)

    def _rows_gradient(self, n: int) -> Array:
        return self.arena.take((n, math.prod(self.input_shape)), self.dtype)


class Flatten(Layer):
    """(n, H, W, C) -> (n, H W C), in the order of memory. Notation: `flatten`.

    Examples
    --------
    >>> from glassnet.nn import Flatten, Network
    >>> Network([Flatten()], (8, 8, 16)).output_shape
    (1024,)
    """

    word = "flatten"
    kind = "reshape"
    recordable = True
    kernel = ("none", "the same memory, seen as rows")

    def build(
        self, input_shape: tuple[int, ...], rng: np.random.Generator | None, dtype: type, following: str = ""
    ) -> None:
        super().build(input_shape, rng, dtype)
        self.output_shape = (math.prod(input_shape),)

    @property
    def flops(self) -> int:
        return 0

    def forward(self, x: Array, *, train: bool = False) -> Array:
        return x.reshape(len(x), -1)

    def reference(self, x: Array, *, train: bool = False) -> Array:
        return np.array([list(example.flat) for example in x], np.float64)

    def backward(self, dy: Array, *, input_gradient: bool = True) -> Array | None:
        return dy.reshape(len(dy), *self.input_shape) if input_gradient else None
