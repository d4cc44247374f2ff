"""How well topologies do with one weight on all their connections."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from joblib import Parallel, delayed
from numpy.typing import ArrayLike, NDArray

from glassnet.nn.functional.arrays import Array
from glassnet.nn.kernels import graphs as kernels
from glassnet.wann.graph import Graph

__all__ = ["WEIGHTS", "Judged", "judge", "judge_all", "scores"]

WEIGHTS = (-2.0, -1.0, -0.5, 0.5, 1.0, 2.0)
"""The shared weights that a search tries, those of the paper."""


SHARPNESS = 2.0
"""Scores are brought to this standard deviation before their softmax; see `Judged`."""


@dataclass(frozen=True)
class Judged:
    """What came of graphs on the same examples.

    Attributes
    ----------
    accuracy, loss : (graphs, weights) float64 array
        Share of right answers, and mean cross-entropy of softmax. One weight makes scores large and another small, so
        before the softmax they are brought to a standard deviation of `SHARPNESS`, over examples and classes, about
        the mean of each example's.
    """

    accuracy: NDArray[np.float64]
    loss: NDArray[np.float64]


def columns(x: Array) -> Array:
    """Rows (n, d) as the kernels want them: features first, with the constant, (d + 1, n) float32."""
    made = np.ones((x.shape[1] + 1, len(x)), np.float32)
    made[:-1] = x.T
    return made


def merged(graphs: Sequence[Graph]) -> tuple[Graph, NDArray[np.int64]]:
    """One graph that has all units of many, equal ones once; which of its units are outputs of each (graphs, outputs).

    Units are equal where they have the same activation and the same sources, in the same order. It has one output for
    each unit that is one of anybody's, though outputs stand among other units and need not be the last.
    """
    first = graphs[0].first
    known: dict[tuple[int, bytes], int] = {}
    outputs = np.empty((len(graphs), graphs[0].outputs), np.int64)
    for number, graph in enumerate(graphs):
        place = np.arange(first + len(graph.codes), dtype=np.int32)
        start, source = graph.start.tolist(), graph.source
        for unit, code in enumerate(graph.codes.tolist()):
            key = code, place[source[start[unit] : start[unit + 1]]].tobytes()
            place[first + unit] = first + known.setdefault(key, len(known))
        outputs[number] = place[len(place) - graph.outputs :] - first
    counts = [len(sources) // 4 for _, sources in known]
    return Graph(
        graphs[0].inputs,
        len(np.unique(outputs)),
        np.array([code for code, _ in known], np.int32),
        np.concatenate([[0], np.cumsum(counts)]).astype(np.int32),
        np.frombuffer(b"".join(sources for _, sources in known), np.int32),
    ), outputs


def _scores(graphs: Sequence[Graph], x: Array, weights: Array) -> tuple[Array, NDArray[np.int64]]:
    """The scores (s, k, n) of all units that are outputs of one of many graphs; those of each, (graphs, outputs)."""
    graph, outputs = merged(graphs)
    chosen, rows = np.unique(outputs, return_inverse=True)
    place = np.full(len(graph.codes), -1)
    place[chosen] = np.arange(len(chosen))
    found = np.empty((len(chosen), len(weights), x.shape[1]), np.float32)
    kernels.shared_scores(graph.codes, graph.start, graph.source, place, x, weights, found)
    return found, rows.reshape(outputs.shape)


def judge(graphs: Sequence[Graph], x: Array, labels: NDArray[np.int64], weights: ArrayLike = WEIGHTS) -> Judged:
    """Every graph with every shared weight; units that graphs have in common are computed once.

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
    shape = len(graphs), len(shared)
    correct, loss = np.zeros(shape, np.int64), np.zeros(shape)
    if graphs and len(labels):
        found, rows = _scores(graphs, x, shared)
        kernels.judge(found, rows, labels, SHARPNESS, np.empty(shape, np.float32), correct, loss)
    return Judged(correct / max(1, len(labels)), loss / max(1, len(labels)))


def judge_all(
    graphs: Sequence[Graph], x: Array, labels: NDArray[np.int64], weights: ArrayLike = WEIGHTS, *, jobs: int = 1
) -> Judged:
    """`judge`, divided among `jobs` threads; within `joblib.parallel_config`, among whatever that names.

    The result does not depend on how the graphs are divided.
    """
    if jobs == 1:
        return judge(graphs, x, labels, weights)
    ends = np.linspace(0, len(graphs), jobs + 1).round().astype(int)  # graphs of one parent stay together
    parts = [graphs[begin:end] for begin, end in pairwise(ends)]
    found = Parallel(n_jobs=jobs, prefer="threads")(delayed(judge)(part, x, labels, weights) for part in parts)
    return Judged(*(np.concatenate([getattr(part, name) for part in found]) for name in ("accuracy", "loss")))


def scores(graph: Graph, x: Array, weights: ArrayLike) -> Array:
    """What a graph says with every shared weight (k,) of the examples x (d + 1, n): (k, n, outputs) float32."""
    found, rows = _scores([graph], x, np.asarray(weights, np.float32))
    return np.ascontiguousarray(found[rows[0]].transpose(1, 2, 0))
