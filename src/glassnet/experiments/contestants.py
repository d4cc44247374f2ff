"""What is compared: networks with their answers, and groups of networks that differ in nothing but the seed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import takewhile
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from glassnet.data import Dataset
from glassnet.errors import DataError, TrainingError
from glassnet.experiments.folder import require_run
from glassnet.experiments.known import short_digests
from glassnet.experiments.predictions import Predictions
from glassnet.experiments.recipe import Recipe
from glassnet.experiments.run import Run, finished
from glassnet.files import exists, read_json
from glassnet.metrics import Evaluation, Reconstruction, evaluate

__all__ = ["Contestant", "Group", "common_name", "differing", "groups_of", "open_runs", "runs_inside"]

# What does not change what a recipe amounts to: how a run is called and kept, and on how many cores it runs.
_SAME = ("title", "train.seed", "train.threads", "train.log_every", "train.checkpoint_seconds")
_SEED = re.compile(r"[-_.= ]*(train\.)?(seed)?[-_.= ]*$")


@dataclass(frozen=True, eq=False)
class Contestant:
    """One network and what it said of the pictures that it was evaluated on.

    Attributes
    ----------
    name : str
        What it is called.
    predictions : Predictions
        Of N pictures.
    class_names : tuple of str
        The names of their classes.
    run : Run or None
        The run that it comes from.
    dataset : Dataset or None
        The pictures, where they are at hand; otherwise its run loads them.
    identity : str
        What the pictures are known by, where it is known that others with this text have the very same, in one order.
    """

    name: str
    predictions: Predictions
    class_names: tuple[str, ...]
    run: Run | None = None
    dataset: Dataset | None = None
    identity: str = ""

    @cached_property
    def evaluation(self) -> Evaluation | None:
        """The figures of a classifier."""
        if self.run is not None and self.dataset is None:
            return self.run.evaluation
        p = self.predictions
        return None if p.probabilities is None else evaluate(p.probabilities, p.labels, self.class_names)

    @property
    def reconstruction(self) -> Reconstruction | None:
        """The figures of a network that reconstructs its input."""
        return self.predictions.reconstruction

    @property
    def pictures(self) -> Dataset:
        """The pictures; those of a run are loaded. Raises `GlassnetError` where they are not there any more."""
        if self.dataset is not None:
            return self.dataset
        if self.run is None:
            raise DataError(f"The pictures of '{self.name}' are not at hand.")
        return self.run.evaluated

    @property
    def seed(self) -> int:
        """The seed of its run."""
        return 0 if self.run is None else self.run.recipe.settings.seed

    @property
    def picture_shape(self) -> tuple[Any, ...]:
        """How large its pictures are and how they were read: only pictures of one kind can be compared by content."""
        of = self.dataset or (None if self.run is None else self.run.model)
        return () if of is None else (*of.image_shape, of.reading.notation())

    @cached_property
    def sha256(self) -> str:
        """SHA-256 of the part that it was evaluated on, of pictures in their order and labels; "" if not known."""
        if self.identity or self.dataset is not None:
            return self.identity or self.dataset.sha256  # type: ignore[union-attr]
        if self.run is None or self.run.folder is None:
            return ""
        kept = read_json(self.run.folder / "environment.json")
        name = {"training": "train"}.get(self.predictions.part, self.predictions.part)
        try:
            return str(kept["data"][name]["sha256"])
        except (KeyError, TypeError):
            return ""

    @cached_property
    def digests(self) -> npt.NDArray[np.uint64]:
        """64 bits of the SHA-256 of each picture, (N,); loads the data of a run that has not kept them."""
        known = None if self.run is None or self.dataset is not None else self.run.known
        if known is not None and known.evaluated is not None and len(known.evaluated) == len(self.predictions):
            return known.evaluated
        return short_digests(self.pictures.picture_digests)

    @property
    def true_names(self) -> npt.NDArray[np.str_]:
        """The name of the class of each picture, (N,)."""
        return np.asarray(self.class_names)[self.predictions.labels]

    @cached_property
    def right(self) -> npt.NDArray[np.bool_]:
        """Which pictures it has right, (N,); of a classifier."""
        assert self.predictions.probabilities is not None
        return np.asarray(self.predictions.probabilities.argmax(axis=1) == self.predictions.labels)

    @cached_property
    def losses(self) -> npt.NDArray[np.float64]:
        """-log p[true] of each picture, (N,); of a classifier."""
        p = self.predictions.probabilities
        assert p is not None
        own = p[np.arange(len(p)), self.predictions.labels]
        return np.asarray(-np.log(np.maximum(own, np.finfo(p.dtype).tiny).astype(np.float64)))

    @property
    def held_out_share(self) -> float:
        """Pictures evaluated for each one trained on."""
        known = None if self.run is None else self.run.known
        trained = 0 if known is None else len(known.training)
        return len(self.predictions) / trained if trained else 1.0


@dataclass(frozen=True, eq=False)
class Group:
    """Networks of one recipe that differ in the seed alone; often one network.

    Attributes
    ----------
    name : str
        What it is called.
    members : tuple of Contestant
        At least one.
    about : str
        How it was made, in a few words.
    settings : mapping of str to value
        The recipe by dotted name; empty where there is none.
    """

    name: str
    members: tuple[Contestant, ...]
    about: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)

    @property
    def classifies(self) -> bool:
        """Whether these are classifiers."""
        return self.members[0].predictions.probabilities is not None

    @property
    def figures(self) -> list[float]:
        """Accuracy of each network, or its PSNR in dB, each on all of its own pictures."""
        found = [one.evaluation.accuracy if one.evaluation is not None else one.reconstruction for one in self.members]
        return [one.psnr if isinstance(one, Reconstruction) else float(one or 0.0) for one in found]


# ---- runs


def runs_inside(folder: str | Path) -> list[Path]:
    """The run folders that a folder holds, itself where it is one, in the order of their names.

    Raises
    ------
    TrainingError
        It is no folder, or holds no run.
    """
    path = Path(folder)
    if exists(path / "recipe.toml"):
        return [path]
    inside = sorted(path.iterdir(), key=_natural) if exists(path) and path.is_dir() else []
    found = [each for each in inside if each.is_dir() and exists(each / "recipe.toml")]
    if not found:
        require_run(path)  # which says what is expected
    return found


def _natural(path: Path) -> list[Any]:
    return [(int(part) if part.isdigit() else 0, part) for part in re.split(r"(\d+)", path.name)]


def open_runs(folders: Sequence[str | Path]) -> tuple[list[Run], list[str]]:
    """The finished runs of folders, each a run's or one that holds runs (as a sweep does), and notes on the others.

    A run that was named itself must be finished; of those in a folder the unfinished are left out, and a note says so.

    Raises
    ------
    GlassnetError
        A folder holds no run, or one that is named is not finished or cannot be read.
    """
    runs: dict[Path, Run] = {}
    left_out = []
    for folder in folders:
        for path in runs_inside(folder):
            if path.resolve() in runs:
                continue
            if not finished(path):
                if path == Path(folder):
                    raise TrainingError(f"The run in '{path}' is not finished, so there is nothing to compare yet.")
                left_out.append(path.name)
                continue
            runs[path.resolve()] = Run.open(path)
    notes = [f"left out, as not finished: {', '.join(left_out)}"] if left_out else []
    return list(runs.values()), notes


def groups_of(runs: Iterable[Run]) -> tuple[list[Group], list[str]]:
    """Runs as groups, those whose recipes differ in nothing but the seed together; and what must be said of it.

    Two runs of one recipe with one seed are the same run twice, and the second is left out. Where all runs are of one
    recipe each is a group of its own.
    """
    alike: dict[str, list[Run]] = {}
    notes = []
    for run in runs:
        run.model.task.require_pictures("Figures of lines stand side by side in the page of a sweep.")
        same = alike.setdefault(repr(sorted(_settings(run.recipe, _SAME).items())), [])
        twin = next((one for one in same if one.recipe.settings.seed == run.recipe.settings.seed), None)
        if twin is None:
            same.append(run)
        else:
            notes.append(f"'{run.folder}' is left out: it has the recipe and the seed of '{twin.folder}'")
    groups = list(alike.values())
    if len(groups) == 1 and len(groups[0]) > 1:
        groups = [[run] for run in groups[0]]
        notes.append("these runs are of one recipe and differ in the seed alone: networks are compared, not recipes")
    names = _names(groups)
    return [
        Group(
            name,
            tuple(
                _contestant(run, f"{name}, seed {run.recipe.settings.seed}" if len(own) > 1 else name) for run in own
            ),
            own[0].recipe.about,
            _settings(own[0].recipe, ("title",)),
        )
        for name, own in zip(names, groups, strict=True)
    ], notes


def _contestant(run: Run, name: str) -> Contestant:
    return Contestant(name, run.predictions, run.model.class_names, run)


def _settings(recipe: Recipe, without: Sequence[str]) -> dict[str, Any]:
    """A recipe's values by dotted name."""
    flat: dict[str, Any] = {}
    for part, values in recipe.to_dict().items():
        flat |= (
            {f"{part}.{name}": value for name, value in values.items()} if isinstance(values, dict) else {part: values}
        )
    return {name: value for name, value in flat.items() if name not in without}


def _names(groups: Sequence[Sequence[Run]]) -> list[str]:
    """A name for each group: what its folders' names begin with; whole paths where names are equal."""
    found = [common_name([_folder(run).name for run in own]) for own in groups]
    clash = {name for name in found if found.count(name) > 1}
    longer = [str(_folder(own[0])) if name in clash else name for name, own in zip(found, groups, strict=True)]
    return [f"{name} ({i})" if longer.count(name) > 1 else name for i, name in enumerate(longer, start=1)]


def common_name(names: Sequence[str]) -> str:
    """What names begin with, without the seed and what leads to it; no number is cut in two."""
    if len(names) == 1:
        return names[0]
    start = "".join(letters[0] for letters in takewhile(lambda some: len(set(some)) == 1, zip(*names, strict=False)))
    if any(name[len(start) :][:1].isdigit() for name in names):
        start = start.rstrip("0123456789")
    return _SEED.sub("", start) or names[0]


def _folder(run: Run) -> Path:
    return run.folder or Path("run")


def differing(groups: Sequence[Group]) -> dict[str, list[Any]]:
    """The settings in which the groups differ: by dotted name, the value of each, None where one has none."""
    every = dict.fromkeys(name for group in groups for name in group.settings if name not in _SAME)
    values = {name: [group.settings.get(name) for group in groups] for name in every}
    if not all(group.settings for group in groups):
        return {}
    return {name: found for name, found in values.items() if any(value != found[0] for value in found[1:])}
