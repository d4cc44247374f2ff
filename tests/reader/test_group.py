"""Lines, columns, segments and words from boxes."""

from __future__ import annotations

import numpy as np
import pytest

from glassnet.reader.components import Component
from glassnet.reader.group import Segment, group_lines
from glassnet.reader.spacing import word_breaks

H = 40.0


def _row(x: float, y: float, count: int, step: float = 50, slope: float = 0.0, bow: float = 0.0) -> list[Component]:
    """Characters of 30 x 40 beside each other, along a line or a parabola."""
    components = []
    for k in range(count):
        dx = k * step
        top = y + slope * dx + bow * (dx / (count * step) - 0.5) ** 2
        components.append(Component(int(x + dx), int(top), int(x + dx + 30), int(top + 40), 300, 0))
    return components


def _shape(lines: list[list[Segment]]) -> list[int]:
    return [len(line) for line in lines]


@pytest.mark.parametrize("slope", [-0.05, 0.0, 0.04])
@pytest.mark.parametrize("bow", [-60.0, 0.0, 60.0])
def test_slanted_and_curved_lines(slope: float, bow: float) -> None:
    rows = [_row(20, 100 + 75 * r, 14 - r, slope=slope, bow=bow) for r in range(5)]
    components = [p for row in rows for p in row]
    np.random.default_rng(0).shuffle(components)  # type: ignore[arg-type]
    lines = group_lines(components, H)
    assert _shape(lines) == [14, 13, 12, 11, 10]
    for line, row in zip(lines, rows, strict=True):
        assert [a.left for a in line] == [p.left for p in row]


def test_wide_gaps_between_words_do_not_part_a_line() -> None:
    lines = group_lines(_row(0, 50, 3) + _row(500, 52, 4) + _row(0, 130, 9), H)
    assert _shape(lines) == [7, 9]


def test_columns_are_read_one_after_the_other() -> None:
    left = [p for r in range(4) for p in _row(0, 60 * r, 6)]
    right = [p for r in range(4) for p in _row(600, 60 * r + 3, 5)]
    lines = group_lines(right + left, H)
    assert _shape(lines) == [6, 6, 6, 6, 5, 5, 5, 5]


def test_numbers_in_the_margin_are_no_column() -> None:
    components = [p for r in range(4) for p in [*_row(0, 80 * r, 1), *_row(150, 80 * r, 9)]]
    assert _shape(group_lines(components, H)) == [10, 10, 10, 10]


def test_a_large_dot_begins_no_line() -> None:
    """As in "man said" with the i's dot and the d standing higher than the rest."""
    boxes = [(173, 623, 70, 41), (261, 618, 48, 47), (332, 618, 45, 46), (474, 620, 39, 42), (527, 609, 40, 61)]
    letters = [Component(x, y, x + w, y + h, w * h // 2, 0) for x, y, w, h in [*boxes, (647, 596, 42, 57)]]
    stem, dot = Component(590, 625, 626, 658, 620, 0), Component(603, 590, 621, 619, 390, 0)
    (line,) = group_lines([*letters, stem, dot], 49.0)
    assert [len(segment.components) for segment in line] == [1, 1, 1, 1, 1, 2, 1]


def test_dots_bars_and_commas_find_their_line() -> None:
    line, below = _row(0, 100, 6), _row(0, 190, 6)
    dot = Component(112, 85, 118, 91, 30, 0)  # over the third character: an i
    comma = Component(285, 134, 291, 150, 60, 0)  # after the last one
    speck = Component(900, 400, 905, 405, 20, 0)
    lines = group_lines([*line, *below, dot, comma, speck], H)
    assert _shape(lines) == [7, 6]
    assert [len(a.components) for a in lines[0]] == [1, 1, 2, 1, 1, 1, 1]
    assert lines[0][2].top == 85


def test_two_bars_are_one_character() -> None:
    bars = [Component(300, 110, 330, 115, 100, 0), Component(301, 124, 329, 129, 100, 0)]
    lines = group_lines([*_row(0, 100, 5), *bars, *_row(350, 100, 3)], H)
    assert _shape(lines) == [9] and len(lines[0][5].components) == 2


def test_characters_that_reach_over_each_other_stay_two() -> None:
    a, v = Component(0, 100, 40, 140, 300, 0), Component(28, 100, 68, 140, 300, 0)
    assert _shape(group_lines([a, v, *_row(100, 100, 3)], H)) == [5]


def test_words() -> None:
    gaps = [np.array([8.0, 9, 30, 7, 10, 35, 9]), np.array([8.0, 9.0])]
    found = word_breaks(gaps, [40.0, 40.0])
    assert found[0].tolist() == [False, False, True, False, False, True, False]
    assert found[1].tolist() == [False, False]


def test_letters_set_wide() -> None:
    """Gaps between letters as wide as a letter, between words twice that."""
    found = word_breaks([np.array([40.0, 38, 80, 42, 37, 85, 41, 40, 39])], [40.0])
    assert np.flatnonzero(found[0]).tolist() == [2, 5]


def test_one_word_has_no_breaks() -> None:
    assert not word_breaks([np.array([10.0, 12, 9, 11, 10, 13])], [40.0])[0].any()
    assert word_breaks([np.zeros(0)], [40.0])[0].size == 0
