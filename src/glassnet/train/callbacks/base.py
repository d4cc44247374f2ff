"""The extension point of the training loop."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from glassnet.engines import StepResult
from glassnet.errors import ModelError
from glassnet.nn.functional.arrays import Array

if TYPE_CHECKING:
    from glassnet.train.loop import Training

__all__ = ["Callback", "Saved", "fitting_arrays"]

Saved = dict[str, Any]  # arrays and plain JSON by name


class Callback:
    """Base of the callbacks: does nothing. The loop calls each hook of each callback, in the order of the list.

    A callback may be used for one training after another: `start` begins anew. What it needs when a training is resumed
    it gives as `state`. It may call `training.stop` and `training.interrupt`, and put arrays in place of the trained
    ones (`training.evaluated`, `training.kept`).

    Attributes
    ----------
    every_step : whether `step` must be called after every single step; else an engine may take many in one call
    last : whether its hooks are called after those of all others: it keeps what they did
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


def fitting_arrays(saved: Saved, training: Training, what: str) -> dict[str, Array]:
    """Copies of saved arrays, none or all that the network has. Raises `ModelError` where they do not fit it."""
    wanted = _kinds(training.engine.weights())
    if saved and (not all(isinstance(a, np.ndarray) for a in saved.values()) or _kinds(saved) != wanted):
        raise ModelError(f"The {what} in the checkpoint do not fit the network.")
    return {name: array.copy() for name, array in saved.items()}


def _kinds(arrays: Mapping[str, Array]) -> dict[str, Any]:
    return {name: (array.shape, array.dtype) for name, array in arrays.items()}
