"""Several runs of one recipe that differ in some settings, compared side by side."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import Any

from glassnet.errors import RecipeError, TrainingError, TrainingInterrupted
from glassnet.look import SweepRun, sweep_report
from glassnet.recipes.recipe import Recipe
from glassnet.recipes.run import Run, carry_out, load_splits
from glassnet.train import Progress

__all__ = ["Sweep", "sweep"]


@dataclass
class Sweep:
    """Runs by label, those that failed with their reason, and the page that compares them."""

    runs: dict[str, Run]
    failed: dict[str, str]
    files: list[Path] = field(default_factory=list)


def sweep(
    recipe: Recipe,
    values: dict[str, Sequence[Any]],
    folder: str | Path,
    *,
    make_progress: Callable[[], Progress] = Progress,
    say: Callable[[str], None] = lambda text: None,
) -> Sweep:
    """Carry the recipe out once for every combination of `values`, each in a sub-folder of `folder`.

    The data are loaded once. A run whose loss diverges is reported as failed and the others go on; anything else
    wrong is found before the first run starts.
    """
    folder = Path(folder)
    if folder.exists() and any(folder.iterdir()):
        raise RecipeError(f"'{folder}' exists and is not empty; choose another --out for the sweep.")
    combinations = [dict(zip(values, choice, strict=True)) for choice in product(*values.values())]
    recipes = {_label(choice): recipe.with_settings(choice) for choice in combinations}  # all checked before any runs
    shared = not any(name.startswith("data.") or name == "train.seed" for name in values)
    splits = load_splits(recipe) if shared else None
    folders = _folder_names(list(recipes))
    result = Sweep({}, {})
    for number, (label, each) in enumerate(recipes.items(), start=1):
        say(f"run {number} of {len(recipes)}: {label}")
        try:
            result.runs[label] = carry_out(each, folder / folders[label], progress=make_progress(), splits=splits)
        except TrainingInterrupted:
            raise
        except TrainingError as error:
            result.failed[label] = str(error)
            say(f"failed: {error}")
    if result.runs:
        compared = [
            SweepRun(label, run.history.records, run.figures(), f"{folders[label]}/report.html")
            for label, run in result.runs.items()
        ]
        result.files = list(sweep_report(folder / "index.html", compared, title=recipe.title or "Sweep"))
    return result


def _label(choice: dict[str, Any]) -> str:
    return ", ".join(f"{name} = {value}" for name, value in choice.items())


def _folder_names(labels: Sequence[str]) -> dict[str, str]:
    """A folder name of its own for every label."""
    names: dict[str, str] = {}
    for label in labels:
        kept = "".join(c if c.isalnum() or c in ".-_" else "_" for c in label.replace(" = ", "=")).strip("_")[:80]
        # Long or oddly written values may agree in what is kept.
        tries = (kept or "run", *(f"{kept or 'run'}-{number}" for number in range(2, len(labels) + 2)))
        names[label] = next(name for name in tries if name not in names.values())
    return names
