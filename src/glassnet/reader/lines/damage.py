"""What a photograph and the search for ink do to a strip."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import ndimage

__all__ = ["damaged"]

Floats = npt.NDArray[np.float32]


def damaged(ink: Floats, rng: np.random.Generator, strength: float = 1.0) -> Floats:
    """A strip's ink (h, w) in [0, 1] after a photograph: blurred, of uneven strength, with noise.

    `strength` 0 changes nothing, 1 does as much as is still easily read.
    """
    if strength <= 0:
        return ink
    if rng.random() < 0.5:
        ink = ndimage.gaussian_filter(ink, strength * float(rng.uniform(0.2, 0.9)), mode="constant", truncate=3.0)
    ink = ink * np.float32(1.0 - strength * rng.uniform(0, 0.4))
    ink = np.clip(ink, 0, 1) ** np.float32(np.exp(strength * rng.normal(0, 0.25)))
    noise = np.float32(strength * rng.uniform(0, 0.06))
    ink = ink + noise * rng.standard_normal(ink.shape, np.float32)
    result: Floats = np.clip(ink, 0, 1)
    return result
