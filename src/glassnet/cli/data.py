"""`glassnet data`: the known data sets - which there are, where they lie, how they look."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from glassnet.cli.options import Json, emit, say
from glassnet.text import columns, ending, room, shorten

app = typer.Typer(help="Known data sets: list them, download one, show its pictures.", no_args_is_help=True)

_MOST_NAMES = 100  # of classes, in a few lines about a set
_WIDEST = 40  # characters


@app.command("list")
def list_sets(json: Json = False) -> None:
    """The known sets, what they hold, and where they lie on this machine."""
    from glassnet.actions.data import list_sets as run

    found = run()
    rows: list[tuple[Any, ...]] = [("name", "classes", "pictures", "examples")]
    for entry, _ in found.sets:
        shape = "x".join("?" if size is None else str(size) for size in entry.image_shape) if entry.open else "-"
        rows.append((entry.name, len(entry.classes) or "-", shape, shorten(entry.examples, _WIDEST)))
    head, *lines = columns(rows, sides="<>><").split("\n")
    say(head)
    width = room()
    for line, (entry, place) in zip(lines, found.sets, strict=True):
        say(line)
        where = str(place) if place else f"glassnet data get {entry.name}" if entry.can_be_downloaded else "by hand"
        say("  " + (ending(where, width - 2) if width else where))
    typer.echo()
    say(f"looked for in: {', '.join(map(str, found.looked_in))} (GLASSNET_DATA sets the places)")
    if json:
        emit(found.to_dict())


@app.command("get")
def get_set(
    name: Annotated[str, typer.Argument(help="A name of 'data list' or 'networks'.")],
    json: Json = False,
) -> None:
    """Download a known set, what it is made of, or a network's weights; checked where a sum is known; resumes."""
    from glassnet.actions.data import get_set as run
    from glassnet.cli.events import TerminalEvents

    with TerminalEvents() as events:
        found = run(name, events)
    say(f"{name} is in {found.place}")
    if json:
        emit(found.to_dict())


@app.command("show")
def show_set(
    data: Annotated[str, typer.Argument(help="A known set, or a folder or file.")],
    out: Annotated[
        Path | None,
        typer.Option(
            help="Where to write the picture (default: NAME.png), or as .html a page with wrong labels and copies."
        ),
    ] = None,
    count: Annotated[
        int | None, typer.Option(help="Pictures to show (default: 60, with --augment 12).", min=1, max=1000)
    ] = None,
    augment: Annotated[
        str, typer.Option(help="Show several draws of each picture by this augmentation, as 'flip -> crop 4'.")
    ] = "",
    skip_bad: Annotated[
        bool, typer.Option("--skip-bad", help="Leave out picture files that cannot be read; a note names them.")
    ] = False,
    seed: Annotated[int, typer.Option(help="Seed of the choice and of the draws.", min=0)] = 0,
    json: Json = False,
) -> None:
    """Say what a set holds and write a grid of its pictures as PNG, at the size that a training takes.

    Examples:

      glassnet data show flowers17

      glassnet data show photos --augment 'flip -> crop 4' --skip-bad

      glassnet data show photos --out photos.html
    """
    from glassnet.actions.data import show_set as run

    found = run(data, out, count=count, seed=seed, augment=augment, skip_bad=skip_bad)
    shape = "x".join(map(str, found.image_shape))
    say(f"{found.name}: {len(found.class_names)} classes, {found.dtype} pictures of {shape}")
    typer.echo(", ".join(f"{name} {size:,}" for name, size in found.parts.items()))
    more = " ..." if len(found.class_names) > _MOST_NAMES else ""
    say(f"classes: {', '.join(found.class_names[:_MOST_NAMES])}{more}")
    for note in found.notes:
        say(f"note: {note}")
    say(f"wrote {found.picture}")
    if json:
        emit(found.to_dict())
