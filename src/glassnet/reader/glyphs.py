"""The strokes of hand-printed characters: what a pen does, before anyone's hand has changed it.

`forms` holds them as a table, in its own notation; here they become lines and curves.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt

from glassnet.reader.forms import FORMS

__all__ = ["X_HEIGHT", "extents", "parsed", "strokes_of", "variants"]

X_HEIGHT = 0.58
_SAMPLES = 7  # points that a smooth piece between two given points is drawn with
_DISTINCT = 0.16  # heights of a capital

Stroke = npt.NDArray[np.float64]  # (points, 2)


def variants(character: str) -> int:
    """In how many ways the character is written."""
    return len(FORMS[character])


def strokes_of(character: str, variant: int) -> tuple[Stroke, ...]:
    """The strokes as polylines (points, 2), x and y as in the table; a curve is sampled finely."""
    return parsed(FORMS[character][variant])


@cache
def parsed(form: str) -> tuple[Stroke, ...]:
    """The strokes of a form in the notation of `forms`, as polylines."""
    return tuple(_parse(text.strip()) for text in form.split("|"))


@cache
def extents(character: str) -> tuple[tuple[float, float], ...]:
    """(bottom, top) of the usual way of writing, and of others that differ by more than `_DISTINCT`, in heights of a
    capital. An i or j whose dot was left out, or is too faint to be seen, is one of the others."""
    ways = [strokes_of(character, variant) for variant in range(variants(character))]
    if character in "ij":
        ways.append(ways[0][:-1])
    found: list[tuple[float, float]] = []
    for strokes in ways:
        y = np.concatenate(strokes)[:, 1]
        bottom, top = float(y.min()), float(y.max())
        if all(max(abs(bottom - b), abs(top - t)) > _DISTINCT for b, t in found):
            found.append((bottom, top))
    return tuple(found)


def _parse(text: str) -> Stroke:
    smooth = text.startswith("~")
    pieces = [
        np.array([[float(v) for v in point.split(",")] for point in piece.split()])
        for piece in text.removeprefix("~").split("/")
    ]
    for before, after in zip(range(len(pieces)), range(1, len(pieces)), strict=False):
        pieces[after] = np.concatenate([pieces[before][-1:], pieces[after]])
    return np.concatenate([_curve(piece) if smooth else piece for piece in pieces])


def _curve(points: Stroke) -> Stroke:
    """A Catmull-Rom spline through the points."""
    if len(points) < 3:
        return points
    padded = np.concatenate([2 * points[:1] - points[1:2], points, 2 * points[-1:] - points[-2:-1]])
    t = np.linspace(0, 1, _SAMPLES, endpoint=False)[:, None]
    a, b, c, d = (padded[k : len(padded) - 3 + k, None] for k in range(4))
    pieces = 0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + (3 * b - a - 3 * c + d) * t**3)
    return np.concatenate([pieces.reshape(-1, 2), points[-1:]])
