"""Pooling layers."""

from __future__ import annotations

import math
from typing import Any, ClassVar

import numpy as np

from glassnet.errors import GlassnetError, NotationError
from glassnet.nn import functional as F
from glassnet.nn.functional.arrays import Array
from glassnet.nn.functional.window import as_pair, output_length, same_pad
from glassnet.nn.layer import Layer, Tail, sizes
from glassnet.nn.layers.windows import given_pad, pad_text, pair_text, parse_pad, parse_pair
from glassnet.notation import Step

__all__ = ["AveragePool", "GlobalAveragePool", "MaxPool"]


class _Pool(Layer):
    """Base of the pools over windows. Notation: `WORD 3x3, stride 2, pad 1, ceil`; the stride is the window's size."""

    kind = "pool"
    options: ClassVar[tuple[str, ...]] = ("stride", "pad", "ceil")

    def __init__(
        self,
        size: int | tuple[int, int],
        *,
        stride: int | tuple[int, int] | None = None,
        pad: int | str | tuple[int, ...] = 0,
        ceil: bool = False,
    ) -> None:
        super().__init__()
        try:
            self.size = as_pair(size, f"The window of '{self.word}'")
            self.stride = self.size if stride is None else as_pair(stride, f"The stride of '{self.word}'")
            self.pad, self.same = given_pad(pad, self.size, self.stride)
        except GlassnetError as error:
            raise NotationError(str(error)) from None
        self.ceil = ceil

    @classmethod
    def _settings(cls, step: Step) -> tuple[tuple[int, int], dict[str, Any]]:
        positional, named = step.split(cls.options)
        if len(positional) != 1 or any(named.get(flag) for flag in ("ceil", "count_pad")):
            raise NotationError(
                f"'{cls.word}' is written '{cls.word} 2x2, stride 2, pad 0'. Got '{step.text}' instead."
            )
        size = parse_pair(positional[0], step)
        stride = parse_pair(" ".join(named["stride"]), step) if "stride" in named else None
        pad = parse_pad(named["pad"], step) if "pad" in named else 0
        return size, {"stride": stride, "pad": pad, "ceil": "ceil" in named}

    @classmethod
    def from_step(cls, step: Step) -> Layer:
        size, settings = cls._settings(step)
        return cls(size, **settings)

    def notation(self) -> str:
        return (
            f"{self.word} {sizes(self.size)}"
            + ("" if self.stride == self.size else f", stride {pair_text(self.stride)}")
            + (", pad same" if self.same else f", pad {pad_text(self.pad)}" if self.pad.any else "")
            + (", ceil" if self.ceil else "")
        )

    def build(
        self, input_shape: tuple[int, ...], rng: np.random.Generator | None, dtype: type, following: str = ""
    ) -> None:
        super().build(input_shape, rng, dtype)
        if len(input_shape) != 3:
            raise NotationError(f"'{self.notation()}' needs pictures (H, W, C). Its input is {sizes(input_shape)}.")
        if self.same:
            self.pad = same_pad(self.size, self.stride, (input_shape[0], input_shape[1]))
        (h, w, channels), (top, bottom, left, right) = input_shape, self.pad
        rows = output_length(h, self.size[0], self.stride[0], top, bottom, self.ceil)
        columns = output_length(w, self.size[1], self.stride[1], left, right, self.ceil)
        if rows < 1 or columns < 1:
            raise NotationError(f"'{self.notation()}' is larger than its input of {sizes(input_shape)}.")
        if max(top, bottom) >= self.size[0] or max(left, right) >= self.size[1]:
            raise NotationError(f"The padding of '{self.notation()}' must be smaller than its window.")
        self.output_shape = (rows, columns, channels)

    @property
    def flops(self) -> int:
        return super().flops * math.prod(self.size)


class MaxPool(_Pool):
    """The largest number of each window, channel by channel; of equal ones the first takes the gradient.

    Notation: `maxpool 3x3, stride 2, pad 1, ceil`.

    Examples
    --------
    >>> from glassnet.nn import MaxPool, Network
    >>> Network([MaxPool(2)], (32, 32, 8)).output_shape
    (16, 16, 8)
    """

    word = "maxpool"
    recordable = True
    kernel = ("windows", "vectorised over channels; the winners' places are kept")

    def forward(self, x: Array, *, train: bool = False) -> Array:
        # uint8 counts the places of a window up to 16x16; larger ones take an index of their own.
        index = self._index(len(x)) if math.prod(self.size) <= 256 else None
        y, self._cache = F.max_pool_forward(
            x, self.size, stride=self.stride, pad=self.pad, ceil=self.ceil, out=(self._output(len(x)), index)
        )
        if not self.arena.keep:
            self.arena.release(index)
        return y

    def reference(self, x: Array, *, train: bool = False) -> Array:
        return F.max_pool_forward_naive(x, self.size, stride=self.stride, pad=self.pad, ceil=self.ceil)

    def fused_as(self) -> Tail | None:
        """A pool for separate 2x2 windows that cover the input."""
        if type(self) is not MaxPool or self.pad.any or self.size != (2, 2) or self.stride != (2, 2):
            return None
        return None if self.ceil and any(size % 2 for size in self.input_shape[:2]) else Tail(pool=True)

    def _index(self, n: int) -> Array:
        """Memory for the winners' places."""
        shape = (n, *self.output_shape)
        return self.workspace.get("index", shape, np.uint8) if self.arena.keep else self.arena.take(shape, np.uint8)

    def backward(self, dy: Array, *, input_gradient: bool = True) -> Array | None:
        return F.max_pool_backward(dy, self._cache, out=self._gradient(len(dy))) if input_gradient else None

    def kink_signature(self) -> list[Array]:
        return [F.max_pool_index(self._cache)]


class AveragePool(_Pool):
    """The mean of each window, channel by channel; padding does not count, or with `count_pad` as zeros.

    Notation: `avgpool 2x2, stride 2, pad 1, ceil, count_pad`; `avgpool global` is `GlobalAveragePool`.

    Examples
    --------
    >>> from glassnet.nn import AveragePool, Network
    >>> Network([AveragePool(2)], (32, 32, 8)).output_shape
    (16, 16, 8)
    """

    word = "avgpool"
    recordable = True
    options: ClassVar[tuple[str, ...]] = ("stride", "pad", "ceil", "count_pad")
    kernel = ("windows", "vectorised over channels")

    def __init__(self, size: int | tuple[int, int], *, count_pad: bool = False, **settings: Any) -> None:
        super().__init__(size, **settings)
        self.count_pad = count_pad

    @classmethod
    def from_step(cls, step: Step) -> Layer:
        if step.arguments == (("global",),):
            return GlobalAveragePool()
        size, settings = cls._settings(step)
        return cls(size, count_pad="count_pad" in step.split(cls.options)[1], **settings)

    def notation(self) -> str:
        return super().notation() + (", count_pad" if self.count_pad else "")

    def forward(self, x: Array, *, train: bool = False) -> Array:
        y, self._cache = F.average_pool_forward(
            x,
            self.size,
            stride=self.stride,
            pad=self.pad,
            ceil=self.ceil,
            count_pad=self.count_pad,
            out=self._output(len(x)),
        )
        return y

    def reference(self, x: Array, *, train: bool = False) -> Array:
        settings: dict[str, Any] = {"stride": self.stride, "pad": self.pad, "ceil": self.ceil}
        return F.average_pool_forward_naive(x, self.size, **settings, count_pad=self.count_pad)

    def backward(self, dy: Array, *, input_gradient: bool = True) -> Array | None:
        return F.average_pool_backward(dy, self._cache, out=self._gradient(len(dy))) if input_gradient else None


class GlobalAveragePool(Layer):
    """The mean of each channel over the whole picture: (n, H, W, C) -> (n, C). Notation: `avgpool global`.

    Examples
    --------
    >>> from glassnet.nn import GlobalAveragePool, Network
    >>> Network([GlobalAveragePool()], (8, 8, 16)).output_shape
    (16,)
    """

    word = "avgpool"
    kind = "pool"
    recordable = True

    def notation(self) -> str:
        return "avgpool global"

    def build(
        self, input_shape: tuple[int, ...], rng: np.random.Generator | None, dtype: type, following: str = ""
    ) -> None:
        super().build(input_shape, rng, dtype)
        if len(input_shape) != 3:
            raise NotationError(f"'avgpool global' needs pictures (H, W, C). Its input is {sizes(input_shape)}.")
        self.output_shape = (input_shape[2],)

    @property
    def flops(self) -> int:
        return math.prod(self.input_shape)

    def forward(self, x: Array, *, train: bool = False) -> Array:
        y, self._cache = F.global_average_pool_forward(x, out=self._output(len(x)))
        return y

    def reference(self, x: Array, *, train: bool = False) -> Array:
        return F.global_average_pool_forward_naive(x)

    def backward(self, dy: Array, *, input_gradient: bool = True) -> Array | None:
        return F.global_average_pool_backward(dy, self._cache, out=self._gradient(len(dy))) if input_gradient else None
