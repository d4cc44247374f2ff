"""Layers made of chains of layers: a residual sum, and concatenated branches."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

import numpy as np

from glassnet.errors import NotationError
from glassnet.nn import functional as F
from glassnet.nn.chain import Chain
from glassnet.nn.choices import Choices
from glassnet.nn.functional.arrays import Array
from glassnet.nn.functional.workspace import Arena, address
from glassnet.nn.fusion import ALONE, Fusing
from glassnet.nn.layer import Layer, Tail, sizes
from glassnet.notation import Step

__all__ = ["Composite", "Concat", "Residual"]


class Composite(Layer):
    """Base of the layers that hold chains; their parameters and state are those of the chains, by longer names.

    Attributes
    ----------
    chains : dict of str to Chain
        The layers inside, by the name of their branch, as they run; `branches` has them as they were written.
    usage : str
        How it is written, for an error.
    joint : str
        How the branches come together, in a few words.
    """

    kind = "composite"
    usage: ClassVar[str]
    joint: ClassVar[str]

    def __init__(self, *branches: Sequence[Layer]) -> None:
        super().__init__()
        self._hold({self._branch_name(place): Chain(layers) for place, layers in enumerate(branches)})

    @classmethod
    def from_branches(cls, step: Step, branches: Sequence[Sequence[Layer]]) -> Layer:
        """The layer that a step of a notation describes, with the layers of its branches. Raises `NotationError`."""
        if step.arguments or not cls._holds(len(branches)):
            raise NotationError(f"'{step.word}' is written {cls.usage}. Got '{step.text}' instead.")
        return cls(*branches)

    @classmethod
    def _holds(cls, count: int) -> bool:
        """Whether it can have so many branches."""
        return count > 0

    @staticmethod
    def _branch_name(place: int) -> str:
        """What the branch at `place`, from 0, is called."""
        return f"branch{place + 1}"

    @property
    def joins_input(self) -> bool:
        """Whether the input as it is is one of the parts that come together."""
        return False

    def _hold(self, chains: dict[str, Chain]) -> None:
        self.chains = chains
        self.branches = {name: chain.layers for name, chain in chains.items()}

    def _collect(self) -> None:
        self.parameters = {
            f"{name}.{inner}": parameter
            for name, branch in self.chains.items()
            for inner, parameter in branch.parameters().items()
        }
        self.state = {
            f"{name}.{inner}": array for name, branch in self.chains.items() for inner, array in branch.state().items()
        }

    def clone(self, dtype: type) -> Layer:
        made = super().clone(dtype)
        assert isinstance(made, Composite)
        made._hold({name: branch.clone(dtype) for name, branch in self.chains.items()})
        made._collect()
        return made

    def unbuilt(self) -> Layer:
        made = super().unbuilt()
        assert isinstance(made, Composite)
        made._hold({name: branch.unbuilt() for name, branch in self.chains.items()})
        return made

    def adopt(self, other: Layer) -> None:
        assert isinstance(other, Composite)
        for name, branch in self.chains.items():
            branch.adopt(other.chains[name])
        self.workspace = other.workspace
        self._collect()

    def choose(self, choices: Choices) -> None:
        for branch in self.chains.values():
            branch.plan(choices)

    def pack(self, packed: bool = True) -> None:
        super().pack(packed)
        for branch in self.chains.values():
            branch.pack(packed)

    def share(self, arena: Arena) -> None:
        super().share(arena)
        for branch in self.chains.values():
            branch.share(arena)

    def notation(self) -> str:
        return f"{self.word}({' | '.join(branch.notation() for branch in self.chains.values())})"

    @property
    def flops(self) -> int:
        return sum(layer.flops for branch in self.chains.values() for layer in branch.layers)

    def kink_signature(self) -> list[Array]:
        units = (unit for branch in self.chains.values() for unit in branch.units)
        return [signature for unit in units for signature in unit.kink_signature()]


class Residual(Composite, Fusing):
    """y = body(x) + shortcut(x), the shortcut being x itself where none is given (He et al. 2015).

    Notation: `residual(conv 3x3, 16, pad 1 -> relu -> conv 3x3, 16, pad 1)`, with a shortcut after a bar:
    `residual(... | conv 1x1, 32, stride 2)`. The gradient reaches both: dx = body'(dy) + shortcut'(dy).

    Examples
    --------
    >>> from glassnet.nn import Linear, Network, Residual
    >>> Network([Residual([Linear(4)])], (4,)).notation()
    'residual(linear 4)'
    """

    word = "residual"
    recordable = True
    usage = "'residual(body)' or 'residual(body | shortcut)'"
    joint = "+ sum of both"
    output_is_free = True
    kernel = ("sum", "the body's output plus the shortcut's, in one pass")

    def __init__(self, body: Sequence[Layer], shortcut: Sequence[Layer] = ()) -> None:
        super().__init__(body, *([shortcut] if shortcut else []))

    @staticmethod
    def _branch_name(place: int) -> str:
        return ("body", "shortcut")[place]

    @classmethod
    def _holds(cls, count: int) -> bool:
        return count in (1, 2)

    @property
    def joins_input(self) -> bool:
        return len(self.chains) == 1

    def build(
        self, input_shape: tuple[int, ...], rng: np.random.Generator | None, dtype: type, following: str = ""
    ) -> None:
        super().build(input_shape, rng, dtype)
        outputs = [branch.build(input_shape, rng, dtype) for branch in self.chains.values()]
        if len(outputs) == 1:
            outputs.append(input_shape)
        if outputs[0] != outputs[1]:
            raise NotationError(
                f"The body of 'residual' gives {sizes(outputs[0])}, its shortcut {sizes(outputs[1])}; they must be the"
                " same size: write a shortcut, as in 'residual(... | conv 1x1, 32, stride 2)'."
            )
        self.output_shape = outputs[0]
        self._collect()

    @property
    def flops(self) -> int:
        return super().flops + int(np.prod(self.output_shape))

    def explain(self, n: int, tail: Tail = ALONE) -> tuple[str, str]:
        return self.kernel[0], self.kernel[1] + ("; the ReLU is applied as it is written" if tail.relu else "")

    def forward(self, x: Array, *, train: bool = False, tail: Tail = ALONE) -> Array:
        parts = [branch.run(x, train=train) for branch in self.chains.values()]
        other = parts[1] if len(parts) == 2 else x
        free = self.chains["body"].units[-1].output_is_free  # y may take its place
        in_place = self.arena.keep and free and address(parts[0]) != address(x)
        y = F.add(parts[0], other, relu=tail.relu, out=parts[0] if in_place else self._output(len(x)))
        self._kink, self._ceiling = y if tail.relu else None, tail.relu
        if not self.arena.keep:
            self.arena.release(*(part for part in parts if address(part) != address(x)))
        return y

    def reference(self, x: Array, *, train: bool = False) -> Array:
        parts = [branch.reference(x, train=train) for branch in self.chains.values()]
        total: Array = sum(parts, start=np.array(x if self.joins_input else 0.0, np.float64))
        return total

    def kink_signature(self) -> list[Array]:
        return Composite.kink_signature(self) + Fusing.kink_signature(self)

    def backward(self, dy: Array, *, input_gradient: bool = True) -> Array | None:
        return self._back(dy, input_gradient, lambda branch, d: branch.run_backward(d, input_gradient=input_gradient))

    def input_gradient(self, dy: Array) -> Array:
        dx = self._back(dy, True, Chain.run_input_gradient)
        assert dx is not None
        return dx

    def descend(self, dy: Array, rate: float, l2: float, *, input_gradient: bool = True) -> Array | None:
        return self._back(
            dy, input_gradient, lambda branch, d: branch.run_descent(d, rate, l2, input_gradient=input_gradient)
        )

    def _back(
        self, dy: Array, input_gradient: bool, step: Callable[[Chain, Array], Array | None]
    ) -> Array | None:  # fmt: skip
        upstream = dy
        if self._kink is not None:
            upstream = F.relu_backward(dy, self._kink, ceiling=self._ceiling, out=self.arena.take(dy.shape, self.dtype))
        grads = [step(branch, upstream) for branch in self.chains.values()]
        dx = self._sum(grads, upstream) if input_gradient else None
        if upstream is not dy:
            self.arena.release(upstream)
        return dx

    def _sum(self, grads: list[Array | None], dy: Array) -> Array:
        first, second = grads[0], grads[1] if len(grads) == 2 else dy
        assert first is not None and second is not None
        if address(first) == address(dy):  # a body that changes nothing hands its upstream gradient on
            return F.add(first, second, out=self._gradient(len(dy)))
        dx = F.add(first, second, out=first)
        if address(second) != address(dy):
            self.arena.release(second)
        return dx


class Concat(Composite):
    """The outputs of its branches side by side, along the channels (or features). Notation: `concat(... | ...)`.

    Examples
    --------
    >>> from glassnet.nn import Concat, Conv, Network
    >>> Network([Concat([Conv(1, 3)], [Conv(3, 5, pad=1)])], (8, 8, 2)).output_shape
    (8, 8, 8)
    """

    word = "concat"
    recordable = True
    usage = "'concat(one | other)'"
    joint = "side by side"
    kernel = ("copy", "each branch's output into its channels")

    def build(
        self, input_shape: tuple[int, ...], rng: np.random.Generator | None, dtype: type, following: str = ""
    ) -> None:
        super().build(input_shape, rng, dtype)
        outputs = [branch.build(input_shape, rng, dtype) for branch in self.chains.values()]
        if len({shape[:-1] for shape in outputs}) != 1:
            shapes = ", ".join(sizes(shape) for shape in outputs)
            raise NotationError(f"The branches of 'concat' must agree in all sizes but the last. They give {shapes}.")
        self.widths = [shape[-1] for shape in outputs]
        self.output_shape = (*outputs[0][:-1], sum(self.widths))
        self._collect()

    def forward(self, x: Array, *, train: bool = False) -> Array:
        parts = [branch.run(x, train=train) for branch in self.chains.values()]
        y = F.concat_forward(parts, out=self._output(len(x)))
        if not self.arena.keep:
            self.arena.release(*(part for part in parts if address(part) != address(x)))
        return y

    def reference(self, x: Array, *, train: bool = False) -> Array:
        return F.concat_forward_naive([branch.reference(x, train=train) for branch in self.chains.values()])

    def backward(self, dy: Array, *, input_gradient: bool = True) -> Array | None:
        return self._back(dy, lambda branch, d: branch.run_backward(d, input_gradient=input_gradient))

    def input_gradient(self, dy: Array) -> Array:
        dx = self._back(dy, Chain.run_input_gradient)
        assert dx is not None
        return dx

    def descend(self, dy: Array, rate: float, l2: float, *, input_gradient: bool = True) -> Array | None:
        return self._back(dy, lambda branch, d: branch.run_descent(d, rate, l2, input_gradient=input_gradient))

    def _back(self, dy: Array, step: Callable[[Chain, Array], Array | None]) -> Array | None:
        shapes = [(len(dy), *self.output_shape[:-1], width) for width in self.widths]
        parts = [self.arena.take(shape, self.dtype) for shape in shapes]
        F.concat_backward(dy, self.widths, out=parts)
        dx: Array | None = None
        for branch, part in zip(self.chains.values(), parts, strict=True):
            grad = step(branch, part)
            dx = self._added(dx, grad, len(dy)) if grad is not None else dx
            if grad is None or address(grad) != address(part):
                self.arena.release(part)
            self.arena.release(grad)
        return dx

    def _added(self, total: Array | None, grad: Array, n: int) -> Array:
        if total is None:
            total = self._gradient(n)
            total[...] = grad
            return total
        return F.add(total, grad, out=total)
