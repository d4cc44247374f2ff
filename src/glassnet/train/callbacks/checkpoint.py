"""Checkpoints: everything that a training needs to go on as if it had never stopped.

One safetensors file, written whole or not at all and checked by a digest, holds the engine's arrays (weights and the
optimiser's memory), what every callback keeps, and the counters. No state of a random generator is needed: every random
number is drawn from the seed and the place in the training (epoch, step, example).
"""

from __future__ import annotations

import time
from collections.abc import Collection
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from glassnet.engines import StepResult
from glassnet.errors import ModelError, TrainingError
from glassnet.files import exists
from glassnet.nn import model_file
from glassnet.nn.functional.arrays import Array
from glassnet.tasks import Metric
from glassnet.train.loop import Callback, Saved, Training
from glassnet.train.state import Progression

__all__ = ["Checkpoint", "ended", "load"]

_FORMAT, _VERSION = "glassnet-checkpoint", 2
_CALLBACK = "callback."


class Checkpoint(Callback):
    """Saves the training after a step or an epoch, at its end, and when it is interrupted.

    Parameters
    ----------
    path : Path
        The file.
    seconds : float
        Least time between two checkpoints.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from glassnet import Network
    >>> from glassnet.data import dataset_of
    >>> from glassnet.train import Checkpoint, Trainer
    >>> data = dataset_of(np.zeros((20, 8, 8), np.uint8), np.arange(20) % 2)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder, "checkpoint.safetensors")
    ...     _ = Trainer(Network("linear 2", (8, 8, 1)), epochs=1, callbacks=[Checkpoint(file)]).fit(data)
    ...     file.exists()
    True
    """

    last: ClassVar[bool] = True

    def __init__(self, path: Path, seconds: float = 5.0) -> None:
        self.path, self.seconds = path, seconds
        self.saved_at = 0.0

    def start(self, training: Training, saved: Saved) -> None:
        self.saved_at = time.perf_counter()
        training.resumable = True
        if training.state.step and not exists(self.path):  # it goes on from another's checkpoint
            save(self.path, training)

    def step(self, training: Training, result: StepResult) -> None:
        self._save_if(training, training.interrupted)

    def epoch(self, training: Training, record: dict[str, Any]) -> None:
        self._save_if(training, bool(training.state.stopped))

    def _save_if(self, training: Training, needed: bool) -> None:
        if needed or time.perf_counter() - self.saved_at >= self.seconds:
            save(self.path, training)
            self.saved_at = time.perf_counter()


def save(path: Path, training: Training) -> None:
    """Write a checkpoint of a training."""
    training.state.seconds = training.seconds
    arrays, plain = training.engine.state(), dict[str, Saved]()
    for name, callback in training.named.items():
        state = callback.state()
        arrays |= {f"{_CALLBACK}{name}.{key}": a for key, a in state.items() if isinstance(a, np.ndarray)}
        plain[name] = {key: value for key, value in state.items() if not isinstance(value, np.ndarray)}
    description = {
        "format": _FORMAT,
        "version": _VERSION,
        "identity": training.identity,
        "progression": vars(training.state),
        "callbacks": {name: state for name, state in plain.items() if state},
    }
    model_file.write(path, description, arrays)


def load(path: Path, training: Training, changed: Collection[str] = ()) -> None:
    """Bring a training that has not begun to the state of a checkpoint.

    `changed` are names of its identity that may be others now.

    Raises `TrainingError` when the checkpoint is of another training, `ModelError` when it is damaged.
    """
    description, arrays = model_file.read(path)
    if description.get("format") != _FORMAT:
        raise ModelError(f"'{path}' is not a training checkpoint.")
    if description.get("version") != _VERSION:
        raise ModelError(f"The checkpoint '{path}' was written by another version of glassnet. Start the run afresh.")
    _check_identity(path, description.get("identity"), training.identity, {*changed, "epochs"})
    try:
        state = _counters(description["progression"], training.task.metric)
        training.saved = _states(description["callbacks"], arrays)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ModelError(f"The counters of the checkpoint '{path}' do not fit this version of glassnet.") from error
    for name in training.saved:
        if name not in training.named:
            raise TrainingError(f"Cannot resume: the checkpoint was made with the callback {name}, this run has none.")
    try:
        training.engine.load_state({n: a for n, a in arrays.items() if not n.startswith(_CALLBACK)})
    except ModelError as error:
        raise ModelError(f"The checkpoint '{path}' cannot be used. {error}") from error
    _go_on_for(training, state, description)
    training.state = state


def ended(path: Path, epochs: int) -> str:
    """Why the training of a checkpoint ended; empty where it has not, or is to have another number of epochs now.

    Raises `ModelError` when the file is damaged or no checkpoint.
    """
    description, _ = model_file.read(path)
    if description.get("format") != _FORMAT:
        raise ModelError(f"'{path}' is not a training checkpoint.")
    progression = description.get("progression")
    stopped = progression.get("stopped") if isinstance(progression, dict) else ""
    return str(stopped or "") if _epochs(description) in (None, epochs) else ""


def _epochs(description: dict[str, Any]) -> Any:
    """The epochs that the training of a checkpoint was to have, where it says so."""
    identity = description.get("identity")
    return identity.get("epochs") if isinstance(identity, dict) else None


def _go_on_for(training: Training, state: Progression, description: dict[str, Any]) -> None:
    """A training may be resumed with more epochs, also where it had ended. Raises `TrainingError` where it has more."""
    epochs = training.settings.epochs
    if _epochs(description) in (None, epochs):
        return
    if state.epoch >= epochs:
        raise TrainingError(
            f"Cannot resume: {state.epoch} epochs are done, and there are to be {epochs}. Ask for more than"
            f" {state.epoch}."
        )
    state.stopped = ""


def _check_identity(path: Path, theirs: Any, ours: dict[str, Any], free: Collection[str]) -> None:
    if not isinstance(theirs, dict):
        raise ModelError(f"The checkpoint '{path}' does not say what it was made with.")
    for name, value in ours.items():
        if name not in free and theirs.get(name) != value:
            raise TrainingError(
                f"Cannot resume: the checkpoint was made with {name} = {theirs.get(name)!r}, this run has {value!r}."
            )


def _counters(saved: Any, metric: Metric) -> Progression:
    """The `Progression` that `save` wrote. Raises `TypeError` or `ValueError` where it is none."""
    plain = vars(Progression())
    counters = _table(saved)
    if counters.get("best") is not None:
        counters["best"] = metric.as_rank(counters["best"])  # JSON knows no tuples
    for name, value in counters.items():
        right = name == "best" or type(value) is type(plain.get(name))
        if not right or (isinstance(value, int) and value < 0):
            raise TypeError
    return Progression(**counters)


def _states(plain: Any, arrays: dict[str, Array]) -> dict[str, Saved]:
    """What each callback kept, by its name."""
    states: dict[str, Saved] = {name: _table(state) for name, state in _table(plain).items()}
    for place, array in arrays.items():
        if place.startswith(_CALLBACK):
            name, _, key = place.removeprefix(_CALLBACK).partition(".")
            states.setdefault(name, {})[key] = array
    return states


def _table(saved: Any) -> dict[str, Any]:
    if not isinstance(saved, dict):
        raise TypeError
    return dict(saved)
