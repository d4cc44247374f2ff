"""The learning-rate range test of a recipe."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from glassnet import threads
from glassnet.actions.events import Events
from glassnet.actions.train import recipe_of
from glassnet.experiments import Recipe, prepare
from glassnet.experiments.build import build
from glassnet.report.figures.range_test import save_range_test
from glassnet.train.range_test import RangeTest, range_test

__all__ = ["Ranged", "lr"]


@dataclass(frozen=True, eq=False)
class Ranged:
    """The curve of a range test, the recipe that it was made with, and the picture that was written."""

    found: RangeTest
    recipe: Recipe
    files: tuple[Path, ...] = ()

    @property
    def optimizer(self) -> str:
        """The optimiser in a word."""
        return str(self.recipe.optimizer.get("name"))

    @property
    def rate(self) -> float | None:
        """The suggested rate, to two digits."""
        return None if self.found.suggestion is None else float(f"{self.found.suggestion:.2g}")

    def to_dict(self) -> dict[str, Any]:
        """All of it with plain keys."""
        return {
            "rate": self.rate,
            "own_rate": self.recipe.make_optimizer().lr,
            "optimizer": self.optimizer,
            **self.found.to_dict(),
            "files": self.files,
        }


def lr(
    data: str | Path | Recipe,
    settings: Mapping[str, Any] | None = None,
    *,
    low: float = 1e-6,
    high: float = 10.0,
    steps: int = 200,
    out: str | Path | None = None,
    events: Events | None = None,
) -> Ranged:
    """Find a learning rate: train for some steps while the rate rises, and look where the loss falls.

    Parameters
    ----------
    data : str, path or Recipe
        A recipe, the file of one (ending in .toml), or data alone: a folder or file, or a known set.
    settings : mapping of str to value, optional
        What replaces values of the recipe, by dotted name.
    low, high : float
        The rates of the first and of the last step.
    steps : int
        How many.
    out : path, optional
        Picture of the curve, ending in .png or .svg.
    events : Events, optional
        Told how far the test is.

    Raises
    ------
    GlassnetError
        Recipe, data, rates or the name of the picture are wrong.
    """
    events = events or Events()
    recipe = recipe_of(data, settings)
    recipe.engine.maker()  # before any data are read
    with threads.use(recipe.threads):
        recipe, splits = prepare(recipe, events.say)
        trainer = build(recipe, splits, events.say)
        found = range_test(
            trainer,
            splits.train,
            low=low,
            high=high,
            steps=steps,
            progress=lambda done, total: events.progress("range test", done, total),
        )
    return Ranged(found, recipe, () if out is None else (save_range_test(found, Path(out)),))
