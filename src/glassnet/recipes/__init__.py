"""Recipes: whole experiments as TOML, carried out, swept, resumed and reproduced."""

from glassnet.experiments.recipe import Data, ModelPart, Recipe, load_recipe
from glassnet.recipes.reproduction import Reproduction, Row, reproduce, rows
from glassnet.experiments.run import Run, carry_out, load_splits, new_folder, reopen, resume
from glassnet.experiments.sweep import Sweep, is_sweep, resume_sweep, sweep
from glassnet.recipes.using import check_notation, choose_part, load_for, show_data

__all__ = [
    "Data",
    "ModelPart",
    "Recipe",
    "Reproduction",
    "Row",
    "Run",
    "Sweep",
    "carry_out",
    "check_notation",
    "choose_part",
    "is_sweep",
    "load_for",
    "load_recipe",
    "load_splits",
    "new_folder",
    "reopen",
    "reproduce",
    "resume",
    "resume_sweep",
    "rows",
    "show_data",
    "sweep",
]
