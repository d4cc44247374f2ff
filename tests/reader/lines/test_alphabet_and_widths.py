"""The classes of the line recogniser, and the widths that lines are filled up to."""

from __future__ import annotations

import string

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from glassnet.errors import ReaderError
from glassnet.reader.lines.alphabet import BLANK, CHARACTERS, NAMES, decode, encode
from glassnet.reader.lines.widths import padded, padded_width


def test_the_characters_are_printable_ascii() -> None:
    assert set(CHARACTERS) == set(string.printable) - set("\t\n\r\x0b\x0c")
    assert len(CHARACTERS) == len(NAMES) == BLANK == 95 and NAMES[0] == "space" and NAMES[34] == "B"
    assert encode(" B~") == [0, 34, 94]


@given(st.text(CHARACTERS))
def test_labels_and_back(text: str) -> None:
    assert decode(encode(text)) == text


def test_a_character_that_is_none_of_them() -> None:
    with pytest.raises(ReaderError, match="'é' in 'café'"):
        encode("café")


@given(st.integers(1, 20_000))
def test_a_padded_width_holds_the_line_and_wastes_at_most_a_fifth(width: int) -> None:
    found = padded_width(width)
    assert found % 16 == 0 and found >= width
    assert found - width < found / 5 or found == 64
    assert padded_width(found) == found


def test_padding_is_paper_on_the_right() -> None:
    strip = np.full((3, 70), 255, np.uint8)
    assert padded(strip).shape == (3, 80)
    assert (padded(strip)[:, :70] == 255).all() and not padded(strip)[:, 70:].any()
