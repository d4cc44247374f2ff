"""Experiments: recipes as TOML, carried out in run folders, resumed, opened again, and swept."""

from glassnet.experiments.data import load_splits
from glassnet.experiments.folder import new_folder
from glassnet.experiments.known import KnownPictures
from glassnet.experiments.predictions import Predictions
from glassnet.experiments.recipe import Data, ModelPart, Recipe, load_recipe
from glassnet.experiments.run import Finisher, Run, held_out, resume, run_recipe
from glassnet.experiments.sweep import Sweep, is_sweep, resume_sweep, sweep

__all__ = [
    "Data",
    "Finisher",
    "KnownPictures",
    "ModelPart",
    "Predictions",
    "Recipe",
    "Run",
    "Sweep",
    "held_out",
    "is_sweep",
    "load_recipe",
    "load_splits",
    "new_folder",
    "resume",
    "resume_sweep",
    "run_recipe",
    "sweep",
]
