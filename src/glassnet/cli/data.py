"""`glassnet data`: the known data sets - which there are, where they lie, how they look."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from glassnet.cli.options import Json, emit, say

app = typer.Typer(help="Known data sets: list them, download one, show its pictures.", no_args_is_help=True)


@app.command("list")
def list_sets(json: Json = False) -> None:
    """The known sets, what they hold, and where they lie on this machine."""
    from glassnet.cli.tables import columns
    from glassnet.data import CATALOGUE, data_places, find

    rows: list[tuple[Any, ...]] = [("name", "classes", "pictures", "examples", "where")]
    found = []
    for name, entry in CATALOGUE.items():
        place = find(name)
        shape = "x".join("?" if size is None else str(size) for size in entry.image_shape)
        where = str(place) if place else f"glassnet data get {name}" if entry.files else "by hand"
        rows.append((name, len(entry.classes) or "-", shape, entry.examples, where))
        found.append({"name": name, "title": entry.title, "classes": list(entry.classes), "place": place})
    typer.echo(columns(rows))
    typer.echo(f"\nlooked for in: {', '.join(map(str, data_places()))} (GLASSNET_DATA sets the places)")
    if json:
        emit({"sets": found})


@app.command("get")
def get_set(name: Annotated[str, typer.Argument(help="A name from 'glassnet data list'.")], json: Json = False) -> None:
    """Download a known set, checked against its SHA-256 where one is known; a broken download is resumed."""
    from glassnet.data import get, known

    if note := known(name).checksum_note:
        say(f"note: {note}")
    place = get(name, _download_progress())
    say(f"{name} is in {place}")
    if json:
        emit({"name": name, "files": [place]})


def _download_progress() -> Any:
    """Progress of a download: a line that is rewritten on a terminal, one line every few seconds elsewhere."""
    live = sys.stderr.isatty()
    shown = [0.0]

    def show(file: str, done: int, total: int | None) -> None:
        now = time.monotonic()
        if now - shown[0] < (0.1 if live else 5) and done != total:
            return
        shown[0] = now
        of = f" of {total / 1e6:.1f}" if total else ""
        print(f"{file}: {done / 1e6:.1f}{of} MB", end="\r" if live else "\n", file=sys.stderr, flush=True)
        if live and done == total:
            print(file=sys.stderr)

    return show


@app.command("show")
def show_set(
    data: Annotated[str, typer.Argument(help="A known set, or a folder or file.")],
    out: Annotated[Path | None, typer.Option(help="Where to write the picture (default: NAME.png).")] = None,
    count: Annotated[int, typer.Option(help="Pictures to show.", min=1, max=1000)] = 60,
    seed: Annotated[int, typer.Option(help="Seed of the choice.", min=0)] = 0,
    json: Json = False,
) -> None:
    """Say what a set holds and write a grid of its pictures as PNG."""
    from glassnet.recipes import show_data

    text, path = show_data(data, out, count=count, seed=seed)
    typer.echo(text)
    say(f"wrote {path}")
    if json:
        emit({"files": [path]})
