"""Recipes in which nothing is wrong: what faults are planted in, and what must give no finding."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.resources import files
from typing import Any

from glassnet.experiments.recipe import Recipe, recipe_from

__all__ = ["NETWORKS", "healthy"]

NETWORKS = ("dense", "convolutional", "residual")
"""The recipes that faults are planted in."""

_DATA = {"source": "digits", "validation": 0.15}
_OF_THE_MODEL = ("network", "preprocess", "loss")


@cache
def healthy() -> dict[str, Recipe]:
    """All of them by name, `NETWORKS` first."""
    text = (files("glassnet.clinic") / "healthy.toml").read_text(encoding="utf-8")
    return {values["name"]: _recipe(values) for values in tomllib.loads(text)["recipe"]}


def _recipe(values: dict[str, Any]) -> Recipe:
    model = {name: values[name] for name in _OF_THE_MODEL if name in values}
    if "network" in model:
        model = {"preprocess": "scale -> standardise", **model}
    train = {"batch": 32, **values["train"]} if model else values["train"]
    return recipe_from({
        "title": values["name"],
        "data": {**_DATA, **values.get("data", {})},
        "model": model,
        "optimizer": values.get("optimizer", {}),
        "train": train,
    })  # fmt: skip
