"""What the code of a training does, by the laws that hold exactly: layers, loss, optimiser, evaluation, model file."""

from __future__ import annotations

import numpy as np

from glassnet import threads
from glassnet.clinic.brief import examples_of
from glassnet.data import Splits
from glassnet.doctor import Finding, examine_network
from glassnet.doctor.laws import broken_laws
from glassnet.doctor.network import FirstBatch, after_training
from glassnet.doctor.probe import Probe
from glassnet.doctor.training_laws import model_law
from glassnet.engines import NativeEngine
from glassnet.experiments import Recipe
from glassnet.experiments.build import build
from glassnet.model import Model

__all__ = ["look_at_code", "look_at_model", "look_at_trained"]

_EXAMPLES = 256
_NOISE = 16  # pictures on which a model is looked at, which may be a large one


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
        images, x, y = examples_of(splits.train, trainer.preprocess, trainer.task, _EXAMPLES)
        engine = trainer.engine
        own = engine if isinstance(engine, NativeEngine) else None
        return examine_network(
            trainer.network,
            trainer.loss,
            x,
            y,
            optimizer=None if own is None else own.optimizer,
            l2=recipe.settings.l2,
            scores=None if own is None else own.scores,
            model=model,
            preprocess=trainer.preprocess,
            images=images[:8],
            seed=recipe.settings.seed,
        )


def look_at_trained(model: Model, splits: Splits) -> tuple[Finding, ...]:
    """What a trained network does with training pictures: units that are dead, moments that do not fit."""
    if model.task.word not in ("classification", "reconstruction"):
        return ()
    _, x, y = examples_of(splits.train, model.preprocess, model.task, _EXAMPLES)
    with threads.single_blas_thread():
        return tuple(after_training(FirstBatch(model.network, model.loss, x, y, train=False)))


def look_at_model(model: Model, splits: Splits | None = None, seed: int = 0) -> tuple[Finding, ...]:
    """The laws that the code of a model breaks, on pictures of its data or, without any, on noise."""
    if splits is not None:
        images, x, y = examples_of(splits.train, model.preprocess, model.task, _NOISE)
        return examine_network(model.network, model.loss, x, y, model=model, images=images[:8], trained=True, seed=seed)
    rng = np.random.default_rng(seed)
    noise = rng.integers(0, 256, (_NOISE, *model.image_shape), np.uint8)
    x = model.preprocess.transform(
        rng.standard_normal(noise.shape).astype(np.float32) if model.takes_rows else noise
    )  # fmt: skip
    y = x.reshape(len(x), -1) if model.task.rebuilds else rng.integers(0, len(model.class_names), _NOISE)
    bad = next((name for name, array in model.network.arrays().items() if not np.isfinite(array).all()), "")
    if bad:
        evidence = f"{bad} has numbers that are not finite: nothing can be computed from them."
        return (Finding("not-finite", "failure", evidence, remedy="Train it again, at a lower rate.", where=bad),)
    with threads.single_blas_thread():
        return (*broken_laws(Probe.of(model.network, model.loss, x, y, seed=seed)), *model_law(model))
