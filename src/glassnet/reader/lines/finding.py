"""Lines of joined writing: components as wide as words, tails that touch the line below, dots and bars beside them.

`group_rows` follows letters. So wide components are looked at in pieces as wide as a letter is tall, and these are
grouped into rows; a component then belongs to the row in which most of its ink lies. One that holds writing of two
rows, where a tail touches a tall letter below, is cut between them, where it has least ink. What is too small or too
tall for the rows that were found makes rows of its own, so that headings and small notes are not lost. Frames around
writing and long thin lines are none. A row with a very wide gap is two lines: fields of a form, labels of a drawing.
"""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from glassnet.reader.components import Component, Components, is_line
from glassnet.reader.group import Midline, Segment, group_rows
from glassnet.reader.settings import DEFAULTS, FindingSettings, GroupSettings

__all__ = ["find_lines"]

Labels = npt.NDArray[np.int32]
Row = list[Component]  # of components, or of pieces of them


def find_lines(
    components: Components,
    ink: npt.NDArray[np.float32],
    settings: FindingSettings = DEFAULTS.lines.finding,
    group: GroupSettings = DEFAULTS.lines.group,
) -> tuple[list[list[Segment]], Components]:
    """Lines in reading order, each a list of components from left to right; and all components, some of them cut.

    Parameters
    ----------
    components : Components
        Of a page whose lines are level.
    ink : (h, w) array
        Of the page, in [0, 1].
    settings : FindingSettings
        The thresholds.
    group : GroupSettings
        Those of grouping pieces as if they were letters.
    """
    longest = settings.rule * components.height / max(components.stroke, 1.0)
    items = [p for p in components.items if not is_line(p, components.stroke, longest)]
    if not items:
        return [], replace(components, items=[])
    items = _without_frames(items, components.labels, _letter_height(items, components.labels, settings), settings)
    height = _letter_height(items, components.labels, settings)
    pieces = [piece for p in items for piece in _pieces(p, components.labels, settings.piece * height)]
    rows = _rows(pieces, _pale(items, components, ink, settings), height, settings, group)
    whole, labels = _parted(items, rows, components.labels, height, settings)
    lines = [
        [Segment((p,)) for p in line] for row in whole for line in _fields(row, components.stroke, height, settings)
    ]
    return lines, replace(components, items=[p for row in whole for p in row], labels=labels, height=height)


# ---- what is no writing ----------------------------------------------------------------------------------------------


def _without_frames(items: Row, labels: Labels, height: float, s: FindingSettings) -> Row:
    """The components without those that have others, as tall as letters, inside: boxes and circles around writing."""
    letters = [p for p in items if p.height > s.framed * height]
    kept = []
    for p in items:
        inner = [q for q in letters if p.left < q.left and q.right < p.right and p.top < q.top and q.bottom < p.bottom]
        if not inner or not _encloses(p, inner, labels):
            kept.append(p)
    return kept


def _encloses(p: Component, inner: Row, labels: Labels) -> bool:
    """Whether a component has ink of its own on all four sides of one of these."""
    own = labels[p.top : p.bottom, p.left : p.right] == p.label
    for q in inner:
        row, column = own[int(q.y) - p.top], own[:, int(q.x) - p.left]
        left, right, top, bottom = q.left - p.left, q.right - p.left, q.top - p.top, q.bottom - p.top
        if row[:left].any() and row[right:].any() and column[:top].any() and column[bottom:].any():
            return True
    return False


def _pale(items: Row, components: Components, ink: npt.NDArray[np.float32], s: FindingSettings) -> set[int]:
    """The numbers of components that are paler than the page's writing usually is: what shows through from behind.

    Of dots, which are mostly soft edge, the darkest pixel counts.
    """
    darkness = []
    for p in items:
        box = slice(p.top, p.bottom), slice(p.left, p.right)
        own = ink[box][components.labels[box] == p.label]
        darkness.append(float(own.mean() if p.area > 4 * components.stroke**2 else own.max()))
    usual = _median(np.array(darkness), np.array([p.area for p in items], float))
    return {p.label for p, dark in zip(items, darkness, strict=True) if dark < s.pale * usual}


# ---- pieces ----------------------------------------------------------------------------------------------------------


def _letter_height(items: Row, labels: Labels, s: FindingSettings) -> float:
    """The usual height of letters, be they joined or not: that of pieces about as wide as tall."""
    pieces, usual = items, 0.0
    for _ in range(3):
        heights, weights = np.array([[p.height, max(p.width, 1)] for p in pieces], float).T
        whole = heights > 0.4 * usual  # dots and dashes have no say
        usual = _median(heights[whole], weights[whole])
        pieces = [piece for p in items for piece in _pieces(p, labels, s.piece * usual)]
    return max(1.0, usual)


def _median(values: npt.NDArray[np.float64], weights: npt.NDArray[np.float64]) -> float:
    """The weighted median."""
    order = np.argsort(values, kind="stable")
    total = np.cumsum(weights[order])
    return float(values[order[int(np.searchsorted(total, total[-1] / 2))]])


def _pieces(p: Component, labels: Labels, wide: float) -> Row:
    """A component in pieces about `wide` pixels wide, each with the box of its ink; itself where it is no wider."""
    count = round(p.width / max(wide, 1.0))
    if count < 2:
        return [p]
    own = labels[p.top : p.bottom, p.left : p.right] == p.label
    pieces = []
    for left, right in itertools.pairwise(np.linspace(0, p.width, count + 1).astype(int)):
        rows = np.flatnonzero(own[:, left:right].any(axis=1))
        if rows.size:
            box = (p.left + int(left), p.top + int(rows[0]), p.left + int(right), p.top + int(rows[-1]) + 1)
            pieces.append(Component(*box, int(np.count_nonzero(own[:, left:right])), p.label))
    return pieces


# ---- rows ------------------------------------------------------------------------------------------------------------


def _rows(pieces: Row, pale: set[int], height: float, s: FindingSettings, group: GroupSettings) -> list[Row]:
    """The pieces in rows, in reading order: those of letters, then what is too tall, small or pale for these."""
    tall = [p for p in pieces if p.height > s.tall * height]
    usual = [p for p in pieces if p.height <= s.tall * height and p.label not in pale]
    rows = _continued(group_rows(usual, s.group * height, group), height, s) if usual else []
    placed = {id(p) for row in rows for p in row}
    lines = [Midline(row) for row in rows]
    for p in tall:
        near = [k for k, line in enumerate(lines) if _through(line, p, s.reach * height)]
        if near and p.label not in pale:
            rows[min(near, key=lambda k: lines[k].distance(p))].append(p)
            placed.add(id(p))
    rows = _joined(rows, height, s)
    rest = [p for p in pieces if id(p) not in placed]
    for some in (
        [p for p in rest if p.label not in pale and p.height > s.tall * height],
        [p for p in rest if p.label not in pale and p.height <= s.tall * height],
        [p for p in rest if p.label in pale],
    ):
        if some:
            own = _median(*np.array([[p.height, max(p.width, 1)] for p in some], float).T)
            if own > s.smallest * height:
                for row in group_rows(some, own, group):
                    if row[0].label not in pale or sum(p.width for p in row) > s.faint * height:
                        rows.insert(_place(row, rows), row)
    return rows


def _continued(rows: list[Row], height: float, s: FindingSettings) -> list[Row]:
    """Rows that go on where another ends, at its height, made one: on bent paper a line leaves its own course."""
    rows = [list(row) for row in rows]
    while True:
        ways = [
            (gap, k, j)
            for k, row in enumerate(rows)
            for j, other in enumerate(rows)
            if j != k and (gap := _goes_on(row, other, height, s)) < np.inf
        ]
        if not ways:
            return rows
        _, k, j = min(ways)
        rows[k] += rows[j]
        del rows[j]


def _goes_on(row: Row, other: Row, height: float, s: FindingSettings) -> float:
    """The gap between the end of a row and the beginning of another that goes on with it; infinite where none does."""
    last, first = row[-s.ends :], other[: s.ends]
    gap = min(p.left for p in other) - max(p.right for p in row)
    if not -0.5 * height < gap < s.goes_on * height:
        return np.inf
    (top, bottom), (top_on, bottom_on) = (
        np.median([[p.top, p.bottom] for p in some], axis=0) for some in (last, first)
    )
    shared = min(bottom, bottom_on) - max(top, top_on)
    return gap if shared > s.beside * min(bottom - top, bottom_on - top_on) else np.inf


def _joined(rows: list[Row], height: float, s: FindingSettings) -> list[Row]:
    """Pieces that stand alone in their row, close beside the writing of another, in that one: a tail that is a
    component of its own, a large comma, an exponent, what a rule has cut off."""
    result = [list(row) for row in rows]
    width = [sum(p.width for p in row) for row in rows]
    for number in sorted(range(len(rows)), key=lambda k: width[k]):
        for p in rows[number]:
            own = [q for q in result[number] if q.label != p.label and _gap(p, q) < s.alone * height]
            own = [q for q in own if q.height > s.company * height]  # bars and dots may be another row's too
            if sum(q.width for q in own) > s.company * height:
                continue
            others = [k for k in range(len(rows)) if s.larger * width[number] < width[k] and result[k]]
            best = min(others, key=lambda k: _apart(p, result[k], height, s), default=None)
            if best is not None and _apart(p, result[best], height, s) < np.inf:
                result[number].remove(p)
                result[best].append(p)
    return [sorted(row, key=lambda p: p.left) for row in result if row]


def _gap(p: Component, q: Component) -> float:
    """Columns between two components, 0 where they stand above each other."""
    return float(max(q.left - p.right, p.left - q.right, 0))


def _apart(p: Component, row: Row, height: float, s: FindingSettings) -> float:
    """How far a piece is from a row that it may belong to, sideways above all; infinite where it cannot."""
    near = sorted(row, key=lambda q: _gap(p, q))[:4]
    top, bottom = (float(v) for v in np.median([[q.top, q.bottom] for q in near], axis=0))
    above, below = top - p.bottom, p.top - bottom
    if _gap(p, near[0]) > s.close * height:
        return np.inf
    if above > s.above * height or below > s.below * height:
        return np.inf
    return float(_gap(p, near[0]) + max(above, below, 0.0))


def _through(line: Midline, p: Component, reach: float) -> bool:
    """Whether a line's middle, a little prolonged, runs through a component."""
    return p.right > line.left - reach and p.left < line.right + reach and p.top < line.at(p.x) < p.bottom


def _place(row: Row, rows: list[Row]) -> int:
    """Where among rows in reading order one more belongs: beside the nearest, by its height on the page."""
    if not rows:
        return 0
    x, y = np.mean([[p.x, p.y] for p in row], axis=0)

    def away(other: Row) -> tuple[float, float]:
        sideways = max(min(p.left for p in other) - x, x - max(p.right for p in other), 0.0)
        return sideways + abs(float(np.mean([p.y for p in other])) - y), 0.0

    nearest = min(range(len(rows)), key=lambda k: away(rows[k]))
    return nearest + int(y > np.mean([p.y for p in rows[nearest]]))


# ---- components of rows ----------------------------------------------------------------------------------------------


def _parted(items: Row, rows: list[Row], labels: Labels, height: float, s: FindingSettings) -> tuple[list[Row], Labels]:
    """The components of every row from left to right, those of several cut; and the labels, with new ones for parts."""
    lines = [Midline(row) for row in rows]
    votes: dict[int, dict[int, int]] = {}
    for number, row in enumerate(rows):
        for p in row:
            own = votes.setdefault(p.label, {})
            own[number] = own.get(number, 0) + p.area
    result: list[Row] = [[] for _ in rows]
    labels = labels.copy()
    fresh = int(labels.max()) + 1
    for p in items:
        if p.label not in votes:
            continue
        best = max(votes[p.label], key=lambda k: votes[p.label][k])
        several = [k for k, line in enumerate(lines) if k == best or _through(line, p, 0.0)]
        parts = _cut(p, [lines[k] for k in several], labels, height, s) if len(several) > 1 else []
        if len(parts) < 2:
            result[best].append(p)
            continue
        for k, part in parts:
            labels[p.top : p.bottom, p.left : p.right][part] = fresh
            result[several[k]].append(_component(part, p, fresh))
            fresh += 1
    return [sorted(row, key=lambda p: p.left) for row in result if row], labels


def _cut(
    p: Component, lines: list[Midline], labels: Labels, height: float, s: FindingSettings
) -> list[tuple[int, npt.NDArray[np.bool_]]]:
    """A component's ink in each of the lines that it holds writing of, as (line, mask of its box); none for one line.

    It holds writing of a line where a good part of its ink lies about the line's middle: a tail has little there.
    """
    own = labels[p.top : p.bottom, p.left : p.right] == p.label
    across = np.arange(p.left, p.right) + 0.5
    rows = np.arange(p.top, p.bottom)[:, None]
    middles = [np.array([line.at(x) for x in across]) for line in lines]
    core = [int((own & (abs(rows - m) < s.core * height)).sum()) for m in middles]
    held = [k for k in range(len(lines)) if core[k] > max(s.part * max(core), height)]
    held.sort(key=lambda k: float(middles[k].mean()))
    number = np.zeros(own.shape, int)
    for upper, lower in itertools.pairwise(held):
        number += rows >= _valley(own, middles[upper] - p.top, middles[lower] - p.top, height, s) + p.top
    parts = [(k, own & (number == place)) for place, k in enumerate(held)]
    return [(k, part) for k, part in parts if part.any()] if len(held) > 1 else []


def _valley(
    own: npt.NDArray[np.bool_],
    upper: npt.NDArray[np.float64],
    lower: npt.NDArray[np.float64],
    height: float,
    s: FindingSettings,
) -> npt.NDArray[np.float64]:
    """For every column the row between two lines' middles that has least ink nearby; halfway where none has less."""
    tall = len(own)
    ink = ndimage.uniform_filter1d(own.astype(np.float32), max(1, round(height)), axis=1, mode="constant")
    rows = np.arange(tall)[:, None]
    halfway = (upper + lower) / 2
    apart = np.maximum(lower - upper, 1.0)
    away = abs(rows - halfway) / apart
    cost = np.where(away < s.between / 2, ink + 0.1 * away, np.inf)
    best = cost.argmin(axis=0).astype(float)
    return np.where(np.isfinite(cost.min(axis=0)), best, halfway)


def _component(part: npt.NDArray[np.bool_], p: Component, label: int) -> Component:
    rows, columns = np.flatnonzero(part.any(axis=1)), np.flatnonzero(part.any(axis=0))
    box = (p.left + int(columns[0]), p.top + int(rows[0]), p.left + int(columns[-1]) + 1, p.top + int(rows[-1]) + 1)
    return Component(*box, int(part.sum()), label)


def _fields(row: Row, stroke: float, height: float, s: FindingSettings) -> list[Row]:
    """The row cut where nothing stands for a very wide gap, and between writing and bars at its ends: the sides of
    boxes, edges of the paper."""
    fields: list[Row] = []
    edge = -np.inf
    for p in row:
        if not fields or p.left - edge > s.field * height:
            fields.append([])
        fields[-1].append(p)
        edge = max(edge, p.right)
    result: list[Row] = []
    for field in fields:
        first, last = 0, len(field)
        while first < last - 1 and _is_bar(field[first], stroke, height, s):
            first += 1
        while first < last - 1 and _is_bar(field[last - 1], stroke, height, s):
            last -= 1
        result += [part for part in (field[:first], field[first:last], field[last:]) if part]
    return result


def _is_bar(p: Component, stroke: float, height: float, s: FindingSettings) -> bool:
    """Whether a component is an upright line far taller than letters, or a tall block."""
    if p.width < 2 * stroke:
        return p.height > s.bar * height
    return p.width > 2.5 * stroke and p.height > s.block * height and p.area > s.solid * p.width * p.height
