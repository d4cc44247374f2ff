"""Strips: every line of a page as a small picture of one height, straightened along its baseline.

The ink of a line is bounded above and below by two contours, stretch by stretch of its length. Both follow the same
curve, at different heights: that is fitted to all of them at once, by least squares in which what lies far off (the
tail of a y, a stray mark) counts little, and taken off column by column. Then the line is scaled so that its ink, from
the tops of its tall letters to the tails of its deep ones, fills the rows 3 to 29 of 32. The page's lines vote on how
tall a line is at least, so that a line of dashes is not blown up to letters.

Ink is reduced by areas: a row of a strip is the mean of all rows of the page's ink that it covers, fractions of rows
included, so that thin strokes grow paler and never vanish.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt
from PIL import Image
from scipy import ndimage

from glassnet.reader.binarise import Ink
from glassnet.reader.components import Components
from glassnet.reader.group import Segment
from glassnet.reader.page import Box
from glassnet.reader.settings import DEFAULTS, StripSettings

__all__ = ["HEIGHT", "INK_ROWS", "Strip", "line_strips", "straightened"]

HEIGHT = 32
INK_ROWS = (3, 29)  # from the tops of tall letters to the tails of deep ones

Floats = npt.NDArray[np.float64]
Ink32 = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Strip:
    """One line of writing, and the way back to the page.

    Attributes
    ----------
    picture : (32, width) uint8 array
        0 is paper, 255 full ink.
    left : float
        Column of the page's ink at the strip's left edge.
    tops : (width,) array
        Row of the page's ink at which each column of the strip begins.
    scale : float
        Pixels of the page's ink for one of the strip.
    page : Ink
        The page's ink, which knows the way back to the picture.
    """

    picture: npt.NDArray[np.uint8] = field(repr=False)
    left: float
    tops: Floats = field(repr=False)
    scale: float
    page: Ink = field(repr=False)

    @property
    def width(self) -> int:
        return int(self.picture.shape[1])

    @property
    def length(self) -> float:
        """Pixels from the first ink to the last."""
        columns = np.flatnonzero(self.picture.max(axis=0) > 0)
        return float(columns[-1] + 1 - columns[0]) if columns.size else 1.0

    def upside_down(self) -> Strip:
        """The strip turned by half a turn; it knows no way back to the page."""
        return replace(self, picture=np.ascontiguousarray(self.picture[::-1, ::-1]))

    def to_picture(self, columns: tuple[float, float], least: int = 64) -> Box:
        """The place in the picture of what stands in these columns [start, stop) of the strip.

        It is drawn in to the ink there; where there is none, it is as tall as the line's ink.

        Parameters
        ----------
        columns : (float, float)
            In pixels of the strip.
        least : int
            What counts as ink.
        """
        start = int(np.clip(np.floor(columns[0]), 0, self.width - 1))
        stop = int(np.clip(np.ceil(columns[1]), start + 1, self.width))
        dark = self.picture[:, start:stop] >= least
        (top, bottom), (first, last) = INK_ROWS, (0, stop - start)
        if dark.any():
            rows, inked = np.flatnonzero(dark.any(axis=1)), np.flatnonzero(dark.any(axis=0))
            (top, bottom), (first, last) = (int(rows[0]), int(rows[-1]) + 1), (int(inked[0]), int(inked[-1]) + 1)
        start, stop = start + first, start + last
        edge = self.left + self.scale * np.array([start, stop], float)
        upper, lower = self.tops[start:stop] + self.scale * top, self.tops[start:stop] + self.scale * bottom
        xs, ys = self.page.to_picture(
            [edge[0], edge[1], edge[0], edge[1]], [upper.min(), upper.min(), lower.max(), lower.max()]
        )
        return Box(float(xs.min()), float(ys.min()), float(xs.max()), float(ys.max()))


def line_strips(
    lines: Sequence[Sequence[Segment]],
    components: Components,
    ink: Ink,
    settings: StripSettings = DEFAULTS.lines.strip,
) -> list[Strip]:
    """The strip of every line.

    Parameters
    ----------
    lines : sequence of sequence of Segment
        Their segments.
    components : Components
        Of the page.
    ink : Ink
        Of the page, its lines level.
    settings : StripSettings
        The thresholds.
    """
    own = [_own_ink(line, components, ink.ink, settings) for line in lines]
    shapes = [_Shape.of(picture, settings) for picture, _, _ in own]
    vote = _weighted_median([s.height for s in shapes], [picture.shape[1] for picture, _, _ in own])
    return [
        _strip(picture, left, top, shape, settings.least * vote, ink, settings)
        for (picture, left, top), shape in zip(own, shapes, strict=True)
    ]


def straightened(line: Ink32, settings: StripSettings = DEFAULTS.lines.strip) -> npt.NDArray[np.uint8]:
    """The strip (32, width) of the ink (h, w) of one line that stands alone, in [0, 1]."""
    whole = Ink(line, np.eye(2, 3))
    return _strip(line, 0, 0, _Shape.of(line, settings), 0.0, whole, settings).picture


# ---- the ink of a line -----------------------------------------------------------------------------------------------


def _own_ink(line: Sequence[Segment], components: Components, ink: Ink32, s: StripSettings) -> tuple[Ink32, int, int]:
    """The ink of a line alone (h, w), and the column and the row of the page that it begins at.

    What is darker than the threshold of components and in none of the line's own is another line's, a rule, or dirt.
    """
    around = max(2, round(s.soft * components.stroke))
    height, width = ink.shape
    left, right = min(a.left for a in line) - around, max(a.right for a in line) + around
    top, bottom = min(a.top for a in line) - around, max(a.bottom for a in line) + around
    left, top, right, bottom = max(0, left), max(0, top), min(width, right), min(height, bottom)
    labels, seen = components.labels[top:bottom, left:right], ink[top:bottom, left:right]
    numbers = np.array(sorted({p.label for a in line for p in a.components}))
    own = numbers[np.searchsorted(numbers, labels).clip(max=len(numbers) - 1)] == labels
    near = ndimage.maximum_filter(own, 2 * around + 1)
    others = ndimage.maximum_filter((seen > s.ink) & ~own, 3) & ~own
    return np.where(near & ~others, seen, np.float32(0)), left, top


# ---- its shape -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Shape:
    """How a line runs: the curve, and where its ink begins and ends above and below it.

    Attributes
    ----------
    curve : (w,) array
        For every column of the line's ink how far it is lower than the mean.
    top, bottom : float
        Rows between which the ink lies once the curve is taken off.
    """

    curve: Floats
    top: float
    bottom: float

    @property
    def height(self) -> float:
        return self.bottom - self.top

    @classmethod
    def of(cls, line: Ink32, s: StripSettings) -> _Shape:
        """The shape of the ink (h, w) of a line."""
        height, width = line.shape
        dark = line > s.ink
        columns = np.flatnonzero(dark.any(axis=0))
        if columns.size == 0:
            return cls(np.zeros(width), 0.0, float(height))
        tops = dark.argmax(axis=0)[columns].astype(float)
        bottoms = height - dark[::-1].argmax(axis=0)[columns].astype(float)
        # Stretches about as wide as a letter is tall: at each, the line's highest and lowest ink.
        letter = max(3.0, float(np.median(_stretches(columns, tops, bottoms, max(3.0, 0.25 * height))[:, 3])))
        x, top, bottom, tall = _stretches(columns, tops, bottoms, s.stretch * letter).T
        tall_ones = tall > 0.4 * np.median(tall)  # a dash or a dot says little of where its line runs
        curve = _curve(x[tall_ones], top[tall_ones], bottom[tall_ones], width, s)
        at = curve[np.minimum(x, width - 1).astype(int)]
        top, bottom = top - at, bottom - at
        upper, lower = float(np.median(top[tall_ones])), float(np.median(bottom[tall_ones]))
        core = max(lower - upper, 1.0)
        return cls(
            curve, max(float(top.min()), upper - s.above * core), min(float(bottom.max()), lower + s.below * core)
        )


def _stretches(columns: npt.NDArray[np.intp], tops: Floats, bottoms: Floats, wide: float) -> Floats:
    """(middle, top, bottom, height) of the ink in every stretch of columns, (n, 4)."""
    number = ((columns - columns[0]) / wide).astype(int)
    first = np.flatnonzero(np.diff(number, prepend=-1))
    top, bottom = np.minimum.reduceat(tops, first), np.maximum.reduceat(bottoms, first)
    middle = np.add.reduceat(columns.astype(float), first) / np.diff(np.append(first, len(columns)))
    return np.stack([middle, top, bottom, bottom - top], axis=1)


def _curve(x: Floats, top: Floats, bottom: Floats, width: int, s: StripSettings) -> Floats:
    """How far each of `width` columns lies lower than the mean: what the contours above and below have in common."""
    usual = max(1.0, float(np.median(bottom - top)))
    degree = int(np.searchsorted(s.degrees, float(np.ptp(x)) / usual)) if len(x) > 2 else 0
    if degree == 0:
        return np.zeros(width)
    half = max(1.0, width / 2)
    powers = np.stack([((x - half) / half) ** k for k in range(1, degree + 1)], axis=1)
    here, none = np.ones((len(x), 1)), np.zeros((len(x), 1))
    terms = np.vstack([np.hstack([here, none, powers]), np.hstack([none, here, powers])])
    wanted = np.concatenate([top, bottom])
    weight = np.ones(len(wanted))
    # A curve is bent only as far as the line shows it.
    hold = np.diag([0.0, 0.0, *(s.stiff * len(x) * k for k in range(degree))])
    for _ in range(8):
        weighted = terms * weight[:, None]
        fit = np.linalg.solve(terms.T @ weighted + hold + 1e-9 * np.eye(degree + 2), weighted.T @ wanted)
        weight = 1 / (1 + ((wanted - terms @ fit) / (s.spread * usual)) ** 2)
    every = (np.arange(width) - half) / half
    curve: Floats = np.stack([every**k for k in range(1, degree + 1)], axis=1) @ fit[2:]
    curve -= curve.mean()
    return curve


def _weighted_median(values: Sequence[float], weights: Sequence[float]) -> float:
    if not values:
        return 0.0
    order = np.argsort(values)
    total = np.cumsum(np.asarray(weights, float)[order])
    return float(np.asarray(values)[order[int(np.searchsorted(total, total[-1] / 2))]])


# ---- its strip -------------------------------------------------------------------------------------------------------


def _strip(line: Ink32, left: int, top: int, shape: _Shape, least: float, page: Ink, s: StripSettings) -> Strip:
    """The strip of the ink (h, w) of a line that begins at this place of the page, no less than `least` tall."""
    height, width = line.shape
    tall = max(shape.height, least, 1.0)
    scale = tall / (INK_ROWS[1] - INK_ROWS[0])
    first = (shape.top + shape.bottom - tall) / 2 - INK_ROWS[0] * scale
    wide = max(1, round(width / scale))
    area = scale >= 1
    narrow = np.asarray(
        Image.fromarray(line).resize((wide, height), Image.Resampling.BOX if area else Image.Resampling.BILINEAR)
    )
    along = (np.arange(-s.margin, wide + s.margin) + 0.5) * width / wide
    starts = first + shape.curve[along.clip(0, width - 1).astype(int)]
    middles = starts[s.margin : s.margin + wide] + (np.arange(HEIGHT)[:, None] + 0.5) * scale
    total = np.concatenate([np.zeros((1, wide)), np.cumsum(narrow, axis=0, dtype=np.float64)])
    reach = max(scale, 1.0) / 2
    mean = (_between(total, middles + reach) - _between(total, middles - reach)) / (2 * reach)
    picture = np.pad(np.rint(255 * mean.clip(0, 1)).astype(np.uint8), ((0, 0), (s.margin, s.margin)))
    across = width / wide
    return Strip(picture, left - s.margin * across, starts + top, scale, page)


def _between(total: Floats, rows: Floats) -> Floats:
    """Running totals (h + 1, w) of columns at fractions of rows (n, w)."""
    rows = rows.clip(0, len(total) - 1)
    whole = np.minimum(rows.astype(int), len(total) - 2)
    low, high = np.take_along_axis(total, whole, 0), np.take_along_axis(total, whole + 1, 0)
    between: Floats = low + (rows - whole) * (high - low)
    return between
