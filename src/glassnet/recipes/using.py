"""Small jobs behind single commands: choosing a part of a set, checking a notation, showing a set."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from glassnet.check import Check, check_network
from glassnet.data import Dataset, Splits, holds_picture_files, join, load
from glassnet.errors import CheckError, DataError, Fix, RecipeError, escaped, nearest
from glassnet.files import exists
from glassnet.look import image_grid, save_png
from glassnet.model import Model
from glassnet.nn import Network, parse_loss

__all__ = ["check_notation", "choose_part", "load_for", "show_data"]

_MOST_NUMBERS = 2**26  # in the examples of a gradient check: half a GiB
_MOST_NAMES = 100  # of classes, in a few lines about a set
_PARTS = ("test", "train", "valid", "all")


def load_for(model: Model, data: str) -> Splits:
    """The data that a model is to be used on; picture files are read at the model's size and in its way."""
    if holds_picture_files(data):
        return load(data, image_size=model.image_shape[:2], reading=model.reading)
    return load(data)


def choose_part(splits: Splits, part: str) -> tuple[str, Dataset]:
    """A part of a set by name: test, train, valid or all; with "" test if there is one, else all."""
    if part and part not in _PARTS:
        raise RecipeError(f"A part is one of {', '.join(_PARTS)}. Got '{part}' instead.{nearest(part, _PARTS)}")
    parts = {"train": splits.train, "valid": splits.valid, "test": splits.test}
    name = part or ("test" if splits.test is not None else "all")
    if name == "all":
        whole = splits.train
        for other in (splits.valid, splits.test):
            whole = whole if other is None else join(whole, other)
        return "all", whole
    chosen = parts[name]
    if chosen is None:
        raise DataError(f"'{splits.name}' has no part '{name}'.", Fix.CHOOSE_PART)
    return name, chosen


def check_notation(
    network: str,
    input_shape: Sequence[int] | None,
    classes: int = 10,
    loss: str = "softmax-cross-entropy",
    *,
    examples: int = 5,
    samples: int | None = None,
    l2: float = 0.0,
    seed: int = 0,
) -> Check:
    """Check every gradient of a network, a notation (with `input_shape`) or a model file, on random examples."""
    objective = parse_loss(loss)
    if input_shape is None:
        if not exists(network):
            raise RecipeError(
                "The sizes of one example are not known (a model file knows its own).",
                Fix.GIVE_INPUT_SHAPE,
                example="28x28x1",
            )
        model = Model.load(network)
        built, objective = model.network, model.loss
    else:
        outputs = classes if objective.classifies else int(np.prod(input_shape))
        built = Network(network, input_shape, outputs, seed=seed, dtype=np.float64)
    numbers = examples * math.prod(built.input_shape)
    if numbers > _MOST_NUMBERS:
        raise CheckError(f"{examples:,} examples of this size are {numbers:,} numbers; choose fewer or smaller ones.")
    rng = np.random.default_rng([seed, examples])
    x = rng.random((examples, *built.input_shape))
    width = built.output_shape[0]
    target = rng.integers(0, width, examples) if objective.classifies else rng.random((examples, width))
    return check_network(built, x, target, objective, l2=l2, samples=samples, seed=seed)


def show_data(data: str, out: Path | None, *, count: int = 60, seed: int = 0) -> tuple[str, Path]:
    """A few lines about a set and a grid of its pictures, the same number of each class; returns (text, PNG path)."""
    splits = load(data)
    train, shape = splits.train, splits.train.image_shape
    parts = [
        (n, p) for n, p in (("train", train), ("validation", splits.valid), ("test", splits.test)) if p is not None
    ]
    lines = [
        f"{train.name}: {train.classes} classes, {train.images.dtype} pictures of {'x'.join(map(str, shape))}",
        ", ".join(f"{name} {len(part):,}" for name, part in parts),
        f"classes: {', '.join(train.class_names[:_MOST_NAMES])}{' ...' if train.classes > _MOST_NAMES else ''}",
        *(f"note: {note}" for note in splits.notes),
    ]
    rng = np.random.default_rng(seed)
    shuffled = rng.permutation(len(train))
    rank = np.zeros(len(train), np.int64)  # how many of its class come before an example
    for label in range(train.classes):
        mine = shuffled[train.labels[shuffled] == label]
        rank[mine] = np.arange(len(mine))
    chosen = np.lexsort((train.labels, rank))[: min(count, len(train))]
    figure = image_grid(train.images[chosen], [train.class_names[label] for label in train.labels[chosen]])
    return "\n".join(map(escaped, lines)), save_png(figure, out or Path(f"{Path(data).name or 'data'}.png"))
