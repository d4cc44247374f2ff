"""A study: many trials of one recipe with other settings, the better ones modelled, the worse ones ended early.

What decides is the validation metric that the task names. The test part is left out of the data of every trial; the
best recipe alone sees it, once, when the search is over, after it was trained again on fresh seeds.

A study has a folder:

    study.json       the recipe, the space, the seed: what must not change
    journal/         its trials, unless they are in another storage (see `glassnet.experiments.book`)
    trials/007/      the recipe of a trial, and the records of its epochs
    trials.csv       all trials as a table; trials.json has more
    best.toml        the best recipe
    best/            its run, with the report and the figures on the test part
    confirmed.json   its validation metric on fresh seeds
"""

from __future__ import annotations

import csv
import io
import json
import math
import time
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from glassnet import threads
from glassnet.data import Splits
from glassnet.doctor import Watch
from glassnet.errors import Fix, GlassnetError, RecipeError, TrainingError, TrainingInterrupted, reason_of
from glassnet.experiments.book import PRUNERS, Book, Taken, Trial, require_optuna
from glassnet.experiments.build import build
from glassnet.experiments.carry_out import Finisher, resume, run_recipe
from glassnet.experiments.data import LatestSplits
from glassnet.experiments.defaults import prepare, resolve, sized
from glassnet.experiments.folder import is_occupied, make_folder
from glassnet.experiments.recipe import Recipe, recipe_from
from glassnet.experiments.run import Run, finished
from glassnet.experiments.search import WIDTH, Choice, Space, changed, space_from, usual_space
from glassnet.files import exists, read_json, write_json, write_text
from glassnet.locking import locked
from glassnet.processes import map_in_processes
from glassnet.tasks import Metric, Task, best_epoch
from glassnet.train import Callback, Progress, Training

__all__ = ["Tuned", "is_study", "resume_study", "tune"]

PLAN = "study.json"
_LEAST_LOOK = 3  # the doctor looks after this part of the epochs: a schedule may warm up first

Say = Callable[[str], None]


@dataclass
class Tuned:
    """What came of a study.

    Attributes
    ----------
    title : str
        The recipe's.
    folder : Path
        Where it is kept.
    metric : Metric
        What decides.
    space : Space
        What was searched.
    trials : list of Trial
        All of them, by number.
    wanted : int
        How many there were to be.
    importance : dict of str to float
        How much of the spread of the finished trials each setting explains, the largest first.
    confirmed : dict of int to float
        The validation metric of the best recipe by fresh seed.
    run : Run or None
        The run of the best recipe, evaluated on the test part.
    looks : int
        How many recipes of this study were evaluated on the test part so far.
    files : list of Path
        What was written, the page first.
    unchanged : dict of str to value
        The recipe's own values of what was searched.
    """

    title: str
    folder: Path
    metric: Metric
    space: Space
    trials: list[Trial] = field(default_factory=list)
    wanted: int = 0
    importance: dict[str, float] = field(default_factory=dict)
    confirmed: dict[int, float] = field(default_factory=dict)
    run: Run | None = None
    looks: int = 0
    files: list[Path] = field(default_factory=list)
    unchanged: dict[str, Any] = field(default_factory=dict)

    @property
    def best(self) -> Trial | None:
        """The best finished trial; None where none was finished."""
        return best_of(self.trials, self.metric)

    @property
    def own(self) -> Trial | None:
        """Trial 0 where it was the recipe as it is; None where the search does not hold all of its values."""
        first = self.trials[0] if self.trials else None
        return first if first is not None and first.settings == self.unchanged else None

    def count(self, outcome: str) -> int:
        """How many trials ended like this."""
        return sum(trial.outcome == outcome for trial in self.trials)


def best_of(trials: Sequence[Trial], metric: Metric) -> Trial | None:
    """The best finished trial, ranked as epochs are, of equal ones the first; None where none was finished."""
    ranks = {
        trial.number: metric.rank({metric.key: trial.value, "valid_loss": trial.loss})
        for trial in trials
        if trial.finished
    }
    best = max((rank for rank in ranks.values() if rank is not None), default=None)
    return next((trial for trial in trials if trial.finished and ranks[trial.number] == best), None)


@dataclass(frozen=True)
class _Ways:
    """How a study is carried out: nothing of this is part of what it finds."""

    trials: int
    jobs: int
    until: float
    confirm: int
    storage: str
    say: Say
    on_trial: Callable[[Trial, Trial | None], None]
    on_run: Sequence[Finisher]
    on_finish: Sequence[Callable[[Tuned], Iterable[Path]]]


def tune(
    recipe: Recipe,
    space: Space,
    folder: str | Path,
    *,
    trials: int = 60,
    jobs: int = 1,
    seconds: float | None = None,
    storage: str = "",
    seed: int = 0,
    prune: str = "median",
    sampler: str = "tpe",
    confirm: int = 3,
    say: Say = lambda text: None,
    on_trial: Callable[[Trial, Trial | None], None] = lambda trial, best: None,
    on_run: Sequence[Finisher] = (),
    on_finish: Sequence[Callable[[Tuned], Iterable[Path]]] = (),
) -> Tuned:
    """Search for better settings of a recipe.

    Where `folder` holds this very study, stopped at any moment, it goes on from there; with one job it then ends as if
    it had never been stopped, bit for bit on the same processor. More trials than before prolong a study. Another
    process with the same recipe, space and storage takes part in it.

    Parameters
    ----------
    recipe : Recipe
        What the trials have in common; its validation part decides.
    space : Space
        What is searched; an empty one takes what is usual for the recipe.
    folder : path-like
        A new or empty folder, or that of this study.
    trials : int
        How many the study is to have in all.
    jobs : int
        Processes that carry out trials side by side; they share the threads.
    seconds : float, optional
        No trial is begun later, and those in flight end with their epoch; None: no limit.
    storage : str
        The address of an Optuna storage; "" keeps a journal in the folder.
    seed : int
        Of the settings that are tried. The trainings keep the recipe's own.
    prune : str
        "median", "hyperband" or "none".
    sampler : str
        "tpe", or "random" to compare with.
    confirm : int
        On how many fresh seeds the best recipe is trained again; 0 for none.
    say : callable
        Is given a line here and there.
    on_trial : callable
        Called with every trial that ended, and the best finished one so far.
    on_run : sequence of callables
        Each is called with the run of the best recipe, as `on_finish` of `run_recipe`.
    on_finish : sequence of callables
        Each is called with what came out, and returns the paths of files that it adds.

    Returns
    -------
    Tuned
        The trials, and what was made of the best one.

    Raises
    ------
    GlassnetError
        The space does not fit the recipe, there is no validation part, the folder holds anything else, or no trial came
        to its end.
    TrainingInterrupted
        Somebody pressed Ctrl-C; all trials that ended are kept.
    """
    require_optuna()
    _check(trials, jobs, confirm, prune)
    path = Path(folder)
    with threads.use(recipe.threads):
        whole, splits = prepare(recipe, say)
        plan = _plan(whole, space or usual_space(whole, splits), splits, seed, prune, sampler, jobs)
        del splits
    _claim(path, plan, storage, trials)
    until = math.inf if seconds is None else time.time() + seconds
    ways = _Ways(trials, jobs, until, confirm, storage, say, on_trial, on_run, on_finish)
    try:
        return _carry_out(path, ways)
    except (KeyboardInterrupt, TrainingInterrupted):
        raise TrainingInterrupted(
            "Interrupted; all trials that ended are kept.", Fix.RESUME_STUDY, folder=path
        ) from None


def is_study(folder: str | Path) -> bool:
    """Whether a folder is that of a study."""
    return exists(Path(folder) / PLAN)


def resume_study(folder: str | Path, **ways: Any) -> Tuned:
    """Go on with the study in a folder, or take part in it beside other processes.

    Parameters
    ----------
    folder : path-like
        Of a study.
    **ways : object
        As of `tune`: trials, jobs, seconds, confirm and what is told. Recipe, space, seed and pruning are the study's.

    Returns
    -------
    Tuned
        As of `tune`.

    Raises
    ------
    GlassnetError
        As of `tune`; `TrainingError` where the folder holds no study.
    """
    path = Path(folder)
    if not is_study(path):
        raise TrainingError(f"'{path}' is not the folder of a study: it has no {PLAN}.")
    plan = _read_plan(path)
    ways = {"storage": plan["storage"], "trials": plan["trials"], **ways}
    own = {name: plan[name] for name in ("seed", "prune", "sampler")}
    return tune(recipe_from(plan["recipe"]), space_from(plan["space"]), path, **own, **ways)


# ---- the plan


def _check(trials: int, jobs: int, confirm: int, prune: str) -> None:
    if trials < 1 or jobs < 1 or confirm < 0:
        raise RecipeError(
            f"A study has at least 1 trial, 1 job and 0 seeds to confirm on. Got {trials}, {jobs} and {confirm}."
        )
    if prune not in PRUNERS:
        raise RecipeError(f"Trials are pruned by {', '.join(PRUNERS)}. Got '{prune}' instead.")


def _plan(
    recipe: Recipe, space: Space, splits: Splits, seed: int, prune: str, sampler: str, jobs: int
) -> dict[str, Any]:
    """What a study is, as JSON gives it back. Raises `GlassnetError` where the space does not fit the recipe."""
    if splits.valid is None or not len(splits.valid):
        raise RecipeError(
            "Trials are compared on a validation part, and there is none. Set data.validation, as to 0.1."
        )
    for name, part in space.items():
        for value in part.extremes():
            try:
                changed(recipe, {name: value})
            except GlassnetError as error:
                raise type(error)(f"{name} = {value}: {error}") from error
    count = recipe.threads or max(1, threads.count() // jobs)  # the bits of a training depend on it
    plan = {
        "recipe": recipe.to_dict(),
        "space": {name: _listed(part) for name, part in space.items()},
        "seed": seed,
        "prune": prune,
        "sampler": sampler,
        "threads": count,
        "data": {"train": splits.train.sha256, "validation": splits.valid.sha256},
    }
    read: dict[str, Any] = json.loads(json.dumps(plan))
    return read


def _listed(part: Any) -> Any:
    if isinstance(part, Choice):
        return ["none" if value is None else value for value in part.values]
    return part.to_text()


def _read_plan(path: Path) -> dict[str, Any]:
    plan = read_json(path / PLAN)
    names = ("recipe", "space", "seed", "prune", "sampler", "threads", "data", "storage", "trials")
    if not isinstance(plan, dict) or any(name not in plan for name in names):
        raise TrainingError(f"Cannot go on with the study: '{path / PLAN}' is damaged.")
    return plan


def _claim(path: Path, plan: dict[str, Any], storage: str, trials: int) -> None:
    """Begin the folder, or find this very study there."""
    if is_study(path):
        kept = _read_plan(path)
        others = [name for name in plan if name != "threads" and kept[name] != plan[name]]
        if others or kept["storage"] != storage:
            raise RecipeError(
                f"'{path}' holds another study: its {(others or ['storage'])[0]} differs.", Fix.CHOOSE_OUTPUT
            )
        plan = {name: kept[name] for name in plan}
    elif is_occupied(path, "folder of the study"):
        raise RecipeError(f"'{path}' exists and holds something other than this study.", Fix.CHOOSE_OUTPUT)
    make_folder(path, "folder of the study")
    write_json(path / PLAN, {**plan, "storage": storage, "trials": trials})


def _name_of(plan: Mapping[str, Any]) -> str:
    """What a study is called in a storage: the same on every machine, wherever its data lie."""
    recipe = {**plan["recipe"], "data": {**plan["recipe"]["data"], "source": ""}}
    told = {**{name: plan[name] for name in ("space", "seed", "prune", "sampler", "data")}, "recipe": recipe}
    return f"glassnet-{zlib.crc32(json.dumps(told, sort_keys=True).encode()):08x}"


# ---- the work


class _OutOfTime(Exception):
    """The study's time is up: the trial stays in flight."""


class _Worker:
    """What carries out trials, in a process of its own or in the first one."""

    def __init__(self, folder: str, until: float = math.inf) -> None:
        self.folder, self.until, self.plan = Path(folder), until, _read_plan(Path(folder))
        self.recipe, self.space = recipe_from(self.plan["recipe"]), space_from(self.plan["space"])
        self.metric = Task.of(self.recipe.make_loss()).metric
        self.splits = LatestSplits()
        self.book = Book(
            self.folder,
            self.space,
            _own_values(self.recipe),
            name=_name_of(self.plan),
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
            watch, judge = Watch(after=after, stop=True), _Judge(taken, self.metric, self.until)
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


class _Judge(Callback):
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


def _searched(worker: _Worker, most: int) -> Trial | None:
    return worker.search(most)


def _confirmed(worker: _Worker, item: tuple[Mapping[str, Any], int]) -> float:
    return worker.confirm(*item)


def _own_values(recipe: Recipe) -> dict[str, Any]:
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


def _carry_out(path: Path, ways: _Ways) -> Tuned:
    """Search, then make something of the best trial."""
    first = _Worker(str(path), ways.until)
    closed = [trial for trial in first.book.trials() if trial.outcome != "in flight"]
    if closed:
        ways.say(f"{len(closed)} trials were carried out before; they are kept")
    best = best_of(closed, first.metric)
    for trial in _each(first, _searched, [ways.trials] * max(0, ways.trials - len(closed)), ways.jobs):
        if trial is not None:
            best = best_of([found for found in (best, trial) if found is not None], first.metric)
            ways.on_trial(trial, best)
    result = Tuned(first.recipe.title, path, first.metric, first.space, first.book.trials(), ways.trials)
    own = _own_values(first.recipe)
    result.unchanged = {name: own.get(name) for name in first.space}
    if result.best is None:
        reasons = [trial.reason for trial in result.trials if trial.reason]
        raise TrainingError(f"No trial came to its end. {f'The first: {reasons[0]}' if reasons else 'Give more time.'}")
    if others := first.book.elsewhere():
        ways.say(f"{others} trials are under way in other processes; the one that ends last goes on")
        return result
    result.importance = first.book.importance()
    with locked(path):
        _make_the_best(first, result, result.best, ways)
        result.files = [file for finish in ways.on_finish for file in finish(result)] + result.files
    return result


def _each(worker: _Worker, function: Callable[..., Any], items: Sequence[Any], jobs: int) -> Iterator[Any]:
    """`function(worker, item)` of every item in order, here or by several processes."""
    if jobs == 1 or len(items) < 2:
        yield from (function(worker, item) for item in items)
    else:
        yield from map_in_processes(function, items, jobs, _Worker, (str(worker.folder), worker.until))


# ---- the best trial


def _make_the_best(worker: _Worker, result: Tuned, best: Trial, ways: _Ways) -> None:
    """Write the best recipe down, train it on fresh seeds, and look at the test part with it."""
    path = worker.folder
    recipe, splits = worker.of(best.settings)
    write_text(path / "best.toml", recipe.to_toml())
    write_json(path / "trials.json", [trial.to_dict() for trial in result.trials])
    _write_csv(path / "trials.csv", result)
    ways.say(f"best recipe: {path / 'best.toml'}")
    result.confirmed = _on_fresh_seeds(worker, recipe, best, ways)
    result.run = _run_of(worker, recipe, splits, ways)
    result.looks = sum(exists(folder / "evaluation.json") for folder in _runs(path))
    result.files = [path / name for name in ("best.toml", "trials.csv", "trials.json")]


def _on_fresh_seeds(worker: _Worker, recipe: Recipe, best: Trial, ways: _Ways) -> dict[int, float]:
    kept, text = worker.folder / "confirmed.json", recipe.to_toml()
    known = read_json(kept) if exists(kept) else {}
    found: dict[int, float] = {}
    if isinstance(known, dict) and known.get("recipe") == text:
        found = {int(seed): float(value) for seed, value in known["seeds"].items()}
    seeds = [recipe.settings.seed + 1 + number for number in range(ways.confirm)]
    missing = [seed for seed in seeds if seed not in found]
    if missing:
        ways.say(f"training the best recipe on {len(missing)} fresh seed{'s' if len(missing) > 1 else ''}")
    results = _each(worker, _confirmed, [(best.settings, seed) for seed in missing], ways.jobs)
    for seed, value in zip(missing, results, strict=True):
        found[seed] = value
        ways.say(f"seed {seed}: validation {worker.metric.name} {value:.4f}")
        write_json(kept, {"recipe": text, "seeds": {str(seed): value for seed, value in found.items()}})
    return {seed: found[seed] for seed in seeds}


def _runs(path: Path) -> list[Path]:
    """The run folders of best recipes, in the order in which they were made."""
    return sorted(path.glob("best*/"), key=lambda folder: (len(folder.name), folder.name))


def _run_of(worker: _Worker, recipe: Recipe, splits: Splits, ways: _Ways) -> Run:
    """The run of the best recipe: kept, resumed or made."""
    path = worker.folder
    free = path / ("best" if not _runs(path) else f"best-{len(_runs(path)) + 1}")
    for folder in _runs(path):
        written = folder / "recipe.toml"
        if not exists(written):
            free = folder  # it was killed before it began
        elif written.read_bytes() == (worker.folder / "best.toml").read_bytes():
            if finished(folder):
                return Run.open(folder, splits)
            return resume(folder, on_finish=ways.on_run)
    ways.say(f"training the best recipe once more, to look at the test part with it: {free}")
    with threads.use(worker.plan["threads"]):
        return run_recipe(recipe, free, splits=splits, progress=Progress(), on_finish=ways.on_run)


def _write_csv(path: Path, result: Tuned) -> None:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    names = list(result.space)
    writer.writerow(["trial", "outcome", result.metric.key, "epochs", "seconds", *names, "reason"])
    for trial in result.trials:
        settings = [trial.settings.get(name, "") for name in names]
        value = "" if trial.value is None else repr(trial.value)
        writer.writerow([trial.number, trial.outcome, value, len(trial.values), trial.seconds, *settings, trial.reason])
    write_text(path, text.getvalue())
