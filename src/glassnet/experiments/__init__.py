"""Experiments: recipes as TOML, carried out in run folders, swept and resumed."""

from glassnet.experiments.predictions import Predictions
from glassnet.experiments.recipe import Data, ModelPart, Recipe, load_recipe
from glassnet.experiments.run import Run, load_splits, new_folder, resume, run_recipe
from glassnet.experiments.sweep import Sweep, is_sweep, resume_sweep, sweep

__all__ = [
    "Data",
    "ModelPart",
    "Predictions",
    "Recipe",
    "Run",
    "Sweep",
    "is_sweep",
    "load_recipe",
    "load_splits",
    "new_folder",
    "resume",
    "resume_sweep",
    "run_recipe",
    "sweep",
]
