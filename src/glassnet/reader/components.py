"""From ink to its connected components, without rules, page edges, specks and scribbles.

A component is one connected stretch of ink with its box. Lengths are judged against the height of the page's own
characters and the width of its own strokes, never in pixels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from glassnet.reader.binarise import stroke_width
from glassnet.reader.rules import without_print, without_rules
from glassnet.reader.settings import DEFAULTS, SegmentSettings

__all__ = [
    "Component",
    "Components",
    "character_height",
    "find_components",
    "find_marks",
    "is_line",
    "same_marks",
    "strokes_among",
    "without_remains",
]

_EIGHT = np.ones((3, 3), bool)

Floats = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Component:
    """A connected stretch of ink.

    Attributes
    ----------
    left : int
        Of its box [left, right) x [top, bottom), in pixels of the ink.
    top : int
        Of its box.
    right : int
        Of its box.
    bottom : int
        Of its box.
    area : int
        Its pixels.
    label : int
        Its number.
    """

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
class Components:
    """The connected components of a page that can be (parts of) characters.

    Attributes
    ----------
    items : list of Component
        The components.
    labels : (h, w) int32 array
        The number of the component that every pixel belongs to; 0 is paper.
    height : float
        The usual height of a character, in pixels.
    stroke : float
        The usual width of a stroke, in pixels.
    """

    items: list[Component]
    labels: npt.NDArray[np.int32]
    height: float
    stroke: float


def find_components(ink: Floats, settings: SegmentSettings = DEFAULTS.segment) -> Components:
    """The components of ink (h, w) that can be (parts of) characters; its lines are level."""
    return strokes_among(find_marks(ink, settings), settings)


def find_marks(ink: Floats, settings: SegmentSettings = DEFAULTS.segment) -> Components:
    """All components of ink (h, w) but rules and what is too pale; its lines are level."""
    mask = ink > settings.ink
    for passes in range(2):  # rules stand in the way of the characters' height, which says what is a rule
        found, labels = _labelled(mask, ink, settings.sure)
        if not found:
            return Components([], labels, 0.0, 0.0)
        stroke = stroke_width(mask)
        height = character_height(found, stroke, settings)
        cleaned = without_rules(mask, height if passes else 0.0, stroke, settings.rules)
        if passes:
            cleaned = without_print(cleaned, ink, height, stroke, settings.rules)
        if cleaned is mask and passes:
            break
        mask = cleaned
    else:
        found, labels = _labelled(mask, ink, settings.sure)
        stroke = stroke_width(mask)
        height = character_height(found, stroke, settings) if found else 0.0
    return Components(found, labels, height, stroke)


def same_marks(one: SegmentSettings, other: SegmentSettings) -> bool:
    """Whether `find_marks` finds the same with both settings."""
    return all(getattr(one, name) == getattr(other, name) for name in ("ink", "sure", "line", "rules"))


def strokes_among(marks: Components, settings: SegmentSettings = DEFAULTS.segment) -> Components:
    """The marks that can be (parts of) characters."""
    height, stroke = marks.height, marks.stroke
    if height > settings.finest * stroke:  # lines and edges, not characters
        return replace(marks, items=[])
    kept = [p for p in marks.items if _is_writing(p, height, stroke, settings)]
    h, w = marks.labels.shape
    edges = [(p.left <= 1, p.top <= 1, p.right >= w - 1, p.bottom >= h - 1) for p in kept]
    return replace(marks, items=without_remains(kept, edges, height, settings))


def _labelled(mask: Mask, ink: Floats, least: float) -> tuple[list[Component], npt.NDArray[np.int32]]:
    labels, count = ndimage.label(mask, structure=_EIGHT)
    if count == 0:
        return [], labels
    areas = np.bincount(labels[mask], minlength=count + 1)
    sure = np.zeros(count + 1, bool)
    sure[labels[ink > least]] = True
    components = []
    for number, box in enumerate(ndimage.find_objects(labels), start=1):
        if areas[number] >= 4 and sure[number]:
            rows, columns = box
            components.append(Component(columns.start, rows.start, columns.stop, rows.stop, int(areas[number]), number))
    return components, labels


def character_height(components: list[Component], stroke: float, settings: SegmentSettings = DEFAULTS.segment) -> float:
    """The usual height of a character: the median of what is taller than a dot or a dash, weighted by height.

    Long straight lines have no say, where there is anything else.

    Parameters
    ----------
    components : list of Component
        At least one.
    stroke : float
        The usual width of a stroke.
    settings : SegmentSettings
        The thresholds.
    """
    bent = [p for p in components if not is_line(p, stroke, settings.line)]
    heights = np.array([max(p.height, 0.7 * p.width) for p in bent or components if p.height > 2.5 * stroke], float)
    if heights.size == 0:
        return float(max(p.height for p in components))
    order = np.sort(heights)
    limit = np.percentile(order, 90) * 2.0
    order = order[order <= limit]
    weight = np.cumsum(np.sqrt(order))
    return float(order[int(np.searchsorted(weight, weight[-1] / 2))])


def is_line(p: Component, stroke: float, length: float) -> bool:
    """Whether a component is one thin line, straight or bent a little, of more than `length` strokes.

    One that lies along the rows or columns may be uneven; of others, which joined writing in heavy letters resembles,
    the ink must be no more than a stroke's.
    """
    longest = float(np.hypot(p.width, p.height))
    thick = 1.6 if min(p.width, p.height) < 3.5 * stroke else 1.2
    return longest > length * stroke and p.area < thick * stroke * longest


def _is_writing(p: Component, height: float, stroke: float, s: SegmentSettings) -> bool:
    longest, shortest = max(p.width, p.height), min(p.width, p.height)
    if p.area < s.speck * stroke * stroke or longest < s.short * height:
        return False  # a speck
    if p.height > s.tall * height or p.width > s.wide * height:
        return False  # a scribble, a drawing, the edge of the page
    return not (shortest > 2.5 * stroke + 2 and p.area > 0.85 * p.width * p.height and longest > 0.5 * height)


def without_remains(
    components: list[Component],
    edges: Sequence[Sequence[bool]],
    height: float,
    settings: SegmentSettings = DEFAULTS.segment,
) -> list[Component]:
    """The components without dark edges of the picture and what its edges have left of characters.

    What stands there beside whole characters, in their rows, is neither: a line that was cut out closely touches the
    edges all along.

    Parameters
    ----------
    components : list of Component
        Of the page.
    edges : sequence of sequence of bool
        For every component whether it reaches the left, top, right and bottom edge.
    height : float
        The usual height of a character.
    settings : SegmentSettings
        The thresholds.
    """
    whole = [
        p
        for p, edge in zip(components, edges, strict=True)
        if p.height > (0.8 if any(edge) else 0.5) * height and max(p.height, p.width) < settings.capital * height
    ]
    kept = []
    for p, (left, top, right, bottom) in zip(components, edges, strict=True):
        touches, longest = left + top + right + bottom, max(p.width, p.height)
        alone = touches == 1 and longest < settings.edge * height and p.height >= 0.8 * height
        narrow = not (left or right) or longest < settings.capital * height
        if not touches or alone or (narrow and _beside(p, whole, height, settings)):
            kept.append(p)
    return kept


def _beside(p: Component, whole: list[Component], height: float, s: SegmentSettings) -> bool:
    """Whether a component lies in the rows of whole characters to its left or right, or just above as the dot of an i:
    by half of the lower of the two."""
    near = [
        q
        for q in whole
        if q is not p
        and max(q.left - p.right, p.left - q.right) < s.near * height
        and min(q.bottom, p.bottom) > max(q.top, p.top)
    ]
    if not near:
        return False
    top, bottom = min(q.top for q in near) - s.dot * height, max(q.bottom for q in near)
    return min(p.bottom, bottom) - max(p.top, top) >= 0.5 * min(p.height, bottom - top)
