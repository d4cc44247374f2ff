"""Planting a fault in a recipe, as an exercise: the recipe that is written trains like any other."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from glassnet.clinic.faults import Fault, by_code, fault_named, faults
from glassnet.errors import Fix, GlassnetError, RecipeError
from glassnet.experiments.recipe import Recipe, load_recipe
from glassnet.files import exists, write_text

__all__ = ["RECIPE", "answer", "draw", "plant", "write_planted"]

RECIPE = "recipe.toml"


def plant(name: str, recipe: Recipe, *, seed: int = 0) -> Recipe:
    """The recipe with the fault of this name. Raises `RecipeError` where it cannot have it."""
    return fault_named(name).in_recipe(recipe, seed)


def draw(recipe: Recipe, seed: int) -> Fault:
    """A fault that the recipe can have, drawn by a seed. Raises `RecipeError` where it can have none."""
    names = list(faults())
    for place in np.random.default_rng(seed).permutation(len(names)):
        fault = faults()[names[place]]
        try:
            fault.in_recipe(recipe)
        except GlassnetError:
            continue
        return fault
    raise RecipeError(f"None of the faults can be planted in the recipe of '{recipe.about}'.")


def write_planted(recipe: Recipe, folder: Path) -> Path:
    """Write a recipe with a fault into a new folder; its file. Raises `RecipeError` where the folder is occupied."""
    if exists(folder) and (not folder.is_dir() or any(folder.iterdir())):
        raise RecipeError(f"'{folder}' exists and is not empty.", Fix.CHOOSE_OUTPUT)
    path = folder / RECIPE
    write_text(path, recipe.to_toml())
    return path


def answer(place: Path) -> Fault:
    """What is wrong in a planted recipe, or a run of one: `place` is the file, or its folder.

    Raises `RecipeError` where nothing was planted there.
    """
    path = place / RECIPE if place.is_dir() else place
    fault = by_code(load_recipe(path).fault.code)
    if fault is None:
        raise RecipeError(f"Nothing was planted in '{path}': it has no [fault] with a code that is known.")
    return fault
