"""Lines of joined writing: components as wide as words, tails that touch the line below, dots and bars beside them.

`group_rows` follows letters. So wide components are looked at in pieces as wide as a letter is tall, and these are
grouped into rows; a component then belongs to the row in which most of its ink lies. One that holds writing of two
rows, where a tail touches a tall letter below, is cut between them, where it has least ink. What is too small or too
tall for the rows that were found makes rows of its own, so that headings and small notes are not lost. Frames around
writing and long thin lines are none. A row with a very wide gap is two lines: fields of a form, labels of a drawing.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
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
    settings: FindingSettings = DEFAULTS.lines.finding,
    group: GroupSettings = DEFAULTS.group,
) -> tuple[list[list[Segment]], Components]:
    """Lines in reading order, each a list of components from left to right; and all components, some of them cut.

    Parameters
    ----------
    components : Components
        Of a page whose lines are level.
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
    rows = _rows(pieces, height, settings, group)
    whole, labels = _parted(items, rows, components.labels, height, settings)
    lines = [[Segment((p,)) for p in line] for row in whole for line in _fields(row, settings.field * height)]
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


def _rows(pieces: Row, height: float, s: FindingSettings, group: GroupSettings) -> list[Row]:
    """The pieces in rows, in reading order: those of letters, then what is too tall or too small for these."""
    usual = [p for p in pieces if p.height <= s.tall * height]
    rows = group_rows(usual, s.group * height, group) if usual else []
    placed = {id(p) for row in rows for p in row}
    lines = [Midline(row) for row in rows]
    tall, small = [], [p for p in usual if id(p) not in placed]
    for p in pieces:
        if p.height > s.tall * height:
            near = [k for k, line in enumerate(lines) if _through(line, p, s.reach * height)]
            if near:
                rows[min(near, key=lambda k: lines[k].distance(p))].append(p)
            else:
                tall.append(p)
    for rest in (tall, small):
        if rest:
            own = _median(*np.array([[p.height, max(p.width, 1)] for p in rest], float).T)
            if own > s.smallest * height:
                for row in group_rows(rest, own, group):
                    rows.insert(_place(row, rows), row)
    return _joined(rows, height, s)


def _joined(rows: list[Row], height: float, s: FindingSettings) -> list[Row]:
    """Pieces that stand alone in their row, close beside the writing of another, in that one: a tail that is a
    component of its own, a large comma, an exponent, what a rule has cut off."""
    result = [list(row) for row in rows]
    for number in sorted(range(len(rows)), key=lambda k: sum(p.width for p in rows[k])):
        for p in rows[number]:
            own = [q for q in result[number] if q.label != p.label and _gap(p, q) < s.alone * height]
            if sum(q.width for q in own) > s.company * height:
                continue
            others = [k for k in range(len(rows)) if k != number and result[k]]
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
    if _gap(p, near[0]) > s.close * height or sum(q.width for q in row) < p.width:
        return np.inf
    top, bottom = np.median([[q.top, q.bottom] for q in near], axis=0)
    above, below = top - p.bottom, p.top - bottom
    if above > s.above * height or below > s.below * height:
        return np.inf
    return _gap(p, near[0]) + max(above, below, 0.0)


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


def _fields(row: Sequence[Component], gap: float) -> list[Row]:
    """The row cut where nothing stands for `gap` pixels."""
    fields: list[Row] = []
    edge = -np.inf
    for p in row:
        if not fields or p.left - edge > gap:
            fields.append([])
        fields[-1].append(p)
        edge = max(edge, p.right)
    return fields
