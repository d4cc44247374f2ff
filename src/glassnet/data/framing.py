"""One character's ink brought to the size at which networks see characters: the manner of NIST36."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

__all__ = ["INK_SIDE", "SIDE", "frame", "rank"]

SIDE = 32
INK_SIDE = 26  # NIST36 characters fill about 25 of 32 pixels


def frame(ink: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
    """Ink (h, w) in [0, 1], cut to its box, as a picture (32, 32, 1): black on white, 26 pixels long, in the middle."""
    h, w = ink.shape
    scale = INK_SIDE / max(h, w)
    size = (max(1, round(w * scale)), max(1, round(h * scale)))
    small = np.asarray(Image.fromarray(ink.astype(np.float32)).resize(size, Image.Resampling.BICUBIC))
    # Thin strokes come out pale where they were enlarged; bring the darkest ink back to black.
    small = np.clip(small / max(rank(small, 0.98), 0.25), 0.0, 1.0)
    canvas = np.full((SIDE, SIDE, 1), 255, np.uint8)
    top, left = (SIDE - size[1]) // 2, (SIDE - size[0]) // 2
    canvas[top : top + size[1], left : left + size[0], 0] = np.rint(255.0 * (1.0 - small))
    return canvas


def rank(values: npt.NDArray[Any], share: float) -> float:
    """The value below which this share of the values lies: a percentile without interpolation, much faster."""
    flat = values.reshape(-1)
    place = int(share * (flat.size - 1))
    return float(np.partition(flat, place)[place])
