"""How a training shows itself in a Jupyter notebook: a bar with curves that are drawn while it runs."""

from __future__ import annotations

import html
import sys
import time
from importlib import import_module
from types import TracebackType
from typing import Any

from glassnet import compiling
from glassnet.train.history import History
from glassnet.train.progress import PlainProgress, Progress, describe

__all__ = ["NotebookProgress", "in_notebook", "progress_in_python"]

_SECONDS = 0.25  # between two drawings


def in_notebook() -> bool:
    """Whether this is the kernel of a notebook. IPython is not imported for it."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return getattr(shell, "kernel", None) is not None


def progress_in_python(verbose: bool | None) -> Progress:
    """What a call from Python shows: with True a line per epoch, with None a bar in notebooks, else nothing.

    Examples
    --------
    >>> from glassnet.train import progress_in_python
    >>> type(progress_in_python(False)).__name__
    'Progress'
    """
    if verbose:
        return PlainProgress()
    return NotebookProgress() if verbose is None and in_notebook() else Progress()


class NotebookProgress(PlainProgress):
    """A bar, what the latest epoch gave and the curves so far, in one place of the notebook; in the end one line."""

    def __init__(self) -> None:
        super().__init__()
        self._history = History()
        self._handle: Any = None
        self._done = self._all = self._first = self._each = 0
        self._begun = self._drawn = 0.0
        self._text = ""
        self._ended = False

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        super().__exit__(kind, error, trace)
        if kind is not None:
            self._text = f"stopped in epoch {self._epoch}/{self.epochs}. {self._text}"
        self._ended = True
        self._draw()

    def start(self, epochs: int, steps_per_epoch: int, done: int) -> None:
        super().start(epochs, steps_per_epoch, done)
        self._each, self._all = steps_per_epoch, epochs * steps_per_epoch
        self._done = self._first = done
        self._begun = time.monotonic()
        self._draw()

    def step(self, step: int, loss: float) -> None:
        compiling.settle()
        self._done = step
        if time.monotonic() - self._drawn >= _SECONDS:
            self._draw()

    def epoch(self, record: dict[str, Any], best: bool) -> None:
        self._history.add(record)
        self._text = f"epoch {record['epoch']}/{self.epochs}  {describe(record)}"

    def say(self, text: str) -> None:
        self._text = text
        self._draw()

    @property
    def _epoch(self) -> int:
        return min(self.epochs, self._done // max(self._each, 1) + 1)

    def __repr__(self) -> str:
        return self._text or "training"

    def _repr_html_(self) -> str:
        text = html.escape(repr(self))
        if self._ended:
            return f"<div>{text}</div>"
        bar = f'<progress value="{self._done}" max="{max(self._all, 1)}" style="width:24em"></progress>'
        return f"<div>{bar} {html.escape(self._left())}<br>{text}{self._history.chart()}</div>"

    def _left(self) -> str:
        steps = self._done - self._first
        if not steps:
            return ""
        seconds = (time.monotonic() - self._begun) / steps * (self._all - self._done)
        return f"{seconds:.0f} s left" if seconds < 100 else f"{seconds / 60:.0f} min left"

    def _draw(self) -> None:
        """Show this object, or show it anew where it stands."""
        self._drawn = time.monotonic()
        if self._handle is None:
            self._handle = import_module("IPython.display").display(self, display_id=True)
        else:
            self._handle.update(self)
