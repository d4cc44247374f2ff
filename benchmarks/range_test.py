"""The learning-rate range test against a sweep: ten recipes, trained at the suggested rate and at a grid of others.

    python -m benchmarks.range_test                  # the ten recipes
    python -m benchmarks.range_test --only digits    # those whose names hold this text
    python -m benchmarks.range_test --others         # eight more, on which the rule was chosen

Prints for each recipe the suggested rates, the accuracy with them, the best rate of the sweep, its accuracy, and how
many points are lost. The accuracy is that of the best epoch on pictures held out of training, as a sweep compares, mean
over the seeds. Needs `mnist` and `letters36` (GLASSNET_DATA, or glassnet data get).
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np

from glassnet.data import Splits
from glassnet.errors import TrainingError
from glassnet.experiments.build import build
from glassnet.experiments.defaults import prepare
from glassnet.experiments.recipe import Recipe, recipe_from
from glassnet.text import columns
from glassnet.train.range_test import range_test

_DIGITS: dict[str, Any] = {"source": "digits", "validation": 700, "test": 0}
_MNIST: dict[str, Any] = {"source": "mnist", "validation": 0, "train_limit": 3000, "test_limit": 3000}
_LETTERS: dict[str, Any] = {"source": "letters36"}
_DENSE = "linear 64 -> relu -> linear"
_CONV = "conv 3x3, 8, pad 1 -> relu -> maxpool 2x2 -> conv 3x3, 16, pad 1 -> relu -> maxpool 2x2 -> flatten -> linear"
_NORMED = (
    "conv 3x3, 8, pad 1, bias off -> batchnorm -> relu -> maxpool 2x2 -> conv 3x3, 16, pad 1, bias off -> batchnorm ->"
    " relu -> maxpool 2x2 -> flatten -> linear"
)
_SMALL = "scale -> invert -> resize 16 16"

# name: data, network, optimiser, preprocessing, training
RECIPES: dict[str, tuple[dict[str, Any], str, str, str, dict[str, Any]]] = {
    "digits, dense, adam": (_DIGITS, _DENSE, "adam", "scale", {"epochs": 8, "batch": 32}),
    "digits, dense, sgd": (_DIGITS, _DENSE, "sgd", "scale", {"epochs": 8, "batch": 16}),
    "digits, softmax, momentum": (_DIGITS, "linear", "momentum", "scale", {"epochs": 8, "batch": 32}),
    "digits, conv, adamw": (_DIGITS, _CONV, "adamw", "scale -> standardise", {"epochs": 8, "batch": 32}),
    "mnist, dense, rmsprop": (_MNIST, _DENSE, "rmsprop", "scale", {"epochs": 4, "batch": 32}),
    "mnist, dense, nesterov": (
        _MNIST,
        "linear 64 -> relu -> dropout 0.2 -> linear 64 -> relu -> linear",
        "nesterov",
        "scale -> standardise",
        {"epochs": 4, "batch": 64, "l2": 1e-4},
    ),
    "mnist, conv, sgd": (_MNIST, _CONV, "sgd", "scale", {"epochs": 3, "batch": 32}),
    "mnist, batch norm, adam": (_MNIST, _NORMED, "adam", "scale", {"epochs": 3, "batch": 64, "augment": "shift 1"}),
    "letters, sigmoid, adam": (
        _LETTERS,
        "linear 64 -> sigmoid -> linear",
        "adam",
        _SMALL,
        {"epochs": 10, "batch": 64, "schedule": "onecycle"},
    ),
    "letters, dense, momentum": (
        _LETTERS,
        _DENSE,
        "momentum",
        _SMALL,
        {"epochs": 8, "batch": 32, "schedule": "cosine"},
    ),
}
OTHERS: dict[str, tuple[dict[str, Any], str, str, str, dict[str, Any]]] = {
    "digits, tanh, sgd": (_DIGITS, "linear 32 -> tanh -> linear", "sgd", "scale", {"epochs": 6, "batch": 8}),
    "digits, deep, adam": (_DIGITS, "linear 48 -> relu -> linear 48 -> relu -> linear 48 -> relu -> linear", "adam",
                           "scale -> standardise", {"epochs": 6, "batch": 64, "schedule": "onecycle"}),
    "digits, svm, momentum": (_DIGITS, _DENSE, "momentum", "scale", {"epochs": 6, "batch": 32}),
    "digits, batch norm, sgd": (_DIGITS, _NORMED, "sgd", "scale", {"epochs": 6, "batch": 32}),
    "mnist, softmax, adam": (_MNIST, "linear", "adam", "scale", {"epochs": 4, "batch": 64}),
    "mnist, dense, adamw": (_MNIST, _DENSE, "adamw", "scale -> standardise", {"epochs": 4, "batch": 128}),
    "letters, dense, rmsprop": (_LETTERS, _DENSE, "rmsprop", _SMALL, {"epochs": 6, "batch": 32}),
    "letters, deep, sgd": (_LETTERS, "linear 96 -> relu -> linear 64 -> relu -> linear", "sgd", _SMALL,
                           {"epochs": 8, "batch": 16}),
}  # fmt: skip


def recipe_of(name: str, seed: int) -> Recipe:
    """One of the recipes."""
    data, network, optimizer, preprocess, train = {**RECIPES, **OTHERS}[name]
    loss = "svm" if "svm" in name else "softmax-cross-entropy"
    return recipe_from({
        "data": data,
        "model": {"network": network, "preprocess": preprocess, "loss": loss},
        "optimizer": {"name": optimizer},
        "train": {"schedule": "constant", "seed": seed, **train},
    })  # fmt: skip


def grid(name: str) -> list[float]:
    """The rates of the sweep: four decades in steps of a factor of about 2.2; those of Adam and its like are lower."""
    highest = 1 if any(word in name for word in ("sgd", "momentum", "nesterov")) else -1
    return [float(f"{rate:.2g}") for rate in np.logspace(highest - 4, highest, 13)]


def accuracy(recipe: Recipe, splits: Splits, rate: float) -> float:
    """The best epoch's accuracy on the held-out pictures; 0 where the training diverges."""
    trainer = build(recipe.with_settings({"optimizer.lr": rate}), splits)
    try:
        trainer.fit(splits.train, max((part for part in (splits.valid, splits.test) if part is not None), key=len))
    except TrainingError:
        return 0.0
    return max(float(epoch["valid_accuracy"]) for epoch in trainer.history.epochs)


def measured(name: str, seeds: list[int]) -> dict[str, Any]:
    """The suggestion and the sweep of a recipe."""
    rates = grid(name)
    found: dict[str, Any] = {"name": name, "rates": rates, "suggested": [], "with": [], "sweep": [], "curves": []}
    for seed in seeds:
        recipe, splits = prepare(recipe_of(name, seed))
        curve = range_test(build(recipe, splits), splits.train)
        assert curve.suggestion is not None
        found["curves"].append(curve.to_dict())
        found["suggested"].append(curve.suggestion)
        found["with"].append(accuracy(recipe, splits, curve.suggestion))
        found["sweep"].append([accuracy(recipe, splits, rate) for rate in rates])
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default="")
    parser.add_argument("--others", action="store_true", help="the recipes on which the rule was chosen")
    parser.add_argument("--seeds", default="4,5,6")
    parser.add_argument("--save", type=Path, help="keep curves and sweeps as JSON")
    arguments = parser.parse_args()
    seeds = [int(seed) for seed in arguments.seeds.split(",")]
    rows: list[tuple[Any, ...]] = [("recipe", "suggested", "accuracy", "best rate", "accuracy", "points lost")]
    everything = []
    for name in OTHERS if arguments.others else RECIPES:
        if arguments.only not in name:
            continue
        found = measured(name, seeds)
        everything.append(found)
        means = np.mean(found["sweep"], axis=0)
        best, own = int(np.argmax(means)), float(np.mean(found["with"]))
        rates = " and ".join(f"{rate:.2g}" for rate in found["suggested"])
        lost = 100 * (means[best] - own)
        rows.append((name, rates, f"{own:.4f}", f"{found['rates'][best]:g}", f"{means[best]:.4f}", f"{lost:+.2f}"))
        print(*rows[-1], sep="  ", flush=True)
        if arguments.save:
            arguments.save.write_text(json.dumps(everything))
    print()
    print(columns(rows))


if __name__ == "__main__":
    main()
