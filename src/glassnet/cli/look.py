"""`glassnet look`: kernels, layers and feature maps of a model."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from glassnet.cli.options import Json, Weights, emit


def look(
    model: Annotated[str, typer.Argument(help="A model file, a run folder or a pretrained network ('resnet-18').")],
    picture: Annotated[
        Path | None, typer.Option(help="A picture file to follow through the layers of a convolutional network.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="The folder to write into (default: MODEL-look).")] = None,
    weights: Weights = None,
    json: Json = False,
) -> None:
    """What is inside a model: first-layer kernels, its layers as a drawing, and what they make of a picture.

    Writes a page and single figures. The picture is read as in training.

    Example: glassnet look runs/mnist-1 --picture seven.png
    """
    from glassnet.imagenet import open_model
    from glassnet.recipes.inspection import look_inside

    loaded = open_model(model, weights)
    name = Path(model).name or model
    files = look_inside(loaded, name, picture, out or Path(f"{Path(name).stem}-look"))
    for path in files:
        typer.echo(f"wrote {path}")
    if json:
        emit({"files": files, "weights": loaded.network.size})
