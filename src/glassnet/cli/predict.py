"""`glassnet predict`: what a model sees in pictures."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from glassnet.cli.options import Json, Weights, emit, say


def predict(
    model: Annotated[str, typer.Argument(help="A model file, a run folder or a pretrained network ('resnet-18').")],
    pictures: Annotated[list[Path], typer.Argument(help="Picture files, or folders of them.")],
    top: Annotated[
        int | None, typer.Option(help="How many classes to show (default: 3, of many classes 5).", min=1)
    ] = None,
    weights: Weights = None,
    json: Json = False,
) -> None:
    """The most probable classes of each picture, with their probabilities.

    Pictures are brought to what the model takes, as in training. A picture that cannot be read is named and ends the
    command.

    Examples:

      glassnet predict runs/digits-1 picture.png --top 5

      glassnet predict squeezenet-1.1 photo.jpg
    """
    from glassnet.actions.predict import predict as run

    result = run(model, pictures, top=top, weights=weights)
    for found in result.each:
        say(f"{found.picture}: " + "  ".join(f"{name} {probability:.1%}" for name, probability in found.classes))
    if json:
        emit(result.to_dict())
