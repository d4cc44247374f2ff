"""A small run with everything in its folder."""

from __future__ import annotations

from pathlib import Path

from glassnet.experiments import Run, run_recipe
from glassnet.experiments.recipe import recipe_from
from glassnet.report.pages import write_run_page

CLASSIFIER = recipe_from({
    "data": {"source": "digits", "train_limit": 200, "test_limit": 50},
    "model": {"network": "conv 3x3, 4, pad 1 -> batchnorm -> relu -> dropout 0.2 -> flatten -> linear"},
    "train": {"epochs": 2},
})  # fmt: skip


def finished_run(folder: Path) -> Run:
    """The run of `CLASSIFIER`, with its report."""
    return run_recipe(CLASSIFIER, folder, on_finish=[write_run_page])
