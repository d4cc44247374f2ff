"""A third opinion on gradients: the network written out as scalar operations, and differentiated by `autodiff`.

Central differences compare the gradients with the network's own forward pass. This writes the forward pass down anew,
number by number, from the network's definition alone: weights and inputs in, sums and products and activations, the
loss out. Reverse mode over that graph gives every gradient of the parameters; forward mode in a random direction gives
one number that must be the gradients' product with it. Neither shares a line with the layers' code.

Dense networks (linear, ReLU, sigmoid, tanh; dropout as in use) with softmax cross-entropy are written out, as long as
they are small.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from glassnet.autodiff import Graph, Node, jvp, reverse_mode
from glassnet.nn.functional.arrays import Array
from glassnet.nn.layer import Layer
from glassnet.nn.layers import Dropout, Flatten, Linear, ReLU, Sigmoid, Tanh
from glassnet.nn.loss import Loss, SoftmaxCrossEntropy
from glassnet.nn.network import Network

__all__ = ["Opinion", "third_opinion"]

_MOST_OPERATIONS = 60_000
_ACTIVATIONS: dict[type[Layer], str] = {ReLU: "relu", Sigmoid: "sigmoid", Tanh: "tanh"}
_TOLERANCE = 1e-11  # of rounding errors alone, relative to the largest gradient


@dataclass(frozen=True)
class Opinion:
    """What the graph says: operations and examples it was made of, and the largest difference of either mode from the
    network's gradients, relative to the largest of them."""

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
    graph = _Written(twin, x, labels, scores.max(axis=1), loss.smoothing, l2).graph
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
    operations = 0
    for layer in network.layers:
        if isinstance(layer, Linear):
            operations += 2 * math.prod(layer.input_shape) * math.prod(layer.output_shape)
        elif type(layer) in _ACTIVATIONS:
            operations += math.prod(layer.output_shape)
        elif not isinstance(layer, (Flatten, Dropout)):
            return 0
    return _MOST_OPERATIONS // max(1, operations)


class _Written:
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
        total = self._op("multiply", self._sum(losses), self._number(1 / len(losses)))
        decaying = [places[name] for name, p in network.parameters().items() if p.decays]
        if l2 and decaying:
            squares = [self._op("multiply", int(k), int(k)) for place in decaying for k in place.ravel()]
            total = self._op("add", total, self._op("multiply", self._sum(squares), self._number(l2 / 2)))
        names = tuple(self.nodes[k].name for k in variables)
        self.graph = Graph(tuple(self.nodes), (total,), variables, names)

    def _scores(self, network: Network, row: Array, places: dict[str, Array]) -> list[int]:
        values = [self._number(float(v)) for v in row]
        for position, layer in enumerate(network.layers, start=1):
            if isinstance(layer, Linear):
                weight, bias = (places[f"{position}.{layer.word}.{short}"] for short in ("weight", "bias"))
                values = [
                    self._sum([self._op("multiply", v, int(w)) for v, w in zip(values, column, strict=True)] + [int(b)])
                    for column, b in zip(weight.T, bias, strict=True)
                ]
            elif type(layer) in _ACTIVATIONS:
                values = [self._op(_ACTIVATIONS[type(layer)], v) for v in values]
        return values

    def _loss(self, scores: list[int], label: int, shift: float, smoothing: float) -> int:
        """log sum e^(z - shift) + shift - sum t z, with t the smoothed target; any shift gives the same."""
        c = self._number(shift)
        powers = [self._op("exp", self._op("subtract", z, c)) for z in scores]
        logarithm = self._op("add", self._op("log", self._sum(powers)), c)
        share = smoothing / len(scores)
        aimed = [
            self._op("multiply", z, self._number(share + (1 - smoothing) * (k == label)))
            for k, z in enumerate(scores)
            if share or k == label
        ]
        return self._op("subtract", logarithm, self._sum(aimed))

    def _sum(self, terms: list[int]) -> int:
        total = terms[0]
        for term in terms[1:]:
            total = self._op("add", total, term)
        return total

    def _number(self, value: float) -> int:
        if value not in self.numbers:
            self.numbers[value] = self._add(Node("number", number=value))
        return self.numbers[value]

    def _op(self, name: str, *inputs: int) -> int:
        return self._add(Node(name, inputs))

    def _add(self, node: Node) -> int:
        self.nodes.append(node)
        return len(self.nodes) - 1
