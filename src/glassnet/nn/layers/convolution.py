"""Convolution layers."""

from __future__ import annotations

import math
from typing import ClassVar

import numpy as np

from glassnet.errors import GlassnetError, NotationError
from glassnet.nn import functional as F
from glassnet.nn.choices import Choices
from glassnet.nn.functional.arrays import Array
from glassnet.nn.functional.window import as_pair, same_pad
from glassnet.nn.fusion import ALONE, Fusing
from glassnet.nn.initialise import Initialisation
from glassnet.nn.layer import LARGEST_WEIGHTS, Tail, positive_int, sizes
from glassnet.nn.layers.windows import given_pad, pad_text, pair_text, parse_pad, parse_pair
from glassnet.nn.parameter import Parameter
from glassnet.notation import Step

__all__ = ["Conv", "DepthwiseConv"]


class Conv(Fusing):
    """Convolution in two dimensions, y[p, q, f] = b[f] + sum_ijc x[s p + i - pad, s q + j - pad, c] W[i, j, c, f].

    Notation: `conv 5x5, 32, stride 2, pad 2, groups 4, bias off, init he`. `pad` takes one number, two (rows,
    columns), four (top, bottom, left, right) or `same`. A last `conv` without a number of filters takes that of the
    classes. Weights (kh, kw, in / groups, filters) start by 'he' before a ReLU or batch normalisation, else by
    'xavier'; the bias starts at zero. `forward` can take a following ReLU and 2x2 max pool into the same pass.

    Examples
    --------
    >>> from glassnet.nn import Conv, Network
    >>> network = Network([Conv(3, 8, pad=1)], (32, 32, 3))
    >>> network.output_shape, network.parameters()["1.conv.weight"].value.shape
    ((32, 32, 8), (3, 3, 3, 8))
    """

    word = "conv"
    kind = "convolution"
    recordable = True
    options: ClassVar[tuple[str, ...]] = ("stride", "pad", "groups", "bias", "init")
    sized: ClassVar[bool] = True
    fusible = ("norm", "relu", "pool")
    output_is_free = True

    def __init__(
        self,
        kernel: int | tuple[int, int],
        filters: int | None = None,
        *,
        stride: int | tuple[int, int] = 1,
        pad: int | str | tuple[int, ...] = 0,
        groups: int = 1,
        bias: bool = True,
        init: Initialisation | str | None = None,
    ) -> None:
        super().__init__()
        try:
            self.size = as_pair(kernel, "The kernel of a convolution")
            self.stride = as_pair(stride, "The stride of a convolution")
            self.pad, self.same = given_pad(pad, self.size, self.stride)
        except GlassnetError as error:
            raise NotationError(str(error)) from None
        self.filters = None if filters is None else positive_int(filters, "The filters of 'conv'")
        self.groups, self.bias = positive_int(groups, "The groups of 'conv'"), bias
        self.init = Initialisation.parse(init.split()) if isinstance(init, str) else init
        self.winograd = True  # whether it may be chosen
        self._packed: dict[str, Array | None] = {}  # the weights as a method reads them, where they stay as they are

    @classmethod
    def from_step(cls, step: Step) -> Conv:
        positional, named = step.split(cls.options)
        if not 1 <= len(positional) <= 2:
            raise NotationError(f"'{cls.word}' is written '{cls._usage}'. Got '{step.text}' instead.")
        count = positive_int(positional[1], f"The second number of '{cls.word}'") if len(positional) == 2 else None
        return cls._made(parse_pair(positional[0], step), count, step, named)

    _usage = "conv 3x3, 32, stride 1, pad 1"

    @classmethod
    def _made(cls, kernel: tuple[int, int], count: int | None, step: Step, named: dict[str, list[str]]) -> Conv:
        groups = named.get("groups", ["1"])
        bias = named.get("bias", ["on"])
        if len(groups) != 1 or bias not in (["on"], ["off"]):
            raise NotationError(f"'groups' takes one number and 'bias' on or off. Got '{step.text}' instead.")
        return cls(
            kernel,
            count,
            stride=parse_pair(" ".join(named["stride"]), step) if "stride" in named else 1,
            pad=parse_pad(named["pad"], step) if "pad" in named else 0,
            groups=positive_int(groups[0], "The groups of 'conv'"),
            bias=bias == ["on"],
            init=Initialisation.parse(named["init"]) if "init" in named else None,
        )

    @property
    def outputs(self) -> int | None:
        return self.filters

    @outputs.setter
    def outputs(self, count: int | None) -> None:
        self.filters = count

    def choose(self, choices: Choices) -> None:
        self.winograd = choices.winograd

    def notation(self) -> str:
        count = "" if self.filters is None else f", {self.filters}"
        return f"{self.word} {sizes(self.size)}{count}" + self._options()

    def _options(self) -> str:
        return (
            ("" if self.stride == (1, 1) else f", stride {pair_text(self.stride)}")
            + (", pad same" if self.same else f", pad {pad_text(self.pad)}" if self.pad.any else "")
            + (f", groups {self.groups}" if self.groups != 1 and self.word == "conv" else "")
            + ("" if self.bias else ", bias off")
            + ("" if self.init is None else f", init {self.init}")
        )

    def build(
        self, input_shape: tuple[int, ...], rng: np.random.Generator | None, dtype: type, following: str = ""
    ) -> None:
        super().build(input_shape, rng, dtype)
        if len(input_shape) != 3:
            raise NotationError(f"'{self.notation()}' needs pictures (H, W, C). Its input is {sizes(input_shape)}.")
        if self.filters is None:
            raise NotationError(
                f"'{self.notation()}' without a number of filters stands for the classes, and these are not known here."
            )
        (kh, kw), channels = self.size, input_shape[2]
        if channels % self.groups or self.filters % self.groups:
            raise NotationError(
                f"'{self.notation()}' has {self.groups} groups, which must divide its {channels} channels"
                f" and {self.filters} filters."
            )
        shape = (kh, kw, channels // self.groups, self.filters)
        if math.prod(shape) > LARGEST_WEIGHTS:
            raise NotationError(f"'{self.notation()}' on {channels} channels asks for {math.prod(shape):,} weights.")
        if self.same:
            self.pad = same_pad(self.size, self.stride, (input_shape[0], input_shape[1]))
        try:
            self.output_shape = F.conv2d_output_shape((1, *input_shape), shape, self.stride, self.pad, self.groups)[1:]
        except GlassnetError as error:
            raise NotationError(f"'{self.notation()}' does not fit: {error}") from None
        init = self.init or Initialisation("he" if following in ("relu", "relu6", "batchnorm") else "xavier")
        fans = (kh * kw * channels // self.groups, kh * kw * self.filters // self.groups)
        self.parameters = {"weight": Parameter.of(init.draw(shape, fans, rng, dtype), "weight")}
        if self.bias:
            self.parameters["bias"] = Parameter.of(np.zeros(self.filters, dtype), "bias")

    @property
    def flops(self) -> int:
        kh, kw, channels, _ = self.parameters["weight"].value.shape
        return int(2 * kh * kw * channels * math.prod(self.output_shape))

    def _method(self, n: int) -> tuple[str, str]:
        weight = self.parameters["weight"].value.shape
        x = (n, *self.input_shape)
        return F.choose_method(x, weight, self.stride, self.pad, self.groups, self.dtype, winograd=self.winograd)

    def explain(self, n: int, tail: Tail = ALONE) -> tuple[str, str]:
        kernel, why = self._method(n)
        taken = " and ".join(["ReLU"] * (tail.relu > 0) + ["pool"] * tail.pool)
        return kernel, why + (f"; bias, {taken} while the results are in cache" if taken else "")

    def forward(self, x: Array, *, train: bool = False, tail: Tail = ALONE) -> Array:
        n, (h, w, f), method = len(x), self.output_shape, self._method(len(x))[0]
        relu, pool, norm = tail
        scale, bias = None, self.parameters["bias"].value if self.bias else None
        if norm is not None:
            scale, bias = norm(bias)
        index = None
        if pool:
            shape = (h // 2, w // 2, f)
            y = self._output(n, "pooled", shape)
            index = self._index((n, *shape))
        else:
            y = self._output(n)
        y, self._cache = F.conv2d_forward(
            x,
            self.parameters["weight"].value,
            bias,
            stride=self.stride,
            pad=self.pad,
            groups=self.groups,
            scale=scale,
            relu=relu,
            pool=pool,
            method=method,
            packed=self._weights_for(method),
            out=(y, index),
            arena=self.arena,
        )
        self._kink, self._ceiling = index if pool else (y if relu else None), relu
        if not self.arena.keep:
            self.arena.release(index)
        return y

    def pack(self, packed: bool = True) -> None:
        super().pack(packed)
        self._packed = {}

    def _weights_for(self, method: str) -> Array | None:
        weight = self.parameters["weight"].value
        if not self.packed or weight.flags.writeable:  # as those of a copy are
            return None
        if method not in self._packed:
            self._packed[method] = F.conv2d_pack(weight, method)
        return self._packed[method]

    def reference(self, x: Array, *, train: bool = False) -> Array:
        weight, bias = self.parameters["weight"].value, self.parameters["bias"].value if self.bias else None
        return F.conv2d_forward_naive(x, weight, bias, stride=self.stride, pad=self.pad, groups=self.groups)

    def kink_signature(self) -> list[Array]:
        if self._kink is not None and self._kink.dtype == np.uint8:  # the places of the pool's winners
            return [self._kink.copy()]
        return super().kink_signature()

    def _index(self, shape: tuple[int, ...]) -> Array:
        """Memory for the places of a fused pool's winners."""
        return self.workspace.get("index", shape, np.uint8) if self.arena.keep else self.arena.take(shape, np.uint8)

    def backward(self, dy: Array, *, input_gradient: bool = True) -> Array | None:
        out = (
            self._gradient(len(dy)) if input_gradient else None,
            self.parameters["weight"].grad,
            self.parameters["bias"].grad if self.bias else None,
        )
        return F.conv2d_backward(dy, self._cache, input_gradient=input_gradient, out=out, arena=self.arena)[0]

    def input_gradient(self, dy: Array) -> Array:
        return F.conv2d_input_gradient(dy, self._cache, out=self._gradient(len(dy)), arena=self.arena)


class DepthwiseConv(Conv):
    """A convolution of every channel by itself, with `multiplier` filters each (Howard et al. 2017).

    Notation: `depthwise 3x3, MULTIPLIER, stride 2, pad 1`; the multiplier is 1 where it is left out.

    Examples
    --------
    >>> from glassnet.nn import Network
    >>> network = Network("depthwise 3x3, pad 1", (32, 32, 8))
    >>> network.parameters()["1.depthwise.weight"].value.shape
    (3, 3, 1, 8)
    """

    word = "depthwise"
    recordable = True
    options: ClassVar[tuple[str, ...]] = ("stride", "pad", "bias", "init")
    sized = False
    _usage = "depthwise 3x3, stride 1, pad 1"

    def __init__(
        self,
        kernel: int | tuple[int, int],
        multiplier: int | None = 1,
        *,
        stride: int | tuple[int, int] = 1,
        pad: int | str | tuple[int, ...] = 0,
        groups: int = 1,
        bias: bool = True,
        init: Initialisation | str | None = None,
    ) -> None:
        super().__init__(kernel, None, stride=stride, pad=pad, bias=bias, init=init)
        self.multiplier = 1 if multiplier is None else positive_int(multiplier, "The multiplier of 'depthwise'")

    def notation(self) -> str:
        more = "" if self.multiplier == 1 else f", {self.multiplier}"
        return f"{self.word} {sizes(self.size)}{more}" + self._options()

    def build(
        self, input_shape: tuple[int, ...], rng: np.random.Generator | None, dtype: type, following: str = ""
    ) -> None:
        if len(input_shape) == 3:
            self.groups, self.filters = input_shape[2], input_shape[2] * self.multiplier
        super().build(input_shape, rng, dtype, following)
