"""How well a model does on a labelled set."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from glassnet.data import Dataset, Splits
from glassnet.data.lines import line_set
from glassnet.errors import DataError, Fix, RecipeError, nearest
from glassnet.experiments import KnownPictures, held_out
from glassnet.experiments.for_model import fitted, load_for
from glassnet.files import exists
from glassnet.imagenet import open_model
from glassnet.metrics import Evaluation, Interval, Transcription, wilson_interval
from glassnet.model import Model

__all__ = ["Evaluated", "Seen", "Transcribed", "choose_part", "evaluate", "labelled"]

_LISTED = 12  # classes that a message names
_PARTS = ("test", "train", "valid", "all")


@dataclass(frozen=True)
class Seen:
    """How many of the evaluated pictures a model knows, and how well it does on the others.

    Attributes
    ----------
    n : int
        Pictures that were evaluated.
    trained_on : int
        Those that it was trained on.
    chosen_by : int
        Others that its epoch was chosen by.
    accuracy : float
        On the rest, new to it; nan where nothing is left.
    accuracy_interval : (float, float)
        Its 95 % interval.
    """

    n: int
    trained_on: int
    chosen_by: int
    accuracy: float
    accuracy_interval: Interval

    @property
    def new(self) -> int:
        """Pictures that are new to the model."""
        return self.n - self.trained_on - self.chosen_by

    def sentence(self) -> str:
        """What a reader of the figures must know; empty where all pictures are new."""
        if self.new == self.n:
            return ""
        told = []
        if self.trained_on:
            told.append(f"{self.trained_on:,} of the {self.n:,} pictures were trained on")
        if self.chosen_by:
            more = f"{self.chosen_by:,} more" if told else f"{self.chosen_by:,} of the {self.n:,} pictures"
            told.append(f"the best epoch was chosen by {more}")
        if not self.new:
            return f"{', and '.join(told)}: the figure says how well they are remembered, not how well others are known"
        low, high = self.accuracy_interval
        on = f"{100 * self.accuracy:.1f} % (95 % interval {100 * low:.1f} to {100 * high:.1f} %)"
        return f"{', and '.join(told)}; on the {self.new:,} others: {on}"

    def to_dict(self) -> dict[str, Any]:
        """All of it with plain keys."""
        known = {"trained_on": self.trained_on, "chosen_by": self.chosen_by, "new": self.new}
        if not self.new:
            return {**known, "accuracy_on_new": None, "accuracy_on_new_interval": None}
        return {
            **known,
            "accuracy_on_new": self.accuracy,
            "accuracy_on_new_interval": list(self.accuracy_interval),
        }


@dataclass(frozen=True)
class Evaluated:
    """The figures of a model, the part of the set that they are of, and what a reader of them should know.

    Attributes
    ----------
    evaluation : Evaluation
        The figures.
    part : str
        The part of the set: test, train, valid, validation or all.
    notes : tuple of str
        Remarks.
    seen : Seen or None
        How many of the pictures the model knows; None where that cannot be known: the model is in no run folder.
    own : bool
        Whether these are the pictures that the model's own run held out.
    category : int or None
        The one class that was asked about.
    """

    evaluation: Evaluation
    part: str
    notes: tuple[str, ...]
    seen: Seen | None = None
    own: bool = False
    category: int | None = None

    def to_dict(self) -> dict[str, Any]:
        """All of it with plain keys."""
        seen = None if self.seen is None else self.seen.to_dict()
        found = {**self.evaluation.to_dict(), "part": self.part, "held_out": self.own, "seen": seen}
        return found if self.category is None else found | {"category": self._category(self.category)}

    def _category(self, number: int) -> dict[str, Any]:
        score, names = self.evaluation.per_class[number], self.evaluation.class_names
        return {
            "name": score.name,
            "n": score.support,
            "recall": score.recall,
            "recall_interval": list(score.recall_interval),
            "taken_for": [
                {"class": names[pair.predicted], "count": pair.count, "share": pair.share}
                for pair in self.evaluation.taken_for(number)
            ],
        }


@dataclass(frozen=True)
class Transcribed:
    """The figures of a model that reads lines of writing.

    Attributes
    ----------
    transcription : Transcription
        The figures.
    part : str
        The part of the set: test, train, valid or validation.
    notes : tuple of str
        Remarks.
    own : bool
        Whether these are the lines that the model's own run held out.
    """

    transcription: Transcription
    part: str
    notes: tuple[str, ...]
    own: bool = False

    def to_dict(self) -> dict[str, Any]:
        """All of it but the single lines, with plain keys."""
        return {**self.transcription.to_dict(), "part": self.part, "held_out": self.own}


def evaluate(
    model: str | Path,
    data: str | Path,
    part: str = "",
    *,
    category: str = "",
    weights: str | Path | None = None,
) -> Evaluated | Transcribed:
    """Accuracy, classes and confusion of a model on a labelled set; error rates of one that reads lines of writing.

    The set may have some of the model's classes only, and pictures of another size, which are resized as files are.
    Where the model is in its run folder, the pictures that it was trained on are counted, and its accuracy on the
    others is given.

    Parameters
    ----------
    model : str or path
        A model file, a run folder or a pretrained network.
    data : str or path
        A folder or file, or a known set.
    part : str
        "test", "train", "valid" or "all"; "" takes what the model's run held out, where these are its own data; else
        test if there is one, else all.
    category : str
        A class to be told more about, one that the set has pictures of; "" for none.
    weights : path, optional
        A pretrained network's weights.

    Raises
    ------
    GlassnetError
        A model or a set that cannot be read, that do not fit each other, or a part or a category that is not there.
    """
    loaded = open_model(model, weights)
    folder = _run_folder(model)
    own = held_out(folder, data) if folder is not None and not part else None
    name, dataset = own or choose_part(load_for(loaded, data), part)
    if loaded.task.reads:
        return _transcribed(loaded, name, dataset, category, own is not None)
    dataset = fitted(loaded, dataset)
    asked = _category(loaded, dataset, category) if category.strip() else None
    evaluation = loaded.evaluate(dataset)
    known = None if folder is None else KnownPictures.load(folder / "pictures.npz")
    seen = None if known is None else _seen(known, dataset, evaluation)
    remarks = [] if known is not None else _by_card(loaded, dataset, name)
    return Evaluated(evaluation, name, (*dataset.notes, *remarks), seen, own is not None, asked)


def _transcribed(model: Model, part: str, dataset: Dataset, category: str, own: bool) -> Transcribed:
    if category.strip():
        raise RecipeError("This model reads lines of writing, which have no categories.")
    lines = line_set(dataset)
    model.require_its_classes(lines)
    notes = [*lines.notes, *(["lines of the writers that the model was trained on"] if part == "train" else [])]
    return Transcribed(model.assess(lines), part, tuple(notes), own)


def _category(model: Model, dataset: Dataset, name: str) -> int:
    """The number of a class by its name. Raises `GlassnetError` where there is none, or it has no pictures."""
    number = model.class_number(name.strip())
    there = dataset.counts()
    if not there[number]:
        names = [known for known, count in zip(dataset.class_names, there, strict=True) if count]
        some = ", ".join(names[:_LISTED]) + (f" and {len(names) - _LISTED} more" if len(names) > _LISTED else "")
        raise DataError(f"The set has no pictures of '{dataset.class_names[number]}'. It has {some}.")
    return number


def _run_folder(model: str | Path) -> Path | None:
    """The run folder that a model is in, or None."""
    path = Path(model)
    if not exists(path):
        return None
    folder = path if path.is_dir() else path.parent
    inside = path.is_dir() or path.name == "model.safetensors"
    return folder if inside and exists(folder / "recipe.toml") else None


def _seen(known: KnownPictures, dataset: Dataset, evaluation: Evaluation) -> Seen:
    trained, chosen = known.among(dataset)
    new = ~(trained | chosen)
    right = int((evaluation.predictions == evaluation.labels)[new].sum())
    n = int(new.sum())
    accuracy = right / n if n else float("nan")
    return Seen(len(dataset), int(trained.sum()), int(chosen.sum()), accuracy, wilson_interval(right, n))


def _by_card(model: Model, dataset: Dataset, part: str) -> list[str]:
    """What the model file itself says of having seen a set, where its run is not at hand."""
    if model.card.get("data_sha256") == dataset.sha256:
        return ["these are the very pictures that the model was trained on; the figure says how well it remembers them"]
    if part in ("train", "all") and model.card.get("data") == dataset.name:
        return [
            f"the model was trained on data called '{dataset.name}' and may have seen some of these pictures; evaluate"
            " its run folder to learn how many"
        ]
    return []


def choose_part(splits: Splits, part: str) -> tuple[str, Dataset]:
    """A part of a set by name: test, train, valid or all; with "" test if there is one, else all.

    Lines of writing that are trained on are drawn without end, so there is no "all" of them.
    """
    if part and part not in _PARTS:
        raise RecipeError(f"A part is one of {', '.join(_PARTS)}. Got '{part}' instead.{nearest(part, _PARTS)}")
    parts = {"train": splits.train, "valid": splits.valid, "test": splits.test}
    rest = "valid" if splits.train.holds_lines else "all"
    name = part or ("test" if splits.test is not None else rest)
    if name == "all" and splits.train.holds_lines:
        raise DataError(
            f"The lines of '{splits.name}' to train on are drawn without end. A part is test, valid or train."
        )
    if name == "all":
        return "all", splits.whole()
    chosen = parts[name]
    if chosen is None:
        raise DataError(f"'{splits.name}' has no part '{name}'.", Fix.CHOOSE_PART)
    return name, chosen


def labelled(model: Model, splits: Splits, part: str) -> tuple[str, Dataset]:
    """A part of a set by name, with the model's picture shape and classes. Raises `DataError`, see `fitted`."""
    name, dataset = choose_part(splits, part)
    return name, fitted(model, dataset)
