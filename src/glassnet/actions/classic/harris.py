"""Corners of a picture as principal components of its gradients."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from glassnet.classic import harris as respond
from glassnet.classic.harris import Components, Corners
from glassnet.data import read_picture
from glassnet.errors import DataError
from glassnet.report.figures.classic import save_corners

__all__ = ["CornersFound", "harris"]


@dataclass(frozen=True, eq=False)
class CornersFound:
    """The corners of a picture.

    Attributes
    ----------
    picture : Path
        The picture file.
    corners : Corners
        The response at every pixel.
    peaks : (N, 2) integer array
        Column and row of each corner, the strongest first.
    at : (int, int) or None
        The pixel that was asked for, column and row.
    components : Components or None
        The two principal components of the gradients around it.
    files : tuple of Path
        The picture that was written.
    """

    picture: Path
    corners: Corners
    peaks: NDArray[np.intp]
    at: tuple[int, int] | None
    components: Components | None
    files: tuple[Path, ...]

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        height, width = self.corners.response.shape
        return width, height

    def to_dict(self) -> dict[str, Any]:
        """All of it with plain keys."""
        found = self.components
        return {
            "corners": self.peaks.tolist(),
            "at": self.at,
            "variances": None if found is None else found.variances,
            "directions": None if found is None else found.directions.tolist(),
            "files": self.files,
        }


def harris(
    picture: str | Path,
    out: str | Path = "runs/classic-harris",
    *,
    at: tuple[int, int] | None = None,
    count: int = 200,
    window: str = "gaussian",
    sigma: float = 1.0,
    k: float = 0.05,
) -> CornersFound:
    """The corners of a picture, and the principal components of the gradients around one pixel.

    Parameters
    ----------
    picture : path
        The picture file.
    out : path
        Folder of the picture with its corners.
    at : (int, int), optional
        Column and row of a pixel.
    count : int
        How many corners at most.
    window : str
        "gaussian" or "box".
    sigma : float
        Width of the Gaussian window in pixels.
    k : float
        Weight of the squared trace, see `glassnet.classic.harris`.

    Raises
    ------
    DataError
        The picture cannot be read, or a setting is out of range.
    """
    path = Path(picture)
    pixels = read_picture(path)
    if count < 1:
        raise DataError(f"count must be at least 1. Got {count}.")
    found = respond(pixels, window=window, sigma=sigma, k=k)
    components = None if at is None else found.components(*at)
    peaks = found.peaks(count)
    file = save_corners(pixels, found, peaks, Path(out) / f"{path.stem}-corners.png", at)
    return CornersFound(path, found, peaks, at, components, (file,))
