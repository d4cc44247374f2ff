"""`glassnet claims`: the figures of the lessons, measured on this machine."""

from __future__ import annotations

from typing import Annotated

import typer

from glassnet.cli.options import Json, emit, say
from glassnet.text import columns, counted


def claims(
    names: Annotated[list[str] | None, typer.Argument(help="Lessons (default: all; see 'glassnet lesson').")] = None,
    json: Json = False,
) -> None:
    """Measure the figures that the lessons claim on this machine; exit status 1 if one has drifted.

    Times are shown and never fail. A lesson takes seconds, the first one longer, while kernels compile.

    Example: glassnet claims descent
    """
    from glassnet.actions.lessons import measure_claims
    from glassnet.cli.events import TerminalEvents

    with TerminalEvents() as events:
        found = measure_claims(names or (), events=events)
    rows = [("lesson", "claim", "here", "claimed", "")]
    rows += [(name, each.name, f"{each.value:.6g}", each.wanted, each.verdict) for name, each in found.claims]
    if found.claims:
        typer.echo(columns(rows, sides="<<><<"))
    for error in found.errors.values():
        say(f"failed: {error}")
    total = counted(len(found.claims), "claim")
    say(f"{total} in {sum(found.seconds.values()):.0f} s: {found.drifted or 'none'} drifted")
    if json:
        emit(found.to_dict())
    if found.drifted or found.errors:
        raise typer.Exit(1)
