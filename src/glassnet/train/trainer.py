"""The training loop: epochs and steps, validation, the best model, checkpoints, resuming, stopping."""

from __future__ import annotations

import math
import time
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np

from glassnet import threads
from glassnet.data import Augmentation, Dataset, Preprocess, epoch_order
from glassnet.errors import DataError, Fix, RecipeError, TrainingError, TrainingInterrupted, nearest
from glassnet.metrics import psnr_per_image
from glassnet.model import Model
from glassnet.nn import BatchNorm, Loss, Network, SoftmaxCrossEntropy, parse_loss
from glassnet.nn.functional.arrays import Array
from glassnet.optim import Adam, Constant, Optimizer, Schedule, parse_schedule
from glassnet.optim.averaging import follow, in_place
from glassnet.train import checkpoint
from glassnet.train.best import rank
from glassnet.train.checkpoint import Progression
from glassnet.train.feed import Feed
from glassnet.train.history import History
from glassnet.train.interrupt import StopRequest, stop_on_interrupt
from glassnet.train.progress import Progress
from glassnet.train.settings import Settings
from glassnet.train.steps import Stepper

__all__ = ["Trainer"]

_EVALUATION_BATCH = 500
_STEPS_A_CALL = 4096  # examples a compiled call trains on one by one, between two looks at the clock
_STREAM_DROPOUT = 0xD40  # keeps dropout's random numbers apart from all other streams of the seed


class Trainer:
    """Trains a network on a data set.

    Parameters
    ----------
    network : the `Network` to train, changed in place
    preprocess : `Preprocess` or its notation; fitted on the training data where it is not fitted yet
    loss : `Loss` or its notation; a squared error trains the network to rebuild its input
    optimizer : `Optimizer` (default Adam)
    schedule : `Schedule` or its notation (default constant)
    augmentation : `Augmentation` or its notation, applied to training pictures alone
    **settings : the fields of `Settings`: epochs, batch, l2, clip, patience, seed, average, log_every,
        checkpoint_seconds

    Attributes
    ----------
    history : records of the latest `fit`
    progression : where it stands, and which epoch was the best

    Examples
    --------
    >>> trainer = Trainer(Network("linear", (8, 8, 1), 10), epochs=20)      # doctest: +SKIP
    >>> model = trainer.fit(splits.train, splits.valid)                     # doctest: +SKIP
    """

    def __init__(
        self,
        network: Network,
        *,
        preprocess: Preprocess | str = "scale",
        loss: Loss | str | None = None,
        optimizer: Optimizer | None = None,
        schedule: Schedule | str | None = None,
        augmentation: Augmentation | str | None = None,
        **settings: Any,
    ) -> None:
        self.network = network
        self.preprocess = Preprocess.parse(preprocess) if isinstance(preprocess, str) else preprocess
        self.loss = parse_loss(loss) if isinstance(loss, str) else loss or SoftmaxCrossEntropy()
        self.optimizer = optimizer or Adam()
        self.schedule = parse_schedule(schedule) if isinstance(schedule, str) else schedule or Constant()
        self.augmentation = Augmentation.parse(augmentation) if isinstance(augmentation, str) else augmentation
        known = [field.name for field in fields(Settings)]
        for name in settings:
            if name not in known:
                raise RecipeError(
                    f"A Trainer has no setting '{name}'.{nearest(name, known)} Known: {', '.join(known)}."
                )
        self.settings = Settings(**settings)
        self.stepper = Stepper(network, self.loss, self.optimizer, l2=self.settings.l2, clip=self.settings.clip)
        self.history = History()
        self.progression = Progression()
        self._steps_per_epoch: int | None = None  # known from the first `fit` on

    # ---- single steps

    def step(self, x: Array, target: Array) -> tuple[float, int]:
        """One training step on a batch: x (n, *input_shape) float32, target labels (n,) int64 (or arrays (n, k)).

        Returns (objective at the step's start, number of correct examples). `fit` makes its steps by this function.

        Before the first `fit` no schedule applies, since it asks how many steps make an epoch: the rate is then the
        optimiser's own. After one, steps go on where its schedule ended.
        """
        state = self.progression
        rate = self._rate(state.step)
        self._set_dropout_key()
        with threads.single_blas_thread():
            loss, correct = self.stepper.step(x, target, rate)
        self._follow()
        state.step += 1
        return loss, correct

    def _follow(self) -> None:
        """Take the weights after this step into their average, where one is asked for."""
        if self.settings.average is not None:
            state = self.progression
            follow(state.average, self.network.arrays(), state.step, self.settings.average)

    _has_dropout: bool | None = None

    def _rate(self, step: int) -> float:
        """The learning rate of step `step`, from 0."""
        if self._steps_per_epoch is None:
            return self.optimizer.lr
        return self.optimizer.lr * self.schedule.factor(step, self._steps_per_epoch, self.settings.epochs)

    def _set_dropout_key(self) -> None:
        if self._has_dropout is None:
            self._has_dropout = any(layer.word == "dropout" for _, layer in self.network.walk())
        if self._has_dropout:
            self.network.set_dropout_key((self.settings.seed, _STREAM_DROPOUT, self.progression.step))

    # ---- whole trainings

    @threads.single_blas_thread()  # NumPy's products round in another way on more threads
    def fit(
        self,
        train: Dataset,
        valid: Dataset | None = None,
        *,
        checkpoint_path: Path | None = None,
        history_path: Path | None = None,
        resume: bool = False,
        progress: Progress | None = None,
    ) -> Model:
        """Train on `train`, choosing the epoch that does best on `valid`, and return the model.

        Best is the highest accuracy (or PSNR) on `valid`, of equal ones the lowest loss, of equal ones the earliest
        (see `glassnet.train.best`). Without `valid` the model is that of the last epoch.

        Every call is a new training: it starts from the weights and running statistics that the network has, with a
        new history, a new best, the schedule at its beginning and no memory in the optimiser. A second call so goes on
        from the model of the first and gives the bits of a new `Trainer` of that network. Preprocessing that is
        fitted stays as it is.

        With `checkpoint_path` the training can be resumed after a stop at any moment (`resume=True`) and then ends in
        the same bits as if it had never stopped, on the same processor and as many threads. Without a checkpoint there,
        resuming begins it.

        Raises
        ------
        DataError : the data do not fit the network
        TrainingError : the loss or the weights are not finite; `resume` is asked for without a `checkpoint_path`
        TrainingInterrupted : the training was asked to stop (a checkpoint is saved first)
        """
        if resume and checkpoint_path is None:
            raise TrainingError("Resuming needs the checkpoint_path of the training that was stopped. Got none.")
        self._prepare(train, valid)
        self._checkpoint_path = checkpoint_path
        self.history, self.progression = History(history_path), Progression()
        self.optimizer.reset()
        if resume and checkpoint_path is not None and checkpoint_path.exists():
            self.progression = checkpoint.load(checkpoint_path, self.network, self.optimizer, self._identity(train))
        self.history.cut(self.progression.records)
        progress = progress or Progress()
        self._clock = time.perf_counter() - self.progression.seconds
        self._saved_at = time.perf_counter()
        with stop_on_interrupt() as request, progress:
            assert self._steps_per_epoch is not None
            progress.start(self.settings.epochs, self._steps_per_epoch, self.progression.step)
            while not self.progression.stopped:
                self._epoch(train, request, progress)
        return self._model(train)

    def check(self, train: Dataset, valid: Dataset | None = None) -> None:
        """Fit the preprocessing where it is not fitted yet, and raise `GlassnetError` where the data do not fit."""
        if not self.preprocess.fitted:
            self.preprocess.fit(train.images)
        shape = self.preprocess.output_shape(train.image_shape)
        if shape != self.network.input_shape:
            raise DataError(f"The network takes {self.network.input_shape}; the preprocessed pictures are {shape}.")
        outputs = math.prod(shape) if not self.loss.classifies else len(train.class_names)
        if self.network.output_shape != (outputs,):
            wanted = f"{outputs} outputs ({'one a pixel' if not self.loss.classifies else 'one a class'})"
            raise DataError(f"The network gives {self.network.output_shape} numbers; these data need {wanted}.")
        if valid is not None and valid.image_shape != train.image_shape:
            raise DataError(f"Validation pictures are {valid.image_shape}, training pictures {train.image_shape}.")
        if self.settings.patience is not None and (valid is None or not len(valid)):
            raise RecipeError(
                "The 'patience' setting waits for a better validation result, and there is no validation part; hold"
                " one out or leave patience out."
            )
        if self._normalises and min(self.settings.batch or len(train), len(train)) < 2:
            raise RecipeError("Batch normalisation needs at least 2 examples a batch; choose a larger batch.")

    @property
    def _normalises(self) -> bool:
        return any(isinstance(layer, BatchNorm) for _, layer in self.network.walk())

    def _prepare(self, train: Dataset, valid: Dataset | None) -> None:
        self.check(train, valid)
        rebuild = not self.loss.classifies
        seed = self.settings.seed
        self._feed = Feed(train, self.preprocess, rebuild=rebuild, augmentation=self.augmentation, seed=seed)
        self._valid = Feed(valid, self.preprocess, rebuild=rebuild) if valid is not None and len(valid) else None
        n = len(train)
        self._batch = self.settings.batch or n
        # A single left-over example has no variance; batch normalisation cannot train on it.
        self._used = n - 1 if self._normalises and n % self._batch == 1 else n
        self._steps_per_epoch = -(-self._used // self._batch)
        total = self._steps_per_epoch * self.settings.epochs
        self._log_every = self.settings.log_every or max(1, math.ceil(total / 200))

    def _identity(self, train: Dataset) -> dict[str, Any]:
        """What must not change between a checkpoint and its resumption."""
        return {
            "network": self.network.notation(),
            "preprocess": self.preprocess.notation(),
            "loss": self.loss.notation(),
            "optimizer": repr(self.optimizer),
            "schedule": self.schedule.notation(),
            "augmentation": self.augmentation.notation() if self.augmentation else "",
            "epochs": self.settings.epochs,
            "batch": self.settings.batch,
            "l2": self.settings.l2,
            "clip": self.settings.clip,
            "patience": self.settings.patience,
            "log_every": self.settings.log_every,
            "seed": self.settings.seed,
            "average": self.settings.average,
            "data": train.sha256,
        }

    # ---- an epoch

    def _epoch(self, train: Dataset, request: StopRequest, progress: Progress) -> None:
        state = self.progression
        order = epoch_order(len(train), self.settings.seed, state.epoch)[: self._used]
        one_by_one = self._batch == 1 and self.stepper.one_by_one and self._feed.rows is not None
        one_by_one = one_by_one and self.settings.average is None  # the compiled loop sees no single step's weights
        while state.position < self._used:
            if one_by_one and state.step % self._log_every:
                loss = self._steps_one_by_one(order)
            else:
                loss = self._one_step(order)
            if not math.isfinite(loss):
                raise TrainingError(_diverged(_loss_became(loss), state, self.optimizer.lr))
            progress.step(state.step, loss)
            if request.asked:
                self._interrupt()
            self._checkpoint()
        self._end_of_epoch(progress)

    def _one_step(self, order: Array) -> float:
        state = self.progression
        indices = order[state.position : state.position + self._batch]
        x, target = self._feed.take(indices, state.epoch)
        if state.step % self._log_every == 0:
            loss, correct = self._recorded_step(x, target)
        else:
            loss, correct = self.step(x, target)
        state.position += len(indices)
        state.epoch_steps += 1
        state.loss_sum += loss
        state.correct += correct
        return loss

    def _recorded_step(self, x: Array, target: Array) -> tuple[float, int]:
        state = self.progression
        rate = self._rate(state.step)
        self._set_dropout_key()
        loss, correct, norms = self.stepper.recorded_step(x, target, rate)
        self._follow()
        state.step += 1
        if math.isfinite(loss):
            record = {"kind": "step", "step": state.step, "epoch": state.epoch + 1, "loss": loss, "rate": rate}
            self._record({**record, "norms": norms})
        return loss, correct

    def _steps_one_by_one(self, order: Array) -> float:
        state = self.progression
        to_record = self._log_every - state.step % self._log_every
        count = min(_STEPS_A_CALL, self._used - state.position, to_record)
        steps = range(state.step, state.step + count)
        rates = np.array([self._rate(s) for s in steps])
        chosen = order[state.position : state.position + count]
        assert self._feed.rows is not None
        total, correct = self.stepper.steps_one_by_one(self._feed.rows, self._feed.labels, chosen, rates)
        state.position += count
        state.step += count
        state.epoch_steps += count
        state.loss_sum += total
        state.correct += correct
        return total / count

    def _end_of_epoch(self, progress: Progress) -> None:
        state = self.progression
        rate = self._rate(state.step - 1)
        record: dict[str, Any] = {
            "kind": "epoch",
            "epoch": state.epoch + 1,
            "step": state.step,
            "loss": state.loss_sum / state.epoch_steps,
        }
        if self.loss.classifies:
            record["accuracy"] = state.correct / self._used
        with in_place(state.average, self.network.arrays()):
            record |= self._validate()
            record["rate"] = rate
            record["seconds"] = round(time.perf_counter() - self._clock, 3)
            if not math.isfinite(record.get("valid_loss", 0.0)):
                raise TrainingError(_diverged(_loss_became(record["valid_loss"]), state, self.optimizer.lr))
            best = self._keep_best(record)
        state.epoch += 1
        state.position = state.epoch_steps = state.correct = 0
        state.loss_sum = 0.0
        self._record(record)
        progress.epoch(record, best)
        waited = state.epoch - state.best_epoch
        if state.epoch >= self.settings.epochs:
            state.stopped = f"after all {state.epoch} epochs"
        elif self.settings.patience is not None and self._valid is not None and waited >= self.settings.patience:
            state.stopped = f"after epoch {state.epoch}: no better on validation for {waited} epochs"
        self._checkpoint(force=bool(state.stopped))

    def _validate(self) -> dict[str, float]:
        """Loss and accuracy (or PSNR) on the validation set, in evaluation mode; nothing without one."""
        if self._valid is None:
            return {}
        total, correct, decibels, n = 0.0, 0, 0.0, len(self._valid)
        for start in range(0, n, _EVALUATION_BATCH):
            x, target = self._valid.take(np.arange(start, min(n, start + _EVALUATION_BATCH)), 0)
            scores = self.network.run_inference(x)
            loss, hits = self.loss.run(scores, target, np.empty_like(scores))
            total += loss * len(x)
            correct += hits
            if not self.loss.classifies and np.isfinite(scores).all():
                decibels += float(psnr_per_image(target, scores).sum())
        if self.loss.classifies:
            return {"valid_loss": total / n, "valid_accuracy": correct / n}
        return {"valid_loss": total / n, "valid_psnr": decibels / n}

    def _keep_best(self, record: dict[str, Any]) -> bool:
        """Keep a copy of the arrays when this epoch is the best so far."""
        state, value = self.progression, rank(record)
        if value is None or (state.best is not None and value <= state.best):
            return False
        state.best, state.best_epoch = value, record["epoch"]
        state.best_arrays = {name: array.copy() for name, array in self.network.arrays().items()}
        return True

    # ---- records and checkpoints

    def _record(self, record: dict[str, Any]) -> None:
        self.history.add(record)
        self.progression.records += 1

    _checkpoint_path: Path | None = None

    def _checkpoint(self, *, force: bool = False) -> None:
        if self._checkpoint_path is None:
            return
        now = time.perf_counter()
        if force or now - self._saved_at >= self.settings.checkpoint_seconds:
            self.progression.seconds = now - self._clock
            identity = self._identity(self._feed.dataset)
            checkpoint.save(self._checkpoint_path, self.network, self.optimizer, self.progression, identity)
            self._saved_at = time.perf_counter()

    def _interrupt(self) -> None:
        self._checkpoint(force=True)
        state = self.progression
        where = f"step {state.step} (epoch {state.epoch + 1})"
        if self._checkpoint_path is None:
            raise TrainingInterrupted(f"Interrupted at {where}. Nothing was saved: this training has no run folder.")
        raise TrainingInterrupted(
            f"Interrupted at {where}; everything is saved.", Fix.RESUME, folder=self._checkpoint_path.parent
        )

    def _model(self, train: Dataset) -> Model:
        """The best network so far, with all that goes into its file."""
        chosen = self.progression.best_arrays or self.progression.average
        if not all(np.isfinite(array).all() for array in (chosen or self.network.arrays()).values()):
            raise TrainingError(_diverged("The weights are no longer finite", self.progression, self.optimizer.lr))
        if chosen:
            self.network.load_arrays(chosen)
        return Model(
            self.network, self.preprocess, train.image_shape, train.class_names, self.loss, reading=train.reading
        )


def _loss_became(loss: float) -> str:
    return f"The loss became {'not a number' if math.isnan(loss) else 'infinite'}"


def _diverged(what: str, state: Progression, rate: float) -> str:
    epoch = state.epoch + (not state.stopped)
    return (
        f"{what} at step {state.step} (epoch {epoch}). Likely causes: a learning rate that is"
        f" too large (it is {rate:g}; try {rate / 10:g}), pictures that are not standardised (preprocess"
        f" 'scale -> standardise'), or gradients that grow (set clip to 1)."
        f" Nothing after the latest checkpoint was saved."
    )
