"""A searched topology once its weights are trained, beside others; and trained networks with connections taken away.

Everybody is trained by the same optimiser for as many epochs. For each it is chosen by the validation accuracy of three
trainings with seeds of their own which learning rate it has, and whether its scores are taken as they are or brought to
one spread at the start (`glassnet.wann.training.gain_of`); the test part is looked at with what was chosen alone.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from glassnet.data import Splits
from glassnet.data.streams import generator
from glassnet.errors import TrainingError
from glassnet.metrics import Difference, holm, paired_difference
from glassnet.metrics.spread import student_quantile
from glassnet.nn.functional.arrays import Array
from glassnet.processes import map_in_processes
from glassnet.wann.controls import dense, random_like, thinned, width_of_connections, width_of_parameters
from glassnet.wann.folder import Found, splits_of
from glassnet.wann.graph import Graph
from glassnet.wann.layer import drawn
from glassnet.wann.training import gain_of, train

__all__ = ["EPOCHS", "LEVELS", "RATES", "WIDTH", "contest", "pruning"]

RATES = (0.003, 0.01, 0.03)
"""The learning rates that each is tried with."""

EPOCHS = 100
"""Of each training."""

LEVELS = (0.5, 0.8, 0.9, 0.95, 0.99)
"""Shares of the connections that are taken away."""

WIDTH = 32
"""Hidden units of the dense network that connections are taken away from."""

_DRAWING, _CHOOSING = 0x3A45, 100_000  # the stream of random weights; the first seed that chooses a rate
_CHOOSERS = 3  # seeds that choose a rate: after one alone, some of a small network's trainings broke down
_REWOUND = 1  # epochs after which the weights are those that pruned networks start from

OnDone = Callable[[int, int], None]


@dataclass(frozen=True)
class _Side:
    """One of those that are compared: how it starts, by seed."""

    key: str
    name: str
    start: str  # searched-shared, searched-random, dense or random
    hidden: int = 0

    def begin(self, graph: Graph, shared: float, seed: int) -> tuple[Graph, Array]:
        """A topology and its weights."""
        rng = generator(seed, _DRAWING)
        if self.start == "searched-shared":
            return graph, np.full(graph.connections, shared, np.float32)
        if self.start == "dense":
            graph = dense(graph.inputs, self.hidden, graph.outputs)
        elif self.start == "random":
            graph = random_like(graph, rng)
        return graph, drawn(graph, rng)


@dataclass(frozen=True)
class _Way:
    """How one is trained."""

    rate: float
    spread: bool

    def gain(self, graph: Graph, weights: Array, splits: Splits) -> float:
        """What scores are multiplied by."""
        return gain_of(graph, weights, splits) if self.spread else 1.0


_WAYS = [_Way(rate, spread) for spread in (False, True) for rate in RATES]

_Task = tuple[_Side, _Way, int]


def sides_for(graph: Graph) -> list[_Side]:
    """Who is compared with a searched topology; two dense networks of the same width are one."""
    by_connections, by_parameters = width_of_connections(graph), width_of_parameters(graph)
    sides = [
        _Side("shared", "searched topology from the shared weight", "searched-shared"),
        _Side("drawn", "searched topology from random weights", "searched-random"),
    ]
    if by_connections == by_parameters:
        sides.append(_Side("dense", "dense networks of as many connections and parameters", "dense", by_connections))
    else:
        sides.append(_Side("dense", "dense networks of as many connections", "dense", by_connections))
        sides.append(_Side("parameters", "dense networks of as many parameters", "dense", by_parameters))
    sides.append(_Side("random", "random topologies of the same size", "random"))
    return sides


def contest(
    found: Found, splits: Splits, shared: float, *, seeds: int = 5, epochs: int = EPOCHS, jobs: int = 1,
    on_done: OnDone = lambda done, of: None,
) -> dict[str, Any]:  # fmt: skip
    """Train a searched topology and those that it is compared with.

    Parameters
    ----------
    found : Found
        What a search found.
    splits : Splits
        Its data.
    shared : float
        The shared weight that its trainings start from.
    seeds : int
        Trainings of each; at least 2.
    epochs : int
        Of each training.
    jobs : int
        Processes.
    on_done : callable
        Told how many trainings are behind, and of how many.

    Returns
    -------
    dict
        `sides` with accuracy by seed, mean, 95 % interval over seeds, rate, whether scores were spread, and size;
        `differences` of the searched topology from the shared weight to each other, with interval, p, and p corrected
        for several pairs (Holm).
    """
    sides = sides_for(found.graph)
    job = _Job(found.graph, shared, epochs)
    trial = [task for side in sides for task in _trials(side)]
    total = len(trial) + len(sides) * seeds
    results: list[tuple[float, NDArray[np.bool_], Graph]] = []
    for result in _each(job.train, trial, splits, found, jobs):
        results.append(result)
        on_done(len(results), total)
    valid = np.array([result[0] for result in results]).reshape(len(sides), len(_WAYS), _CHOOSERS).mean(axis=2)
    ways = {side: _best(row.tolist()) for side, row in zip(sides, valid, strict=True)}
    tasks = [(side, ways[side], seed) for side in sides for seed in range(seeds)]
    done: list[tuple[float, NDArray[np.bool_], Graph]] = []
    for result in _each(job.train, tasks, splits, found, jobs):
        done.append(result)
        on_done(len(trial) + len(done), total)
    right = {side: np.array([r[1] for r in done[i * seeds : (i + 1) * seeds]]) for i, side in enumerate(sides)}
    first, *others = sides
    pairs = {side: paired_difference(right[first], right[side]) for side in others}
    corrected = holm([pair.p for pair in pairs.values()])
    return {
        "seeds": seeds,
        "epochs": epochs,
        "shared": shared,
        "sides": [
            {
                "key": side.key,
                "name": side.name,
                "connections": done[i * seeds][2].connections,
                "units": done[i * seeds][2].hidden,
                "rate": ways[side].rate,
                "spread": ways[side].spread,
                **_over_seeds(right[side].mean(axis=1)),
            }
            for i, side in enumerate(sides)
        ],
        "differences": [
            {"other": side.name, **_difference(pair), "p_corrected": float(p)}
            for (side, pair), p in zip(pairs.items(), corrected, strict=True)
        ],
    }


def pruning(
    found: Found, splits: Splits, *, seeds: int = 5, epochs: int = EPOCHS, jobs: int = 1,
    on_done: OnDone = lambda done, of: None,
) -> dict[str, Any]:  # fmt: skip
    """The reverse way: a dense network, trained, with the smallest weights taken away, level by level.

    After every level what is left starts again from its own weights as they were after one epoch, and is trained anew
    ("rewinding": J. Frankle et al., "Linear mode connectivity and the lottery ticket hypothesis", ICML 2020). Beside it
    as many connections kept at random, from the same weights.

    Returns
    -------
    dict
        `levels` with connections left, and accuracy by seed of both ways, each with mean and interval.
    """
    job = _Job(found.graph, 0.0, epochs)
    whole = _Side("whole", "", "dense", WIDTH)
    results = list(_each(job.train, _trials(whole), splits, found, jobs))
    valid = np.array([result[0] for result in results]).reshape(len(_WAYS), _CHOOSERS).mean(axis=1)
    way = _best(valid.tolist())
    rows: list[list[tuple[int, float, float]]] = []
    for row in _each(job.prune, [(whole, way, seed) for seed in range(seeds)], splits, found, jobs):
        rows.append(row)
        on_done(len(rows), seeds)
    levels = []
    for place, level in enumerate((0.0, *LEVELS)):
        kept, rewound, chance = zip(*(row[place] for row in rows), strict=True)
        levels.append(
            {
                "removed": level,
                "connections": int(kept[0]),
                "rewound": _over_seeds(rewound),
                "random": _over_seeds(chance),
            }
        )
    return {"width": WIDTH, "rate": way.rate, "spread": way.spread, "seeds": seeds, "epochs": epochs, "levels": levels}


@dataclass(frozen=True)
class _Job:
    """What all trainings of a contest have in common; travels to other processes."""

    graph: Graph
    shared: float
    epochs: int

    def train(self, splits: Splits, task: _Task) -> tuple[float, NDArray[np.bool_], Graph]:
        """(validation accuracy, which test examples are right, the topology) of one training."""
        side, way, seed = task
        graph, weights = side.begin(self.graph, self.shared, seed)
        try:
            result = train(
                graph, weights, splits, rate=way.rate, epochs=self.epochs, seed=seed,
                gain=way.gain(graph, weights, splits),
            )  # fmt: skip
        except TrainingError:  # it diverged; the rate is too large
            if seed < _CHOOSING:
                raise
            return -1.0, np.zeros(0, bool), graph
        return result.valid, result.right, graph

    def prune(self, splits: Splits, task: _Task) -> list[tuple[int, float, float]]:
        """(connections left, accuracy of what was pruned, accuracy of what was kept at random) by level."""
        side, way, seed = task
        graph, weights = side.begin(self.graph, self.shared, seed)
        gain = way.gain(graph, weights, splits)
        run = functools.partial(train, splits=splits, rate=way.rate, seed=seed, gain=gain)
        early = run(graph, weights, epochs=_REWOUND, choose=False).weights
        result = run(graph, early, epochs=self.epochs)
        accuracy = float(result.right.mean())
        rows = [(graph.connections, accuracy, accuracy)]
        kept, trained = np.arange(graph.connections), result.weights
        rng = generator(seed, _DRAWING, 1)
        for level in LEVELS:
            left = round((1 - level) * graph.connections)
            kept = np.sort(kept[np.argsort(-np.abs(trained), kind="stable")[:left]])
            chance = np.sort(rng.choice(graph.connections, left, replace=False))
            found = []
            for chosen in (kept, chance):
                mask = np.zeros(graph.connections, bool)
                mask[chosen] = True
                result = run(thinned(graph, mask), early[chosen], epochs=self.epochs)
                found.append(float(result.right.mean()))
                if chosen is kept:
                    trained = result.weights
            rows.append((left, found[0], found[1]))
        return rows


def _trials(side: _Side) -> list[_Task]:
    """The trainings by which the way of a side is chosen."""
    return [(side, way, _CHOOSING + seed) for way in _WAYS for seed in range(_CHOOSERS)]


def _each(function: Any, tasks: Sequence[Any], splits: Splits, found: Found, jobs: int) -> Iterable[Any]:
    """`function(splits, task)` of every task in order; other processes read the data themselves."""
    if jobs == 1:
        return (function(splits, task) for task in tasks)
    return map_in_processes(functools.partial(_swapped, function), tasks, jobs, splits_of, (found.plan,))


def _swapped(function: Any, splits: Splits, task: Any) -> Any:
    return function(splits, task)


def _best(valid: Sequence[float]) -> _Way:
    """The way with the best validation accuracy; of equal ones the first."""
    if max(valid) < 0:
        raise TrainingError(f"No training came to its end at any of the learning rates {', '.join(map(str, RATES))}.")
    return _WAYS[int(np.argmax(valid))]


def _over_seeds(accuracy: Any) -> dict[str, Any]:
    """The mean over seeds with its 95 % interval (Student's t)."""
    values = np.asarray(accuracy, np.float64)
    half = student_quantile(0.95, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values))
    mean = float(values.mean())
    interval = [max(0.0, mean - float(half)), min(1.0, mean + float(half))]
    return {"accuracy": values.tolist(), "mean": mean, "interval": interval}


def _difference(pair: Difference) -> dict[str, Any]:
    return {"difference": pair.value, "interval": list(pair.interval()), "p": pair.p, "method": pair.method}
