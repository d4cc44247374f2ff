"""Ctrl-C between two steps: the first asks the training to stop and save, the second stops at once."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from types import FrameType
from typing import ClassVar

from glassnet.engines import StepResult
from glassnet.processes import SIGNALS
from glassnet.train.loop import Callback, Training

__all__ = ["Interrupt", "StopRequest", "stop_on_interrupt"]


class Interrupt(Callback):
    """Ends a training between two steps when it is asked to by Ctrl-C, SIGTERM or SIGHUP.

    Examples
    --------
    >>> from glassnet import Network
    >>> from glassnet.data import dataset_of
    >>> from glassnet.train import Interrupt, Trainer
    >>> data = dataset_of(np.zeros((20, 8, 8), np.uint8), np.arange(20) % 2)
    >>> interrupt = Interrupt()
    >>> _ = Trainer(Network("linear 2", (8, 8, 1)), epochs=1, callbacks=[interrupt]).fit(data)
    >>> interrupt.request.asked
    False
    """

    last: ClassVar[bool] = True  # the signal may come while the others work

    def __init__(self) -> None:
        self.request = StopRequest()

    @contextlib.contextmanager
    def around(self, training: Training) -> Iterator[None]:
        with stop_on_interrupt() as self.request:
            yield

    def step(self, training: Training, result: StepResult) -> None:
        if training.engine.agreed(self.request.asked):
            training.interrupt()


class StopRequest:
    """Whether somebody asked the training to stop."""

    def __init__(self) -> None:
        self.asked = False


@contextlib.contextmanager
def stop_on_interrupt() -> Iterator[StopRequest]:
    """Within the block Ctrl-C (SIGINT), SIGTERM and SIGHUP set `asked`; a second one acts as it did before.

    One that came too late to be answered within the block acts, after it, as it did before. Signals that are ignored
    stay ignored. Signals can be caught in the main thread alone; elsewhere the block changes nothing.
    """
    request = StopRequest()
    if threading.current_thread() is not threading.main_thread():
        yield request
        return
    before = {number: signal.getsignal(number) for number in SIGNALS}
    before = {number: handler for number, handler in before.items() if handler not in (signal.SIG_IGN, None)}
    caught: list[int] = []

    def restore() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    def handle(number: int, frame: FrameType | None) -> None:
        request.asked = True
        caught.append(number)
        restore()

    try:
        for number in before:
            signal.signal(number, handle)
        yield request
    finally:
        restore()
    if caught:
        signal.raise_signal(caught[0])
