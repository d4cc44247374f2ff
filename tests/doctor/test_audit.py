"""The audit of gradients: it finds what is wrong while a training runs, and changes no bit of a training."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from glassnet.data import Dataset, load
from glassnet.doctor import AuditGradients, Finding
from glassnet.engines import NativeEngine
from glassnet.errors import RecipeError
from glassnet.experiments import run_recipe
from glassnet.experiments.recipe import recipe_from
from glassnet.nn import Linear, Network, ReLU, SoftmaxCrossEntropy
from glassnet.optim import SGD, make_optimizer
from glassnet.train import Callback, Trainer
from support.shell import Shell

HIDDEN = "linear 16 -> batchnorm -> relu -> dropout 0.5 -> linear"


@pytest.fixture(scope="module")
def digits() -> Dataset:
    return load("digits").train.subset(slice(120))


def trained(digits: Dataset, *callbacks: Callback, **settings: Any) -> Trainer:
    given = {"epochs": 2, "batch": 32, **settings}
    network = Network(given.pop("network", HIDDEN), (8, 8, 1), 10)
    trainer = Trainer(network, optimizer=make_optimizer(given.pop("optimizer", "adam")), callbacks=callbacks, **given)
    trainer.fit(digits, digits.subset(slice(40)))
    return trainer


TRAININGS: dict[str, dict[str, Any]] = {
    "batch norm and dropout": {},
    "augmented": {"augmentation": "shift 1"},
    "under attack": {"adversarial": "fgsm 0.1", "preprocess": "scale -> standardise"},
    "one by one": {"network": "linear", "optimizer": "sgd", "batch": 1},
    "folded": {"network": "linear 8 -> relu -> linear", "optimizer": "sgd", "l2": 0.01},
    "averaged": {"average": 0.9},
    "autoencoder": {"network": "linear 8 -> relu -> linear 64", "loss": "squared-error"},
    "a batch of one at the end": {"network": "linear 8 -> relu -> linear", "batch": 17},
}


@pytest.mark.parametrize("settings", TRAININGS.values(), ids=TRAININGS)
def test_an_audit_changes_no_bit_of_a_sound_training(settings: dict[str, Any], digits: Dataset) -> None:
    audit = AuditGradients(every=3)
    plain, audited = trained(digits, **settings), trained(digits, audit, **settings)
    assert audit.looks >= 2 and audit.found == []
    arrays = plain.engine.state()
    for name, array in audited.engine.state().items():
        np.testing.assert_array_equal(array, arrays[name])
    seconds = ("seconds",)
    records = [
        [{key: value for key, value in record.items() if key not in seconds} for record in trainer.history.records]
        for trainer in (plain, audited)
    ]
    assert records[0] == records[1]


def test_a_wrong_gradient_is_told_once(digits: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    original = Linear.backward

    def backward(self: Any, dy: Any, **more: Any) -> Any:
        dx = original(self, dy, **more)
        if self.input_shape == (16,):
            self.parameters["weight"].grad[...] *= 0.5
        return dx

    monkeypatch.setattr(Linear, "backward", backward)
    told: list[Finding] = []
    audit = AuditGradients(told.append, every=2)
    trained(digits, audit)
    assert audit.looks == 4 and told == audit.found
    assert [(finding.name, finding.where) for finding in told] == [("gradient-wrong", "5.linear.weight")]
    assert told[0].evidence.startswith("At step 1: The gradient of 5.linear.weight is wrong in training mode: at [")


def test_a_layer_that_breaks_in_the_middle(digits: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is found at the next look, with its step; each training begins anew."""
    audit = AuditGradients(every=2)

    class Breaks(Callback):
        def step(self, training: Any, result: Any) -> None:
            if training.state.step == 4:
                original = ReLU.backward
                monkeypatch.setattr(ReLU, "backward", lambda self, dy, **more: original(self, dy, **more) * 1.01)

    trained(digits, Breaks(), audit, network="linear 8 -> relu -> linear")
    assert [finding.where for finding in audit.found] == ["1.linear.weight"] or audit.found[0].where == "1.linear.bias"
    assert audit.found[0].evidence.startswith("At step 5: ")
    monkeypatch.undo()
    trained(digits, audit, network="linear 8 -> relu -> linear")
    assert audit.found == []


def test_another_engine_is_refused(digits: Dataset) -> None:
    class Other(NativeEngine):
        def about(self) -> dict[str, Any]:
            return {"name": "other"}

    engine = Other(Network("linear", (8, 8, 1), 10), SoftmaxCrossEntropy(), SGD())
    with pytest.raises(RecipeError, match="our own engine alone"):
        Trainer(engine=engine, epochs=1, callbacks=[AuditGradients()]).fit(digits)


def test_findings_are_kept_with_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    original = ReLU.backward
    monkeypatch.setattr(ReLU, "backward", lambda self, dy, **more: original(self, dy, **more) * 0.5)
    recipe = recipe_from({
        "data": {"source": "digits"},
        "model": {"network": "linear 16 -> relu -> linear"},
        "train": {"epochs": 3},
    })  # fmt: skip
    run = run_recipe(recipe, callbacks=[AuditGradients()])
    assert "gradient-wrong" in {finding.name for finding in run.findings}
    assert run.verdict is not None and run.verdict.severity == "failure"


def test_the_command(shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    original = ReLU.backward
    monkeypatch.setattr(ReLU, "backward", lambda self, dy, **more: original(self, dy, **more) * 0.5)
    words = ("train", "digits", "--model", "linear 8 -> relu -> linear", "--epochs", "1")
    monkeypatch.setattr("glassnet.report.pages.write_run_page", lambda run: [])
    shown = shell(*words, "--audit-gradients")
    assert "doctor: gradient-wrong: At step 1: The gradient of 1.linear." in shown
    assert "--audit-gradients watches one training" in shell.error(
        *words, "--audit-gradients", "--sweep", "optimizer.lr=0.1,0.2"
    )
