"""Studies measured: against random search with as many trials, and the study that takes CIFAR-10 to 0.62.

    python -m benchmarks.tune                                # 5 seeds of 30 trials each, on the built-in digits
    python -m benchmarks.tune --trials 20 --seeds 0,1,2
    python -m benchmarks.tune --cifar10 --hours 2 --jobs 2   # one study from the default two-layer recipe (CIFAR-10)

Against random search: both have as many trials, the same pruning, and the recipe's own settings as trial 0. Printed for
each seed of the search: the validation accuracy of the best recipe, and that on three fresh seeds of the training.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from glassnet.bench.machine import inspect
from glassnet.experiments import Tuned, recipe_for, tune
from glassnet.experiments.recipe import recipe_from
from glassnet.experiments.search import parse_search, space_from
from glassnet.text import columns

RECIPE: dict[str, Any] = {
    "data": {"source": "digits", "validation": 1000},
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
CIFAR10 = (
    'model.network = "two-layer" | "linear 100 -> relu -> dropout 0.3 -> linear"'
    ' | "linear 100 -> batchnorm -> relu -> dropout 0.3 -> linear"',
    'model.preprocess = "scale -> standardise" | "whiten 300 0.1" | "whiten 600 0.03"',
    "width = 4 | 8 | 16",
    "optimizer.lr = 1e-4..1e-2 log",
    "optimizer.weight_decay = 1e-3..1.0 log",
    "train.batch = 64 | 128",
    "train.epochs = 12..30",
    'train.augment = "flip" | "flip -> crop 2" | "flip -> crop 3"',
)


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


def confirmed(found: Tuned) -> float:
    """The validation accuracy of the best recipe, mean over three fresh seeds."""
    return float(np.mean(list(found.confirmed.values())))


def against_random(seeds: list[int], trials: int) -> None:
    """Print the best of a study and of random search for every seed, and the medians."""
    rows: list[tuple[Any, ...]] = [("seed", "study", "random", "study, fresh seeds", "random, fresh seeds")]
    table = []
    for seed in seeds:
        ours, theirs = study(seed, "tpe", trials), study(seed, "random", trials)
        assert ours.best is not None and theirs.best is not None
        table.append([ours.best.value or 0.0, theirs.best.value or 0.0, confirmed(ours), confirmed(theirs)])
        rows.append((seed, *(f"{value:.4f}" for value in table[-1])))
        print(*rows[-1], sep="  ", flush=True)
    rows.append(("median", *(f"{value:.4f}" for value in np.median(table, axis=0))))
    print()
    print(columns(rows))


def cifar10(seconds: float, jobs: int, folder: Path) -> None:
    """One study from the default two-layer recipe; prints what came of it."""
    recipe = recipe_for("cifar10", {"model.network": "two-layer", "train.preset": "fast"})
    found = tune(
        recipe,
        dict(map(parse_search, CIFAR10)),
        folder,
        trials=1000,
        jobs=jobs,
        seconds=seconds,
        say=print,
        on_trial=lambda trial, best: print(trial.number, trial.outcome, trial.value, best and best.value, flush=True),
    )
    assert found.best is not None and found.run is not None
    print(f"{len(found.trials)} trials; validation {found.best.value:.4f}, fresh seeds {confirmed(found):.4f}")
    print(f"test {found.run.figures()['accuracy']:.4f} (goal 0.62)")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", default="0,1,2,3,4")
    parser.add_argument("--trials", type=int, default=30)
    parser.add_argument("--cifar10", action="store_true")
    parser.add_argument("--hours", type=float, default=2.0)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--out", type=Path, default=Path("runs/cifar10-study"))
    arguments = parser.parse_args()
    print(inspect())
    if arguments.cifar10:
        cifar10(3600 * arguments.hours, arguments.jobs, arguments.out)
    else:
        against_random([int(seed) for seed in arguments.seeds.split(",")], arguments.trials)


if __name__ == "__main__":
    main()
