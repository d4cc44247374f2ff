"""What every layer is: parameters, a forward and a backward pass, and the buffers that they reuse."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from glassnet.errors import NotationError
from glassnet.nn.functional.arrays import Array
from glassnet.nn.parameter import Parameter
from glassnet.notation import Step

__all__ = ["Layer", "Workspace", "positive_int"]


class Workspace:
    """Buffers by name that grow to the largest batch seen and are reused, so that a steady step allocates nothing."""

    def __init__(self) -> None:
        self._buffers: dict[str, Array] = {}

    def get(self, name: str, shape: tuple[int, ...], dtype: Any) -> Array:
        """A C-contiguous buffer of `shape`, valid until the same name is asked for again."""
        buffer = self._buffers.get(name)
        if buffer is None or buffer.shape[0] < shape[0] or buffer.shape[1:] != shape[1:] or buffer.dtype != dtype:
            buffer = self._buffers[name] = np.empty(shape, dtype)
        return buffer if buffer.shape[0] == shape[0] else buffer[: shape[0]]

    @property
    def nbytes(self) -> int:
        """Memory held, in bytes."""
        return sum(buffer.nbytes for buffer in self._buffers.values())


class Layer:
    """Base of all layers.

    A layer is made with its settings alone; `build` gives it its sizes and parameters. `forward` keeps what
    `backward` needs, so a backward pass belongs to the latest forward pass. Arrays that they return live in the
    layer's workspace and are overwritten by its next call; a `Network` copies what it hands out.
    """

    word: ClassVar[str]
    options: ClassVar[tuple[str, ...]] = ()
    elementwise: ClassVar[bool] = False  # whether each output depends on the input at the same place alone

    def __init__(self) -> None:
        self.parameters: dict[str, Parameter] = {}
        self.state: dict[str, Array] = {}  # arrays that are saved but not trained: running moments
        self.input_shape: tuple[int, ...] = ()
        self.output_shape: tuple[int, ...] = ()
        self.dtype: type = np.float32
        self.workspace = Workspace()
        self._cache: Any = None

    # ---- from and to notation

    @classmethod
    def from_step(cls, step: Step, classes: int | None) -> Layer:
        """The layer that a step of a notation describes; `classes` is the size of a last layer without one."""
        positional, _ = step.split(cls.options)
        if positional:
            raise NotationError(f"'{cls.word}' takes no numbers. Got '{step.text}' instead.")
        return cls()

    def notation(self) -> str:
        """This layer as a step of a notation."""
        return self.word

    def __repr__(self) -> str:
        return f"<{self.notation()}: {self.input_shape} -> {self.output_shape}>"

    # ---- sizes and parameters

    def build(self, input_shape: tuple[int, ...], rng: np.random.Generator, dtype: type, following: str = "") -> None:
        """Set the sizes and draw the parameters. `following` is the next layer's word (an initialisation may ask)."""
        self.input_shape = self.output_shape = input_shape
        self.dtype = dtype

    def astype(self, dtype: type) -> None:
        """Change the precision of parameters and state in place."""
        self.dtype = dtype
        self.parameters = {name: parameter.astype(dtype) for name, parameter in self.parameters.items()}
        self.workspace, self._cache = Workspace(), None

    @property
    def flops(self) -> int:
        """Floating-point operations of one example's forward pass; a multiplication and an addition are two."""
        return int(np.prod(self.output_shape))

    # ---- the two passes

    def forward(self, x: Array, *, train: bool = False) -> Array:
        """The layer's output for x (n, *input_shape)."""
        raise NotImplementedError

    def backward(self, dy: Array, *, input_gradient: bool = True) -> Array | None:
        """Write the parameters' gradients and return that of the input (None where it is not asked for)."""
        raise NotImplementedError

    def descend(self, dy: Array, rate: float, l2: float, *, input_gradient: bool = True) -> Array | None:
        """`backward`, then a plain step of gradient descent on this layer's parameters.

        Layers whose product can write straight into the weights override it; their gradients are then not stored.
        """
        dx = self.backward(dy, input_gradient=input_gradient)
        for parameter in self.parameters.values():
            if parameter.decays and l2:
                parameter.value *= 1 - rate * l2
            parameter.value -= rate * parameter.grad
        return dx

    def _buffer(self, name: str, n: int, shape: tuple[int, ...]) -> Array:
        return self.workspace.get(name, (n, *shape), self.dtype)


def positive_int(text: str, what: str) -> int:
    """A whole number from 1 to a hundred million, or `NotationError`."""
    try:
        number = int(text)
    except ValueError:
        number = 0
    if not 1 <= number <= 100_000_000:
        raise NotationError(f"{what} must be a whole number from 1 to 100,000,000. Got '{text}' instead.")
    return number
