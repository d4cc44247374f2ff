"""A recipe of lines of writing, from the data to the run folder and the commands that take it."""

from __future__ import annotations

import dataclasses
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from glassnet.data import LineOptions, load
from glassnet.doctor import Case, examine
from glassnet.errors import GlassnetError
from glassnet.experiments import Run, resume, run_recipe
from glassnet.experiments.build import build
from glassnet.experiments.recipe import Recipe, recipe_from
from glassnet.files import read_json
from glassnet.metrics import evaluate_transcription
from glassnet.model import Model
from glassnet.report.pages import SweepRun, best_run
from glassnet.report.pages.run import run_panels
from glassnet.train.range_test import range_test
from support.callbacks import StopAt
from support.lines import RECIPE, tiny_lines
from support.shell import Shell


@pytest.fixture(autouse=True, scope="module")
def _known() -> Iterator[None]:
    with tiny_lines():
        yield


def recipe(**settings: Any) -> Recipe:
    return recipe_from(tomllib.loads(RECIPE)).with_settings({k.replace("__", "."): v for k, v in settings.items()})


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Trained until it reads nearly all, stored in float16."""
    folder = tmp_path_factory.mktemp("lines") / "run"
    return run_recipe(recipe(model__precision="float16"), folder)


def bits(model: Model) -> dict[str, bytes]:
    return {name: array.tobytes() for name, array in model.network.arrays().items()}


def test_the_figures_are_those_of_the_texts_that_were_kept(run: Run) -> None:
    assert run.folder is not None and run.transcription is not None
    found, kept = run.transcription, read_json(run.folder / "evaluation.json")
    assert kept["part"] == "test" and kept["lines"] == found.n == 20
    true = []
    for indices in run.evaluated.together():  # type: ignore[attr-defined]
        for index, labels in zip(indices, run.evaluated.take(indices, 0)[1], strict=True):  # type: ignore[attr-defined]
            true.append((int(index), "".join(" abc"[label] for label in labels)))
    assert found.true == tuple(text for _, text in sorted(true))
    assert kept["characters"] == sum(map(len, found.true))
    assert kept["character_error_rate"] == found.errors.sum() / kept["characters"] < 0.2
    assert set(kept["by_group"]["style"]) == {"narrow", "wide"}
    best = min(run.history.epochs, key=lambda record: (record["valid_error"], record["valid_loss"]))
    assert run.figures()["valid_error"] == best["valid_error"]
    assert run.findings[0].severity == "good" and "character error rate" in run.findings[0].evidence


def test_a_run_is_opened_with_what_was_read(run: Run) -> None:
    assert run.folder is not None and run.transcription is not None
    again = Run.open(run.folder)
    assert again.transcription is not None and again.transcription.read == run.transcription.read
    assert again.transcription.to_dict() == run.transcription.to_dict()
    assert again.figures() == run.figures() and repr(again) == repr(run)
    assert not (run.folder / "pictures.npz").exists() and again.known is None


def test_the_report_shows_strips_with_what_was_read(run: Run) -> None:
    assert run.transcription is not None
    found, panels = run.transcription, {panel.key: panel for panel in run_panels(run)}
    page = "".join(panel.html(None) for panel in panels.values())
    assert panels["lines"].html(None).count('alt="line ') == 16 and "style: narrow" in panels["rates"].html(None)
    assert panels["worst"].html(None).count('alt="line ') == min(16, found.n - found.exact)
    assert "gradients" in panels and "glassnet predict" not in page and "glassnet evaluate" in page
    assert panels["curves"].chart.name == "learning_curves" and "error rate" in panels["curves"].chart.alternative  # type: ignore[union-attr]


def test_a_file_of_half_the_size_reads_the_same(run: Run, tmp_path: Path) -> None:
    assert run.folder is not None and run.transcription is not None
    stored = Model.load(run.folder)
    assert stored.precision == "float16" and stored.network.dtype == np.float32
    assert bits(stored) == bits(run.model)
    assert stored.assess(run.evaluated).read == run.transcription.read
    whole = dataclasses.replace(stored, precision="float32")
    whole.save(tmp_path / "whole.safetensors")
    weights = sum(array.size for array in stored.network.arrays().values() if array.ndim > 1)
    smaller = (tmp_path / "whole.safetensors").stat().st_size - (run.folder / "model.safetensors").stat().st_size
    assert abs(smaller - 2 * weights) < 300  # but for the header


def test_weights_that_do_not_fit_into_float16(run: Run) -> None:
    model = dataclasses.replace(run.model.in_precision("float32"), network=run.model.network.astype(np.float32))
    next(iter(model.network.parameters().values())).value[...] = 1e5
    with pytest.raises(GlassnetError, match="do not fit into float16"):
        model.in_precision("float16")
    with pytest.raises(GlassnetError, match="float32 or float16"):
        model.in_precision("int8")


def test_stopped_and_resumed_to_the_same_bits(run: Run, tmp_path: Path) -> None:
    with pytest.raises(GlassnetError, match="Interrupted"):
        run_recipe(recipe(model__precision="float16"), tmp_path / "run", callbacks=[StopAt(31)])
    assert Model.load(tmp_path / "run").card["unfinished"]
    again = resume(tmp_path / "run")
    assert bits(again.model) == bits(run.model) and again.transcription is not None
    assert run.transcription is not None and again.transcription.read == run.transcription.read


def test_training_on_pytorch_is_the_same_but_for_rounding(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    short = {"train__epochs": 1, "data__lines_per_epoch": 24, "optimizer__name": "sgd", "optimizer__lr": 0.01}
    ours, its = run_recipe(recipe(**short)), run_recipe(recipe(**short, engine__name="torch"))
    for mine, other in zip(ours.history.epochs, its.history.epochs, strict=True):
        assert mine["loss"] == pytest.approx(other["loss"], rel=1e-4)
        assert mine["valid_loss"] == pytest.approx(other["valid_loss"], rel=1e-3)


def test_a_network_that_reads_nothing_is_found() -> None:
    found = run_recipe(recipe(train__epochs=1, optimizer__lr=1e-6))
    assert found.findings[0].name == "reads-nothing"


def test_a_network_that_reads_little_is_told_apart_from_a_good_one() -> None:
    for read, name in ((["a", "bb", "abc"], "good"), (["a", "", "b"], "reads-little"), (["", "", ""], "reads-nothing")):
        found = evaluate_transcription(read * 9, ["a", "bb", "abc"] * 9, np.zeros(27))
        assert [finding.name for finding in examine(Case([], transcription=found, losses_compare=False))] == [name]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"data.train_limit": 3}, "'data.train_limit' is for pictures; 'tiny-lines' is made of lines"),
        ({"data.validation": 0.1}, "'data.validation' is a count"),
        ({"data.height": 4}, "'height' is a whole number of at least 8"),
        ({"data.height": 16}, "an output of 1|columns|pixel|fit"),
        ({"train.augment": "flip"}, "Augmentation is for pictures"),
        ({"train.class_weights": "balanced"}, "Class weights are for classifiers"),
        ({"train.adversarial": "fgsm 0.1"}, "Adversarial training is for classifiers"),
        ({"model.preprocess": "scale -> standardise"}, "no statistics of the data"),
        ({"model.loss": "softmax-cross-entropy"}, "made of lines of writing, not of pictures"),
        ({"model.precision": "float8"}, "'model.precision' must be float32 or float16"),
    ],
)
def test_settings_that_are_not_for_lines(settings: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(GlassnetError, match=message):
        run_recipe(recipe().with_settings(settings), tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_settings_of_lines_for_pictures() -> None:
    for settings in ({"data.lines_per_epoch": 10}, {"model.loss": "ctc"}):
        with pytest.raises(GlassnetError, match=r"is for lines of writing|is made of pictures with a class each"):
            run_recipe(recipe_from({"data": {"source": "digits"}}).with_settings(settings))


def test_held_out_lines_are_the_same_for_every_seed() -> None:
    one, other = (load("tiny-lines", lines=LineOptions(10, seed=seed)) for seed in (0, 1))
    assert one.test is not None and other.test is not None and one.test.sha256 == other.test.sha256
    assert one.train.sha256 != other.train.sha256


def test_commands_that_take_such_a_run(run: Run, shell: Shell) -> None:
    assert run.transcription is not None
    found = shell.json("evaluate", run.folder, "tiny-lines")
    assert found["character_error_rate"] == run.transcription.characters.rate and found["held_out"]
    assert "6 epochs" in shell.error("train", "--resume", run.folder, "--epochs", 2)


def test_the_best_of_several_has_the_lowest_error_rate() -> None:
    figures = [{"valid_error": 0.2, "valid_loss": 1.0}, {"valid_error": 0.1, "valid_loss": 2.0}]
    runs = [SweepRun(str(place), (), found) for place, found in enumerate(figures)]
    assert best_run(runs) == (1, "valid_error")


def test_a_range_test_leaves_the_trainer_as_it_is() -> None:
    one = recipe()
    splits = load("tiny-lines", lines=LineOptions(96, 0, 0, 8))
    trainer = build(one, splits)
    before = {name: array.copy() for name, array in trainer.engine.state().items()}
    found = range_test(trainer, splits.train, low=1e-4, high=1.0, steps=40)
    assert found.suggestion is not None and 1e-4 < found.suggestion < 1.0
    for name, array in trainer.engine.state().items():
        np.testing.assert_array_equal(array, before[name])


@pytest.mark.parametrize(
    "arguments",
    [
        ("predict", "RUN", "a.png"),
        ("look", "RUN", "--picture", "0"),
        ("fool", "RUN", "tiny-lines"),
        ("audit", "RUN", "tiny-lines"),
        ("export", "RUN", "a.onnx"),
        ("compare", "RUN", "RUN", "--data", "tiny-lines"),
        ("evaluate", "RUN", "digits"),
        ("evaluate", "RUN", "tiny-lines", "--part", "all"),
        ("evaluate", "RUN", "tiny-lines", "--category", "a"),
        ("train", "digits", "--from", "RUN"),
        ("train", "tiny-lines"),
        ("doctor", "tiny-lines"),
        ("doctor", "RUN"),
        ("data", "show", "tiny-lines"),
        ("read", "page.jpg", "--model", "RUN"),
    ],
)
def test_commands_for_pictures_say_so_in_one_line(run: Run, shell: Shell, arguments: tuple[str, ...]) -> None:
    told = shell.error(*(str(run.folder) if word == "RUN" else word for word in arguments))
    assert "defect" not in told


def test_a_training_goes_on_from_a_model_of_lines(run: Run) -> None:
    """With no step to speak of it has that model's weights, whatever is said of heads."""
    assert run.folder is not None
    values = tomllib.loads(RECIPE)
    del values["model"]["network"]
    values["start"] = {"model": str(run.folder)}
    values["optimizer"]["lr"] = 1e-12
    further = run_recipe(recipe_from(values).with_settings({"train.epochs": 1}))
    moving = {name for name in run.model.network.arrays() if "batchnorm" in name}
    for name, array in further.model.network.arrays().items():
        assert name in moving or np.allclose(array, run.model.network.arrays()[name], rtol=0, atol=1e-6), name
    elsewhere = recipe_from({**values, "data": {"source": "digits"}})
    for wrong, why in ((recipe_from(values).with_settings({"model.loss": "svm"}), "tiny-lines"), (elsewhere, "digits")):
        with pytest.raises(GlassnetError, match=f"lines of the same characters.*Got '{why}'"):
            run_recipe(wrong)
