"""Hints of what changes of a topology would do: predictions against derivatives, trials against what comes of them."""

from __future__ import annotations

import numpy as np
import pytest

from glassnet.nn.functional import ACTIVATIONS, graph_forward
from glassnet.wann import WEIGHTS, Graph, judge
from glassnet.wann.hints import hints
from glassnet.wann.judge import SHARPNESS, columns, merged
from glassnet.wann.mutate import applied
from glassnet.wann.propose import proposals

SMOOTH = ("linear", "sin", "cos", "gauss", "tanh", "sigmoid", "inverse")


def case(seed: int, words: tuple[str, ...] = ACTIVATIONS) -> tuple[Graph, np.ndarray, np.ndarray]:
    """A graph of 5 inputs, 6 units on two levels and 3 outputs, examples, labels."""
    rng = np.random.default_rng(seed)
    units = []
    for unit in range(9):
        before = 6 if unit < 3 else 9 if unit < 6 else 12
        sources = np.flatnonzero(rng.random(before) < 0.4)
        units.append((str(rng.choice(words)), sources.tolist() or [int(rng.integers(before))]))
    return Graph.of(5, 3, units), columns(rng.random((40, 5)).astype(np.float32)), rng.integers(0, 3, 40)


def loss_with(
    graph: Graph, x: np.ndarray, labels: np.ndarray, node: int, unit: int, part: float, gains: list[float]
) -> float:
    """The mean loss with a connection of `part` times the shared weight more, the scores multiplied by `gains`."""
    units = [(word, list(sources)) for word, sources in graph.to_dict()["units"]]
    again = node in units[unit][1]
    if not again:
        units[unit][1].append(node)
    made = Graph.of(graph.inputs, graph.outputs, units)
    edge = made.start[unit] + int(np.flatnonzero(made.sources(unit) == node)[0])
    total = 0.0
    for shared, gain in zip(WEIGHTS, gains, strict=True):
        weights = np.full(made.connections, shared)
        weights[edge] = shared * (part + again)
        topology = made.codes, made.start, made.source
        y = graph_forward(x[:-1].T.astype(np.float64), *topology, weights, graph.outputs)[0] * gain
        total += (np.log(np.exp(y).sum(axis=1)) - y[np.arange(len(y)), labels]).mean()
    return total / len(WEIGHTS)


def gains_of(graph: Graph, x: np.ndarray) -> list[float]:
    gains = []
    for shared in WEIGHTS:
        topology, weights = (graph.codes, graph.start, graph.source), np.full(graph.connections, shared)
        y = graph_forward(x[:-1].T.astype(np.float64), *topology, weights, graph.outputs)[0]
        gains.append(SHARPNESS / (y - y.mean(axis=1, keepdims=True)).std())
    return gains


@pytest.mark.parametrize("seed", range(4))
def test_predictions_are_derivatives(seed: int) -> None:
    """To first order those of the loss by the weight of a connection, against central differences; of linear outputs,
    which have no curvature of their own, to second order too.
    """
    graph, x, labels = case(seed, SMOOTH)
    known, gains, step = hints(graph, x, labels), gains_of(graph, x), 1e-3
    for unit in range(len(graph.codes)):
        for node in range(graph.first + min(unit, graph.hidden)):
            below, here, above = (loss_with(graph, x, labels, node, unit, part, gains) for part in (-step, 0.0, step))
            slope = (known.added[node, unit] - known.removed[node, unit]) / 2
            assert slope == pytest.approx((above - below) / (2 * step), rel=2e-3, abs=2e-4)
            if unit >= graph.hidden and ACTIVATIONS[graph.codes[unit]] == "linear":
                bend = known.added[node, unit] + known.removed[node, unit]
                assert bend == pytest.approx((above - 2 * here + below) / step**2, rel=1e-2, abs=1e-2)


@pytest.mark.parametrize("seed", range(4))
def test_what_is_tried_is_what_comes_of_it(seed: int) -> None:
    graph, x, labels = case(seed)
    known = hints(graph, x, labels)
    np.testing.assert_allclose(known.judged.loss[0], judge([graph], x, labels).loss[0], rtol=1e-6)
    changes = proposals(known, 100, 5, np.random.default_rng(seed))
    tried = known.tried(changes)
    made = [applied(graph, changes[[place]], 5) for place in range(len(changes))]
    wanted = judge([graph for graph in made if graph is not None], x, labels)
    assert len(wanted.loss) == len(changes) and len({*changes.between.tolist()}) > 5
    np.testing.assert_allclose(tried.loss, wanted.loss, rtol=5e-3)  # equal scores have a spread of roundings
    assert np.abs(tried.accuracy - wanted.accuracy).mean() < 1e-3  # scores that are equal but for roundings


def test_predictions_of_units_are_those_of_what_they_add() -> None:
    graph, x, labels = case(1)
    known = hints(graph, x, labels)
    rng = np.random.default_rng(0)
    units, nodes, codes = rng.integers(9, size=30), rng.integers(9, size=30), rng.integers(10, size=30)
    times = rng.choice([-1.0, 0.0], 30).astype(np.float32)
    w = np.repeat(known.weights, 40)
    for unit, node, time, code, found in zip(
        units, nodes, times, codes, known.between(units, nodes, times, codes), strict=True
    ):
        given = np.tile(x[node], 6) if node < 6 else known.values[node - 6]
        f = {"linear": lambda z: z, "step": lambda z: z > 0, "sin": np.sin, "cos": np.cos,
             "gauss": lambda z: np.exp(-z * z / 2), "tanh": np.tanh, "sigmoid": lambda z: 1 / (1 + np.exp(-z)),
             "inverse": np.negative, "abs": np.abs, "relu": lambda z: np.maximum(z, 0)}[ACTIVATIONS[code]]  # fmt: skip
        added = f(w * given) + time * given
        wanted = (known.errors[unit] * added).sum() + (known.bends[unit] * added**2).sum() / 2
        assert found == pytest.approx(wanted, rel=1e-4, abs=1e-5)


def test_hints_find_the_connection_that_helps_most() -> None:
    """Class 1 is told by input 2 alone; of all connections from inputs to its output that one is predicted best."""
    rng = np.random.default_rng(3)
    rows = rng.random((200, 4)).astype(np.float32)
    labels = (rows[:, 2] > 0.5).astype(np.int64)
    graph = Graph.of(4, 2, [("abs", [0]), ("abs", [1])])
    known = hints(graph, columns(rows), labels)
    assert known.added[:4, 1].argmin() == 2 and known.added[2, 0] > known.added[2, 1]


def test_equal_units_are_computed_once() -> None:
    one = Graph.of(2, 2, [("tanh", [0]), ("sin", [3]), ("linear", [3]), ("cos", [4])])
    other = Graph.of(2, 2, [("sin", [1]), ("tanh", [0]), ("linear", [4]), ("cos", [3])])
    graph, outputs = merged([one, other])
    assert len(graph.codes) == 4 + 2  # sin of 1, and cos of that
    assert outputs[0, 0] == outputs[1, 0] and outputs[0, 1] != outputs[1, 1]
