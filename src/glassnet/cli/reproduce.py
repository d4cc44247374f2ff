"""`glassnet reproduce`: published figures against ours."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from glassnet.cli.options import Json, Threads, emit, say
from glassnet.text import columns


def reproduce(
    rows: Annotated[list[str] | None, typer.Argument(help="Rows to run (default: all).")] = None,
    list_rows: Annotated[bool, typer.Option("--list", help="List the rows and exit.")] = False,
    out: Annotated[Path, typer.Option(help="Folder for the tables and the run of each row.")] = Path("runs/reproduce"),
    engine: Annotated[
        str | None, typer.Option(metavar="native|torch", help="What trains the recipes. [that of each recipe]")
    ] = None,
    threads: Threads = None,
    json: Json = False,
) -> None:
    """Run recipes and print, for every row, the published figure, ours, our goal and how it was obtained.

    The table is written as Markdown and JSON into the folder given by --out. Exit status 1 if a row that could be
    measured misses its goal. Rows whose data are not on this machine are named and left out. With --engine, rows
    that train a recipe are run on that engine.

    Example: glassnet reproduce mnist-softmax-sgd mnist-mlp
    """
    from glassnet.actions.reproduce import list_rows as known
    from glassnet.actions.reproduce import reproduce as run
    from glassnet.cli.events import TerminalEvents
    from glassnet.train import progress_for

    if list_rows:
        typer.echo(columns([("row", "what"), *((row.id, row.what) for row in known())], left=2))
        return
    report = run(
        rows, out, engine=engine, threads=threads, make_progress=progress_for, events=TerminalEvents(lines=False)
    )
    typer.echo("")
    typer.echo(report.table())
    for path in report.files:
        say(f"wrote {path}")
    if json:
        emit({**report.to_dict(), "files": report.files})
    if not report.passed:
        raise typer.Exit(1)
