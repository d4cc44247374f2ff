"""Graphs of single units: both passes, and many graphs with one shared weight."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from glassnet.check.numerical import gradient_error, numerical_gradient
from glassnet.errors import GlassnetError
from glassnet.nn import functional as F
from glassnet.wann import Graph, judge, scores
from glassnet.wann.judge import SHARPNESS, columns
from support.gradients import GRADIENT_TOLERANCE, TORCH_TOLERANCE, torch_or_skip

GRAPHS = 100
KINKS = ("step", "abs", "relu")
STEP = 1e-6


def random_graph(rng: np.random.Generator) -> Graph:
    """Any graph of up to 6 inputs, 12 units and 4 outputs; some units have no sources, some lead nowhere."""
    inputs, hidden, outputs = int(rng.integers(1, 7)), int(rng.integers(0, 13)), int(rng.integers(1, 5))
    units = []
    for unit in range(hidden + outputs):
        before = inputs + 1 + min(unit, hidden)
        sources = np.flatnonzero(rng.random(before) < rng.uniform(0.1, 0.6))
        units.append((str(rng.choice(F.ACTIVATIONS)), sources.tolist()))
    return Graph.of(inputs, outputs, units)


def case(seed: int) -> tuple[Graph, np.ndarray, np.ndarray, np.ndarray]:
    """A graph, three examples, weights and an upstream gradient, no unit within 1e-4 of a kink."""
    rng = np.random.default_rng(seed)
    while True:
        graph = random_graph(rng)
        x, weights = rng.standard_normal((3, graph.inputs)), rng.standard_normal(graph.connections)
        sums = np.array(F.graph_forward_naive(x, graph.codes, graph.start, graph.source, weights, graph.outputs)[1])
        bent = np.isin(graph.codes, [F.ACTIVATIONS.index(word) for word in KINKS]) & (np.diff(graph.start) > 0)
        if not (np.abs(sums[:, bent]) < 1e-4).any():
            return graph, x, weights, rng.standard_normal((3, graph.outputs))


def passes(graph: Graph, x: np.ndarray, weights: np.ndarray, dy: np.ndarray) -> tuple[Any, Any, Any]:
    y, cache = F.graph_forward(x, graph.codes, graph.start, graph.source, weights, graph.outputs)
    return y, *F.graph_backward(dy, cache)


def test_gradients_of_a_hundred_graphs_against_central_differences() -> None:
    worst = 0.0
    for seed in range(GRAPHS):
        graph, x, weights, dy = case(seed)
        _, dx, dw = passes(graph, x, weights, dy)

        def of_x(value: np.ndarray, graph: Graph = graph, weights: np.ndarray = weights) -> Any:
            return F.graph_forward(value, graph.codes, graph.start, graph.source, weights, graph.outputs)[0]

        def of_weights(value: np.ndarray, graph: Graph = graph, x: np.ndarray = x) -> Any:
            return F.graph_forward(x, graph.codes, graph.start, graph.source, value, graph.outputs)[0]

        for gradient, array, f in ((dx, x, of_x), (dw, weights, of_weights)):
            if array.size:
                worst = max(worst, gradient_error(gradient, numerical_gradient(f, array, dy, STEP), floor=1e-2))
    assert worst <= GRADIENT_TOLERANCE, worst


def test_gradients_of_a_hundred_graphs_against_pytorch() -> None:
    torch = torch_or_skip()
    functions = {
        "linear": lambda z: z, "step": lambda z: (z > 0).double(), "sin": torch.sin, "cos": torch.cos,
        "gauss": lambda z: torch.exp(-(z**2) / 2), "tanh": torch.tanh, "sigmoid": torch.sigmoid,
        "inverse": torch.neg, "abs": torch.abs, "relu": torch.relu,
    }  # fmt: skip
    for seed in range(GRAPHS):
        graph, x, weights, dy = case(seed)
        y, dx, dw = passes(graph, x, weights, dy)
        leaf, w = torch.tensor(x, requires_grad=True), torch.tensor(weights, requires_grad=True)
        nodes = [*leaf.T, torch.ones(3, dtype=torch.double)]
        for unit, code in enumerate(graph.codes):
            z = torch.zeros(3, dtype=torch.double)
            for edge in range(graph.start[unit], graph.start[unit + 1]):
                z = z + w[edge] * nodes[graph.source[edge]]
            nodes.append(functions[F.ACTIVATIONS[code]](z))
        out = torch.stack(nodes[-graph.outputs :], dim=1)
        (out * torch.tensor(dy)).sum().backward() if out.requires_grad else None
        for ours, theirs in ((y, out.detach()), (dx, leaf.grad), (dw, w.grad)):
            wanted = np.zeros_like(ours) if theirs is None else theirs.numpy()
            assert ours.size == 0 or np.abs(ours - wanted).max() <= TORCH_TOLERANCE * max(1, np.abs(wanted).max())


@pytest.mark.parametrize("seed", range(10))
def test_both_passes_are_their_references(seed: int) -> None:
    graph, x, weights, dy = case(seed)
    y, dx, dw = passes(graph, x, weights, dy)
    topology = (graph.codes, graph.start, graph.source)
    np.testing.assert_allclose(y, F.graph_forward_naive(x, *topology, weights, graph.outputs)[0], atol=1e-12)
    wanted = F.graph_backward_naive(dy, x, *topology, weights)
    np.testing.assert_allclose(dx, wanted[0], atol=1e-11)
    np.testing.assert_allclose(dw, wanted[1], atol=1e-11)
    _, cache = F.graph_forward(x, *topology, weights, graph.outputs)
    none, again = F.graph_backward(dy, cache, input_gradient=False)
    assert none is None
    np.testing.assert_array_equal(again, dw)


def test_at_a_kink_the_slope_is_zero() -> None:
    for word, value in (("step", 0), ("abs", 0), ("relu", 0), ("linear", 0)):
        graph = Graph.of(1, 1, [(word, [0])])
        y, dx, dw = passes(graph, np.zeros((1, 1)), np.ones(1), np.ones((1, 1)))
        assert (y[0, 0], dw[0], dx[0, 0]) == (value, 0, float(word == "linear"))


def test_many_graphs_with_a_shared_weight() -> None:
    """As each of them by itself, with that weight on every connection, in blocks of any number of examples."""
    rng = np.random.default_rng(0)
    graphs = []
    while len(graphs) < 8:
        graph = random_graph(rng)
        graphs.append(Graph.of(5, 3, [(w, [s for s in sources if s < 6]) for w, sources in graph.to_dict()["units"]]
                               + [("tanh", [0, 5]), ("gauss", [1, 2]), ("linear", [3])]))  # fmt: skip
    x = rng.standard_normal((300, 5)).astype(np.float32)
    labels = rng.integers(0, 3, 300)
    weights = (-2.0, 0.5, 1.0)
    found = judge(graphs, columns(x), labels, weights)
    for graph, accuracy, loss in zip(graphs, found.accuracy, found.loss, strict=True):
        for k, weight in enumerate(weights):
            same = np.full(graph.connections, weight)
            topology = (graph.codes, graph.start, graph.source)
            y = F.graph_forward_naive(x, *topology, same, 3)[0]
            np.testing.assert_allclose(scores(graph, columns(x), weights)[k], y, rtol=1e-4, atol=1e-4)
            assert accuracy[k] == pytest.approx((y.argmax(axis=1) == labels).mean(), abs=0.011)
            y *= SHARPNESS / (y - y.mean(axis=1, keepdims=True)).std()
            log = y - np.log(np.exp(y).sum(axis=1, keepdims=True))
            assert loss[k] == pytest.approx(-log[np.arange(300), labels].mean(), rel=1e-4)


def test_of_equal_scores_the_first_class_is_the_answer() -> None:
    graph = Graph.of(1, 3, [("cos", []), ("cos", []), ("sin", [])])
    found = judge([graph], columns(np.zeros((3, 1), np.float32)), np.array([0, 1, 2]), [1.0])
    assert found.accuracy[0, 0] == pytest.approx(1 / 3)
    gain = SHARPNESS / np.sqrt(2 / 9)  # 1, 1 and 0 have this standard deviation
    assert found.loss[0, 0] == pytest.approx(np.log(2 * np.exp(gain) + 1) - gain * 2 / 3)


def test_wrong_arrays() -> None:
    graph = Graph.of(2, 1, [("tanh", [0, 1])])
    with pytest.raises(GlassnetError, match="a weight for each"):
        F.graph_forward(np.zeros((1, 2)), graph.codes, graph.start, graph.source, np.zeros(3), 1)


def test_the_loss_of_many_classes_is_finite() -> None:
    """Of 300 equal scores it is log 300; the masses of 128 examples would multiply to more than a float64 holds."""
    graph = Graph.of(1, 300, [("linear", [])] * 299 + [("cos", [])])
    found = judge([graph], columns(np.zeros((200, 1), np.float32)), np.zeros(200, np.int64), [1.0])
    gain = SHARPNESS / np.sqrt(299) * 300  # one of 300 is 1, the others 0
    assert found.loss[0, 0] == pytest.approx(np.log(299 + np.exp(gain)), rel=1e-5)
    found = judge([Graph.of(1, 300, [("linear", [])] * 300)], columns(np.zeros((200, 1), np.float32)),
                  np.zeros(200, np.int64), [1.0])  # fmt: skip
    assert found.loss[0, 0] == pytest.approx(np.log(300), rel=1e-6)
