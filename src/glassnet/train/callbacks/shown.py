"""Progress on the terminal."""

from __future__ import annotations

import contextlib
from typing import Any

from glassnet.engines import StepResult
from glassnet.train.loop import Callback, Saved, Training
from glassnet.train.progress import Progress

__all__ = ["Shown"]


class Shown(Callback):
    """Tells a `Progress` what happens.

    Examples
    --------
    >>> import io
    >>> from glassnet import Network
    >>> from glassnet.data import dataset_of
    >>> from glassnet.train import PlainProgress, Shown, Trainer
    >>> data = dataset_of(np.zeros((20, 8, 8), np.uint8), np.arange(20) % 2)
    >>> shown = Shown(PlainProgress(io.StringIO()))
    >>> _ = Trainer(Network("linear 2", (8, 8, 1)), epochs=2, callbacks=[shown]).fit(data)
    >>> shown.progress.stream.getvalue().count("epoch")
    2
    """

    def __init__(self, progress: Progress) -> None:
        self.progress = progress

    def around(self, training: Training) -> contextlib.AbstractContextManager[Any]:
        return self.progress

    def start(self, training: Training, saved: Saved) -> None:
        if training.task.reads:
            self.progress.what_is_right = "lines right"
        self.progress.start(training.settings.epochs, training.steps_per_epoch, training.state.step)

    def step(self, training: Training, result: StepResult) -> None:
        state = training.state
        if state.position and training.task.training_figures(state.correct, state.position):
            self.progress.accuracy = state.correct / state.position
        self.progress.step(training.state.step, result.mean_loss)

    def epoch(self, training: Training, record: dict[str, Any]) -> None:
        self.progress.epoch(record, training.improved)
