"""Sweeps: no run takes another with it, nothing that was finished is done twice, wrong values are found first."""

from __future__ import annotations

import math
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from glassnet import experiments
from glassnet.cli import main
from glassnet.errors import DataError, GlassnetError, RecipeError, TrainingError, TrainingInterrupted
from glassnet.experiments import carry_out
from glassnet.experiments.recipe import recipe_from
from glassnet.files import read_json
from glassnet.locking import LOCK, locked
from glassnet.report.pages import write_run_page, write_sweep_page
from glassnet.train import Progress
from support import script

BASE: dict[str, Any] = {
    "title": "some digits",
    "data": {"source": "digits", "train_limit": 200, "test_limit": 40},
    "model": {"network": "linear 16 -> relu -> dropout 0.2 -> linear"},
    "optimizer": {"name": "sgd", "lr": 0.1},
    "train": {"epochs": 2, "batch": 20, "threads": 1, "checkpoint_seconds": 0},
}


def base(**train: Any) -> experiments.Recipe:
    return recipe_from({**BASE, "train": {**BASE["train"], **train}})


def models(folder: Path) -> dict[str, bytes]:
    return {path.parent.name: path.read_bytes() for path in sorted(folder.glob("*/model.safetensors"))}


def made_when(folder: Path) -> dict[str, int]:
    """Of the runs that are finished: an interrupted one has a model, too, but no figures."""
    finished = [path for path in folder.glob("*/model.safetensors") if (path.parent / "evaluation.json").exists()]
    return {path.parent.name: path.stat().st_mtime_ns for path in finished}


class InterruptIn(Progress):
    """Presses Ctrl-C after a step of the run that is the given one, from 0."""

    number = -1

    def __init__(self, run: int, step: int) -> None:
        self.run, self.at = run, step
        InterruptIn.number += 1

    def step(self, step: int, loss: float) -> None:
        if (InterruptIn.number, step) == (self.run, self.at):
            signal.raise_signal(signal.SIGINT)


@pytest.mark.parametrize(("run", "step"), [(0, 3), (1, 1), (2, 15)])
def test_a_sweep_goes_on_where_it_was_interrupted(run: int, step: int, tmp_path: Path) -> None:
    values = {"optimizer.lr": [0.1, 0.2, 0.3]}
    whole, folder = tmp_path / "whole", tmp_path / "sweep"
    expected = experiments.sweep(base(), values, whole)
    InterruptIn.number = -1
    with pytest.raises(TrainingInterrupted, match=f"run {run + 1} of 3 .*Resume the run in '{folder}'.$"):
        experiments.sweep(base(), values, folder, make_progress=lambda: InterruptIn(run, step))
    before = made_when(folder)
    assert len(before) == run and not (folder / "index.html").exists() and not (folder / LOCK).exists()
    said: list[str] = []
    if run == 1:  # by the same command, or by the folder
        result = experiments.sweep(base(), values, folder, say=said.append)
    else:
        result = experiments.resume_sweep(folder, say=said.append)
    assert said.count("finished before; kept") == run
    assert models(folder) == models(whole) and len(models(folder)) == 3
    assert {name: made_when(folder)[name] for name in before} == before
    assert list(result.runs) == list(expected.runs) and not result.failed
    for label, found in result.runs.items():
        ours, theirs = found.figures(), expected.runs[label].figures()
        assert {k: v for k, v in ours.items() if k != "seconds"} == {k: v for k, v in theirs.items() if k != "seconds"}
    again = experiments.resume_sweep(folder)
    assert list(again.runs) == list(expected.runs) and made_when(folder).items() >= before.items()


def test_a_sweep_goes_on_after_kill_9(tmp_path: Path) -> None:
    """The second run is killed in the middle; the first is kept, the second ends in the bits of an undisturbed one."""
    recipe, folder = tmp_path / "recipe.toml", tmp_path / "sweep"
    recipe.write_text(base(epochs=60).to_toml(), encoding="utf-8")
    command = ["train", str(recipe), "--sweep", "optimizer.lr=0.1,0.2", "--out", str(folder)]
    process = subprocess.Popen(
        [sys.executable, script("lock_worker"), *command], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdin is not None and process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.stdin.write("go\n")
        process.stdin.flush()
        end = time.monotonic() + 120
        while not (folder / "optimizer.lr_0.2" / "checkpoint.safetensors").exists():
            assert time.monotonic() < end and process.poll() is None
            time.sleep(0.005)
        with pytest.raises(TrainingError, match=f"process {process.pid};"):
            experiments.resume_sweep(folder)
    finally:
        process.kill()
        process.communicate()
    before = made_when(folder)
    assert list(before) == ["optimizer.lr_0.1"] and (folder / LOCK).exists()
    assert main(["train", "--resume", str(folder)]) == 0
    assert made_when(folder).items() >= before.items()
    assert models(folder) == models_of_runs(base(epochs=60), [0.1, 0.2], tmp_path / "whole")
    assert (folder / "index.html").exists() and not list(folder.rglob(".*"))


def models_of_runs(recipe: experiments.Recipe, rates: list[float], folder: Path) -> dict[str, bytes]:
    for rate in rates:
        run = experiments.run_recipe(recipe.with_settings({"optimizer.lr": rate}))
        run.model.save(folder / f"optimizer.lr_{rate}" / "model.safetensors")
    return models(folder)


@pytest.mark.parametrize(
    "error", [MemoryError("no more"), ValueError("two\nlines"), DataError("a picture is damaged"), OSError(28, "full")]
)
def test_whatever_one_run_dies_of_the_others_go_on(
    error: Exception, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = carry_out.card

    def card(run: Any, trainer: Any) -> dict[str, Any]:
        if trainer.engine.lr == 0.2:
            raise error
        return right(run, trainer)

    monkeypatch.setattr(carry_out, "card", card)
    values = {"optimizer.lr": [0.1, 0.2, 0.3]}
    result = experiments.sweep(base(), values, tmp_path / "sweep", on_finish=[write_sweep_page])
    assert list(result.runs) == ["optimizer.lr = 0.1", "optimizer.lr = 0.3"]
    (reason,) = result.failed.values()
    assert "\n" not in reason and str(error).split()[-1] in reason
    page = (tmp_path / "sweep" / "index.html").read_text(encoding="utf-8")
    assert "1 of 3 runs failed" in page and str(error).split()[-1] in page
    assert read_json(tmp_path / "sweep" / "sweep.json")["ended"]["optimizer.lr = 0.2"] == reason
    monkeypatch.undo()  # what it died of is gone: it is tried again, and only it
    before = made_when(tmp_path / "sweep")
    again = experiments.resume_sweep(tmp_path / "sweep")
    assert len(again.runs) == 3 and not again.failed
    assert made_when(tmp_path / "sweep").items() >= before.items()


def test_a_run_of_absurd_numbers_keeps_its_report_and_the_sweep(tmp_path: Path) -> None:
    """At these rates the weights grow to 1e30 and more, and nothing is NaN."""
    recipe = base().with_settings({"model.network": "linear"})
    result = experiments.sweep(recipe, {"optimizer.lr": [1e30, 1e37, 0.1]}, tmp_path / "sweep", on_run=[write_run_page])
    assert len(result.runs) == 3 and not result.failed
    for label, run in result.runs.items():
        folder = run.folder
        assert folder is not None
        largest = max(float(np.abs(array).max()) for array in run.model.network.arrays().values())
        assert (largest > 1e27) is ("1e+3" in label) and math.isfinite(largest)
        assert (folder / "report.html").exists() and (folder / "figures" / "learning_curves.png").exists()
        text = (folder / "report.html").read_text(encoding="utf-8")
        assert ("They cannot be checked here" in text) is ("1e+3" in label)


WRONG: list[tuple[dict[str, list[Any]], str]] = [
    ({"model.network": ["linear", "conv 99x99, 3 -> linear"]}, "conv 99x99.*does not fit"),
    ({"optimizer.lr": [0.1], "model.network": ["linear", "linear 3"]}, "lr = 0.1, model.network = linear 3: .*outputs"),
    ({"data.validation": [0.1, 5000]}, "Cannot hold out 5000"),
    ({"data.source": ["digits", "digist"]}, "Did you mean 'digits'"),
    ({"model.preprocess": ["scale", "whiten 500"]}, "500 components"),
    ({"train.patience": [None, 3], "data.validation": [0.1, 0]}, "patience = 3, data.validation = 0: .*'patience'"),
    ({"optimizer.lr": [0.1, "fast"]}, "'lr'"),
    ({"optimizer.lr": []}, "its values"),
    ({}, "needs a setting"),
]


@pytest.mark.parametrize(("values", "says"), WRONG, ids=[says[:30] for _, says in WRONG])
def test_every_value_is_checked_before_the_first_run(values: dict[str, list[Any]], says: str, tmp_path: Path) -> None:
    with pytest.raises(GlassnetError, match=says) as caught:
        experiments.sweep(base(), values, tmp_path / "sweep")
    assert "\n" not in str(caught.value) and not (tmp_path / "sweep").exists()


def test_a_folder_of_another_sweep_is_left_alone(tmp_path: Path) -> None:
    folder = tmp_path / "sweep"
    experiments.sweep(base(epochs=1), {"optimizer.lr": [0.1]}, folder)
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    for recipe, values in (
        (base(epochs=1), {"optimizer.lr": [0.1, 0.2]}),
        (base(epochs=2), {"optimizer.lr": [0.1]}),
        (base(epochs=1), {"optimizer.momentum": [0.1]}),
    ):
        with pytest.raises(RecipeError, match="other than this sweep"):
            experiments.sweep(recipe, values, folder)
    with locked(folder), pytest.raises(TrainingError, match=f"process {os.getpid()};"):
        experiments.resume_sweep(folder)
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize("damage", [b"", b"[]", b"{}", b'{"recipe": 3, "values": {}}', b"\xff", b'{"recipe": {}}'])
def test_a_damaged_plan(damage: bytes, tmp_path: Path) -> None:
    experiments.sweep(base(epochs=1), {"optimizer.lr": [0.1]}, tmp_path / "sweep")
    (tmp_path / "sweep" / "sweep.json").write_bytes(damage)
    with pytest.raises(GlassnetError, match=r"sweep\.json") as caught:
        experiments.resume_sweep(tmp_path / "sweep")
    assert "\n" not in str(caught.value)
