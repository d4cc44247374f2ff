"""How far the states of two engines are apart, tensor by tensor, in the order in which a step computes them.

The error of a tensor is max|a - b| / max(|a|, |b|, floor), the maxima taken over the tensor, as of a gradient check.
The floor is what rounding leaves of the largest number among the tensors of its kind (all weights, all first moments,
...): a gradient that is 0 but for rounding, as that of a bias before batch normalisation, is so compared absolutely.

A step computes the loss, the running statistics (first layer first), then, last layer first, what the optimiser
remembers of the gradients, and the weights.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from glassnet.nn import Network
from glassnet.nn.functional.arrays import Array

__all__ = ["LOSS", "TOLERANCES", "Difference", "Places", "coarser"]

TOLERANCES: dict[Any, float] = {np.float64: 1e-9, np.float32: 1e-3}
"""Largest error that passes, by the coarser of the two precisions: what `docs/twin.md` measures of 200 steps."""

LOSS = "loss"
_NETWORK, _MEMORY = "network.", "optimizer."
_ROUNDING = 32  # rounding errors of a sum, in units of eps at the size of its largest term


@dataclass(frozen=True)
class Difference:
    """How two engines differ in one tensor.

    Attributes
    ----------
    tensor : str
        Its name in the engines' state (`network.2.linear.weight`, `optimizer.2.linear.weight.m`), or `loss`.
    error : float
        max|a - b| / max(|a|, |b|, floor) over the tensor.
    index : tuple of int
        The element that differs most.
    first, second : float
        Its value on either side.
    ulps : float
        Their distance in units in the last place of the coarser precision.
    apart : int
        Elements beyond the tolerance.
    size : int
        All elements.

    Examples
    --------
    >>> from glassnet.twin import Difference
    >>> found = Difference("network.2.linear.weight", 1e-3, (3, 5), 1.0, 1.001, 8389.0, 4, 64)
    >>> found.place
    '2.linear.weight[3, 5]'
    """

    tensor: str
    error: float
    index: tuple[int, ...]
    first: float
    second: float
    ulps: float
    apart: int
    size: int

    @property
    def name(self) -> str:
        """The tensor's name without the part of the state that it is in."""
        return self.tensor.removeprefix(_NETWORK).removeprefix(_MEMORY)

    @property
    def place(self) -> str:
        """The element as it is written: `2.linear.weight[3, 5]`."""
        return f"{self.name}[{', '.join(map(str, self.index))}]" if self.index else self.name


class Places:
    """What is compared of engines that train a network, in the order in which a step computes it.

    Parameters
    ----------
    network : Network
        What both train.
    dtype : np.float32 or np.float64
        The coarser of the two precisions.
    tolerance : float
        Errors above it count as apart.
    """

    def __init__(self, network: Network, dtype: type, tolerance: float) -> None:
        self.parameters = {name: p.value.shape for name, p in network.parameters().items()}
        self.statistics = [name for name in network.arrays() if name not in self.parameters]
        self.dtype, self.tolerance = dtype, tolerance
        self.noise = _ROUNDING * float(np.finfo(dtype).eps)

    def loss(self, first: float, second: float) -> Difference:
        """How two losses differ."""
        return self._difference(LOSS, np.array(first), np.array(second), 0.0)

    def between(self, first: Mapping[str, Array], second: Mapping[str, Array]) -> list[Difference]:
        """How two states differ, in the order of a step."""
        largest: dict[str, float] = {}
        for state in (first, second):
            for name, array in state.items():
                kind = self.kind(name)
                largest[kind] = max(largest.get(kind, 0.0), float(np.abs(array).max(initial=0.0)))
        floors = {kind: self.noise * value / self.tolerance for kind, value in largest.items()}
        return [
            self._difference(name, first[name], second[name], floors[self.kind(name)])
            for name in self.order(first)
            if name in second
        ]

    def idle(self, first: Mapping[str, Array], second: Mapping[str, Array]) -> set[str]:
        """The trained arrays whose gradients are 0 but for rounding, as far as the optimiser remembers on either side.

        A bias before batch normalisation is one. An optimiser that divides by the gradient's size moves it by chance,
        which changes nothing that the network gives.
        """
        sizes: dict[str, dict[str, float]] = {}
        for state in (first, second):
            for name in self.parameters:
                for slot, array in self.memory(name, state).items():
                    own = sizes.setdefault(slot, {})
                    own[name] = max(own.get(name, 0.0), float(np.abs(array).max(initial=0.0)))
        if not sizes:
            return set()
        return {
            name
            for name in self.parameters
            if all(0 < own.get(name, 0.0) <= self.noise * max(own.values()) for own in sizes.values())
        }

    def order(self, state: Mapping[str, Array]) -> Iterator[str]:
        """The names of a state's arrays, as a step computes them."""
        yield from (f"{_NETWORK}{name}" for name in self.statistics)
        backwards = list(reversed(self.parameters))
        for name in backwards:
            yield from (key for key in state if key.startswith(f"{_MEMORY}{name}."))
        yield from (f"{_NETWORK}{name}" for name in backwards)

    def kind(self, name: str) -> str:
        """What a tensor is one of: `weight`, or the last word of its name (`m`, `variance`)."""
        return "weight" if self.is_weight(name) else name.rpartition(".")[2]

    def is_weight(self, name: str) -> bool:
        """Whether it is a trained array."""
        return name.removeprefix(_NETWORK) in self.parameters and name.startswith(_NETWORK)

    def is_statistic(self, name: str) -> bool:
        """Whether it is a running mean or variance."""
        return name.removeprefix(_NETWORK) in self.statistics and name.startswith(_NETWORK)

    def parameter_of(self, name: str) -> str:
        """The trained array that a tensor is, or is the memory of; "" of any other."""
        short = name.removeprefix(_NETWORK).removeprefix(_MEMORY)
        return short if short in self.parameters else short.rpartition(".")[0] if name.startswith(_MEMORY) else ""

    def memory(self, name: str, state: Mapping[str, Array]) -> dict[str, Array]:
        """What the optimiser remembers of a trained array, by slot, in that array's shape."""
        prefix = f"{_MEMORY}{name}."
        shape = self.parameters[name]
        return {n.removeprefix(prefix): a.reshape(shape) for n, a in state.items() if n.startswith(prefix)}

    def _difference(self, name: str, first: Array, second: Array, floor: float) -> Difference:
        shape = self.parameters.get(self.parameter_of(name), first.shape)
        a, b = (np.asarray(array, np.float64).reshape(shape) for array in (first, second))
        with np.errstate(invalid="ignore", over="ignore"):
            gap = np.where(_alike(a, b), 0.0, np.abs(a - b))
        gap = np.where(np.isnan(gap), np.inf, gap)
        finite = [np.abs(array[np.isfinite(array)]).max(initial=0.0) for array in (a, b)]
        largest = max(*finite, floor)
        worst = np.unravel_index(int(gap.argmax()), shape) if shape else ()
        x, y = float(a[worst]), float(b[worst])
        bound = self.tolerance * largest
        error = float(gap[worst] / largest) if largest else float(gap[worst])
        place = tuple(int(i) for i in worst)
        return Difference(name, error, place, x, y, ulps(x, y, self.dtype), int((gap > bound).sum()), a.size)


def _alike(a: Array, b: Array) -> Any:
    """Where two arrays hold the same, two that are no number included."""
    return (a == b) | (np.isnan(a) & np.isnan(b))


def ulps(a: float, b: float, dtype: type) -> float:
    """The distance of two numbers in units in the last place of the larger one, in a precision."""
    if not (np.isfinite(a) and np.isfinite(b)):
        return 0.0 if a == b else float("inf")
    unit = float(np.spacing(np.asarray(max(abs(a), abs(b)), dtype)))
    return abs(a - b) / unit


def coarser(first: type, second: type) -> type:
    """The less precise of two float types."""
    return first if np.finfo(first).eps > np.finfo(second).eps else second
