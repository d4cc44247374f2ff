"""How a topology changes: a unit inserted into a connection, a connection added, an activation changed.

Source: K. Stanley and R. Miikkulainen, "Evolving neural networks through augmenting topologies", Evolutionary
Computation 10 (2002); without crossover, as in A. Gaier and D. Ha, "Weight Agnostic Neural Networks", NeurIPS 2019.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from glassnet.nn.functional.graph import ACTIVATIONS
from glassnet.wann.graph import Graph, Numbers

__all__ = ["CHANCES", "add_connection", "change_activation", "first_graph", "insert_unit", "mutate"]

_TRIES = 20  # pairs of nodes that are drawn until one can be connected


def first_graph(inputs: int, outputs: int, density: float, rng: np.random.Generator) -> Graph:
    """A graph without hidden units, each of its possible connections there with the chance `density`."""
    units = [
        (str(rng.choice(ACTIVATIONS)), np.flatnonzero(rng.random(inputs + 1) < density).tolist())
        for _ in range(outputs)
    ]
    return Graph.of(inputs, outputs, units)


def insert_unit(graph: Graph, rng: np.random.Generator) -> Graph:
    """A connection becomes two, with a new unit of any activation between them."""
    if not graph.connections:
        return graph
    edge = int(rng.integers(graph.connections))
    unit = int(graph.targets[edge])
    place = min(unit, graph.hidden)  # the new unit's own, before the one that it leads to
    node = graph.first + place
    begin = graph.source[edge]
    source = graph.source + (graph.source >= node)
    source[edge] = node
    start = np.insert(graph.start, place, graph.start[place])
    start[place + 1 :] += 1
    source = np.insert(source, graph.start[place], begin)
    codes = np.insert(graph.codes, place, rng.integers(len(ACTIVATIONS)))
    made = Graph(graph.inputs, graph.outputs, codes, start, source)
    return _ascending(made, unit + 1)


def add_connection(graph: Graph, rng: np.random.Generator) -> Graph:
    """Two nodes that were not connected are, unless that closes a circle; the order of the units follows."""
    for _ in range(_TRIES):
        unit = int(rng.integers(len(graph.codes)))
        node = int(rng.integers(graph.first + graph.hidden))
        if node == graph.first + unit or node in graph.sources(unit):
            continue
        if node > graph.first + unit:  # a hidden unit that so far comes later
            if graph.first + unit in _before(graph, node - graph.first):
                continue
            graph, unit, node = _moved(graph, unit, node - graph.first)
        return _with(graph, unit, node)
    return graph


def change_activation(graph: Graph, rng: np.random.Generator) -> Graph:
    """A hidden unit or an output gets another activation."""
    codes = graph.codes.copy()
    unit = int(rng.integers(len(codes)))
    codes[unit] = (codes[unit] + rng.integers(1, len(ACTIVATIONS))) % len(ACTIVATIONS)
    return Graph(graph.inputs, graph.outputs, codes, graph.start, graph.source)


CHANCES: dict[Callable[[Graph, np.random.Generator], Graph], float] = {
    insert_unit: 0.15,
    add_connection: 0.6,
    change_activation: 0.25,
}
"""How often each of the mutations is drawn."""


def mutate(graph: Graph, rng: np.random.Generator, more: float = 0.0) -> Graph:
    """A child: one mutation, and one more with the chance `more`, again and again."""
    kinds, chances = list(CHANCES), np.cumsum(list(CHANCES.values()))
    while True:
        graph = kinds[int(np.searchsorted(chances, rng.random() * chances[-1], side="right"))](graph, rng)
        if rng.random() >= more:
            return graph


def _ascending(graph: Graph, unit: int) -> Graph:
    """With the sources of one unit in order."""
    lo, hi = graph.start[unit], graph.start[unit + 1]
    graph.source[lo:hi] = np.sort(graph.source[lo:hi])
    return graph


def _with(graph: Graph, unit: int, node: int) -> Graph:
    """With a connection more."""
    start = graph.start.copy()
    start[unit + 1 :] += 1
    place = graph.start[unit] + int(np.searchsorted(graph.sources(unit), node))
    source = np.insert(graph.source, place, node)
    return Graph(graph.inputs, graph.outputs, graph.codes, start, source)


def _before(graph: Graph, unit: int) -> set[int]:
    """The nodes of units from which there is a way to a unit."""
    found: set[int] = set()
    waiting = [unit]
    while waiting:
        for node in graph.sources(waiting.pop()).tolist():
            if node >= graph.first and node not in found:
                found.add(node)
                waiting.append(node - graph.first)
    return found


def _moved(graph: Graph, unit: int, other: int) -> tuple[Graph, int, int]:
    """The graph in an order in which the unit `other` and all before it come ahead of `unit`; where both then are.

    `other` comes later, and depends not on `unit`. Returns (graph, the unit, the node of `other`).
    """
    needed = _before(graph, other)
    ahead = [u for u in range(unit, other + 1) if u == other or graph.first + u in needed]
    rest = [u for u in range(unit, other + 1) if u not in set(ahead)]
    order = [*range(unit), *ahead, *rest, *range(other + 1, len(graph.codes))]
    place = np.empty(graph.first + len(order), np.int32)
    place[: graph.first] = np.arange(graph.first)
    place[graph.first + np.array(order)] = graph.first + np.arange(len(order))
    rows: list[Numbers] = [np.sort(place[graph.sources(u)]) for u in order]
    start = np.concatenate([[0], np.cumsum([len(row) for row in rows])]).astype(np.int32)
    source = np.concatenate(rows).astype(np.int32)
    made = Graph(graph.inputs, graph.outputs, graph.codes[order], start, source)
    return made, int(place[graph.first + unit]) - graph.first, int(place[graph.first + other])
