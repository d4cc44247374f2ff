"""The network of the best epoch."""

from __future__ import annotations

from typing import Any

from glassnet.nn.functional.arrays import Array
from glassnet.train.callbacks.arrays import fitting_arrays
from glassnet.train.loop import Callback, Saved, Training

__all__ = ["KeepBest"]


class KeepBest(Callback):
    """Copies the arrays of the best epoch so far; the model takes them in the end. Which is best the task says.

    Attributes
    ----------
    arrays : dict of str to array
        By name, empty while no epoch was validated.

    Examples
    --------
    >>> from glassnet import Network
    >>> from glassnet.data import dataset_of
    >>> from glassnet.train import KeepBest, Trainer
    >>> data = dataset_of(np.zeros((20, 8, 8), np.uint8), np.arange(20) % 2)
    >>> best = KeepBest()
    >>> _ = Trainer(Network("linear 2", (8, 8, 1)), epochs=1, callbacks=[best]).fit(data, data)
    >>> sorted(best.arrays)
    ['1.linear.bias', '1.linear.weight']
    """

    def __init__(self) -> None:
        self.arrays: dict[str, Array] = {}

    def start(self, training: Training, saved: Saved) -> None:
        self.arrays = fitting_arrays(saved, training, "best weights")
        training.kept = self.arrays

    def epoch(self, training: Training, record: dict[str, Any]) -> None:
        if training.improved:
            self.arrays.update({name: array.copy() for name, array in training.weights().items()})

    def state(self) -> Saved:
        return dict(self.arrays)
