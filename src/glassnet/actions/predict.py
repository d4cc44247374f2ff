"""What a model sees in pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from glassnet.data.pictures import pictures_of
from glassnet.imagenet import open_model

__all__ = ["Predicted", "Prediction", "predict"]

_MANY = 100  # classes


@dataclass(frozen=True)
class Prediction:
    """A picture and its most probable classes with their probabilities, the most probable first."""

    picture: Path
    classes: tuple[tuple[str, float], ...]


@dataclass(frozen=True, eq=False)
class Predicted:
    """What a model sees in pictures.

    Attributes
    ----------
    each : tuple of Prediction
        A picture each.
    probabilities : (N, K) float array
        Of every class.
    class_names : tuple of str
        The K classes.
    """

    each: tuple[Prediction, ...]
    probabilities: NDArray[Any]
    class_names: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """The most probable classes of each picture."""
        return {
            "predictions": [
                {
                    "picture": found.picture,
                    "classes": [{"class": name, "probability": round(p, 6)} for name, p in found.classes],
                }
                for found in self.each
            ]
        }


def predict(
    model: str | Path,
    pictures: Sequence[str | Path],
    *,
    top: int | None = None,
    weights: str | Path | None = None,
) -> Predicted:
    """The most probable classes of each picture.

    Parameters
    ----------
    model : str or path
        A model file, a run folder or a pretrained network.
    pictures : sequence of paths
        Picture files, or folders of them.
    top : int, optional
        How many classes; None: 3, of many classes 5.
    weights : path, optional
        A pretrained network's weights.

    Raises
    ------
    GlassnetError
        A model or a picture that cannot be read, or a model that names no classes.
    """
    files = pictures_of([Path(path) for path in pictures])
    loaded = open_model(model, weights)
    loaded.task.require_classes("'predict' needs a recogniser.")
    probabilities = loaded.predict_files(files)
    top = top or (5 if len(loaded.class_names) > _MANY else 3)
    names = loaded.class_names
    each = []
    for path, row in zip(files, probabilities, strict=True):
        best = np.argsort(-row, kind="stable")[:top]
        each.append(Prediction(path, tuple((names[i], float(row[i])) for i in best)))
    return Predicted(tuple(each), probabilities, tuple(names))
