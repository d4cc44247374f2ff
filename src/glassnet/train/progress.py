"""How a training shows itself while it runs: nothing, plain lines, or a live bar on a terminal."""

from __future__ import annotations

import contextlib
import sys
from types import TracebackType
from typing import Any, TextIO

from glassnet import compiling
from glassnet.text import folded

__all__ = ["LiveProgress", "PlainProgress", "Progress", "describe", "progress_for"]


class Progress:
    """Base: shows nothing. A trainer calls `start`, `step` after every step (or group of steps) and `epoch`.

    Attributes
    ----------
    accuracy : float or None
        The share of right answers so far in the epoch, where the task counts them; set before each `step`.
    what_is_right : str
        How that share is called.

    Examples
    --------
    >>> from glassnet import Network
    >>> from glassnet.data import dataset_of
    >>> from glassnet.train import Progress, Shown, Trainer
    >>> class Dots(Progress):
    ...     def epoch(self, record, best):
    ...         print("epoch", record["epoch"])
    >>> data = dataset_of(np.zeros((20, 8, 8), np.uint8), np.arange(20) % 2)
    >>> _ = Trainer(Network("linear 2", (8, 8, 1)), epochs=2, callbacks=[Shown(Dots())]).fit(data)
    epoch 1
    epoch 2
    """

    accuracy: float | None = None
    what_is_right: str = "accuracy"

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None

    def start(self, epochs: int, steps_per_epoch: int, done: int) -> None:
        """A training of `epochs` epochs begins, with `done` steps already taken."""

    def step(self, step: int, loss: float) -> None:
        """`step` steps have been taken; the latest had this loss."""

    def epoch(self, record: dict[str, Any], best: bool) -> None:
        """An epoch ended; `best` when its validation result is the best so far."""

    def say(self, text: str) -> None:
        """A remark."""


class PlainProgress(Progress):
    """A line per epoch: for logs and pipes. It also says when kernels are compiled.

    Examples
    --------
    >>> from glassnet.train import PlainProgress
    >>> with PlainProgress() as progress:
    ...     progress.say("a remark")
    a remark
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        self.stream = stream or sys.stdout
        self.epochs = 0
        self._open = contextlib.ExitStack()

    def __enter__(self) -> PlainProgress:
        self._open.enter_context(compiling.announced(self.say))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()

    def start(self, epochs: int, steps_per_epoch: int, done: int) -> None:
        self.epochs = epochs

    def step(self, step: int, loss: float) -> None:
        compiling.settle()

    def epoch(self, record: dict[str, Any], best: bool) -> None:
        number = f"{record['epoch']:>{len(str(self.epochs))}}/{self.epochs}"
        self.say(f"epoch {number}  {describe(record)}{'  best' if best else ''}")

    def say(self, text: str) -> None:
        print(folded(text), file=self.stream, flush=True)


class LiveProgress(PlainProgress):
    """A live bar with the time left, and the lines above it.

    Examples
    --------
    >>> from glassnet.train import LiveProgress
    >>> progress = LiveProgress()  # for a terminal
    >>> progress.steps_per_epoch
    1
    """

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
        from rich.progress import Progress as Bar

        super().__init__()
        self.console = Console(highlight=False)
        columns = (
            TextColumn("epoch {task.fields[epoch]}"),
            BarColumn(bar_width=None),
            TextColumn("step {task.fields[step]}"),
            TextColumn("{task.fields[figures]}"),
            TimeRemainingColumn(),
        )
        self.bar = Bar(*columns, console=self.console, transient=True, refresh_per_second=8)
        self.steps_per_epoch = 1

    def __enter__(self) -> LiveProgress:
        self._open.enter_context(self.bar)
        super().__enter__()
        return self

    def start(self, epochs: int, steps_per_epoch: int, done: int) -> None:
        super().start(epochs, steps_per_epoch, done)
        self.steps_per_epoch = steps_per_epoch
        total = epochs * steps_per_epoch
        self.task = self.bar.add_task("", total=total, completed=done, figures="", **self._place(done + 1))

    def step(self, step: int, loss: float) -> None:
        super().step(step, loss)
        figures = f"loss {loss:.4f}" + ("" if self.accuracy is None else f"  {self.what_is_right} {self.accuracy:.3f}")
        self.bar.update(self.task, completed=step, figures=figures, **self._place(step))

    def _place(self, step: int) -> dict[str, Any]:
        """Where step `step`, from 1, is: the epoch, and the step of the epoch."""
        epoch, within = divmod(max(step, 1) - 1, self.steps_per_epoch)
        return {"epoch": f"{epoch + 1}/{self.epochs}", "step": f"{within + 1}/{self.steps_per_epoch}"}

    def say(self, text: str) -> None:
        self.console.print(folded(text), markup=False, soft_wrap=True)


def describe(record: dict[str, Any]) -> str:
    """An epoch record as part of a line: loss and accuracy, those on validation, seconds so far."""
    text = f"loss {record['loss']:.4f}"
    if "accuracy" in record:
        text += f"  accuracy {record['accuracy']:.3f}"
    if "lines" in record:
        text += f"  lines right {record['lines']:.3f}"
    if "valid_loss" in record:
        text += f" | valid {record['valid_loss']:.4f}"
    if "valid_accuracy" in record:
        text += f"  {record['valid_accuracy']:.3f}"
    if "valid_psnr" in record:
        text += f"  PSNR {record['valid_psnr']:.2f} dB"
    if "valid_error" in record:
        text += f"  error rate {record['valid_error']:.4f}"
    return f"{text} | {record['seconds']:.0f} s"


def progress_for(stream: TextIO | None = None) -> Progress:
    """Live on a terminal, plain lines otherwise.

    Examples
    --------
    >>> import io
    >>> from glassnet.train import progress_for
    >>> type(progress_for(io.StringIO())).__name__
    'PlainProgress'
    """
    stream = stream or sys.stdout
    return LiveProgress() if stream is sys.stdout and stream.isatty() else PlainProgress(stream)
