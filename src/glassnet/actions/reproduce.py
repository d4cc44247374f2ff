"""Published figures against ours."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from glassnet import reproduce as published
from glassnet.actions.events import Events
from glassnet.reproduce import Reproduction, Row
from glassnet.train import Progress

__all__ = ["list_rows", "reproduce"]


def list_rows() -> list[Row]:
    """The published rows, in the order of their names."""
    return published.rows()


def reproduce(
    rows: Sequence[str] | None = None,
    out: str | Path = "runs/reproduce",
    *,
    engine: str | None = None,
    threads: int | None = None,
    make_progress: Callable[[], Progress] = Progress,
    events: Events | None = None,
) -> Reproduction:
    """Run recipes and set the published figures beside ours.

    Parameters
    ----------
    rows : sequence of str, optional
        Rows to run; None runs all.
    out : path
        Folder for the tables and the run of each row.
    engine : str, optional
        "native" or "torch": what trains the recipes; None takes that of each.
    threads : int, optional
        Threads to use; None takes every core.
    make_progress : callable
        The progress of a training, anew for each.
    events : Events, optional
        Told what is run.

    Raises
    ------
    GlassnetError
        There is no such row or engine, or a run fails.
    """
    say = (events or Events()).say
    return published.reproduce(
        rows or None, Path(out), engine=engine, threads=threads, make_progress=make_progress, say=say
    )
