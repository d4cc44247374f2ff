"""Topologies: mutations, ranking, and the layer that trains one."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from glassnet.check import check_network
from glassnet.errors import ModelError, NotationError
from glassnet.nn import Network, SoftmaxCrossEntropy
from glassnet.nn.functional import ACTIVATIONS
from glassnet.wann import Graph, mutate
from glassnet.wann.layer import drawn, network_of
from glassnet.wann.mutate import add_connection, change_activation, first_graph, insert_unit
from glassnet.wann.rank import fronts, ranking


def checked(graph: Graph) -> Graph:
    """The graph, made anew from its plain form, which refuses circles, equal connections and ways out of outputs."""
    again = Graph.from_dict(graph.to_dict())
    for name in ("codes", "start", "source"):
        np.testing.assert_array_equal(getattr(again, name), getattr(graph, name))
        assert getattr(graph, name).dtype == np.int32
    return graph


def edges(graph: Graph) -> int:
    return graph.connections


@pytest.mark.parametrize("seed", range(5))
def test_mutations_do_what_they_say_and_leave_a_graph(seed: int) -> None:
    rng = np.random.default_rng(seed)
    graph = first_graph(6, 3, 0.3, rng)
    for _ in range(150):
        inserted = checked(insert_unit(graph, rng))
        if graph.connections:
            assert (inserted.hidden, edges(inserted)) == (graph.hidden + 1, edges(graph) + 1)
        added = checked(add_connection(graph, rng))
        assert added.hidden == graph.hidden and edges(added) - edges(graph) in (0, 1)
        changed = checked(change_activation(graph, rng))
        assert (changed.codes != graph.codes).sum() == 1 and edges(changed) == edges(graph)
        graph = checked(mutate(graph, rng, 0.5))


def test_a_unit_inserted_into_a_linear_connection_changes_nothing_at_weight_one() -> None:
    from glassnet.nn.functional import graph_forward

    rng = np.random.default_rng(1)
    graph = Graph.of(2, 1, [("tanh", [0, 2]), ("linear", [1, 3])])
    x = rng.standard_normal((5, 2))
    before = graph_forward(x, graph.codes, graph.start, graph.source, np.ones(graph.connections), 1)[0]
    for _ in range(20):
        made = insert_unit(graph, rng)
        new = [unit for unit in range(2) if made.codes[unit] == 0]
        if new:  # the one that was inserted is linear
            after = graph_forward(x, made.codes, made.start, made.source, np.ones(made.connections), 1)[0]
            np.testing.assert_allclose(after, before, atol=1e-12)


def test_every_pair_that_closes_no_circle_can_be_connected() -> None:
    """A chain a -> b with c beside it: a, b and c in any order but b -> a; at the end c stands before or behind."""
    graph = Graph.of(1, 1, [("tanh", [0]), ("tanh", [2]), ("tanh", [0]), ("linear", [3, 4])])
    seen = set()
    for seed in range(400):
        made = checked(add_connection(graph, np.random.default_rng(seed)))
        assert edges(made) == edges(graph) + 1
        seen.add(str(made.to_dict()["units"]))
    # sources: a of 1, c | b of 0, 1, c | c of 1, a, b | the output of 0, 1, a
    assert len(seen) == 2 + 3 + 3 + 3


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
    for _ in range(40):
        graph = mutate(graph, rng)
    network = network_of(graph, drawn(graph, rng) + 0.1, (2, 2, 2), np.float64)
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
