"""A study: many trials of one recipe with other settings, the better ones modelled, the worse ones ended early.

What decides is the validation metric that the task names. The test part is left out of the data of every trial; the
best recipe alone sees it, once, when the search is over, after it was trained again on fresh seeds.

The folder of a study is described in `glassnet.experiments.study`, how a trial is carried out in
`glassnet.experiments.trials`.
"""

from __future__ import annotations

import csv
import io
import math
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from glassnet import threads
from glassnet.data import Splits
from glassnet.errors import Fix, RecipeError, TrainingError, TrainingInterrupted
from glassnet.experiments.book import PRUNERS, Trial, require_optuna
from glassnet.experiments.carry_out import Finisher, resume, run_recipe
from glassnet.experiments.defaults import prepare
from glassnet.experiments.recipe import Recipe, recipe_from
from glassnet.experiments.run import Run, finished
from glassnet.experiments.search import Space, space_from, usual_space
from glassnet.experiments.study import PLAN, Tuned, best_of, claim, is_study, make_plan, read_plan
from glassnet.experiments.trials import Worker, confirmed_on, each, own_values, searched
from glassnet.files import exists, read_json, write_json, write_text
from glassnet.locking import locked
from glassnet.train import Progress

__all__ = ["resume_study", "tune"]

Say = Callable[[str], None]


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

    Examples
    --------
    >>> import optuna  # tunes, and is installed with 'glassnet[tune]'
    >>> import tempfile
    >>> from glassnet.experiments import parse_search, recipe_for, tune
    >>> recipe = recipe_for("digits", {"model.network": "linear", "train.epochs": 1, "data.validation": 0.2})
    >>> space = dict([parse_search("train.batch = 64 | 128")])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     found = tune(recipe, space, f"{folder}/study", trials=2, confirm=0)
    >>> len(found.trials), list(found.best.settings)
    (2, ['train.batch'])
    """
    require_optuna()
    _check(trials, jobs, confirm, prune)
    path = Path(folder)
    with threads.use(recipe.threads):
        whole, splits = prepare(recipe, say)
        plan = make_plan(whole, space or usual_space(whole, splits), splits, seed, prune, sampler, jobs)
        del splits
    claim(path, plan, storage, trials)
    until = math.inf if seconds is None else time.time() + seconds
    ways = _Ways(trials, jobs, until, confirm, storage, say, on_trial, on_run, on_finish)
    try:
        return _carry_out(path, ways)
    except (KeyboardInterrupt, TrainingInterrupted):
        raise TrainingInterrupted(
            "Interrupted; all trials that ended are kept.", Fix.RESUME_STUDY, folder=path
        ) from None


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

    Examples
    --------
    >>> import optuna  # tunes, and is installed with 'glassnet[tune]'
    >>> import tempfile
    >>> from glassnet.experiments import parse_search, recipe_for, resume_study, tune
    >>> recipe = recipe_for("digits", {"model.network": "linear", "train.epochs": 1, "data.validation": 0.2})
    >>> space = dict([parse_search("train.batch = 64 | 128")])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = tune(recipe, space, f"{folder}/study", trials=1, confirm=0)
    ...     len(resume_study(f"{folder}/study", trials=2, confirm=0).trials)
    2
    """
    path = Path(folder)
    if not is_study(path):
        raise TrainingError(f"'{path}' is not the folder of a study: it has no {PLAN}.")
    plan = read_plan(path)
    ways = {"storage": plan["storage"], "trials": plan["trials"], **ways}
    own = {name: plan[name] for name in ("seed", "prune", "sampler")}
    return tune(recipe_from(plan["recipe"]), space_from(plan["space"]), path, **own, **ways)


def _check(trials: int, jobs: int, confirm: int, prune: str) -> None:
    if trials < 1 or jobs < 1 or confirm < 0:
        raise RecipeError(
            f"A study has at least 1 trial, 1 job and 0 seeds to confirm on. Got {trials}, {jobs} and {confirm}."
        )
    if prune not in PRUNERS:
        raise RecipeError(f"Trials are pruned by {', '.join(PRUNERS)}. Got '{prune}' instead.")


def _carry_out(path: Path, ways: _Ways) -> Tuned:
    """Search, then make something of the best trial."""
    first = Worker(str(path), ways.until)
    closed = [trial for trial in first.book.trials() if trial.outcome != "in flight"]
    if closed:
        ways.say(f"{len(closed)} trials were carried out before; they are kept")
    best = best_of(closed, first.metric)
    for trial in each(first, searched, [ways.trials] * max(0, ways.trials - len(closed)), ways.jobs):
        if trial is not None:
            best = best_of([found for found in (best, trial) if found is not None], first.metric)
            ways.on_trial(trial, best)
    result = Tuned(first.recipe.title, path, first.metric, first.space, first.book.trials(), ways.trials)
    own = own_values(first.recipe)
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


# ---- the best trial


def _make_the_best(worker: Worker, result: Tuned, best: Trial, ways: _Ways) -> None:
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


def _on_fresh_seeds(worker: Worker, recipe: Recipe, best: Trial, ways: _Ways) -> dict[int, float]:
    kept, text = worker.folder / "confirmed.json", recipe.to_toml()
    known = read_json(kept) if exists(kept) else {}
    found: dict[int, float] = {}
    if isinstance(known, dict) and known.get("recipe") == text:
        found = {int(seed): float(value) for seed, value in known["seeds"].items()}
    seeds = [recipe.settings.seed + 1 + number for number in range(ways.confirm)]
    missing = [seed for seed in seeds if seed not in found]
    if missing:
        ways.say(f"training the best recipe on {len(missing)} fresh seed{'s' if len(missing) > 1 else ''}")
    results = each(worker, confirmed_on, [(best.settings, seed) for seed in missing], ways.jobs)
    for seed, value in zip(missing, results, strict=True):
        found[seed] = value
        ways.say(f"seed {seed}: validation {worker.metric.name} {value:.4f}")
        write_json(kept, {"recipe": text, "seeds": {str(seed): value for seed, value in found.items()}})
    return {seed: found[seed] for seed in seeds}


def _runs(path: Path) -> list[Path]:
    """The run folders of best recipes, in the order in which they were made."""
    return sorted(path.glob("best*/"), key=lambda folder: (len(folder.name), folder.name))


def _run_of(worker: Worker, recipe: Recipe, splits: Splits, ways: _Ways) -> Run:
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
