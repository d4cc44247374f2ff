"""Training a network by a recipe, once or for every combination of some settings, and going on with either."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from glassnet import experiments
from glassnet.actions.events import Events
from glassnet.doctor import AuditGradients, Finding, Watch
from glassnet.errors import RecipeError
from glassnet.experiments import Recipe, Run, Sweep, load_recipe, new_folder, recipe_for
from glassnet.report import pages
from glassnet.train import Callback, Progress
from glassnet.train.callbacks import KeepEpochs

__all__ = ["Swept", "Trained", "branch", "follow", "recipe_of", "resume", "sweep", "train"]


@dataclass(frozen=True, eq=False)
class Trained:
    """A finished run with its report; `finished_before`: it was asked to go on, and there was nothing left to do."""

    run: Run
    finished_before: bool = False

    def to_dict(self) -> dict[str, Any]:
        """The final figures, the verdict with what to try, the run folder and the files, the model first."""
        verdict = self.run.verdict and self.run.verdict.to_dict()
        return {**self.run.figures(), "verdict": verdict, "folder": self.run.folder, "files": self.run.files}


@dataclass(frozen=True, eq=False)
class Swept:
    """What came of a sweep, with a page that compares its runs."""

    sweep: Sweep

    @property
    def figures(self) -> dict[str, dict[str, Any]]:
        """The final figures of each finished run, by label."""
        return {label: run.figures() for label, run in self.sweep.runs.items()}

    @property
    def best(self) -> str | None:
        """The label of the best run, by validation where there is one; None where all failed."""
        runs = [pages.SweepRun(label, (), figures) for label, figures in self.figures.items()]
        found = pages.best_run(runs)
        return None if found is None else runs[found[0]].label

    @property
    def diverged(self) -> dict[str, str]:
        """How runs diverged though they finished, by label."""
        found = {label: self.sweep.diverged(label) for label in self.sweep.runs}
        return {label: how for label, how in found.items() if how}

    def to_dict(self) -> dict[str, Any]:
        """The figures of each run, the best, why others failed or how they diverged, and the files, the page first."""
        return {
            "runs": self.figures,
            "best": self.best,
            "failed": self.sweep.failed,
            "diverged": self.diverged,
            "files": self.sweep.files,
        }


def train(
    data: str | Path | Recipe,
    settings: Mapping[str, Any] | None = None,
    out: str | Path | None = None,
    *,
    watched: bool = False,
    audited: bool = False,
    keep_epochs: bool = False,
    make_progress: Callable[[], Progress] = Progress,
    events: Events | None = None,
    callbacks: Sequence[Callback] = (),
) -> Trained:
    """Train a network; its model, its history and a report are written into a run folder.

    Parameters
    ----------
    data : str, path or Recipe
        A recipe, the file of one (ending in .toml), or data alone: a folder or file, or a known set.
    settings : mapping of str to value, optional
        What replaces values of the recipe, by dotted name: {"optimizer.lr": 0.1}; None takes a value out.
    out : path, optional
        The run folder, new or empty; None takes runs/DATA-NUMBER.
    watched : bool
        Whether the doctor looks at the training while it runs, and tells what goes wrong.
    audited : bool
        Whether a few gradients are compared with differences every 100 steps.
    keep_epochs : bool
        Whether the training is kept as it is after every epoch, see `KeepEpochs`.
    make_progress : callable
        Makes what is told of steps and epochs.
    events : Events, optional
        Told what is trained, and that the report is written.
    callbacks : sequence of Callback
        What else happens in the training.

    Raises
    ------
    GlassnetError
        Recipe, data or folder are wrong, or the training cannot go on.
    TrainingInterrupted
        Somebody pressed Ctrl-C; `resume` goes on.
    """
    events = events or Events()
    recipe = recipe_of(data, settings)
    folder = Path(out) if out is not None else new_folder(recipe)
    run = experiments.run_recipe(
        recipe,
        folder,
        progress=make_progress(),
        say=events.say,
        on_finish=[_reporting(events)],
        callbacks=[
            *_watches(events, recipe.values(), watched, audited),
            *_kept(folder, keep_epochs, events),
            *callbacks,
        ],
    )
    return Trained(run)


def branch(
    start: str | Path,
    out: str | Path,
    *,
    epoch: int | None = None,
    settings: Mapping[str, Any] | None = None,
    keep_epochs: bool = False,
    make_progress: Callable[[], Progress] = Progress,
    events: Events | None = None,
    callbacks: Sequence[Callback] = (),
) -> Trained:
    """Go on from an epoch of a run in a new run folder, with some settings changed; see `glassnet.experiments.branch`.

    Parameters
    ----------
    start : path
        The folder of the first run, which stays as it is.
    out : path
        The new one's, new or empty.
    epoch : int, optional
        An epoch that is kept; None takes the latest checkpoint.
    settings : mapping of str to value, optional
        What is changed, by dotted name.
    keep_epochs : bool
        As of `train`.
    make_progress : callable
        As of `train`.
    events : Events, optional
        As of `train`.
    callbacks : sequence of Callback
        As of `train`.

    Raises
    ------
    GlassnetError
        The epoch is not kept, the setting cannot be changed on the way, the data have changed, or the training cannot
        go on.
    TrainingInterrupted
        Somebody pressed Ctrl-C; `resume` goes on.
    """
    events = events or Events()
    run = experiments.branch(
        start,
        out,
        epoch=epoch,
        settings=settings,
        progress=make_progress(),
        say=events.say,
        on_finish=[_reporting(events)],
        callbacks=[*_kept(Path(out), keep_epochs, events), *callbacks],
    )
    return Trained(run)


def sweep(
    data: str | Path | Recipe,
    values: Mapping[str, Sequence[Any]],
    settings: Mapping[str, Any] | None = None,
    out: str | Path | None = None,
    *,
    make_progress: Callable[[], Progress] = Progress,
    events: Events | None = None,
) -> Swept:
    """Train once for every combination of values, each in a folder of its own, and compare the runs on a page.

    Parameters
    ----------
    data : str, path or Recipe
        As of `train`.
    settings : mapping of str to value, optional
        As of `train`.
    values : mapping of str to sequence
        The values of each setting: {"optimizer.lr": [0.1, 0.01]}.
    out : path, optional
        The folder of the sweep: new, empty, or that of this very sweep, which then goes on; None takes
        runs/DATA-NUMBER.
    make_progress : callable
        Makes what is told of the steps of one run.
    events : Events, optional
        Told which run begins.

    Raises
    ------
    GlassnetError
        A combination cannot be right. A run that fails later is kept in the result with its reason.
    TrainingInterrupted
        Somebody pressed Ctrl-C; `resume` goes on.
    """
    recipe = recipe_of(data, settings)
    folder = Path(out) if out is not None else new_folder(recipe)
    return Swept(experiments.sweep(recipe, dict(values), folder, **_ways(make_progress, events or Events())))


def resume(
    folder: str | Path,
    epochs: int | None = None,
    *,
    engine: Mapping[str, Any] | None = None,
    watched: bool = False,
    audited: bool = False,
    keep_epochs: bool = False,
    make_progress: Callable[[], Progress] = Progress,
    events: Events | None = None,
) -> Trained | Swept:
    """Go on with the run, or the sweep, of a folder, bit for bit as if it had never stopped; or train a run longer.

    Parameters
    ----------
    folder : path
        Of a run or of a sweep.
    epochs : int, optional
        How many epochs a run is to have in all, more than it has had: then a finished one goes on, too.
    engine : mapping of str to value, optional
        What the run's `[engine]` is to have from here on: {"name": "torch", "device": "cuda"}.
    watched, audited, keep_epochs : bool
        As of `train`, for a run.
    make_progress : callable
        As of `train`.
    events : Events, optional
        As of `train`.

    Raises
    ------
    GlassnetError
        The folder holds neither, is being written by another process, or its data have changed.
    TrainingInterrupted
        Somebody pressed Ctrl-C; it can be resumed again.
    """
    events = events or Events()
    if experiments.is_sweep(folder):
        if epochs is not None:
            raise RecipeError("The runs of a sweep keep their epochs. Resume the folder of one to train it longer.")
        if engine:
            raise RecipeError("The runs of a sweep keep their engine. Resume the folder of one to change it.")
        return Swept(experiments.resume_sweep(folder, **_ways(make_progress, events)))
    before = experiments.finished(folder) if epochs is None else ""
    if before:
        events.say(f"this run was finished before, {before}: nothing is trained, its report is written again")
    finish = [_reporting(events)]
    run = experiments.resume(
        folder,
        epochs=epochs,
        engine=engine,
        progress=make_progress(),
        say=events.say,
        on_finish=finish,
        callbacks=[*_watches(events, {}, watched, audited), *_kept(Path(folder), keep_epochs, events)],
    )
    return Trained(run, finished_before=bool(before))


def follow(
    data: str | Path | Recipe | None,
    settings: Mapping[str, Any] | None = None,
    *,
    resumed: str | Path | None = None,
    epochs: int | None = None,
    engine: Mapping[str, Any] | None = None,
) -> None:
    """Take part, as one of several processes, in what process 0 does by `train` or `resume`.

    Parameters
    ----------
    data : str, path or Recipe, optional
        As of `train`.
    settings : mapping of str to value, optional
        As of `train`.
    resumed : path, optional
        The folder of the run that is resumed.
    epochs : int, optional
        As of `resume`.
    engine : mapping of str to value, optional
        As of `resume`.

    Raises
    ------
    GlassnetError
        Recipe, data or folder are wrong, or another process ended.
    """
    if resumed is not None:
        experiments.follow_resumed(resumed, epochs=epochs, engine=engine)
    elif data is not None:
        experiments.follow(recipe_of(data, settings))


def recipe_of(data: str | Path | Recipe, settings: Mapping[str, Any] | None) -> Recipe:
    """The recipe of data alone, of a file ending in .toml, or itself, with some settings."""
    if not isinstance(data, Recipe):
        if not str(data).endswith(".toml"):
            return recipe_for(str(data), settings or {})
        data = load_recipe(data)
    return data.with_settings(dict(settings or {}))


def _watches(events: Events, settings: Mapping[str, Any], watched: bool, audited: bool) -> list[Callback]:
    """What tells of a training that goes wrong, as soon as it can be known."""

    def tell(finding: Finding) -> None:
        events.say(f"doctor: {finding.name}: {finding.evidence}")

    found: list[Callback] = [Watch(tell, settings=settings)] if watched else []
    return [*found, AuditGradients(tell)] if audited else found


def _kept(folder: Path, keep_epochs: bool, events: Events) -> list[Callback]:
    return [KeepEpochs(folder, say=events.say)] if keep_epochs else []


def _reporting(events: Events) -> Callable[[Run], list[Path]]:
    """Writes the report of a finished run, and says so first: it takes a while."""

    def finish(run: Run) -> list[Path]:
        events.say("writing the report")
        return pages.write_run_page(run)

    return finish


def _ways(make_progress: Callable[[], Progress], events: Events) -> dict[str, Any]:
    """How the runs of a sweep are carried out."""
    return {
        "make_progress": make_progress,
        "say": events.say,
        "on_run": [pages.write_run_page],
        "on_finish": [pages.write_sweep_page],
    }
