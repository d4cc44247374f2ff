"""Failed trainings are named, with a setting that mends them, and good ones raise no alarm.

All are small runs on digits, from which the thresholds of `glassnet.doctor.rules` are.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from glassnet.data import Dataset, Splits, load
from glassnet.doctor import Case, Finding, Watch, examine, read_findings, verdict, write_findings
from glassnet.errors import TrainingError
from glassnet.experiments import Recipe, Run, run_recipe
from glassnet.experiments.recipe import recipe_from
from glassnet.metrics import evaluate
from glassnet.nn import Network
from glassnet.optim import make_optimizer
from glassnet.train import Trainer

HIDDEN, CONVOLUTION = "linear 64 -> relu -> linear", "conv 3x3, 8, pad 1 -> relu -> maxpool 2x2 -> linear"


def recipe(network: str = HIDDEN, optimizer: str = "adam", lr: float | None = None, **settings: Any) -> Recipe:
    """A recipe on digits; what is no name of [data] or [model] is of [train]."""
    data = {name: settings.pop(name) for name in ("train_limit", "validation") if name in settings}
    model = {name: settings.pop(name) for name in ("loss", "preprocess") if name in settings}
    return recipe_from({
        "data": {"source": "digits", **data},
        "model": {"network": network, **model},
        "optimizer": {"name": optimizer, **({} if lr is None else {"lr": lr})},
        "train": {"epochs": 10, **settings},
    })  # fmt: skip


GOOD = {
    "one hidden layer": recipe(),
    "softmax regression": recipe("linear"),
    "one by one": recipe("linear", "sgd", 0.01, batch=1, epochs=5),
    "gradient descent": recipe(optimizer="sgd", lr=0.1),
    "momentum": recipe(optimizer="momentum", lr=0.05),
    "rmsprop": recipe(optimizer="rmsprop"),
    "a high rate that works": recipe(lr=0.03),
    "convolution": recipe(CONVOLUTION),
    "batch normalisation": recipe("conv-bn-relu 3x3, 8, pad 1 -> maxpool 2x2 -> linear"),
    "dropout": recipe("linear 64 -> relu -> dropout 0.5 -> linear"),
    "deep": recipe("linear 64 -> relu -> linear 64 -> relu -> linear 64 -> relu -> linear"),
    "tanh": recipe("linear 64 -> tanh -> linear"),
    "zeros in a linear classifier": recipe("linear, init zeros"),
    "hinge loss": recipe("linear", loss="svm"),
    "autoencoder": recipe("linear 16 -> relu -> linear", loss="squared-error"),
    "standardised": recipe(preprocess="scale -> standardise"),
    "cosine": recipe(schedule="cosine"),
    "warm-up": recipe(schedule="onecycle"),
    "averaged": recipe(average=0.99),
    "augmented": recipe(augment="shift 1"),
    "under attack": recipe(adversarial="pgd 0.1, steps 2"),
    "one epoch": recipe(epochs=1),
    "no validation": recipe(validation=0),
    "20 pictures a class": recipe(train_limit=200, epochs=60),
}

ZEROS = "linear 64, init zeros -> relu -> linear, init zeros"
BAD: dict[str, tuple[Recipe, str, dict[str, Any]]] = {
    "10,000": (recipe(optimizer="sgd", lr=10000.0), "rate-too-high", {"optimizer.lr": 0.1}),
    "10": (recipe(optimizer="sgd", lr=10.0), "rate-too-high", {"optimizer.lr": 0.1}),
    "adam 1": (recipe(lr=1.0), "rate-too-high", {"optimizer.lr": 0.001}),
    "zeros": (recipe(ZEROS), "same-units", {"model.network": "linear 64 -> relu -> linear"}),
    "kernels of zeros": (
        recipe("conv 3x3, 8, pad 1, init zeros -> relu -> linear"),
        "same-units",
        {"model.network": "conv 3x3, 8, pad 1 -> relu -> linear"},
    ),
    "0": (recipe(lr=0.0), "no-update", {"optimizer.lr": 0.001}),
    "sgd 0": (recipe(optimizer="sgd", lr=0.0), "no-update", {"optimizer.lr": 0.01}),
    "1e-6": (recipe(lr=1e-6), "rate-too-low", {"optimizer.lr": 0.001}),
    "sgd 1e-3": (recipe(optimizer="sgd", lr=1e-3), "rate-too-low", {"optimizer.lr": 0.1}),
}


def names(run: Run) -> set[str]:
    return {finding.name for finding in run.findings}


@pytest.mark.parametrize("chosen", GOOD.values(), ids=GOOD)
def test_a_good_run_raises_no_alarm(chosen: Recipe) -> None:
    run = run_recipe(chosen)
    assert names(run) == {"good"} and run.verdict is not None and run.verdict.severity == "good"


@pytest.mark.parametrize(("chosen", "cause", "advice"), BAD.values(), ids=BAD)
def test_a_failure_is_named_and_its_advice_mends_it(chosen: Recipe, cause: str, advice: dict[str, Any]) -> None:
    run = run_recipe(chosen)
    assert run.verdict is not None and run.verdict.severity == "failure"
    assert cause in names(run) and names(run) & {"at-chance", "one-class"}
    assert run.verdict.sentence.startswith("At chance: ") and run.verdict.advice == advice
    assert names(run_recipe(chosen.with_settings(advice))) == {"good"}


def test_a_rate_that_only_spoils_the_loss_is_a_warning() -> None:
    run = run_recipe(recipe("linear", "sgd", 10000.0))
    assert run.evaluation is not None and run.evaluation.accuracy > 0.8
    assert [(finding.name, finding.severity) for finding in run.findings] == [("rate-too-high", "warning")]


def test_a_network_that_cannot_learn_is_at_chance_without_a_cause() -> None:
    run = run_recipe(recipe(" -> ".join(["linear 32 -> sigmoid"] * 6) + " -> linear", epochs=5))
    assert names(run) <= {"at-chance", "one-class", "same-output"} and run.verdict is not None
    assert run.verdict.severity == "failure" and run.verdict.remedy


def test_three_pictures_a_class() -> None:
    whole = load("digits")
    rows = np.concatenate([np.flatnonzero(whole.train.labels == label)[:3] for label in range(10)])
    run = run_recipe(recipe(epochs=60, validation=0), splits=Splits(whole.train.subset(rows), None, whole.test))
    assert {"few-pictures", "overfitting"} <= names(run) and run.verdict is not None
    assert run.verdict.severity == "warning" and "only 3 pictures of each class" in run.verdict.sentence
    assert run.verdict.advice == {"train.augment": "shift 1"}


def test_overfitting() -> None:
    run = run_recipe(recipe("linear 256 -> relu -> linear", train_limit=60, validation=0, epochs=60, lr=0.01))
    found = next(finding for finding in run.findings if finding.name == "overfitting")
    assert found.severity == "warning" and found.where == "test" and run.evaluation is not None
    trained = run.history.epochs[-1]["accuracy"]
    assert f"{100 * trained:.1f} %" in found.evidence and f"{100 * run.evaluation.accuracy:.1f} %" in found.evidence


def test_training_pictures_of_one_class() -> None:
    whole = load("digits")
    threes = whole.train.subset(whole.train.labels == 3)
    run = run_recipe(recipe(validation=0), splits=Splits(threes, None, whole.test))
    assert {"one-class", "absent-classes"} <= names(run) and run.verdict is not None
    assert run.verdict.severity == "failure" and "takes every picture for '3'" in run.verdict.sentence
    assert "9 of the 10 classes have no training picture: 0, 1, 2 and 6 more." in run.verdict.sentence


# ---- figures alone


def answers(predicted: list[int], true: list[int]) -> Case:
    probabilities = np.eye(3)[predicted]
    return Case([], evaluate(probabilities, np.array(true), ("a", "b", "c")))


def test_chance_is_the_agreement_of_guesses_with_the_same_frequencies() -> None:
    case = answers([0, 0, 1, 2], [0, 1, 1, 2])
    assert case.chance == pytest.approx((1 * 2 + 2 * 1 + 1 * 1) / 16)


@pytest.mark.parametrize(
    ("predicted", "true", "expected"),
    [
        ([0] * 90, [0, 1, 2] * 30, "one-class"),
        ([0] * 97 + [1] * 3, [0, 1] * 50, "one-class"),  # nearly
        ([0, 1, 2] * 30, [0] * 30 + [1] * 30 + [2] * 30, "at-chance"),
        ([0] * 90 + [1] * 10, [0] * 92 + [1] * 8, "good"),  # few of a class, most of them found
        ([0, 1, 1, 2, 0, 2], [0, 1, 2, 2, 1, 2], "good"),  # too few to tell
        ([0] * 50, [0] * 50, "good"),  # one class was evaluated: there is nothing to tell it from
    ],
)
def test_guessing_is_told_from_learning(predicted: list[int], true: list[int], expected: str) -> None:
    assert examine(answers(predicted, true))[0].name == expected


def test_nothing_is_said_without_figures() -> None:
    assert examine(Case([])) == () and verdict(()) is None


# ---- kept with the run


def test_findings_are_kept_with_the_run(tmp_path: Path) -> None:
    run = run_recipe(recipe(lr=0.0, epochs=1), tmp_path / "run")
    again = Run.open(tmp_path / "run")
    assert again.findings == run.findings and again.verdict == run.verdict
    assert tmp_path / "run" / "findings.json" in run.files
    (tmp_path / "run" / "findings.json").unlink()
    assert Run.open(tmp_path / "run").findings == ()  # of before there was a doctor


@pytest.mark.parametrize("text", ["{}", "[]", '{"findings": [{"name": 1}]}', '{"findings": 3}', "not JSON"])
def test_damaged_findings_are_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "findings.json").write_text(text, encoding="utf-8")
    with pytest.raises(TrainingError, match="damaged"):
        read_findings(tmp_path / "findings.json")


def test_a_verdict_tells_the_worst_symptom_and_its_cause(tmp_path: Path) -> None:
    found = (
        Finding("at-chance", "failure", "Bad.", symptom=True),
        Finding("cause", "failure", "Because.", {"optimizer.lr": 0.1}),
        Finding("other", "warning", "Besides."),
    )
    write_findings(tmp_path / "findings.json", found)
    assert read_findings(tmp_path / "findings.json") == found
    summary = verdict(found)
    assert summary is not None and summary.sentence == "Bad. Because." and summary.advice == {"optimizer.lr": 0.1}


# ---- while it runs


def watched(lr: float, **settings: Any) -> tuple[list[Finding], Trainer]:
    told: list[Finding] = []
    digits: Dataset = load("digits").train.subset(slice(300))
    watch = Watch(told.append, **settings)
    trainer = Trainer(
        Network(HIDDEN, (8, 8, 1), 10), optimizer=make_optimizer("sgd", lr=lr), epochs=6, callbacks=[watch]
    )
    trainer.fit(digits)
    assert watch.found == told
    return told, trainer


def test_a_watch_says_each_thing_once() -> None:
    told, trainer = watched(10000.0)
    assert [finding.name for finding in told] == ["rate-too-high"] and trainer.progression.epoch == 6
    assert watched(0.1)[0] == []


def test_a_watch_ends_a_training() -> None:
    told, trainer = watched(0.0, stop=True)
    assert [finding.name for finding in told] == ["no-update"]
    assert trainer.progression.epoch == 2 and trainer.progression.stopped == told[0].evidence
