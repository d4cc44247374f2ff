"""The training loop: epochs of steps, each epoch followed by validation; callbacks do all the rest.

`Callback` is the extension point; those that the package has are in `glassnet.train.callbacks`.
"""

from __future__ import annotations

import contextlib
import math
import time
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar, Protocol

import numpy as np

from glassnet import threads
from glassnet.data import epoch_order
from glassnet.engines import Batch, Engine, StepResult, swapped_in
from glassnet.errors import Diverged, ModelError, TrainingInterrupted
from glassnet.nn.functional.arrays import Array
from glassnet.optim import Constant, Schedule
from glassnet.tasks import Task
from glassnet.train.settings import Settings
from glassnet.train.state import Progression

__all__ = ["Callback", "Examples", "Saved", "Training", "step_key"]

_EVALUATION_BATCH = 500
_STEPS_A_CALL = 4096  # steps that an engine takes in one call, between two looks at the clock
_STREAM_DROPOUT = 0xD40  # keeps dropout's random numbers apart from all other streams of the seed


Saved = dict[str, Any]  # arrays and plain JSON by name


class Examples(Protocol):
    """What gives the batches of a part of the data.

    Where it has a `close`, that is called when the training ends. Where its examples are of several sizes it has
    `groups`, which gives the indices (n,) of those that can be evaluated together, all of them in turn.

    Examples
    --------
    >>> from glassnet.train import Examples
    >>> class Noise:
    ...     def __len__(self):
    ...         return 100
    ...     def take(self, indices, epoch):
    ...         rng = np.random.default_rng(epoch)
    ...         return rng.random((len(indices), 4), np.float32), indices % 2
    >>> examples: Examples = Noise()
    >>> x, labels = examples.take(np.array([0, 3]), epoch=1)
    >>> x.shape, labels
    ((2, 4), array([0, 1]))
    """

    def __len__(self) -> int:
        """How many examples there are."""

    def take(self, indices: Array, epoch: int) -> Sequence[Any]:
        """The examples `indices` (n,) as they are in `epoch`: (x, target), or (x, target, weights); see `Batch`."""


class Training:
    """One training, from its first step to its last.

    Parameters
    ----------
    engine : Engine
        What computes the steps.
    train : Examples
        The examples to train on.
    valid : Examples, optional
        The examples that epochs are compared on, or None.
    settings : Settings
        Epochs, batch, seed and log_every are read here.
    schedule : Schedule, optional
        Of the learning rate.
    callbacks : sequence of Callback
        What happens beside the steps, see `Callback`.
    task : Task, optional
        None takes that of the engine's loss.
    identity : dict of str to object, optional
        What must be the same when the training is resumed, as plain JSON.
    state : Progression, optional
        Where it stands; None begins.

    Attributes
    ----------
    state : Progression, optional
        Where it stands.
    used : int
        Examples of an epoch: all, but for a rest that is too small for a batch.
    steps_per_epoch : int
        Steps of an epoch.
    named : dict of str to Callback
        The callbacks by name, in the order in which they are called.
    improved : bool
        Whether the latest epoch is the best so far.
    evaluated : dict of str to array
        Arrays that validation and the model have in place of the trained ones; empty: the trained ones.
    kept : dict of str to array
        Arrays that the model has in the end; empty: those of the last step.
    interrupted : bool
        Whether it is asked to stop at once.
    resumable : bool
        Whether a checkpoint is kept.

    Examples
    --------
    >>> import glassnet
    >>> from glassnet.train import Callback
    >>> class Rates(Callback):
    ...     seen = []
    ...     def epoch(self, training, record):
    ...         self.seen.append(round(training.rate(training.state.step - 1), 4))
    >>> trainer = glassnet.Trainer(glassnet.Network("linear 10", (8, 8, 1)), epochs=2, callbacks=[Rates()])
    >>> _ = trainer.fit(glassnet.load_data("digits").train)
    >>> Rates.seen
    [0.001, 0.001]
    """

    def __init__(
        self,
        engine: Engine,
        train: Examples,
        valid: Examples | None = None,
        *,
        settings: Settings,
        schedule: Schedule | None = None,
        callbacks: Sequence[Callback] = (),
        task: Task | None = None,
        identity: dict[str, Any] | None = None,
        state: Progression | None = None,
    ) -> None:
        self.engine, self.train, self.valid, self.settings = engine, train, valid, settings
        self.schedule = schedule or Constant()
        self.task = task or Task.of(engine.loss)
        self.identity = identity or {}
        self.state = state or Progression()
        self.named = _named(callbacks)
        self._stepping = [c for c in self.named.values() if type(c).step is not Callback.step]
        self.saved: dict[str, Saved] = {}  # what the callbacks kept in a checkpoint
        self.improved = self.interrupted = self.resumable = False
        self.evaluated: dict[str, Array] = {}
        self.kept: dict[str, Array] = {}
        self.batch = settings.batch or len(train)
        rest = len(train) % self.batch
        self.used = len(train) - (rest if rest < engine.least_batch else 0)
        self.steps_per_epoch = -(-self.used // self.batch)
        self.log_every = settings.log_every or max(1, math.ceil(self.steps_per_epoch * settings.epochs / 200))
        every_step = any(callback.every_step for callback in callbacks)
        self._many_steps = None if every_step else engine.many_steps(train, self.batch)
        self._clock = time.perf_counter()

    # ---- what callbacks ask and say

    @property
    def seconds(self) -> float:
        """Time the training has taken, that before it was resumed included."""
        return time.perf_counter() - self._clock

    def rested(self, seconds: float) -> None:
        """Leave seconds in which nothing was computed out of the time that the training takes."""
        self._clock += seconds

    def rate(self, step: int) -> float:
        """The learning rate of step `step`, from 0."""
        return self.engine.lr * self.schedule.factor(step, self.steps_per_epoch, self.settings.epochs)

    def weights(self) -> dict[str, Array]:
        """The arrays that validation has and, unless an earlier epoch is kept, the model: by name, not copied."""
        return self.evaluated or self.engine.weights()

    def stop(self, reason: str) -> None:
        """End the training after the current epoch. Of several reasons the first stands."""
        self.state.stopped = self.state.stopped or reason

    def interrupt(self) -> None:
        """End the training after the current step, with `TrainingInterrupted`."""
        self.interrupted = True

    # ---- the loop

    @threads.single_blas_thread()  # NumPy's products round in another way on more threads
    def run(self) -> None:
        """Train to the end.

        Raises
        ------
        TrainingError
            The loss or the weights are not finite.
        TrainingInterrupted
            It was asked to stop.
        """
        self._clock = time.perf_counter() - self.state.seconds
        with contextlib.ExitStack() as contexts:
            for callback in reversed(self.named.values()):  # the last to be called stands around all others
                contexts.enter_context(callback.around(self))
            for name, callback in self.named.items():
                _start(name, callback, self, self.saved.get(name, {}))
            while not self.state.stopped:
                self._epoch()
        if not all(np.isfinite(array).all() for array in (self.kept or self.weights()).values()):
            raise self._diverged("The weights are no longer finite")

    def _epoch(self) -> None:
        state = self.state
        order = epoch_order(len(self.train), self.settings.seed, state.epoch)[: self.used]
        while state.position < self.used:
            result = self._many(order) if self._many_steps and state.step % self.log_every else self._one(order)
            if not math.isfinite(result.loss):
                raise self._diverged(_loss_became(result.loss))
            for callback in self._stepping:
                callback.step(self, result)
            if self.interrupted:
                raise TrainingInterrupted(_interrupted(state, self.resumable))
        record = self._end_of_epoch()
        for callback in self.named.values():
            callback.epoch(self, record)

    def _one(self, order: Array) -> StepResult:
        """A step on the next batch, with norms where it is to be recorded."""
        state = self.state
        indices = order[state.position : state.position + self.batch]
        x, target, *weights = self.train.take(indices, state.epoch)
        batch = Batch(x, target, weights[0] if weights else None, step_key(self.settings.seed, state.step))
        result = self.engine.step(batch, self.rate(state.step), norms=state.step % self.log_every == 0)
        return self._count(len(indices), result)

    def _many(self, order: Array) -> StepResult:
        """Steps in one call, up to the next one that is recorded."""
        assert self._many_steps is not None
        state = self.state
        left = -(-(self.used - state.position) // self.batch)
        count = min(_STEPS_A_CALL, left, self.log_every - state.step % self.log_every)
        indices = order[state.position : state.position + count * self.batch]
        rates = np.array([self.rate(step) for step in range(state.step, state.step + count)])
        return self._count(len(indices), self._many_steps(indices, rates))

    def _count(self, examples: int, result: StepResult) -> StepResult:
        state = self.state
        state.position += examples
        state.step += result.steps
        state.epoch_steps += result.steps
        state.loss_sum += result.loss
        state.correct += result.correct
        return result

    def _end_of_epoch(self) -> dict[str, Any]:
        """Validate, say which epoch is the best and go over to the next one; returns the record of this one."""
        state = self.state
        record: dict[str, Any] = {
            "kind": "epoch",
            "epoch": state.epoch + 1,
            "step": state.step,
            "loss": state.loss_sum / state.epoch_steps,
            **self.task.training_figures(state.correct, self.used),
            **self._validate(),
            "rate": self.rate(state.step - 1),
            "seconds": round(self.seconds, 3),
        }
        if not math.isfinite(record.get("valid_loss", 0.0)):
            raise self._diverged(_loss_became(record["valid_loss"]))
        rank = self.task.metric.rank(record)
        self.improved = rank is not None and (state.best is None or rank > state.best)
        if self.improved:
            state.best, state.best_epoch = rank, record["epoch"]
        state.epoch += 1
        state.position = state.epoch_steps = state.correct = 0
        state.loss_sum = 0.0
        if state.epoch >= self.settings.epochs:
            self.stop(f"after all {state.epoch} epochs")
        return record

    def _validate(self) -> dict[str, float]:
        """Loss and metric on the validation part, in evaluation mode; nothing without one."""
        if self.valid is None or not len(self.valid):
            return {}
        if not all(np.isfinite(array).all() for array in self.evaluated.values()):
            raise self._diverged("The weights are no longer finite")
        total, measured, count = 0.0, 0.0, 0
        with swapped_in(self.engine, self.evaluated) if self.evaluated else contextlib.nullcontext():
            for indices in self._groups(self.valid):
                x, target, *_ = self.valid.take(indices, 0)
                scores = self.engine.scores(x)
                loss, correct = self.engine.loss.run(scores, target, np.empty_like(scores))
                total += loss * len(indices)
                part, size = self.task.measure(scores, target, correct)
                measured, count = measured + part, count + size
        return {"valid_loss": total / len(self.valid), self.task.metric.key: measured / count}

    @staticmethod
    def _groups(examples: Examples) -> Iterator[Array]:
        """The indices of examples that are evaluated together."""
        if groups := getattr(examples, "groups", None):
            yield from groups()
            return
        for start in range(0, len(examples), _EVALUATION_BATCH):
            yield np.arange(start, min(len(examples), start + _EVALUATION_BATCH))

    def _diverged(self, what: str) -> Diverged:
        rate = self.engine.lr
        epoch = self.state.epoch + (not self.state.stopped)
        where = f"{what} at step {self.state.step} (epoch {epoch})"
        return Diverged(
            f"{where}. Likely causes: a learning rate that is"
            f" too large (it is {rate:g}; try {rate / 10:g}), pictures that are not standardised (preprocess"
            f" 'scale -> standardise'), or gradients that grow (set clip to 1)."
            f" Nothing after the latest checkpoint was saved.",
            what=where,
        )


class Callback:
    """Base of the callbacks: does nothing. The loop calls each hook of each callback, in the order of the list.

    A callback may be used for one training after another: `start` begins anew. What it needs when a training is resumed
    it gives as `state`. It may call `training.stop` and `training.interrupt`, and put arrays in place of the trained
    ones (`training.evaluated`, `training.kept`).

    Attributes
    ----------
    every_step : bool
        Whether `step` must be called after every single step; else an engine may take many in one call.
    last : bool
        Whether its hooks are called after those of all others: it keeps what they did.

    Examples
    --------
    >>> from glassnet import Network
    >>> from glassnet.data import dataset_of
    >>> from glassnet.train import Callback, Trainer
    >>> class Count(Callback):
    ...     steps = 0
    ...     def step(self, training, result):
    ...         self.steps += 1
    >>> count, data = Count(), dataset_of(np.zeros((20, 8, 8), np.uint8), np.arange(20) % 2)
    >>> _ = Trainer(Network("linear 2", (8, 8, 1)), epochs=2, batch=5, callbacks=[count]).fit(data)
    >>> count.steps
    8
    """

    every_step: ClassVar[bool] = False
    last: ClassVar[bool] = False

    def check(self, validates: bool) -> None:
        """Raise `GlassnetError` where it cannot do its work; `validates`: whether there is a validation part."""

    def around(self, training: Training) -> contextlib.AbstractContextManager[Any]:
        """A context that the whole training runs in."""
        return contextlib.nullcontext()

    def start(self, training: Training, saved: Saved) -> None:
        """A training begins (`saved` is empty), or goes on from what `state` gave."""

    def step(self, training: Training, result: StepResult) -> None:
        """A step was made, or `result.steps` of them."""

    def epoch(self, training: Training, record: dict[str, Any]) -> None:
        """An epoch ended, validation included; `record` has its figures, and `training.improved` says if it is the
        best so far."""

    def state(self) -> Saved:
        """What `start` takes to go on: arrays and plain JSON by name. Empty where nothing is needed."""
        return {}


def step_key(seed: int, step: int) -> tuple[int, ...]:
    """What the random numbers of step `step` are drawn from."""
    return seed, _STREAM_DROPOUT, step


def _named(callbacks: Sequence[Callback]) -> dict[str, Callback]:
    """The callbacks by the name of their class, the second of a name as `<name>-2`; those that come last at the end."""
    named: dict[str, Callback] = {}
    for callback in sorted(callbacks, key=lambda callback: callback.last):
        name = kind = type(callback).__name__
        number = 1
        while name in named:
            number += 1
            name = f"{kind}-{number}"
        named[name] = callback
    return named


def _start(name: str, callback: Callback, training: Training, saved: Saved) -> None:
    try:
        callback.start(training, saved)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        if not saved:
            raise
        raise ModelError(f"What the checkpoint keeps for {name} does not fit this version of glassnet.") from error


def _loss_became(loss: float) -> str:
    return f"The loss became {'not a number' if math.isnan(loss) else 'infinite'}"


def _interrupted(state: Progression, saved: bool) -> str:
    where = f"Interrupted at step {state.step} (epoch {state.epoch + 1})"
    return f"{where}; everything is saved." if saved else f"{where}. Nothing was saved: there is no checkpoint."
