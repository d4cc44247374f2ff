"""Strokes become the ink of a strip: a pen of some width on paper of a few pixels' height."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from glassnet.nn.kernels.strokes import draw_strokes

__all__ = ["Pen", "draw", "draw_pen"]

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Pen:
    """What writes.

    Attributes
    ----------
    radius : float
        Of its tip, in pixels of the strip.
    pressure : float
        How much the radius varies along a line, relative.
    edge : float
        How many pixels of the edge of its line are soft.
    """

    radius: float
    pressure: float = 0.0
    edge: float = 1.0


def draw_pen(rng: np.random.Generator, capital: float, character: float) -> Pen:
    """A pen for capitals so many pixels high and characters so many wide: from a thin ball pen to a broad felt pen, as
    far as it can be read."""
    broadest = max(0.5, min(0.08 * capital, 0.13 * character))
    radius = min(broadest, float(np.exp(rng.uniform(np.log(0.4), np.log(2.4)))))
    return Pen(radius, float(rng.uniform(0, 0.35)), float(rng.uniform(0.9, 1.6)))


def draw(points: Floats, starts: npt.NDArray[np.int64], canvas: Floats, pen: Pen, rng: np.random.Generator) -> None:
    """Draw strokes, whose points (p, 2) are places (x, y) of the canvas (h, w), in [0, 1]; ink there already stays."""
    noise = rng.standard_normal(len(points) // 8 + 3)
    slow = np.interp(np.arange(len(points)), 8.0 * np.arange(len(noise)), noise)
    radii = (pen.radius * np.exp(pen.pressure * 0.6 * slow)).astype(np.float32)
    draw_strokes(canvas, np.ascontiguousarray(points, np.float32), radii, starts, np.float32(pen.edge))
