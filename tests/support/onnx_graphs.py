"""Networks with stirred arrays as models, and ONNX graphs put together node by node."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from glassnet.data import Preprocess
from glassnet.model import Model
from glassnet.nn import Network, SoftmaxCrossEntropy
from support.networks import stirred

Array = np.ndarray


def model_of(notation: str, shape: tuple[int, int, int], pre: str = "scale", classes: int | None = 10) -> Model:
    """A model of stirred arrays, its preprocessing fitted on noise."""
    preprocess = Preprocess.parse(pre).fit(np.random.default_rng(1).random((40, *shape)))
    network = stirred(notation, preprocess.output_shape(shape), classes)
    names = tuple(f"class {i}" for i in range(network.output_shape[-1]))
    return Model(network, preprocess, shape, names, SoftmaxCrossEntropy(), {"data": "noise"})


def as_onnx(network: Network) -> Any:
    """A network alone, on pictures (n, C, H, W), as ONNX's own object."""
    from glassnet.interop.onnx.build import IR_VERSION, OPSET, GraphBuilder
    from glassnet.interop.onnx.forms import chain_form

    graph, (height, width, channels) = GraphBuilder(), network.input_shape
    helper, float32 = graph.onnx.helper, graph.onnx.TensorProto.FLOAT
    output = graph.call(chain_form(network.layers, graph, "x", ""), "y")
    given = [helper.make_tensor_value_info("x", float32, ["n", channels, height, width])]
    gives = [helper.make_tensor_value_info(output, float32, None)]
    made = helper.make_graph(graph.nodes, "g", given, gives, graph.constants)
    return helper.make_model(made, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)


class Drawn:
    """An ONNX graph that grows by one node at a time, as an exporter writes it."""

    def __init__(self, *sizes: int | str, kind: str = "FLOAT", opset: int = 17) -> None:
        import onnx

        self.onnx, self.opset = onnx, opset
        self.inputs = [onnx.helper.make_tensor_value_info("x", getattr(onnx.TensorProto, kind), ["n", *sizes])]
        self.nodes: list[Any] = []
        self.constants: list[Any] = []
        self.rng = np.random.default_rng(3)

    def random(self, *shape: int, name: str = "", low: float = -0.5, high: float = 0.5) -> str:
        """A constant of random numbers."""
        return self.constant(self.rng.uniform(low, high, shape).astype(np.float32), name)

    def constant(self, value: Any, name: str = "") -> str:
        name = name or f"c{len(self.constants)}"
        self.constants.append(self.onnx.numpy_helper.from_array(np.asarray(value), name))
        return name

    def __call__(self, operator: str, *inputs: str, **settings: Any) -> str:
        """Add a node; returns what its output is called."""
        output = f"v{len(self.nodes)}"
        self.nodes.append(self.onnx.helper.make_node(operator, list(inputs), [output], name=f"n{output}", **settings))
        return output

    def norm(self, x: str, width: int) -> str:
        """Batch normalisation of so many channels."""
        arrays = [self.random(width), self.random(width), self.random(width), self.random(width, low=0.5, high=2.0)]
        return self("BatchNormalization", x, *arrays, epsilon=1e-3)

    def model(self, *outputs: str) -> Any:
        """The whole as ONNX's own object."""
        helper = self.onnx.helper
        given = [helper.make_tensor_value_info(name, self.onnx.TensorProto.FLOAT, None) for name in outputs]
        graph = helper.make_graph(self.nodes, "g", self.inputs, given, self.constants)
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", self.opset)], ir_version=8)

    def save(self, path: Path, *outputs: str) -> Path:
        path.write_bytes(self.model(*outputs).SerializeToString())
        return path


def evaluated(model: Any, x: Array) -> Array:
    """What the reference of the package onnx itself makes of x: the first output."""
    from onnx.reference import ReferenceEvaluator

    return np.asarray(ReferenceEvaluator(model).run(None, {"x": x})[0])
