"""What small changes of a topology would do to its loss: all of them roughly, some exactly.

With the shared weight w unit j sums z_j = w (a_i + ...) and gives a_j = f_j(z_j). A connection from i adds v = w a_i to
z_j. To second order that changes the loss by

    sum over examples and weights of  d_j v + h_j v^2 / 2

where d_j is the gradient of the loss in z_j, from one pass backwards, and h_j its curvature there, from another: of the
softmax p (1 - p) for each class, and h_i = f_i'^2 times the sum of w^2 h_j over the units j that i is a source of (the
diagonal of the Gauss-Newton matrix: S. Becker and Y. LeCun, "Improving the convergence of back-propagation learning
with second-order methods", 1988). For all pairs i, j at once these are two products of matrices. A connection that is
taken away has v = -w a_i.

The loss is the mean cross-entropy of scores brought to one spread (`glassnet.wann.judge.Judged`), their spread held
fast. A step has the slope of a sigmoid here, since its own tells nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from glassnet.nn.functional.arrays import Array
from glassnet.nn.kernels import graphs as kernels
from glassnet.wann.graph import Graph
from glassnet.wann.judge import SHARPNESS, WEIGHTS, Judged
from glassnet.wann.mutate import Changes, Places

__all__ = ["Hints", "hints"]


@dataclass(frozen=True)
class Hints:
    """A graph as it is on some examples, and what changes would do.

    Attributes
    ----------
    graph : Graph
        The graph.
    x, labels, weights : array
        The examples (d + 1, n), their classes (n,), the shared weights (k,).
    sums, values : (units, k n) float32 array
        What activations are given and give, one weight after another.
    judged : Judged
        How the graph does on the examples.
    errors, bends : (units, k n) float32 array
        First and second derivatives of the loss in what activations are given, over the shared weight.
    added, removed : (nodes, units) float32 array
        By about how much the mean loss changes with a connection more, and one less, from each node to each unit,
        whether such a connection is there or possible or not.
    """

    graph: Graph
    x: Array
    labels: NDArray[np.int64]
    weights: Array
    sums: Array
    values: Array
    judged: Judged
    errors: Array
    bends: Array
    added: Array
    removed: Array

    def between(self, units: Places, nodes: Places, times: NDArray[np.float32], codes: Places) -> Array:
        """By about how much the loss changes with a unit between a node and a unit, for many of them, (c,).

        `codes` are their activations; `times` times what the node gives is added besides.
        """
        found = np.empty(len(units), np.float32)
        kernels.predict_units(
            self.x, self.weights, self.values, self.errors, self.bends, units, nodes, times, codes, found
        )
        return found

    def tried(self, changes: Changes) -> Judged:
        """How the graph does with each of some changes by itself, (changes, weights)."""
        g, shape = self.graph, (len(changes), len(self.weights))
        correct, loss = np.zeros(shape, np.int64), np.zeros(shape)
        kernels.try_changes(
            g.codes, g.start, g.source, self.x, self.labels, self.weights, self.sums, self.values, g.outputs,
            changes.units, changes.nodes, changes.times, changes.between, changes.codes, SHARPNESS, correct, loss,
        )  # fmt: skip
        return Judged(correct / len(self.labels), loss / len(self.labels))


def hints(graph: Graph, x: Array, labels: NDArray[np.int64], weights: ArrayLike = WEIGHTS) -> Hints:
    """The hints of examples x (d + 1, n) and their labels (n,)."""
    w = np.asarray(weights, np.float32)
    n, k, units, outputs = x.shape[1], len(w), len(graph.codes), graph.outputs
    topology = graph.codes, graph.start, graph.source
    sums, values = np.empty((units, k * n), np.float32), np.empty((units, k * n), np.float32)
    kernels.shared_forward(*topology, x, w, sums, values)
    scores = values[units - outputs :].reshape(outputs, k, n)
    correct, loss, scale = np.zeros((1, k), np.int64), np.zeros((1, k)), np.empty((1, k), np.float32)
    kernels.judge(scores, np.arange(outputs)[None], labels, SHARPNESS, scale, correct, loss)
    factor = scale[0][:, None]
    chance = np.exp(factor * (scores - scores.max(axis=0)))
    chance /= chance.sum(axis=0)
    errors, bends = np.zeros_like(sums), np.zeros_like(sums)
    bends[units - outputs :] = (chance * (1 - chance) * (factor**2 / (k * n))).reshape(outputs, k * n)
    chance[labels, :, np.arange(n)] -= 1
    errors[units - outputs :] = (chance * (factor / (k * n))).reshape(outputs, k * n)
    kernels.shared_backward(*topology, graph.first, w, sums, values, errors, bends)
    errors.reshape(units, k, n)[...] *= w[:, None]
    bends.reshape(units, k, n)[...] *= (w**2)[:, None]
    slopes, bent = _products(x, values, errors), _products(x**2, values**2, bends) / 2
    return Hints(
        graph, x, labels, w, sums, values, Judged(correct / n, loss / n), errors, bends, bent + slopes, bent - slopes
    )


def _products(x: Array, values: Array, given: Array) -> Array:
    """Sums over examples and weights of every node times every unit's, (nodes, units)."""
    n = x.shape[1]
    found = np.empty((len(x) + len(values), len(given)), np.float32)
    np.matmul(x, given.reshape(len(given), -1, n).sum(axis=1).T, out=found[: len(x)])
    np.matmul(values, given.T, out=found[len(x) :])
    return found
