"""What the code of a training does, by the laws that hold exactly: layers, loss, optimiser, evaluation and model file."""

from __future__ import annotations

import numpy as np

from glassnet import threads
from glassnet.clinic.brief import some_of
from glassnet.data import PictureFiles, Splits
from glassnet.doctor import Finding, examine_network
from glassnet.engines import NativeEngine
from glassnet.experiments import Recipe
from glassnet.experiments.build import build
from glassnet.model import Model

__all__ = ["look_at_code"]

_EXAMPLES = 256


def look_at_code(recipe: Recipe, splits: Splits, model: Model | None = None) -> tuple[Finding, ...]:
    """The laws that the code of a recipe breaks, as it is before its training.

    Parameters
    ----------
    recipe : Recipe
        What is carried out, all of it said.
    splits : Splits
        Its data.
    model : Model, optional
        What came of it.
    """
    with threads.use(recipe.threads):
        trainer = build(recipe, splits)
        if trainer.task.feed is not None:
            return ()
        trainer.check(splits.train, splits.valid)
        chosen = some_of(splits.train, _EXAMPLES)
        images = chosen.images[np.arange(len(chosen))] if isinstance(chosen.images, PictureFiles) else chosen.images
        x = trainer.preprocess.transform(images)
        y = x.reshape(len(x), -1) if trainer.task.rebuilds else chosen.labels
        engine = trainer.engine
        own = engine if isinstance(engine, NativeEngine) else None
        return examine_network(
            trainer.network,
            trainer.loss,
            x,
            y,
            optimizer=own and own.optimizer,
            l2=recipe.settings.l2,
            scores=own and own.scores,
            model=model,
            preprocess=trainer.preprocess,
            images=images[:8],
            seed=recipe.settings.seed,
        )
