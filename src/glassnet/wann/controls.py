"""Topologies to compare a searched one with: dense, drawn at random, and with connections taken away."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from glassnet.nn.functional.graph import ACTIVATIONS
from glassnet.wann.graph import Graph

__all__ = ["dense", "random_like", "thinned", "width_of_connections", "width_of_parameters"]


def dense(inputs: int, hidden: int, outputs: int) -> Graph:
    """`linear hidden -> relu -> linear outputs`; biases are connections from the constant."""
    first = [("relu", range(inputs + 1))] * hidden
    last = [("linear", [inputs, *range(inputs + 1, inputs + 1 + hidden)])] * outputs
    return Graph.of(inputs, outputs, [*first, *last])


def width_of_connections(graph: Graph) -> int:
    """Hidden units of the dense network with as many connections between nodes, the constant left out; at least 1."""
    count = int((graph.source != graph.inputs).sum())
    return max(1, round(count / (graph.inputs + graph.outputs)))


def width_of_parameters(graph: Graph) -> int:
    """Hidden units of the dense network with as many trained numbers, biases among them; at least 1."""
    return max(1, round((graph.connections - graph.outputs) / (graph.inputs + 1 + graph.outputs)))


def random_like(graph: Graph, rng: np.random.Generator) -> Graph:
    """As many units and connections as another graph, all drawn at random.

    Every unit takes from something and every hidden unit leads somewhere; the other connections are drawn from all that
    are possible, each as likely as another.
    """
    units, hidden, first = len(graph.codes), graph.hidden, graph.first
    chosen: set[tuple[int, int]] = set()
    for unit in range(hidden):  # somewhere that comes later
        chosen.add((first + unit, int(rng.integers(unit + 1, units))))
    for unit in range(units):
        if not any(target == unit for _, target in chosen):
            chosen.add((int(rng.integers(first + min(unit, hidden))), unit))
    others = [
        (node, unit) for unit in range(units) for node in range(first + min(unit, hidden)) if (node, unit) not in chosen
    ]
    left = min(max(0, graph.connections - len(chosen)), len(others))
    chosen |= {others[place] for place in rng.choice(len(others), left, replace=False)}
    sources = [sorted(node for node, target in chosen if target == unit) for unit in range(units)]
    words = rng.choice(ACTIVATIONS, units)
    return Graph.of(graph.inputs, graph.outputs, list(zip(map(str, words), sources, strict=True)))


def thinned(graph: Graph, keep: NDArray[np.bool_]) -> Graph:
    """The graph with those connections alone that are kept, (connections,)."""
    counts = np.bincount(graph.targets[keep], minlength=len(graph.codes))
    start = np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)
    return Graph(graph.inputs, graph.outputs, graph.codes, start, graph.source[keep])
