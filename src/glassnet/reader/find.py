"""From ink to pieces of writing: connected strokes, without rules, page edges, specks and scribbles.

A piece is one connected stretch of ink with its box. Lengths are judged against the height of the page's own characters
and the width of its own strokes, never in pixels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from numba import njit
from scipy import ndimage

from glassnet.nn.kernels.options import SERIAL
from glassnet.reader.clean import stroke_width

__all__ = ["Piece", "Pieces", "character_height", "find_pieces", "taller", "without_remains", "without_rules"]

_INK = 0.42  # what counts as ink, of the usual darkness
_SURE = 0.62  # what every piece must reach somewhere; a dot is paler than a line where the picture is soft
_SPECK = 0.18  # smaller than this is no dot, in squares of a stroke's width
_EDGE = 1.6  # usual heights: larger than that at the picture's edge is a dark edge
_CAPITAL = 2.4  # usual heights: so tall or wide are capitals among small letters
_DOT = 0.3  # usual heights between an i and its dot
_NEAR = 3.0  # usual heights between neighbours in a line
_TALLEST = 60  # strokes: no character is taller, with the finest pen
_EIGHT = np.ones((3, 3), bool)

Floats = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Piece:
    """A connected stretch of ink: its box [left, right) x [top, bottom) in pixels, its area, and its number."""

    left: int
    top: int
    right: int
    bottom: int
    area: int
    label: int

    @property
    def width(self) -> int:
        return self.right - self.left

    @property
    def height(self) -> int:
        return self.bottom - self.top

    @property
    def x(self) -> float:
        return (self.left + self.right) / 2

    @property
    def y(self) -> float:
        return (self.top + self.bottom) / 2


@dataclass(frozen=True)
class Pieces:
    """The pieces of a page, the picture (h, w) of their numbers, and the usual height and stroke width in pixels."""

    pieces: list[Piece]
    labels: npt.NDArray[np.int32]
    height: float
    stroke: float


def find_pieces(ink: Floats) -> Pieces:
    """The pieces that can be (parts of) characters; ink whose lines are level."""
    mask = ink > _INK
    for passes in range(2):  # rules stand in the way of the characters' height, which says what is a rule
        found, labels = _components(mask, ink)
        if not found:
            return Pieces([], labels, 0.0, 0.0)
        stroke = stroke_width(mask)
        height = character_height(found, stroke)
        cleaned = without_rules(mask, height if passes else 0.0, stroke)
        if cleaned is mask and passes:
            break
        mask = cleaned
    else:
        found, labels = _components(mask, ink)
        stroke = stroke_width(mask)
        height = character_height(found, stroke) if found else 0.0
    if height > _TALLEST * stroke:  # lines and edges, not characters
        return Pieces([], labels, height, stroke)
    kept = [p for p in found if _is_writing(p, height, stroke)]
    h, w = mask.shape
    edges = [(p.left <= 1, p.top <= 1, p.right >= w - 1, p.bottom >= h - 1) for p in kept]
    return Pieces(without_remains(kept, edges, height), labels, height, stroke)


def _components(mask: Mask, ink: Floats) -> tuple[list[Piece], npt.NDArray[np.int32]]:
    labels, count = ndimage.label(mask, structure=_EIGHT)
    if count == 0:
        return [], labels
    areas = np.bincount(labels.reshape(-1), minlength=count + 1)
    sure = np.zeros(count + 1, bool)
    sure[np.unique(labels[ink > _SURE])] = True
    pieces = []
    for number, box in enumerate(ndimage.find_objects(labels), start=1):
        if areas[number] >= 4 and sure[number]:
            rows, columns = box
            pieces.append(Piece(columns.start, rows.start, columns.stop, rows.stop, int(areas[number]), number))
    return pieces, labels


def character_height(pieces: list[Piece], stroke: float) -> float:
    """The usual height of a character: the median of what is taller than a dot or a dash, weighted by height."""
    heights = np.array([max(p.height, 0.7 * p.width) for p in pieces if p.height > 2.5 * stroke], float)
    if heights.size == 0:
        return float(max(p.height for p in pieces))
    order = np.sort(heights)
    limit = np.percentile(order, 90) * 2.0
    order = order[order <= limit]
    weight = np.cumsum(np.sqrt(order))
    return float(order[int(np.searchsorted(weight, weight[-1] / 2))])


def _is_writing(p: Piece, height: float, stroke: float) -> bool:
    longest, shortest = max(p.width, p.height), min(p.width, p.height)
    if p.area < _SPECK * stroke * stroke or longest < 0.06 * height:
        return False  # a speck
    if p.height > 4.0 * height or p.width > 9.0 * height:
        return False  # a scribble, a drawing, the edge of the page
    return not (shortest > 2.5 * stroke + 2 and p.area > 0.85 * p.width * p.height and longest > 0.5 * height)


def without_remains(pieces: list[Piece], edges: Sequence[Sequence[bool]], height: float) -> list[Piece]:
    """The pieces without dark edges of the picture and what its edges have left of characters.

    edges: for every piece whether it reaches the left, top, right and bottom edge. What stands there beside whole
    characters, in their rows, is none: a line that was cut out closely touches the edges all along.
    """
    whole = [
        p
        for p, edge in zip(pieces, edges, strict=True)
        if p.height > (0.8 if any(edge) else 0.5) * height and max(p.height, p.width) < _CAPITAL * height
    ]
    kept = []
    for p, (left, top, right, bottom) in zip(pieces, edges, strict=True):
        touches, longest = left + top + right + bottom, max(p.width, p.height)
        alone = touches == 1 and longest < _EDGE * height and p.height >= 0.8 * height
        narrow = not (left or right) or longest < _CAPITAL * height
        if not touches or alone or (narrow and _beside(p, whole, height)):
            kept.append(p)
    return kept


def _beside(p: Piece, whole: list[Piece], height: float) -> bool:
    """Whether a piece lies in the rows of whole characters to its left or right, or just above as the dot of an i: by
    half of the lower of the two."""
    near = [
        q
        for q in whole
        if q is not p
        and max(q.left - p.right, p.left - q.right) < _NEAR * height
        and min(q.bottom, p.bottom) > max(q.top, p.top)
    ]
    if not near:
        return False
    top, bottom = min(q.top for q in near) - _DOT * height, max(q.bottom for q in near)
    return min(p.bottom, bottom) - max(p.top, top) >= 0.5 * min(p.height, bottom - top)


# ---- ruled and squared paper -----------------------------------------------------------------------------------------


def without_rules(mask: Mask, height: float, stroke: float) -> Mask:
    """The mask without long thin straight lines; the strokes that cross them stay.

    height: of a character, or 0 where that is not known yet: then only what runs over a third of the page is a rule.
    How long a rule is at least is measured by the page's longer side, whichever way it runs: the page may be a strip
    that was cut out around one line, in which every upright stroke runs from edge to edge.
    """
    longer = max(mask.shape)
    least = int(max(5 * height, 0.12 * longer) if height else 0.35 * longer)
    found, nearby = [], []
    for turned in (False, True):
        view = np.ascontiguousarray(mask.T) if turned else mask
        rules, near = _rules(view, least, stroke)
        found.append(rules.T if turned else rules)
        nearby.append(near.T if turned else near)
    gone = found[0] | found[1] | (nearby[0] & nearby[1])  # where rules cross, neither is thin
    return mask & ~gone if gone.any() else mask


def _rules(mask: Mask, least: int, stroke: float) -> tuple[Mask, Mask]:
    """Pixels of horizontal rules: in long runs (small gaps filled), where the ink is no taller than a rule; and the
    band in which each rule lies."""
    thick = max(3, round(1.6 * stroke))
    runs = np.empty_like(mask)
    if not _long_runs(taller(mask, 1), least, int(2 + stroke), runs):
        return runs, runs
    near = taller(runs, max(1, thick // 2))
    tall = np.empty(mask.shape[::-1], bool)
    _long_runs(np.ascontiguousarray(mask.T), thick + 2, 0, tall)  # part of something taller than a rule
    return near & mask & ~tall.T, near


def taller(mask: Mask, by: int) -> Mask:
    """The mask, every pixel with `by` more above and below it."""
    result = mask.copy()
    for _ in range(by):
        grown = result.copy()
        grown[1:] |= result[:-1]
        grown[:-1] |= result[1:]
        result = grown
    return result


@njit(**SERIAL)
def _long_runs(mask, least, gap, out):  # type: ignore[no-untyped-def]
    """Write to `out` the pixels in horizontal runs of at least `least`, over gaps of up to `gap`; whether there are."""
    found = False
    for y in range(mask.shape[0]):
        row, target = mask[y], out[y]
        target[:] = False
        start, stop = -1, -gap - 1  # of the run so far
        for x in range(mask.shape[1]):
            if row[x]:
                if x - stop > gap:
                    start = x
                stop = x + 1
                if stop - start == least:
                    target[start:stop] = True
                    found = True
                elif stop - start > least:
                    if not target[stop - 2]:
                        target[start:stop] = True
                    target[x] = True
                    found = True
    return found
