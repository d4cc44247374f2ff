"""The search: that it gets better, resumes exactly, and what its folder holds."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from glassnet.data import Dataset
from glassnet.errors import DataError, GlassnetError, RecipeError, TrainingInterrupted
from glassnet.wann import WEIGHTS, Examples, Found, Graph, Plan, Search, examples_of, judge, judge_all
from glassnet.wann.folder import begin, go_on, splits_of
from glassnet.wann.judge import columns
from glassnet.wann.mutate import first_graph
from glassnet.wann.search import family
from glassnet.wann.show import figures, pixels, tuned_weight, vote

SMALL = Plan(population=12, seed=3)


def without_times(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{name: value for name, value in record.items() if "seconds" not in name} for record in records]


def stripes(rng: np.random.Generator, count: int) -> Examples:
    """Two classes that a graph tells apart whatever its weight is: whether the second input is the first's opposite."""
    a = rng.choice([-1.0, 1.0], count)
    labels = rng.integers(0, 2, count)
    return Examples(columns(np.stack([a, a * (1 - 2 * labels)], axis=1).astype(np.float32)), labels)


def test_it_finds_what_works_with_any_weight() -> None:
    """|w (a + b)| is above 0 for the first class and 0 for the second, whatever w is: 100 % with every weight."""
    rng = np.random.default_rng(0)
    search = Search(Plan(population=40), stripes(rng, 60), stripes(rng, 40), 2)
    records = []
    while search.best_accuracy.mean() < 1 and search.generation < 60:
        records.append(search.step())
    assert search.best_accuracy.min() == 1.0
    assert records[-1]["valid_mean"] == 1.0 and records[-1]["judged"] == 32
    means = [record["mean"] for record in records]
    assert means[-1] > means[0]


def test_children_are_no_deeper_than_allowed() -> None:
    rng = np.random.default_rng(1)
    search = Search(Plan(population=10, islands=1, depth=2, most=4), stripes(rng, 20), stripes(rng, 20), 2)
    for _ in range(15):
        search.step()
    assert max(graph.depth for graph in search.graphs) == 2 and max(graph.hidden for graph in search.graphs) > 0


def test_islands_keep_their_graphs_for_themselves() -> None:
    """Until generation `apart` every parent is of the island that its children are in."""
    rng = np.random.default_rng(2)
    search = Search(Plan(population=20, islands=2, apart=3, proposed=20), stripes(rng, 20), stripes(rng, 20), 2)
    units = {id(graph): number // 10 for number, graph in enumerate(search.graphs)}
    whose = [units[id(graph)] for graph in search.graphs]
    seen: list[list[int]] = []
    grow = search._families

    def followed(parents: list[Graph], train: Examples) -> list[list[Graph]]:
        seen.append([units[id(parent)] for parent in parents])
        families = grow(parents, train)
        for parent, children in zip(parents, families, strict=True):
            kept.extend(children)
            units.update({id(child): units[id(parent)] for child in children})
        return families

    kept = list(search.graphs)  # so that no number is given twice
    search._families = followed  # type: ignore[method-assign]
    for _ in range(3):
        search.step()
        assert [units[id(graph)] for graph in search.graphs] == whose
    assert seen == [[0, 1]] * 3


def test_jobs_change_nothing() -> None:
    rng = np.random.default_rng(2)
    examples = stripes(rng, 50)
    graphs = [first_graph(2, 2, 0.9, rng)]
    for _ in range(10):
        graphs = family(graphs[-1], examples, Plan(siblings=7, depth=5), rng)
    one, three = (judge_all(graphs, examples.x, examples.labels, jobs=jobs) for jobs in (1, 3))
    np.testing.assert_array_equal(one.accuracy, three.accuracy)
    np.testing.assert_array_equal(one.loss, three.loss)
    alone = judge(graphs[3:4], examples.x, examples.labels)
    np.testing.assert_array_equal(alone.accuracy[0], one.accuracy[3])


def test_many_examples_are_drawn_anew_for_each_generation() -> None:
    rng = np.random.default_rng(0)
    search = Search(Plan(population=10, islands=1, examples=30), stripes(rng, 60), stripes(rng, 40), 2)
    record = search.step()
    assert record["examples"] == 30 and record["judged"] == 8 + 10


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wann") / "run"
    begin(folder, "digits", SMALL, 8, limit=300)
    return folder


def test_stopped_and_resumed_it_ends_in_the_same_bits(run: Path, tmp_path: Path) -> None:
    whole = Found.open(run)
    stopped = tmp_path / "stopped"

    def interrupt(search: Search, record: dict[str, Any]) -> None:
        if record["generation"] == 5:
            raise KeyboardInterrupt

    with pytest.raises(TrainingInterrupted, match="kept"):
        begin(stopped, "digits", SMALL, 8, limit=300, on_generation=interrupt)
    assert len(Found.open(stopped).records) == 5
    again = go_on(stopped, jobs=2)
    assert without_times(again.records) == without_times(whole.records)
    assert again.graph.to_dict() == whole.graph.to_dict() and again.accuracy == whole.accuracy
    with np.load(run / "checkpoint.npz") as one, np.load(stopped / "checkpoint.npz") as other:
        for name in set(one.files) - {"records"}:
            np.testing.assert_array_equal(one[name], other[name])
    longer = go_on(stopped, generations=10)
    assert len(longer.records) == 10 and longer.plan["generations"] == 10


def test_the_folder_is_complete(run: Path) -> None:
    found = Found.open(run)
    assert {path.name for path in run.iterdir()} == {
        "search.json", "environment.json", "generations.jsonl", "checkpoint.npz", "network.json",
    }  # fmt: skip
    assert found.image_shape == (8, 8, 1) and found.plan["settings"]["population"] == 12
    splits = splits_of(found.plan, folder=run)
    assert splits.valid is not None
    valid = examples_of(splits.valid)
    accuracy = judge([found.graph], valid.x, valid.labels).accuracy[0]
    assert found.accuracy == pytest.approx(accuracy) and len(found.accuracy) == len(WEIGHTS)
    assert found.records[-1]["valid_mean"] == pytest.approx(accuracy.mean())
    assert found.to_dict()["generations"] == 8


def test_figures_are_those_of_the_test_part(run: Path) -> None:
    found = Found.open(run)
    splits = splits_of(found.plan)
    shown = figures(found, splits)
    assert splits.test is not None and splits.valid is not None
    test, valid = examples_of(splits.test), examples_of(splits.valid)
    assert shown["part"] == "test" and shown["examples"] == len(splits.test)
    curve = dict(zip(shown["curve"]["weights"], shown["curve"]["valid"], strict=True))
    assert shown["tuned"]["weight"] == tuned_weight(found.graph, valid)
    assert curve[shown["tuned"]["weight"]] == max(curve.values())
    assert shown["tried"] == pytest.approx(judge([found.graph], test.x, test.labels).accuracy.mean())
    assert abs(shown["random"]["mean"] - np.mean(shown["curve"]["accuracy"])) < 0.03  # both are means over -2 to 2
    low, high = shown["ensemble"]["interval"]
    assert low <= shown["ensemble"]["accuracy"] <= high


def test_the_vote_and_the_pixels() -> None:
    # class 0 has |w a|, class 1 always exp(0) = 1; of the last 0 is more probable (0.53) and has fewer votes
    graph = Graph.of(1, 2, [("abs", [0]), ("gauss", [])])
    x = columns(np.array([[1.5], [0.7], [0.99]], np.float32))
    assert vote(graph, Examples(x, np.zeros(3, np.int64))).tolist() == [0, 1, 1]
    # two classes with equal votes: for w < 0 class 1 is the surer
    even = Graph.of(1, 2, [("linear", [0]), ("gauss", [])])
    assert vote(even, Examples(columns(np.array([[3.0]], np.float32)), np.zeros(1, np.int64))).tolist() == [1]
    graph = Graph.of(4, 2, [("linear", [0]), ("tanh", [1, 3]), ("linear", [5]), ("linear", [2])])
    assert pixels(graph, (2, 2, 1)).tolist() == [[1, 0], [1, 0]]  # the second unit leads nowhere


def test_a_set_of_arrays_is_brought_to_a_size() -> None:
    """As Pillow does it, to a grey value."""
    image = pytest.importorskip("PIL.Image")
    plan = {"data": "digits", "limit": 30, "settings": {"seed": 0}}
    whole, small = splits_of(plan), splits_of({**plan, "size": 4})
    assert small.train.image_shape == (4, 4, 1) and small.valid is not None and small.test is not None
    for before, after in zip(whole.train.images[:, :, :, 0], small.train.images[:, :, :, 0], strict=True):
        wanted = np.asarray(image.fromarray(before).resize((4, 4), image.Resampling.BILINEAR), np.float64)
        assert np.abs(wanted - after).max() <= 1
    np.testing.assert_array_equal(small.test.labels, whole.test.labels)  # type: ignore[union-attr]


def test_pictures_that_cannot_be_searched_on() -> None:
    with pytest.raises(DataError, match=r"at most 32x32.* are 40x20"):
        examples_of(Dataset(np.zeros((4, 40, 20, 1), np.uint8), np.array([0, 1, 0, 1]), ("a", "b")))


def test_wrong_input(run: Path, tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="never overwrites"):
        begin(run, "digits", SMALL, 2)
    with pytest.raises(GlassnetError, match="not the folder of a search"):
        Found.open(tmp_path)
    with pytest.raises(GlassnetError, match="not the folder of a search"):
        go_on(tmp_path)
    for bad in ({"population": 1}, {"density": 1.5}, {"depth": 0}, {"islands": 0}):
        with pytest.raises(RecipeError):
            Plan(**bad)


@pytest.mark.parametrize("name", ["network.json", "generations.jsonl", "checkpoint.npz"])
def test_a_damaged_folder_is_one_line(run: Path, tmp_path: Path, name: str) -> None:
    folder = tmp_path / "copy"
    folder.mkdir()
    for path in run.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    (folder / name).write_text("{}" if name == "network.json" else "{", encoding="utf-8")
    with pytest.raises(GlassnetError):
        go_on(folder) if name == "checkpoint.npz" else Found.open(folder)


def test_other_data_are_refused(run: Path, tmp_path: Path) -> None:
    folder = tmp_path / "copy"
    folder.mkdir()
    for path in run.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    plan = json.loads((folder / "search.json").read_text())
    (folder / "search.json").write_text(json.dumps({**plan, "limit": 200}))
    with pytest.raises(GlassnetError, match="the data have changed"):
        go_on(folder)
