"""Recipes: from and to TOML, settings replaced, the data they name, and the recipes that come with the package."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from glassnet import experiments, reader, reproduce
from glassnet.actions.check import check
from glassnet.data import load
from glassnet.errors import DataError, RecipeError
from glassnet.experiments import Run
from glassnet.experiments.recipe import recipe_for, recipe_from
from glassnet.experiments.sweep import _folder_names
from glassnet.nn import Network
from glassnet.optim import make_optimizer
from glassnet.reproduce import reproduction
from glassnet.reproduce.reproduction import reached

VALUES: dict[str, st.SearchStrategy[Any]] = {
    "data.validation": st.floats(0, 0.9) | st.integers(0, 500),
    "data.test": st.floats(0, 0.9) | st.integers(0, 500),
    "data.train_limit": st.integers(1, 10**6),
    "data.image_size": st.tuples(st.integers(1, 4096), st.integers(1, 4096)).map(list),
    "model.network": st.sampled_from(["linear", "linear 64 -> relu -> linear", "two-layer"]),
    "model.preprocess": st.sampled_from(["scale", "scale -> standardise", "scale -> invert"]),
    "model.loss": st.sampled_from(["svm", "softmax-cross-entropy, smoothing 0.1", "squared-error half"]),
    "optimizer.name": st.sampled_from(["sgd", "momentum", "adam", "adamw", "rmsprop"]),
    "optimizer.lr": st.floats(0, 1e6),
    "train.epochs": st.integers(1, 10**6),
    "train.batch": st.integers(0, 10**6),
    "train.l2": st.floats(0, 10),
    "train.clip": st.floats(1e-9, 10),
    "train.seed": st.integers(0, 2**62),
    "train.augment": st.sampled_from(["", "flip", "shift 2 -> rotate 10"]),
    "train.schedule": st.sampled_from(["constant", "cosine", "steps 3 5, gamma 0.5"]),
}


@given(st.sets(st.sampled_from(sorted(VALUES))), st.data())
def test_recipes_come_back_from_toml(
    tmp_path_factory: pytest.TempPathFactory, names: set[str], data: st.DataObject
) -> None:
    chosen = {name: data.draw(VALUES[name]) for name in sorted(names)}
    recipe = recipe_from({"data": {"source": "digits"}, "title": "a é \" 'title'"}).with_settings(chosen)
    path = tmp_path_factory.mktemp("recipe") / "recipe.toml"
    path.write_text(recipe.to_toml(), encoding="utf-8")
    again = experiments.load_recipe(path)
    assert again == recipe and again.to_toml() == recipe.to_toml()
    for name, value in chosen.items():
        part, key = name.split(".")
        assert again.to_dict()[part][key] == value


def test_settings_are_replaced_and_taken_out() -> None:
    recipe = recipe_from({"data": {"source": "digits"}, "train": {"epochs": 3, "clip": 1.0}})
    changed = recipe.with_settings({"train.epochs": 7, "train.clip": None, "optimizer.name": "sgd"})
    assert changed.train == {"epochs": 7} and changed.optimizer == {"name": "sgd"}
    assert recipe.train == {"epochs": 3, "clip": 1.0}  # the first one stays as it was
    assert changed.make_optimizer().word == "sgd" and changed.settings.epochs == 7
    for wrong in ("epochs", "train.", "training.epochs", "train.epoch"):
        with pytest.raises(RecipeError):
            recipe.with_settings({wrong: 3})


@pytest.mark.parametrize("name", ["validation", "test"])
@pytest.mark.parametrize(("value", "hint"), [(1.0, "write 1"), (200.0, "write 200"), (1.5, ""), (True, ""), (-1, "")])
def test_a_share_has_a_point_and_a_count_has_none(name: str, value: Any, hint: str) -> None:
    with pytest.raises(RecipeError, match=rf"data\.{name}.*share between 0 and 1.*{hint}"):
        recipe_from({"data": {"source": "digits", name: value}})


@pytest.mark.parametrize(("optimizer", "name"), [("sgd", "nesterov"), ("rmsprop", "eps_inside")])
@pytest.mark.parametrize("value", ["no", "false", 0, 1, None])
def test_truth_values_are_true_or_false(optimizer: str, name: str, value: Any) -> None:
    with pytest.raises(RecipeError, match=f"'{name}'.*true or false"):
        make_optimizer(optimizer, **{name: value})


def test_a_recipe_needs_data() -> None:
    with pytest.raises(RecipeError, match="names no data"):
        recipe_from({})


def divided(**data: Any) -> Any:
    return experiments.load_splits(recipe_from({"data": {"source": "digits", **data}}))


def test_how_a_set_is_divided() -> None:
    splits = divided()
    n = sum(len(part) for part in (splits.train, splits.valid, splits.test))
    assert n == 1797 and len(splits.test) == 360 and len(splits.valid) in (143, 144)
    assert divided(validation=0).valid is None
    assert len(divided(validation=50).valid) == 50
    limited = divided(train_limit=100, test_limit=30, validation=20)
    assert (len(limited.train), len(limited.valid), len(limited.test)) == (80, 20, 30)
    again = divided(train_limit=100, test_limit=30, validation=20)
    assert limited.train.sha256 == again.train.sha256
    assert load("digits").test is not None  # so that holding another out has no effect, and is said
    assert any("data.test = 0.5 has no effect" in note for note in divided(test=0.5).notes)
    assert divided(test=0.5).test.sha256 == splits.test.sha256 and not any("effect" in note for note in splits.notes)
    with pytest.raises(DataError):
        divided(image_size=[16, 16])


def test_the_parts_share_no_example() -> None:
    splits = divided()
    rows = [{image.tobytes() for image in part.images} for part in (splits.train, splits.valid, splits.test)]
    pairs = [len(rows[0] & rows[1]), len(rows[0] & rows[2]), len(rows[1] & rows[2])]
    assert max(pairs) <= 2  # a few of the digits are the same to the pixel


def test_shipped_recipes_are_whole() -> None:
    for path in sorted((Path(__file__).parents[2] / "recipes").glob("*.toml")):
        recipe = experiments.load_recipe(path)
        assert recipe.title
    for row in reproduce.rows():
        if row.recipe is not None and row.recipe.make_loss().task == "classification":
            Network(row.recipe.model.network, (32, 32, 1), 10)


@pytest.mark.parametrize("data", ["flowers17", "sun8"])
@pytest.mark.parametrize(("file", "model"), [("squeezenet", "squeezenet-1.1"), ("lite0", "efficientnet-lite0")])
def test_recipes_of_fine_tuning_are_the_bare_command_written_out(data: str, file: str, model: str) -> None:
    written = experiments.load_recipe(Path(__file__).parents[2] / "recipes" / f"{data}-{file}.toml")
    bare = recipe_for(data, {"start.model": model})
    assert replace(written, title="") == replace(bare, title="")


def test_runs_keep_nothing_without_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    recipe = recipe_from({"data": {"source": "digits", "train_limit": 100}, "train": {"epochs": 1}})
    run = experiments.run_recipe(recipe)
    assert run.folder is None and run.files == [] and not list(tmp_path.iterdir())
    assert run.figures()["accuracy"] == run.evaluation.accuracy  # type: ignore[union-attr]


@given(st.lists(st.text(max_size=120), unique=True, max_size=6))
def test_every_run_of_a_sweep_has_a_folder_of_its_own(labels: list[str]) -> None:
    names = _folder_names(labels)
    assert len(set(names.values())) == len(labels)
    assert all(name and "/" not in name and len(name) < 100 for name in names.values())


@pytest.mark.parametrize(
    ("name", "value", "wanted", "good"),
    [
        ("test_accuracy", 0.98, 0.97, True),
        ("test_accuracy", 0.96, 0.97, False),
        ("psnr", 15.0, 15.0, True),
        ("numeric_seconds", 0.2, 0.3, True),
        ("numeric_seconds", 0.4, 0.3, False),
        ("ratio_to_pytorch", 1.2, 1.0, False),
        ("mean_abs_difference", 1e-11, 5e-10, True),
        ("test_accuracy", None, 0.5, False),
        ("test_accuracy", float("nan"), 0.5, False),
    ],
)
def test_goals(name: str, value: float | None, wanted: float, good: bool) -> None:
    assert reached(name, value, wanted) is good


def test_check_of_a_notation_is_the_same_twice() -> None:
    first, second = (check("linear 5 -> relu -> linear", (4, 3, 1), 3, seed=2) for _ in range(2))
    assert first.passed and [row.error for row in first.rows] == [row.error for row in second.rows]
    assert np.isfinite([row.error for row in first.rows]).all()


def test_pages_are_read_where_they_are_at_hand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GLASSNET_DATA", str(tmp_path))
    report = reproduce.reproduce(["read-pages"], tmp_path / "none")
    assert report.outcomes[0].passed is None and "GLASSNET_DATA" in report.outcomes[0].skipped
    sample = Path(reader.__file__).parent / "sample.jpg"
    pages = tmp_path / "handwriting" / "pages"
    pages.mkdir(parents=True)
    for name in ("01_list", "another"):
        shutil.copy(sample, pages / f"{name}.jpg")
        shutil.copy(sample.with_suffix(".txt"), pages / f"{name}.txt")
    (outcome,) = reproduce.reproduce(["read-pages"], tmp_path / "one").outcomes
    assert outcome.measured["pages"] == 1 and outcome.measured["accuracy"] > 0.9
    accuracy, wrong_words = outcome.measured["accuracy"], outcome.measured["word_error_rate"]
    assert wrong_words <= 0.5 and outcome.passed is (accuracy >= 0.98 and wrong_words <= 0.08)


def test_rows_on_another_engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("torch")
    recipe = recipe_for("digits", {"model.network": "linear", "train.epochs": 1})
    row = reproduction.Row("mine", "", {}, {"test_accuracy": 0.5}, recipe=recipe)
    measured = reproduction.Row("other", "", {}, {}, measure="affine_fit")
    monkeypatch.setattr(reproduction, "rows", lambda: [row, measured])
    monkeypatch.setattr(reproduction, "write_run_page", lambda run: [])
    (ours,) = reproduction.reproduce(["mine"], tmp_path, engine="native").outcomes
    (theirs,) = reproduction.reproduce(None, tmp_path, engine="torch").outcomes  # "other" trains nothing
    assert (ours.row.id, theirs.row.id) == ("mine", "mine-torch")
    assert theirs.measured["test_accuracy"] == ours.measured["test_accuracy"]
    assert Run.open(tmp_path / "mine-torch-1").recipe.engine.name == "torch"
    with pytest.raises(RecipeError, match="without training a recipe"):
        reproduction.reproduce(["other"], tmp_path, engine="torch")
    with pytest.raises(RecipeError, match="native or torch"):
        reproduction.reproduce(["mine"], tmp_path, engine="fast")
