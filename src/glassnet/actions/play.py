"""A small network that learns points in the plane, step by step, and the surface that it makes of them."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from glassnet.autodiff import evaluate, parse
from glassnet.engines import NativeEngine
from glassnet.engines.base import Batch
from glassnet.errors import DataError, FormulaError, NotationError, TrainingError
from glassnet.nn import Network, SoftmaxCrossEntropy
from glassnet.optim import make_optimizer

__all__ = ["KINDS", "SPAN", "Played", "Playground", "draw_points", "formula_points", "make_playground"]

SPAN = 1.2
"""Points lie, and the surface is shown, within -SPAN ... SPAN."""
_POINTS, _NOISE = 300, 0.05
_MOST_POINTS, _LARGEST, _LONGEST, _WEIGHTS = 2000, 128, 200, 100_000
_BATCH = 32
_STEPS = 1000  # of one call

Points = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Played:
    """Where a playground stands.

    Attributes
    ----------
    step : int
        Steps so far.
    loss, accuracy : float
        Of all points.
    surface : (G, G) float32 array
        Probability of the second class less that of the first, from the upper left corner on.
    units : dict of str to (d, g, g) array
        What every unit of every layer makes of the plane.
    """

    step: int
    loss: float
    accuracy: float
    surface: NDArray[Any]
    units: dict[str, NDArray[Any]]


def _circles(rng: np.random.Generator, labels: NDArray[Any]) -> NDArray[Any]:
    angles, radii = rng.uniform(0, 2 * np.pi, len(labels)), np.where(labels == 1, 0.85, 0.35)
    return np.asarray(radii[:, None] * np.column_stack([np.cos(angles), np.sin(angles)]))


def _spirals(rng: np.random.Generator, labels: NDArray[Any]) -> NDArray[Any]:
    share = np.sqrt(rng.uniform(0.01, 1, len(labels)))
    angles = 3.2 * np.pi * share + np.pi * labels
    return np.asarray(share[:, None] * np.column_stack([np.cos(angles), np.sin(angles)]))


def _clouds(rng: np.random.Generator, labels: NDArray[Any]) -> NDArray[Any]:
    return np.where(labels == 1, 0.45, -0.45)[:, None] + rng.normal(0, 0.2, (len(labels), 2))


def _squares(rng: np.random.Generator, labels: NDArray[Any]) -> NDArray[Any]:
    """The exclusive or: the sign of x times that of y."""
    points = np.asarray(rng.uniform(0.08, 1, (len(labels), 2)) * rng.choice([-1, 1], (len(labels), 2)))
    wrong = (points[:, 0] * points[:, 1] > 0) != (labels == 1)
    points[wrong, 0] *= -1
    return points


KINDS: dict[str, Callable[[np.random.Generator, NDArray[Any]], NDArray[Any]]] = {
    "spirals": _spirals,
    "circles": _circles,
    "squares": _squares,
    "clouds": _clouds,
}
"""Kinds of points by name: (generator, labels (n,)) to places (n, 2)."""


def draw_points(kind: str, seed: int = 0) -> tuple[Points, NDArray[np.int64]]:
    """300 points (n, 2) of two classes, and their labels (n,). Raises `DataError` for a kind that there is not."""
    if kind not in KINDS:
        raise DataError(f"Points are {', '.join(KINDS)}. Got '{kind}' instead.")
    rng = np.random.default_rng(seed)
    labels = np.arange(_POINTS) % 2
    places = KINDS[kind](rng, labels) + rng.normal(0, _NOISE, (_POINTS, 2))
    return places.clip(-SPAN, SPAN).astype(np.float32), labels.astype(np.int64)


def formula_points(formula: str, seed: int = 0) -> tuple[Points, NDArray[np.int64]]:
    """300 points (n, 2), and as labels (n,) whether a formula of x and y is above 0 there.

    Parameters
    ----------
    formula : str
        As `glassnet.autodiff.parse` takes it: "sin(4*x) - y".
    seed : int
        Of the points.

    Raises
    ------
    FormulaError
        It is not understood, has other variables, no value somewhere, or the same sign everywhere.
    """
    if len(formula) > _LONGEST:
        raise FormulaError(f"A formula to play with has at most {_LONGEST} characters. Got {len(formula)}.")
    graph = parse(formula)
    if len(graph.outputs) != 1 or not set(graph.names) <= {"x", "y"}:
        raise FormulaError(f"Give one formula of x and y, as 'sin(4*x) - y'. Got '{formula}' instead.")
    points = np.random.default_rng(seed).uniform(-SPAN, SPAN, (_POINTS, 2)).astype(np.float32)
    columns = ["xy".index(name) for name in graph.names]
    values = [evaluate(graph, [float(point[k]) for k in columns])[graph.outputs[0]] for point in points]
    labels = (np.array(values) > 0).astype(np.int64)
    if len(set(labels.tolist())) < 2:
        raise FormulaError(f"'{formula}' has the same sign everywhere; add or subtract something.")
    return points, labels


class Playground:
    """A network in training on points; one thread at a time steps it, others wait.

    Parameters
    ----------
    points : (n, 2) float32 array
        Within the span.
    labels : (n,) int64 array
        0 or 1.
    engine : NativeEngine
        The network with its loss and optimiser.
    seed : int
        Of the order of the points.
    """

    def __init__(self, points: Points, labels: NDArray[np.int64], engine: NativeEngine, seed: int) -> None:
        self.points, self.labels, self.engine, self.seed = points, labels, engine, seed
        self.taken, self.lock = 0, threading.Lock()
        self._grids: dict[int, Points] = {}

    def step(self, count: int, rate: float, *, surface: int = 60, units: int = 24) -> Played:
        """Take `count` steps of 32 points each at a learning rate, and look at the plane.

        Parameters
        ----------
        count : int
            0 to 1,000.
        rate : float
            From 0 to 100.
        surface, units : int
            Sides of the grids that are looked at; no units for 0.

        Raises
        ------
        TrainingError
            The steps or the rate are out of range, or the loss is no longer finite.
        """
        if not (0 <= count <= _STEPS and 0 <= rate <= 100):
            raise TrainingError(f"A call takes 0 to {_STEPS} steps at a rate from 0 to 100. Got {count} at {rate:g}.")
        with self.lock:
            for _ in range(count):
                rng = np.random.default_rng((self.seed, self.taken))
                rows = rng.integers(0, len(self.points), min(_BATCH, len(self.points)))
                batch = Batch(self.points[rows], self.labels[rows], key=(self.seed, self.taken))
                with np.errstate(all="ignore"):
                    self.engine.step(batch, rate)
                self.taken += 1
            return self._look(surface, units)

    def _look(self, surface: int, units: int) -> Played:
        network, loss = self.engine.network, self.engine.loss
        scores = network.infer(self.points)
        if not np.isfinite(scores).all():
            raise TrainingError(
                f"The training has diverged at step {self.taken}: choose a smaller rate and start again."
            )
        mean, _ = loss.loss(scores, self.labels)
        right = float((scores.argmax(axis=1) == self.labels).mean())
        shares = loss.probabilities(network.infer(self._grid(surface)))
        seen = {}
        if units:
            found = network.activations(self._grid(units))
            seen = {name: values.T.reshape(-1, units, units) for name, values in found.items()}
        return Played(self.taken, float(mean), right, (shares[:, 1] - shares[:, 0]).reshape(surface, surface), seen)

    def _grid(self, side: int) -> Points:
        """The middles of side x side squares of the plane, from the upper left, row by row."""
        if side not in self._grids:
            places = (np.arange(side) + 0.5) / side * 2 * SPAN - SPAN
            across, down = np.meshgrid(places, -places)
            self._grids[side] = np.column_stack([across.ravel(), down.ravel()]).astype(np.float32)
        return self._grids[side]


def make_playground(
    points: Sequence[Sequence[float]] | Points,
    labels: Sequence[int] | NDArray[np.int64],
    network: str,
    *,
    optimizer: str = "adam",
    seed: int = 0,
) -> Playground:
    """A playground at its start.

    Parameters
    ----------
    points : (n, 2) array
        2 to 2,000 points; what lies outside the span is brought to its edge.
    labels : (n,) array
        0 or 1, each at least once.
    network : str
        In arrow notation, from two numbers to two classes: "linear 8 -> tanh -> linear".
    optimizer : str
        "sgd", "adam", ...
    seed : int
        Of the weights and the order.

    Raises
    ------
    GlassnetError
        The points, the network or the optimiser cannot be used, or the network is too large to play with.
    """
    x, y = np.asarray(points, np.float32), np.asarray(labels, np.int64)
    if x.ndim != 2 or x.shape[1:] != (2,) or y.shape != x.shape[:1] or not 2 <= len(x) <= _MOST_POINTS:
        raise DataError(f"A playground has 2 to {_MOST_POINTS} points of two numbers, each with a label.")
    if not np.isfinite(x).all() or set(y.tolist()) != {0, 1}:
        raise DataError("A playground has points of two kinds, 0 and 1, at least one of each.")
    if len(network) > _LONGEST or any(int(n) > _LARGEST for n in re.findall(r"\d+", network)):
        raise NotationError(
            f"A network to play with has at most {_LARGEST} units in a layer, in {_LONGEST} characters."
        )
    made = Network(network, (2,), 2, seed=seed)
    if made.size > _WEIGHTS or made.output_shape != (2,):
        raise NotationError(f"A network to play with ends in two classes and has at most {_WEIGHTS:,} weights.")
    engine = NativeEngine(made, SoftmaxCrossEntropy(), make_optimizer(optimizer, lr=0.01))
    return Playground(x.clip(-SPAN, SPAN), y, engine, seed)
