"""Which changes of a topology are worth trying: connections and units by hints of what they would do."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from glassnet.nn.functional.arrays import Array
from glassnet.nn.functional.graph import ACTIVATIONS
from glassnet.wann.graph import Graph
from glassnet.wann.hints import Hints
from glassnet.wann.mutate import Changes, Places

__all__ = ["SHARES", "proposals"]

SHARES = {"connect": 0.45, "cut": 0.15, "insert": 0.15, "bridge": 0.15, "change": 0.1}
"""Of what is proposed: connections added and taken away, units put into a connection and beside one, activations."""

_RIVALS = 24  # are drawn for each connection or unit that is proposed; the best by its hint is taken
_BLIND = 0.2  # of the connections and units: the first is taken


def proposals(hints: Hints, count: int, depth: int, rng: np.random.Generator) -> Changes:
    """About `count` changes, each of which by itself leaves a graph without circles and no deeper than `depth`.

    Two nodes are connected only where the first is not on a higher level than the second, so that it does not depend on
    it.
    """
    graph = hints.graph
    some = {word: max(1, round(share * count)) for word, share in SHARES.items()}
    pairs = _Pairs(graph, depth, rng)
    there = np.zeros((graph.first + len(graph.codes), len(graph.codes)), bool)
    there[graph.source, graph.targets] = True
    nodes, units = pairs.any((some["connect"], _RIVALS))
    free = pairs.possible(nodes, units, 1) & ~there[nodes, units]
    rows = [
        _made(graph, _best(rng, np.where(free, hints.added[nodes, units], np.inf), nodes, units), times=1.0),
        _changed(graph, some["change"], rng),
    ]
    rows.append(_between(hints, pairs, *pairs.any((some["bridge"], _RIVALS)), 0.0, rng))
    if graph.connections:
        nodes, units = pairs.connected((some["cut"], _RIVALS))
        rows.append(_made(graph, _best(rng, hints.removed[nodes, units], nodes, units), times=-1.0))
        rows.append(_between(hints, pairs, *pairs.connected((some["insert"], _RIVALS)), -1.0, rng))
    return Changes.joined(rows)


class _Pairs:
    """Draws pairs of a node and a unit."""

    def __init__(self, graph: Graph, depth: int, rng: np.random.Generator) -> None:
        self.graph, self.depth, self.rng = graph, depth, rng
        self.level, self.height = graph.levels(), graph.heights()

    def any(self, shape: tuple[int, ...]) -> tuple[Places, Places]:
        graph = self.graph
        return self.rng.integers(graph.first + graph.hidden, size=shape), self.rng.integers(
            len(graph.codes), size=shape
        )

    def connected(self, shape: tuple[int, ...]) -> tuple[Places, Places]:
        edges = self.rng.integers(self.graph.connections, size=shape)
        return self.graph.source[edges].astype(np.int64), self.graph.targets[edges].astype(np.int64)

    def possible(self, nodes: Places, units: Places, way: int) -> NDArray[np.bool_]:
        """Whether a way of so many connections may lead from node to unit."""
        target = self.graph.first + units
        before = (self.level[nodes] <= self.level[target]) | (units >= self.graph.hidden)
        return np.asarray(before & (nodes != target) & (self.level[nodes] + way + self.height[target] <= self.depth))


def _best(rng: np.random.Generator, change: Array, *rows: Places) -> list[Places]:
    """Of every row the column that changes the loss best, in some rows the first; those that are possible."""
    place = change.argmin(axis=1)
    place[rng.random(len(place)) < _BLIND] = 0
    lines = np.arange(len(place))
    free = np.isfinite(change[lines, place])
    return [row[lines, place][free] for row in rows]


def _made(graph: Graph, pairs: list[Places], times: float) -> Changes:
    nodes, units = pairs
    codes = graph.codes[units].astype(np.int64)
    return Changes(units, nodes, np.full(len(units), times, np.float32), np.full(len(units), -1), codes)


def _between(
    hints: Hints, pairs: _Pairs, nodes: Places, units: Places, times: float, rng: np.random.Generator
) -> Changes:
    codes = rng.integers(len(ACTIVATIONS), size=nodes.shape)
    free = pairs.possible(nodes, units, 2)
    change = np.full(nodes.shape, np.inf, np.float32)
    change[free] = hints.between(units[free], nodes[free], np.full(free.sum(), times, np.float32), codes[free])
    nodes, units, codes = _best(rng, change, nodes, units, codes)
    own = hints.graph.codes[units].astype(np.int64)
    return Changes(units, nodes, np.full(len(units), times, np.float32), codes, own)


def _changed(graph: Graph, count: int, rng: np.random.Generator) -> Changes:
    units = rng.integers(len(graph.codes), size=count)
    codes = (graph.codes[units] + rng.integers(1, len(ACTIVATIONS), size=count)) % len(ACTIVATIONS)
    return Changes(units, np.zeros(count, np.int64), np.zeros(count, np.float32), np.full(count, -1), codes)
