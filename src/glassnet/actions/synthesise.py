"""Hand-printed pages with known text."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from glassnet.actions.events import Events
from glassnet.files import read_text
from glassnet.reader.pages import write_pages

__all__ = ["Synthesised", "synthesise"]


@dataclass(frozen=True)
class Synthesised:
    """The files that were written, page by page, and the seconds that it took."""

    files: tuple[Path, ...]
    seconds: float

    def to_dict(self) -> dict[str, Any]:
        """All of it with plain keys."""
        return asdict(self)


def synthesise(
    pages: int = 1,
    out: str | Path = "pages",
    *,
    text: str | Path | None = None,
    seed: int = 0,
    lines: int = 8,
    turned: bool = False,
    events: Events | None = None,
) -> Synthesised:
    """Write pages as a camera sees them, with their text and the place of every character.

    Parameters
    ----------
    pages : int
        How many, each by another hand.
    out : path
        The folder to write to.
    text : path, optional
        A text file whose lines are written; None makes lines up.
    seed : int
        Of hands, papers and cameras.
    lines : int
        Lines a page.
    turned : bool
        Pages upside down or on their sides as well.
    events : Events, optional
        Told of every page.

    Raises
    ------
    GlassnetError
        The text cannot be read, or the files cannot be written.
    """
    events = events or Events()
    start = time.perf_counter()
    content = None if text is None else read_text(text, "a text file in UTF-8")
    files: list[Path] = []
    written = write_pages(Path(out), pages, content, seed=seed, lines=lines, turned=turned)
    for number, group in enumerate(written, start=1):
        files += group
        events.say(f"{number}/{pages} wrote {group[0]}")
    return Synthesised(tuple(files), time.perf_counter() - start)
