"""From a recipe and its data to the trainer that carries it out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from glassnet import threads
from glassnet.data import Splits, every_few_seconds
from glassnet.experiments.recipe import Recipe
from glassnet.experiments.start import Start
from glassnet.nn import Network
from glassnet.tasks import Task
from glassnet.train import Settings, Trainer

__all__ = ["build"]


def build(recipe: Recipe, splits: Splits, say: Callable[[str], None] = lambda text: None) -> Trainer:
    """The trainer of a recipe, its preprocessing fitted on the training part, with what is broken on purpose."""
    start = recipe.start
    trainer = _from_weights(recipe, splits) if start is None else _from_model(recipe, start, splits, say)
    return recipe.fault.planted().in_trainer(trainer)


def _from_weights(recipe: Recipe, splits: Splits) -> Trainer:
    """The trainer of a recipe that begins from random weights."""
    loss = recipe.make_loss()
    task = Task.of(loss)
    with threads.single_blas_thread():  # the number of BLAS threads would show in the last bits
        preprocess = task.fit(recipe.make_preprocess(), splits.train)
    shape = preprocess.output_shape(splits.train.image_shape)
    outputs = task.outputs(shape, splits.train.classes)
    settings = recipe.settings
    network = Network(recipe.model.network, shape, outputs, seed=settings.seed)
    make = recipe.engine.maker()
    return Trainer(
        engine=make(network, loss, recipe.make_optimizer(), l2=settings.l2, clip=settings.clip),
        preprocess=preprocess,
        schedule=recipe.make_schedule(),
        augmentation=recipe.make_augmentation(),
        adversarial=recipe.make_adversary(),
        class_weights=recipe.make_class_weights(),
        **_of_the_loop(settings),
    )


def _from_model(recipe: Recipe, start: Start, splits: Splits, say: Callable[[str], None]) -> Trainer:
    """The trainer of a recipe that begins from a trained model."""
    model, data, settings = start.open(), splits.train, recipe.settings
    engine = start.engine(
        model,
        data,
        recipe.make_loss(),
        recipe.make_optimizer(),
        epochs=settings.epochs,
        seed=settings.seed,
        progress=every_few_seconds(say),
        make=recipe.engine.maker(),
        l2=settings.l2,
        clip=settings.clip,
    )
    return Trainer(
        engine=engine,
        preprocess=model.preprocess,
        schedule=recipe.make_schedule(),
        augmentation=recipe.make_augmentation(),
        class_weights=recipe.make_class_weights(),
        **_of_the_loop(settings),
    )


def _of_the_loop(settings: Settings) -> dict[str, Any]:
    """The settings that are not the engine's."""
    return {name: value for name, value in vars(settings).items() if name not in ("l2", "clip")}
