"""`glassnet predict`: what a model sees in pictures."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from glassnet.cli.options import Json, Weights, emit, say

_MANY = 100  # classes


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
    import numpy as np

    from glassnet.data.pictures import pictures_of
    from glassnet.imagenet import open_model

    pictures = pictures_of(pictures)
    loaded = open_model(model, weights)
    loaded.task.require_classes("'predict' needs a recogniser.")
    probabilities = loaded.predict_files(pictures)
    top = top or (5 if len(loaded.class_names) > _MANY else 3)
    found = []
    for path, row in zip(pictures, probabilities, strict=True):
        best = np.argsort(-row, kind="stable")[:top]
        classes = [{"class": loaded.class_names[i], "probability": round(float(row[i]), 6)} for i in best]
        found.append({"picture": path, "classes": classes})
        say(f"{path}: " + "  ".join(f"{c['class']} {c['probability']:.1%}" for c in classes))
    if json:
        emit({"predictions": found})
