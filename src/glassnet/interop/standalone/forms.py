"""Each layer as plain values for the page's JavaScript, `forward.js`, in evaluation mode."""

from __future__ import annotations

from collections.abc import Sequence
from functools import singledispatch
from typing import Any

import numpy as np

from glassnet.errors import ModelError
from glassnet.nn import (
    AveragePool,
    BatchNorm,
    Concat,
    Conv,
    Dropout,
    Flatten,
    GlobalAveragePool,
    Layer,
    Linear,
    MaxPool,
    ReLU,
    ReLU6,
    Residual,
    Sigmoid,
    Tanh,
)
from glassnet.nn.functional.arrays import Array

__all__ = ["Numbers", "chain_form", "page_form"]

Form = dict[str, Any]


class Numbers:
    """Arrays one after the other in one block, each known by (start, length)."""

    def __init__(self) -> None:
        self.arrays: list[Array] = []
        self.size = 0

    def add(self, array: Array) -> list[int]:
        """Where the array lies from now on."""
        start = self.size
        self.arrays.append(np.ascontiguousarray(array).reshape(-1))
        self.size += array.size
        return [start, array.size]

    def content(self, dtype: str) -> bytes:
        """All of them as bytes."""
        return b"".join(array.astype(dtype).tobytes() for array in self.arrays)


def chain_form(layers: Sequence[Layer], numbers: Numbers) -> list[Form]:
    """Layers in a row."""
    return [page_form(layer, numbers) for layer in layers]


@singledispatch
def page_form(layer: Layer, numbers: Numbers) -> Form:
    """A built layer as plain values, its arrays among the numbers; every layer has an entry.

    Raises
    ------
    ModelError
        The layer has no entry.
    """
    raise ModelError(f"A page by itself cannot compute the layer '{layer.notation()}'.")


def _plain(layer: Layer, **values: Any) -> Form:
    return {"kind": layer.word, "input": list(layer.input_shape), "output": list(layer.output_shape), **values}


for _kind in (ReLU, Sigmoid, Tanh, Dropout, Flatten):
    page_form.register(_kind, lambda layer, numbers: _plain(layer))


@page_form.register(ReLU6)
def _relu6(layer: ReLU6, numbers: Numbers) -> Form:
    return _plain(layer, ceiling=layer.ceiling)


@page_form.register(Linear)
def _linear(layer: Linear, numbers: Numbers) -> Form:
    return _plain(layer, **{name: numbers.add(p.value) for name, p in layer.parameters.items()})


@page_form.register(Conv)
def _conv(layer: Conv, numbers: Numbers) -> Form:
    arrays = {name: numbers.add(p.value) for name, p in layer.parameters.items()}
    window = {"size": layer.size, "stride": layer.stride, "pad": list(layer.pad), "groups": layer.groups}
    return _plain(layer, **arrays, **window) | {"kind": "conv"}


@page_form.register(BatchNorm)
def _batchnorm(layer: BatchNorm, numbers: Numbers) -> Form:
    arrays = {name: parameter.value for name, parameter in layer.parameters.items()} | layer.state
    return _plain(layer, **{n: numbers.add(arrays[n]) for n in ("scale", "shift", "mean", "variance")}, eps=layer.eps)


@page_form.register(MaxPool)
@page_form.register(AveragePool)
def _pool(layer: MaxPool | AveragePool, numbers: Numbers) -> Form:
    window = {"size": layer.size, "stride": layer.stride, "pad": list(layer.pad)}
    return _plain(layer, **window, count_pad=getattr(layer, "count_pad", False))


@page_form.register(GlobalAveragePool)
def _global_pool(layer: GlobalAveragePool, numbers: Numbers) -> Form:
    return _plain(layer) | {"kind": layer.notation()}


@page_form.register(Residual)
@page_form.register(Concat)
def _composite(layer: Residual | Concat, numbers: Numbers) -> Form:
    branches = [chain_form(branch, numbers) for branch in layer.branches.values()]
    return _plain(layer, branches=branches, joins=isinstance(layer, Residual) and layer.joins_input)
