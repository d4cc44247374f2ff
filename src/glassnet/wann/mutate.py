"""How a topology changes: a connection added or taken away, a unit put between two nodes, an activation changed.

All but taking away are NEAT's: K. Stanley and R. Miikkulainen, "Evolving neural networks through augmenting
topologies", Evolutionary Computation 10 (2002); without crossover, as in A. Gaier and D. Ha, "Weight Agnostic Neural
Networks", NeurIPS 2019.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from glassnet.nn.functional.graph import ACTIVATIONS
from glassnet.nn.kernels import graphs as kernels
from glassnet.wann.graph import Graph

__all__ = ["Changes", "applied", "first_graph"]

Places = NDArray[np.int64]


@dataclass(frozen=True)
class Changes:
    """Changes of one graph, each of one unit.

    Attributes
    ----------
    units, nodes : (c,) int64 array
        The unit, and the node that it takes from then or no longer; any node where there is none.
    times : (c,) float32 array
        1 for a connection between them that is added, -1 for one that is taken away, 0 else.
    between : (c,) int64 array
        The activation of a new unit between them, or -1.
    codes : (c,) int64 array
        The unit's own activation then.
    """

    units: Places
    nodes: Places
    times: NDArray[np.float32]
    between: Places
    codes: Places

    def __len__(self) -> int:
        return len(self.units)

    def __getitem__(self, chosen: Places) -> Changes:
        return Changes(*(getattr(self, field.name)[chosen] for field in fields(self)))

    @classmethod
    def joined(cls, parts: Sequence[Changes]) -> Changes:
        """All changes of several, in their order."""
        return cls(*(np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(cls)))


def first_graph(inputs: int, outputs: int, density: float, rng: np.random.Generator) -> Graph:
    """A graph without hidden units, each of its possible connections there with the chance `density`."""
    units = [
        (str(rng.choice(ACTIVATIONS)), np.flatnonzero(rng.random(inputs + 1) < density).tolist())
        for _ in range(outputs)
    ]
    return Graph.of(inputs, outputs, units)


def applied(graph: Graph, changes: Changes, depth: int) -> Graph | None:
    """The graph with all of some changes, hidden units that lead to no output left out.

    None where that is deeper than `depth`, or has a circle. Of two changes of one unit's activation one is made; a
    connection that one change takes away and another adds is taken away.
    """
    first, hidden, count = graph.first, graph.hidden, graph.first + len(graph.codes)
    nodes, targets = changes.nodes, first + changes.units
    inner = changes.between >= 0
    made = count + np.arange(inner.sum())  # new units are numbered after all others, for now
    codes = np.concatenate([graph.codes, changes.between[inner]]).astype(np.int32)
    new = changes.codes != graph.codes[changes.units]
    codes[changes.units[new]] = changes.codes[new]
    added, gone = changes.times > 0, changes.times < 0
    source = np.concatenate([graph.source, nodes[added], nodes[inner], made])
    target = np.concatenate([first + graph.targets, targets[added], made, targets[inner]])
    total = first + len(codes)
    pairs = np.setdiff1d(source.astype(np.int64) * total + target, nodes[gone] * total + targets[gone])
    source, target = np.divmod(pairs, total)
    return _ordered(graph, codes, source, target, range(first + hidden, count), depth)


def _ordered(
    graph: Graph, codes: NDArray[np.int32], source: Places, target: Places, outputs: range, depth: int
) -> Graph | None:
    """A graph of nodes in any order and connections between them, its units by level; see `applied`."""
    first, total = graph.first, graph.first + len(codes)
    level, used = np.zeros(total, np.int32), np.zeros(total, np.int32)
    if not kernels.levels(source, target, depth, level):
        return None
    used[outputs] = 1
    kernels.mark(target, source, used)
    used[:first], used[outputs] = 0, 0
    hidden = np.flatnonzero(used)
    order = np.concatenate([hidden[np.argsort(level[hidden], kind="stable")], outputs])
    place = np.full(total, -1)
    place[:first], place[order] = np.arange(first), first + np.arange(len(order))
    source, target = place[source], place[target]
    source, target = source[target >= 0], target[target >= 0]
    sorts = np.lexsort((source, target))
    start = np.concatenate([[0], np.cumsum(np.bincount(target - first, minlength=len(order)))])
    codes = codes[order - first]
    return Graph(graph.inputs, graph.outputs, codes, start.astype(np.int32), source[sorts].astype(np.int32))
