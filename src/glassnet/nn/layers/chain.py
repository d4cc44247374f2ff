"""Layers in a row: what a network and every branch of a composite layer are.

Layers that can do their work in one pass over memory run as one `Fused` unit: a convolution takes the ReLU and the
2x2 max pool that follow it along, batch normalisation and a residual sum their ReLU. Which do is decided in `plan`, by
`Choices`, and a fused unit computes what its layers compute one by one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from glassnet.nn.functional.arrays import Array
from glassnet.nn.functional.workspace import Arena, address
from glassnet.nn.layer import Layer
from glassnet.nn.layers.activation import ReLU
from glassnet.nn.layers.convolution import Conv
from glassnet.nn.layers.pooling import MaxPool
from glassnet.nn.parameter import Parameter

__all__ = ["Chain", "Choices", "Fused"]


@dataclass(frozen=True)
class Choices:
    """Which fast ways a network may take; each can be turned off.

    Attributes
    ----------
    fuse_relu : a ReLU is computed by the convolution, batch normalisation or residual sum before it
    fuse_pool : a 2x2 max pool is computed by the convolution before it
    winograd : 3x3 convolutions may run by Winograd's algorithm (float32; rounding errors are about ten times larger)
    """

    fuse_relu: bool = True
    fuse_pool: bool = True
    winograd: bool = True


class Fused:
    """A layer that does the work of those after it in the same pass."""

    def __init__(self, head: Layer, tail: Sequence[Layer]) -> None:
        self.layers: tuple[Layer, ...] = (head, *tail)
        self.head: Any = head  # its forward pass takes more than a layer's does
        words = {layer.word for layer in tail}
        self.extras = {extra: _WORDS[extra] in words for extra in head.takes}
        self.parameters = head.parameters

    def forward(self, x: Array, *, train: bool = False) -> Array:
        y: Array = self.head.forward(x, train=train, **self.extras)
        return y

    def backward(self, dy: Array, *, input_gradient: bool = True) -> Array | None:
        dx: Array | None = self.head.backward(dy, input_gradient=input_gradient)
        return dx

    def descend(self, dy: Array, rate: float, l2: float, *, input_gradient: bool = True) -> Array | None:
        dx: Array | None = self.head.descend(dy, rate, l2, input_gradient=input_gradient)
        return dx

    def forget(self) -> None:
        self.head.forget()

    def pattern(self) -> list[Array]:
        pattern: list[Array] = self.head.pattern()
        return pattern

    def explain(self, n: int) -> tuple[str, str]:
        kernel, why = self.head.explain(n, **self.extras)
        return kernel, why


_WORDS = {"relu": "relu", "pool": "maxpool"}  # what a layer may take along, and the layer that does it alone


class Chain:
    """Layers one after the other.

    Attributes
    ----------
    layers : as they were written
    units : as they run: layers, and `Fused` groups of them
    """

    def __init__(self, layers: Sequence[Layer]) -> None:
        self.layers = list(layers)
        self.units: list[Layer | Fused] = list(self.layers)
        self.arena = Arena()

    def build(
        self, input_shape: tuple[int, ...], rng: np.random.Generator, dtype: type, following: str = ""
    ) -> tuple[int, ...]:
        """Set all sizes, draw all parameters, and return the output's shape."""
        words = [layer.word for layer in self.layers] + [following]
        shape = input_shape
        for layer, after in zip(self.layers, words[1:], strict=True):
            layer.build(shape, rng, dtype, after)
            shape = layer.output_shape
        self.plan(Choices())
        return shape

    def clone(self, dtype: type) -> Chain:
        """A copy in another precision that shares no array with this one; it is still to be planned."""
        return Chain([layer.clone(dtype) for layer in self.layers])

    def share(self, arena: Arena) -> None:
        """Let all layers use this arena."""
        self.arena = arena
        for layer in self.layers:
            layer.share(arena)

    def plan(self, choices: Choices) -> None:
        """Decide which layers run as one."""
        self.units = []
        position = 0
        while position < len(self.layers):
            layer = self.layers[position]
            for branch in layer.branches.values():
                branch.plan(choices)
            if isinstance(layer, Conv):
                layer.winograd = choices.winograd
            tail = _tail(self.layers[position:], choices)
            self.units.append(Fused(layer, tail) if tail else layer)
            position += 1 + len(tail)

    def walk(self, prefix: str = "") -> Iterator[tuple[str, Layer]]:
        """Every layer with its name, `<position>.<word>` from 1, those inside a composite after it."""
        for position, layer in enumerate(self.layers, start=1):
            name = f"{prefix}{position}.{layer.word}"
            yield name, layer
            for branch_name, branch in layer.branches.items():
                yield from branch.walk(f"{name}.{branch_name}.")

    def parameters(self) -> dict[str, Parameter]:
        """The trained arrays by name."""
        return {
            f"{position}.{layer.word}.{name}": parameter
            for position, layer in enumerate(self.layers, start=1)
            for name, parameter in layer.parameters.items()
        }

    def state(self) -> dict[str, Array]:
        """The arrays that are saved but not trained, by name."""
        return {
            f"{position}.{layer.word}.{name}": array
            for position, layer in enumerate(self.layers, start=1)
            for name, array in layer.state.items()
        }

    def notation(self) -> str:
        """This chain in arrow notation."""
        return " -> ".join(layer.notation() for layer in self.layers)

    # ---- the passes

    def run(self, x: Array, *, train: bool = False) -> Array:
        """Forward through all units; the result is overwritten by the next call."""
        arena = self.arena
        if arena.keep:
            for unit in self.units:
                x = unit.forward(x, train=train)
            return x
        first = at = address(x)
        for unit in self.units:
            y = unit.forward(x, train=train)
            unit.forget()  # there will be no backward pass
            before, at = at, address(y)
            if before not in (at, first):
                arena.release(x)
            x = y
        return x

    def run_backward(self, dy: Array, *, input_gradient: bool = False) -> Array | None:
        """Backward through all units; dy itself is left to the caller."""
        return self._back(dy, input_gradient, lambda unit, grad, wanted: unit.backward(grad, input_gradient=wanted))

    def run_descent(self, dy: Array, rate: float, l2: float, *, input_gradient: bool = False) -> Array | None:
        """Backward and a step of plain gradient descent in one."""

        def descend(unit: Layer | Fused, grad: Array, wanted: bool) -> Array | None:
            return unit.descend(grad, rate, l2, input_gradient=wanted)

        return self._back(dy, input_gradient, descend)

    def _back(
        self, dy: Array, input_gradient: bool, step: Callable[[Layer | Fused, Array, bool], Array | None]
    ) -> Array | None:
        first = 0 if input_gradient else self.first_trained
        grad: Array | None = dy
        for position in range(len(self.units) - 1, first - 1, -1):
            assert grad is not None
            below: Array | None = step(self.units[position], grad, input_gradient or position > first)
            if grad is not dy and (below is None or address(below) != address(grad)):
                self.arena.release(grad)
            grad = below
        return grad if input_gradient else None

    @property
    def first_trained(self) -> int:
        """Position of the first unit with parameters: no gradient is needed below it."""
        for position, unit in enumerate(self.units):
            if unit.parameters:
                return position
        return len(self.units)


def _tail(layers: list[Layer], choices: Choices) -> list[Layer]:
    """The layers after the first one that it takes along."""
    head, rest = layers[0], layers[1:]
    tail: list[Layer] = []
    if rest and "relu" in head.takes and type(rest[0]) is ReLU and choices.fuse_relu:
        tail.append(rest.pop(0))
    if rest and "pool" in head.takes and _is_simple_pool(rest[0]) and choices.fuse_pool:
        tail.append(rest[0])
    return tail


def _is_simple_pool(layer: Layer) -> bool:
    """Whether it is a max pool of separate 2x2 windows."""
    if type(layer) is not MaxPool or layer.pad.any or layer.size != (2, 2) or layer.stride != (2, 2):
        return False
    return not layer.ceil or all(size % 2 == 0 for size in layer.input_shape[:2])
