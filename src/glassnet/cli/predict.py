"""`glassnet predict`: what a model sees in pictures."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from glassnet.cli.options import Json, Weights, emit, say
from glassnet.cli.remedies import worded
from glassnet.cli.tables import answer_table
from glassnet.errors import DataError
from glassnet.text import room

if TYPE_CHECKING:
    from glassnet.actions.predict import Predicted, Prediction

_SHOWN, _SHOWN_OF_MANY, _MANY = 3, 5, 100  # ranks, ranks of many classes, and how many are many
_LEAST = 0.001  # a class of less probability is noise after a more probable one
# How files of pictures begin: PNG, JPEG, GIF, TIFF, WebP.
_PICTURES = (b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"II*\0", b"MM\0*", b"RIFF")


def predict(
    model: Annotated[str, typer.Argument(help="A model file, a run folder or a pretrained network ('resnet-18').")],
    pictures: Annotated[
        list[Path],
        typer.Argument(help="Picture files, folders of them or of folders; - reads names, one a line, from the input."),
    ],
    top: Annotated[
        int | None,
        typer.Option(help="How many classes to show (default: up to 3 of at least 0.1 %; of many classes 5).", min=1),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="Also write the answers: a table (.csv), a sheet of pictures (.html) or everything (.json)."),
    ] = None,
    no_invert: Annotated[
        bool, typer.Option("--no-invert", help="Do not invert dark ink on light for a model of light on dark.")
    ] = False,
    no_centre: Annotated[
        bool, typer.Option("--no-centre", help="Do not bring ink to the size and place of the training pictures'.")
    ] = False,
    weights: Weights = None,
    json: Json = False,
) -> None:
    """The most probable classes of each picture, with their probabilities.

    Pictures of any size are brought to what the model takes, as in training. Where the training pictures are ink on a
    plain ground, such as digits, a picture of the opposite kind is inverted and its ink centred, and a note says so. A
    picture that cannot be read is named, the others are answered, and the exit status is 3.

    Examples:

      glassnet predict runs/digits-1 picture.png --top 5

      glassnet predict runs/mine photos --out answers.csv

      find . -name '*.jpg' | glassnet predict squeezenet-1.1 - --out answers.html
    """
    from glassnet.actions.predict import predict as run
    from glassnet.cli.events import TerminalEvents

    named = [path for given in pictures for path in ([given] if str(given) != "-" else _from_input())]
    with TerminalEvents() as events:
        result = run(
            model, named, top=top, weights=weights, invert=not no_invert, centre=not no_centre, out=out, events=events
        )
    most = top or (_SHOWN_OF_MANY if len(result.class_names) > _MANY else _SHOWN)
    rows = [(str(found.picture), _ranks(found, most, everything=top is not None)) for found in result.each]
    typer.echo(answer_table(rows, room()))
    for path in result.files:
        say(f"wrote {path}")
    for note in (*result.notes, *_changes(result)):
        say(f"note: {note}", err=True)
    for _, error in result.unread:
        say(f"not read: {worded(error)}", err=True)
    if json:
        emit(result.to_dict())
    if result.unread:
        raise typer.Exit(3)


def _from_input() -> list[Path]:
    """The names on the standard input, one a line, or ended by NUL as of `find -print0`."""
    data = sys.stdin.buffer.read()
    if data.startswith(_PICTURES):
        raise DataError("The input holds a picture; - reads names of picture files, one a line. Save it and name it.")
    names = [line.removesuffix(b"\r") for line in data.split(b"\0" if b"\0" in data else b"\n")]
    found = [Path(os.fsdecode(name)) for name in names if name.strip()]
    if not found:
        raise DataError("The input holds no names of picture files; - reads them, one a line.")
    return found


def _ranks(found: Prediction, most: int, *, everything: bool) -> list[tuple[str, float]]:
    """The classes that are worth a column: the first, and those after it that are not noise."""
    kept = [entry for place, entry in enumerate(found.classes) if everything or not place or entry[1] >= _LEAST]
    return kept[:most]


def _changes(result: Predicted) -> list[str]:
    """What was done to pictures before they were read."""
    kinds = ("dark on light", "light on dark") if result.dark_ground else ("light on dark", "dark on light")
    words = {
        "inverted": f"{kinds[0]}, the training pictures are {kinds[1]}: inverted; --no-invert reads as it is",
        "centred": "the ink was brought to the size and place of the training pictures'; --no-centre leaves it",
    }
    notes = []
    for change, text in words.items():
        changed = [found.picture for found in result.each if change in found.changes]
        if changed:
            which = str(changed[0]) if len(changed) == 1 else f"{len(changed):,} of {len(result.each):,} pictures"
            notes.append(f"{which}: {text}")
    return notes
