"""A row that sets other classifiers beside the run of its recipe."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from glassnet.experiments.predictions import Predictions
from glassnet.experiments.recipe import recipe_for
from glassnet.files import read_json
from glassnet.reproduce import reproduction, rows, scenes


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


def test_words_beside_a_network(scenery: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reproduction, "write_run_page", lambda run: [])
    monkeypatch.setattr(scenes, "find_weights", lambda name: None)
    monkeypatch.setattr(scenes, "_SPLITS", 1)
    monkeypatch.setattr(scenes, "_SIDE", 48)
    recipe = recipe_for(str(scenery), {"model.network": "linear", "train.epochs": 1, "data.image_size": [8, 8]})
    row = reproduction.Row("mine", "", {}, {"bag_of_words": 0.9}, recipe=recipe, beside="words_and_pretrained")
    monkeypatch.setattr(reproduction, "rows", lambda: [row])
    monkeypatch.setattr(reproduction, "find", lambda name: Path(name))
    said: list[str] = []
    (outcome,) = reproduction.reproduce(["mine"], tmp_path / "out", say=said.append).outcomes
    assert outcome.passed and outcome.measured["bag_of_words"] == 1
    assert outcome.measured["own_convnet"] == outcome.measured["test_accuracy"]
    assert "squeezenet-1.1 is left out: its weights are not here" in said
    folder = tmp_path / "out" / "mine-1"
    words, network = (Predictions.load(folder / name) for name in ("bag-of-words.npz", "predictions.npz"))
    assert (words.labels == network.labels).all()
    (pair,) = read_json(folder / "pairs.json")["pairs"]
    assert pair["pair"] == ["bag of words", "own convnet"] and pair["only_second"] == 0
    assert "How far apart they are" in (folder / "side-by-side.html").read_text(encoding="utf-8")


def test_rows_name_what_there_is() -> None:
    beside = {row.beside for row in rows()} - {""}
    assert beside == set(reproduction.BESIDE)
