"""From pieces of writing to lines of atoms in reading order, and later from gaps to words.

Lines are found by following the writing from left to right: a piece joins the line whose last few pieces it overlaps in
height, else it begins one. Then every line is described by a smooth curve (straight, or a parabola where it is long),
and pieces are given to the nearest curve once more. So lines may slant, curve and lie at uneven distances; the only
measure is the height of the characters. Columns are parted first, where a wide gap runs through three lines or more.

An atom is a set of pieces that stand above each other: the dot and the stem of an i, the two bars of =.
"""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from glassnet.reader.find import Piece

__all__ = ["Atom", "group_lines", "word_breaks"]

_BIG = 0.5  # of the usual height: pieces from which lines are found
_DOT = 0.75  # of the usual height: no dot is larger
_FILLED = 0.6  # of its box: so much of a dot is ink
_GUTTER = 2.5  # usual heights between columns
_COLUMN_LINES = 3  # lines that a column has at least

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Atom:
    """Pieces above each other, or one of `parts` parts of a wide piece: its columns `cut`, [left, right)."""

    pieces: tuple[Piece, ...]
    cut: tuple[int, int] | None = None
    parts: int = 1

    @cached_property
    def left(self) -> int:
        return self.cut[0] if self.cut else min(p.left for p in self.pieces)

    @cached_property
    def right(self) -> int:
        return self.cut[1] if self.cut else max(p.right for p in self.pieces)

    @cached_property
    def top(self) -> int:
        return min(p.top for p in self.pieces)

    @cached_property
    def bottom(self) -> int:
        return max(p.bottom for p in self.pieces)


def group_lines(pieces: list[Piece], height: float) -> list[list[Atom]]:
    """Lines from top to bottom, column after column; each line's atoms from left to right."""
    lines: list[list[Atom]] = []
    for column in _columns(pieces, height):
        lines += [_atoms(line, height) for line in _lines(column, height)]
    return [line for line in lines if line]


# ---- columns ---------------------------------------------------------------------------------------------------------


def _columns(pieces: list[Piece], height: float) -> list[list[Piece]]:
    """The pieces of each column, from left to right."""
    big = [p for p in pieces if p.height > _BIG * height]
    if len(big) < 2 * _COLUMN_LINES:
        return [pieces]
    edge, gutters = 0.0, []
    for p in sorted(big, key=lambda p: p.left):
        if edge and p.left - edge > _GUTTER * height:
            gutters.append((edge + p.left) / 2)
        edge = max(edge, p.right)
    for x in gutters:
        left, right = [p for p in big if p.x < x], [p for p in big if p.x >= x]
        enough = min(_rows(left, height), _rows(right, height)) >= _COLUMN_LINES
        span = max(p.right for p in big) - min(p.left for p in big)
        narrowest = min(max(p.right for p in side) - min(p.left for p in side) for side in (left, right))
        if enough and narrowest > 0.2 * span:
            sides = ([p for p in pieces if p.x < x], [p for p in pieces if p.x >= x])
            return [column for side in sides for column in _columns(side, height)]
    return [pieces]


def _rows(pieces: list[Piece], height: float) -> int:
    """About how many lines these pieces stand in."""
    rows, edge = 0, -np.inf
    for y in sorted(p.y for p in pieces):
        if y - edge > 0.8 * height:
            rows += 1
            edge = y
    return rows


# ---- lines -----------------------------------------------------------------------------------------------------------


def _lines(pieces: list[Piece], height: float) -> list[list[Piece]]:
    big: list[Piece] = []
    small: list[Piece] = []
    for p in sorted(pieces, key=lambda p: p.left):
        (small if p.height <= _BIG * height or _is_dot(p, pieces, height) else big).append(p)
    if not big:
        big, small = small, []
    lines: list[list[Piece]] = []
    ends: list[tuple[float, float]] = []  # how high the last pieces of every line stand
    for p in big:
        best = max(range(len(lines)), key=lambda k: _overlap(p, *ends[k]), default=None)
        if best is not None and _overlap(p, *ends[best]) > 0.35:
            lines[best].append(p)
            ends[best] = _extent(lines[best][-5:])
        else:
            lines.append([p])
            ends.append(_extent([p]))
    for _ in range(2):
        lines = _nearest(big, _merged(lines, height), height)
    for p in small:
        _place_small(p, lines, height)
    lines = [sorted(line, key=lambda p: p.left) for line in lines]
    return sorted(lines, key=lambda line: float(np.median([p.y for p in line])))


def _is_dot(p: Piece, pieces: list[Piece], height: float) -> bool:
    """Whether a piece is the dot of an i, however large: filled, and close above something that is taller."""
    if max(p.width, p.height) > _DOT * height or p.area < _FILLED * p.width * p.height:
        return False
    return any(
        q.height > p.height
        and min(p.right, q.right) - max(p.left, q.left) > 0.5 * p.width
        and -0.1 * height < q.top - p.bottom < 0.3 * height
        for q in pieces
    )


def _extent(pieces: list[Piece]) -> tuple[float, float]:
    """The usual top and bottom of pieces."""
    return statistics.median(p.top for p in pieces), statistics.median(p.bottom for p in pieces)


def _overlap(p: Piece, top: float, bottom: float) -> float:
    """How much of the lower of the two, p and the end of a line, lies beside the other; 0 where none."""
    shared = min(p.bottom, bottom) - max(p.top, top)
    return shared / max(1.0, min(p.height, bottom - top))


def _curve(line: list[Piece]) -> Floats:
    """Coefficients of the curve through the middle of a line, of degree 0, 1 or 2 by its length."""
    x, y = np.array([p.x for p in line]), np.array([p.y for p in line])
    span = float(np.ptp(x))
    height = float(np.median([p.height for p in line]))
    degree = 0 if len(line) < 3 or span < 3 * height else 1 if len(line) < 8 else 2
    weight = np.ones(len(line))
    fit = np.polyfit(x, y, degree)
    for _ in range(2):  # less weight for what is far off: descenders, stray pieces
        weight = 1 / (1 + (np.abs(y - np.polyval(fit, x)) / (0.2 * height + 1e-9)) ** 2)
        fit = np.polyfit(x, y, degree, w=weight)
    return np.asarray(fit, float)


def _merged(lines: list[list[Piece]], height: float) -> list[list[Piece]]:
    """Lines that continue each other made one."""
    lines = sorted(lines, key=len, reverse=True)
    result: list[list[Piece]] = []
    courses: list[_Course] = []
    for line in lines:
        for number, (other, course) in enumerate(zip(result, courses, strict=True)):
            if statistics.median(course.distance(p) for p in line) < 0.45 * height and not _collide(line, other):
                other += line
                other.sort(key=lambda p: p.left)
                courses[number] = _Course(other)
                break
        else:
            result.append(list(line))
            courses.append(_Course(line))
    return result


class _Course:
    """The curve of a line, kept level far outside of it."""

    def __init__(self, line: list[Piece]) -> None:
        self.terms = [float(v) for v in _curve(line)]
        left, right = min(p.left for p in line), max(p.right for p in line)
        self.low, self.high = left - 0.25 * (right - left), right + 0.25 * (right - left)

    def distance(self, p: Piece) -> float:
        """How far the middle of a piece lies from the curve."""
        x, y = min(max(p.x, self.low), self.high), 0.0
        for term in self.terms:
            y = y * x + term
        return abs(y - p.y)


def _collide(a: list[Piece], b: list[Piece]) -> bool:
    """Whether a good part of the shorter line stands above or below pieces of the other."""
    short, long = sorted((a, b), key=len)
    hits = sum(
        any(min(p.right, q.right) - max(p.left, q.left) > 0.5 * min(p.width, q.width) for q in long) for p in short
    )
    return hits > 0.4 * len(short)


def _nearest(pieces: list[Piece], lines: list[list[Piece]], height: float) -> list[list[Piece]]:
    """Every piece in the line whose curve is nearest."""
    fits = [_Course(line) for line in lines]
    result: list[list[Piece]] = [[] for _ in lines]
    for p in sorted(pieces, key=lambda p: p.left):
        result[min(range(len(fits)), key=lambda k: fits[k].distance(p))].append(p)
    return [line for line in result if line]


def _place_small(p: Piece, lines: list[list[Piece]], height: float) -> None:
    """Give a dot, a comma or a bar to its line, or to none."""
    best, least = None, np.inf
    for line in lines:
        near = sorted(line, key=lambda q: max(q.left - p.right, p.left - q.right, 0))[:3]
        gap = max(near[0].left - p.right, p.left - near[0].right, 0)
        top, bottom = _extent(near)
        above, below = top - p.bottom, p.top - bottom
        if gap < 2.5 * height and above < 0.45 * height and below < 0.3 * height:
            away = max(above, below, 0.0) + 0.3 * gap
            if away < least:
                best, least = line, away
    if best is not None:
        best.append(p)


def _atoms(line: list[Piece], height: float) -> list[Atom]:
    """Pieces that stand above each other joined."""
    usual = float(np.median([float(p.height) for p in line if p.height > _BIG * height] or [height]))
    groups: list[list[Piece]] = []
    for p in sorted(line, key=lambda p: p.left):
        for group in reversed(groups[-3:]):
            if any(_stacked(p, q, usual) for q in group):
                group.append(p)
                break
        else:
            groups.append([p])
    return sorted((Atom(tuple(group)) for group in groups), key=lambda a: a.left)


def _stacked(p: Piece, q: Piece, usual: float) -> bool:
    """Whether two pieces stand above each other rather than beside."""
    shared = min(p.right, q.right) - max(p.left, q.left)
    beside = min(p.bottom, q.bottom) - max(p.top, q.top)
    narrow = min(p.width, q.width)
    if min(p.height, q.height) > 0.6 * usual and beside > 0.5 * usual:
        return shared > 0.75 * narrow  # two whole characters that reach over each other
    return shared > 0.4 * narrow or (
        shared > -0.1 * usual and narrow < 0.25 * usual and beside < 0 and shared > -0.5 * narrow
    )


# ---- words -----------------------------------------------------------------------------------------------------------


def word_breaks(gaps: list[Floats], heights: list[float]) -> list[npt.NDArray[np.bool_]]:
    """For every line, which of its gaps (pixels between neighbours) part words.

    heights: of the characters of each line. Letters may be set wide, so it is the gaps themselves that say what is
    wide: those of a line fall into two groups or into one, and where a line has too few gaps to tell, the page's
    decide.
    """
    relative = [g / h for g, h in zip(gaps, heights, strict=True)]
    everything = np.concatenate(relative) if relative else np.zeros(0)
    page = _threshold(everything)
    result = []
    for line in relative:
        own = _threshold(line) if len(line) >= 5 else None
        if own is None:
            own = page
        elif page is not None and not 0.6 < own / page < 1.8:
            own = page if len(line) < 10 else own
        result.append(line > (own if own is not None else max(0.6, 2.5 * float(np.median(line)) if len(line) else 0.6)))
    return result


def _threshold(gaps: Floats) -> float | None:
    """Between the letters' gaps and the words', in heights; None where the gaps are of one kind."""
    if len(gaps) < 3:
        return None
    order = np.sort(np.clip(gaps, 0.0, 3.0))
    best, found = 0.0, None
    for k in range(1, len(order)):
        low, high = order[:k], order[k:]
        if high[0] < 0.3 or high.mean() < 1.7 * low.mean() + 0.15:
            continue
        between = k * (len(order) - k) * (high.mean() - low.mean()) ** 2
        within = len(order) * (((low - low.mean()) ** 2).sum() + ((high - high.mean()) ** 2).sum()) + 1e-9
        score = between / within * (1 + (high[0] - low[-1]))
        if score > best:
            best, found = score, (low[-1] + high[0]) / 2
    return float(found) if found is not None and best > 1.5 else None
