"""The trials of a study: carried out in the first process or in several, ended where others did better by then."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from glassnet import threads
from glassnet.data import Splits
from glassnet.doctor import Watch
from glassnet.errors import TrainingInterrupted, reason_of
from glassnet.experiments.book import Book, Taken, Trial
from glassnet.experiments.build import build
from glassnet.experiments.data import LatestSplits
from glassnet.experiments.defaults import resolve, sized
from glassnet.experiments.recipe import Recipe, recipe_from
from glassnet.experiments.search import WIDTH, changed, space_from
from glassnet.experiments.study import name_of, read_plan
from glassnet.files import write_text
from glassnet.processes import map_in_processes
from glassnet.tasks import Metric, Task, best_epoch
from glassnet.train import Callback, Training

__all__ = ["Worker", "confirmed_on", "each", "own_values", "searched"]

_LEAST_LOOK = 3  # the doctor looks after this part of the epochs: a schedule may warm up first


class _OutOfTime(Exception):
    """The study's time is up: the trial stays in flight."""


class Worker:
    """What carries out trials, in a process of its own or in the first one."""

    def __init__(self, folder: str, until: float = math.inf) -> None:
        self.folder, self.until, self.plan = Path(folder), until, read_plan(Path(folder))
        self.recipe, self.space = recipe_from(self.plan["recipe"]), space_from(self.plan["space"])
        self.metric = Task.of(self.recipe.make_loss()).metric
        self.splits = LatestSplits()
        self.book = Book(
            self.folder,
            self.space,
            own_values(self.recipe),
            name=name_of(self.plan),
            seed=self.plan["seed"],
            higher_is_better=self.metric.higher_is_better,
            storage=self.plan["storage"],
            prune=self.plan["prune"],
            sampler=self.plan["sampler"],
            epochs=self.recipe.settings.epochs,
        )

    def of(self, settings: Mapping[str, Any]) -> tuple[Recipe, Splits]:
        """The whole recipe with these settings, and its data."""
        recipe = sized(changed(self.recipe, settings))
        splits = self.splits.of(recipe)
        return resolve(recipe, splits), splits

    def search(self, most: int) -> Trial | None:
        """Carry out a trial; None where there is none left, or no time."""
        if time.time() > self.until:
            return None
        with self.book.next(most) as taken, threads.use(self.plan["threads"]):
            if taken is None:
                return None
            try:
                return self._carried_out(taken)
            except _OutOfTime:
                return None

    def _carried_out(self, taken: Taken) -> Trial:
        began, value, loss, outcome, reason = time.perf_counter(), None, None, "failed", ""
        try:
            recipe, splits = self.of(taken.settings)
            _empty(taken.folder)
            write_text(taken.folder / "recipe.toml", recipe.to_toml())
            after = max(2, math.ceil(recipe.settings.epochs / _LEAST_LOOK))
            watch, judge = Watch(after=after, stop=True), Judge(taken, self.metric, self.until)
            best, ended = self._trained(recipe, splits, [judge, watch], taken.folder / "metrics.jsonl")
            value, loss = float(best[self.metric.key]), best.get("valid_loss")
            found = {f.evidence: f"{f.name}: {f.evidence}" for f in watch.found}
            outcome = "pruned" if ended == judge.pruned else "doctor" if ended in found else "finished"
            reason = found.get(ended, judge.pruned if outcome == "pruned" else "")
        except (TrainingInterrupted, _OutOfTime):
            raise
        except Exception as error:  # whatever a trial dies of, the others go on
            reason = reason_of(error)
        seconds = round(time.perf_counter() - began, 3)
        trial = Trial(taken.number, taken.settings, outcome, value, loss, tuple(taken.values), reason, seconds)
        self.book.close(taken, trial)
        return trial

    def _trained(
        self, recipe: Recipe, splits: Splits, callbacks: Sequence[Callback], path: Path | None = None
    ) -> tuple[Mapping[str, Any], str]:
        """(the record of the best epoch, why the training ended). The test part is not there."""
        without_test = replace(splits, test=None)
        trainer = build(recipe, without_test)
        trainer.fit(without_test.train, without_test.valid, history_path=path, callbacks=callbacks)
        best = best_epoch(trainer.history.epochs)
        assert best is not None
        return best, trainer.progression.stopped

    def confirm(self, settings: Mapping[str, Any], seed: int) -> float:
        """The metric of these settings on another seed of the training, and the same parts of the data."""
        recipe, splits = self.of(settings)
        with threads.use(self.plan["threads"]):
            best, _ = self._trained(recipe.with_settings({"train.seed": seed}), splits, [])
        return float(best[self.metric.key])


class Judge(Callback):
    """Reports every epoch of a trial, and ends it where others did better by then, or the time is up."""

    def __init__(self, taken: Taken, metric: Metric, until: float) -> None:
        self.taken, self.metric, self.until = taken, metric, until
        self.pruned = ""

    def epoch(self, training: Training, record: dict[str, Any]) -> None:
        if not self.taken.report(float(record[self.metric.key])):
            self.pruned = f"after epoch {record['epoch']}: {self.metric.name} {record[self.metric.key]:.4g}"
            training.stop(self.pruned)
        if time.time() > self.until and not training.state.stopped:
            raise _OutOfTime


def searched(worker: Worker, most: int) -> Trial | None:
    """`Worker.search`, for `each`."""
    return worker.search(most)


def confirmed_on(worker: Worker, item: tuple[Mapping[str, Any], int]) -> float:
    """`Worker.confirm` of (settings, seed), for `each`."""
    return worker.confirm(*item)


def own_values(recipe: Recipe) -> dict[str, Any]:
    """The recipe's own values by dotted name; what it leaves out is None."""
    values: dict[str, Any] = {WIDTH: 1, "train.augment": None, "train.l2": recipe.settings.l2}
    values |= {f"optimizer.{name}": value for name, value in recipe.make_optimizer().settings.items()}
    for part, table in recipe.to_dict().items():
        values |= {f"{part}.{name}": value for name, value in table.items()} if isinstance(table, dict) else {}
    return values


def _empty(folder: Path) -> None:
    """Remove what an earlier try of a trial left in its folder."""
    for name in ("recipe.toml", "metrics.jsonl"):
        (folder / name).unlink(missing_ok=True)


def each(worker: Worker, function: Callable[..., Any], items: Sequence[Any], jobs: int) -> Iterator[Any]:
    """`function(worker, item)` of every item in order, here or by several processes."""
    if jobs == 1 or len(items) < 2:
        yield from (function(worker, item) for item in items)
    else:
        yield from map_in_processes(function, items, jobs, Worker, (str(worker.folder), worker.until))
