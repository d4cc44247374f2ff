"""Topologies: mutations, ranking, and the layer that trains one."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from glassnet.check import check_network
from glassnet.errors import ModelError, NotationError
from glassnet.nn import Network, SoftmaxCrossEntropy
from glassnet.nn.functional import ACTIVATIONS
from glassnet.wann import Examples, Graph, Plan, scores
from glassnet.wann.hints import hints
from glassnet.wann.judge import columns
from glassnet.wann.layer import drawn, network_of
from glassnet.wann.mutate import Changes, applied, first_graph
from glassnet.wann.propose import proposals
from glassnet.wann.rank import fronts, ranking
from glassnet.wann.search import family


def checked(graph: Graph) -> Graph:
    """The graph, made anew from its plain form, which refuses circles, equal connections and ways out of outputs."""
    again = Graph.from_dict(graph.to_dict())
    for name in ("codes", "start", "source"):
        np.testing.assert_array_equal(getattr(again, name), getattr(graph, name))
        assert getattr(graph, name).dtype == np.int32
    return graph


def change(graph: Graph, unit: int, node: int = 0, times: int = 0, between: str = "", code: str = "") -> Changes:
    """One change."""
    new = ACTIVATIONS.index(between) if between else -1
    own = ACTIVATIONS.index(code) if code else graph.codes[unit]
    return Changes(np.array([unit]), np.array([node]), np.float32([times]), np.array([new]), np.array([own]))


CHAIN = [("tanh", [0]), ("tanh", [2]), ("linear", [3])]  # input 0, constant 1, units 2 and 3, the output


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ({"unit": 2, "node": 0, "times": 1}, [("tanh", [0]), ("tanh", [2]), ("linear", [0, 3])]),
        ({"unit": 0, "node": 1, "times": 1}, [("tanh", [0, 1]), ("tanh", [2]), ("linear", [3])]),
        ({"unit": 1, "node": 0, "times": 1, "code": "cos"}, [("tanh", [0]), ("cos", [0, 2]), ("linear", [3])]),
        ({"unit": 2, "code": "abs"}, [("tanh", [0]), ("tanh", [2]), ("abs", [3])]),
        ({"unit": 2, "node": 3, "times": -1, "between": "sin"}, [*CHAIN[:2], ("sin", [3]), ("linear", [4])]),
        ({"unit": 2, "node": 1, "between": "sin"}, [("tanh", [0]), ("sin", [1]), ("tanh", [2]), ("linear", [3, 4])]),
        ({"unit": 2, "node": 3, "times": -1}, [("linear", [])]),  # the others lead nowhere then
        ({"unit": 0, "node": 3, "times": 1}, None),  # a circle
        ({"unit": 1, "node": 2, "times": -1, "between": "sin", "depth": 3}, None),  # too deep
    ],
)
def test_changes_do_what_they_say(given: dict[str, Any], wanted: list[tuple[str, list[int]]] | None) -> None:
    graph = Graph.of(1, 1, CHAIN)
    depth = given.pop("depth", 9)
    made = applied(graph, change(graph, **given), depth)
    assert (made and checked(made).to_dict()) == (wanted and Graph.of(1, 1, wanted).to_dict())


def test_several_changes_at_once() -> None:
    graph = Graph.of(1, 1, CHAIN)
    parts = [change(graph, 2, 0, 1), change(graph, 2, 0, 1), change(graph, 0, code="sin"), change(graph, 1, 2, -1)]
    made = applied(graph, Changes.joined(parts), 3)
    assert made is not None and checked(made).to_dict()["units"] == [["tanh", []], ["linear", [0, 2]]]


@pytest.mark.parametrize("seed", range(2))
def test_what_is_proposed_leaves_a_graph(seed: int) -> None:
    """Each by itself; together they may close a circle. Every connection that may be made is proposed at some time."""
    rng = np.random.default_rng(seed)
    graph, depth = first_graph(6, 3, 0.3, rng), 4
    x, labels = columns(rng.random((20, 6), np.float32)), rng.integers(0, 3, 20)
    for _ in range(40):
        changes = proposals(hints(graph, x, labels), 60, depth, rng)
        for place in range(len(changes)):
            made = applied(graph, changes[[place]], depth)
            assert made is not None and checked(made).depth <= depth
        grown = applied(graph, changes[rng.integers(len(changes), size=3)], depth)
        graph = grown if grown is not None else graph
    assert graph.hidden > 3
    level, height, first = graph.levels(), graph.heights(), graph.first
    may = {
        (node, unit)
        for node in range(first + graph.hidden)
        for unit in range(len(graph.codes))
        if node not in graph.sources(unit)
        and node != first + unit
        and (level[node] <= level[first + unit] or unit >= graph.hidden)
        and level[node] + 1 + height[first + unit] <= depth
    }
    changes = proposals(hints(graph, x, labels), 150_000, depth, rng)
    added = changes.times > 0
    assert set(zip(changes.nodes[added].tolist(), changes.units[added].tolist(), strict=True)) == may


def test_a_unit_inserted_into_a_linear_connection_changes_nothing_at_weight_one() -> None:
    rng = np.random.default_rng(1)
    graph = Graph.of(2, 1, [("tanh", [0, 2]), ("linear", [1, 3])])
    made = applied(graph, change(graph, 1, 3, -1, "linear"), 3)
    assert made is not None and made.hidden == 2
    x = columns(rng.standard_normal((5, 2)).astype(np.float32))
    np.testing.assert_allclose(scores(made, x, [1.0]), scores(graph, x, [1.0]), atol=1e-6)


def test_fronts_are_those_of_the_definition() -> None:
    assert fronts([[1, 1], [2, 0], [0, 2], [0, 0], [1, 0]]).tolist() == [0, 0, 0, 2, 1]
    assert ranking([[1, 1], [2, 0], [0, 2], [0, 0], [1, 0]]).tolist() == [1, 0, 2, 4, 3]
    values = np.random.default_rng(0).integers(0, 5, (60, 2))
    found = fronts(values)

    def beats(a: np.ndarray, b: np.ndarray) -> bool:
        return bool((a >= b).all() and (a > b).any())

    for place, front in enumerate(found):
        above = [other for other in range(60) if beats(values[other], values[place])]
        assert front == max((found[other] + 1 for other in above), default=0)
    order = ranking(values)
    assert all((found[a], -values[a, 0]) <= (found[b], -values[b, 0]) for a, b in pairwise(order))


def test_levels_depth_and_use() -> None:
    graph = Graph.of(2, 2, [("tanh", [0]), ("sin", [3]), ("cos", [1]), ("linear", [4]), ("linear", [])])
    assert graph.levels().tolist() == [0, 0, 0, 1, 2, 1, 3, 0]
    assert graph.heights().tolist() == [3, 1, 0, 2, 1, 0, 0, 0]
    assert graph.used().tolist() == [True, False, False, True, True, False, True, True]
    assert graph.depth == 3 and graph.hidden == 3 and "3 units" in repr(graph)


@pytest.mark.parametrize(
    "units",
    [[("tanh", [4]), ("linear", [])], [("linear", [0, 0])], [("nonsense", [])], [("linear", [0]), ("tanh", [3])]],
)
def test_what_is_no_graph(units: list[tuple[str, list[int]]]) -> None:
    with pytest.raises(ModelError):
        Graph.of(2, 2 if len(units) == 2 and units[1][1] == [3] else 1, units)
    with pytest.raises(ModelError):
        Graph.from_dict({"inputs": 2})


def test_a_dense_graph_is_the_network_of_layers() -> None:
    """Scores and every gradient of `linear 4 -> relu -> linear 3`, its biases being connections from the constant."""
    rng = np.random.default_rng(0)
    plain = Network("linear 4 -> relu -> linear 3", (5,), dtype=np.float64)
    for array in plain.arrays().values():
        array += rng.standard_normal(array.shape)
    units = [("relu", range(6))] * 4 + [("linear", [5, 6, 7, 8, 9])] * 3
    graph = Graph.of(5, 3, units)
    names = [f"{layer}.linear.{name}" for layer in (1, 3) for name in ("weight", "bias")]

    def flat(arrays: list[np.ndarray]) -> np.ndarray:
        first, one, second, other = arrays
        return np.concatenate([np.vstack([first, one]).T.ravel(), np.vstack([other, second]).T.ravel()])

    made = network_of(graph, flat([plain.parameters()[name].value for name in names]), (5,), np.float64)
    x = rng.standard_normal((7, 5))
    np.testing.assert_allclose(made.forward(x, train=True), plain.forward(x, train=True), atol=1e-12)
    dy = rng.standard_normal((7, 3))
    np.testing.assert_allclose(
        made.backward(dy, input_gradient=True), plain.backward(dy, input_gradient=True), atol=1e-12
    )
    (weight,) = made.parameters().values()
    np.testing.assert_allclose(weight.grad, flat([plain.parameters()[name].grad for name in names]), atol=1e-12)


def test_the_layer_passes_the_check_of_every_network() -> None:
    rng = np.random.default_rng(2)
    graph = first_graph(8, 3, 0.4, rng)
    x, labels = columns(rng.random((20, 8), np.float32)), rng.integers(0, 3, 20)
    for _ in range(10):
        graph = family(graph, Examples(x, labels), Plan(siblings=1, depth=5), rng)[0]
    network = network_of(graph, drawn(graph, rng) + 0.1, (2, 2, 2), np.float64, gain=3.0)
    result = check_network(network, rng.random((4, 2, 2, 2)), rng.integers(0, 3, 4), SoftmaxCrossEntropy())
    assert result.passed, str(result)
    layer = network.layers[1]
    rows = rng.random((4, 8))
    np.testing.assert_allclose(layer.forward(rows), layer.reference(rows), atol=1e-12)
    assert layer.flops == 2 * graph.connections + len(graph.codes) and "graph" in repr(layer)
    with pytest.raises(NotationError, match="8 inputs"):
        network_of(graph, drawn(graph, rng), (3, 3, 1))


def test_drawn_weights_have_the_variance_of_their_unit() -> None:
    units = [("relu", range(201))] * 50 + [("tanh", range(201))] * 50 + [("linear", [201])]
    graph = Graph.of(200, 1, units)
    weights = drawn(graph, np.random.default_rng(0))
    rows = weights[:-1].reshape(100, 201)
    assert (rows[:, 200] == 0).all() and rows.dtype == np.float32
    assert rows[:50, :200].std() == pytest.approx(np.sqrt(2 / 201), rel=0.03)
    assert rows[50:, :200].std() == pytest.approx(np.sqrt(1 / 201), rel=0.03)


def test_the_activations_of_the_paper() -> None:
    assert len(set(ACTIVATIONS)) == 10
