"""The reader with a recogniser of whole lines: its stages, which way up, what is writing, places of characters.

The recogniser that stands in reads marks like an upside-down T as I: every run of inked columns is one, and it is sure
of it where the foot is below.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

import numpy as np
import pytest

from glassnet.errors import ReaderError
from glassnet.reader import Page, Reader, WholeLineReader
from glassnet.reader.binarise import Ink
from glassnet.reader.lines.alphabet import BLANK, CHARACTERS
from glassnet.reader.lines.decoder import Decoder
from glassnet.reader.lines.judging import best_turn, evidence, sample, writing
from glassnet.reader.lines.line_reader import LineReader, ReadLine
from glassnet.reader.lines.placing import edges_between, page_line
from glassnet.reader.lines.reading import ReadCharacter, Reading, ReadWord
from glassnet.reader.lines.strips import Strip
from glassnet.reader.lines.whole_reader import strips_of
from glassnet.reader.lines.widths import padded


class Feet:
    """Scores of marks with a foot."""

    def __init__(self) -> None:
        self.asked = 0

    def scores(self, strips: Sequence[np.ndarray]) -> list[np.ndarray]:
        self.asked += len(strips)
        return [self._scores(padded(strip)) for strip in strips]

    def _scores(self, strip: np.ndarray) -> np.ndarray:
        p = np.full((strip.shape[1] // 4, BLANK + 1), 1e-6)
        p[:, BLANK] = 1.0
        inked = np.flatnonzero((strip > 100).any(axis=0))
        for run in np.split(inked, np.flatnonzero(np.diff(inked) > 1) + 1) if inked.size else []:
            mark = strip[:, run[0] : run[-1] + 1] > 100
            rows = np.flatnonzero(mark.any(axis=1))
            lower = mark[rows[-1] - 1].sum() > 2 * mark[rows[0] + 1].sum()
            column = int(run.mean()) // 4
            if lower:
                p[column] = 1e-6
                p[column, [CHARACTERS.index("I"), CHARACTERS.index("L")]] = 0.95, 0.05
            else:  # it may be anything
                p[column] = 0.7 / BLANK
                p[column, CHARACTERS.index("I")] = 0.3
        return np.log(p / p.sum(axis=1, keepdims=True)).astype(np.float32)


NO_PAGE = Ink(np.zeros((32, 200), np.float32), np.eye(2, 3))
PLACES = [[(60 + 40 * k, 60 + 80 * row) for k in range(9 - row)] for row in range(3)]


def _page() -> np.ndarray:
    """Three rows of marks, 24 wide and 36 high."""
    pixels = np.full((320, 460), 230, np.uint8)
    for x, y in (place for row in PLACES for place in row):
        pixels[y : y + 36, x + 9 : x + 15] = 40
        pixels[y + 30 : y + 36, x : x + 24] = 40
    return pixels


def _reader() -> Reader:
    return WholeLineReader(LineReader(Feet(), Decoder(greedy=True)))


@pytest.mark.parametrize("quarter", [0, 1, 2, 3])
def test_whole_lines_are_read_whichever_way_up(quarter: int) -> None:
    page = _reader().read(np.ascontiguousarray(np.rot90(_page(), quarter)))
    assert page.text.split("\n") == ["I" * 9, "I" * 8, "I" * 7]
    assert abs(abs(page.turned) - {0: 0, 1: 90, 2: 180, 3: 90}[quarter]) < 4
    assert page.confidence == pytest.approx(0.95, abs=0.02) and not page.left_out


def test_every_character_has_its_box() -> None:
    page = _reader().read(_page())
    for line, row in zip(page.lines, PLACES, strict=True):
        for character, (x, y) in zip((c for word in line.words for c in word.characters), row, strict=True):
            box = character.box
            assert np.allclose((box.left, box.top, box.right, box.bottom), (x, y, x + 24, y + 36), atol=3.0)


def test_the_stages_one_by_one_give_what_read_gives() -> None:
    reader = _reader()
    state = reader.open(_page())
    names = []
    for stage in reader.stages:
        state = stage(state)
        names.append(stage.__name__)
    assert " -> ".join(names) in (sys.modules[WholeLineReader.__module__].__doc__ or "")
    assert state.page == reader.read(_page())
    with pytest.raises(ReaderError, match="after 'straighten'"):
        reader.orient(reader.open(_page()))


def test_a_page_that_reads_well_is_not_tried_on_its_side() -> None:
    reader = _reader()
    reader.read(_page())
    assert isinstance(reader.lines, LineReader) and isinstance(reader.lines.recogniser, Feet)
    assert reader.lines.recogniser.asked == 9  # three lines upright, upside down, and for the text


def test_what_is_no_writing_is_left_out_and_said_to_be() -> None:
    pixels = _page()
    pixels[300:] = 230
    both = np.concatenate([pixels, np.ascontiguousarray(pixels[::-1][60:])])
    page = _reader().read(both)
    assert page.text.split("\n") == ["I" * 9, "I" * 8, "I" * 7]
    assert [line.text for line in page.left_out] == ["I" * 7, "I" * 8, "I" * 9]
    found = page.as_json()["left_out"]
    assert found[0]["text"] == "I" * 7 and found[0]["confidence"] == pytest.approx(0.3, abs=0.02)
    assert found[0]["box"][1] > 300


def test_where_no_line_is_writing_the_page_says_why() -> None:
    class Unsure(Feet):
        def _scores(self, strip: np.ndarray) -> np.ndarray:
            scores = super()._scores(strip)
            return np.log(0.3 * np.exp(scores) + 0.7 / (BLANK + 1)).astype(np.float32)

    page = WholeLineReader(LineReader(Unsure(), Decoder(greedy=True))).read(_page())
    assert page.lines == () and "not look like writing" in page.nothing
    blank: Page = _reader().read(np.full((200, 300), 200, np.uint8))
    assert "darker or lighter" in blank.nothing and blank.left_out == ()


def test_strips_of_a_picture() -> None:
    strips = strips_of(_page())
    assert [strip.picture.shape[0] for strip in strips] == [32] * 3
    assert strips[0].width > strips[1].width > strips[2].width
    assert strips_of(np.full((200, 300), 200, np.uint8)) == []


# ---- the parts


def _line(confidences: list[float], width: int = 200) -> ReadLine:
    strip = Strip(np.full((32, width), 255, np.uint8), 0.0, np.zeros(width), 1.0, NO_PAGE)
    step = width // max(1, len(confidences)) // 4
    characters = tuple(ReadCharacter("a", k * step, k * step + 1, p) for k, p in enumerate(confidences))
    words = (ReadWord(characters, 1.0),) if characters else ()
    reading = Reading(words, 0.0, 0.0)
    return ReadLine(strip, reading, 4.0, reading)


def test_surer_longer_and_denser_lines_are_rather_writing() -> None:
    plain = evidence([_line([0.7] * 8)])
    assert evidence([_line([0.9] * 8)]) > plain > evidence([_line([0.4] * 8)])
    assert evidence([_line([0.7] * 16, 400)]) > plain
    assert evidence([_line([0.7] * 8, 800)]) < plain
    assert evidence([_line([])]) == -np.inf


def test_beside_clear_writing_a_line_is_rather_writing() -> None:
    doubtful = _line([0.6] * 3)
    assert writing([doubtful]) == [False]
    assert writing([_line([0.95] * 20, 400), doubtful]) == [True, True]
    assert writing([_line([0.95] * 20, 400), _line([0.1] * 3)]) == [True, False]
    assert writing([]) == []


def test_another_way_up_must_read_clearly_better() -> None:
    def turned(upright: float, over: float, beside: float) -> int:
        strip = _line([0.5]).strip
        upside, other = strip.upside_down().picture, Strip(strip.picture[:, :150], 0.0, strip.tops, 1.0, strip.page)

        def read(strips: Sequence[Strip]) -> list[ReadLine]:
            return [
                _line([beside if s.width == 150 else upright if s is strip else over] * 20, s.width) for s in strips
            ]

        assert np.array_equal(upside, strip.picture)
        return best_turn([strip], lambda: [other], read)

    assert turned(0.9, 0.95, 0.99) == 0
    assert turned(0.5, 0.6, 0.6) == 0
    assert turned(0.3, 0.8, 0.9) == 2  # upside down reads well: the page is not on its side
    assert turned(0.3, 0.35, 0.8) == 1


def test_the_longest_lines_stand_for_the_page() -> None:
    strips = [_line([0.5], width).strip for width in (100, 900, 300, 1500, 200, 700)]
    assert [s.width for s in sample(strips)] == [1500, 900]
    assert [s.width for s in sample(strips[:1] * 9)] == [100] * 5
    assert [s.width for s in sample([_line([0.5], 9000).strip])] == [9000]


def test_neighbours_are_parted_where_there_is_least_ink() -> None:
    picture = np.zeros((32, 100), np.uint8)
    picture[10:20, 10:30] = picture[10:20, 36:60] = 255
    picture[12:14, 30:36] = 255  # joined
    picture[10:20, 70:90] = 255
    edges = edges_between(picture, [20, 48, 80])
    assert edges[0] == 0 and edges[-1] == 100
    assert 30 <= edges[1] <= 36 and 60 <= edges[2] <= 70
    assert edges_between(picture, []) == []
    assert edges_between(picture, [50, 50]) == [0.0, 50.0, 100.0]


def test_words_of_a_line_stay_apart() -> None:
    line = _line([0.9] * 4)
    first, second = line.reading.words[0].characters[:2], line.reading.words[0].characters[2:]
    reading = Reading((ReadWord(first, 0.8), ReadWord(second, 0.8)), 0.0, 0.0)
    parted = ReadLine(line.strip, reading, 4.0, reading)
    assert page_line(parted).text == "aa aa"
