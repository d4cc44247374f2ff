"""A study as its folder has it: the plan, which must not change, and what came of it.

study.json       the recipe, the space, the seed: what must not change
journal/         its trials, unless they are in another storage (see `glassnet.experiments.book`)
trials/007/      the recipe of a trial, and the records of its epochs
trials.csv       all trials as a table; trials.json has more
best.toml        the best recipe
best/            its run, with the report and the figures on the test part
confirmed.json   its validation metric on fresh seeds
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from glassnet import threads
from glassnet.data import Splits
from glassnet.errors import Fix, GlassnetError, RecipeError, TrainingError
from glassnet.experiments.book import Trial
from glassnet.experiments.folder import is_occupied, make_folder
from glassnet.experiments.recipe import Recipe
from glassnet.experiments.run import Run
from glassnet.experiments.search import Choice, Space, changed
from glassnet.files import exists, read_json, write_json
from glassnet.tasks import Metric

__all__ = ["PLAN", "Tuned", "best_of", "claim", "is_study", "make_plan", "name_of", "read_plan"]

PLAN = "study.json"


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

    Examples
    --------
    >>> from pathlib import Path
    >>> from glassnet.experiments import Trial, Tuned
    >>> from glassnet.tasks import Metric
    >>> trials = [Trial(0, {"optimizer.lr": 0.1}, "finished", 0.8), Trial(1, {"optimizer.lr": 0.01}, "finished", 0.9)]
    >>> found = Tuned("digits", Path("studies/digits"), Metric("accuracy"), {}, trials)  # as `tune` gives it
    >>> found.best.settings, found.count("finished")
    ({'optimizer.lr': 0.01}, 2)
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


def is_study(folder: str | Path) -> bool:
    """Whether a folder is that of a study.

    Examples
    --------
    >>> import tempfile
    >>> from glassnet.experiments import is_study
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     is_study(folder)
    False
    """
    return exists(Path(folder) / PLAN)


def make_plan(
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


def read_plan(path: Path) -> dict[str, Any]:
    plan = read_json(path / PLAN)
    names = ("recipe", "space", "seed", "prune", "sampler", "threads", "data", "storage", "trials")
    if not isinstance(plan, dict) or any(name not in plan for name in names):
        raise TrainingError(f"Cannot go on with the study: '{path / PLAN}' is damaged.")
    return plan


def claim(path: Path, plan: dict[str, Any], storage: str, trials: int) -> None:
    """Begin the folder, or find this very study there."""
    if is_study(path):
        kept = read_plan(path)
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


def name_of(plan: Mapping[str, Any]) -> str:
    """What a study is called in a storage: the same on every machine, wherever its data lie."""
    recipe = {**plan["recipe"], "data": {**plan["recipe"]["data"], "source": ""}}
    told = {**{name: plan[name] for name in ("space", "seed", "prune", "sampler", "data")}, "recipe": recipe}
    return f"glassnet-{zlib.crc32(json.dumps(told, sort_keys=True).encode()):08x}"
