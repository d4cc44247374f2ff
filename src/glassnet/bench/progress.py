"""How a bench shows itself while it runs: a live bar on a terminal, plain lines otherwise."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import TextIO

__all__ = ["Lines", "LiveBar", "shown_on"]


class Lines:
    """A line for each result, as it comes."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self.stream = stream or sys.stdout

    def __enter__(self) -> Lines:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None

    def start(self, total: int) -> None:
        """`total` measurements will be made."""

    def next(self, text: str) -> None:
        """The measurement that begins now."""

    def say(self, text: str) -> None:
        """A line to keep."""
        print(text, file=self.stream, flush=True)


class LiveBar(Lines):
    """A bar with what is measured now and the time left; results stay above it."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        super().__init__()
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        self.bar = Progress(*columns, console=Console(highlight=False), transient=True, refresh_per_second=4)
        self.task = self.bar.add_task("the machine", total=None)
        self.begun = 0

    def __enter__(self) -> LiveBar:
        self.bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.bar.stop()

    def start(self, total: int) -> None:
        self.bar.update(self.task, total=total)

    def next(self, text: str) -> None:
        self.bar.update(self.task, description=text, completed=self.begun)
        self.begun += 1

    def say(self, text: str) -> None:
        self.bar.console.print(text, markup=False, soft_wrap=True)


def shown_on(stream: TextIO | None = None) -> Lines:
    """Live on a terminal, plain lines otherwise."""
    stream = stream or sys.stdout
    return LiveBar() if stream is sys.stdout and stream.isatty() else Lines(stream)
