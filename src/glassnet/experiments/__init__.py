"""Experiments: recipes as TOML, carried out in run folders, resumed, opened again, and swept."""

from glassnet.experiments.book import Trial
from glassnet.experiments.carry_out import CHANGEABLE, Finisher, branch, resume, run_recipe
from glassnet.experiments.data import load_splits
from glassnet.experiments.defaults import prepare, resolve
from glassnet.experiments.folder import new_folder
from glassnet.experiments.follow import follow, follow_resumed
from glassnet.experiments.known import KnownPictures
from glassnet.experiments.predictions import Predictions
from glassnet.experiments.recipe import Data, ModelPart, Recipe, load_recipe, recipe_for
from glassnet.experiments.run import UNFINISHED, Run, finished, held_out
from glassnet.experiments.search import Choice, Space, Span, parse_search, search_in
from glassnet.experiments.study import Tuned, is_study
from glassnet.experiments.sweep import Sweep, is_sweep, resume_sweep, sweep
from glassnet.experiments.tune import resume_study, tune

__all__ = [
    "CHANGEABLE",
    "UNFINISHED",
    "Choice",
    "Data",
    "Finisher",
    "KnownPictures",
    "ModelPart",
    "Predictions",
    "Recipe",
    "Run",
    "Space",
    "Span",
    "Sweep",
    "Trial",
    "Tuned",
    "branch",
    "finished",
    "follow",
    "follow_resumed",
    "held_out",
    "is_study",
    "is_sweep",
    "load_recipe",
    "load_splits",
    "new_folder",
    "parse_search",
    "prepare",
    "recipe_for",
    "resolve",
    "resume",
    "resume_study",
    "resume_sweep",
    "run_recipe",
    "search_in",
    "sweep",
    "tune",
]
