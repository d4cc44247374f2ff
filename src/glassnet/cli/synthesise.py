"""`glassnet synthesise`: hand-printed pages with known text."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from glassnet.cli.options import Json, emit


def synthesise(
    text: Annotated[
        Path | None, typer.Option(help="A text file; its lines are written (default: made-up lines).")
    ] = None,
    pages: Annotated[int, typer.Option(help="How many pages, each by another hand.", min=1)] = 1,
    out: Annotated[Path, typer.Option(help="The folder to write to.")] = Path("pages"),
    seed: Annotated[int, typer.Option(help="Another seed, other hands, papers and cameras.")] = 0,
    lines: Annotated[int, typer.Option(help="Lines per page.", min=1)] = 8,
    turned: Annotated[bool, typer.Option("--turned", help="Pages upside down or on their sides as well.")] = False,
    json: Json = False,
) -> None:
    """Hand-printed pages as a camera sees them, with their text (.txt) and the place of every character (.json).

    A pen model writes: strokes, slant, jitter, pressure; paper, light, shadow, blur, noise and JPEG damage follow.

    Examples:

      glassnet synthesise --pages 20 --out pages

      glassnet synthesise --text letter.txt --pages 3 --seed 7 --out letters
    """
    from glassnet.actions.synthesise import synthesise as run
    from glassnet.cli.events import TerminalEvents

    with TerminalEvents() as events:
        result = run(pages, out, text=text, seed=seed, lines=lines, turned=turned, events=events)
    if json:
        emit(result.to_dict())
