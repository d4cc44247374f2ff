"""What an action tells, shown while it works: a live bar on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Any

from glassnet.actions.events import Events
from glassnet.cli.options import say
from glassnet.text import folded

__all__ = ["TerminalEvents"]

_FIRST, _EVERY = 2.0, 5.0  # seconds until the first line of progress, and between two


class TerminalEvents(Events):
    """Remarks are lines of standard output; progress is a bar there, or lines of standard error.

    Parameters
    ----------
    lines : bool
        Whether progress is told where there is no terminal; not of work whose remarks tell it.
    first : float
        Seconds until the first of these lines.
    """

    def __init__(self, *, lines: bool = True, first: float = _FIRST) -> None:
        self.lines = lines
        self.bar: Any = None
        self.task: Any = None
        self.next_line = time.monotonic() + first

    def __enter__(self) -> TerminalEvents:
        if sys.stdout.isatty():
            self.bar = _bar()
            self.task = self.bar.add_task("", total=None, amount="")
            self.bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.bar is not None:
            self.bar.stop()

    def say(self, text: str) -> None:
        """A line to keep, above the bar."""
        if self.bar is None:
            say(text)
        else:
            self.bar.console.print(folded(text), markup=False, soft_wrap=True)

    def progress(self, what: str, done: float, total: float | None, unit: str = "") -> None:
        """Move the bar, or print a line if the last one is some seconds old."""
        amount = _amount(done, total, unit)
        if self.bar is not None:
            self.bar.update(self.task, description=what, completed=done, total=total, amount=amount)
        elif self.lines and time.monotonic() >= self.next_line and done != total:
            self.next_line = time.monotonic() + _EVERY
            say(f"{what}: {amount}", err=True)


def _amount(done: float, total: float | None, unit: str) -> str:
    if unit:
        return f"{done:.1f}{f' of {total:.1f}' if total else ''} {unit}"
    return f"{100 * done / total:.0f} % done" if total else f"{done:g}"


def _bar() -> Any:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TextColumn("{task.fields[amount]}"),
        TimeRemainingColumn(),
    )
    return Progress(*columns, console=Console(highlight=False), transient=True, refresh_per_second=4)
