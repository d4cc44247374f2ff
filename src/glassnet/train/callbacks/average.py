"""The average of the weights over the steps, which validation and the model then have."""

from __future__ import annotations

from typing import ClassVar

from glassnet.engines import StepResult
from glassnet.nn.functional.arrays import Array
from glassnet.optim.averaging import follow
from glassnet.train.callbacks.arrays import fitting_arrays
from glassnet.train.loop import Callback, Saved, Training

__all__ = ["WeightAverage"]


class WeightAverage(Callback):
    """An exponential moving average of the network's arrays, see `glassnet.optim.averaging`.

    Parameters
    ----------
    decay : float
        In (0, 1).

    Attributes
    ----------
    mean : dict of str to array
        The averaged arrays by name, empty before the first step.

    Examples
    --------
    >>> from glassnet.train import WeightAverage
    >>> WeightAverage(0.99).decay
    0.99
    """

    every_step: ClassVar[bool] = True

    def __init__(self, decay: float) -> None:
        self.decay = decay
        self.mean: dict[str, Array] = {}

    def start(self, training: Training, saved: Saved) -> None:
        self.mean = fitting_arrays(saved, training, "averaged weights")
        training.evaluated = self.mean

    def step(self, training: Training, result: StepResult) -> None:
        follow(self.mean, training.engine.weights(), training.state.step - 1, self.decay)

    def state(self) -> Saved:
        return dict(self.mean)
