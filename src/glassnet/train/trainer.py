"""Trains a network on a data set: puts preprocessing, engine and callbacks together and gives the model."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from glassnet import threads
from glassnet.attack.adversarial import AdversarialEngine, Adversary
from glassnet.data import Augmentation, Dataset, Preprocess
from glassnet.engines import Batch, Engine, NativeEngine, load_weights
from glassnet.errors import DataError, RecipeError, TrainingError, nearest
from glassnet.model import Model
from glassnet.nn import Loss, Network, SoftmaxCrossEntropy, parse_loss
from glassnet.nn.functional.arrays import Array
from glassnet.optim import Adam, Constant, Optimizer, Schedule, parse_schedule
from glassnet.tasks import Task
from glassnet.train.callbacks import Callback, Checkpoint, EarlyStopping, Interrupt, KeepBest, Shown, WeightAverage
from glassnet.train.callbacks.checkpoint import load
from glassnet.train.class_weights import ClassWeights
from glassnet.train.feed import Feed
from glassnet.train.history import History
from glassnet.train.loop import Examples, Training, step_key
from glassnet.train.progress import Progress
from glassnet.train.settings import Settings
from glassnet.train.state import Progression

__all__ = ["Trainer"]

_NEED_NOT_AGREE = ("checkpoint_seconds",)  # settings that may change when a training is resumed
_OF_THE_ENGINE = ("network", "loss", "optimizer", "l2", "clip")


class Trainer:
    """Trains a network on a data set.

    Parameters
    ----------
    network : `Network`
        What is trained, changed in place.
    engine : `Engine`
        What computes the steps, with a network, loss and optimiser of its own; instead of these three, l2 and clip.
    preprocess : `Preprocess` or its notation
        Fitted on the training data where it is not fitted yet.
    loss : `Loss` or its notation
        Default softmax cross-entropy; a squared error trains the network to reconstruct its input.
    optimizer : `Optimizer`
        Default Adam.
    schedule : `Schedule` or its notation
        Of the learning rate; default constant.
    augmentation : `Augmentation` or its notation
        Applied to training pictures alone.
    adversarial : `Adversary` or its notation
        Attacks every batch first, as "pgd 0.3, steps 7"; `engine` is then an `AdversarialEngine`, and `step` takes
        pixels.
    class_weights : `ClassWeights` or its notation
        Factors of the training pictures' losses by class, as "balanced"; the training loss is the weighted one.
    callbacks : sequence of `Callback`
        What else happens in every `fit`.
    **settings : object
        The fields of `Settings`: epochs, batch, l2, clip, patience, seed, average, log_every, checkpoint_seconds.

    Attributes
    ----------
    engine : Engine
        What computes the steps.
    network : Network
        What it trains.
    loss : Loss
        What is minimised.
    history : History
        Records of the latest `fit`.
    progression : Progression
        Where the latest `fit` stands, and which of its epochs is the best.
    training : Training or None
        The latest `fit` itself, or None.

    Examples
    --------
    >>> from glassnet import Network, Trainer, load_data
    >>> trainer = Trainer(Network("linear", (8, 8, 1), 10), epochs=2)
    >>> model = trainer.fit(load_data("digits").train)
    >>> model.predict(np.zeros((3, 8, 8, 1), np.uint8)).shape
    (3,)
    """

    def __init__(
        self,
        network: Network | None = None,
        *,
        engine: Engine | None = None,
        preprocess: Preprocess | str = "scale",
        loss: Loss | str | None = None,
        optimizer: Optimizer | None = None,
        schedule: Schedule | str | None = None,
        augmentation: Augmentation | str | None = None,
        adversarial: Adversary | str | None = None,
        class_weights: ClassWeights | str | None = None,
        callbacks: Sequence[Callback] = (),
        **settings: Any,
    ) -> None:
        self.settings = _settings(settings)
        if engine is None:
            engine = _native(network, loss, optimizer, self.settings)
        else:
            _refuse_parts(network=network, loss=loss, optimizer=optimizer, **settings)
        self.network, self.loss = engine.network, engine.loss
        self.task = Task.of(engine.loss)
        self.preprocess = Preprocess.parse(preprocess) if isinstance(preprocess, str) else preprocess
        self.adversary = Adversary.parse(adversarial) if isinstance(adversarial, str) else adversarial
        self.engine = engine if self.adversary is None else self._under_attack(engine, self.adversary)
        self.schedule = parse_schedule(schedule) if isinstance(schedule, str) else schedule or Constant()
        self.augmentation = Augmentation.parse(augmentation) if isinstance(augmentation, str) else augmentation
        self.class_weights = ClassWeights.parse(class_weights) if isinstance(class_weights, str) else class_weights
        self.callbacks = tuple(callbacks)
        self.history = History()
        self.progression = Progression()
        self.training: Training | None = None

    def step(self, x: Array, target: Array) -> tuple[float, int]:
        """One training step on a batch: x (n, *input_shape) float32, target labels (n,) int64 (or arrays (n, k)).

        Returns (objective at the step's start, number of correct examples). It is the step that `fit` makes; no
        callback is called.

        Before the first `fit` no schedule applies, since it asks how many steps make an epoch: the rate is then the
        optimiser's own. After one, steps go on where its schedule ended.
        """
        state = self.progression
        rate = self.engine.lr if self.training is None else self.training.rate(state.step)
        with threads.single_blas_thread():
            result = self.engine.step(Batch(x, target, None, step_key(self.settings.seed, state.step)), rate)
        state.step += 1
        return result.loss, result.correct

    def fit(
        self,
        train: Dataset,
        valid: Dataset | None = None,
        *,
        checkpoint_path: Path | None = None,
        history_path: Path | None = None,
        resume: bool = False,
        begin_from: Path | None = None,
        changed: Collection[str] = (),
        progress: Progress | None = None,
        callbacks: Sequence[Callback] = (),
    ) -> Model:
        """Train on `train`, choosing the epoch that does best on `valid`, and return the model.

        Best is the highest accuracy (or PSNR, or the lowest error rate) on `valid`, of equal ones the lowest loss, of
        equal ones the earliest (see `glassnet.tasks`). Without `valid` the model is that of the last epoch.

        Every call is a new training: it starts from the weights and running statistics that the network has, with a
        new history, a new best, the schedule at its beginning and no memory in the optimiser. A second call so goes on
        from the model of the first and gives the bits of a new `Trainer` of that network. Preprocessing that is
        fitted stays as it is.

        With `checkpoint_path` the training can be resumed after a stop at any moment (`resume=True`) and then ends in
        the same bits as if it had never stopped, on the same processor and as many threads. Without a checkpoint there,
        resuming begins it. A training that has ended, or will end, goes on for longer where `epochs` is larger than it
        was: its schedule is from there on that of a training of so many epochs.

        Parameters
        ----------
        train : Dataset
            What is trained on.
        valid : Dataset, optional
            What epochs are compared on, or None.
        checkpoint_path : Path, optional
            File that keeps the state of the training, or None.
        history_path : Path, optional
            File that the records are written to, one per line, or None.
        resume : bool
            Resume from the checkpoint.
        begin_from : Path, optional
            The checkpoint to resume from, where it is only read; None: `checkpoint_path`.
        changed : collection of str
            What may differ from that checkpoint's training: "optimizer", "schedule", "l2", "clip", "augmentation".
        progress : Progress, optional
            What shows the training on a terminal, or None.
        callbacks : sequence of Callback
            What else happens in this training, after the trainer's own callbacks.

        Raises
        ------
        DataError
            The data do not fit the network.
        TrainingError
            The loss or the weights are not finite; `resume` is asked for without a `checkpoint_path`.
        TrainingInterrupted
            The training was asked to stop (a checkpoint is saved first).
        """
        begin_from = begin_from or checkpoint_path
        if resume and begin_from is None:
            raise TrainingError("Resuming needs the checkpoint_path of the training that was stopped. Got none.")
        self.check(train, valid)
        for callback in callbacks:
            callback.check(_has(valid))
        self.engine.reset()
        self.history = History(history_path)
        more = [*self.callbacks, *callbacks]
        if checkpoint_path is not None:
            more.append(Checkpoint(checkpoint_path, self.settings.checkpoint_seconds))
        training = self.training = Training(
            self.engine,
            self.training_examples(train),
            self._examples(valid, trains=False) if valid is not None and len(valid) else None,
            settings=self.settings,
            schedule=self.schedule,
            callbacks=[*self._own(), self.history, Shown(progress or Progress()), *more],
            identity=self._identity(train),
        )
        if resume and begin_from is not None and begin_from.exists():
            load(begin_from, training, changed)
        self.progression = training.state
        with contextlib.ExitStack() as afterwards:
            for examples in (training.train, training.valid):
                if close := getattr(examples, "close", None):
                    afterwards.callback(close)
            training.run()
        return self.model_so_far(train)

    def model_so_far(self, train: Dataset) -> Model:
        """The model of the latest `fit`, which was of `train`: of its best epoch, or as it is after the latest step.

        Raises `TrainingError` where nothing has been trained yet.
        """
        if self.training is None:
            raise TrainingError("There is no model yet: fit has not been called.")
        return self._model(train, self.training)

    def training_examples(self, train: Dataset) -> Examples:
        """What gives the batches of a training part: preprocessed, augmented and weighted as `fit` has them."""
        return self._examples(
            train, trains=True, augmentation=self.augmentation, seed=self.settings.seed, **self._weights(train)
        )

    def check(self, train: Dataset, valid: Dataset | None = None) -> None:
        """Fit the preprocessing where it is not fitted yet, and raise `GlassnetError` where the data do not fit."""
        if not self.preprocess.fitted:
            self.task.fit(self.preprocess, train)
        if self.augmentation is not None and self.task.reads:
            raise RecipeError("Augmentation is for pictures; lines are varied where they are made. Leave it out.")
        self.task.check_data(self.network, self.preprocess, train)
        self._weights(train)
        if valid is not None and valid.image_shape != train.image_shape:
            raise DataError(f"Validation pictures are {valid.image_shape}, training pictures {train.image_shape}.")
        if (self.augmentation is not None or self.adversary is not None) and train.holds_rows:
            raise RecipeError("Augmentation and adversarial training are for pictures; leave them out for rows.")
        for callback in (*self._own(), *self.callbacks):
            callback.check(_has(valid))
        least = self.engine.least_batch
        if min(self.settings.batch or len(train), len(train)) < least:
            raise RecipeError(f"Batch normalisation needs at least {least} examples per batch; choose a larger batch.")

    def _own(self) -> list[Callback]:
        """The callbacks that the settings ask for, made anew for each training."""
        settings = self.settings
        found: list[Callback] = [Interrupt(), KeepBest()]
        if settings.average is not None:
            found.append(WeightAverage(settings.average))
        if settings.patience is not None:
            found.append(EarlyStopping(settings.patience))
        return found

    def _under_attack(self, engine: Engine, adversary: Adversary) -> Engine:
        if self.task.rebuilds or self.task.feed is not None:
            raise RecipeError(
                "Adversarial training is for classifiers of pictures. Leave it out, or take another loss."
            )
        return AdversarialEngine(engine, self.preprocess, adversary, seed=self.settings.seed)

    def _examples(self, dataset: Dataset, *, trains: bool, **settings: Any) -> Examples:
        # An attack changes pixels, so the engine under attack is given them and preprocesses by itself.
        preprocess = self.preprocess if self.adversary is None else Preprocess()
        feed = (self.task.feed or Feed)(dataset, preprocess, rebuild=self.task.rebuilds, **settings)
        made: Examples = self.engine.examples(feed, trains=trains)
        return made

    def _weights(self, train: Dataset) -> dict[str, Array]:
        """The weights of the examples, as an argument of the feed; nothing where there are none."""
        if self.class_weights is None:
            return {}
        if self.task.rebuilds or self.task.feed is not None:
            raise RecipeError("Class weights are for classifiers of pictures. Leave them out, or take another loss.")
        return {"weights": self.class_weights.of(train)}

    def _identity(self, train: Dataset) -> dict[str, Any]:
        """What must not change between a checkpoint and its resumption."""
        settings = {name: value for name, value in vars(self.settings).items() if name not in _NEED_NOT_AGREE}
        return {
            **settings,
            **self.engine.identity(),
            "preprocess": self.preprocess.notation(),
            "schedule": self.schedule.notation(),
            "augmentation": self.augmentation.notation() if self.augmentation else "",
            **({"class_weights": self.class_weights.notation()} if self.class_weights else {}),
            "data": train.sha256,
        }

    def _model(self, train: Dataset, training: Training) -> Model:
        """The best network, or that of the last step, with all that goes into its file."""
        arrays = training.kept or training.evaluated or self.engine.weights()
        self.network.load_arrays(arrays)
        load_weights(self.engine, arrays)  # which may have weights of its own
        return Model(
            self.network, self.preprocess, train.image_shape, train.class_names, self.loss, reading=train.reading
        )


def _has(valid: Dataset | None) -> bool:
    return valid is not None and len(valid) > 0


def _settings(given: dict[str, Any]) -> Settings:
    known = [field.name for field in fields(Settings)]
    for name in given:
        if name not in known:
            raise RecipeError(f"A Trainer has no setting '{name}'.{nearest(name, known)} Known: {', '.join(known)}.")
    return Settings(**given)


def _native(network: Network | None, loss: Loss | str | None, optimizer: Optimizer | None, to: Settings) -> Engine:
    if network is None:
        raise RecipeError("A Trainer needs a network or an engine. Got neither.")
    chosen = parse_loss(loss) if isinstance(loss, str) else loss or SoftmaxCrossEntropy()
    return NativeEngine(network, chosen, optimizer or Adam(), l2=to.l2, clip=to.clip)


def _refuse_parts(**given: Any) -> None:
    for name in _OF_THE_ENGINE:
        if given.get(name) is not None:
            raise RecipeError(f"The engine has its own {name}; give one or the other.")
