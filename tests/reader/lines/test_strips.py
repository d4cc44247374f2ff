"""Strips: lines straightened and scaled to one height, their own ink alone, with the way back to the picture."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image, ImageDraw

from glassnet.reader.binarise import Ink
from glassnet.reader.components import find_components
from glassnet.reader.deskew import rotate
from glassnet.reader.group import Segment
from glassnet.reader.lines.finding import find_lines
from glassnet.reader.lines.strips import INK_ROWS, Strip, line_strips, straightened

FIRST, LAST = INK_ROWS


def _letters(
    tops: list[float], bottoms: list[float], *, slope: float = 0.0, bow: float = 0.0, high: int = 200, step: int = 50
) -> np.ndarray:
    """Ink with an upright box for each letter, between its top and bottom, on a line that may slant and bend."""
    wide = step * (len(tops) + 1)
    ink = np.zeros((high, wide), np.float32)
    for k, (top, bottom) in enumerate(zip(tops, bottoms, strict=True)):
        x = step // 2 + k * step
        shift = slope * (x - wide / 2) + bow * ((x - wide / 2) / (wide / 2)) ** 2
        ink[round(top + shift) : round(bottom + shift), x : x + step // 2] = 1.0
    return ink


def _strips(ink: np.ndarray) -> list[Strip]:
    lines, components = find_lines(find_components(ink), ink)
    return line_strips(lines, components, Ink(ink, np.eye(2, 3)))


def _rows(strip: np.ndarray) -> tuple[int, int]:
    rows = np.flatnonzero((strip > 127).any(axis=1))
    return int(rows[0]), int(rows[-1]) + 1


@pytest.mark.parametrize("slope", [-0.06, 0.0, 0.05])
@pytest.mark.parametrize("bow", [-30.0, 0.0, 30.0])
def test_lines_are_made_straight(slope: float, bow: float) -> None:
    """Letters of one height on a curve, every fifth with a tail and every fourth tall: all end in one row."""
    tops = [60.0 if k % 4 else 40.0 for k in range(20)]
    bottoms = [100.0 if k % 5 else 120.0 for k in range(20)]
    strip = straightened(_letters(tops, bottoms, slope=slope, bow=bow))
    assert np.allclose(_rows(strip), (FIRST, LAST), atol=1)
    pixel = 80 / (LAST - FIRST)  # the tall ones' tops to the tails' ends in the strip's rows
    ends = [int(np.flatnonzero(strip[:, x] > 127)[-1]) + 1 for x in range(strip.shape[1]) if strip[:, x].max() > 250]
    usual = FIRST + 60 / pixel
    assert sum(abs(end - usual) < 1.1 for end in ends) > 0.75 * len(ends)


def test_a_strip_is_the_mean_of_areas() -> None:
    """Thin strokes grow paler and do not vanish; all of the ink is there."""
    ink = np.zeros((260, 520), np.float32)
    ink[:, ::7] = 1.0
    strip = straightened(ink)
    scale = 260 / (LAST - FIRST)
    assert strip.shape[0] == 32
    assert strip.sum() / 255 == pytest.approx(ink.sum() / scale**2, rel=0.02)
    row = strip[16, 6:-6].astype(float)
    assert row.min() > 0 and row.max() < 255


def test_the_margins_are_paper() -> None:
    strip = straightened(_letters([50.0] * 4, [90.0] * 4))
    columns = np.flatnonzero(strip.max(axis=0))
    assert columns[0] >= 4 and strip.shape[1] - 1 - columns[-1] >= 4


def test_one_stray_mark_does_not_make_a_line_small() -> None:
    tops, bottoms = [60.0] * 16, [100.0] * 16
    bottoms[7] = 190.0  # a tail of more than two heights
    strip = straightened(_letters(tops, bottoms))
    usual = [int((strip[:, x] > 127).sum()) for x in range(strip.shape[1]) if strip[:, x].max() > 250]
    assert np.median(usual) > 10


def test_the_page_says_how_tall_a_line_is_at_least() -> None:
    """A line of dashes beside lines of letters stays as small as it is."""
    page = np.zeros((500, 900), np.float32)
    for y in (50, 150, 250):
        for x in range(30, 850, 50):
            page[y : y + 40, x : x + 8] = 1.0
            page[y + 32 : y + 40, x : x + 28] = 1.0
    page[360:372, 30:850:50] = page[360:372, 31:850:50] = 0
    for x in range(30, 850, 50):
        page[360:374, x : x + 30] = 1.0
    strips = _strips(page)
    assert len(strips) == 4
    for strip in strips[:3]:
        assert _rows(strip.picture) == (FIRST, LAST)
    top, bottom = _rows(strips[3].picture)
    assert 14 <= bottom - top <= 18 and abs((top + bottom) / 2 - 16) <= 1


def test_the_ink_of_other_lines_is_left_out() -> None:
    """A tail of the line above reaches between the letters below."""
    page = _letters([40.0] * 12, [80.0] * 12, high=260)
    page[40:170, 330:337] = 1.0  # down into the second line, beside its letters
    below = _letters([140.0] * 12, [180.0] * 12, high=260)
    below[:, 320:350] = 0
    strips = _strips(np.maximum(page, below))
    assert len(strips) == 2
    hole = strips[1].picture[:, round((325 - strips[1].left) / strips[1].scale) :][:, :4]
    assert hole.max() == 0


@pytest.mark.parametrize("degrees", [0.0, 6.0])
@pytest.mark.parametrize("quarter", [0, 2])
def test_the_way_back_to_the_picture(degrees: float, quarter: int) -> None:
    """What stands in a strip's columns is boxed where it was drawn, on a page that was turned."""
    canvas = Image.new("L", (900, 600), 0)
    draw = ImageDraw.Draw(canvas)
    boxes = [(100 + 90 * k, 280, 140 + 90 * k, 320) for k in range(8)]
    for box in boxes:
        draw.rectangle((box[0], box[1], box[2] - 1, box[3] - 1), fill=255)
    ink = rotate(Ink(np.asarray(canvas, np.float32) / 255, np.eye(2, 3)), degrees, quarter)
    found = find_components(ink.ink)
    (strip,) = line_strips([[Segment((p,)) for p in sorted(found.items, key=lambda p: p.left)]], found, ink)
    inked = np.flatnonzero(strip.picture.max(axis=0) > 100)
    runs = np.split(inked, np.flatnonzero(np.diff(inked) > 1) + 1)
    assert len(runs) == 8
    around = 40 * abs(np.sin(np.deg2rad(degrees))) + 3.5  # boxes of what lies askew are larger
    for run, box in zip(runs, boxes if quarter == 0 else boxes[::-1], strict=True):
        place = strip.to_picture((int(run[0]) - 2, int(run[-1]) + 3))
        assert np.allclose((place.left, place.top, place.right, place.bottom), box, atol=around)


def test_where_there_is_no_ink_a_box_is_as_tall_as_the_line() -> None:
    (strip,) = _strips(_letters([60.0] * 6, [100.0] * 6))
    box = strip.to_picture((0, 3))
    assert (box.top, box.bottom) == (pytest.approx(60, abs=2), pytest.approx(100, abs=2))


def test_upside_down_twice_is_the_strip() -> None:
    (strip,) = _strips(_letters([60.0] * 6, [100.0] * 6))
    assert np.array_equal(strip.upside_down().upside_down().picture, strip.picture)
    assert np.array_equal(strip.upside_down().picture, strip.picture[::-1, ::-1])
