"""Lines of joined writing: words in one component, lines that touch, tails and commas, frames, rules and fields."""

from __future__ import annotations

import numpy as np

from glassnet.reader.components import Components, find_components
from glassnet.reader.lines.finding import find_lines
from glassnet.reader.settings import DEFAULTS

H = 24  # height of a small letter


def _word(ink: np.ndarray, x: int, y: int, letters: int) -> None:
    """A joined word whose small letters stand on row y: upright strokes joined below and above by turns."""
    for k in range(letters):
        ink[y - H : y, x + 18 * k : x + 18 * k + 4] = 1.0
        row = y - 4 if k % 2 else y - H
        if k < letters - 1:
            ink[row : row + 4, x + 18 * k : x + 18 * k + 22] = 1.0


def _page(rows: list[int], words: int = 4, letters: int = 8, high: int = 400) -> np.ndarray:
    ink = np.zeros((high, 1000), np.float32)
    for y in rows:
        for k in range(words):
            _word(ink, 40 + 200 * k, y, letters)
    return ink


def _found(ink: np.ndarray) -> tuple[list[list[tuple[int, int, int, int]]], Components]:
    lines, components = find_lines(find_components(ink, DEFAULTS.lines.segment), ink)
    return [[(a.left, a.top, a.right, a.bottom) for a in line] for line in lines], components


def test_words_in_one_piece() -> None:
    lines, _ = _found(_page([80, 150, 220]))
    assert [len(line) for line in lines] == [4, 4, 4]
    assert [line[0][1] for line in lines] == [56, 126, 196]


def test_tails_and_tall_strokes_do_not_move_a_word_to_another_line() -> None:
    ink = _page([80, 150, 220])
    for x in (40, 240):
        ink[80:118, x : x + 4] = 1.0  # a tail at the beginning of each word of the first line
        ink[160:196, x + 108 : x + 112] = 1.0  # a tall stroke of the third one's
        ink[196:200, x + 108 : x + 112] = 1.0
    lines, _ = _found(ink)
    assert [len(line) for line in lines] == [4, 4, 4]


def test_lines_that_touch_are_cut_between_them() -> None:
    """A tail of the first line runs into a word of the second."""
    ink = _page([80, 150, 220])
    ink[80:128, 280:284] = 1.0
    lines, components = _found(ink)
    assert [len(line) for line in lines] == [4, 4, 4]
    cut = [box for line in lines[:2] for box in line if box[0] == 240]
    assert cut[0][1] == 56 and cut[1][3] == 150
    assert 90 < cut[0][3] <= cut[1][1] <= 126
    for line in lines[:2]:
        for box in line:
            assert len(np.unique(components.labels[box[1] : box[3], box[0] : box[2]])) <= 3


def test_dots_commas_and_exponents_go_to_their_line() -> None:
    ink = _page([80, 170, 260])
    ink[44:49, 94:99] = 1.0  # the dot of an i
    ink[164:182, 784:790] = 1.0  # a comma at the end
    ink[134:154, 394:398] = 1.0  # an exponent
    ink[134:138, 394:406] = 1.0
    lines, _ = _found(ink)
    assert [len(line) for line in lines] == [5, 6, 4]


def test_frames_and_rules_are_no_writing() -> None:
    ink = np.zeros((400, 1000), np.float32)
    _word(ink, 300, 200, 8)
    ink[150:153, 270:480] = ink[230:233, 270:480] = 1.0
    ink[150:233, 270:273] = ink[150:233, 477:480] = 1.0
    _word(ink, 300, 320, 8)
    ink[335:338, 290:450] = 1.0  # an underline
    lines, _ = _found(ink)
    assert lines == [[(300, 176, 430, 200)], [(300, 296, 430, 320)]]


def test_headings_and_notes_are_lines_too() -> None:
    ink = _page([200, 270, 340], high=500)
    for x in range(100, 700, 120):
        ink[40:130, x : x + 12] = 1.0
        ink[118:130, x : x + 70] = 1.0
    for x in range(40, 300, 12):
        ink[440:450, x : x + 3] = 1.0
        ink[447:450, x : x + 8] = 1.0
    lines, _ = _found(ink)
    assert [len(line) for line in lines] == [5, 4, 4, 4, 22]


def test_a_very_wide_gap_parts_fields() -> None:
    ink = np.zeros((300, 1000), np.float32)
    for y in (80, 150, 220):
        _word(ink, 40, y, 6)
        _word(ink, 700, y, 8)
    lines, _ = _found(ink)
    assert [len(line) for line in lines] == [1] * 6


def test_nothing_gives_no_lines() -> None:
    assert _found(np.zeros((100, 200), np.float32))[0] == []
