"""The search for a topology that does well with one weight on all its connections, whatever its value.

A population of graphs without hidden units grows by changes. In every generation each graph is judged with the shared
weights `WEIGHTS`; how good it is with one of them is

    accuracy - cross-entropy

where the cross-entropy is that of scores brought to one spread (`glassnet.wann.judge.Judged`). The graphs are ranked by
fronts (`glassnet.wann.rank`) of the mean and the best weight or, one time in five, of the middle of the two and of
smallness. The worst fifth is dropped, the best fifth stays as it is, and families of children make up the rest.

The parent of a family wins a tournament. Many changes are proposed to it, by hints of what they would do and at random
(`glassnet.wann.propose.proposals`); each is tried by itself on a sample of the examples; and each child is the parent
with one or several of those that made it better, drawn by how much they did. All others are drawn now and then. No
child is deeper than the plan allows.

No graph is chosen by the examples that it is judged on: the best of every generation is judged on the validation part,
and the one that does best there is kept.

All random numbers of a generation come from the seed and its number, so a search that goes on from `state` ends in the
same bits, with however many jobs. Source of the method: A. Gaier and D. Ha, "Weight Agnostic Neural Networks", NeurIPS
2019; the measure of goodness, what is tried before a child is made, several changes for one child, that connections are
also taken away, and the choice on validation are ours.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from joblib import Parallel, delayed
from numpy.typing import NDArray

from glassnet.data import Dataset, Preprocess
from glassnet.data.streams import generator
from glassnet.errors import DataError, RecipeError
from glassnet.nn.functional.arrays import Array
from glassnet.threads import single_blas_thread
from glassnet.wann.graph import Graph
from glassnet.wann.hints import hints
from glassnet.wann.judge import WEIGHTS, Judged, columns, judge, judge_all
from glassnet.wann.mutate import applied, first_graph
from glassnet.wann.propose import proposals
from glassnet.wann.rank import ranking

__all__ = ["LARGEST", "Examples", "Plan", "Search", "examples_of"]

LARGEST = 32
"""Pixels of a side, above which pictures are refused: a search looks at every pixel as an input of its own."""

_STREAM = 0x3A44
_SIZE_COUNTS = 0.2  # of all generations
_ISLAND = 10  # graphs of an island at least
_BLIND = 0.05  # of the changes of children: drawn whatever came of them


@dataclass(frozen=True)
class Plan:
    """Settings of a search.

    Attributes
    ----------
    population : int
        Graphs in every generation.
    density : float
        Share of the possible connections that a first graph has.
    elite, cull : float
        Shares of the population that stay as they are, and that have no children.
    islands : int
        Parts of the population, of 10 at least, that have children only among themselves in the first
        `apart` generations.
    apart : int
        How many generations.
    tournament : int
        How many are drawn, of whom the best has a child.
    siblings : int
        Children of one parent.
    proposed : int
        Changes of a parent that are tried.
    sample : int
        Examples that they are tried on.
    most : int
        Of a child one change is made or about two, four, ..., 2^most, each as often.
    depth : int
        The longest way through a graph that a child may have, in connections; another is drawn in its stead.
    examples : int
        How many training examples a generation is judged on, drawn anew for each where there are more.
    seed : int
        Of all random numbers.
    """

    population: int = 80
    density: float = 0.05
    elite: float = 0.2
    cull: float = 0.2
    islands: int = 4
    apart: int = 200
    tournament: int = 3
    siblings: int = 8
    proposed: int = 200
    sample: int = 300
    most: int = 3
    depth: int = 3
    examples: int = 2000
    seed: int = 0

    def __post_init__(self) -> None:
        counts = (self.islands, self.tournament, self.siblings, self.proposed, self.sample, self.depth, self.examples)
        if self.population < 2 or min(counts) < 1 or min(self.most, self.apart, self.seed) < 0:
            raise RecipeError(
                "A search has at least 1 island, a population of at least 2, a depth,"
                " tournaments, siblings, proposals, samples and examples of at least 1, a seed of at least 0."
                f" Got {self}."
            )
        for name in ("density", "elite", "cull"):
            if not 0 <= getattr(self, name) < 1:
                raise RecipeError(f"The {name} of a search is at least 0 and below 1. Got {getattr(self, name)}.")


@dataclass(frozen=True)
class Examples:
    """Examples as graphs take them: x (d + 1, n) float32, pixels in 0..1 and the constant; labels (n,) int64."""

    x: Array
    labels: NDArray[np.int64]


def examples_of(dataset: Dataset) -> Examples:
    """The examples of a set of pictures. Raises `DataError` where they are too large, or lines of writing."""
    if dataset.holds_lines:
        raise DataError("Weight-agnostic networks classify pictures; this set holds lines of writing.")
    h, w, _ = dataset.image_shape
    if max(h, w) > LARGEST:
        raise DataError(
            f"Pictures for weight-agnostic networks are at most {LARGEST}x{LARGEST}, since every pixel is an input of"
            f" its own and connections are found one at a time. Those of '{dataset.name}' are {h}x{w}; choose a"
            " smaller size."
        )
    images = dataset.images if isinstance(dataset.images, np.ndarray) else dataset.images[: len(dataset)]
    rows = Preprocess.parse("scale").fit(images).transform(images).reshape(len(dataset), -1)
    return Examples(columns(rows), dataset.labels)


def goodness(found: Judged) -> NDArray[np.float64]:
    """How good each graph is with each weight, (graphs, weights); see the module."""
    return np.asarray(found.accuracy - found.loss)


def family(parent: Graph, examples: Examples, plan: Plan, rng: np.random.Generator) -> list[Graph]:
    """Children of one parent, `plan.siblings` of them; see the module."""
    count = len(examples.labels)
    sample = np.sort(rng.choice(count, min(count, plan.sample), replace=False))
    known = hints(parent, np.ascontiguousarray(examples.x[:, sample]), examples.labels[sample])
    changes = proposals(known, plan.proposed, plan.depth, rng)
    gain = np.maximum(0, goodness(known.tried(changes)).mean(axis=1) - goodness(known.judged).mean())
    helpful = int((gain > 0).sum())
    chance = gain + max(gain.sum(), 1e-9) * _BLIND / len(gain)
    chance /= chance.sum()
    made: list[Graph] = []
    while len(made) < plan.siblings:
        several = min(rng.geometric(0.5 ** rng.integers(plan.most + 1)), max(1, helpful))
        while several:  # one change by itself is always possible
            chosen = rng.choice(len(gain), several, replace=False, p=chance)
            child = applied(parent, changes[chosen], plan.depth)
            if child is not None:
                made.append(child)
                break
            several //= 2
    return made


class Search:
    """A population and what became of it.

    Parameters
    ----------
    plan : Plan
        The settings.
    train, valid : Examples
        What graphs are judged on, and what the one that is kept is chosen on.
    outputs : int
        The number of classes.
    jobs : int
        Threads that judge; the result does not depend on it.

    Attributes
    ----------
    generation : int
        How many are behind.
    graphs : list of Graph
        The latest one.
    judged : Judged
        How it did.
    best : Graph
        The graph that does best on the validation part so far, by its mean accuracy.
    best_accuracy : (k,) array
        Its accuracy there with each weight.
    """

    def __init__(self, plan: Plan, train: Examples, valid: Examples, outputs: int, *, jobs: int = 1) -> None:
        self.plan, self.train, self.valid, self.jobs = plan, train, valid, jobs
        self.generation = 0
        rng = generator(plan.seed, _STREAM, 0)
        inputs = len(train.x) - 1
        self.graphs = [first_graph(inputs, outputs, plan.density, rng) for _ in range(plan.population)]
        self.judged = self._judge(self.graphs, train)
        self.best = self.graphs[0]
        self.best_accuracy = np.zeros(len(WEIGHTS))
        self._look(self.judged)

    def step(self) -> dict[str, Any]:
        """One generation more; the record of it."""
        begun, worked = time.perf_counter(), time.process_time()
        self.generation += 1
        plan, rng = self.plan, generator(self.plan.seed, _STREAM, self.generation)
        train = self._drawn(rng)
        if train is not self.train:
            self.judged = self._judge(self.graphs, train)
        objectives = self._objectives(rng)
        islands = min(plan.islands, max(1, plan.population // _ISLAND)) if self.generation <= plan.apart else 1
        stays, winners, wanted = [], [], []
        for island in np.array_split(np.arange(plan.population), islands):
            order, count = island[ranking(objectives[island])], len(island)
            stays.append(order[: max(1, round(plan.elite * count))])
            wanted.append(count - len(stays[-1]))
            parents = order[: max(1, count - round(plan.cull * count))]
            families = -(-wanted[-1] // plan.siblings)
            winners.append(parents[rng.integers(len(parents), size=(families, plan.tournament)).min(axis=1)])
        made = iter(self._families([self.graphs[place] for group in winners for place in group], train))
        children = [
            child
            for group, count in zip(winners, wanted, strict=True)
            for child in [child for _ in group for child in next(made)][:count]
        ]
        found = self._judge(children, train)
        order = np.concatenate(  # each island's own, then its children
            [
                part
                for stay, group in zip(stays, np.split(np.arange(len(children)), np.cumsum(wanted)[:-1]), strict=True)
                for part in (stay, plan.population + group)
            ]
        )
        everybody = [*self.graphs, *children]
        self.graphs = [everybody[place] for place in order]
        self.judged = Judged(
            np.concatenate([self.judged.accuracy, found.accuracy])[order],
            np.concatenate([self.judged.loss, found.loss])[order],
        )
        leader = self._look(self.judged)
        took = {"seconds": time.perf_counter() - begun, "processor_seconds": time.process_time() - worked}
        return self._record(leader, len(children), len(train.labels)) | took

    def _families(self, parents: Sequence[Graph], train: Examples) -> list[list[Graph]]:
        seeds = [generator(self.plan.seed, _STREAM, self.generation, place) for place in range(len(parents))]
        tasks = zip(parents, seeds, strict=True)
        with single_blas_thread():
            if self.jobs == 1:
                return [family(parent, train, self.plan, rng) for parent, rng in tasks]
            run = Parallel(n_jobs=self.jobs, prefer="threads")
            return list(run(delayed(family)(parent, train, self.plan, rng) for parent, rng in tasks))

    def _judge(self, graphs: Sequence[Graph], examples: Examples) -> Judged:
        return judge_all(graphs, examples.x, examples.labels, jobs=self.jobs)

    def _drawn(self, rng: np.random.Generator) -> Examples:
        """What this generation is judged on."""
        count = len(self.train.labels)
        if count <= self.plan.examples:
            return self.train
        chosen = np.sort(rng.choice(count, self.plan.examples, replace=False))
        return Examples(np.ascontiguousarray(self.train.x[:, chosen]), self.train.labels[chosen])

    def _objectives(self, rng: np.random.Generator) -> NDArray[np.float64]:
        good = goodness(self.judged)
        mean, best = good.mean(axis=1), good.max(axis=1)
        if rng.random() < _SIZE_COUNTS:
            return np.stack([(mean + best) / 2, [-float(graph.connections) for graph in self.graphs]], axis=1)
        return np.stack([mean, best], axis=1)

    def _look(self, judged: Judged) -> int:
        """Judge the leader on the validation part, and keep it where it is the best so far; its number."""
        leader = int(goodness(judged).mean(axis=1).argmax())
        graph = self.graphs[leader]
        accuracy = judge([graph], self.valid.x, self.valid.labels).accuracy[0]
        if accuracy.mean() > self.best_accuracy.mean():
            self.best, self.best_accuracy = graph, accuracy
        return leader

    def _record(self, leader: int, children: int, examples: int) -> dict[str, Any]:
        means, graph = self.judged.accuracy.mean(axis=1), self.graphs[leader]
        return {
            "generation": self.generation,
            "mean": float(means[leader]),
            "median": float(np.median(means)),
            "best_weight": float(self.judged.accuracy[leader].max()),
            "connections": graph.connections,
            "units": graph.hidden,
            "depth": graph.depth,
            "median_connections": float(np.median([each.connections for each in self.graphs])),
            "valid_mean": float(self.best_accuracy.mean()),
            "valid_best_weight": float(self.best_accuracy.max()),
            "judged": children if examples == len(self.train.labels) else children + self.plan.population,
            "examples": examples,
        }

    # ---- stopping and going on

    def state(self) -> dict[str, NDArray[Any]]:
        """All that a search of the same plan and examples needs to go on from here."""
        graphs = [*self.graphs, self.best]
        packed = {name: np.concatenate([getattr(graph, name) for graph in graphs]) for name in ("codes", "source")}
        counts = np.concatenate([np.diff(graph.start) for graph in graphs])
        return {
            **packed,
            "counts": counts,
            "units": np.array([len(graph.codes) for graph in graphs]),
            "generation": np.array(self.generation),
            "accuracy": self.judged.accuracy,
            "loss": self.judged.loss,
            "best_accuracy": self.best_accuracy,
        }

    def load_state(self, state: Mapping[str, NDArray[Any]]) -> None:
        """Go on from what `state` gave. Raises `ValueError` or `KeyError` where it is not that of such a search."""
        inputs, outputs = self.graphs[0].inputs, self.graphs[0].outputs
        units = np.split(np.arange(len(state["codes"])), np.cumsum(state["units"])[:-1])
        ends = np.concatenate([[0], np.cumsum(state["counts"])])
        graphs = []
        for places in units:
            start = ends[places[0] : places[-1] + 2].astype(np.int32)
            source = state["source"][start[0] : start[-1]].astype(np.int32)
            graphs.append(Graph(inputs, outputs, state["codes"][places].astype(np.int32), start - start[0], source))
        if len(graphs) != self.plan.population + 1:
            raise ValueError(f"{len(graphs) - 1} graphs instead of {self.plan.population}")
        self.graphs, self.best = graphs[:-1], graphs[-1]
        self.judged = Judged(state["accuracy"], state["loss"])
        self.generation, self.best_accuracy = int(state["generation"]), state["best_accuracy"]
