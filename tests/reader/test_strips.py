"""A picture of a single line, cut out of its page, is read like the same line with paper around it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from glassnet.reader import read
from glassnet.reader.binarise import find_ink
from glassnet.reader.components import find_components
from glassnet.reader.rules import without_rules
from glassnet.reader.synthesis import Layout, Paper, synthesise
from support.handwriting import CAMERA, HAND, LAYOUT

TEXT = "Hidden below the tiled path\nTHE HOTEL KEPT FIFTEEN"


def _strips(text: str = TEXT, margin: float = 0.0, layout: Layout = LAYOUT) -> list[tuple[np.ndarray, np.ndarray, str]]:
    """Every line cut out, with a margin in heights of a capital; the same on a sheet of its paper; what it says."""
    rng = np.random.default_rng(4)
    pixels, truth = synthesise(text, rng, hand=HAND, layout=layout, paper=Paper(), camera=CAMERA)
    wide = int(margin * layout.capital)
    found = []
    for line in truth.lines:
        left, top, right, bottom = line.box.whole()
        strip = pixels[max(0, top - wide) : bottom + wide + 1, max(0, left - wide) : right + wide + 1]
        around = 5 * int(layout.capital)
        sheet = np.median(pixels, axis=(0, 1)) * np.ones((strip.shape[0] + 2 * around, strip.shape[1] + 2 * around, 3))
        sheet = np.clip(sheet + rng.normal(0, CAMERA.noise, sheet.shape), 0, 255).astype(np.uint8)
        sheet[around:-around, around:-around] = strip
        found.append((np.ascontiguousarray(strip), sheet, line.text))
    return found


@pytest.mark.parametrize("margin", [0.0, 0.4])
@pytest.mark.parametrize("turns", [0, 1])
def test_a_strip_reads_like_the_same_strip_on_paper(margin: float, turns: int) -> None:
    for strip, sheet, _ in _strips(margin=margin):
        there = read(np.ascontiguousarray(np.rot90(sheet, turns))).text
        assert there.count("\n") == 0 and len(there) > 12
        assert read(np.ascontiguousarray(np.rot90(strip, turns))).text == there


def test_a_strip_loses_no_letter_that_touches_its_edges() -> None:
    """Cut to the ink itself: the first and last letter lie in corners, dots of i and commas at the edges."""
    for strip, _, text in _strips("Bill, if\nCANNOT", layout=replace(LAYOUT, words=0.7)):
        dark = strip.min(axis=2) < 150
        rows, columns = np.flatnonzero(dark.any(axis=1)), np.flatnonzero(dark.any(axis=0))
        tight = np.ascontiguousarray(strip[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1])
        assert read(tight).text == text


def test_no_stroke_of_a_strip_is_a_rule() -> None:
    mask = np.zeros((60, 900), bool)
    mask[4:56, 100:800:25] = True
    mask[4:56, 101:801:25] = True
    for view in (mask, mask.T):
        assert without_rules(view, 0.0, 2.0) is view
    mask[30:32] = True  # one that runs along the strip
    assert not without_rules(mask, 0.0, 2.0)[30:32, 103:120].any()


def test_ink_that_covers_a_third_of_a_strip_is_ink() -> None:
    rng = np.random.default_rng(0)
    pixels = np.full((60, 600), 220.0)
    for x in range(6, 590, 24):
        pixels[2:58, x : x + 8] = 60
    ink = find_ink(np.clip(pixels + rng.normal(0, 2, pixels.shape), 0, 255).astype(np.uint8)[..., None])
    assert ink is not None
    assert len(find_components(ink.ink).items) == 25


def test_remains_at_the_edges_of_a_page_are_left_out() -> None:
    """Of the lines above and below the picture; a dark edge too."""
    (_, sheet, _), *_ = _strips()
    cut = sheet.copy()
    cut[:8, 150:600:40] = cut[:8, 151:601:40] = cut[-9:, 200:700:50] = 40
    cut[:, -6:] = 30
    assert read(cut).text == read(sheet).text
