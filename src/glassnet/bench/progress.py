"""How a bench tells what it does while it runs."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import TextIO

__all__ = ["Lines"]


class Lines:
    """A line for each result, as it comes.

    Examples
    --------
    >>> import io
    >>> from glassnet.bench import Lines
    >>> stream = io.StringIO()
    >>> with Lines(stream) as progress:  # given as `bench(cases, progress=progress)`
    ...     progress.say("a result")
    >>> print(stream.getvalue())
    a result
    <BLANKLINE>
    """

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
