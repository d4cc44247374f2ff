"""Studies measured: against random search with as many trials, and the study that takes CIFAR-10 to 0.62.

    python -m benchmarks.tune                                # 5 seeds of 30 trials each, on the built-in digits
    python -m benchmarks.tune --trials 20 --seeds 0,1,2
    python -m benchmarks.tune --cifar10 --time 2h --jobs 2   # one study from the default two-layer recipe (CIFAR-10)

Against random search: for each seed of the search, the validation loss rank of the best trial of a study and of random
search, both pruned alike, both with the recipe's own settings as trial 0. What is compared is the accuracy of the best
recipe on the test part, mean over three fresh seeds of the training, and its validation accuracy.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from glassnet.bench.machine import inspect
from glassnet.experiments import Tuned, load_splits, prepare, tune
from glassnet.experiments.build import build
from glassnet.experiments.recipe import Recipe, load_recipe, recipe_from, recipe_for
from glassnet.experiments.search import parse_search, space_from
from glassnet.text import columns

RECIPE: dict[str, Any] = {
    "data": {"source": "digits", "validation": 400, "test": 0.4, "train_limit": 300},
    "model": {"network": "linear 16 -> relu -> linear", "preprocess": "scale"},
    "optimizer": {"name": "momentum", "lr": 0.001},
    "train": {"epochs": 6, "batch": 64, "schedule": "constant", "threads": 1},
}
SPACE: dict[str, Any] = {
    "optimizer.lr": "1e-5..10 log",
    "optimizer.momentum": "0.0..0.99",
    "train.batch": [16, 32, 64, 128],
    "train.l2": "1e-6..1 log",
    "train.schedule": ["constant", "cosine", "onecycle"],
    "width": [0.5, 1, 2, 4],
    "train.augment": ["none", "shift 1", "shift 2"],
}
CIFAR10 = ('width = 4 | 8 | 16 | 24', 'train.epochs = 12..30', "optimizer.lr = 1e-4..1e-2 log", "train.batch = 64 | 128",
           'train.augment = "flip" | "flip -> crop 3"', "optimizer.weight_decay = 1e-3..1.0 log",
           'model.network = "two-layer" | "linear 100 -> batchnorm -> relu -> dropout 0.3 -> linear"')  # fmt: skip


def study(seed: int, sampler: str, trials: int) -> Tuned:
    """A study of the small problem, whose folder is thrown away."""
    with tempfile.TemporaryDirectory() as folder:
        return tune(
            recipe_from(RECIPE),
            space_from(SPACE),
            Path(folder) / "study",
            trials=trials,
            seed=seed,
            sampler=sampler,
            confirm=3,
        )
