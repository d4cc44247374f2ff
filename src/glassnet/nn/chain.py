"""Layers in a row: what a network and every branch of a composite layer are."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from glassnet.nn.choices import Choices
from glassnet.nn.functional.arrays import Array
from glassnet.nn.functional.workspace import Arena, address
from glassnet.nn.fusion import Fused, units_of
from glassnet.nn.layer import Layer, walk
from glassnet.nn.parameter import Parameter

__all__ = ["Chain"]


class Chain:
    """Layers one after the other.

    Attributes
    ----------
    layers : list of Layer
        As they were written.
    units : list of Layer or Fused
        As they run.
    units_in_use : list of Layer or Fused
        As they run in evaluation where no backward pass is to come.
    """

    def __init__(self, layers: Sequence[Layer]) -> None:
        self.layers = list(layers)
        self.units: list[Layer | Fused] = list(self.layers)
        self.units_in_use = self.units
        self.arena = Arena()

    def build(
        self, input_shape: tuple[int, ...], rng: np.random.Generator | None, dtype: type, following: str = ""
    ) -> tuple[int, ...]:
        """Set all sizes, draw all parameters (see `Layer.build`), and return the output's shape."""
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

    def unbuilt(self) -> Chain:
        """Layers of the same settings without any array; they are still to be built."""
        return Chain([layer.unbuilt() for layer in self.layers])

    def adopt(self, other: Chain) -> None:
        """Take the parameters, state and memory of the same layers, see `Layer.adopt`."""
        for mine, its in zip(self.layers, other.layers, strict=True):
            mine.adopt(its)

    def pack(self, packed: bool) -> None:
        """Let all layers keep what follows from their arrays, or no longer, see `Layer.pack`."""
        for layer in self.layers:
            layer.pack(packed)

    def share(self, arena: Arena) -> None:
        """Let all layers use this arena."""
        self.arena = arena
        for layer in self.layers:
            layer.share(arena)

    def plan(self, choices: Choices) -> None:
        """Decide which layers run as one."""
        for layer in self.layers:
            layer.choose(choices)
        self.units = units_of(self.layers, choices)
        self.units_in_use = units_of(self.layers, choices, in_use=True)

    def part(self, start: int, stop: int | None, choices: Choices) -> Chain:
        """The layers at positions start ... stop - 1 as a chain of the same layers and the same memory.

        What one pass would compute across its ends is computed apart.
        """
        made = Chain(self.layers[start:stop])
        made.arena, made.units = self.arena, units_of(made.layers, choices)
        made.units_in_use = units_of(made.layers, choices, in_use=True)
        return made

    def walk(self, prefix: str = "") -> Iterator[tuple[str, Layer]]:
        """Every layer with its name, `<position>.<word>` from 1, those inside a composite after it."""
        return walk(self.layers, prefix)

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

    def reference(self, x: Array, *, train: bool = False) -> Array:
        """What `run` should give for x, by the naive forms of the layers."""
        for layer in self.layers:
            x = layer.reference(x, train=train)
        return x

    def run(self, x: Array, *, train: bool = False) -> Array:
        """Forward through all units; the result is overwritten by the next call."""
        arena = self.arena
        if arena.keep:
            for unit in self.units:
                x = unit.forward(x, train=train)
            return x
        first = at = address(x)
        for unit in self.units if train else self.units_in_use:
            y = unit.forward(x, train=train)
            unit.forget()  # there will be no backward pass
            before, at = at, address(y)
            if before not in (at, first):
                arena.release(x)
            x = y
        return x

    def run_in_use(self, x: Array) -> Array:
        """`run`, with the result as a new array and its memory handed back."""
        y = self.run(x)
        result = y.copy()
        if address(y) != address(x):
            self.arena.release(y)
        return result

    def run_backward(self, dy: Array, *, input_gradient: bool = False) -> Array | None:
        """Backward through all units; dy itself is left to the caller."""
        return self._back(dy, input_gradient, lambda unit, grad, wanted: unit.backward(grad, input_gradient=wanted))

    def run_input_gradient(self, dy: Array) -> Array:
        """`run_backward` for the input's gradient alone."""
        dx = self._back(dy, True, lambda unit, grad, _: unit.input_gradient(grad))
        assert dx is not None
        return dx

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
