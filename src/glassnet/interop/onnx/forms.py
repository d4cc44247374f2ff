"""Each layer as nodes of an ONNX graph, in evaluation mode.

Pictures are (n, C, H, W) there, so convolution weights are transposed. Before pictures become rows they are brought to
(n, H, W, C), so a flattened picture is in our order and affine weights are as they are with us.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import singledispatch
from typing import Any

import numpy as np

from glassnet.errors import GlassnetError
from glassnet.interop.onnx.build import GraphBuilder
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
from glassnet.nn.functional.window import Pad

__all__ = ["chain_form", "onnx_form"]


def chain_form(layers: Sequence[Layer], graph: GraphBuilder, x: str, prefix: str) -> str:
    """Add layers in a row, whose input is called x; returns what their output is called."""
    for position, layer in enumerate(layers, start=1):
        x = onnx_form(layer, graph, x, f"{prefix}{position}.{layer.word}")
    return x


@singledispatch
def onnx_form(layer: Layer, graph: GraphBuilder, x: str, name: str) -> str:
    """Add a layer to a graph; every layer has an entry.

    Parameters
    ----------
    layer : Layer
        A built layer.
    graph : GraphBuilder
        The graph.
    x : str
        What its input is called there.
    name : str
        The layer's own name, with which those of its arrays begin.

    Returns
    -------
    str
        What its output is called.

    Raises
    ------
    GlassnetError
        The layer has no entry.
    """
    raise GlassnetError(f"The layer '{layer.notation()}' has no counterpart in ONNX here.")


@onnx_form.register(Conv)
def _conv(layer: Conv, graph: GraphBuilder, x: str, name: str) -> str:
    inputs = [graph.array(f"{name}.weight", layer.parameters["weight"].value, (3, 2, 0, 1))]
    if layer.bias:
        inputs.append(graph.array(f"{name}.bias", layer.parameters["bias"].value))
    settings = _window(layer.size, layer.stride, layer.pad)
    return graph.node("Conv", x, *inputs, name=name, group=layer.groups, **settings)


@onnx_form.register(Linear)
def _linear(layer: Linear, graph: GraphBuilder, x: str, name: str) -> str:
    arrays = [graph.array(f"{name}.{key}", parameter.value) for key, parameter in layer.parameters.items()]
    return graph.node("Gemm", graph.flat(x, layer.input_shape, name), *arrays, name=name)


@onnx_form.register(BatchNorm)
def _batchnorm(layer: BatchNorm, graph: GraphBuilder, x: str, name: str) -> str:
    arrays = {key: parameter.value for key, parameter in layer.parameters.items()} | layer.state
    inputs = [graph.array(f"{name}.{key}", arrays[key]) for key in ("scale", "shift", "mean", "variance")]
    settings = {"epsilon": layer.eps, "momentum": 1 - layer.momentum}  # ONNX's is the share of the old moments
    return graph.node("BatchNormalization", x, *inputs, name=name, **settings)


@onnx_form.register(ReLU)
def _relu(layer: ReLU, graph: GraphBuilder, x: str, name: str) -> str:
    return graph.node("Relu", x, name=name)


@onnx_form.register(ReLU6)
def _relu6(layer: ReLU6, graph: GraphBuilder, x: str, name: str) -> str:
    bounds = [graph.constant(f"{name}.least", 0), graph.constant(f"{name}.most", layer.ceiling)]
    return graph.node("Clip", x, *bounds, name=name)


@onnx_form.register(Sigmoid)
def _sigmoid(layer: Sigmoid, graph: GraphBuilder, x: str, name: str) -> str:
    return graph.node("Sigmoid", x, name=name)


@onnx_form.register(Tanh)
def _tanh(layer: Tanh, graph: GraphBuilder, x: str, name: str) -> str:
    return graph.node("Tanh", x, name=name)


@onnx_form.register(Dropout)
def _dropout(layer: Dropout, graph: GraphBuilder, x: str, name: str) -> str:
    return x  # nothing in evaluation


@onnx_form.register(Flatten)
def _flatten(layer: Flatten, graph: GraphBuilder, x: str, name: str) -> str:
    return graph.flat(x, layer.input_shape, name)


@onnx_form.register(MaxPool)
def _max_pool(layer: MaxPool, graph: GraphBuilder, x: str, name: str) -> str:
    bottom, right = _overhang(layer)
    pad = Pad(layer.pad.top, layer.pad.bottom + bottom, layer.pad.left, layer.pad.right + right)
    return graph.node("MaxPool", x, name=name, **_window(layer.size, layer.stride, pad))


@onnx_form.register(AveragePool)
def _average_pool(layer: AveragePool, graph: GraphBuilder, x: str, name: str) -> str:
    bottom, right = _overhang(layer)
    pad = layer.pad
    if layer.count_pad and pad.any:  # zeros that count, as if they were of the picture; what hangs over does not
        sides = graph.constant(f"{name}.pad", [0, 0, pad.top, pad.left, 0, 0, pad.bottom, pad.right], np.int64)
        x, pad = graph.node("Pad", x, sides, name=name), Pad(0, 0, 0, 0)
    pad = Pad(pad.top, pad.bottom + bottom, pad.left, pad.right + right)
    return graph.node("AveragePool", x, name=name, **_window(layer.size, layer.stride, pad))


@onnx_form.register(GlobalAveragePool)
def _global_average_pool(layer: GlobalAveragePool, graph: GraphBuilder, x: str, name: str) -> str:
    return graph.node("Flatten", graph.node("GlobalAveragePool", x, name=name), name=name, axis=1)


@onnx_form.register(Residual)
def _residual(layer: Residual, graph: GraphBuilder, x: str, name: str) -> str:
    parts = [chain_form(branch, graph, x, f"{name}.{key}.") for key, branch in layer.branches.items()]
    return graph.node("Add", *parts, *([x] if layer.joins_input else []), name=name)


@onnx_form.register(Concat)
def _concat(layer: Concat, graph: GraphBuilder, x: str, name: str) -> str:
    parts = [chain_form(branch, graph, x, f"{name}.{key}.") for key, branch in layer.branches.items()]
    return graph.node("Concat", *parts, name=name, axis=1)


def _overhang(layer: MaxPool | AveragePool) -> tuple[int, int]:
    """Rows and columns by which the last windows of a pool with `ceil` reach over the padded picture.

    ONNX has `ceil_mode` for it, but its versions do not agree on windows that begin in the padding.
    """
    lengths = (
        layer.input_shape[0] + layer.pad.top + layer.pad.bottom,
        layer.input_shape[1] + layer.pad.left + layer.pad.right,
    )
    ends = (
        (count - 1) * step + size
        for count, step, size in zip(layer.output_shape, layer.stride, layer.size, strict=False)
    )
    bottom, right = (max(0, end - length) for end, length in zip(ends, lengths, strict=True))
    return bottom, right


def _window(size: tuple[int, int], stride: tuple[int, int], pad: Pad) -> dict[str, Any]:
    """A window's attributes; ONNX has the padding before both axes, then that after them."""
    pads = [pad.top, pad.left, pad.bottom, pad.right]
    return {"kernel_shape": list(size), "strides": list(stride), "pads": pads}
