"""`glassnet demo`: gradients checked, a training, a page read, with nothing but what comes along."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from glassnet.cli.options import Json, emit, say, say_lines
from glassnet.cli.verdict import say_figures, say_verdict

if TYPE_CHECKING:
    from glassnet.actions.read import PagesRead
    from glassnet.actions.train import Trained
    from glassnet.check import Check

__all__ = ["demo"]


def demo(
    out: Annotated[Path | None, typer.Option(help="The run folder (default: runs/digits-NUMBER).")] = None,
    epochs: Annotated[int | None, typer.Option(help="Passes over the digits. [60]")] = None,
    json: Json = False,
) -> None:
    """Check every gradient of a network, train one on handwritten digits, and read a page.

    The digits and the page come along: nothing is downloaded. The run folder holds the model and a report.

    Example: glassnet demo --out runs/demo
    """
    from glassnet.actions.demo import demo as run
    from glassnet.cli.events import TerminalEvents
    from glassnet.train import progress_for

    events = TerminalEvents(lines=False)
    found = run(out, epochs=epochs, on_part=_show, make_progress=progress_for, events=events)
    if json:
        emit(found.to_dict())
    if not found.check.passed:
        raise typer.Exit(1)


def _show(part: Check | Trained | PagesRead) -> None:
    from glassnet.actions.train import Trained
    from glassnet.check import Check

    if isinstance(part, Check):
        say_lines(str(part))
    elif isinstance(part, Trained):
        say_figures(part.run)
        for path in part.run.files[:2]:
            say(f"wrote {path}")
        say_verdict(part.run)
    else:
        for found in part.each:
            if found.page is not None:
                say_lines(found.page.text)
