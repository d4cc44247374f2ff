"""What is inside a model."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from glassnet.actions.places import beside_model
from glassnet.imagenet import open_model
from glassnet.report.pages.inside import look_inside

__all__ = ["Looked", "look"]


@dataclass(frozen=True)
class Looked:
    """The files that were written, the page first, and the number of the model's weights."""

    files: tuple[Path, ...]
    weights: int

    def to_dict(self) -> dict[str, Any]:
        """All of it with plain keys."""
        return asdict(self)


def look(
    model: str | Path,
    out: str | Path | None = None,
    *,
    picture: str | None = None,
    weights: str | Path | None = None,
) -> Looked:
    """Draw a model's first kernels, its layers, and what they make of a picture.

    Parameters
    ----------
    model : str or path
        A model file, a run folder or a pretrained network.
    out : path, optional
        The folder to write into; None writes into MODEL-look.
    picture : str, optional
        A picture to follow through the layers: a file, or for a run folder a picture's number in the run's report.
    weights : path, optional
        A pretrained network's weights.

    Raises
    ------
    GlassnetError
        The model or the picture cannot be read.
    """
    loaded = open_model(model, weights)
    folder = Path(out) if out is not None else beside_model(model, "look")
    return Looked(tuple(look_inside(loaded, str(model), picture, folder)), loaded.network.size)
