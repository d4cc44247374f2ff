"""`glassnet lesson`: the lessons, and one of them as a notebook of one's own."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

from glassnet.cli.options import Json, emit, say
from glassnet.text import columns


def lesson(
    name: Annotated[str | None, typer.Argument(help="Which one; without a name all are listed.")] = None,
    out: Annotated[Path | None, typer.Option(help="The notebook to write (default: NAME.ipynb).")] = None,
    no_open: Annotated[bool, typer.Option("--no-open", help="Write it, but do not open it.")] = False,
    json: Json = False,
) -> None:
    """Open a lesson as a notebook of your own, to run and to change.

    On a terminal, JupyterLab opens it, where that is installed (pip install 'glassnet[lessons]').

    Example: glassnet lesson descent
    """
    from glassnet.actions.lessons import list_lessons, write_lesson

    if name is None:
        listed = list_lessons()
        typer.echo(columns([("name", "lesson"), *((each.name, each.title) for each in listed.each)], sides="<<"))
        if json:
            emit(listed.to_dict())
        return
    written = write_lesson(name, out)
    say(f"wrote {written.file}")
    if json:
        emit(written.to_dict())
    if no_open or not sys.stdout.isatty():
        return
    if importlib.util.find_spec("jupyterlab") is None:
        say("to open it: pip install 'glassnet[lessons]', then: jupyter lab")
        return
    subprocess.run([sys.executable, "-m", "jupyterlab", str(written.file)])
