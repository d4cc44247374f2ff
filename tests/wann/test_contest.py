"""What training makes of a topology: the networks that it is compared with, pruning, and their intervals."""

from __future__ import annotations

import numpy as np
import pytest

from glassnet.metrics import holm, paired_difference
from glassnet.nn.functional import ACTIVATIONS
from glassnet.wann import Found, Graph, Plan
from glassnet.wann.contest import LEVELS, RATES, WIDTH, contest, pruning
from glassnet.wann.controls import dense, random_like, thinned, width_of_connections, width_of_parameters
from glassnet.wann.folder import begin, splits_of
from glassnet.wann.layer import drawn, network_of
from glassnet.wann.training import gain_of, train


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Found:
    return begin(tmp_path_factory.mktemp("wann") / "run", "digits", Plan(population=10), 4, limit=300)


def test_dense_networks_are_as_large_as_they_can_come_to_it() -> None:
    graph = dense(64, 5, 10)
    assert graph.connections == 5 * 65 + 10 * 6
    assert [width_of_connections(graph), width_of_parameters(graph)] == [5, 5]
    assert graph.depth == 2 and (graph.codes[:5] == ACTIVATIONS.index("relu")).all()
    sparse = Graph.of(64, 10, [("tanh", [0])] * 10)
    assert [width_of_connections(sparse), width_of_parameters(sparse)] == [1, 1]
    biased = Graph.of(2, 1, [("tanh", [2])] * 40 + [("linear", list(range(2, 43)))])  # 40 connections, 81 parameters
    assert width_of_connections(biased) == 13 and width_of_parameters(biased) == 20


@pytest.mark.parametrize("seed", range(20))
def test_random_topologies_have_the_same_size(seed: int) -> None:
    rng = np.random.default_rng(seed)
    hidden, outputs = int(rng.integers(0, 12)), int(rng.integers(1, 4))
    units = [("tanh", np.flatnonzero(rng.random(6 + min(u, hidden)) < 0.5).tolist()) for u in range(hidden + outputs)]
    graph = Graph.of(5, outputs, units)
    made = random_like(graph, rng)
    Graph.from_dict(made.to_dict())
    assert made.hidden == graph.hidden and made.used().sum() >= hidden + outputs
    fewest = 2 * hidden + outputs  # so many are drawn where that is more
    assert made.connections == graph.connections or graph.connections < fewest
    assert (np.diff(made.start) > 0).all()


def test_what_is_thinned_keeps_its_sources() -> None:
    graph = dense(3, 2, 2)
    keep = np.zeros(graph.connections, bool)
    keep[[0, 5, 8]] = True
    made = thinned(graph, keep)
    assert made.to_dict()["units"] == [["relu", [0]], ["relu", [1]], ["linear", [3]], ["linear", []]]
    Graph.from_dict(made.to_dict())


def test_training_learns_and_repeats_its_bits(found: Found) -> None:
    splits = splits_of(found.plan)
    graph = dense(64, 8, 10)
    weights = drawn(graph, np.random.default_rng(0))
    one, again = (train(graph, weights, splits, rate=0.03, epochs=12, seed=1) for _ in range(2))
    np.testing.assert_array_equal(one.weights, again.weights)
    assert one.right.mean() > 0.6 and one.valid > 0.6 and len(one.right) == 360
    assert (one.weights != weights).any() and one.weights.dtype == np.float32


def test_scores_are_brought_to_one_spread(found: Found) -> None:
    """2 over the standard deviation of scores less the mean of each example's; that of constants is left alone."""
    splits = splits_of(found.plan)
    graph = dense(64, 8, 10)
    weights = drawn(graph, np.random.default_rng(0))
    network = network_of(graph, weights, (8, 8, 1), gain=gain_of(graph, weights, splits))
    scores = network.forward(splits.train.images / np.float32(255))
    assert (scores - scores.mean(axis=1, keepdims=True)).std() == pytest.approx(2, rel=1e-4)
    assert gain_of(graph, np.zeros_like(weights), splits) == 1.0


def test_a_contest(found: Found) -> None:
    splits = splits_of(found.plan)
    told: list[tuple[int, int]] = []
    result = contest(found, splits, 1.0, seeds=2, epochs=1, on_done=lambda done, of: told.append((done, of)))
    sides = result["sides"]
    assert told[-1] == (len(sides) * (3 * 2 * len(RATES) + 2),) * 2
    assert sides[0]["connections"] == sides[1]["connections"] == found.graph.connections
    for side in sides:
        assert side["rate"] in RATES and len(side["accuracy"]) == 2
        assert side["mean"] == pytest.approx(np.mean(side["accuracy"]))
        low, high = side["interval"]  # t of 0.95 and one degree of freedom is 12.706
        half = 12.706 * abs(np.subtract(*side["accuracy"])) / 2
        assert high == pytest.approx(min(1, side["mean"] + half), rel=1e-3) and low <= side["mean"]
    for pair, side in zip(result["differences"], sides[1:], strict=True):
        assert pair["other"] == side["name"] and pair["difference"] == pytest.approx(sides[0]["mean"] - side["mean"])
    assert [pair["p_corrected"] for pair in result["differences"]] == pytest.approx(
        holm([pair["p"] for pair in result["differences"]])
    )
    # the same, worked out here for one pair
    graph = found.graph
    rows = []
    for seed in range(2):
        start = np.full(graph.connections, 1.0, np.float32)
        gain = gain_of(graph, start, splits) if sides[0]["spread"] else 1.0
        rows.append(train(graph, start, splits, rate=sides[0]["rate"], epochs=1, seed=seed, gain=gain).right)
    assert [row.mean() for row in rows] == sides[0]["accuracy"]
    assert paired_difference(np.array(rows), np.array(rows)).value == 0


def test_processes_change_nothing(found: Found) -> None:
    splits = splits_of(found.plan)
    one, two = (contest(found, splits, 1.0, seeds=2, epochs=1, jobs=jobs) for jobs in (1, 2))
    assert one == two


def test_pruning(found: Found) -> None:
    result = pruning(found, splits_of(found.plan), seeds=2, epochs=2)
    levels = result["levels"]
    whole = dense(64, WIDTH, 10).connections
    assert [level["removed"] for level in levels] == [0, *LEVELS]
    assert [level["connections"] for level in levels] == [round((1 - removed) * whole) for removed in (0, *LEVELS)]
    assert levels[0]["rewound"] == levels[0]["random"]
    assert levels[3]["rewound"]["mean"] > levels[3]["random"]["mean"]  # of 90 % removed
