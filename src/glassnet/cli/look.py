"""`glassnet look`: what is inside a model, what it says of pictures, and why."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from glassnet.cli.options import Json, Weights, emit, say, say_lines
from glassnet.text import columns

if TYPE_CHECKING:
    from glassnet.explain import Seen

_TOP = 5  # classes that are printed
_BAR = 20  # signs of a bar


def look(
    model: Annotated[str, typer.Argument(help="A model file, a run folder or a pretrained network ('resnet-18').")],
    picture: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FILE|NUMBER",
            help="A picture to explain and to follow through the layers: a file, or for a run folder a picture's number"
            " in the run's report. Can be given several times.",
        ),
    ] = None,
    examples: Annotated[
        int, typer.Option(metavar="N", help="Explain the first N pictures of the run's report.", min=0)
    ] = 0,
    chosen: Annotated[
        str | None,
        typer.Option(
            "--class",
            metavar="NAME",
            help="The class to explain (default: the answer and, where it is wrong, the true class).",
        ),
    ] = None,
    smooth: Annotated[
        int, typer.Option(metavar="N", help="Average the gradient over N noisy copies of the picture.", min=0)
    ] = 0,
    units: Annotated[
        str | None,
        typer.Option(
            metavar="LAYER",
            help="For a run folder: the layer whose units are shown with what they respond to (default: the first).",
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="The folder to write into (default: RUN/look, or NAME-look).")
    ] = None,
    weights: Weights = None,
    json: Json = False,
) -> None:
    """What is inside a model, what it says of pictures, and why.

    Writes a page and single figures: every class's probability, where in the picture the evidence lies (gradient,
    Grad-CAM, occlusion), what the last layer adds up, the maps of the layers, what the units respond to, the first
    layer's weights, the layers as a drawing. Pictures are read as in training.

    Examples:

      glassnet look runs/mnist-1 --picture 294 --picture 7

      glassnet look squeezenet-1.1 --picture photo.jpg --class "tabby"
    """
    from glassnet.actions.look import look as run
    from glassnet.cli.events import TerminalEvents

    with TerminalEvents() as events:
        found = run(
            model,
            out,
            pictures=picture or [],
            examples=examples,
            chosen=chosen,
            smooth=smooth,
            units=units,
            weights=weights,
            events=events,
        )
    for seen in found.pictures:
        _tell(seen)
    for remark in found.remarks:
        say(remark)
    for path in found.files:
        say(f"wrote {path}")
    if json:
        emit(found.to_dict())


def _tell(seen: Seen) -> None:
    say(seen.caption)
    rows = []
    for i in seen.order[:_TOP]:
        share = float(seen.probabilities[i])
        rows.append((seen.names[i] + (" (true)" if i == seen.true else ""), f"{share:.1%}", "#" * round(_BAR * share)))
    say_lines("\n".join(f"  {line}" for line in columns(rows, sides="<><").split("\n")))
    for each in seen.explanations:
        for heat in each.maps:
            say(f"  {heat.method}: {heat.said}")
