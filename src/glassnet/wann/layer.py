"""A topology with weights of its own, as a layer that the usual trainings train."""

from __future__ import annotations

from typing import Any

import numpy as np

from glassnet.errors import NotationError
from glassnet.nn import Network
from glassnet.nn import functional as F
from glassnet.nn.functional.arrays import Array
from glassnet.nn.layer import Layer
from glassnet.nn.layers import Flatten
from glassnet.nn.parameter import Parameter
from glassnet.wann.graph import Graph

__all__ = ["GraphLayer", "drawn", "network_of"]


class GraphLayer(Layer):
    """The last units of a graph, each connection with a weight of its own: (n, inputs) -> (n, outputs).

    It is made from a graph, not from a notation, so it is no word of the notation and a model file cannot hold it; the
    folder of a search keeps the graph.

    Parameters
    ----------
    graph : Graph
        The topology.
    weights : (connections,) array
        Where the weights start.
    gain : float
        What the outputs are multiplied by.
    """

    word = "graph"
    kind = "affine"
    kernel = ("connection by connection", "each is one pass over the examples")

    def __init__(self, graph: Graph, weights: Array, gain: float = 1.0) -> None:
        super().__init__()
        self.graph, self.weights, self.gain = graph, np.asarray(weights), gain

    def build(
        self, input_shape: tuple[int, ...], rng: np.random.Generator | None, dtype: type, following: str = ""
    ) -> None:
        super().build(input_shape, rng, dtype)
        if input_shape != (self.graph.inputs,):
            raise NotationError(f"This graph takes {self.graph.inputs} inputs in a row. Got {input_shape}.")
        self.output_shape = (self.graph.outputs,)
        self.parameters = {"weight": Parameter.of(self.weights.astype(dtype), "weight")}

    @property
    def flops(self) -> int:
        return 2 * self.graph.connections + len(self.graph.codes)

    def _topology(self) -> tuple[Any, Any, Any]:
        return self.graph.codes, self.graph.start, self.graph.source

    def forward(self, x: Array, *, train: bool = False) -> Array:
        weight = self.parameters["weight"].value
        y, self._cache = F.graph_forward(x, *self._topology(), weight, self.graph.outputs)
        return y * self.gain

    def reference(self, x: Array, *, train: bool = False) -> Array:
        weight = self.parameters["weight"].value
        return F.graph_forward_naive(x, *self._topology(), weight, self.graph.outputs)[0] * self.gain

    def backward(self, dy: Array, *, input_gradient: bool = True) -> Array | None:
        dx, self.parameters["weight"].grad[...] = F.graph_backward(
            dy * self.gain, self._cache, input_gradient=input_gradient
        )
        return dx


def network_of(
    graph: Graph, weights: Array, image_shape: tuple[int, ...], dtype: Any = np.float32, *, gain: float = 1.0
) -> Network:
    """A network of one graph, for pictures (H, W, C)."""
    return Network([Flatten(), GraphLayer(graph, weights, gain)], image_shape, dtype=dtype)


def drawn(graph: Graph, rng: np.random.Generator) -> Array:
    """Random weights (connections,) float32: normal, of the variance 2 / sources for a ReLU (He) and 1 / sources else;
    those of connections from the constant start at 0, as a bias does.
    """
    relu = F.ACTIVATIONS.index("relu")
    counts = np.maximum(np.diff(graph.start), 1)
    scale = np.sqrt(np.where(graph.codes == relu, 2.0, 1.0) / counts)
    weights = rng.standard_normal(graph.connections) * np.repeat(scale, np.diff(graph.start))
    return np.where(graph.source == graph.inputs, 0.0, weights).astype(np.float32)
