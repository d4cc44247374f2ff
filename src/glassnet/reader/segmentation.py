"""From a line's segments to candidates for characters: every likely way of cutting the line.

Neighbouring segments may be one broken character, and a wide one two that touch. So all runs of up to three segments
that lie close are candidates, and wide components are cut where they are thin.
"""

from __future__ import annotations

import itertools
from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image
from scipy import ndimage

from glassnet.data.framing import frame
from glassnet.reader.components import Components
from glassnet.reader.group import Segment
from glassnet.reader.rules import taller
from glassnet.reader.settings import DEFAULTS, SplitSettings

__all__ = ["Candidate", "candidates", "cut_rejected", "cut_wide", "slant"]


@dataclass(frozen=True)
class Candidate:
    """Neighbouring segments of a line taken for one character.

    Attributes
    ----------
    first : int
        The number of its first segment.
    last : int
        The number of its last segment.
    box : (int, int, int, int)
        Left, top, right, bottom in pixels of the ink.
    crop : (32, 32, 1) uint8 array
        The framed picture.
    gap : float
        The widest gap between its segments, in usual heights.
    weight : float
        How many whole components its segments make up, at least a part of one.
    cuts : int
        How many of its two sides lie within a component.
    """

    first: int
    last: int
    box: tuple[int, int, int, int]
    crop: npt.NDArray[np.uint8]
    gap: float
    weight: float
    cuts: int


def cut_wide(
    segments: list[Segment], components: Components, settings: SplitSettings = DEFAULTS.recognise.split
) -> list[Segment]:
    """The segments of a line, wide components cut where they are thin."""
    result = []
    for segment in segments:
        if len(segment.components) == 1 and segment.right - segment.left > settings.wide * components.height:
            result += _cut(segment, components, settings.thin * components.stroke + 1, settings.cuts, settings)
        else:
            result.append(segment)
    return result


def cut_rejected(
    segments: list[Segment],
    components: Components,
    rejected: set[int],
    settings: SplitSettings = DEFAULTS.recognise.split,
) -> list[Segment]:
    """The segments of a line, the components of these numbers cut once more, however thick the ink."""
    result: list[Segment] = []
    for segment in segments:
        if len(segment.components) > 1 or segment.components[0].label not in rejected:
            result.append(segment)
        elif not result or result[-1].components != segment.components:  # once for all parts of it
            result += _cut(Segment(segment.components), components, np.inf, settings.cuts_again, settings)
    return result


def _cut(segment: Segment, components: Components, thickest: float, most: int, s: SplitSettings) -> list[Segment]:
    """A component cut at up to `most` places, the thinnest ones, of up to `thickest` pixels of ink in a column."""
    component = segment.components[0]
    own = components.labels[component.top : component.bottom, component.left : component.right] == component.label
    profile = ndimage.uniform_filter1d(own.sum(axis=0).astype(float), 3, mode="nearest")
    least, margin = max(2, int(s.apart * components.height)), int(s.margin * components.height)
    cuts: list[int] = []
    for x in np.argsort(profile, kind="stable"):
        if profile[x] > thickest or len(cuts) == most:
            break
        if margin <= x <= len(profile) - margin and all(abs(int(x) - c) >= least for c in cuts):
            cuts.append(int(x))
    edges = [component.left, *(component.left + x for x in sorted(cuts)), component.right]
    return [Segment(segment.components, (a, b), len(edges) - 1) for a, b in itertools.pairwise(edges)]


def slant(
    lines: list[list[Segment]], components: Components, settings: SplitSettings = DEFAULTS.recognise.split
) -> float:
    """By how much the writing leans to the right, as a shift for each unit of height; 0 where that is not clear.

    Most strokes are upright before a hand leans. So the lean is that under which the ink of each line, pushed back,
    projects most sharply on the horizontal: the sum of squared differences of the ink's counts, column by column.
    """
    kinds = np.zeros(int(components.labels.max()) + 1, np.int64)
    middles = np.zeros(len(lines) + 1)
    for number, line in enumerate(lines, start=1):
        middles[number] = np.median([(a.top + a.bottom) / 2 for a in line])
        for segment in line:
            for component in segment.components:
                if component.height > 0.5 * components.height:
                    kinds[component.label] = number
    line_of = kinds[components.labels[::2]]
    rows, columns = np.nonzero(line_of)
    if len(rows) < 50:
        return 0.0
    numbers = line_of[rows, columns]
    spread = np.random.default_rng(0).uniform(0, 1, (2, len(rows)))
    y, width = 2.0 * (rows + spread[0]) - middles[numbers], 2 * components.labels.shape[1]
    leans = np.arange(-0.5, 0.81, 0.05)
    scores = np.empty(len(leans))
    for k, lean in enumerate(leans):
        at = (columns + spread[1] + lean * y + 0.25 * width + numbers * width) / max(1.0, components.stroke / 2)
        scores[k] = (np.diff(np.bincount(np.maximum(at, 0).astype(np.int64))) ** 2).sum()
    best = int(scores.argmax())
    return float(leans[best]) if scores[best] > settings.lean_clear * scores.mean() else 0.0


def candidates(
    segments: list[Segment],
    components: Components,
    ink: npt.NDArray[np.float32],
    lean: float = 0.0,
    broken: Collection[int] = (),
    settings: SplitSettings = DEFAULTS.recognise.split,
) -> list[Candidate]:
    """All runs of segments that may be one character, each seen as if it did not lean.

    Parameters
    ----------
    segments : list of Segment
        Of a line, from left to right.
    components : Components
        Of the page.
    ink : (h, w) array
        Of the page.
    lean : float
        How far the writing leans to the right, as a shift for each unit of height.
    broken : collection of int
        Numbers of components that may belong to their neighbours even where they are as large as a character.
    settings : SplitSettings
        The thresholds.
    """
    found = []
    for first in range(len(segments)):
        for last in range(first, min(first + max(settings.longest, segments[first].parts), len(segments))):
            run = segments[first : last + 1]
            gap = max([b.left - a.right for a, b in itertools.pairwise(run)], default=0) / components.height
            if last > first and not _may_be_one(run, gap, components.height, broken, settings):
                break
            box, crop = _crop(run, components, ink, lean if abs(lean) > settings.lean else 0.0)
            weight = sum(1 / a.parts for a in run)
            cuts = _within(segments, first - 1) + _within(segments, last)
            found.append(Candidate(first, last, box, crop, max(gap, 0.0), weight, cuts))
    return found


def _within(segments: list[Segment], place: int) -> int:
    """1 if segment `place` and the next are parts of one component."""
    if not 0 <= place < len(segments) - 1:
        return 0
    one, other = segments[place], segments[place + 1]
    return int(one.cut is not None and one.components == other.components)


def _may_be_one(run: list[Segment], gap: float, height: float, broken: Collection[int], s: SplitSettings) -> bool:
    numbers = {p.label for a in run for p in a.components}
    if len(numbers) == 1:
        return True  # parts of one component
    width = run[-1].right - run[0].left
    tall = max(a.bottom for a in run) - min(a.top for a in run)
    whole = sum(a.right - a.left > s.narrow * height and a.bottom - a.top > s.narrow * height for a in run)
    small = width < s.character_width * height and tall < s.character_height * height
    return (whole < 2 or not numbers.isdisjoint(broken)) and gap < s.gap and small


def _crop(
    run: list[Segment], components: Components, ink: npt.NDArray[np.float32], lean: float
) -> tuple[tuple[int, int, int, int], npt.NDArray[np.uint8]]:
    left, right = min(a.left for a in run), max(a.right for a in run)
    top, bottom = min(a.top for a in run), max(a.bottom for a in run)
    labels = components.labels[top:bottom, left:right]
    numbers = {p.label for a in run for p in a.components}
    own = np.isin(labels, list(numbers)) if len(numbers) > 1 else labels == next(iter(numbers))
    for segment in run:
        if segment.cut is not None and len(run) == 1:
            rows = np.flatnonzero(own.any(axis=1))
            if rows.size:
                top, bottom = top + int(rows[0]), top + int(rows[-1]) + 1
                own, labels = own[rows[0] : rows[-1] + 1], labels[rows[0] : rows[-1] + 1]
    others = (labels > 0) & ~own
    seen = ink[top:bottom, left:right]
    if others.any():  # soft edges of its own stay, neighbours go
        grown = taller(others, 1) | taller(others.T, 1).T
        seen = np.where(grown & ~own, np.float32(0), seen)
    return (left, top, right, bottom), frame(_straightened(seen, lean) if lean else seen)


def _straightened(seen: npt.NDArray[np.float32], lean: float) -> npt.NDArray[np.float32]:
    """Ink pushed back by its lean, cut to its box."""
    h, w = seen.shape
    reach = int(abs(lean) * h) + 1
    start = -reach if lean > 0 else 0
    # Row y of the result shows the source shifted by the lean times its height above the bottom.
    matrix = (1, -lean, lean * (h - 1) + start, 0, 1, 0)
    image = Image.fromarray(np.ascontiguousarray(seen)).transform(
        (w + reach, h), Image.Transform.AFFINE, matrix, Image.Resampling.BILINEAR
    )
    pushed = np.asarray(image)
    columns = np.flatnonzero((pushed > 0.4).any(axis=0))
    return pushed if columns.size == 0 else pushed[:, columns[0] : columns[-1] + 1]
