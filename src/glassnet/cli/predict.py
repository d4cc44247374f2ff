"""`glassnet predict`: what a model sees in pictures."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from glassnet.cli.options import Json, emit


def predict(
    model: Annotated[Path, typer.Argument(help="A model file or a run folder.")],
    pictures: Annotated[list[Path], typer.Argument(help="Picture files.")],
    top: Annotated[int, typer.Option(help="How many classes to show.", min=1)] = 3,
    json: Json = False,
) -> None:
    """The most probable classes of each picture, with their probabilities.

    Pictures are resized to what the model takes. A picture that cannot be read is named and ends the command.

    Example: glassnet predict runs/digits-1 picture.png --top 5
    """
    import numpy as np

    from glassnet.errors import ModelError
    from glassnet.model import Model

    loaded = Model.load(model)
    if not loaded.loss.classifies:
        raise ModelError("This model rebuilds pictures and names no classes; 'predict' needs a recogniser.")
    probabilities = loaded.predict_files(pictures)
    found = []
    for path, row in zip(pictures, probabilities, strict=True):
        best = np.argsort(-row, kind="stable")[:top]
        classes = [{"class": loaded.class_names[i], "probability": round(float(row[i]), 6)} for i in best]
        found.append({"picture": path, "classes": classes})
        typer.echo(f"{path}: " + "  ".join(f"{c['class']} {c['probability']:.1%}" for c in classes))
    if json:
        emit({"predictions": found})
