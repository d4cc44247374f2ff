"""Where on a strip a line of writing lies, and the strip with its ink."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from glassnet.nn.functional.ctc import columns_needed
from glassnet.nn.kernels.strips import paste
from glassnet.reader.lines.alphabet import encode
from glassnet.reader.lines.damage import add_marks, damaged
from glassnet.reader.lines.drawing import Pen, draw, draw_pen
from glassnet.reader.lines.writing import FULL, Inked, Writing, varied

__all__ = ["COLUMN", "INK", "draw_size", "strip_of", "unwritten"]

COLUMN = 4  # pixels of a strip for each column of scores
INK = 26 / 32  # of a strip's height is ink: rows 3 to 29 of 32

Floats = npt.NDArray[np.float32]

_STRETCH = (0.75, 1.35)  # of widths, as far as writing stays natural
_SMALL = 0.1  # of lines
_NARROWEST = 5.0  # pixels for a character, at full variation: less nobody reads
_NOTHING = np.zeros((0, 2), np.float32)


def strip_of(
    writing: Writing | Inked,
    rng: np.random.Generator,
    *,
    widths: tuple[int, int],
    height: int = 32,
    size: float = 0.95,
    variation: float = 1.0,
    damage: float = 1.0,
) -> Floats | None:
    """The strip (height, width) of a line, ink 1 on paper 0.

    Parameters
    ----------
    writing : Writing or Inked
        The line.
    rng : Generator
        Every choice comes from it.
    widths : (int, int)
        The least and the largest width, in pixels.
    height : int
        In pixels.
    size : float
        Of the ink's height, 1 as strips are made: rows 3 to 29 of 32. See `draw_size`.
    variation : float
        How much the hand, the stretch and the place on the strip vary, from 0 to 1.
    damage : float
        From 0, none, to 1.

    Returns
    -------
    array or None
        None where the line does not fit those widths with a stretch that leaves it natural, or has too many characters
        for its columns.
    """
    if isinstance(writing, Writing):
        writing = varied(writing, rng, variation)
    left, top, right, bottom = writing.extent()
    place = _place(writing, (right - left, bottom - top), rng, widths, height, size, variation)
    if place is None:
        return None
    canvas = np.zeros((height, place.width), np.float32)
    if isinstance(writing, Inked):
        paste(canvas, writing.ink, place.left, place.top, place.across, place.down)
        add_marks(canvas, _NOTHING, np.zeros(1, np.int64), Pen(1.2), rng, damage)
    else:
        points = (writing.points - np.array([left, top], np.float32)) * np.array([place.across, place.down], np.float32)
        points += np.array([place.left, place.top], np.float32)
        pen = draw_pen(rng, place.down, place.width / max(1, len(writing.text)))
        draw(points, writing.starts, canvas, pen, rng)
        add_marks(canvas, points, writing.starts, pen, rng, damage)
    return damaged(canvas, rng, damage)


def draw_size(rng: np.random.Generator, variation: float = 1.0) -> float:
    """How tall the ink of a line is, 1 as strips are made. Some are small: something beside them is taller."""
    size = 0.95 + variation * rng.uniform(-0.2, 0.1)
    return float(size * rng.uniform(0.6, 0.95) if rng.random() < variation * _SMALL else size)


def unwritten(rng: np.random.Generator, width: int, height: int = 32, damage: float = 1.0) -> Floats:
    """A strip (height, width) without writing: up to three long bent lines, ruled lines, specks, or bare paper."""
    canvas = np.zeros((height, width), np.float32)
    pen = draw_pen(rng, INK * height, height)
    count = int(rng.integers(0, 4))
    if count:
        at = np.linspace(0, 1, 30)[:, None]  # along a Bezier curve of four points
        ways = np.concatenate([(1 - at) ** 3, 3 * at * (1 - at) ** 2, 3 * at**2 * (1 - at), at**3], axis=1)
        curves = ways @ (rng.uniform([-0.1, -0.5], [1.1, 1.5], (count, 4, 2)) * np.array([width, height]))
        draw(curves.reshape(-1, 2).astype(np.float32), 30 * np.arange(count + 1), canvas, pen, rng)
    add_marks(canvas, _NOTHING, np.zeros(1, np.int64), pen, rng, damage)
    return damaged(canvas, rng, damage)


@dataclass(frozen=True)
class _Place:
    """A strip's width, where on it the ink begins (left, top), and pixels for one unit across and down."""

    width: int
    left: float
    top: float
    across: float
    down: float


def _place(
    writing: Writing | Inked,
    shape: tuple[float, float],
    rng: np.random.Generator,
    widths: tuple[int, int],
    height: int,
    size: float,
    variation: float,
) -> _Place | None:
    margins = height / 32 * (rng.uniform(4, 9, 2) + (rng.random(2) < 0.1) * rng.uniform(0, 16, 2))
    around = float(margins.sum())
    wanted = float(np.clip(np.exp(variation * rng.normal(0, 0.13)), *_STRETCH))
    mix = variation * max(0.0, rng.uniform(-1.8, 1.0))
    tall = own = max(shape[1], 0.25)
    if isinstance(writing, Writing) and own < FULL:
        # A line is as tall as its ink. On a page it may count as tall as others, were it of small letters alone; and so
        # it does where else it is too wide.
        least = INK * height * size * shape[0] * _STRETCH[0] / max(1.0, widths[1] - around)
        tall = min(FULL, max(own ** (1 - mix) * FULL**mix, least))
    down = INK * height * size / tall
    natural = max(1.0, down * shape[0])
    stretch = float(np.clip(natural * wanted, widths[0] - around, widths[1] - around)) / natural
    width = min(widths[1], max(widths[0], round(natural * stretch + around)))
    if not 0.999 * _STRETCH[0] <= stretch <= _STRETCH[1]:
        return None
    if columns_needed(encode(writing.text)) >= width // COLUMN or width < variation * _NARROWEST * len(writing.text):
        return None
    room = max(0.0, height * (1 - INK * size) / 2 - 3 * height / 32)
    middle = height / 2 + variation * (height / 32 * rng.normal(0, 1.2) + rng.uniform(-room, room))
    return _Place(width, float(margins[0]), middle - 0.5 * down * shape[1], down * stretch, down)
