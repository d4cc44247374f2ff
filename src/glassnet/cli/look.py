"""`glassnet look`: kernels, layers and feature maps of a model."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from glassnet.cli.options import Json, Weights, emit, say


def look(
    model: Annotated[str, typer.Argument(help="A model file, a run folder or a pretrained network ('resnet-18').")],
    picture: Annotated[
        str | None,
        typer.Option(
            metavar="FILE|NUMBER",
            help="A picture to follow through the layers of a convolutional network: a file, or for a run folder a"
            " picture's number in the run's report.",
        ),
    ] = None,
    out: Annotated[Path | None, typer.Option(help="The folder to write into (default: MODEL-look).")] = None,
    weights: Weights = None,
    json: Json = False,
) -> None:
    """What is inside a model: first-layer kernels, its layers as a drawing, and what they make of a picture.

    Writes a page and single figures. The picture is read as in training.

    Examples:

      glassnet look runs/mnist-1 --picture 294

      glassnet look squeezenet-1.1 --picture photo.jpg
    """
    from glassnet.actions.look import look as run

    found = run(model, out, picture=picture, weights=weights)
    for path in found.files:
        say(f"wrote {path}")
    if json:
        emit(found.to_dict())
