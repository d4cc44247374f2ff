"""`glassnet compare`: runs, or models, on the same pictures."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from glassnet.cli.options import Json, emit, say


def compare(
    what: Annotated[
        list[str],
        typer.Argument(
            metavar="RUN...",
            help="Run folders, or folders of runs (a sweep). With --data also model files and named networks.",
        ),
    ],
    data: Annotated[str | None, typer.Option(help="Evaluate all anew on this set. [what the runs have kept]")] = None,
    part: Annotated[str, typer.Option(help="Which part of --data: test, train, valid or all.")] = "",
    margin: Annotated[
        float | None, typer.Option(help="Differences up to this one count as none. [0.5 points; 0.1 dB of PSNR]", min=0)
    ] = None,
    out: Annotated[Path | None, typer.Option(help="Write a page, as in --out comparison.html.")] = None,
    json: Json = False,
) -> None:
    """Which network, or which recipe, is better, and whether that is more than chance.

    Runs whose recipes differ in nothing but the seed are one group. The verdict is one line: one is better, both are
    equal within the margin, or it is undecided, with the number of pictures or seeds that would settle it.

    Examples:

      glassnet compare runs/a runs/b

      glassnet compare runs/sweep --out comparison.html

      glassnet compare squeezenet-1.1 resnet-18 --data imagenet-samples
    """
    from glassnet.actions.compare import compare as run
    from glassnet.cli.events import TerminalEvents
    from glassnet.cli.tables import group_table, pair_table, settings_table
    from glassnet.experiments.verdicts import meaning, open_questions, verdict_of

    with TerminalEvents() as events:
        result = run(what, data=data, part=part, margin=margin, out=out, events=events)
    found = result.comparison
    typer.echo(group_table(found))
    typer.echo("")
    if found.settings:
        typer.echo(settings_table(found))
        typer.echo("")
    typer.echo(pair_table(found))
    typer.echo("")
    for note in found.notes:
        say(f"note: {note}")
    say(verdict_of(found))
    for line in open_questions(found):
        say(line)
    say(meaning(found))
    for file in result.files:
        say(f"wrote {file}")
    if json:
        emit(result.to_dict())
