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
_SLOPE = 0.06  # of a rule against the lines of writing: perspective, bent paper
_FAINT = 0.15  # ink of printed rules, which only here and there, where two cross or in the light, count as ink
_ON_RULES = 0.6  # what counts as ink where printed rules run
_REMAINS = 0.85  # mean ink of writing that lies within the rules' bands; what is paler is a rule's own
_FEW_RULES = 3  # shortest rules: fewer are no printed paper
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
        if passes:
            cleaned = without_print(cleaned, ink, height, stroke)
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
    band in which each rule lies. A page seen askew has rules of every small slope."""
    thick = max(3, round(1.6 * stroke))
    runs = _runs(mask, least, stroke)
    if not runs.any():
        return runs, runs
    near = taller(runs, max(1, thick // 2))
    return near & mask & ~_taller_than(mask, thick), near


def _runs(mask: Mask, least: int, stroke: float) -> Mask:
    """Pixels in long runs along lines of any small slope."""
    runs = np.zeros_like(mask)
    grown = taller(mask, 1)
    # So many slopes that every rule runs along one of them, within its own width, for long enough.
    step = (stroke + 2) / least
    for slope in step * np.arange(-int(_SLOPE / step), int(_SLOPE / step) + 1):
        _long_runs(grown, least, int(2 + stroke), slope, runs)
    return runs


def _taller_than(mask: Mask, thick: int) -> Mask:
    """Pixels that are part of something taller than a rule."""
    tall = np.zeros(mask.shape[::-1], bool)
    _long_runs(np.ascontiguousarray(mask.T), thick + 2, 0, 0.0, tall)
    return tall.T


def without_print(mask: Mask, ink: Floats, height: float, stroke: float) -> Mask:
    """The mask without what shows of printed rules paler than the writing: scraps, and dots where two cross.

    Such rules are whole only in far fainter ink. In the bands along which they run, ink has to be darker; what then is
    left within the bands, and no darker than crossings are, belongs to the rules.
    """
    least, thick = int(max(5 * height, 0.12 * max(mask.shape))), max(3, round(1.6 * stroke))
    bands = np.zeros_like(mask)
    for turned in (False, True):
        faint = np.ascontiguousarray((ink.T if turned else ink) > _FAINT)
        runs = _runs(faint & ~_taller_than(faint, thick), least, stroke)
        if runs.sum() >= _FEW_RULES * least:
            near = taller(runs, max(1, thick // 2))
            bands |= near.T if turned else near
    if not bands.any():
        return mask
    left = mask & ~(bands & (ink < _ON_RULES))
    labels, count = ndimage.label(left, structure=_EIGHT)
    numbers = np.arange(count + 1)
    outside = ndimage.sum_labels(~bands, labels, numbers)
    darkness = ndimage.mean(ink, labels, numbers)
    gone: Mask = (outside == 0) & (darkness < _REMAINS)
    gone[0] = False
    result: Mask = left & ~gone[labels]
    return result


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
def _long_runs(mask, least, gap, slope, out):  # type: ignore[no-untyped-def]
    """Set in `out` the pixels of runs of at least `least` columns along lines of this slope (rows down for a column to
    the right), over gaps of up to `gap` that make up no more than a quarter of the run: the strokes of writing stand
    further apart. Each such run passes one of the columns at which runs are looked for."""
    rows, columns = mask.shape
    reach = int(abs(slope) * columns) + 1
    hop = max(1, least // 2)
    for base in range(-reach, rows + reach):
        done = 0
        for look in range(0, columns, hop):
            if look < done:
                continue
            stop, x, dark = -1, look, 0  # to the right
            while x < columns and x - max(stop, look) <= gap:
                y = base + int(np.floor(slope * x + 0.5))
                if 0 <= y < rows and mask[y, x]:
                    stop = x + 1
                    dark += 1
                x += 1
            if stop < 0:
                continue
            done, start, x = stop, look, look - 1  # to the left
            while x >= 0 and start - x <= gap + 1:
                y = base + int(np.floor(slope * x + 0.5))
                if 0 <= y < rows and mask[y, x]:
                    start = x
                    dark += 1
                x -= 1
            if stop - start >= least and 4 * dark >= 3 * (stop - start):
                for x in range(start, stop):
                    y = base + int(np.floor(slope * x + 0.5))
                    if 0 <= y < rows:
                        out[y, x] = True
