"""Layers that run as one: a convolution takes the ReLU and the 2x2 max pool after it along, in one pass over memory.

A layer that can do so is a `Fusing` layer and names in `fusible` what it can take, in the order of computation. A layer
that can be taken says by `fused_as` what it is. `units_of` brings the two together, as far as `Choices` allow it, and a
`Fused` unit computes what its layers compute one by one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from glassnet.nn import functional as F
from glassnet.nn.choices import Choices
from glassnet.nn.functional.arrays import Array
from glassnet.nn.layer import Layer, Tail

__all__ = ["ALONE", "Fused", "Fusing", "Tail", "units_of"]


ALONE = Tail()


class Fusing(Layer):
    """Base of the layers that can do the work of those after them in the same pass."""

    fusible: ClassVar[tuple[str, ...]] = ("relu",)

    def __init__(self) -> None:
        super().__init__()
        self._kink: Array | None = None  # shows on which side of its kink the ReLU or pool taken along was
        self._ceiling = 0.0  # of that ReLU

    def forward(self, x: Array, *, train: bool = False, tail: Tail = ALONE) -> Array:
        """The layer's output for x (n, *input_shape), or that of the last layer of the tail."""
        raise NotImplementedError

    def explain(self, n: int, tail: Tail = ALONE) -> tuple[str, str]:
        raise NotImplementedError

    def kink_signature(self) -> list[Array]:
        return [] if self._kink is None else F.relu_pieces(self._kink, self._ceiling)

    def forget(self) -> None:
        super().forget()
        self._kink = None


class Fused:
    """A layer that does the work of those after it in the same pass."""

    output_is_free = False  # the ReLU's backward pass reads it

    def __init__(self, head: Fusing, tail: Sequence[Layer]) -> None:
        self.head = head
        self.layers: tuple[Layer, ...] = (head, *tail)
        works = [layer.fused_as() or ALONE for layer in tail]
        self.tail = Tail(
            max((work.relu for work in works), default=0.0),
            any(work.pool for work in works),
            next((work.norm for work in works if work.norm is not None), None),
        )
        self.parameters = head.parameters

    def forward(self, x: Array, *, train: bool = False) -> Array:
        return self.head.forward(x, train=train, tail=self.tail)

    def backward(self, dy: Array, *, input_gradient: bool = True) -> Array | None:
        return self.head.backward(dy, input_gradient=input_gradient)

    def input_gradient(self, dy: Array) -> Array:
        return self.head.input_gradient(dy)

    def descend(self, dy: Array, rate: float, l2: float, *, input_gradient: bool = True) -> Array | None:
        return self.head.descend(dy, rate, l2, input_gradient=input_gradient)

    def forget(self) -> None:
        self.head.forget()

    def kink_signature(self) -> list[Array]:
        return self.head.kink_signature()

    def explain(self, n: int) -> tuple[str, str]:
        return self.head.explain(n, self.tail)


def units_of(layers: Sequence[Layer], choices: Choices, *, in_use: bool = False) -> list[Layer | Fused]:
    """The layers as they run: by themselves, or in groups. `in_use`: in evaluation, with no backward pass to come."""
    units: list[Layer | Fused] = []
    position = 0
    while position < len(layers):
        head = layers[position]
        tail = _tail(head, layers[position + 1 :], choices, in_use) if isinstance(head, Fusing) else []
        units.append(Fused(head, tail) if isinstance(head, Fusing) and tail else head)
        position += 1 + len(tail)
    return units


def _tail(head: Fusing, after: Sequence[Layer], choices: Choices, in_use: bool) -> list[Layer]:
    """The layers that the head takes along."""
    allowed = {"norm": in_use and choices.fuse_norm, "relu": choices.fuse_relu, "pool": choices.fuse_pool}
    tail: list[Layer] = []
    for work in head.fusible:
        following = after[len(tail)] if len(tail) < len(after) else None
        taken = None if following is None else following.fused_as()
        if following is not None and taken is not None and getattr(taken, work) and allowed[work]:
            tail.append(following)
    return tail
