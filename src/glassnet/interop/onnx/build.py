"""An ONNX graph while it is being written: its nodes, its constants, and where the model's arrays are among these."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np

from glassnet.interop.onnx.library import onnx_library
from glassnet.nn.functional.arrays import Array

__all__ = ["IR_VERSION", "OPSET", "GraphBuilder", "Layout"]

# ONNX 1.12 of June 2022: what every runtime of the last years reads, and has all operators that are needed.
OPSET, IR_VERSION = 17, 8


@dataclass(frozen=True)
class Layout:
    """How an array of the model lies in the graph: transposed by `axes`; its own shape is `shape`."""

    axes: tuple[int, ...]
    shape: tuple[int, ...]

    def back(self, array: Array) -> Array:
        """The array in our layout. Raises `ValueError` where it does not fit."""
        if sorted(self.axes) != list(range(len(self.shape))):
            raise ValueError("its axes are no permutation")
        there = array.reshape([self.shape[axis] for axis in self.axes])
        return np.ascontiguousarray(there.transpose(np.argsort(self.axes)))


class GraphBuilder:
    """Gathers nodes and constants; each node's output is called after the layer and the operator.

    Attributes
    ----------
    nodes, constants : list
        What ONNX calls nodes and initialisers.
    layouts : dict of str to Layout
        By our names, the model's arrays that are in the graph in float32.
    """

    def __init__(self) -> None:
        self.onnx = onnx_library()
        self.nodes: list[Any] = []
        self.constants: list[Any] = []
        self.layouts: dict[str, Layout] = {}
        self._count: Counter[str] = Counter()

    def node(self, operator: str, *inputs: str, name: str, **attributes: Any) -> str:
        """Add a node of one output; returns what that is called."""
        output = f"{name}/{operator}"
        self._count[output] += 1
        if self._count[output] > 1:
            output += f"_{self._count[output]}"
        self.nodes.append(self.onnx.helper.make_node(operator, list(inputs), [output], name=output, **attributes))
        return output

    def constant(self, name: str, value: Any, dtype: type = np.float32) -> str:
        """Add a constant; returns its name."""
        array: Array = np.asarray(value, dtype, order="C")
        self.constants.append(self.onnx.numpy_helper.from_array(array, name))
        return name

    def array(
        self, name: str, array: Array, axes: tuple[int, ...] | None = None, shape: tuple[int, ...] | None = None
    ) -> str:
        """Add an array of the model, transposed by `axes` and then brought to `shape`; returns its name."""
        axes = tuple(range(array.ndim)) if axes is None else axes
        if array.dtype == np.float32:  # the running moments are not: these are rounded
            self.layouts[name] = Layout(axes, array.shape)
        there = array.transpose(axes)
        return self.constant(name, there if shape is None else there.reshape(shape))

    def flat(self, x: str, shape: tuple[int, ...], name: str) -> str:
        """Pictures (n, C, H, W), `shape` (H, W, C) with us, as rows in our order (H, W, C); rows stay as they are."""
        if len(shape) == 1:
            return x
        last = self.node("Transpose", x, name=name, perm=[0, 2, 3, 1])
        return self.node("Flatten", last, name=name, axis=1)

    def call(self, x: str, name: str) -> str:
        """Give the latest node's output, or else the graph's input, this name."""
        if self.nodes and self.nodes[-1].output[0] == x:
            self.nodes[-1].output[0] = name
        else:
            self.nodes.append(self.onnx.helper.make_node("Identity", [x], [name], name=name))
        return name
