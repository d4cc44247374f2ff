"""A training for a while: the recipe's own steps, up to so many of them or for so many seconds, and what came of them.

The steps are those of the whole training with the same seed: a training of 200 steps is the beginning of the long one.
"""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import Any

import numpy as np

from glassnet import threads
from glassnet.data import Dataset, PictureFiles, Preprocess, Splits
from glassnet.doctor import Case
from glassnet.engines import StepResult, swapped_in
from glassnet.errors import Diverged, TrainingInterrupted
from glassnet.experiments.build import build
from glassnet.experiments.recipe import Recipe
from glassnet.metrics import Evaluation
from glassnet.metrics import Reconstruction as Reconstructed
from glassnet.model import Model
from glassnet.nn.functional.arrays import Array
from glassnet.tasks import Task
from glassnet.train import Callback, Saved, Trainer, Training

__all__ = ["Brief", "evaluated", "examples_of", "some_of", "train_briefly"]

_LOOKED_AT = 1000  # pictures that figures are of: a share is then known to 3 points (Wilson's 95 % interval)
_LONGEST = 20.0  # times the shortest step that a step may take; above it kernels were compiled
_SPACING = 100  # steps are recorded a hundredth of the way so far apart


@dataclass(frozen=True, eq=False)
class Brief:
    """What a training for a while came to.

    Attributes
    ----------
    recipe : Recipe
        What was carried out, all of it said.
    trainer : Trainer
        What carried it out.
    records : list of mapping
        Its history; an epoch that was not finished has a record where enough of it was done, marked `partial`.
    steps : int
        Steps that were made.
    whole : bool
        Whether that is the whole training.
    diverged : str
        How the loss or the weights stopped being numbers; empty: they did not.
    model : Model
        What was kept of it.
    part : str
        The part of the data that `evaluation` is of.
    evaluation : Evaluation or None
        Of a classifier on some pictures of that part.
    reconstruction : Reconstruction or None
        Of a network that reconstructs its input.
    loss, accuracy : float
        On some training pictures in evaluation mode, of the weights after the last step; inf and nan where they
        diverged, nan where there is none.
    seconds : float
        How long the steps took.

    Examples
    --------
    >>> from glassnet.clinic import train_briefly
    >>> from glassnet.experiments import prepare, recipe_for
    >>> recipe, splits = prepare(recipe_for("digits", {"model.network": "linear"}))
    >>> brief = train_briefly(recipe, splits, steps=10)
    >>> brief.steps, brief.whole, brief.diverged
    (10, False, '')
    """

    recipe: Recipe
    trainer: Trainer
    records: list[dict[str, Any]]
    steps: int
    whole: bool
    diverged: str
    model: Model
    part: str
    evaluation: Evaluation | None
    reconstruction: Reconstructed | None
    loss: float
    accuracy: float
    seconds: float

    def case(self, splits: Splits) -> Case:
        """What the doctor's rules look at."""
        return Case(
            self.records,
            self.evaluation,
            self.reconstruction,
            part=self.part,
            counts=splits.train.counts().tolist() if self.model.task.word == "classification" else (),
            class_names=splits.train.class_names,
            network=self.model.network,
            settings=self.recipe.values(),
            whole=self.whole,
            diverged=self.diverged,
            fitted_accuracy=self.accuracy,
            means_accuracy=self._means(splits),
            losses_compare=not self.model.task.reads,
        )

    def _means(self, splits: Splits) -> float:
        """Accuracy of the nearest mean picture of a class, on the pictures that the network was evaluated on."""
        if self.evaluation is None or self.part == "training":
            return math.nan
        train, other = some_of(splits.train, 2 * _LOOKED_AT), _looked_at(splits)[1]
        x, y = (_flat(self.trainer.preprocess.transform(_pixels(part))) for part in (train, other))
        there = np.unique(train.labels)
        means = np.stack([x[train.labels == label].mean(axis=0) for label in there])
        distances = (means * means).sum(axis=1) - 2.0 * y @ means.T
        return float((there[distances.argmin(axis=1)] == other.labels).mean())


class _Until(Callback):
    """Ends a training after so many steps or seconds, and records its steps closely at the beginning."""

    def __init__(self, steps: float, seconds: float) -> None:
        self.steps, self.seconds = steps, seconds
        self.took, self.ended = 0.0, False
        self._spread, self._latest, self._shortest = 1, 0.0, math.inf

    def start(self, training: Training, saved: Saved) -> None:
        """Begin to count."""
        self._latest = time.perf_counter()
        self._spread, training.log_every = training.log_every, 1

    def step(self, training: Training, result: StepResult) -> None:
        """End the training where it is time, but for one that has ended."""
        done = training.state.step
        now = time.perf_counter()
        took, self._latest = (now - self._latest) / result.steps, now
        self._shortest = min(self._shortest, took)
        self.took += result.steps * min(took, _LONGEST * self._shortest)
        training.log_every = max(1, min(self._spread, done // _SPACING, math.ceil(min(self.steps - done, 1e9))))
        planned = training.steps_per_epoch * training.settings.epochs
        if done < planned and (done >= self.steps or self.took > self.seconds):
            self.ended = True
            training.interrupt()


def train_briefly(
    recipe: Recipe, splits: Splits, *, steps: float = math.inf, seconds: float = math.inf, parts: bool = True
) -> Brief:
    """Carry out the beginning of a recipe that says everything (see `prepare`).

    Parameters
    ----------
    recipe : Recipe
        What to do.
    splits : Splits
        Its data.
    steps : float
        The most steps to make.
    seconds : float
        The longest time to make steps for.
    parts : bool
        Whether what came out is evaluated on validation pictures (else test, else training pictures), too.

    Raises
    ------
    GlassnetError
        The recipe does not fit the data.

    Examples
    --------
    >>> from glassnet.clinic import train_briefly
    >>> from glassnet.experiments import prepare, recipe_for
    >>> recipe, splits = prepare(recipe_for("digits", {"model.network": "linear"}))
    >>> train_briefly(recipe, splits, steps=10).steps
    10
    """
    until, diverged = _Until(steps, seconds), ""
    with threads.use(recipe.threads):
        trainer = build(recipe, splits)
        whole = True
        try:
            trainer.fit(splits.train, splits.valid, callbacks=[until])
        except Diverged as error:
            diverged = error.what
        except TrainingInterrupted:
            if not until.ended:  # somebody pressed Ctrl-C
                raise
            whole = False
        training = trainer.training
        assert training is not None
        records = [*trainer.history.records, *_unfinished(training, whole)]
        loss, accuracy = (math.inf, math.nan) if diverged else _fitted(trainer, training, splits.train)
        model = _kept(trainer, training, splits.train, diverged)
        part, evaluation, reconstruction = "training", None, None
        if parts and not diverged:
            part, evaluation, reconstruction = evaluated(model, splits)
    done = training.state.step
    return Brief(
        recipe, trainer, records, done, whole and not diverged, diverged, model, part, evaluation, reconstruction,
        loss, accuracy, until.took,
    )  # fmt: skip


def some_of(dataset: Dataset, most: int = _LOOKED_AT) -> Dataset:
    """A set, or as many of its examples as may be looked at, evenly spread."""
    if len(dataset) <= most:
        return dataset
    return dataset.subset(np.linspace(0, len(dataset) - 1, most).astype(np.int64))


def examples_of(
    dataset: Dataset, preprocess: Preprocess, task: Task, most: int = _LOOKED_AT
) -> tuple[Array, Array, Array]:
    """(pixels, inputs, targets) of as many examples of a set as may be looked at, evenly spread."""
    chosen = some_of(dataset, most)
    pixels = _pixels(chosen)
    x = preprocess.transform(pixels)
    return pixels, x, x.reshape(len(x), -1) if task.rebuilds else chosen.labels


def _pixels(dataset: Dataset) -> Array:
    images = dataset.images
    return images[np.arange(len(images))] if isinstance(images, PictureFiles) else images


def _unfinished(training: Training, whole: bool) -> list[dict[str, Any]]:
    """A record of the epoch that is under way, where a fifth of it is done or there is none yet."""
    state = training.state
    if whole or not state.epoch_steps or (state.epoch and state.position < training.used / 5):
        return []
    return [{
        "kind": "epoch", "epoch": state.epoch + 1, "step": state.step, "loss": state.loss_sum / state.epoch_steps,
        **training.task.training_figures(state.correct, state.position), "rate": training.rate(state.step - 1),
        "seconds": training.seconds, "partial": True,
    }]  # fmt: skip


def _fitted(trainer: Trainer, training: Training, train: Dataset) -> tuple[float, float]:
    """(loss, accuracy) on some training pictures in evaluation mode, as the network is now."""
    if trainer.task.feed is not None:
        return math.nan, math.nan
    engine = training.engine
    _, x, targets = examples_of(train, trainer.preprocess, trainer.task)
    x = np.ascontiguousarray(x, np.float32)
    inside = getattr(engine, "engine", engine)  # of one under attack, which would take pixels
    with threads.single_blas_thread(), swapped_in(engine, dict(training.weights())):
        size = 250
        scores = np.concatenate([inside.scores(x[start : start + size]) for start in range(0, len(x), size)])
    if not np.isfinite(scores).all():
        return math.inf, math.nan
    loss, correct = trainer.loss.run(scores, targets, np.empty_like(scores))
    return float(loss), math.nan if trainer.task.rebuilds else correct / len(x)


def _kept(trainer: Trainer, training: Training, train: Dataset, diverged: str) -> Model:
    if diverged:  # as it is: what is no number says where it is
        network = trainer.network
        return Model(network, trainer.preprocess, train.image_shape, train.class_names, trainer.loss)
    return trainer.model_so_far(train)


def _looked_at(splits: Splits) -> tuple[str, Dataset]:
    """The pictures that figures are of: validation pictures, else test, else training pictures."""
    parts = {"validation": splits.valid, "test": splits.test, "training": splits.train}
    name, part = next((name, part) for name, part in parts.items() if part is not None)
    return name, some_of(part, 2 * _LOOKED_AT)


def _flat(x: Array) -> Array:
    return np.asarray(x, np.float32).reshape(len(x), -1)


def evaluated(model: Model, splits: Splits) -> tuple[str, Evaluation | None, Reconstructed | None]:
    """(part, figures of a classifier, those of a network that reconstructs) on some validation, else test pictures."""
    name, part = _looked_at(splits)
    if model.task.rebuilds:
        return name, None, model.assess(part)
    if model.task.word != "classification":
        return name, None, None
    scores = model.scores(part.images)
    if not np.isfinite(scores).all():
        return name, None, None
    return name, model.task.evaluate(model.loss.probabilities(scores), part.labels, model.class_names), None
