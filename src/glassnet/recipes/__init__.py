"""Recipes: whole experiments as TOML, carried out, swept, resumed and reproduced."""

from glassnet.recipes.recipe import Data, ModelPart, Recipe, load_recipe
from glassnet.recipes.reproduction import Reproduction, Row, reproduce, rows
from glassnet.recipes.run import Run, carry_out, load_splits, new_folder, reopen, resume
from glassnet.recipes.sweep import Sweep, is_sweep, resume_sweep, sweep

__all__ = [
    "Data",
    "ModelPart",
    "Recipe",
    "Reproduction",
    "Row",
    "Run",
    "Sweep",
    "carry_out",
    "is_sweep",
    "load_recipe",
    "load_splits",
    "new_folder",
    "reopen",
    "reproduce",
    "resume",
    "resume_sweep",
    "rows",
    "sweep",
]
