"""Weight-agnostic networks: the search, what it found, and what training makes of that."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

from glassnet.actions.events import Events
from glassnet.errors import RecipeError
from glassnet.experiments.folder import stem_of
from glassnet.files import first_free, write_text
from glassnet.locking import locked
from glassnet.report.figures.topology import topology_svg
from glassnet.report.pages.wann import write_wann_page
from glassnet.wann.contest import EPOCHS, contest, pruning
from glassnet.wann.folder import Found, begin, go_on, keep, plan_of, splits_of
from glassnet.wann.search import Plan, Search
from glassnet.wann.show import figures

__all__ = ["Result", "resume", "search", "show", "train"]

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
    depth: int = 3,
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
    depth : int
        The longest way through a network, in connections.
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
    stem = stem_of(data, "set")
    folder = Path(out) if out is not None else first_free(Path("runs") / f"{stem}-wann-{n}" for n in count(1))
    found = begin(
        folder,
        str(data),
        Plan(population=population, depth=depth, seed=seed),
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
            plan = plan_of(folder)
            h, w, c = plan["image_shape"]
            write_text(folder / "network.svg", topology_svg(search.best, (h, w, c), plan["classes"]) + "\n")

    return draw


def show(folder: str | Path, *, events: Events | None = None) -> Result:
    """What a search found does with one weight, on the part of the data that it has not seen; the page shows it.

    Parameters
    ----------
    folder : path
        Of a search.
    events : Events, optional
        Told how far the reading of data is.

    Raises
    ------
    GlassnetError
        The folder is not that of a search, or its data have changed.
    """
    found = Found.open(folder)
    splits = splits_of(found.plan, (events or Events()).say, found.folder)
    with locked(found.folder):
        return _finished(keep(found, shown=figures(found, splits)))


def train(
    folder: str | Path, *, seeds: int = 5, epochs: int = EPOCHS, jobs: int = 1, events: Events | None = None
) -> Result:
    """Train the weights of what a search found, beside networks to compare with; then prune a dense network.

    Parameters
    ----------
    folder : path
        Of a search.
    seeds : int
        Trainings of each network.
    epochs : int
        Of each training.
    jobs : int
        Processes.
    events : Events, optional
        Told how far it is.

    Raises
    ------
    GlassnetError
        The folder is not that of a search, its data have changed, or there are fewer than two seeds.
    """
    events = events or Events()
    if seeds < 2 or epochs < 1 or jobs < 1:
        raise RecipeError(
            f"Seeds are compared from two on, with at least one epoch and one job. Got {seeds}, {epochs} and {jobs}."
        )
    found = Found.open(folder)
    splits = splits_of(found.plan, events.say, found.folder)
    ways = {"seeds": seeds, "epochs": epochs, "jobs": jobs}
    with locked(found.folder):
        shown = figures(found, splits)
        trained = contest(
            found, splits, shown["tuned"]["weight"], **ways,
            on_done=lambda done, of: events.progress("training", done, of),
        )  # fmt: skip
        pruned = pruning(found, splits, **ways, on_done=lambda done, of: events.progress("pruning", done, of))
        return _finished(keep(found, shown=shown, trained={"contest": trained, "pruning": pruned}))


def _finished(found: Found) -> Result:
    return Result(found, (*write_wann_page(found), found.folder / "network.svg"))
