"""Synthesised pages: what is there is where the truth says, and the same seed gives the same page."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from glassnet.errors import ReaderError
from glassnet.reader.pages import made_up_lines, pages
from glassnet.reader.synthesis import Camera, Layout, Paper, draw_camera, synthesise

TEXT = "Hello World\nNo. 7 = (a+b)"


def test_same_seed_same_page() -> None:
    a, first = synthesise(TEXT, np.random.default_rng(3))
    b, second = synthesise(TEXT, np.random.default_rng(3))
    np.testing.assert_array_equal(a, b)
    assert first.text == second.text == TEXT
    assert [c.box for c in first.characters] == [c.box for c in second.characters]


@pytest.mark.parametrize("quarter", [0, 1, 2, 3])
@pytest.mark.parametrize("turn", [0.0, -7.0, 5.0])
def test_boxes_hold_the_ink(quarter: int, turn: float) -> None:
    camera = Camera(turn=turn, quarter_turns=quarter, tilt=0.02, blur=0.3, noise=0.0, jpeg=95)
    pixels, page = synthesise(
        "ABC abc", np.random.default_rng(0), camera=camera, paper=Paper(grain=0.0), layout=Layout(capital=60.0)
    )
    assert (page.height, page.width) == pixels.shape[:2]
    dark = pixels.mean(axis=2) < 150
    assert dark.sum() > 500
    inside = np.zeros_like(dark)
    for c in page.characters:
        box = c.box
        part = dark[max(0, int(box.top)) : int(box.bottom) + 1, max(0, int(box.left)) : int(box.right) + 1]
        assert part.any(), c.text
        inside[max(0, int(box.top) - 2) : int(box.bottom) + 3, max(0, int(box.left) - 2) : int(box.right) + 3] = True
    assert not (dark & ~inside).any()


def test_lines_lie_below_each_other() -> None:
    _, page = synthesise("one\ntwo\nthree", np.random.default_rng(1), camera=Camera())
    tops = [line.box.top for line in page.lines]
    assert tops == sorted(tops) and len(set(tops)) == 3


@pytest.mark.parametrize(("text", "what"), [("", "no text"), ("  \n", "no text"), ("naïve", "'ï'"), ("a\x00b", "x00")])
def test_what_the_pen_cannot_write(text: str, what: str) -> None:
    with pytest.raises(ReaderError, match=what):
        synthesise(text, np.random.default_rng(0))


def test_made_up_lines_can_be_written() -> None:
    rng = np.random.default_rng(0)
    for _ in range(30):
        assert len(made_up_lines(rng, 4).splitlines()) == 4
    drawn = list(pages(3, "x", turned=True))
    assert [round(page.turned / 90) % 4 for _, page in drawn] == [1, 2, 3]
    upright = replace(draw_camera(rng), turn=0.0)
    assert upright.quarter_turns == 0
