"""What paper, a photograph and the search for ink do to a strip, drawn once for each strip.

First what lies on the paper beside the writing: ruled lines or what is left of them, an underline, parts of the lines
above and below, writing that shows through from the back, specks. Then what the camera makes of it: blur, few pixels,
compression. Last how the ink comes out: uneven or broken strokes, grain, contrast.
"""

from __future__ import annotations

import functools

import numpy as np
import numpy.typing as npt

from glassnet.nn.kernels import strips as kernels
from glassnet.nn.kernels.strokes import draw_strokes
from glassnet.reader.lines.drawing import Pen, draw

__all__ = ["add_marks", "damaged"]

Floats = npt.NDArray[np.float32]
Whole = npt.NDArray[np.int64]

# How often each kind of damage is done at full strength.
_RULES, _UNDERLINE, _NEIGHBOURS, _SHOW_THROUGH, _SPECKS, _BORDER = 0.12, 0.05, 0.08, 0.04, 0.12, 0.05
_COARSE, _BLOCKS, _UNEVEN, _BROKEN, _STEEP, _PALE = 0.2, 0.1, 0.25, 0.08, 0.45, 0.12


def add_marks(
    canvas: Floats, points: Floats, starts: Whole, pen: Pen, rng: np.random.Generator, strength: float = 1.0
) -> None:
    """Put on a strip (h, w), in place, what lies on the paper beside the writing.

    Parameters
    ----------
    points : (p, 2) float32 array
        Of the writing's strokes on the strip; other lines of the same hand are made of them.
    starts : (s + 1,) int64 array
        Where each stroke begins, and the end.
    pen : Pen
        What the writing is drawn with.
    strength : float
        From 0, nothing, to 1.
    """
    height, width = canvas.shape
    chances = rng.random(6)
    if chances[0] < strength * _RULES:
        np.maximum(canvas, np.float32(rng.uniform(0.15, 0.8)) * _rules(height, width, rng), out=canvas)
    if chances[1] < strength * _UNDERLINE:
        _line(canvas, rng.uniform(0.9, 1.02) * height, pen.radius * rng.uniform(0.6, 1.2), rng)
    if len(points) and chances[2] < strength * _NEIGHBOURS:
        for way in (-1, 1):
            if rng.random() < 0.6:  # a line that reaches a few pixels into the strip
                offset = way * rng.uniform(0.72, 0.95) * height
                draw(_elsewhere(points, starts, width, offset, rng), starts, canvas, pen, rng)
    if len(points) and chances[3] < strength * _SHOW_THROUGH:
        back = np.zeros_like(canvas)
        mirrored = points * np.array([-1, 1], np.float32) + np.array([width, 0], np.float32)
        draw(_elsewhere(mirrored, starts, width, rng.uniform(-0.5, 0.5) * height, rng), starts, back, pen, rng)
        np.maximum(canvas, np.float32(rng.uniform(0.1, 0.4)) * back, out=canvas)
    if chances[4] < strength * _SPECKS:
        count = int(rng.integers(1, 2 + width // 60))
        places = rng.random((count, 2)).astype(np.float32) * np.array([width, height], np.float32)
        radii = np.exp(rng.uniform(np.log(0.3), np.log(1.2), count)).astype(np.float32)
        draw_strokes(canvas, places, radii, np.arange(count + 1), np.float32(1.2))
    if chances[5] < strength * _BORDER:  # of a box or a table, at one end
        x = (0 if rng.random() < 0.5 else width) + rng.uniform(-3, 3)
        ends = np.array([[x, -2], [x + rng.normal(0, 1.5), height + 2]], np.float32)
        draw_strokes(canvas, ends, np.full(2, rng.uniform(0.5, 1.8), np.float32), np.array([0, 2]), np.float32(1.2))


def damaged(ink: Floats, rng: np.random.Generator, strength: float = 1.0) -> Floats:
    """A strip's ink (h, w) in [0, 1], in place, after a photograph and the search for ink.

    `strength` 0 changes nothing, 1 does as much as is still read.
    """
    if strength <= 0:
        return ink
    height, width = ink.shape
    chances, shifts = rng.random(6), rng.random(4)
    if chances[0] < 0.6:
        kernels.blur(ink, max(0.2, strength * (rng.uniform(0.2, 0.6) if chances[0] < 0.45 else rng.uniform(0.6, 1.1))))
    if chances[1] < strength * _COARSE:
        kernels.coarsen(ink, 1 + strength * rng.uniform(0.0, 1.1), shifts[0], shifts[1])
    if chances[2] < strength * _BLOCKS:
        step = np.float32(strength * rng.uniform(0.01, 0.09))
        kernels.squeeze_blocks(ink, _cosines(), step, int(8 * shifts[2]), int(8 * shifts[3]))
    broken = chances[3] < strength * _BROKEN
    uneven = broken or chances[4] < strength * _UNEVEN
    cell = float(rng.uniform(3, 7) if broken else rng.uniform(8, 40))
    grid = rng.standard_normal((int(height / cell) + 2, int(width / cell) + 2), np.float32) if uneven else _NO_GRID
    depth = strength * (rng.uniform(0.5, 1.2) if broken else rng.uniform(0.05, 0.3)) if uneven else 0.0
    least = rng.uniform(0.5, 1.5) if broken else -1.0
    carpet = _carpet()
    grain = strength * min(0.1, float(rng.exponential(0.02)))
    gain = rng.uniform(1.3, 3.5) if chances[5] < strength * _STEEP else 1 + strength * rng.uniform(-0.05, 0.3)
    if chances[5] > 1 - strength * _PALE:
        gain = 1 - strength * rng.uniform(0.1, 0.5)
    # Most grain is taken for paper; where the contrast is raised, edges stay about where they are.
    dark = ink[ink > 0.1]
    usual = min(0.5, float(dark.mean())) if len(dark) else 0.5  # thin strokes are pale
    foot = max(rng.uniform(1.0, 2.5) * grain, usual * (1 - 1 / gain) * rng.uniform(0.4, 1.1))
    numbers = np.array([depth, least, grain, foot, gain, strength * rng.uniform(-0.5, 0.5)], np.float32)
    x0, y0 = int(shifts[0] * carpet.shape[1]), int(shifts[2] * carpet.shape[0])
    kernels.develop(ink, grid, cell, *numbers[:2], carpet, x0, y0, *numbers[2:])
    return ink


_NO_GRID = np.zeros((2, 2), np.float32)


@functools.cache
def _carpet() -> Floats:
    """Noise that is laid under strips at different places: what is drawn anew each time takes longer than all else."""
    return np.random.default_rng(0).standard_normal((61, 4099), np.float32)


@functools.cache
def _cosines() -> Floats:
    """The orthonormal cosine transform (8, 8): row k is frequency k."""
    k, n = np.meshgrid(np.arange(8), np.arange(8), indexing="ij")
    rows = np.cos(np.pi * (2 * n + 1) * k / 16) / 2
    rows[0] /= np.sqrt(2)
    return np.ascontiguousarray(rows, np.float32)


def _rules(height: int, width: int, rng: np.random.Generator) -> Floats:
    """Ruled lines: whole, or the pieces that taking them off left."""
    rules = np.zeros((height, width), np.float32)
    radius, pieces = rng.uniform(0.3, 0.9), rng.random() < 0.6
    first, apart = rng.uniform(0, height), rng.uniform(0.6, 1.3) * height
    slope = rng.normal(0, 0.012)
    for y in np.arange(first - apart, height, apart) if rng.random() < 0.4 else (first,):
        _line(rules, float(y), radius, rng, slope=slope, pieces=pieces)
    return rules


def _line(
    canvas: Floats, y: float, radius: float, rng: np.random.Generator, slope: float | None = None, pieces: bool = False
) -> None:
    """A line across a strip that begins at height y, drawn as a whole or in pieces."""
    width = canvas.shape[1]
    slope = rng.normal(0, 0.02) if slope is None else slope
    knots = np.linspace(-2, width + 2, max(2, width // 40) + 1)
    points = np.stack([knots, y + slope * knots + rng.normal(0, 0.15, len(knots))], axis=1).astype(np.float32)
    starts = np.array([0, len(points)])
    if pieces:
        ends = np.sort(rng.uniform(0, width, 2 * max(1, width // 50)))
        points = np.stack([ends, np.interp(ends, knots, points[:, 1])], axis=1).astype(np.float32)
        starts = np.arange(0, len(points) + 1, 2)
    draw_strokes(canvas, points, np.full(len(points), radius, np.float32), starts, np.float32(1.2))


def _elsewhere(points: Floats, starts: Whole, width: int, down: float, rng: np.random.Generator) -> Floats:
    """Another line of the same hand: the strokes, `down` pixels lower and shifted along the strip, round its end."""
    shift = float(rng.uniform(0.2, 0.8)) * width
    lefts = np.minimum.reduceat(points[:, 0], starts[:-1])
    moved = (lefts + shift) % width - lefts
    offset = np.repeat(moved, np.diff(starts))
    return np.stack([points[:, 0] + offset, points[:, 1] + np.float32(down)], axis=1).astype(np.float32)
