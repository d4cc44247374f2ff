"""Both ways of reading, and which of them is taken."""

from __future__ import annotations

import dataclasses
from typing import Any, cast

import numpy as np
import pytest

from glassnet.data import Preprocess
from glassnet.errors import GlassnetError, ModelError, ReaderError
from glassnet.model import Model
from glassnet.nn import CTC, Network
from glassnet.reader import BestReader, PageState, PieceReader, Reader, WholeLineReader, make_reader, read
from glassnet.reader.components import find_marks
from glassnet.reader.lines.alphabet import NAMES
from glassnet.reader.page import Box, Character, Line, Page, Word
from glassnet.reader.recogniser import Recogniser
from glassnet.reader.settings import DEFAULTS
from glassnet.reader.synthesis import Paper, synthesise
from support.handwriting import CAMERA, HAND, LAYOUT

PICTURE = np.full((40, 40), 255, np.uint8)


class Fixed:
    """Reads the same of every picture: one text where it stands as it is, another where it was turned."""

    settings = DEFAULTS

    def __init__(self, text: str, confidence: float, *, finds: float = 0.0, turns: float = 0.0) -> None:
        self.text, self.confidence, self.finds, self.turns = text, confidence, finds, turns
        self.asked: list[tuple[float, bool]] = []

    def begin(self, picture: Any) -> PageState:
        return PageState(picture, 40, 40)

    def upright(self, state: PageState) -> PageState | None:
        self.asked.append((state.turned, False))
        return dataclasses.replace(state, turned=self.turns) if self.turns else None

    def finish(self, state: PageState, *, upright: bool = False) -> PageState:
        self.asked.append((state.turned, upright))
        confidence = self.confidence if state.turned == 0 else 0.97
        word = Word(tuple(Character(c, Box(0, 0, 1, 1), confidence) for c in self.text))
        page = Page((Line((word,)),) if self.text else (), 40, 40, nothing="" if self.text else "nothing there")
        return dataclasses.replace(state, turned=self.finds or state.turned, page=page)


def best(pieces: Fixed, lines: Fixed) -> Page:
    return BestReader(cast(Reader, pieces), lambda: cast(Reader, lines)).read(PICTURE)


@pytest.mark.parametrize(
    ("pieces", "lines", "taken"),
    [
        (("one", 0.95), ("two", 0.99), "one"),  # sure: whole lines are not read
        (("one", 0.5), ("two", 0.8), "two"),
        (("one", 0.8), ("two", 0.75), "one"),
        (("", 0.0), ("two", 0.3), "two"),
        (("one", 0.2), ("", 0.0), "one"),
        (("", 0.0), ("", 0.0), ""),
    ],
)
def test_the_surer_way_is_taken(pieces: Any, lines: Any, taken: str) -> None:
    one, two = Fixed(*pieces), Fixed(*lines)
    page = best(one, two)
    assert page.text == taken and bool(page.nothing) is not bool(taken)
    assert two.asked == [] if pieces[1] > 0.9 else two.asked == [(0.0, False)]
    unsure = pieces[1] < 0.9 and lines[1] < 0.7  # single characters are then asked which way up
    assert one.asked == [(0.0, True), (0.0, False)][: 1 + unsure]


def test_lines_say_which_way_up_for_both() -> None:
    one, two = Fixed("one", 0.5), Fixed("two", 0.8, finds=180.0)
    assert best(one, two).text == "one"  # surer, now that it stands upright
    assert one.asked == [(0.0, True), (180.0, True)]


def test_single_characters_say_which_way_up_where_lines_are_not_sure() -> None:
    one, two = Fixed("one", 0.5, turns=90.0), Fixed("two", 0.6)
    assert best(one, two).text == "one"  # surer, now that it stands upright
    assert one.asked == [(0.0, True), (0.0, False), (90.0, True)]


def test_marks_are_looked_for_once(monkeypatch: pytest.MonkeyPatch) -> None:
    pixels = synthesise(
        "WELL APART", np.random.default_rng(11), hand=HAND, layout=LAYOUT, paper=Paper(), camera=CAMERA
    )[0]
    never_sure = dataclasses.replace(DEFAULTS, sure_of_pieces=2.0)
    looked = []
    monkeypatch.setattr("glassnet.reader.reader.find_marks", lambda *a: looked.append(a) or find_marks(*a))
    found = {}
    for ink in (DEFAULTS.lines.segment.ink, 0.41):  # where the ways differ in what is ink, each looks for its own
        segment = dataclasses.replace(DEFAULTS.lines.segment, ink=ink)
        settings = dataclasses.replace(never_sure, lines=dataclasses.replace(DEFAULTS.lines, segment=segment))
        found[ink] = make_reader(settings=settings).read(pixels).text
        assert len(looked) == 1 + (ink != DEFAULTS.segment.ink)
        looked.clear()
    assert set(found.values()) == {"WELL APART"}


def test_clean_capitals_are_read_one_by_one() -> None:
    pixels = synthesise(
        "WELL APART", np.random.default_rng(11), hand=HAND, layout=LAYOUT, paper=Paper(), camera=CAMERA
    )[0]
    page = read(pixels)
    assert page == PieceReader().read(pixels) and page.text == "WELL APART"
    assert page.confidence >= DEFAULTS.sure_of_pieces


def test_alphabets_of_both_ways() -> None:
    both = make_reader(alphabet="0-9-")
    assert isinstance(both, BestReader) and both.pieces.recogniser.alphabet == "0123456789-"
    assert isinstance(make_reader(alphabet="<>[]"), Reader)  # which single characters do not have
    with pytest.raises(ReaderError, match="'é' is not among them"):
        make_reader(alphabet="é")


def test_a_model_reads_by_itself() -> None:
    network = Network("conv 3x3, 4, stride 2, pad 1 -> maxpool 2x2 -> conv 8x1, 96", (32, 64, 1))
    lines = Model(network, Preprocess.parse("scale"), (32, 64, 1), NAMES, CTC())
    found = make_reader(lines)
    assert isinstance(found, WholeLineReader)
    found = make_reader(Recogniser().model, alphabet="A-Z")
    assert isinstance(found, PieceReader)
    with pytest.raises(ModelError, match="does not read lines"):
        make_reader(dataclasses.replace(lines, class_names=NAMES[::-1]))


def test_a_language_is_a_name_or_a_file(tmp_path: Any) -> None:
    (tmp_path / "text.txt").write_text("the ink and the pen\n" * 50)
    for language in ("none", "english", str(tmp_path / "text.txt")):
        assert isinstance(make_reader(language=language), BestReader)
    with pytest.raises(GlassnetError, match=r"french.*none and english"):
        make_reader(language="french")
