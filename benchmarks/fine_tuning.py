"""Fine-tuning on our own engine: three seeded splits of Flowers-17 (680 / 340 / 340) and three seeds of sun8.

    python -m benchmarks.fine_tuning                         # all four, one run after the other
    python -m benchmarks.fine_tuning flowers17 --from squeezenet-1.1 --seeds 0,1,2

Prints for each run the accuracy on the validation part, by which the epoch is chosen, and on the test part, and the
time; for each set the means. Settings are those of `glassnet train SET --from MODEL`. Needs the sets and the weights
(GLASSNET_DATA, or glassnet data get).
"""

from __future__ import annotations

import argparse
import time
from dataclasses import replace

import numpy as np

from glassnet import threads
from glassnet.bench.machine import inspect
from glassnet.data import Splits, load
from glassnet.data.dataset import Dataset
from glassnet.experiments import run_recipe
from glassnet.experiments.recipe import Recipe, recipe_for
from glassnet.train import Progress

_MODELS = ("squeezenet-1.1", "efficientnet-lite0")
_FLOWERS = (680, 340, 340)


def splits_of(name: str, recipe: Recipe, seed: int) -> Splits:
    """The published parts of sun8, a tenth of training held out; a random division of Flowers-17."""
    assert recipe.start is not None
    model = recipe.start.open()
    size = (model.image_shape[0], model.image_shape[1])
    splits = load(name, image_size=size, reading=model.reading, validation=0 if name == "flowers17" else 0.1, seed=seed)
    if name != "flowers17":
        return splits
    parts = [part for part in (splits.train, splits.valid, splits.test) if part is not None]
    whole = replace(
        parts[0],
        images=np.concatenate([np.asarray(part.images) for part in parts]),
        labels=np.concatenate([part.labels for part in parts]),
    )
    return divided(whole, seed)


def divided(whole: Dataset, seed: int) -> Splits:
    """Parts of the sizes of the published splits, each with as many pictures of every class."""
    rng, chosen = np.random.default_rng(seed), [[], [], []]  # type: ignore[var-annotated]
    for label in range(whole.classes):
        mine = rng.permutation(np.flatnonzero(whole.labels == label))
        ends = np.cumsum([count // whole.classes for count in _FLOWERS])
        for part, rows in zip(chosen, np.split(mine, ends[:2]), strict=True):
            part.extend(rows.tolist())
    train, valid, test = (whole.subset(np.sort(np.array(rows))) for rows in chosen)
    return Splits(train, valid, test)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", nargs="?", choices=("sun8", "flowers17"))
    parser.add_argument("--from", dest="models", default=",".join(_MODELS))
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument("--set", dest="settings", action="append", default=[], metavar="NAME=VALUE")
    arguments = parser.parse_args()
    print(inspect())
    for name in [arguments.data] if arguments.data else ["sun8", "flowers17"]:
        for model in arguments.models.split(","):
            accuracies = []
            for seed in map(int, arguments.seeds.split(",")):
                given = dict(setting.split("=", 1) for setting in arguments.settings)
                numbers = {key: _value(value) for key, value in given.items()}
                recipe = recipe_for(name, {"start.model": model, "train.seed": seed, **numbers})
                splits = splits_of(name, recipe, seed)
                begun = time.monotonic()
                run = run_recipe(recipe, splits=splits, progress=Progress())
                seconds = time.monotonic() - begun
                assert run.evaluation is not None and recipe.start is not None
                epochs = run.history.epochs
                head = epochs[recipe.start.head_epochs - 1]
                best = max(epochs, key=lambda record: record["valid_accuracy"])
                heads = max(record["valid_accuracy"] for record in epochs[: recipe.start.head_epochs])
                accuracies.append(run.evaluation.accuracy)
                print(
                    f"{name} from {model}, seed {seed}: validation {best['valid_accuracy']:.4f} (head alone {heads:.4f}"
                    f" after {head['seconds']:.0f} s), test {run.evaluation.accuracy:.4f}; {seconds:.0f} s on"
                    f" {threads.count()} threads",
                    flush=True,
                )
            print(f"{name} from {model}: mean test accuracy {np.mean(accuracies):.4f}", flush=True)


def _value(text: str) -> object:
    try:
        return int(text)
    except ValueError:
        pass
    try:
        return float(text)
    except ValueError:
        return text


if __name__ == "__main__":
    main()
