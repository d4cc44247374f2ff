"""What is half sure is read, with its confidence; what is not writing is not, and why not is said."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image, ImageDraw

from glassnet.data.catalogue import find_folder
from glassnet.data.pictures import read_picture
from glassnet.reader import Page, PieceReader, read
from glassnet.reader.alphabet import ALPHABET
from glassnet.reader.decoding import Decoded
from glassnet.reader.evaluate import compare
from glassnet.reader.page import Box, Character, Line, Word
from glassnet.reader.pages import made_up_lines, pages
from glassnet.reader.pen import draw_hand
from glassnet.reader.segmentation import Candidate
from glassnet.reader.selection import lines_of_writing
from glassnet.reader.synthesis import Paper, draw_layout, synthesise
from support.handwriting import CAMERA, HAND, LAYOUT


def test_a_page_of_joined_writing_is_read() -> None:
    """Character by character three in four can be read, though the network is sure of few; whole lines read better."""
    rng = np.random.default_rng((14, 17))
    hand = replace(draw_hand(rng), joining=1.0, slant=float(rng.uniform(0.2, 0.5)), uneven=0.08)
    layout = replace(draw_layout(rng), letters=0.02)
    pixels, truth = synthesise(made_up_lines(rng, 4).lower(), rng, hand=hand, layout=layout)
    page = PieceReader().read(pixels)
    score = compare("", page.text, truth.text)
    assert score.character_errors < 0.35 * score.characters
    assert page.confidence < 0.6 and page.nothing == ""
    assert compare("", read(pixels).text, truth.text).character_errors < 0.15 * score.characters


def test_squared_paper_in_a_shadow_is_read() -> None:
    """The third page of `glassnet synthesise --pages 20`: squares that show where two of their lines cross."""
    *_, (pixels, truth) = pages(3)
    score = compare("", read(pixels).text, truth.text)
    assert score.character_errors < 0.4 * score.characters


@pytest.mark.parametrize("name", ["flowers17", "sun8"])
def test_photographs_give_nothing(name: str) -> None:
    folder = find_folder(name)
    if folder is None:
        pytest.skip(f"no {name}")
    files = sorted(folder.rglob("*.jpg"))
    for file in files[7 :: len(files) // 4]:
        page = read(read_picture(file))
        assert page.lines == () and page.nothing


def _drawn(shapes: list[list[tuple[int, int]]]) -> np.ndarray:
    image = Image.new("L", (600, 400), 240)
    for points in shapes:
        ImageDraw.Draw(image).line(points, fill=30, width=3)
    return np.asarray(image)


def test_why_nothing_is_read() -> None:
    assert "darker or lighter" in read(np.full((300, 300), 240, np.uint8)).nothing
    frame = [[(20, 20), (580, 20), (580, 380), (20, 380), (20, 20)]]
    assert "no strokes of characters" in read(_drawn(frame)).nothing
    rng = np.random.default_rng(3)
    dashes = [[(x, y), (x + int(a), y + 1)] for x, y, a in rng.integers((30, 30, 5), (560, 370, 15), (40, 3))]
    page = read(_drawn(dashes))
    assert page.lines == () and "do not look like writing" in page.nothing
    pixels, _ = synthesise("ABC DEF", rng, hand=HAND, layout=LAYOUT, paper=Paper(), camera=CAMERA)
    assert read(pixels).nothing == ""
    assert "none of the characters of the alphabet" in read(pixels, alphabet="7-9").nothing


def test_half_sure_words_are_marked() -> None:
    box = Box(0, 0, 1, 1)
    words = [Word(tuple(Character(c, box, p) for c in text)) for text, p in (("so", 0.9), ("it", 0.4), ("is", 0.5))]
    page = Page((Line(tuple(words)), Line((words[1],))), 9, 9)
    assert page.marked_text(0.5) == "so {it} is\n{it}"
    assert page.marked_text(0.0) == page.text == "so it is\nit"
    assert page.confidence == pytest.approx((0.9 * 0.4 * 0.5 * 0.4) ** 0.25)
    assert page.as_json()["confidence"] == round(page.confidence, 4)


def _line(confidence: float) -> list[Decoded]:
    """Four figures, as tall as one another."""
    p = np.full(len(ALPHABET) + 1, 1e-9)
    p[ALPHABET.index("3")] = confidence
    crop = np.zeros((32, 32, 1), np.uint8)
    return [Decoded(Candidate(k, k, (9 * k, 0, 9 * k + 8, 9), crop, 0, 1, 0), p) for k in range(4)]


def test_an_unsure_line_is_read_on_a_page_of_writing_alone() -> None:
    sure, unsure = _line(0.99), _line(0.12)
    assert lines_of_writing([sure, sure, sure, unsure]) == [sure, sure, sure, unsure]
    assert lines_of_writing([unsure, unsure]) == []
    assert lines_of_writing([sure] + 9 * [_line(1e-5)]) == []  # of many marks some look like a line by chance
    assert lines_of_writing([]) == []
