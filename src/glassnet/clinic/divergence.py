"""Where numbers stopped being numbers: the steps up to the one that failed made once more, then layer by layer."""

from __future__ import annotations

import math

import numpy as np

from glassnet.clinic.brief import Brief, train_briefly
from glassnet.data import Splits, epoch_order
from glassnet.experiments.build import build
from glassnet.train import Trainer

__all__ = ["first_bad_layer"]


def first_bad_layer(brief: Brief, splits: Splits, seconds: float = math.inf) -> str:
    """The name of the first layer that gives what is no finite number, at the step at which a training diverged.

    Parameters
    ----------
    brief : Brief
        The training that diverged.
    splits : Splits
        Its data.
    seconds : float
        The longest time for making its steps once more.

    Returns
    -------
    str
        As "2.linear", or "the pictures" where they hold no numbers; "" where it cannot be told.
    """
    before = brief.steps - 1
    if before:
        again = train_briefly(brief.recipe, splits, steps=before, seconds=seconds, parts=False)
        if again.steps != before or again.diverged:
            return ""
        trainer = again.trainer
    else:
        trainer = build(brief.recipe, splits)
    if trainer.task.feed is not None:
        return ""
    x = _batch(trainer, brief, splits)
    if not np.isfinite(x).all():
        return "the pictures"
    with np.errstate(all="ignore"):
        found = trainer.network.activations(x)
    return next((name for name, output in found.items() if not np.isfinite(output).all()), "")


def _batch(trainer: Trainer, brief: Brief, splits: Splits) -> np.ndarray:
    """The pictures of the step that failed, without augmentation."""
    size = brief.recipe.settings.batch or len(splits.train)
    per_epoch = math.ceil(len(splits.train) / size)
    epoch, place = divmod(brief.steps - 1, per_epoch)
    rows = epoch_order(len(splits.train), brief.recipe.settings.seed, epoch)[place * size : (place + 1) * size]
    return np.asarray(trainer.preprocess.transform(splits.train.images[rows]), np.float32)
