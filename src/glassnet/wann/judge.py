"""How well topologies do with one weight on all their connections."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from joblib import Parallel, delayed
from numpy.typing import ArrayLike, NDArray

from glassnet.nn.functional.arrays import Array
from glassnet.nn.kernels import graphs as kernels
from glassnet.wann.graph import Graph

__all__ = ["WEIGHTS", "Judged", "judge", "judge_all", "scores"]

WEIGHTS = (-2.0, -1.0, -0.5, 0.5, 1.0, 2.0)
"""The shared weights that a search tries, those of the paper."""


@dataclass(frozen=True)
class Judged:
    """What came of graphs on the same examples.

    Attributes
    ----------
    accuracy, loss : (graphs, weights) float64 array
        Share of right answers, and mean cross-entropy of softmax.
    """

    accuracy: NDArray[np.float64]
    loss: NDArray[np.float64]


def columns(x: Array) -> Array:
    """Rows (n, d) as the kernels want them: features first, with the constant, (d + 1, n) float32."""
    made = np.ones((x.shape[1] + 1, len(x)), np.float32)
    made[:-1] = x.T
    return made


def judge(graphs: Sequence[Graph], x: Array, labels: NDArray[np.int64], weights: ArrayLike = WEIGHTS) -> Judged:
    """Every graph with every shared weight.

    Parameters
    ----------
    graphs : sequence of Graph
        Of the same numbers of inputs and outputs.
    x : (d + 1, n) float32 array
        Examples as `columns` lays them out.
    labels : (n,) int64 array
        Their classes.
    weights : (k,) array
        The shared weights.
    """
    shared = np.asarray(weights, np.float32)
    correct, loss = np.zeros((len(graphs), len(shared)), np.int64), np.zeros((len(graphs), len(shared)))
    if graphs:
        units = np.cumsum([0, *(len(graph.codes) for graph in graphs)])
        edges = np.cumsum([0, *(graph.connections for graph in graphs)])
        codes, starts, sources = (
            np.concatenate([getattr(graph, name) for graph in graphs]) for name in ("codes", "start", "source")
        )
        kernels.judge_many(units, edges, codes, starts, sources, graphs[0].outputs, x, labels, shared, correct, loss)
    return Judged(correct / max(1, len(labels)), loss / max(1, len(labels)))


def judge_all(
    graphs: Sequence[Graph], x: Array, labels: NDArray[np.int64], weights: ArrayLike = WEIGHTS, *, jobs: int = 1
) -> Judged:
    """`judge`, divided among `jobs` threads; within `joblib.parallel_config`, among whatever that names.

    The result does not depend on how the graphs are divided.
    """
    if jobs == 1:
        return judge(graphs, x, labels, weights)
    parts = [graphs[i::jobs] for i in range(jobs)]
    found = Parallel(n_jobs=jobs, prefer="threads")(delayed(judge)(part, x, labels, weights) for part in parts)
    shape = (len(graphs), np.size(weights))
    accuracy, loss = np.empty(shape), np.empty(shape)
    for i, part in enumerate(found):
        accuracy[i::jobs], loss[i::jobs] = part.accuracy, part.loss
    return Judged(accuracy, loss)


def scores(graph: Graph, x: Array, weights: ArrayLike) -> Array:
    """What a graph says with every shared weight (k,) of the examples x (d + 1, n): (k, n, outputs) float32."""
    shared = np.asarray(weights, np.float32)
    found = np.empty((graph.outputs, len(shared), x.shape[1]), np.float32)
    kernels.shared_scores(graph.codes, graph.start, graph.source, x, shared, found)
    return np.ascontiguousarray(found.transpose(1, 2, 0))
