"""Experiments: recipes as TOML, carried out in run folders, resumed, opened again, and swept."""

from glassnet.experiments.data import load_splits
from glassnet.experiments.folder import new_folder
from glassnet.experiments.predictions import Predictions
from glassnet.experiments.recipe import Data, ModelPart, Recipe, load_recipe
from glassnet.experiments.run import Finisher, Run, resume, run_recipe
from glassnet.experiments.sweep import Sweep, is_sweep, resume_sweep, sweep

__all__ = [
    "Data",
    "Finisher",
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
