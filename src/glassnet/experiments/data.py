"""The data of a recipe: loaded, with validation and test parts held out, and the part that the final figures are of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from glassnet.data import (
    MEMORY_SHARE,
    Dataset,
    LineOptions,
    Splits,
    arrange,
    every_few_seconds,
    holds_picture_files,
    load,
    with_shape,
)
from glassnet.errors import RecipeError
from glassnet.experiments.recipe import Data, Recipe

__all__ = ["LatestSplits", "evaluated_part", "load_splits"]


def load_splits(
    recipe: Recipe, say: Callable[[str], None] = lambda text: None, *, given: Splits | None = None
) -> Splits:
    """The data of a recipe, with validation and test parts held out as it says (both 'not at all' with 0).

    Where the recipe says how much to hold out for validation, a validation part of the set's own goes back into
    training first. `say` is told from time to time how far the reading of picture files is. `given` are
    the data themselves, where the recipe only names them. What is broken on purpose (`[fault]`) is broken in what comes
    back.

    Examples
    --------
    >>> from glassnet.experiments import load_splits, recipe_for
    >>> len(load_splits(recipe_for("digits", {})).train) > 1000
    True
    """
    data, seed = recipe.data, recipe.settings.seed
    share = MEMORY_SHARE if data.memory_share is None else data.memory_share
    size, reading = data.image_size, None
    model = None if recipe.start is None else recipe.start.open()
    if model is not None:
        if size is not None:
            raise RecipeError("The picture size is that of the model that the training starts from; leave it out.")
        if given is None and holds_picture_files(data.source):
            size, reading = (model.image_shape[0], model.image_shape[1]), model.reading
    lines = LineOptions(seed=seed, **_said(data))
    splits = given or load(
        data.source,
        image_size=size,
        reading=reading,
        memory_share=share,
        progress=every_few_seconds(say),
        skip_bad=bool(data.skip_bad),
        lines=lines,
    )
    _check_settings(data, splits)
    if splits.train.holds_lines:
        return recipe.fault.planted().in_data(splits, seed)
    if model is not None:
        shape, reading = model.image_shape, model.reading
        parts = {"train": splits.train, "valid": splits.valid, "test": splits.test}
        fitted = {name: with_shape(part, shape, reading) for name, part in parts.items() if part is not None}
        splits = replace(splits, **fitted)
    if splits.test is not None and data.test is not None:
        note = f"data.test = {data.test} has no effect: '{splits.name}' has a test part of its own"
        splits = replace(splits, train=replace(splits.train, notes=(*splits.train.notes, note)))
    arranged = arrange(
        splits,
        validation=0.1 if data.validation is None and splits.valid is None else data.validation,
        test=0.2 if data.test is None else data.test,
        train_limit=data.train_limit,
        test_limit=data.test_limit,
        seed=seed,
    )
    return recipe.fault.planted().in_data(arranged, seed)


def _said(data: Data) -> dict[str, Any]:
    """What a recipe says of lines of writing: shares are of pictures."""
    said = {"per_epoch": data.lines_per_epoch, "height": data.height}
    said |= {name: size for name, size in (("validation", data.validation), ("test", data.test)) if type(size) is int}
    return {name: value for name, value in said.items() if value is not None}


def _check_settings(data: Data, splits: Splits) -> None:
    """Raise `RecipeError` for settings of pictures where there are lines, and the other way round."""
    of_pictures = ("image_size", "memory_share", "skip_bad", "train_limit", "test_limit")
    names = of_pictures if splits.train.holds_lines else ("lines_per_epoch", "height")
    for name in names:
        if getattr(data, name) is not None:
            kinds = ("pictures", "lines of writing") if splits.train.holds_lines else ("lines of writing", "pictures")
            raise RecipeError(
                f"The setting 'data.{name}' is for {kinds[0]}; '{splits.name}' is made of {kinds[1]}. Leave it out."
            )
    if splits.train.holds_lines:
        for name, size in (("validation", data.validation), ("test", data.test)):
            if isinstance(size, float):
                raise RecipeError(f"Of lines of writing, 'data.{name}' is a count, as 2000. Got {size} instead.")


def evaluated_part(splits: Splits) -> tuple[str, Dataset]:
    """What the final figures are of, by name: the test part, else validation, else training."""
    if splits.test is not None:
        return "test", splits.test
    return ("training", splits.train) if splits.valid is None else ("validation", splits.valid)


class LatestSplits:
    """The data of the latest of several recipes: read again only where another one divides them otherwise."""

    def __init__(self) -> None:
        self._key: Any = None
        self._splits: Splits | None = None

    def of(self, recipe: Recipe) -> Splits:
        """The data of a recipe. Raises `GlassnetError` as `load_splits` does."""
        key = (recipe.data, recipe.settings.seed)
        if self._splits is None or key != self._key:
            self._splits = None  # two sets need not fit into memory
            self._key, self._splits = key, load_splits(recipe)
        return self._splits
