"""Studies: the best trial is the best, nothing that ended is done twice, and a killed study ends in the same bits."""

from __future__ import annotations

import csv
import importlib.util
import json
import random
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from glassnet import experiments, threads
from glassnet.errors import GlassnetError, RecipeError, TrainingError, TrainingInterrupted
from glassnet.experiments import Choice, Run, Span, Trial, Tuned, load_recipe, resume_study
from glassnet.experiments.book import Book, _Turn
from glassnet.experiments.build import build
from glassnet.experiments.recipe import recipe_from
from glassnet.experiments.search import space_from
from glassnet.experiments.study import best_of, name_of
from glassnet.files import read_json
from glassnet.locking import locked
from glassnet.report.pages import write_tune_page
from glassnet.tasks import TASKS
from support import script

BASE: dict[str, Any] = {
    "title": "some digits",
    "data": {"source": "digits", "train_limit": 200, "validation": 0.3, "test_limit": 40},
    "model": {"network": "linear 8 -> relu -> linear"},
    "optimizer": {"name": "adam", "lr": 0.01},
    "train": {"epochs": 4, "batch": 20, "threads": 1},
}
SPACE: dict[str, Any] = {"optimizer.lr": "1e-5..1e-1 log", "train.batch": [10, 20, 40], "width": [1, 2]}


def base(**train: Any) -> experiments.Recipe:
    return recipe_from({**BASE, "train": {**BASE["train"], **train}})


def told(trials: list[Trial]) -> list[Trial]:
    """Trials without what depends on the clock."""
    return [replace(trial, seconds=0.0) for trial in trials]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Tuned:
    """A study of 12 trials that nobody disturbed."""
    folder = tmp_path_factory.mktemp("whole") / "study"
    return experiments.tune(base(), space_from(SPACE), folder, trials=12, confirm=1, on_finish=[write_tune_page])


def test_what_comes_of_a_study(whole: Tuned) -> None:
    assert [trial.number for trial in whole.trials] == list(range(12))
    assert whole.own == whole.trials[0] and whole.own.settings == {"optimizer.lr": 0.01, "train.batch": 20, "width": 1}
    finished = [trial for trial in whole.trials if trial.finished]
    best = max(finished, key=lambda trial: (trial.value, -(trial.loss or 0)))
    assert whole.best == best and best.value == max(best.values) and len(best.values) == 4
    ended = [trial for trial in whole.trials if not trial.finished]
    assert {trial.outcome for trial in ended} <= {"pruned", "doctor"} and all(trial.reason for trial in ended)
    assert any(len(trial.values) < 4 for trial in ended)  # they were ended early
    assert sum(whole.importance.values()) == pytest.approx(1) and set(whole.importance) == set(SPACE)


def test_the_best_trial_is_run_again(whole: Tuned) -> None:
    best, run = whole.best, whole.run
    assert best is not None and run is not None and whole.looks == 1
    assert run.figures()["valid_accuracy"] == best.value  # the run is the trial, bit for bit
    assert run.evaluated_on == "test" and len(run.predictions.labels) == 40
    recipe = load_recipe(whole.folder / "best.toml")
    assert recipe == run.recipe and recipe.optimizer["lr"] == best.settings["optimizer.lr"]
    width = 8 * best.settings["width"]
    assert recipe.model.network == f"linear {width} -> relu -> linear" and recipe.settings.seed == 0
    # on a fresh seed with the very same parts of the data
    splits = run.splits
    assert splits.valid is not None
    trainer = build(recipe.with_settings({"train.seed": 1}), splits)
    with threads.use(1):
        trainer.fit(splits.train, splits.valid)
    assert whole.confirmed == {1: max(epoch["valid_accuracy"] for epoch in trainer.history.epochs)}


def test_files(whole: Tuned) -> None:
    rows = list(csv.DictReader((whole.folder / "trials.csv").read_text(encoding="utf-8").splitlines()))
    assert [float(row["optimizer.lr"]) for row in rows] == [t.settings["optimizer.lr"] for t in whole.trials]
    assert [row["outcome"] for row in rows] == [t.outcome for t in whole.trials]
    kept = json.loads((whole.folder / "trials.json").read_text(encoding="utf-8"))
    assert [entry["values"] for entry in kept] == [list(t.values) for t in whole.trials]
    assert whole.files[0] == whole.folder / "index.html" and all(path.exists() for path in whole.files)
    page = whole.files[0].read_text(encoding="utf-8")
    assert "No trial has seen the test part" in page and "fresh seed" in page
    assert {path.stem for path in (whole.folder / "figures").glob("*.png")} == {
        "best_so_far",
        "importance",
        "slices",
        "parallel",
    }
    assert not list(whole.folder.rglob("*.partial")) and not list(whole.folder.rglob(".lock"))


def test_no_trial_is_given_the_test_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module = sys.modules["glassnet.experiments.trials"]
    right, seen = module.build, []

    def build(recipe: Any, splits: Any, *more: Any) -> Any:
        seen.append(splits.test)
        return right(recipe, splits, *more)

    monkeypatch.setattr(module, "build", build)
    experiments.tune(base(epochs=1), space_from(SPACE), tmp_path / "study", trials=3, confirm=1)
    assert seen == [None] * 4  # three trials and a fresh seed


def interrupt_at(trial: int, epoch: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Press Ctrl-C in an epoch of a trial."""
    module = sys.modules["glassnet.experiments.trials"]
    right = module.Judge.epoch

    def judged(self: Any, training: Any, record: dict[str, Any]) -> None:
        right(self, training, record)
        if (self.taken.number, record["epoch"]) == (trial, epoch):
            monkeypatch.undo()
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(module.Judge, "epoch", judged)


def test_an_interrupted_study_goes_on_bit_for_bit(
    whole: Tuned, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, trained = tmp_path / "study", []
    long = next(trial.number for trial in whole.trials if len(trial.values) > 2 and trial.number > 8)
    for trial, epoch in ((0, 1), (3, 2), (long, 2)):
        interrupt_at(trial, epoch, monkeypatch)
        with pytest.raises(TrainingInterrupted, match=f"Go on with the study in '{folder}'"):
            experiments.tune(base(), space_from(SPACE), folder, trials=12, confirm=1)
    result = resume_study(folder, confirm=1, on_trial=lambda trial, best: trained.append(trial.number))
    assert trained == list(range(long, 12))  # nothing that had ended is done again
    assert told(result.trials) == told(whole.trials)
    assert result.importance == whole.importance and result.confirmed == whole.confirmed
    assert (folder / "best.toml").read_bytes() == (whole.folder / "best.toml").read_bytes()
    ours, theirs = (Run.open(each / "best").model for each in (folder, whole.folder))
    assert all(np.array_equal(ours.network.arrays()[n], a) for n, a in theirs.network.arrays().items())
    again: list[int] = []
    same = resume_study(folder, confirm=1, on_trial=lambda trial, best: again.append(trial.number))
    assert not again and same.looks == 1 and told(same.trials) == told(whole.trials)


def test_a_study_may_be_prolonged(whole: Tuned, tmp_path: Path) -> None:
    folder = tmp_path / "study"
    experiments.tune(base(), space_from(SPACE), folder, trials=6, confirm=0)
    longer = resume_study(folder, trials=12, confirm=0)
    assert told(longer.trials) == told(whole.trials) and longer.best == replace(whole.best, seconds=longer.best.seconds)
    assert longer.looks == len(list(folder.glob("best*/model.safetensors")))  # the test part was looked at so often


@pytest.fixture(scope="module")
def killer() -> Iterator[Callable[..., int]]:
    """Carries out studies in forked children (see study_worker.py)."""
    process = subprocess.Popen(
        [sys.executable, script("study_worker")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdin is not None and process.stdout is not None
    assert process.stdout.readline() == "ready\n"

    def carry_out(folder: Path, *, writes: int | None = None, delay: float | None = None) -> int:
        begun = (folder / "study.json").exists()
        job = {
            "folder": str(folder),
            "recipe": None if begun else base().to_toml(),
            "space": SPACE,
            "trials": 12,
            "writes": writes,
            "delay": delay,
        }
        assert process.stdin is not None and process.stdout is not None
        process.stdin.write(json.dumps(job) + "\n")
        process.stdin.flush()
        return int(process.stdout.readline())

    with process:  # closes its streams and waits
        yield carry_out


def killed_and_resumed(whole: Tuned, folder: Path, killer: Callable[..., int], kills: list[dict[str, Any]]) -> None:
    ended: list[Trial] = []
    for kill in kills:
        status = killer(folder, **kill)
        if not (folder / "study.json").exists():
            continue
        before, ended = ended, [t for t in book_of(folder).trials() if t.outcome != "in flight"]
        assert told(ended[: len(before)]) == told(before)  # whatever had ended is still there
        if status == 0:
            break
        assert status == signal.SIGKILL
    assert killer(folder) == 0
    assert told(book_of(folder).trials()) == told(whole.trials)
    assert (folder / "best.toml").read_bytes() == (whole.folder / "best.toml").read_bytes()
    assert (folder / "confirmed.json").read_bytes() == (whole.folder / "confirmed.json").read_bytes()


def book_of(folder: Path) -> Book:
    return Book(
        folder,
        space_from(SPACE),
        {},
        name=name_of(read_json(folder / "study.json")),
        seed=0,
        higher_is_better=True,
    )


def test_a_study_that_is_killed_goes_on(whole: Tuned, tmp_path: Path, killer: Callable[..., int]) -> None:
    killed_and_resumed(whole, tmp_path / "study", killer, [{"writes": 52}])


@pytest.mark.long
@pytest.mark.parametrize("seed", [0, 1])
def test_a_study_that_is_killed_ten_times(seed: int, whole: Tuned, tmp_path: Path, killer: Callable[..., int]) -> None:
    rng = random.Random(seed)
    kills = [{"writes": rng.randint(5, 60)} if n % 2 else {"delay": rng.uniform(0.3, 2.5)} for n in range(10)]
    killed_and_resumed(whole, tmp_path / "study", killer, kills)


def test_trials_that_fail_are_kept_and_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module = sys.modules["glassnet.experiments.trials"]
    right = module.build

    def build(recipe: Any, splits: Any, *more: Any) -> Any:
        if recipe.settings.batch == 30:
            raise MemoryError("no more")
        return right(recipe, splits, *more)

    monkeypatch.setattr(module, "build", build)
    networks = ("linear 8 -> relu -> linear", "conv 20x20, 2 -> relu -> flatten -> linear")
    space = {"model.network": Choice(networks), "optimizer.lr": Choice((0.01, 1e30)), "train.batch": Choice((20, 30))}
    found = experiments.tune(base(), space, tmp_path / "study", trials=12, confirm=0)
    reasons = {
        (t.settings["train.batch"], t.settings["optimizer.lr"]): t for t in found.trials if t.outcome == "failed"
    }
    assert found.best is not None and found.best.settings == {**found.best.settings, "optimizer.lr": 0.01}
    assert any("MemoryError: no more" in trial.reason for trial in reasons.values())
    assert any("20x20" in trial.reason for trial in reasons.values())
    assert all(trial.value is None for trial in reasons.values())
    assert any(t.outcome == "failed" or t.outcome == "doctor" for t in found.trials if t.settings["optimizer.lr"] > 1)
    everything = {"model.network": Choice((networks[1], "conv 30x30, 2 -> linear"))}
    with pytest.raises(TrainingError, match=r"No trial came to its end\. The first: .*x"):
        experiments.tune(base(), everything, tmp_path / "none", trials=2, confirm=0)


def test_the_doctor_ends_a_trial(tmp_path: Path) -> None:
    space = {"optimizer.lr": Choice((0.01, 1e-9))}
    found = experiments.tune(base(), space, tmp_path / "study", trials=5, confirm=0)
    ended = [trial for trial in found.trials if trial.settings["optimizer.lr"] == 1e-9]
    assert ended and all(trial.outcome == "doctor" and len(trial.values) < 4 for trial in ended)
    assert all(trial.reason.startswith("rate-too-low: The learning rate of 1e-09") for trial in ended)


def test_time_is_up(tmp_path: Path) -> None:
    folder = tmp_path / "study"
    with pytest.raises(TrainingError, match="Give more time"):
        experiments.tune(base(), space_from(SPACE), folder, trials=3, seconds=0)
    assert len(resume_study(folder, confirm=0).trials) == 3


def test_what_another_process_carries_out_is_left_to_it(tmp_path: Path) -> None:
    folder = tmp_path / "study"
    experiments.tune(base(epochs=1), space_from(SPACE), folder, trials=2, confirm=0)
    book = book_of(folder)
    said: list[str] = []
    with book.next(4) as taken:
        assert taken is not None and taken.number == 2 and book.elsewhere() == 1
        found = resume_study(folder, trials=4, confirm=0, say=said.append)
        assert [trial.outcome for trial in found.trials][2:] == ["in flight", "finished"] and not found.files
        assert "1 trials are under way in other processes; the one that ends last goes on" in said
    found = resume_study(folder, trials=4, confirm=0)  # it left without an end: the trial is taken up again
    assert [trial.outcome for trial in found.trials] == ["finished"] * 4 and found.files


def test_a_torn_line_of_the_journal_is_taken_out(tmp_path: Path) -> None:
    folder = tmp_path / "study"
    experiments.tune(base(epochs=1), space_from(SPACE), folder, trials=2, confirm=0)
    journal = folder / "journal" / "trials.jsonl"
    whole = journal.read_bytes()
    journal.write_bytes(whole + b'{"op_code": 4, "work')
    assert len(book_of(folder).trials()) == 2 and journal.read_bytes() == whole  # opening it adds nothing


def test_a_turn_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("glassnet.experiments.book._PATIENCE", 0.1)
    with locked(tmp_path), pytest.raises(TrainingError, match="being written by"), _Turn(tmp_path):
        pass
    with _Turn(tmp_path):
        pass


@pytest.mark.long
def test_several_processes_and_a_database(tmp_path: Path) -> None:
    """Two jobs, then another folder, as if on another machine, share a study; no trial is carried out twice."""
    address = f"sqlite:///{tmp_path / 'trials.db'}"
    first = experiments.tune(base(), space_from(SPACE), tmp_path / "one", trials=8, jobs=2, confirm=2, storage=address)
    assert sorted(trial.number for trial in first.trials) == list(range(8)) and len(first.confirmed) == 2
    assert all(trial.outcome != "in flight" for trial in first.trials)
    carried_out: list[int] = []
    second = experiments.tune(
        base(),
        space_from(SPACE),
        tmp_path / "two",
        trials=10,
        confirm=0,
        storage=address,
        on_trial=lambda trial, best: carried_out.append(trial.number),
    )
    assert carried_out == [8, 9] and told(second.trials[:8]) == told(first.trials)


def test_wrong_input(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    space = space_from(SPACE)
    with pytest.raises(RecipeError, match="at least 1 trial"):
        experiments.tune(base(), space, tmp_path / "a", trials=0)
    with pytest.raises(RecipeError, match=r"median, hyperband, none\. Got 'best'"):
        experiments.tune(base(), space, tmp_path / "a", prune="best")
    with pytest.raises(RecipeError, match=r"train\.bach = 1: .*no setting 'bach'"):
        experiments.tune(base(), {"train.bach": Span(1, 2, whole=True)}, tmp_path / "a")
    with pytest.raises(RecipeError, match="validation part"):
        experiments.tune(base().with_settings({"data.validation": 0}), space, tmp_path / "a")
    with pytest.raises(TrainingError, match=r"no study\.json"):
        resume_study(tmp_path)
    assert not (tmp_path / "a").exists()
    folder = tmp_path / "study"
    experiments.tune(base(epochs=1), space, folder, trials=1, confirm=0)
    with pytest.raises(RecipeError, match="another study: its seed differs"):
        experiments.tune(base(epochs=1), space, folder, seed=1)
    with pytest.raises(RecipeError, match="other than this study"):
        experiments.tune(base(epochs=1), space, tmp_path)
    (folder / "study.json").write_text("{}", encoding="utf-8")
    with pytest.raises(TrainingError, match="damaged"):
        resume_study(folder)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(GlassnetError, match=r"pip install 'glassnet\[tune\]'"):
        experiments.tune(base(), space, tmp_path / "a")


def test_lower_may_be_better() -> None:
    metric = replace(TASKS["classification"].metric, higher_is_better=False)
    trials = [Trial(n, {}, "finished", value, loss) for n, (value, loss) in enumerate([(3, 0), (1, 5), (1, 4), (1, 4)])]
    assert best_of([*trials, Trial(9, {}, "pruned", 0.0, 0.0)], metric) == trials[2]
    assert best_of([], metric) is None
