"""Glyphs, hands and ink."""

from __future__ import annotations

import string

import numpy as np
import pytest

from glassnet.data import CATALOGUE
from glassnet.reader.alphabet import ALPHABET
from glassnet.reader.characters import CLASSES, written_character
from glassnet.reader.glyphs import X_HEIGHT, extents, strokes_of, variants
from glassnet.reader.pen import bounds, draw_hand, ink, write


def test_the_alphabet() -> None:
    assert set(ALPHABET) == set(string.ascii_letters + string.digits + ".,!?:;'\"-+=()/&#@")
    assert CATALOGUE["hand-printed"].classes == CLASSES


@pytest.mark.parametrize("character", ALPHABET)
def test_every_form_lies_where_its_kind_does(character: str) -> None:
    for form in range(variants(character)):
        points = np.concatenate(strokes_of(character, form))
        left, bottom, right, top = (*points.min(axis=0), *points.max(axis=0))
        assert left >= -0.2 and right <= 1.05, "as wide as a letter"
        tail = -0.45 < bottom < -0.2
        if character in string.ascii_uppercase + string.digits:
            assert abs(top - 1) < 0.12 and (-0.15 < bottom < 0.08 or (tail and character in "JY"))
        elif character in "acemnorsuvwxz":
            assert -0.06 < top - X_HEIGHT < 0.13 and (abs(bottom) < 0.06 or (tail and character == "z"))
        elif character in "gpqy":
            assert abs(top - X_HEIGHT) < 0.06 and tail
        elif character in "bdfhkl":
            assert top > 0.8


def test_a_dot_lies_low_and_an_apostrophe_high() -> None:
    (_, dot_top), (apostrophe_bottom, _), (comma_bottom, _) = (extents(c)[0] for c in ".',")
    assert dot_top < 0.1 and apostrophe_bottom > 0.6 and comma_bottom < -0.1


def test_ink_is_a_band_around_a_stroke() -> None:
    canvas = np.zeros((21, 41), np.float32)
    ink(canvas, [np.array([[5.0, 10.0], [35.0, 10.0]])], 3.0, 0.0, np.random.default_rng(0))
    assert canvas[10, 5:36].min() == 1.0
    assert np.all(canvas[10 + 2, 5:36] == 1.0) and np.all(canvas[10 + 4, 5:36] == 0.0)
    np.testing.assert_allclose(canvas[10 + 3, 5:36], 0.5)
    assert canvas[10, 1] == 0 and canvas[10, 3] == 1, "round ends"


def test_a_hand_writes_the_same_letter_alike_but_not_twice_the_same() -> None:
    rng = np.random.default_rng(4)
    hand = draw_hand(rng)
    first, second = (write("H", hand, rng) for _ in range(2))
    assert len(first) == len(second) == 3
    assert not np.array_equal(first[0], second[0])
    assert np.abs(np.array(bounds(first)) - np.array(bounds(second))).max() < 0.5


@pytest.mark.parametrize("character", ["A", "i", ".", "@"])
def test_pictures_of_characters_are_framed(character: str) -> None:
    rng = np.random.default_rng(1)
    hand = draw_hand(rng)
    for _ in range(20):
        picture = written_character(character, hand, rng)
        assert picture.shape == (32, 32, 1) and picture.dtype == np.uint8
        rows, columns = np.nonzero(picture[..., 0] < 200)
        assert rows.min() >= 2 and rows.max() <= 29 and columns.min() >= 2 and columns.max() <= 29
        assert max(np.ptp(rows), np.ptp(columns)) >= 22
