"""A run folder is complete by itself: opened again, it has everything that the run had, without its data."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from glassnet.actions.look import look
from glassnet.data import Splits, load
from glassnet.errors import GlassnetError, TrainingError
from glassnet.experiments import Predictions, Run, load_splits, run_recipe
from glassnet.experiments import data as data_module
from glassnet.experiments.build import build
from glassnet.experiments.recipe import recipe_from
from glassnet.metrics import Evaluation
from glassnet.model import Model
from glassnet.report.pages import write_run_page
from support.runs import CLASSIFIER

DIGITS: dict[str, Any] = {"source": "digits", "train_limit": 200, "test_limit": 50}
AUTOENCODER = recipe_from({
    "data": DIGITS,
    "model": {"network": "autoencoder", "loss": "squared-error"},
    "train": {"epochs": 1},
})  # fmt: skip


@pytest.fixture
def no_data(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(*arguments: object, **named: object) -> Splits:
        raise AssertionError("the data were loaded")

    monkeypatch.setattr(data_module, "load", missing)


def assert_equal(ours: Evaluation, theirs: Evaluation) -> None:
    assert ours.to_dict() == theirs.to_dict()
    for name in ("labels", "predictions", "confidences"):
        np.testing.assert_array_equal(getattr(ours, name), getattr(theirs, name))


@pytest.mark.usefixtures("no_data")
def test_a_run_is_opened_without_its_data(finished: Run) -> None:
    folder = finished.folder
    assert folder is not None and finished.evaluation is not None
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    run = Run.open(folder)
    assert run.recipe == finished.recipe and run.history.records == finished.history.records
    assert run.evaluated_on == "test" and run.figures() == finished.figures()
    assert run.evaluation is not None and run.reconstruction is None
    assert_equal(run.evaluation, finished.evaluation)
    for name, array in finished.model.network.arrays().items():
        np.testing.assert_array_equal(run.model.network.arrays()[name], array)
    assert run.model.card == finished.model.card
    assert run.files[:2] == [folder / "model.safetensors", folder / "report.html"]
    assert set(run.files) == set(finished.files)
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before
    with pytest.raises(AssertionError, match="were loaded"):
        _ = run.splits


def test_every_prediction_is_kept_to_the_bit(finished: Run) -> None:
    folder = finished.folder
    assert folder is not None
    found, test = Predictions.load(folder / "predictions.npz"), load_splits(CLASSIFIER).test
    assert test is not None and len(found) == 50 == len(test)
    probabilities = Model.load(folder).predict_proba(test.images)
    assert found.probabilities is not None and found.probabilities.dtype == probabilities.dtype
    np.testing.assert_array_equal(found.probabilities, probabilities)
    np.testing.assert_array_equal(found.labels, test.labels)
    np.testing.assert_array_equal(found.indices, np.arange(50))
    with np.load(folder / "predictions.npz", allow_pickle=False) as archive:
        assert set(archive.files) == {"part", "indices", "labels", "probabilities"} and archive["part"] == "test"
    written = json.loads((folder / "evaluation.json").read_text())
    assert written["part"] == "test" and written["data"] == "digits" and written["n"] == 50
    right = int((probabilities.argmax(axis=1) == test.labels).sum())
    assert written["accuracy"] == right / 50 and np.trace(written["confusion"]) == right


def test_equal_predictions_are_equal_files(finished: Run, tmp_path: Path) -> None:
    assert finished.folder is not None
    finished.predictions.save(tmp_path / "again.npz")
    assert (tmp_path / "again.npz").read_bytes() == (finished.folder / "predictions.npz").read_bytes()


def test_an_autoencoder_keeps_how_closely_it_reconstructs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = run_recipe(AUTOENCODER, tmp_path / "run")
    ours = run.reconstruction
    monkeypatch.setattr(data_module, "load", None)
    again = Run.open(tmp_path / "run")
    theirs = again.reconstruction
    assert ours is not None and theirs is not None and again.evaluation is None and again.figures() == run.figures()
    assert ours.to_dict() == theirs.to_dict() and len(theirs.per_image) == 50
    np.testing.assert_array_equal(ours.per_image, theirs.per_image)
    assert theirs.psnr == pytest.approx(float(theirs.per_image.mean()), rel=1e-12)
    assert json.loads((tmp_path / "run" / "evaluation.json").read_text())["psnr"] == ours.psnr


def test_data_are_loaded_when_they_are_asked_for(finished: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = finished.folder
    assert folder is not None
    run = Run.open(folder)
    np.testing.assert_array_equal(run.evaluated.images, finished.evaluated.images)
    assert run.splits is run.splits
    whole = load("digits")
    other = Splits(whole.train.subset(slice(1, None)), None, whole.test)
    monkeypatch.setattr(data_module, "load", lambda *a, **k: other)
    with pytest.raises(TrainingError, match="data have changed"):
        _ = Run.open(folder).splits
    with pytest.raises(TrainingError, match="data have changed"):
        Run.open(folder, load_splits(CLASSIFIER))


@pytest.mark.parametrize("recipe", [CLASSIFIER, AUTOENCODER])
def test_the_network_before_training_is_that_of_the_seed(recipe: Any) -> None:
    run = run_recipe(recipe)
    ours, first = run.untrained().arrays(), build(recipe, load_splits(recipe)).network.arrays()
    assert list(ours) == list(first)
    for name, array in first.items():
        np.testing.assert_array_equal(ours[name], array)


def test_a_report_is_written_again_from_the_folder(finished: Run, tmp_path: Path) -> None:
    assert finished.folder is not None
    shutil.copytree(finished.folder, tmp_path / "copy")
    for path in ("report.html", "figures"):
        (tmp_path / "copy" / path).rename(tmp_path / path)
    files = write_run_page(Run.open(tmp_path / "copy"))
    for path in files[1:]:
        assert path.read_bytes() == (tmp_path / "figures" / path.name).read_bytes()
    page, before = ((tmp_path / place / "report.html").read_text() for place in ("copy", "."))
    assert page.replace(str(tmp_path / "copy"), "RUN") == before.replace(str(finished.folder), "RUN")


def test_a_picture_of_a_run_is_read_as_the_run_read_it(finished: Run, tmp_path: Path) -> None:
    folder, found = finished.folder, finished.evaluation
    assert folder is not None and found is not None
    files = look(folder, tmp_path, pictures=["7"]).files
    names = found.class_names
    said = (
        f"test picture #7 ({names[found.labels[7]]}): taken for {names[found.predictions[7]]},"
        f" {100 * found.confidences[7]:.0f} % sure"
    )
    assert said in files[0].read_text(encoding="utf-8")


@pytest.mark.usefixtures("no_data")
def test_a_number_that_no_picture_has_is_refused_before_data_are_loaded(finished: Run, tmp_path: Path) -> None:
    with pytest.raises(GlassnetError, match=r"pictures 0 to 49\. Got 50"):
        look(str(finished.folder), tmp_path, pictures=["50"])


DAMAGE: list[tuple[str, Any, str]] = [
    ("predictions.npz", None, "Cannot read the predictions"),
    ("predictions.npz", b"", "damaged"),
    ("predictions.npz", b"PK\x03\x04half", "damaged"),
    ("model.safetensors", None, "model.safetensors"),
    ("recipe.toml", None, "not a run folder"),
    ("metrics.jsonl", None, "metrics.jsonl"),
]


@pytest.mark.parametrize(("name", "content", "says"), DAMAGE)
def test_a_folder_that_is_not_whole_is_refused_in_one_line(
    name: str, content: Any, says: str, finished: Run, tmp_path: Path
) -> None:
    assert finished.folder is not None
    shutil.copytree(finished.folder, tmp_path / "run")
    (tmp_path / "run" / name).unlink()
    if content is not None:
        (tmp_path / "run" / name).write_bytes(content)
    with pytest.raises(GlassnetError, match=says) as caught:
        Run.open(tmp_path / "run")
    assert "\n" not in str(caught.value)


WRONG: dict[str, dict[str, Any]] = {
    "pickled": {"labels": np.array([{}], dtype=object)},
    "too few": {"labels": np.zeros(3, np.int64)},
    "fractions": {"labels": np.zeros(50)},
    "of other classes": {"probabilities": np.full((50, 4), 0.25, np.float32)},
    "no probabilities": {"probabilities": np.full((50, 10), 7.0, np.float32)},
    "too large": {"labels": np.full(50, 10)},
}


@pytest.mark.parametrize("arrays", WRONG.values(), ids=WRONG)
def test_predictions_of_something_else_are_refused(arrays: dict[str, Any], finished: Run, tmp_path: Path) -> None:
    assert finished.folder is not None
    shutil.copytree(finished.folder, tmp_path / "run")
    with np.load(tmp_path / "run" / "predictions.npz") as archive:
        right = {name: archive[name] for name in archive.files}
    np.savez(tmp_path / "run" / "predictions.npz", **{**right, **arrays})
    with pytest.raises(TrainingError, match="predictions") as caught:
        Run.open(tmp_path / "run")
    assert "\n" not in str(caught.value)
