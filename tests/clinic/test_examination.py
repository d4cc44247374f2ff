"""Examinations as a whole: what is found in data, recipes, runs and models, and what remedies do when tried."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from glassnet.clinic import Examination, examine, open_subject, train_briefly
from glassnet.clinic.batches import look_at_batches
from glassnet.clinic.remedies import Trial, Tryer, alternatives, with_dropout
from glassnet.clinic.unexplained import explain
from glassnet.data import Dataset, Splits
from glassnet.doctor import WHY, Finding
from glassnet.errors import RecipeError
from glassnet.experiments import Recipe, Run, prepare, recipe_for, run_recipe
from glassnet.experiments.build import build
from glassnet.nn.functional.arrays import Array
from glassnet.train.feed import Feed


def recipe(**settings: Any) -> Recipe:
    given = {
        "model.network": "linear 32 -> relu -> linear", "optimizer.name": "adam", "optimizer.lr": 0.003,
        "train.epochs": 8,
    }  # fmt: skip
    return recipe_for("digits", given | {name.replace("__", "."): value for name, value in settings.items()})


def names(found: Examination) -> set[str]:
    return {finding.name for finding in found.findings}


# ---- a training for a while


def test_a_brief_training_is_the_beginning_of_the_long_one() -> None:
    whole, splits = prepare(recipe())
    brief = train_briefly(whole, splits, steps=30)
    long = run_recipe(whole.with_settings({"train.log_every": 1}), splits=splits)
    mine = {r["step"]: r["loss"] for r in brief.records if r["kind"] == "step"}
    theirs = {r["step"]: r["loss"] for r in long.history.records if r["kind"] == "step"}
    assert brief.steps == 30 and not brief.whole and len(mine) == 30
    assert all(mine[step] == theirs[step] for step in mine)


def test_a_whole_training_gives_the_figures_of_the_run() -> None:
    whole, splits = prepare(recipe())
    brief, run = train_briefly(whole, splits), run_recipe(whole, splits=splits)
    assert brief.whole and brief.records[-1]["loss"] == run.history.epochs[-1]["loss"]
    for name, array in run.model.network.arrays().items():
        assert np.array_equal(array, brief.model.network.arrays()[name])


# ---- what is found


def test_a_good_recipe_gives_one_good_finding() -> None:
    found = examine(recipe())
    assert names(found) == {"good"} and found.healthy and not found.trials and found.kind == "recipe"


def test_a_cause_is_named_and_its_remedy_tried_beside_the_training() -> None:
    found = examine(recipe(optimizer__lr=1e-7), budget=1e4)  # time enough for whole trainings, whatever the machine
    causes = [finding for finding in found.findings if not finding.symptom]
    assert causes[0].name == "rate-too-low" and not found.healthy
    trials = found.tried(causes[0])
    assert trials[0].settings == {"optimizer.lr": 0.001} == causes[0].advice
    assert trials[0].helped and trials[0].loss_after < 0.5 * trials[0].loss_before
    assert [trial.gain for trial in trials] == sorted((trial.gain for trial in trials), reverse=True)
    assert trials[0].gain == pytest.approx(math.log(trials[0].loss_before / trials[0].loss_after))
    assert f"with optimizer.lr = 0.001: loss after {trials[0].steps} steps" in trials[0].sentence()


def test_what_is_advised_is_what_did_best() -> None:
    finding = Finding("rate-too-high", "failure", "It is.", {"optimizer.lr": 0.001})

    def advised(*gains: tuple[float, float]) -> Any:
        """What is advised where rates gained so much."""
        trials = tuple(
            Trial(finding.name, {"optimizer.lr": lr}, 50, 2.0, 1.0, math.nan, math.nan, "", gain) for lr, gain in gains
        )
        return Examination("recipe", "r", "r.toml", (finding,), trials).advice(finding)

    assert advised() == {"optimizer.lr": 0.001}
    assert advised((0.1, 2.0), (0.001, 0.5)) == {"optimizer.lr": 0.1}
    assert advised((0.1, 0.0)) == {"optimizer.lr": 0.001}  # which was not tried
    assert advised((0.1, 0.0), (0.001, -1.0)) == {}


def test_a_trial_is_a_training_with_the_settings() -> None:
    whole, splits = prepare(recipe(optimizer__lr=1e-7))
    tryer = Tryer(train_briefly(whole, splits), splits, 60.0)
    trial = tryer.trial("rate-too-low", {"optimizer.lr": 0.01}, 50)
    assert trial is not None
    other = train_briefly(whole.with_settings({"optimizer.lr": 0.01}), splits, steps=50)
    assert (trial.loss_after, trial.loss_before) == (other.loss, train_briefly(whole, splits, steps=50).loss)
    assert tryer.trial("rate-too-low", {"optimizer.name": "no such"}, 50) is None


def test_a_training_that_diverges_says_at_which_step_and_in_which_layer() -> None:
    found = examine(recipe(optimizer__name="sgd", optimizer__lr=1e30), remedies=False)
    first = next(finding for finding in found.findings if finding.name == "loss-not-finite")
    assert first.where == "3.linear" and "at step 2" in first.evidence and "It began in 3.linear" in first.evidence
    assert "rate-too-high" in names(found)


def test_silenced_findings_are_left_out() -> None:
    found = examine(recipe(optimizer__lr=0.0, train__epochs=1), remedies=False)
    assert "no-update" in names(found)
    fewer = examine(recipe(optimizer__lr=0.0, train__epochs=1), remedies=False, silenced={"no-update"})
    assert names(found) - names(fewer) == {"no-update"}


def test_a_run_is_judged_by_its_records_and_a_model_by_its_code(tmp_path: Path) -> None:
    run = run_recipe(recipe(optimizer__lr=0.0, train__epochs=1), tmp_path / "run")
    found = examine(open_subject(tmp_path / "run"), remedies=False)
    assert found.kind == "run" and {finding.name for finding in run.findings} <= names(found)
    assert found.recipe_file == str(tmp_path / "run" / "recipe.toml")
    file = tmp_path / "run" / "model.safetensors"
    assert examine(open_subject(file)).findings == ()
    on_data = examine(open_subject(file, data="digits"))
    assert not on_data.healthy and on_data.kind == "model"
    model = run.model
    next(iter(model.network.parameters().values())).value[...] = np.nan
    assert [finding.name for finding in examine(model).findings] == ["not-finite"]


def test_a_run_that_was_not_finished_is_examined_by_its_recipe_and_records(tmp_path: Path) -> None:
    run_recipe(recipe(train__epochs=2), tmp_path / "run")
    (tmp_path / "run" / "model.safetensors").unlink()
    subject = open_subject(tmp_path / "run")
    assert subject.run is None and subject.kind == "recipe"
    assert sum(record["kind"] == "epoch" for record in subject.records) == 2


def test_a_model_has_no_settings_and_a_recipe_no_other_data(tmp_path: Path, finished: Run) -> None:
    assert finished.folder is not None
    with pytest.raises(RecipeError, match="has no recipe"):
        open_subject(finished.folder / "model.safetensors", settings={"optimizer.lr": 1.0})
    with pytest.raises(RecipeError, match="beside a model"):
        open_subject("digits", data="digits")


# ---- the batches


class _Rolled(Feed):
    def take(self, indices: Array, epoch: int) -> tuple[Array, ...]:
        x, target, *weights = super().take(indices, epoch)
        return x, np.roll(target, 1), *weights


class _Sorted(Feed):
    def take(self, indices: Array, epoch: int) -> tuple[Array, ...]:
        order = np.argsort(self.labels, kind="stable")
        return super().take(order[indices] if len(indices) == len(order) else order[: len(indices)], epoch)


@pytest.mark.parametrize(
    ("feed", "expected"),
    [(Feed, set()), (_Rolled, {"labels-out-of-step"}), (_Sorted, {"not-shuffled", "batches-repeat"})],
)
def test_batches_are_compared_with_the_set(feed: type[Feed], expected: set[str]) -> None:
    whole, splits = prepare(recipe(train__epochs=2))
    trainer = build(whole, splits)
    trainer.fit(splits.train, splits.valid)
    assert trainer.training is not None
    trainer.training.train = feed(splits.train, trainer.preprocess)
    assert {finding.name for finding in look_at_batches(trainer, splits)} == expected


# ---- a cause that no rule knows


def test_a_change_that_mends_it_says_the_cause() -> None:
    whole, splits = prepare(recipe(model__preprocess="scale -> multiply 0.001", optimizer__name="sgd"))
    symptom = Finding("at-chance", "failure", "Bad.", symptom=True)
    tryer = Tryer(train_briefly(whole, splits), splits, 60.0)
    causes, trials = explain([symptom], tryer)
    assert [cause.name for cause in causes] and causes[0].advice == trials[0].settings
    assert trials[0].accuracy_after > trials[0].accuracy_before + 0.2
    assert explain([symptom, Finding("no-update", "failure", "Known.")], tryer) == ((), ())
    assert explain([Finding("good", "good", "Fine.")], tryer) == ((), ())


def test_several_remedies_of_overfitting() -> None:
    settings = alternatives(Finding("overfitting", "warning", "", {"train.augment": "shift 1"}), prepare(recipe())[0])
    assert settings[:2] == [{"train.augment": "shift 1"}, {"train.l2": 0.001}]
    assert {"model.network": "linear 32 -> relu -> dropout 0.5 -> linear"} in settings and {
        "train.epochs": 4
    } in settings
    assert with_dropout("linear 8 -> dropout 0.2 -> linear") is None and with_dropout("linear") is None


def test_everything_found_here_says_why_it_matters() -> None:
    found = examine(recipe(optimizer__lr=1e-7), remedies=False)
    assert all(WHY[finding.name] for finding in found.findings)


def test_data_of_which_classes_are_missing() -> None:
    _, splits = prepare(recipe())
    train = splits.train.subset(splits.train.labels > 1)
    found = examine(recipe(), splits=Splits(train, None, _part(splits.test)), remedies=False)
    assert "absent-classes" in names(found)


def _part(part: Dataset | None) -> Dataset:
    assert part is not None
    return part
