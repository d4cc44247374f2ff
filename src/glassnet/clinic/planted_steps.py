"""Faults of the code around the layers: the loss, the optimiser, the batches, and what is done in evaluation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from glassnet.clinic.planted_code import CODE, Change, changed, fault
from glassnet.data import Augmentation, Dataset, Preprocess, epoch_order
from glassnet.errors import RecipeError
from glassnet.model import Model
from glassnet.nn import Loss, SoftmaxCrossEntropy
from glassnet.nn.functional import softmax_forward
from glassnet.nn.functional.arrays import Array
from glassnet.nn.layers import Conv, Linear
from glassnet.optim import Optimizer
from glassnet.train import Trainer
from glassnet.train.feed import Feed
from glassnet.train.loop import Examples, Training

__all__ = ["CODE"]

_LARGEST = 30.0  # an exponent that float32 holds

# ---- the loss


class _Other(Loss):
    """Base: the loss and its gradient, made into others."""

    def run(self, scores: Array, target: Array, out: Array) -> tuple[float, int]:
        loss, correct = super().run(scores, target, out)
        return self.other(loss, out, scores, target), correct

    def loss(self, scores: Array, target: Any, *, out: Array | None = None) -> tuple[float, Array]:
        loss, gradient = super().loss(scores, target, out=out)
        return self.other(loss, gradient, scores, np.asarray(target)), gradient

    def other(self, loss: float, gradient: Array, scores: Array, target: Array) -> float:
        """The other loss; the other gradient takes the place of the right one."""
        raise NotImplementedError


class _Summed(_Other):
    def other(self, loss: float, gradient: Array, scores: Array, target: Array) -> float:
        gradient *= len(scores)
        return loss * len(scores)


class _Exponentials(_Other):
    def other(self, loss: float, gradient: Array, scores: Array, target: Array) -> float:
        right = np.eye(scores.shape[1], dtype=scores.dtype)[target]
        gradient[...] = (np.exp(np.minimum(scores, _LARGEST)) - right) / len(scores)
        return loss


class _AcrossExamples(_Other):
    def other(self, loss: float, gradient: Array, scores: Array, target: Array) -> float:
        shares = softmax_forward(np.ascontiguousarray(scores.T))[0].T
        right = np.eye(scores.shape[1], dtype=scores.dtype)[target]
        gradient[...] = (shares * right.sum(axis=0) - right) / len(scores)
        return float(-np.log(shares[np.arange(len(scores)), target] + 1e-30).mean())


class _Twice(Loss):
    def run(self, scores: Array, target: Array, out: Array) -> tuple[float, int]:
        shares = softmax_forward(scores)[0]
        result = super().run(shares, target, out)
        _through_softmax(out, shares)
        return result

    def loss(self, scores: Array, target: Any, *, out: Array | None = None) -> tuple[float, Array]:
        shares = softmax_forward(scores)[0]
        loss, gradient = super().loss(shares, target, out=out)
        _through_softmax(gradient, shares)
        return loss, gradient


def _through_softmax(gradient: Array, shares: Array) -> None:
    gradient[...] = shares * (gradient - (gradient * shares).sum(axis=1, keepdims=True))


def _of_the_loss(loss_fault: type) -> Change:
    def change(trainer: Trainer) -> None:
        if not isinstance(trainer.loss, SoftmaxCrossEntropy):
            raise RecipeError("This fault is one of the softmax cross-entropy, and the recipe has another loss.")
        changed(trainer.loss, loss_fault)

    return change


CODE["loss-summed"] = _of_the_loss(_Summed)
CODE["softmax-gradient-unnormalised"] = _of_the_loss(_Exponentials)
CODE["loss-across-examples"] = _of_the_loss(_AcrossExamples)
CODE["softmax-twice"] = _of_the_loss(_Twice)

# ---- the optimiser


class _Uphill(Optimizer):
    def _update(self, rows: Any, parameters: Any, rates: list[float], clip: float, l2: list[float]) -> None:
        super()._update(rows, parameters, [-rate for rate in rates], clip, l2)


class _OneMemory(Optimizer):
    def _slot(self, name: str, slot: str, parameter: Any) -> Array:
        size = parameter.value.size
        for key, array in self.state.items():
            if key.endswith(f".{slot}") and key != f"{name}.{slot}" and array.size >= size:
                self.state[f"{name}.{slot}"] = array[:size]
                break
        return super()._slot(name, slot, parameter)


@fault("update-sign")
def _(trainer: Trainer) -> None:
    changed(_optimizer(trainer), _Uphill)


@fault("memory-aliased")
def _(trainer: Trainer) -> None:
    optimizer = _optimizer(trainer)
    if not optimizer.slots:
        raise RecipeError(f"This fault is one of the optimiser's memory, and '{optimizer.word}' has none.")
    changed(optimizer, _OneMemory)


@fault("frozen-layer")
def _(trainer: Trainer) -> None:
    layers = [layer for _, layer in trainer.network.walk() if isinstance(layer, Linear | Conv)]
    for parameter in layers[0].parameters.values():
        parameter.rate = 0.0


def _optimizer(trainer: Trainer) -> Optimizer:
    optimizer: Optimizer = trainer.engine.optimizer  # type: ignore[attr-defined]
    return optimizer


# ---- the batches


class _Sorted(Feed):
    def take(self, indices: Array, epoch: int) -> tuple[Array, ...]:
        place = np.argsort(epoch_order(len(self), self.seed, epoch))
        return super().take(np.argsort(self.labels, kind="stable")[place[indices]], epoch)


class _OneBatch(Feed):
    def take(self, indices: Array, epoch: int) -> tuple[Array, ...]:
        return super().take(epoch_order(len(self), self.seed, 0)[: len(indices)], epoch)


class _OutOfStep(Feed):
    def take(self, indices: Array, epoch: int) -> tuple[Array, ...]:
        x, target, *weights = super().take(indices, epoch)
        return x, np.roll(target, 1, axis=0), *weights


def _of_the_batches(feed_fault: type) -> Change:
    class Feeds(Trainer):
        def _examples(self, dataset: Dataset, *, trains: bool, **settings: Any) -> Examples:
            made = super()._examples(dataset, trains=trains, **settings)
            if trains:
                changed(made, feed_fault)
            return made

    def change(trainer: Trainer) -> None:
        changed(trainer, Feeds)

    return change


CODE["not-shuffled"] = _of_the_batches(_Sorted)
CODE["one-batch"] = _of_the_batches(_OneBatch)
CODE["labels-out-of-step"] = _of_the_batches(_OutOfStep)

# ---- evaluation


class _Augmenting(Preprocess):
    """Augments whatever it prepares, each time in another way."""

    augmentation: Augmentation
    calls = 0

    def transform(self, images: Array, **settings: Any) -> Array:
        self.calls += 1
        moved = self.augmentation.apply(np.asarray(images), np.arange(len(images)), self.calls, 0)
        found: Array = super().transform(moved, **settings)
        return found


class _Evaluates(Trainer):
    """Prepares the pictures that are not trained on in another way."""

    other: Callable[[Preprocess], Preprocess]

    def _examples(self, dataset: Dataset, *, trains: bool, **settings: Any) -> Examples:
        own = self.preprocess
        self.preprocess = own if trains else self.other(own)
        try:
            return super()._examples(dataset, trains=trains, **settings)
        finally:
            self.preprocess = own

    def _model(self, train: Dataset, training: Training) -> Model:
        model = super()._model(train, training)
        model.preprocess = self.other(model.preprocess)
        return model


@fault("preprocessing-differs")
def _(trainer: Trainer) -> None:
    def other(own: Preprocess) -> Preprocess:
        words = [step.notation() for step in own.steps if step.word in ("grey", "resize")]
        inverts = any(step.word == "invert" for step in own.steps)
        made = Preprocess.parse(" -> ".join(["scale", *words, *([] if inverts else ["invert"])]))
        made.input_shape = own.input_shape
        return made

    changed(trainer, _Evaluates)
    trainer.other = other  # type: ignore[attr-defined]


@fault("augmented-evaluation")
def _(trainer: Trainer) -> None:
    def other(own: Preprocess) -> Preprocess:
        made = Preprocess(own.steps)
        made.input_shape = own.input_shape
        changed(made, _Augmenting)
        made.augmentation = trainer.augmentation or Augmentation.parse("shift 2 -> rotate 30")  # type: ignore[attr-defined]
        return made

    changed(trainer, _Evaluates)
    trainer.other = other  # type: ignore[attr-defined]
