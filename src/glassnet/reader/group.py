"""From components to lines of segments in reading order.

Lines are found by following the writing from left to right: a component joins the line whose last few components it
overlaps in height, else it begins one. Then every line is described by a smooth curve (straight, or a parabola where it
is long), and components are given to the nearest curve once more. So lines may slant, curve and lie at uneven
distances; the only measure is the height of the characters. Columns are parted first, where a wide gap runs through
three lines or more.

A segment is a set of components that stand above each other: the dot and the stem of an i, the two bars of =.
"""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from glassnet.reader.components import Component
from glassnet.reader.settings import DEFAULTS, GroupSettings

__all__ = ["Midline", "Segment", "group_lines", "group_rows"]

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Segment:
    """A character, or a part of one: components above each other, or a piece of a wide component.

    Attributes
    ----------
    components : tuple of Component
        Those that stand above each other; of a piece, the component that was cut.
    cut : (int, int) or None
        The columns [left, right) of a piece, or None.
    parts : int
        The number of pieces that the component was cut into.
    """

    components: tuple[Component, ...]
    cut: tuple[int, int] | None = None
    parts: int = 1

    @cached_property
    def left(self) -> int:
        return self.cut[0] if self.cut else min(p.left for p in self.components)

    @cached_property
    def right(self) -> int:
        return self.cut[1] if self.cut else max(p.right for p in self.components)

    @cached_property
    def top(self) -> int:
        return min(p.top for p in self.components)

    @cached_property
    def bottom(self) -> int:
        return max(p.bottom for p in self.components)


def group_lines(
    components: list[Component], height: float, settings: GroupSettings = DEFAULTS.group
) -> list[list[Segment]]:
    """Lines from top to bottom, column after column; each line's segments from left to right.

    Parameters
    ----------
    components : list of Component
        Of a page whose lines are level.
    height : float
        The usual height of a character.
    settings : GroupSettings
        The thresholds.
    """
    return [_segments(row, height, settings) for row in group_rows(components, height, settings)]


def group_rows(
    components: list[Component], height: float, settings: GroupSettings = DEFAULTS.group
) -> list[list[Component]]:
    """The same before those that stand above each other are joined; parameters as of `group_lines`."""
    columns = _columns(components, height, settings)
    return [row for column in columns for row in _lines(column, height, settings) if row]


# ---- columns ---------------------------------------------------------------------------------------------------------


def _columns(components: list[Component], height: float, s: GroupSettings) -> list[list[Component]]:
    """The components of each column, from left to right."""
    big = [p for p in components if p.height > s.big * height]
    if len(big) < 2 * s.column_lines:
        return [components]
    edge, gutters = 0.0, []
    for p in sorted(big, key=lambda p: p.left):
        if edge and p.left - edge > s.gutter * height:
            gutters.append((edge + p.left) / 2)
        edge = max(edge, p.right)
    for x in gutters:
        left, right = [p for p in big if p.x < x], [p for p in big if p.x >= x]
        enough = min(_rows(left, height), _rows(right, height)) >= s.column_lines
        span = max(p.right for p in big) - min(p.left for p in big)
        narrowest = min(max(p.right for p in side) - min(p.left for p in side) for side in (left, right))
        if enough and narrowest > s.column * span:
            sides = ([p for p in components if p.x < x], [p for p in components if p.x >= x])
            return [column for side in sides for column in _columns(side, height, s)]
    return [components]


def _rows(components: list[Component], height: float) -> int:
    """About how many lines these components stand in."""
    rows, edge = 0, -np.inf
    for y in sorted(p.y for p in components):
        if y - edge > 0.8 * height:
            rows += 1
            edge = y
    return rows


# ---- lines -----------------------------------------------------------------------------------------------------------


def _lines(components: list[Component], height: float, s: GroupSettings) -> list[list[Component]]:
    big: list[Component] = []
    small: list[Component] = []
    for p in sorted(components, key=lambda p: p.left):
        (small if p.height <= s.big * height or _is_dot(p, components, height, s) else big).append(p)
    if not big:
        big, small = small, []
    lines: list[list[Component]] = []
    ends: list[tuple[float, float]] = []  # how high the last components of every line stand
    for p in big:
        best = max(range(len(lines)), key=lambda k: _overlap(p, *ends[k]), default=None)
        if best is not None and _overlap(p, *ends[best]) > s.overlap:
            lines[best].append(p)
            ends[best] = _extent(lines[best][-5:])
        else:
            lines.append([p])
            ends.append(_extent([p]))
    for _ in range(2):
        lines = _nearest(big, _merged(lines, height, s))
    for p in small:
        _place_small(p, lines, height, s)
    lines = [sorted(line, key=lambda p: p.left) for line in lines]
    return sorted(lines, key=lambda line: float(np.median([p.y for p in line])))


def _is_dot(p: Component, components: list[Component], height: float, s: GroupSettings) -> bool:
    """Whether a component is the dot of an i, however large: filled, and close above something that is taller."""
    if max(p.width, p.height) > s.dot * height or p.area < s.filled * p.width * p.height:
        return False
    return any(
        q.height > p.height
        and min(p.right, q.right) - max(p.left, q.left) > 0.5 * p.width
        and -0.1 * height < q.top - p.bottom < 0.3 * height
        for q in components
    )


def _extent(components: list[Component]) -> tuple[float, float]:
    """The usual top and bottom of components."""
    return statistics.median(p.top for p in components), statistics.median(p.bottom for p in components)


def _overlap(p: Component, top: float, bottom: float) -> float:
    """How much of the lower of the two, p and the end of a line, lies beside the other; 0 where none."""
    shared = min(p.bottom, bottom) - max(p.top, top)
    return shared / max(1.0, min(p.height, bottom - top))


def _curve(line: list[Component]) -> Floats:
    """Coefficients of the curve through the middle of a line, of degree 0, 1 or 2 by its length."""
    x, y = np.array([p.x for p in line]), np.array([p.y for p in line])
    span = float(np.ptp(x))
    height = float(np.median([p.height for p in line]))
    degree = 0 if len(line) < 3 or span < 3 * height else 1 if len(line) < 8 else 2
    weight = np.ones(len(line))
    fit = np.polyfit(x, y, degree)
    for _ in range(2):  # less weight for what is far off: descenders, stray components
        weight = 1 / (1 + (np.abs(y - np.polyval(fit, x)) / (0.2 * height + 1e-9)) ** 2)
        fit = np.polyfit(x, y, degree, w=weight)
    return np.asarray(fit, float)


def _merged(lines: list[list[Component]], height: float, s: GroupSettings) -> list[list[Component]]:
    """Lines that continue each other made one."""
    lines = sorted(lines, key=len, reverse=True)
    result: list[list[Component]] = []
    midlines: list[Midline] = []
    for line in lines:
        for number, (other, midline) in enumerate(zip(result, midlines, strict=True)):
            if statistics.median(midline.distance(p) for p in line) < s.same * height and not _collide(line, other, s):
                other += line
                other.sort(key=lambda p: p.left)
                midlines[number] = Midline(other)
                break
        else:
            result.append(list(line))
            midlines.append(Midline(line))
    return result


class Midline:
    """The curve through the middle of a line, kept level far outside of it."""

    def __init__(self, line: list[Component]) -> None:
        self.terms = [float(v) for v in _curve(line)]
        self.left, self.right = min(p.left for p in line), max(p.right for p in line)
        beyond = 0.25 * (self.right - self.left)
        self.low, self.high = self.left - beyond, self.right + beyond

    def at(self, x: float) -> float:
        """The row of the curve in a column."""
        x, y = min(max(x, self.low), self.high), 0.0
        for term in self.terms:
            y = y * x + term
        return y

    def distance(self, p: Component) -> float:
        """How far the middle of a component lies from the curve."""
        return abs(self.at(p.x) - p.y)


def _collide(a: list[Component], b: list[Component], s: GroupSettings) -> bool:
    """Whether a good part of the shorter line stands above or below components of the other."""
    short, long = sorted((a, b), key=len)
    hits = sum(
        any(min(p.right, q.right) - max(p.left, q.left) > 0.5 * min(p.width, q.width) for q in long) for p in short
    )
    return hits > s.collide * len(short)


def _nearest(components: list[Component], lines: list[list[Component]]) -> list[list[Component]]:
    """Every component in the line whose curve is nearest."""
    fits = [Midline(line) for line in lines]
    result: list[list[Component]] = [[] for _ in lines]
    for p in sorted(components, key=lambda p: p.left):
        result[min(range(len(fits)), key=lambda k: fits[k].distance(p))].append(p)
    return [line for line in result if line]


def _place_small(p: Component, lines: list[list[Component]], height: float, s: GroupSettings) -> None:
    """Give a dot, a comma or a bar to its line, or to none."""
    best, least = None, np.inf
    for line in lines:
        near = sorted(line, key=lambda q: max(q.left - p.right, p.left - q.right, 0))[:3]
        gap = max(near[0].left - p.right, p.left - near[0].right, 0)
        top, bottom = _extent(near)
        above, below = top - p.bottom, p.top - bottom
        if gap < s.reach * height and above < s.above * height and below < s.below * height:
            away = max(above, below, 0.0) + 0.3 * gap
            if away < least:
                best, least = line, away
    if best is not None:
        best.append(p)


def _segments(line: list[Component], height: float, s: GroupSettings) -> list[Segment]:
    """Components that stand above each other joined."""
    usual = float(np.median([float(p.height) for p in line if p.height > s.big * height] or [height]))
    groups: list[list[Component]] = []
    for p in sorted(line, key=lambda p: p.left):
        for group in reversed(groups[-3:]):
            if any(_stacked(p, q, usual, s) for q in group):
                group.append(p)
                break
        else:
            groups.append([p])
    return sorted((Segment(tuple(group)) for group in groups), key=lambda a: a.left)


def _stacked(p: Component, q: Component, usual: float, s: GroupSettings) -> bool:
    """Whether two components stand above each other rather than beside."""
    shared = min(p.right, q.right) - max(p.left, q.left)
    beside = min(p.bottom, q.bottom) - max(p.top, q.top)
    narrow = min(p.width, q.width)
    if min(p.height, q.height) > 0.6 * usual and beside > 0.5 * usual:
        return shared > s.stacked_whole * narrow  # two whole characters that reach over each other
    return shared > s.stacked * narrow or (
        shared > -0.1 * usual and narrow < 0.25 * usual and beside < 0 and shared > -0.5 * narrow
    )
