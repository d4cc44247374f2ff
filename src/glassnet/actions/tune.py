"""Searching for better settings of a recipe, and going on with such a study."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from glassnet import experiments
from glassnet.actions.events import Events
from glassnet.actions.train import recipe_of
from glassnet.experiments import Recipe, Space, Trial, Tuned, new_folder, search_in
from glassnet.report import pages

__all__ = ["Studied", "resume_tune", "tune"]


@dataclass(frozen=True, eq=False)
class Studied:
    """What came of a study, with its page."""

    found: Tuned

    @property
    def mean(self) -> float | None:
        """The validation metric of the best recipe, mean over the fresh seeds; None where there are none."""
        values = list(self.found.confirmed.values())
        return statistics.fmean(values) if values else None

    def to_dict(self) -> dict[str, Any]:
        """All of it with plain keys; the figures on the test part are those of the best recipe's run."""
        found = self.found
        return {
            "metric": found.metric.key,
            "best": found.best and found.best.to_dict(),
            "own": found.own and found.own.to_dict(),
            "confirmed": found.confirmed,
            "confirmed_mean": self.mean,
            "evaluated_on": found.run and found.run.evaluated_on,
            "figures": found.run and found.run.figures(),
            "looks_at_test": found.looks,
            "importance": found.importance,
            "space": {name: part.to_text() for name, part in found.space.items()},
            "trials": [trial.to_dict() for trial in found.trials],
            "folder": found.folder,
            "files": found.files,
        }


def tune(
    data: str | Path | Recipe,
    space: Space | None = None,
    settings: Mapping[str, Any] | None = None,
    out: str | Path | None = None,
    *,
    trials: int = 60,
    jobs: int = 1,
    seconds: float | None = None,
    storage: str = "",
    seed: int = 0,
    prune: str = "median",
    confirm: int = 3,
    on_trial: Callable[[Trial, Trial | None], None] = lambda trial, best: None,
    events: Events | None = None,
) -> Studied:
    """Search for better settings of a recipe; the trials, the best recipe, its run and a page stay in a folder.

    Parameters
    ----------
    data : str, path or Recipe
        A recipe, the file of one (ending in .toml), or data alone: a folder or file, or a known set.
    space : mapping of str to Span or Choice, optional
        What is searched; None takes the recipe's `[tune]` part, else what is usual for the recipe.
    settings : mapping of str to value, optional
        What replaces values of the recipe, by dotted name.
    out : path, optional
        The folder of the study: new, empty, or that of this very study, which then goes on; None takes
        runs/DATA-NUMBER.
    trials, jobs, seconds, storage, seed, prune, confirm, on_trial : object
        As of `glassnet.experiments.tune`.
    events : Events, optional
        Told what is done.

    Returns
    -------
    Studied
        The trials, the best of them, and what it does on fresh seeds and on the test part.

    Raises
    ------
    GlassnetError
        Recipe, space, data or folder are wrong, or no trial came to its end.
    TrainingInterrupted
        Somebody pressed Ctrl-C; `resume_tune` goes on.
    """
    recipe = recipe_of(data, settings)
    if space is None:
        space = search_in(data) if isinstance(data, str | Path) and str(data).endswith(".toml") else {}
    folder = Path(out) if out is not None else new_folder(recipe)
    ways = _ways(events, on_trial)
    return Studied(
        experiments.tune(
            recipe,
            space,
            folder,
            trials=trials,
            jobs=jobs,
            seconds=seconds,
            storage=storage,
            seed=seed,
            prune=prune,
            confirm=confirm,
            **ways,
        )
    )


def resume_tune(
    folder: str | Path,
    *,
    trials: int | None = None,
    jobs: int = 1,
    seconds: float | None = None,
    confirm: int = 3,
    on_trial: Callable[[Trial, Trial | None], None] = lambda trial, best: None,
    events: Events | None = None,
) -> Studied:
    """Go on with the study in a folder, or help another process with it.

    Parameters
    ----------
    folder : path
        Of a study.
    trials : int, optional
        How many it is to have in all; None: as many as before.
    jobs, seconds, confirm, on_trial : object
        As of `tune`.
    events : Events, optional
        As of `tune`.

    Returns
    -------
    Studied
        As of `tune`.

    Raises
    ------
    GlassnetError
        The folder holds no study, its data have changed, or no trial came to its end.
    TrainingInterrupted
        Somebody pressed Ctrl-C; it can be resumed again.
    """
    wanted = {} if trials is None else {"trials": trials}
    ways = {"jobs": jobs, "seconds": seconds, "confirm": confirm, **wanted, **_ways(events, on_trial)}
    return Studied(experiments.resume_study(folder, **ways))


def _ways(events: Events | None, on_trial: Callable[[Trial, Trial | None], None]) -> dict[str, Any]:
    return {
        "say": (events or Events()).say,
        "on_trial": on_trial,
        "on_run": [pages.write_run_page],
        "on_finish": [pages.write_tune_page],
    }
