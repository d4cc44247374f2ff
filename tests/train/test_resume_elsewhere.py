"""Threads and instructions belong to a run: it goes on with its own, or says that its bits will differ."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numba
import pytest

from glassnet import experiments, threads
from glassnet.experiments.recipe import recipe_from
from glassnet.train import Progress, read_history

CONVNET = recipe_from(
    {
        "data": {"source": "digits", "train_limit": 120, "test_limit": 30},
        "model": {"network": "conv 3x3, 4 -> relu -> linear"},
        "train": {"epochs": 3, "batch": 30, "checkpoint_seconds": 0.0},
    }
)
BEGUN = "this run was started"
DIFFER = "its bits will differ from those of a run that was never stopped"


class Stopped(Exception):
    pass


class StopAt(Progress):
    def __init__(self, step: int) -> None:
        self.at = step

    def step(self, step: int, loss: float) -> None:
        if step == self.at:
            raise Stopped


def machine(monkeypatch: pytest.MonkeyPatch, number: int, *, asked: bool = False) -> None:
    """From now on a process uses so many threads, because the machine has them or because they were asked for."""
    monkeypatch.setattr(threads, "_count", None)
    monkeypatch.setattr(threads, "_chosen", False, raising=False)
    monkeypatch.delenv("GLASSNET_THREADS", raising=False)
    if asked:
        monkeypatch.setenv("GLASSNET_THREADS", str(number))
    else:
        monkeypatch.setattr(threads, "available", lambda: number)


def begun(folder: Path) -> Path:
    with pytest.raises(Stopped):
        experiments.run_recipe(CONVNET, folder, progress=StopAt(6))
    return folder


def resumed(folder: Path) -> list[str]:
    said: list[str] = []
    experiments.resume(folder, say=said.append)
    return [line for line in said if "this run was started" in line]


def outcome(folder: Path) -> Any:
    records = read_history(folder / "metrics.jsonl")
    kept = [{k: v for k, v in record.items() if k != "seconds"} for record in records]
    return (folder / "model.safetensors").read_bytes(), kept


@pytest.mark.skipif(numba.config.NUMBA_NUM_THREADS < 2, reason="one processor core")
def test_a_run_goes_on_with_its_own_number_of_threads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    machine(monkeypatch, 1)
    experiments.run_recipe(CONVNET, tmp_path / "on one")
    machine(monkeypatch, 2)
    experiments.run_recipe(CONVNET, tmp_path / "on two")
    assert outcome(tmp_path / "on one") != outcome(tmp_path / "on two")  # or else this test could not fail
    folder = begun(tmp_path / "run")
    machine(monkeypatch, 1)
    assert resumed(folder) == ["resuming with 2 threads, as this run was started"]
    assert outcome(folder) == outcome(tmp_path / "on two")
    assert threads.count() == 1


@pytest.mark.skipif(numba.config.NUMBA_NUM_THREADS < 2, reason="one processor core")
def test_other_threads_that_were_asked_for_are_used_and_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    machine(monkeypatch, 2)
    folder = begun(tmp_path / "run")
    machine(monkeypatch, 1, asked=True)
    assert resumed(folder) == [f"{BEGUN} with 2 threads and resumes with 1, as asked for; {DIFFER}"]


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({}, []),
        ({"threads": 999}, [f"{BEGUN} with 999 threads and resumes with 1, as this machine has fewer; {DIFFER}"]),
        ({"instructions": "a 6502"}, [f"{BEGUN} on a processor with other instructions; {DIFFER}"]),
    ],
)  # fmt: skip
def test_another_machine_is_said(
    changed: dict[str, Any], said: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine(monkeypatch, 1)
    path = begun(tmp_path / "run") / "environment.json"
    path.write_text(json.dumps(json.loads(path.read_text(encoding="utf-8")) | changed), encoding="utf-8")
    assert resumed(path.parent) == said
    assert (path.parent / "model.safetensors").exists()


def test_what_the_recipe_asks_for_is_what_the_run_has(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    machine(monkeypatch, 2)
    asked = CONVNET.with_settings({"train.threads": 1})
    with pytest.raises(Stopped):
        experiments.run_recipe(asked, tmp_path / "run", progress=StopAt(6))
    assert resumed(tmp_path / "run") == []
