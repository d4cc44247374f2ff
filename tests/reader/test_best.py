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
from glassnet.reader import BestReader, Reader, make_reader, read
from glassnet.reader.lines.alphabet import NAMES
from glassnet.reader.page import Box, Character, Line, Page, Word
from glassnet.reader.recogniser import Recogniser
from glassnet.reader.settings import DEFAULTS
from glassnet.reader.synthesis import Paper, synthesise
from support.handwriting import CAMERA, HAND, LAYOUT

PICTURE = np.full((40, 40), 255, np.uint8)


class Fixed:
    """Reads the same of every picture."""

    settings = DEFAULTS

    def __init__(self, text: str, confidence: float) -> None:
        word = Word(tuple(Character(c, Box(0, 0, 1, 1), confidence) for c in text))
        self.page = Page((Line((word,)),) if text else (), 40, 40, nothing="" if text else "nothing there")
        self.asked = 0

    def read(self, picture: Any) -> Page:
        self.asked += 1
        return self.page


@pytest.mark.parametrize(
    ("pieces", "lines", "taken", "asked"),
    [
        (("one", 0.95), ("two", 0.99), "one", 0),  # sure: whole lines are not read
        (("one", 0.5), ("two", 0.8), "two", 1),
        (("one", 0.8), ("two", 0.5), "one", 1),
        (("", 0.0), ("two", 0.3), "two", 1),
        (("one", 0.2), ("", 0.0), "one", 1),
        (("", 0.0), ("", 0.0), "", 1),
    ],
)
def test_the_surer_way_is_taken(pieces: Any, lines: Any, taken: str, asked: int) -> None:
    one, two = Fixed(*pieces), Fixed(*lines)
    page = BestReader(cast(Reader, one), cast(Reader, two)).read(PICTURE)
    assert page.text == taken and two.asked == asked and bool(page.nothing) is not bool(taken)


def test_clean_capitals_are_read_one_by_one() -> None:
    pixels = synthesise(
        "WELL APART", np.random.default_rng(11), hand=HAND, layout=LAYOUT, paper=Paper(), camera=CAMERA
    )[0]
    page = read(pixels)
    assert page == Reader().read(pixels) and page.text == "WELL APART" and page.confidence >= DEFAULTS.sure_of_pieces


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
    assert isinstance(found, Reader) and found.lines is not None
    found = make_reader(Recogniser().model, alphabet="A-Z")
    assert isinstance(found, Reader) and found.lines is None
    with pytest.raises(ModelError, match="does not read lines"):
        make_reader(dataclasses.replace(lines, class_names=NAMES[::-1]))


def test_a_language_is_a_name_or_a_file(tmp_path: Any) -> None:
    (tmp_path / "text.txt").write_text("the ink and the pen\n" * 50)
    for language in ("none", "english", str(tmp_path / "text.txt")):
        assert isinstance(make_reader(language=language), BestReader)
    with pytest.raises(GlassnetError, match=r"french.*none and english"):
        make_reader(language="french")
