"""A third opinion on gradients: the network written out as scalar operations, and differentiated by `autodiff`.

Central differences compare the gradients with the network's own forward pass. This writes the forward pass down anew,
number by number, from the network's definition alone: weights and inputs in, sums and products and activations, the
loss out. Reverse mode over that graph gives every gradient of the parameters; forward mode in a random direction gives
one number that must be the gradients' product with it. Neither shares a line with the layers' code.

Dense networks (linear, ReLU, ReLU6, sigmoid, tanh; dropout as in use) with softmax cross-entropy are written out, as
long as they are small.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import singledispatch

import numpy as np

from glassnet.autodiff import Graph, Node, jvp, reverse_mode
from glassnet.nn.functional.arrays import Array
from glassnet.nn.layer import Layer
from glassnet.nn.layers import (
    AveragePool,
    BatchNorm,
    Composite,
    Conv,
    Dropout,
    Flatten,
    GlobalAveragePool,
    Linear,
    MaxPool,
    ReLU,
    ReLU6,
    Sigmoid,
    Tanh,
)
from glassnet.nn.loss import Loss, SoftmaxCrossEntropy
from glassnet.nn.network import Network

__all__ = ["Opinion", "Scalars", "scalar_form", "third_opinion"]

_MOST_OPERATIONS = 60_000
_TOLERANCE = 1e-11  # of rounding errors alone, relative to the largest gradient


@dataclass(frozen=True)
class Opinion:
    """What the graph says: operations and examples it was made of, and the largest difference of either mode from the
    network's gradients, relative to the largest of them.

    Examples
    --------
    >>> from glassnet import Network
    >>> from glassnet.check.opinion import third_opinion
    >>> from glassnet.nn import SoftmaxCrossEntropy
    >>> network = Network("linear 3", (4,), dtype=np.float64)
    >>> found = third_opinion(network, np.ones((2, 4)), np.array([0, 1]), SoftmaxCrossEntropy())
    >>> found.passed, found.examples
    (True, 2)
    """

    operations: int
    examples: int
    error: float

    @property
    def passed(self) -> bool:
        """Whether only rounding errors lie between."""
        return self.error <= _TOLERANCE

    def __str__(self) -> str:
        verdict = f"agree to {self.error:.1e}" if self.passed else f"DISAGREE by {self.error:.1e}"
        return (
            f"third opinion: reverse and forward mode over {self.operations:,} scalar operations "
            f"({self.examples} example{'s' * (self.examples != 1)}) {verdict}"
        )


def third_opinion(network: Network, x: Array, target: Array, loss: Loss, l2: float = 0.0) -> Opinion | None:
    """Compare a network's gradients, in float64 and in use, with those of its scalar graph.

    As many of the examples are taken as fit; None where not even one does, a layer or the loss is not written out, or
    the network has no parameters.

    Examples
    --------
    >>> from glassnet import Network
    >>> from glassnet.check import third_opinion
    >>> from glassnet.nn import SoftmaxCrossEntropy
    >>> network = Network("linear 3", (4,), dtype=np.float64)
    >>> third_opinion(network, np.ones((2, 4)), np.array([0, 1]), SoftmaxCrossEntropy()).passed
    True
    """
    count = min(len(x), _examples_that_fit(network))
    if count < 1 or network.size == 0 or not isinstance(loss, SoftmaxCrossEntropy):
        return None
    twin = network.astype(np.float64)
    x, labels = np.asarray(x[:count], np.float64), np.asarray(target)[:count].astype(np.int64)
    scores = twin.forward(x)
    _, dscores = loss.loss(scores, labels)
    twin.backward(dscores)
    parameters = twin.parameters()
    gradient = np.concatenate([(p.grad + (l2 * p.value if p.decays else 0.0)).ravel() for p in parameters.values()])
    point = np.concatenate([p.value.ravel() for p in parameters.values()])
    graph = Scalars(twin, x, labels, scores.max(axis=1), loss.smoothing, l2).graph
    at = [float(v) for v in point]
    reverse = reverse_mode(graph, at).jacobian[0]
    direction = np.random.default_rng(0).normal(size=len(point))
    direction /= np.linalg.norm(direction)
    forward = float(jvp(graph, at, direction)[0])
    scale = max(float(np.abs(gradient).max()), 1e-300)
    error = max(float(np.abs(reverse - gradient).max()), abs(forward - float(gradient @ direction))) / scale
    return Opinion(len(graph.operations), count, error)


def _examples_that_fit(network: Network) -> int:
    """How many examples the graph may hold; 0 where a layer is not written out."""
    # A class derived from one with an entry may compute something else.
    forms = [scalar_form(layer) if type(layer) in scalar_form.registry else None for layer in network.layers]
    if not all(forms):
        return 0
    return _MOST_OPERATIONS // max(1, sum(form.operations for form in forms if form))


# ---- layers


@dataclass(frozen=True)
class ScalarForm:
    """A layer as scalar operations.

    Attributes
    ----------
    operations : int
        About how many it takes for one example.
    write : callable
        (graph, its inputs' nodes, its parameters' nodes by name) -> its outputs' nodes.
    """

    operations: int
    write: Callable[[Scalars, list[int], dict[str, Array]], list[int]]


@singledispatch
def scalar_form(layer: Layer) -> ScalarForm | None:
    """How a layer is written out; every layer has an entry. None: it is not, and its networks get no third opinion."""
    return None


@scalar_form.register(Conv)
@scalar_form.register(BatchNorm)
@scalar_form.register(MaxPool)
@scalar_form.register(AveragePool)
@scalar_form.register(GlobalAveragePool)
@scalar_form.register(Composite)
def _not_written(layer: Layer) -> None:
    """Layers of pictures would take too many operations, and batch normalisation ties examples together."""


@scalar_form.register(Linear)
def _linear(layer: Linear) -> ScalarForm:
    def write(graph: Scalars, values: list[int], parameters: dict[str, Array]) -> list[int]:
        return [
            graph.sum([graph.op("multiply", v, int(w)) for v, w in zip(values, column, strict=True)] + [int(b)])
            for column, b in zip(parameters["weight"].T, parameters["bias"], strict=True)
        ]

    return ScalarForm(2 * math.prod(layer.input_shape) * math.prod(layer.output_shape), write)


@scalar_form.register(ReLU)
@scalar_form.register(Sigmoid)
@scalar_form.register(Tanh)
def _activation(layer: Layer) -> ScalarForm:
    """The operation of the formulas has the layer's word."""
    return ScalarForm(
        math.prod(layer.output_shape), lambda graph, values, _: [graph.op(layer.word, value) for value in values]
    )


@scalar_form.register(ReLU6)
def _relu6(layer: ReLU6) -> ScalarForm:
    """min(max(0, v), 6) = relu(v) - relu(v - 6)."""

    def write(graph: Scalars, values: list[int], parameters: dict[str, Array]) -> list[int]:
        beyond = [graph.op("relu", graph.op("subtract", v, graph.number(6.0))) for v in values]
        return [graph.op("subtract", graph.op("relu", v), b) for v, b in zip(values, beyond, strict=True)]

    return ScalarForm(4 * math.prod(layer.output_shape), write)


@scalar_form.register(Flatten)
@scalar_form.register(Dropout)
def _identity(layer: Layer) -> ScalarForm:
    return ScalarForm(0, lambda graph, values, _: values)


class Scalars:
    """The mean loss of a network on some examples as one graph; its variables are the parameters, in their order."""

    def __init__(self, network: Network, x: Array, labels: Array, largest: Array, smoothing: float, l2: float) -> None:
        self.nodes: list[Node] = []
        self.numbers: dict[float, int] = {}
        places = {
            name: np.array([self._add(Node("variable", name=f"{name}[{i}]")) for i in range(p.value.size)]).reshape(
                p.value.shape
            )
            for name, p in network.parameters().items()
        }
        variables = tuple(range(len(self.nodes)))
        losses = [
            self._loss(self._scores(network, row.ravel(), places), int(label), float(shift), smoothing)
            for row, label, shift in zip(x, labels, largest, strict=True)
        ]
        total = self.op("multiply", self.sum(losses), self.number(1 / len(losses)))
        decaying = [places[name] for name, p in network.parameters().items() if p.decays]
        if l2 and decaying:
            squares = [self.op("multiply", int(k), int(k)) for place in decaying for k in place.ravel()]
            total = self.op("add", total, self.op("multiply", self.sum(squares), self.number(l2 / 2)))
        names = tuple(self.nodes[k].name for k in variables)
        self.graph = Graph(tuple(self.nodes), (total,), variables, names)

    def _scores(self, network: Network, row: Array, places: dict[str, Array]) -> list[int]:
        values = [self.number(float(v)) for v in row]
        for position, layer in enumerate(network.layers, start=1):
            form = scalar_form(layer)
            assert form is not None
            own = {name: places[f"{position}.{layer.word}.{name}"] for name in layer.parameters}
            values = form.write(self, values, own)
        return values

    def _loss(self, scores: list[int], label: int, shift: float, smoothing: float) -> int:
        """log sum e^(z - shift) + shift - sum t z, with t the smoothed target; any shift gives the same."""
        c = self.number(shift)
        powers = [self.op("exp", self.op("subtract", z, c)) for z in scores]
        logarithm = self.op("add", self.op("log", self.sum(powers)), c)
        share = smoothing / len(scores)
        aimed = [
            self.op("multiply", z, self.number(share + (1 - smoothing) * (k == label)))
            for k, z in enumerate(scores)
            if share or k == label
        ]
        return self.op("subtract", logarithm, self.sum(aimed))

    def sum(self, terms: list[int]) -> int:
        total = terms[0]
        for term in terms[1:]:
            total = self.op("add", total, term)
        return total

    def number(self, value: float) -> int:
        if value not in self.numbers:
            self.numbers[value] = self._add(Node("number", number=value))
        return self.numbers[value]

    def op(self, name: str, *inputs: int) -> int:
        return self._add(Node(name, inputs))

    def _add(self, node: Node) -> int:
        self.nodes.append(node)
        return len(self.nodes) - 1
