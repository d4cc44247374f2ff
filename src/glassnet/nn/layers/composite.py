"""Layers made of chains of layers: a residual sum, and concatenated branches."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from glassnet.errors import NotationError
from glassnet.nn import functional as F
from glassnet.nn.functional.arrays import Array
from glassnet.nn.functional.workspace import Arena, address
from glassnet.nn.layer import Layer, sizes
from glassnet.nn.layers.chain import Chain
from glassnet.nn.layers.convolution import Conv
from glassnet.nn.layers.normalisation import BatchNorm

__all__ = ["Concat", "Residual"]


class _Composite(Layer):
    """Base of the layers that hold chains; their parameters and state are those of the chains, by longer names."""

    def _collect(self) -> None:
        self.parameters = {
            f"{name}.{inner}": parameter
            for name, branch in self.branches.items()
            for inner, parameter in branch.parameters().items()
        }
        self.state = {
            f"{name}.{inner}": array
            for name, branch in self.branches.items()
            for inner, array in branch.state().items()
        }

    def clone(self, dtype: type) -> Layer:
        twin = super().clone(dtype)
        assert isinstance(twin, _Composite)
        twin.branches = {name: branch.clone(dtype) for name, branch in self.branches.items()}
        twin._collect()
        return twin

    def share(self, arena: Arena) -> None:
        super().share(arena)
        for branch in self.branches.values():
            branch.share(arena)

    def notation(self) -> str:
        return f"{self.word}({' | '.join(branch.notation() for branch in self.branches.values())})"

    @property
    def flops(self) -> int:
        return sum(layer.flops for branch in self.branches.values() for layer in branch.layers)

    def pattern(self) -> list[Array]:
        return [
            pattern for branch in self.branches.values() for unit in branch.units for pattern in unit.pattern()
        ]  # fmt: skip


class Residual(_Composite):
    """y = body(x) + shortcut(x), the shortcut being x itself where none is given (He et al. 2015).

    Notation: `residual(conv 3x3, 16, pad 1 -> relu -> conv 3x3, 16, pad 1)`, with a shortcut after a bar:
    `residual(... | conv 1x1, 32, stride 2)`. The gradient reaches both: dx = body'(dy) + shortcut'(dy).
    """

    word = "residual"
    takes = ("relu",)
    kernel = ("sum", "the body's output plus the shortcut's, in one pass")

    def __init__(self, body: Sequence[Layer], shortcut: Sequence[Layer] = ()) -> None:
        super().__init__()
        self.branches = {"body": Chain(body)} | ({"shortcut": Chain(shortcut)} if shortcut else {})

    def build(self, input_shape: tuple[int, ...], rng: np.random.Generator, dtype: type, following: str = "") -> None:
        super().build(input_shape, rng, dtype)
        outputs = [branch.build(input_shape, rng, dtype) for branch in self.branches.values()]
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

    def explain(self, n: int, relu: bool = False) -> tuple[str, str]:
        return self.kernel[0], self.kernel[1] + ("; the ReLU is applied as it is written" * relu)

    def forward(self, x: Array, *, train: bool = False, relu: bool = False) -> Array:
        parts = [branch.run(x, train=train) for branch in self.branches.values()]
        other = parts[1] if len(parts) == 2 else x
        in_place = self.arena.keep and self._body_ends_in_sums() and address(parts[0]) != address(x)
        y = F.add(parts[0], other, relu=relu, out=parts[0] if in_place else self._output(len(x)))
        self._kink = y if relu else None
        if not self.arena.keep:
            self.arena.release(*(part for part in parts if address(part) != address(x)))
        return y

    def _body_ends_in_sums(self) -> bool:
        """Whether the body's last unit needs its output no more for its backward pass, so that y may take its place."""
        return type(self.branches["body"].units[-1]) in (BatchNorm, Conv)

    def pattern(self) -> list[Array]:
        return super().pattern() + ([] if self._kink is None else [self._kink > 0])

    def backward(self, dy: Array, *, input_gradient: bool = True) -> Array | None:
        return self._back(dy, input_gradient, lambda branch, d: branch.run_backward(d, input_gradient=input_gradient))

    def descend(self, dy: Array, rate: float, l2: float, *, input_gradient: bool = True) -> Array | None:
        return self._back(
            dy, input_gradient, lambda branch, d: branch.run_descent(d, rate, l2, input_gradient=input_gradient)
        )

    def _back(
        self, dy: Array, input_gradient: bool, step: Callable[[Chain, Array], Array | None]
    ) -> Array | None:  # fmt: skip
        upstream = dy
        if self._kink is not None:
            upstream = F.relu_backward(dy, self._kink, out=self.arena.take(dy.shape, self.dtype))
        grads = [step(branch, upstream) for branch in self.branches.values()]
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


class Concat(_Composite):
    """The outputs of its branches side by side, along the channels (or features). Notation: `concat(... | ...)`."""

    word = "concat"
    kernel = ("copy", "each branch's output into its channels")

    def __init__(self, *branches: Sequence[Layer]) -> None:
        super().__init__()
        self.branches = {f"branch{i}": Chain(layers) for i, layers in enumerate(branches, start=1)}

    def build(self, input_shape: tuple[int, ...], rng: np.random.Generator, dtype: type, following: str = "") -> None:
        super().build(input_shape, rng, dtype)
        outputs = [branch.build(input_shape, rng, dtype) for branch in self.branches.values()]
        if len({shape[:-1] for shape in outputs}) != 1:
            shapes = ", ".join(sizes(shape) for shape in outputs)
            raise NotationError(f"The branches of 'concat' must agree in all sizes but the last. They give {shapes}.")
        self.widths = [shape[-1] for shape in outputs]
        self.output_shape = (*outputs[0][:-1], sum(self.widths))
        self._collect()

    def forward(self, x: Array, *, train: bool = False) -> Array:
        parts = [branch.run(x, train=train) for branch in self.branches.values()]
        y = F.concat_forward(parts, out=self._output(len(x)))
        if not self.arena.keep:
            self.arena.release(*(part for part in parts if address(part) != address(x)))
        return y

    def backward(self, dy: Array, *, input_gradient: bool = True) -> Array | None:
        return self._back(dy, input_gradient, None)

    def descend(self, dy: Array, rate: float, l2: float, *, input_gradient: bool = True) -> Array | None:
        return self._back(dy, input_gradient, (rate, l2))

    def _back(self, dy: Array, input_gradient: bool, descent: tuple[float, float] | None) -> Array | None:
        shapes = [(len(dy), *self.output_shape[:-1], width) for width in self.widths]
        parts = [self.arena.take(shape, self.dtype) for shape in shapes]
        F.concat_backward(dy, self.widths, out=parts)
        dx: Array | None = None
        for branch, part in zip(self.branches.values(), parts, strict=True):
            if descent is None:
                grad = branch.run_backward(part, input_gradient=input_gradient)
            else:
                grad = branch.run_descent(part, *descent, input_gradient=input_gradient)
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
