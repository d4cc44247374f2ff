"""Callbacks that several tests give to a training."""

from __future__ import annotations

from glassnet.engines import StepResult
from glassnet.train import Callback, Training


class StopAt(Callback):
    """Interrupts a training after a step."""

    every_step = True

    def __init__(self, step: int) -> None:
        self.number = step

    def step(self, training: Training, result: StepResult) -> None:
        if training.state.step == self.number:
            training.interrupt()
