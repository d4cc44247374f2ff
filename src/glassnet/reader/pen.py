"""A pen in somebody's hand: strokes, distorted as a writer distorts them, become ink on a grid of pixels.

A `Hand` is one writer: slant, proportions, how steady, how heavy, and which form of each letter. `write` gives the
strokes of one character in that hand; `ink` draws strokes. Lengths are in heights of a capital until they are drawn.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from glassnet.nn.kernels.strokes import draw_stroke
from glassnet.reader.alphabet import ALPHABET
from glassnet.reader.glyphs import X_HEIGHT, Stroke, strokes_of, variants

__all__ = ["Hand", "bounds", "distorted", "draw_hand", "ink", "write"]

_POINTS = 32  # that a flowing stroke is drawn through
_GRID = 3  # knots a side of the field that bends a character


@dataclass(frozen=True)
class Hand:
    """One writer.

    Attributes
    ----------
    slant : float
        Sideways shift per unit of height; 0.2 leans to the right.
    width : float
        Of a character, 1 as in the table.
    x_height : float
        Of small letters, in heights of a capital.
    bend : float
        Standard deviation of how far parts of a character are out of place.
    tremble : float
        The same for single strokes as a whole.
    turn : float
        Standard deviation of a character's rotation, radians.
    uneven : float
        Standard deviation of sizes, relative.
    overshoot : float
        How much longer or shorter a stroke may come out, relative.
    rounding : float
        How far corners are cut, as a share of a stroke's length.
    wobble : float
        Standard deviation of slow deviations along a stroke.
    joining : float
        Probability that the pen stays down between two strokes.
    thickness : float
        Of the pen's line, in heights of a capital.
    pressure : float
        How much the line's thickness varies, relative.
    forms : dict of str to int
        The form of each character that this writer usually takes.
    """

    slant: float
    width: float
    x_height: float
    bend: float
    tremble: float
    turn: float
    uneven: float
    overshoot: float
    rounding: float
    wobble: float
    joining: float
    thickness: float
    pressure: float
    forms: dict[str, int]


def draw_hand(rng: np.random.Generator, *, usual: float = 0.35) -> Hand:
    """A writer; `usual` is the probability that a letter is written in its most usual form."""
    forms = {c: 0 if rng.random() < usual else int(rng.integers(variants(c))) for c in ALPHABET}
    return Hand(
        slant=float(np.clip(rng.normal(0.08, 0.14), -0.3, 0.5)),
        width=float(np.exp(rng.normal(0.1, 0.2))),
        x_height=float(np.clip(rng.normal(0.6, 0.06), 0.45, 0.75)),
        bend=float(rng.uniform(0.02, 0.11)),
        tremble=float(rng.uniform(0.01, 0.06)),
        turn=float(rng.uniform(0.02, 0.15)),
        uneven=float(rng.uniform(0.02, 0.16)),
        overshoot=float(rng.uniform(0.0, 0.22)),
        rounding=float(rng.uniform(0.0, 0.07)) * (rng.random() < 0.6),
        wobble=float(rng.uniform(0.0, 0.03)),
        joining=float(rng.uniform(0.0, 0.5)) * (rng.random() < 0.4),
        thickness=float(np.exp(rng.uniform(np.log(0.035), np.log(0.2)))),
        pressure=float(rng.uniform(0.0, 0.3)),
        forms=forms,
    )


def write(character: str, hand: Hand, rng: np.random.Generator) -> list[Stroke]:
    """The strokes (points, 2) of a character as this hand writes it once, beginning near x = 0."""
    form = hand.forms[character] if rng.random() < 0.85 else int(rng.integers(variants(character)))
    return distorted(strokes_of(character, form), hand, rng, small=character.islower() and character.isalpha())


def distorted(strokes: Sequence[Stroke], hand: Hand, rng: np.random.Generator, *, small: bool) -> list[Stroke]:
    """Strokes of one character, given as in the table, as this hand writes them once; `small` letters get the hand's
    x-height."""
    everything = np.concatenate(strokes)
    low, size = everything.min(axis=0), np.maximum(np.ptp(everything, axis=0), 0.15)
    field = rng.normal(0, hand.bend, (_GRID, _GRID, 2)) * np.minimum(size, 1.0)
    angle, scale = rng.normal(0, hand.turn), np.exp(rng.normal(0, hand.uneven, 2))
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    middle = low + size / 2
    written = []
    for stroke in strokes:
        stroke = _flowing(_stretched(stroke, hand.overshoot, rng), hand, rng)
        stroke = stroke + _bent((stroke - low) / size, field) + rng.normal(0, hand.tremble, 2) * np.minimum(size, 1.0)
        if small:
            y = stroke[:, 1]
            above = 1 + (y - 1) * (1 - hand.x_height) / (1 - X_HEIGHT)
            stroke = np.stack([stroke[:, 0], np.where(y <= X_HEIGHT, y * hand.x_height / X_HEIGHT, above)], axis=1)
        stroke = (stroke - middle) * scale @ turn.T + middle
        stroke = np.stack([stroke[:, 0] * hand.width + hand.slant * stroke[:, 1], stroke[:, 1]], axis=1)
        written.append(stroke)
    return _joined(written, hand.joining, rng)


def _flowing(stroke: Stroke, hand: Hand, rng: np.random.Generator) -> Stroke:
    """The stroke with its corners rounded and its path a little unsteady."""
    along = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(stroke, axis=0).T))])
    if along[-1] < 0.1 or (hand.rounding == 0 and hand.wobble == 0):
        return stroke
    at = np.linspace(0, along[-1], _POINTS)
    dense = np.stack([np.interp(at, along, stroke[:, axis]) for axis in (0, 1)], axis=1)
    if hand.rounding > 0:
        smooth = ndimage.gaussian_filter1d(dense, hand.rounding * _POINTS, axis=0, mode="nearest")
        ends = np.minimum(np.arange(_POINTS), np.arange(_POINTS)[::-1])[:, None] / (0.2 * _POINTS)
        dense = dense + (smooth - dense) * np.minimum(1.0, ends)  # both ends stay
    slow = ndimage.gaussian_filter1d(rng.normal(0, 1, (_POINTS, 2)), 0.15 * _POINTS, axis=0)
    result: Stroke = dense + slow * (hand.wobble / max(float(slow.std()), 1e-6)) * min(1.0, along[-1])
    return result


def _joined(strokes: list[Stroke], joining: float, rng: np.random.Generator) -> list[Stroke]:
    """The strokes, some of them joined to the next by the pen on its way there."""
    result = strokes[:1]
    for stroke in strokes[1:]:
        way = np.hypot(*(stroke[0] - result[-1][-1]))
        if 0.05 < way < 0.9 and rng.random() < joining:
            result[-1] = np.concatenate([result[-1], stroke])
        else:
            result.append(stroke)
    return result


def _stretched(stroke: Stroke, overshoot: float, rng: np.random.Generator) -> Stroke:
    """The stroke with its two ends pulled out or pushed in along their directions."""
    if overshoot == 0 or len(stroke) < 2:
        return stroke
    stroke = stroke.copy()
    first, last = rng.normal(0, overshoot, 2) * min(0.5, float(np.abs(np.diff(stroke, axis=0)).sum()))
    for end, inner, pull in ((0, 1, first), (-1, -2, last)):
        direction = stroke[end] - stroke[inner]
        length = float(np.hypot(*direction))
        if length > 1e-9:
            stroke[end] += direction / length * max(pull, -0.7 * length)
    return stroke


def _bent(place: Stroke, field: npt.NDArray[np.float64]) -> Stroke:
    """The bilinear field's value at places in [0, 1] x [0, 1]."""
    at = np.clip(place, 0, 1) * (_GRID - 1)
    i = np.minimum(at.astype(int), _GRID - 2)
    f = at - i
    x, y, u, v = i[:, 0], i[:, 1], f[:, :1], f[:, 1:]
    result: Stroke = (
        field[x, y] * (1 - u) * (1 - v)
        + field[x + 1, y] * u * (1 - v)
        + field[x, y + 1] * (1 - u) * v
        + field[x + 1, y + 1] * u * v
    )
    return result


def bounds(strokes: Sequence[Stroke]) -> tuple[float, float, float, float]:
    """(left, bottom, right, top) of strokes, without their thickness."""
    points = np.concatenate(strokes)
    (left, bottom), (right, top) = points.min(axis=0), points.max(axis=0)
    return float(left), float(bottom), float(right), float(top)


def ink(
    canvas: npt.NDArray[np.float32], strokes: Sequence[Stroke], radius: float, pressure: float, rng: np.random.Generator
) -> None:
    """Draw strokes, given in pixels as (x, y) with y downwards, on a canvas (H, W) of ink in [0, 1], in place.

    radius: of the pen in pixels; pressure: how much it varies along a stroke, relative.
    """
    for stroke in strokes:
        steps = np.linspace(0, rng.uniform(0.5, 3.0), len(stroke)) * np.pi + rng.uniform(0, 2 * np.pi)
        radii = radius * (1 + pressure * np.sin(steps))
        draw_stroke(canvas, np.ascontiguousarray(stroke, np.float64), radii)
