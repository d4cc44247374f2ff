"""How well a model does on a labelled set."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from glassnet.data import Dataset, Splits, holds_picture_files, join, load
from glassnet.errors import DataError, Fix, RecipeError, nearest
from glassnet.imagenet import open_model
from glassnet.metrics import Evaluation
from glassnet.model import Model

__all__ = ["Evaluated", "choose_part", "evaluate", "labelled", "load_for"]

_PARTS = ("test", "train", "valid", "all")


@dataclass(frozen=True)
class Evaluated:
    """The figures of a model, the part of the set that they are of, and what a reader of them should know."""

    evaluation: Evaluation
    part: str
    notes: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """All of it with plain keys."""
        return {**self.evaluation.to_dict(), "part": self.part}


def evaluate(model: str | Path, data: str | Path, part: str = "", *, weights: str | Path | None = None) -> Evaluated:
    """Accuracy, classes and confusion of a model on a labelled set.

    Parameters
    ----------
    model : str or path
        A model file, a run folder or a pretrained network.
    data : str or path
        A folder or file, or a known set.
    part : str
        "test", "train", "valid" or "all"; "" takes test if there is one, else all.
    weights : path, optional
        A pretrained network's weights.

    Raises
    ------
    GlassnetError
        A model or a set that cannot be read, that do not fit each other, or a part that is not there.
    """
    loaded = open_model(model, weights)
    name, dataset = choose_part(load_for(loaded, data), part)
    return Evaluated(loaded.evaluate(dataset), name, tuple(dataset.notes))


def load_for(model: Model, data: str | Path) -> Splits:
    """The data that a model is to be used on; picture files are read at the model's size and in its way."""
    data = str(data)
    if holds_picture_files(data):
        return load(data, image_size=model.image_shape[:2], reading=model.reading)
    return load(data)


def choose_part(splits: Splits, part: str) -> tuple[str, Dataset]:
    """A part of a set by name: test, train, valid or all; with "" test if there is one, else all."""
    if part and part not in _PARTS:
        raise RecipeError(f"A part is one of {', '.join(_PARTS)}. Got '{part}' instead.{nearest(part, _PARTS)}")
    parts = {"train": splits.train, "valid": splits.valid, "test": splits.test}
    name = part or ("test" if splits.test is not None else "all")
    if name == "all":
        whole = splits.train
        for other in (splits.valid, splits.test):
            whole = whole if other is None else join(whole, other)
        return "all", whole
    chosen = parts[name]
    if chosen is None:
        raise DataError(f"'{splits.name}' has no part '{name}'.", Fix.CHOOSE_PART)
    return name, chosen


def labelled(model: Model, splits: Splits, part: str) -> tuple[str, Dataset]:
    """A part of a set by name, whose pictures and classes are the model's. Raises `DataError` where they are not."""
    name, dataset = choose_part(splits, part)
    model.require_its_classes(dataset)
    if tuple(dataset.image_shape) != tuple(model.image_shape):
        raise DataError(f"The pictures of the data are {dataset.image_shape}; the model takes {model.image_shape}.")
    return name, dataset
