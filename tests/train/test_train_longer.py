"""A run goes on for more epochs than were planned; an interrupted one leaves the best network so far."""

from __future__ import annotations

import signal
from pathlib import Path

import numpy as np
import pytest

from glassnet.errors import TrainingError, TrainingInterrupted
from glassnet.experiments import UNFINISHED, Data, ModelPart, Recipe, Run, finished, load_recipe, resume, run_recipe
from glassnet.model import Model
from glassnet.train import Progress


def recipe(epochs: int, schedule: str = "constant") -> Recipe:
    train = {"epochs": epochs, "batch": 30, "threads": 1, "log_every": 7, "schedule": schedule}
    return Recipe(Data("digits", train_limit=100, test_limit=40), ModelPart("linear 8 -> relu -> linear"), train=train)


class InterruptAt(Progress):
    def __init__(self, step: int) -> None:
        self.at = step

    def step(self, step: int, loss: float) -> None:
        if step == self.at:
            signal.raise_signal(signal.SIGINT)


def test_a_finished_run_goes_on_as_if_it_had_been_longer(tmp_path: Path) -> None:
    run_recipe(recipe(4), tmp_path / "whole")
    run_recipe(recipe(2), tmp_path / "run")
    assert finished(tmp_path / "run") == "after all 2 epochs"
    longer = resume(tmp_path / "run", epochs=4)
    assert (tmp_path / "run" / "model.safetensors").read_bytes() == (
        tmp_path / "whole" / "model.safetensors"
    ).read_bytes()
    assert [record["epoch"] for record in longer.history.epochs] == [1, 2, 3, 4]
    assert load_recipe(tmp_path / "run" / "recipe.toml").settings.epochs == 4
    assert finished(tmp_path / "run") == "after all 4 epochs"
    assert Run.open(tmp_path / "run").figures()["accuracy"] == longer.figures()["accuracy"]
    with pytest.raises(TrainingError, match="has 4 epochs behind it"):
        resume(tmp_path / "run", epochs=4)


def test_the_schedule_is_that_of_the_longer_training(tmp_path: Path) -> None:
    first = run_recipe(recipe(2, "cosine"), tmp_path / "run").history.epochs
    rates = [record["rate"] for record in resume(tmp_path / "run", epochs=4).history.epochs]
    steps = first[0]["step"]
    cosine = [0.001 * (1 + np.cos(np.pi * (steps * epoch - 1) / (4 * steps))) / 2 for epoch in (3, 4)]
    assert rates[:2] == [record["rate"] for record in first] and rates[2:] == pytest.approx(cosine)
    assert rates[2] > rates[1]


def test_a_run_that_was_killed_while_it_went_on(tmp_path: Path) -> None:
    """The folder says 4 epochs, its checkpoint is that of the finished 2, as after a kill in the third."""
    run_recipe(recipe(4), tmp_path / "whole")
    run_recipe(recipe(2), tmp_path / "run")
    kept = (tmp_path / "run" / "checkpoint.safetensors").read_bytes()
    with pytest.raises(TrainingInterrupted):
        resume(tmp_path / "run", epochs=4, progress=InterruptAt(7))
    (tmp_path / "run" / "checkpoint.safetensors").write_bytes(kept)
    assert finished(tmp_path / "run") == ""
    resume(tmp_path / "run")
    assert (tmp_path / "run" / "model.safetensors").read_bytes() == (
        tmp_path / "whole" / "model.safetensors"
    ).read_bytes()


def test_an_interrupted_run_leaves_the_best_network_so_far(tmp_path: Path) -> None:
    whole = run_recipe(recipe(2), tmp_path / "whole")
    with pytest.raises(TrainingInterrupted, match=r"everything is saved\. .*best network so far, of epoch") as caught:
        run_recipe(recipe(5), tmp_path / "run", progress=InterruptAt(7))  # in the third epoch of 3 steps
    assert "\n" not in str(caught.value)
    model = Model.load(tmp_path / "run")
    assert model.card[UNFINISHED] == "interrupted after 2 of 5 epochs" and model.card["epochs"] == 2
    images = whole.evaluated.images[:5]
    np.testing.assert_array_equal(model.predict_proba(images), whole.model.predict_proba(images))
    assert len((tmp_path / "run" / "history.csv").read_text(encoding="utf-8").splitlines()) == 3
    assert finished(tmp_path / "run") == ""
    assert UNFINISHED not in resume(tmp_path / "run").model.card


def test_there_is_no_model_before_the_first_epoch(tmp_path: Path) -> None:
    with pytest.raises(TrainingInterrupted, match="no model yet"):
        run_recipe(recipe(2), tmp_path / "run", progress=InterruptAt(2))
    assert not (tmp_path / "run" / "model.safetensors").exists()
