"""Rows that set several classifiers side by side, on several divisions of a set."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from glassnet.data import load
from glassnet.experiments.predictions import Predictions
from glassnet.experiments.recipe import recipe_for
from glassnet.files import read_json
from glassnet.reproduce import reproduction, rows, side_by_side


@pytest.fixture
def scenery(tmp_path: Path) -> Path:
    """A folder of 24 training and 8 test pictures of stripes of two directions."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:48, :48]
    for part, count in (("train", 12), ("test", 4)):
        for name, along in (("level", y), ("upright", x)):
            folder = tmp_path / "scenery" / part / name
            folder.mkdir(parents=True)
            for number in range(count):
                wave = 127 + 90 * np.sin(along * rng.uniform(0.3, 0.5)) + rng.normal(0, 10, (48, 48))
                Image.fromarray(np.clip(wave, 0, 255).astype(np.uint8)).save(folder / f"{number}.png")
    return tmp_path / "scenery"


@pytest.fixture
def row(scenery: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, dict[str, float]], reproduction.Row]:
    """A row that measures the scenery, with a linear network as its own and no others."""
    monkeypatch.setattr(side_by_side, "write_run_page", lambda run: [])
    monkeypatch.setattr(side_by_side, "find_weights", lambda name: None)
    monkeypatch.setattr(side_by_side, "_SIDE", 48)
    monkeypatch.setattr(side_by_side, "_DIVISIONS", {"sun8": 2, "flowers17": 2})
    monkeypatch.setattr(reproduction, "find", lambda name: Path(name))

    def make(measure: str, goal: dict[str, float]) -> reproduction.Row:
        settings = {"model.network": "linear", "train.epochs": 1, "data.image_size": [8, 8]}
        row = reproduction.Row("mine", "", {}, goal, recipe=recipe_for(str(scenery), settings), measure=measure)
        monkeypatch.setattr(reproduction, "rows", lambda: [row])
        return row

    return make


def test_words_beside_a_network(row: Callable[..., reproduction.Row], tmp_path: Path) -> None:
    row("sun8_scenes", {"bag_of_words": 0.9, "bag_of_words_mean_of_2_splits": 0.9})
    said: list[str] = []
    (outcome,) = reproduction.reproduce(["mine"], tmp_path / "out", say=said.append).outcomes
    assert outcome.passed and outcome.measured["bag_of_words"] == 1
    assert "squeezenet-1.1 is left out: its weights are not here" in said
    folder = tmp_path / "out" / "mine-1"
    words, network = (Predictions.load(folder / name) for name in ("bag-of-words.npz", "own-convnet/predictions.npz"))
    assert (words.labels == network.labels).all() and len(words) == 8
    right = float((network.probabilities.argmax(axis=1) == network.labels).mean())
    assert outcome.measured["own_convnet"] == right
    (pair,) = read_json(folder / "pairs.json")["pairs"]
    assert pair["pair"] == ["bag of words", "own convnet"] and pair["only_second"] == 0
    assert pair["difference"] == pytest.approx(1 - right)
    divisions = read_json(folder / "divisions.json")["accuracy"]["own convnet"]
    assert list(divisions) == ["published", "random 1", "random 2"] and divisions["published"] == right
    others = [divisions["random 1"], divisions["random 2"]]
    assert outcome.measured["own_convnet_mean_of_2_splits"] == pytest.approx(np.mean(others))
    page = (folder / "side-by-side.html").read_text(encoding="utf-8")
    assert "McNemar" in page and "On several divisions of the set" in page


def test_means_over_random_divisions(
    row: Callable[..., reproduction.Row], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(side_by_side, "_FLOWERS", (16, 8, 8))
    row("flowers17", {"from_scratch": 0.0, "fine_tuned_squeezenet": 0.9})
    (outcome,) = reproduction.reproduce(["mine"], tmp_path / "out").outcomes
    assert outcome.passed is False and list(outcome.measured) == ["from_scratch"]
    folder = tmp_path / "out" / "mine-1"
    accuracies = read_json(folder / "divisions.json")["accuracy"]["from scratch"]
    assert outcome.measured["from_scratch"] == pytest.approx(np.mean(list(accuracies.values())))
    assert list(accuracies) == ["random 1", "random 2"] and read_json(folder / "pairs.json")["pairs"] == []


@pytest.mark.parametrize("divide", [side_by_side._published, lambda seed: side_by_side._stratified(seed, "")])
def test_a_division_shares_no_picture_and_is_the_same_at_any_size(
    divide: Callable[[int], side_by_side.Division], scenery: Path
) -> None:
    cut = divide(3).cut
    small, large = (cut(load(str(scenery), image_size=(n, n), validation=0)) for n in (8, 16))
    files = [part.files for part in (small.train, small.valid, small.test)]
    assert [len(f) for f in files] == [22, 2, 8] and len({path for f in files for path in f}) == 32
    assert files == [part.files for part in (large.train, large.valid, large.test)]
    for part in (small.train, small.test):
        assert part.counts()[0] == part.counts()[1]


def test_rows_name_what_there_is() -> None:
    assert {row.measure for row in rows()} - {""} == set(reproduction.MEASURES)
