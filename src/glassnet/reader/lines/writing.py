"""A word or a line of writing before it is on a strip: in strokes, or as ink already."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from glassnet.nn.kernels.trajectories import ink_span

__all__ = ["FULL", "Inked", "Writing", "varied"]

FULL = 1.5  # heights of a capital from the top of ascenders to the end of descenders
_OUTERMOST = np.float32(0.004)  # of the length of strokes is not counted to a line's height: a single long tail
_STEP = np.float32(0.04)  # heights of a capital

Floats = npt.NDArray[np.float32]
Whole = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Writing:
    """A word or a line in strokes.

    Attributes
    ----------
    text : str
        What it reads.
    points : (p, 2) float32 array
        The points of all strokes in heights of a capital, x to the right, y down.
    starts : (s + 1,) int64 array
        Stroke j is the points `starts[j]` to `starts[j + 1] - 1`.
    """

    text: str
    points: Floats
    starts: Whole

    @classmethod
    def of(cls, text: str, strokes: Sequence[npt.NDArray[np.floating]], capital: float) -> Writing:
        """Strokes (n, 2) of a hand whose capitals are `capital` high."""
        starts = np.concatenate([[0], np.cumsum([len(stroke) for stroke in strokes])]).astype(np.int64)
        return cls(text, (np.concatenate(strokes) / capital).astype(np.float32), starts)

    def extent(self) -> tuple[float, float, float, float]:
        """(left, top, right, bottom) of the ink, above and below without what is outermost."""
        x = self.points[:, 0]
        top, bottom = ink_span(self.points, self.starts, _STEP, _OUTERMOST)
        return float(x.min()), float(top), float(x.max()), float(bottom)


@dataclass(frozen=True)
class Inked:
    """A word or a line as ink, without paper around it.

    Attributes
    ----------
    text : str
        What it reads.
    ink : (h, w) float32 array
        In [0, 1].
    """

    text: str
    ink: Floats

    def extent(self) -> tuple[float, float, float, float]:
        """(left, top, right, bottom) of the ink."""
        return 0.0, 0.0, float(self.ink.shape[1]), float(self.ink.shape[0])


def varied(writing: Writing, rng: np.random.Generator, strength: float = 1.0) -> Writing:
    """The same text in a hand that is a little different: other slant, local waves, unsteady, on a line that bends.

    Parameters
    ----------
    strength : float
        0 changes nothing, 1 as much as is still easily read.
    """
    points = writing.points
    x, y = points[:, 0], points[:, 1]
    width = max(1.0, float(np.ptp(x)))
    moved = points + np.float32(strength * rng.uniform(0, 0.02)) * rng.standard_normal(points.shape, np.float32)
    # Waves of 1.2 and 2.6 radians for a height, about: whole characters, and parts of them.
    waves = (rng.normal(0, 1, (2, 2, 2)) * np.array([[[1.2], [2.6]]])).astype(np.float32)
    phases = rng.uniform(0, 2 * np.pi, (2, 2)).astype(np.float32)
    sizes = (strength * rng.uniform(0, 0.05, (2, 2)) / np.array([1.0, 1.6])).astype(np.float32)
    for axis in (0, 1):
        for (kx, ky), phase, size in zip(waves[axis], phases[axis], sizes[axis], strict=True):
            moved[:, axis] += size * np.sin(kx * x + ky * y + phase)
    bow, turns, phase = strength * rng.normal(0, 0.06), rng.uniform(0.3, 2.0), rng.uniform(0, 2 * np.pi)
    moved[:, 1] += np.float32(bow) * np.sin(np.float32(2 * np.pi * turns / width) * x + np.float32(phase))
    moved[:, 0] -= np.float32(strength * np.clip(rng.normal(0, 0.14), -0.35, 0.35)) * y
    slope = strength * np.clip(rng.normal(0, 0.012), -0.035, 0.035)
    moved[:, 1] += np.float32(np.clip(slope, -0.3 / width, 0.3 / width)) * x
    return replace(writing, points=moved)
