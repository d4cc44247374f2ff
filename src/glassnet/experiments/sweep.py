"""Several runs of one recipe that differ in some settings, compared side by side.

A sweep has a folder with a sub-folder for each run and `sweep.json`: the recipe, the values, and how each run ended so
far. That is written anew after each run, so that a killed sweep goes on where it stopped: finished runs are kept, one
that was not is resumed, the rest is begun. Runs that failed are tried again.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import Any

from glassnet.errors import Fix, GlassnetError, RecipeError, TrainingError, TrainingInterrupted, reason_of
from glassnet.experiments.build import build
from glassnet.experiments.carry_out import Finisher, resume, run_recipe
from glassnet.experiments.data import LatestSplits
from glassnet.experiments.defaults import resolve, sized
from glassnet.experiments.folder import is_occupied, make_folder
from glassnet.experiments.recipe import Recipe, recipe_from
from glassnet.experiments.run import Run
from glassnet.files import exists, read_json, write_json
from glassnet.locking import locked
from glassnet.notation import is_real
from glassnet.train import Progress, read_history

__all__ = ["Sweep", "is_sweep", "resume_sweep", "sweep"]

PLAN = "sweep.json"
_FINISHED = "finished"

Say = Callable[[str], None]


@dataclass
class Sweep:
    """What came of a sweep.

    Attributes
    ----------
    title : str
        The recipe's.
    folder : Path
        Where it is kept.
    folders : dict of str to Path
        The run folder of each label ("optimizer.lr = 0.1"), in the order of the values.
    settings : dict of str to dict
        The values of each label by setting: {"optimizer.lr": 0.1}.
    runs : dict of str to Run
        The finished runs by label.
    failed : dict of str to str
        Why the others failed, by label, in one line each.
    files : list of Path
        What was added at the end, such as a page that compares the runs.

    Examples
    --------
    >>> from pathlib import Path
    >>> from glassnet.experiments import Sweep
    >>> label = "optimizer.lr = 10"  # what follows is as `sweep` gives it
    >>> found = Sweep("rates", Path("rates"), {label: Path("rates/1")}, {label: {"optimizer.lr": 10}})
    >>> found.failed[label] = "The loss became infinite at step 7 (epoch 1)."
    >>> found.settings[label], found.runs
    ({'optimizer.lr': 10}, {})
    """

    title: str
    folder: Path
    folders: dict[str, Path]
    settings: dict[str, dict[str, Any]]
    runs: dict[str, Run] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    files: list[Path] = field(default_factory=list)

    def history(self, label: str) -> list[dict[str, Any]]:
        """The records of a run, finished or failed; of a failed one as far as they can be read."""
        if label in self.runs:
            return self.runs[label].history.records
        path = self.folders[label] / "metrics.jsonl"
        try:
            return read_history(path) if exists(path) else []
        except GlassnetError:
            return []  # the run has failed, and this may be why

    def diverged(self, label: str) -> str:
        """How a finished run diverged ("its loss rose from 2.3 to 4.6e+03"), or "" where it did not.

        A training that works ends below the loss that it began with; noise is allowed for by a factor of 1.5.
        """
        losses = [float(record["loss"]) for record in self.history(label) if is_real(record.get("loss"))]
        if label in self.failed or not losses or not losses[0] > 0 or losses[-1] <= 1.5 * losses[0]:
            return ""
        return f"its loss rose from {losses[0]:.2g} to {losses[-1]:.2g}"


@dataclass(frozen=True)
class _Ways:
    """How the runs of a sweep are carried out: what is told, and what is added to each run and to the sweep."""

    make_progress: Callable[[], Progress]
    say: Say
    on_run: Sequence[Finisher]
    on_finish: Sequence[Callable[[Sweep], Iterable[Path]]]


def sweep(
    recipe: Recipe,
    values: dict[str, Sequence[Any]],
    folder: str | Path,
    *,
    make_progress: Callable[[], Progress] = Progress,
    say: Say = lambda text: None,
    on_run: Sequence[Finisher] = (),
    on_finish: Sequence[Callable[[Sweep], Iterable[Path]]] = (),
) -> Sweep:
    """Carry the recipe out once for every combination of `values`, each in a sub-folder of `folder`.

    Every combination is checked, with its data, before the first run starts. A run that fails after that (its loss
    diverges, the disk is full) is named with its reason, and the others go on. Where `folder` holds this very sweep,
    stopped at any moment, it goes on from there.

    Parameters
    ----------
    recipe : Recipe
        What all runs have in common.
    values : dict of str to sequence
        The values of each setting: {"optimizer.lr": [0.1, 0.01]}.
    folder : path-like
        A new or empty folder, or that of this sweep.
    make_progress : callable
        Makes what is told of the steps of one run.
    say : callable
        Is given a line here and there.
    on_run : sequence of callables
        Each is called with each finished run, as `on_finish` of `run_recipe`.
    on_finish : sequence of callables
        Each is called with the finished sweep and returns the paths of the files that it adds to its folder.

    Returns
    -------
    Sweep
        The runs, and why some failed.

    Raises
    ------
    GlassnetError
        A combination cannot be right; the folder holds anything else, or is being written by another process.
    TrainingInterrupted
        Somebody pressed Ctrl-C; everything so far is saved.

    Examples
    --------
    >>> import tempfile
    >>> from glassnet.experiments import recipe_for, sweep
    >>> recipe = recipe_for("digits", {"model.network": "linear", "train.epochs": 1})
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     len(sweep(recipe, {"optimizer.lr": [0.001, 0.01]}, f"{folder}/rates").runs)
    2
    """
    path = Path(folder)
    plan = _plan(recipe, values)
    if is_occupied(path, "folder of the sweep") and not (is_sweep(path) and _same_plan(read_json(path / PLAN), plan)):
        raise RecipeError(f"'{path}' exists and holds something other than this sweep.", Fix.CHOOSE_OUTPUT)
    choices = _choices(values)
    runs = {label: _changed(recipe, choice, label) for label, choice in choices.items()}
    splits = LatestSplits()
    for label, each in runs.items():
        try:
            each = sized(each)
            runs[label] = each = resolve(each, splits.of(each))
            build(each, splits.of(each)).check(splits.of(each).train, splits.of(each).valid)
        except GlassnetError as error:
            raise type(error)(f"{label}: {error}") from error
    make_folder(path, "folder of the sweep")
    with locked(path):
        ways = _Ways(make_progress, say, on_run, on_finish)
        return _Runner(path, plan, choices, runs, splits, ways).run(recipe.title)


def is_sweep(folder: str | Path) -> bool:
    """Whether a folder is that of a sweep.

    Examples
    --------
    >>> import tempfile
    >>> from glassnet.experiments import is_sweep
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     is_sweep(folder)
    False
    """
    return exists(Path(folder) / PLAN)


def resume_sweep(
    folder: str | Path,
    *,
    make_progress: Callable[[], Progress] = Progress,
    say: Say = lambda text: None,
    on_run: Sequence[Finisher] = (),
    on_finish: Sequence[Callable[[Sweep], Iterable[Path]]] = (),
) -> Sweep:
    """Resume the sweep in a folder.

    Parameters
    ----------
    folder : path-like
        Of a sweep.
    make_progress, say : callable
        As of `sweep`.
    on_run, on_finish : sequence of callables
        As of `sweep`.

    Returns
    -------
    Sweep
        The runs, and why some failed.

    Raises
    ------
    GlassnetError
        As `sweep`; `TrainingError` where its plan is damaged.

    Examples
    --------
    >>> import tempfile
    >>> from glassnet.experiments import recipe_for, resume_sweep, sweep
    >>> recipe = recipe_for("digits", {"model.network": "linear", "train.epochs": 1})
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = sweep(recipe, {"optimizer.lr": [0.001, 0.01]}, f"{folder}/rates")
    ...     list(resume_sweep(f"{folder}/rates").runs)  # all are finished
    ['optimizer.lr = 0.001', 'optimizer.lr = 0.01']
    """
    found = read_json(Path(folder) / PLAN)
    try:
        recipe, values = recipe_from(found["recipe"]), dict(found["values"])
    except (KeyError, TypeError, ValueError, AttributeError, GlassnetError) as error:
        raise TrainingError(f"Cannot resume the sweep: '{Path(folder) / PLAN}' is damaged ({error}).") from error
    return sweep(recipe, values, folder, make_progress=make_progress, say=say, on_run=on_run, on_finish=on_finish)


def _plan(recipe: Recipe, values: dict[str, Sequence[Any]]) -> dict[str, Any]:
    """What a sweep is, as JSON gives it back."""
    if not values or not all(values.values()):
        raise RecipeError("A sweep needs a setting and its values, as in optimizer.lr=0.1,0.01.")
    plan = {"recipe": recipe.to_dict(), "values": {name: list(choice) for name, choice in values.items()}}
    try:
        read: dict[str, Any] = json.loads(json.dumps(plan))
    except (TypeError, ValueError) as error:
        raise RecipeError(f"The values of a sweep are texts, numbers, truth values or lists ({error}).") from None
    return read


def _same_plan(found: Any, plan: dict[str, Any]) -> bool:
    return isinstance(found, dict) and all(found.get(name) == part for name, part in plan.items())


def _choices(values: dict[str, Sequence[Any]]) -> dict[str, dict[str, Any]]:
    """Every combination of the values by its label."""
    choices = [dict(zip(values, choice, strict=True)) for choice in product(*values.values())]
    return {", ".join(f"{name} = {value}" for name, value in choice.items()): choice for choice in choices}


def _changed(recipe: Recipe, choice: dict[str, Any], label: str) -> Recipe:
    """The recipe of a combination, checked as far as it can be without data."""
    try:
        return recipe.with_settings(choice)
    except GlassnetError as error:
        raise type(error)(f"{label}: {error}") from error


class _Runner:
    """Carries out the runs of one sweep and keeps its `sweep.json` true."""

    def __init__(
        self,
        folder: Path,
        plan: dict[str, Any],
        settings: dict[str, dict[str, Any]],
        recipes: dict[str, Recipe],
        splits: LatestSplits,
        ways: _Ways,
    ) -> None:
        self.folder, self.plan, self.settings, self.recipes, self.splits = folder, plan, settings, recipes, splits
        self.ways, self.say = ways, ways.say
        self.folders = {label: folder / name for label, name in _folder_names(list(recipes)).items()}
        kept = read_json(folder / PLAN).get("ended") if is_sweep(folder) else None
        self.ended: dict[str, str] = kept if isinstance(kept, dict) else {}

    def run(self, title: str) -> Sweep:
        self._keep()
        result = Sweep(title, self.folder, self.folders, self.settings)
        for number, (label, recipe) in enumerate(self.recipes.items(), start=1):
            self.say(f"run {number} of {len(self.recipes)}: {label}")
            try:
                result.runs[label] = self._one(label, recipe)
                self.ended[label] = _FINISHED
            except TrainingInterrupted as error:
                raise TrainingInterrupted(
                    f"Interrupted in run {number} of {len(self.recipes)} ({label}); everything is saved.",
                    Fix.RESUME,
                    folder=self.folder,
                ) from error
            except Exception as error:  # whatever one run dies of, the others go on
                result.failed[label] = self.ended[label] = reason_of(error)
                self.say(f"failed: {result.failed[label]}")
            self._keep()
        result.files = [path for finish in self.ways.on_finish for path in finish(result)]
        return result

    def _keep(self) -> None:
        write_json(self.folder / PLAN, {**self.plan, "ended": self.ended})

    def _one(self, label: str, recipe: Recipe) -> Run:
        """The run of a label: kept where it is finished, else resumed or begun."""
        folder, ways = self.folders[label], self.ways
        if self.ended.get(label) == _FINISHED and exists(folder / "model.safetensors"):
            self.say("finished before; kept")
            return Run.open(folder, self.splits.of(recipe))
        if exists(folder / "recipe.toml"):
            return resume(folder, progress=ways.make_progress(), on_finish=ways.on_run)
        return run_recipe(
            recipe, folder, progress=ways.make_progress(), splits=self.splits.of(recipe), on_finish=ways.on_run
        )


def _folder_names(labels: Sequence[str]) -> dict[str, str]:
    """A folder name of its own for every label."""
    names: dict[str, str] = {}
    for label in labels:
        kept = "".join(c if c.isalnum() or c in ".-_" else "_" for c in label.replace(" = ", "=")).strip("_")[:80]
        # Long or oddly written values may agree in what is kept.
        tries = (kept or "run", *(f"{kept or 'run'}-{number}" for number in range(2, len(labels) + 2)))
        names[label] = next(name for name in tries if name not in names.values())
    return names
