"""Weight-agnostic networks: the search, what it found, and what training makes of that."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from glassnet.actions.events import Events
from glassnet.files import first_free, write_text
from glassnet.report.figures.topology import topology_svg
from glassnet.wann.folder import Found, begin, go_on
from glassnet.wann.search import Plan, Search

__all__ = ["Result", "resume", "search"]

OnGeneration = Callable[[Search, dict[str, Any]], None]


@dataclass(frozen=True)
class Result:
    """What a search found, and the files that were written."""

    found: Found
    files: tuple[Path, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """All of it with plain keys."""
        return {**self.found.to_dict(), "files": self.files}


def search(
    data: str | Path,
    out: str | Path | None = None,
    *,
    generations: int = 1000,
    population: int = 80,
    seed: int = 0,
    size: int | None = None,
    limit: int | None = None,
    jobs: int = 1,
    seconds: float | None = None,
    on_generation: OnGeneration = lambda search, record: None,
    events: Events | None = None,
) -> Result:
    """Search for a topology that does well whatever the one weight on its connections is.

    Parameters
    ----------
    data : str or path
        A folder, a file or a known set; its pictures at most 32x32.
    out : path, optional
        A new folder; None takes runs/DATA-wann-NUMBER.
    generations, population : int
        How many generations, of how many graphs.
    seed : int
        Of all random numbers.
    size : int, optional
        Pictures of a set of picture files are brought to size x size.
    limit : int, optional
        So many training pictures are used; None: all.
    jobs : int
        Threads that judge graphs; what comes out does not depend on it.
    seconds : float, optional
        No generation is begun later.
    on_generation : callable
        Told of every generation.
    events : Events, optional
        Told what is done.

    Raises
    ------
    GlassnetError
        The data cannot be used, or the folder holds something.
    TrainingInterrupted
        Somebody pressed Ctrl-C; `resume` goes on.
    """
    events = events or Events()
    stem = re.sub(r"[^A-Za-z0-9]+", "-", Path(str(data)).name).strip("-").lower() or "set"
    folder = Path(out) if out is not None else first_free(Path("runs") / f"{stem}-wann-{n}" for n in range(1, 10**6))
    found = begin(
        folder,
        str(data),
        Plan(population=population, seed=seed),
        generations,
        size=size,
        limit=limit,
        jobs=jobs,
        seconds=seconds,
        say=events.say,
        on_generation=on_generation,
        on_checkpoint=_drawer(folder),
    )
    return _finished(found)


def resume(
    folder: str | Path,
    *,
    generations: int | None = None,
    jobs: int = 1,
    seconds: float | None = None,
    on_generation: OnGeneration = lambda search, record: None,
    events: Events | None = None,
) -> Result:
    """Go on with a search, to so many generations in all; parameters and errors as of `search`."""
    events = events or Events()
    path = Path(folder)
    found = go_on(
        path,
        generations=generations,
        jobs=jobs,
        seconds=seconds,
        say=events.say,
        on_generation=on_generation,
        on_checkpoint=_drawer(path),
    )
    return _finished(found)


def _drawer(folder: Path) -> Callable[[Search], None]:
    """Draws the best network of a search whenever that has changed."""
    drawn: list[Any] = []

    def draw(search: Search) -> None:
        if drawn[-1:] != [search.best]:
            drawn.append(search.best)
            plan = Found.open(folder).plan
            h, w, c = plan["image_shape"]
            write_text(folder / "network.svg", topology_svg(search.best, (h, w, c), plan["classes"]) + "\n")

    return draw


def _finished(found: Found) -> Result:
    return Result(found, (found.folder / "network.svg",))
