"""Experiments: recipes as TOML, carried out in run folders, resumed, opened again, and swept."""

from glassnet.experiments.data import load_splits
from glassnet.experiments.defaults import prepare, resolve
from glassnet.experiments.folder import new_folder
from glassnet.experiments.predictions import Predictions
from glassnet.experiments.recipe import Data, ModelPart, Recipe, load_recipe
from glassnet.experiments.run import UNFINISHED, Finisher, Run, finished, resume, run_recipe
from glassnet.experiments.sweep import Sweep, is_sweep, resume_sweep, sweep

__all__ = [
    "UNFINISHED",
    "Data",
    "Finisher",
    "ModelPart",
    "Predictions",
    "Recipe",
    "Run",
    "Sweep",
    "finished",
    "is_sweep",
    "load_recipe",
    "load_splits",
    "new_folder",
    "prepare",
    "resolve",
    "resume",
    "resume_sweep",
    "run_recipe",
    "sweep",
]
