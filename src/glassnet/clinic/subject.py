"""What is examined: data, a recipe, a run or a model, told apart as every command does it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from glassnet.data import Splits
from glassnet.errors import RecipeError
from glassnet.experiments import UNFINISHED, Recipe, Run, load_recipe, prepare, recipe_for
from glassnet.experiments.for_model import fitted, load_for
from glassnet.files import exists
from glassnet.imagenet import PRETRAINED, open_model
from glassnet.model import Model
from glassnet.train import read_history

__all__ = ["Subject", "open_subject"]


@dataclass(frozen=True, eq=False)
class Subject:
    """What is examined, as far as there is any of it.

    Attributes
    ----------
    kind : str
        "data", "recipe", "run" or "model".
    name : str
        What the user called it.
    recipe : Recipe or None
        What trains it, all of it said; of data what `glassnet train DATA` takes.
    splits : Splits or None
        Its data.
    run : Run or None
        The finished run.
    model : Model or None
        The trained network.
    records : list of mapping
        The history of a run that was not finished.

    Examples
    --------
    >>> from glassnet.clinic import Subject
    >>> from glassnet.experiments import recipe_for
    >>> subject = Subject.of(recipe_for("digits", {"model.network": "linear"}))
    >>> subject.kind, len(subject.splits.train) > 0
    ('recipe', True)
    """

    kind: Literal["data", "recipe", "run", "model"]
    name: str
    recipe: Recipe | None = None
    splits: Splits | None = None
    run: Run | None = None
    model: Model | None = None
    records: list[dict[str, Any]] = field(default_factory=list)

    @property
    def recipe_file(self) -> str:
        """What `glassnet train` is given to carry the recipe out; empty of a model."""
        if self.kind == "model":
            return ""
        folder = Path(self.name)
        return str(folder / "recipe.toml") if exists(folder / "recipe.toml") else self.name

    @classmethod
    def of(cls, what: Recipe | Run | Model, splits: Splits | None = None) -> Subject:
        """What is at hand already; the data of a recipe are loaded where they are not given."""
        if isinstance(what, Recipe):
            recipe, splits = prepare(what, given=splits)
            return cls("recipe", what.title or what.data.source, recipe, splits)
        if isinstance(what, Run):
            return cls("run", str(what.folder or "run"), what.recipe, what.splits, what, what.model)
        return cls("model", "model", splits=splits, model=what)


def open_subject(
    what: str | Path,
    *,
    data: str | Path | None = None,
    settings: Mapping[str, Any] | None = None,
    weights: str | Path | None = None,
    say: Callable[[str], None] = lambda text: None,
) -> Subject:
    """Open what a user named.

    Parameters
    ----------
    what : str or path
        A recipe (ending in .toml), a run folder, a model file or a pretrained network, else data: a folder or file, or
        a known set.
    data : str or path, optional
        What a model is examined on.
    settings : mapping, optional
        Values of the recipe by dotted name.
    weights : path, optional
        A pretrained network's weights.
    say : callable
        Told from time to time how far the reading of picture files is.

    Raises
    ------
    GlassnetError
        It cannot be read.

    Examples
    --------
    >>> from glassnet.clinic import open_subject
    >>> open_subject("digits").kind
    'data'
    """
    path, name, changes = Path(what), str(what), dict(settings or {})
    is_run = exists(path) and path.is_dir() and exists(path / "recipe.toml")
    is_model = name.endswith(".safetensors") or name in PRETRAINED
    is_model = is_model or (exists(path) and path.is_dir() and exists(path / "model.safetensors"))
    if is_model and not is_run:
        if changes:
            raise RecipeError("A model has no recipe whose settings could be changed; examine its run.")
        model = open_model(what, weights)
        return Subject("model", name, splits=None if data is None else _data_for(model, data), model=model)
    if data is not None:
        raise RecipeError("Data are named beside a model alone; a recipe and a run have theirs.")
    if is_run and not changes and _is_finished(path):
        run = Run.open(path)
        return Subject("run", name, run.recipe, run.splits, run, run.model)
    file = path / "recipe.toml" if is_run else path
    kind: Literal["data", "recipe"] = "recipe" if str(file).endswith(".toml") else "data"
    recipe = load_recipe(file).with_settings(changes) if kind == "recipe" else recipe_for(name, changes)
    recipe, splits = prepare(recipe, say)
    history = path / "metrics.jsonl"
    records = read_history(history) if is_run and not changes and exists(history) else []
    return Subject(kind, name, recipe, splits, records=records)


def _is_finished(folder: Path) -> bool:
    return exists(folder / "model.safetensors") and UNFINISHED not in Model.load(folder).card


def _data_for(model: Model, source: str | Path) -> Splits:
    """Data as the model takes them."""
    splits = load_for(model, source)
    parts = {"train": splits.train, "valid": splits.valid, "test": splits.test}
    return Splits(**{name: fitted(model, part) for name, part in parts.items() if part is not None})
