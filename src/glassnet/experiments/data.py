"""The data of a recipe: loaded, with validation and test parts held out, and the part that the final figures are of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from glassnet.data import (
    MEMORY_SHARE,
    Dataset,
    Splits,
    arrange,
    every_few_seconds,
    holds_picture_files,
    load,
    with_shape,
)
from glassnet.errors import RecipeError
from glassnet.experiments.recipe import Recipe

__all__ = ["LatestSplits", "evaluated_part", "load_splits"]


def load_splits(
    recipe: Recipe, say: Callable[[str], None] = lambda text: None, *, given: Splits | None = None
) -> Splits:
    """The data of a recipe, with validation and test parts held out as it says (both 'not at all' with 0).

    Where the recipe says how much to hold out for validation, a validation part of the set's own goes back into
    training first. `say` is told from time to time how far the reading of picture files is. `given` are
    the data themselves, where the recipe only names them. What is broken on purpose (`[fault]`) is broken in what comes
    back.
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
    splits = given or load(
        data.source,
        image_size=size,
        reading=reading,
        memory_share=share,
        progress=every_few_seconds(say),
        skip_bad=bool(data.skip_bad),
    )
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
