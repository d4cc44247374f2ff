"""Lines that the pen model writes, printed and joined."""

from __future__ import annotations

import string
from dataclasses import replace

import numpy as np
import pytest

from glassnet.errors import ReaderError
from glassnet.reader.alphabet import ALPHABET
from glassnet.reader.forms import FORMS
from glassnet.reader.glyphs import parsed, strokes_of, variants
from glassnet.reader.lines.alphabet import CHARACTERS
from glassnet.reader.lines.hands import HandWriter, Style, draw_style
from glassnet.reader.lines.script import SCRIPT, way
from glassnet.reader.lines.texts import Texts

ADDED = "<>[]{}*%$_~^|\\`"


def exact(joins: float, **changed: object) -> Style:
    """A style that writes the forms as they stand in the tables, upright and steady."""
    style = draw_style(np.random.default_rng(0))
    hand = replace(
        style.hand, slant=0.0, width=1.0, x_height=0.58, bend=0.0, tremble=0.0, turn=0.0, uneven=0.0, overshoot=0.0,
        rounding=0.0, wobble=0.0, joining=0.0,
    )  # fmt: skip
    steady = replace(style, hand=hand, joins=joins, wander=0.0, wobble=0.0, letters=0.2, close=0.05, words=0.5)
    return replace(steady, **changed)  # type: ignore[arg-type]


def test_the_pen_writes_all_of_ascii() -> None:
    assert set(FORMS) == set(CHARACTERS[1:]) and set(FORMS) - set(ALPHABET) == set(ADDED)


@pytest.mark.parametrize("character", ADDED)
def test_added_signs_lie_where_they_belong(character: str) -> None:
    for form in range(variants(character)):
        points = np.concatenate(strokes_of(character, form))
        (left, bottom), (right, top) = points.min(axis=0), points.max(axis=0)
        assert left >= -0.05 and right <= 0.7
        if character in "[]{}|\\":
            assert top > 0.95 and bottom < 0.05
        elif character in "%$":
            assert top > 0.9 and abs(bottom) < 0.15
        elif character in "*^`":
            assert top > 0.9 and bottom > 0.5
        elif character in "<>~":
            assert top < 0.8 and bottom > 0
        else:
            assert top < 0 and bottom > -0.2


@pytest.mark.parametrize("letter", string.ascii_lowercase)
def test_joined_letters_lie_between_the_lines(letter: str) -> None:
    for form in SCRIPT[letter]:
        main = parsed(form)[0]
        (left, bottom), (right, top) = main.min(axis=0), main.max(axis=0)
        assert left > -0.15 and right < 0.85
        assert top > 0.8 if letter in "bdfhklt" else 0.5 < top < 0.7
        assert bottom < -0.3 if letter in "gjpqy" else -0.45 < bottom < 0.08
        assert main[-1, 0] >= right - 0.1, "the pen leaves on the right"
        assert -0.1 < main[-1, 1] < 0.6, "where the next letter can be reached"


def test_a_joined_word_is_one_stroke_and_its_dot_and_bar() -> None:
    writer = HandWriter()
    strokes, text = writer.write("minute", np.random.default_rng(0), style=exact(1.0))
    assert text == "minute" and len(strokes) == 3, "the word, a dot and a bar"
    apart, _ = writer.write("minute", np.random.default_rng(0), style=exact(0.0))
    assert len(apart) >= 8
    some, _ = writer.write("minute" * 5, np.random.default_rng(0), style=exact(0.5))
    assert 2 * 5 + 5 < len(some) < 2 * 5 + 25
    capital, _ = writer.write("Nun", np.random.default_rng(0), style=exact(1.0))
    assert len(capital) >= 2, "a capital stands by itself"


def test_the_way_between_letters_is_smooth() -> None:
    before, after = parsed(SCRIPT["a"][0])[0], parsed(SCRIPT["n"][0])[0] + np.array([0.8, 0.0])
    between = way(before, after, "n")
    steps = np.diff(np.concatenate([before[-1:], between, after[:1]]), axis=0)
    assert np.hypot(*steps.T).max() < 0.12, "without a jump"
    leaves = before[-1] - before[-2]
    assert steps[0] @ leaves > 0.9 * np.hypot(*steps[0]) * np.hypot(*leaves), "in the direction of the pen"


def test_lines_stand_on_a_baseline_with_gaps_between_words() -> None:
    strokes, text = HandWriter().write("Hand  on\tit", np.random.default_rng(1), capital=50.0, style=exact(1.0))
    assert text == "Hand on it"
    points = np.concatenate(strokes)
    assert points[:, 1].min() == pytest.approx(-50, abs=4), "a capital's height above the baseline; y is downwards"
    assert points[:, 1].max() == pytest.approx(0, abs=3)
    covered = np.zeros(int(points[:, 0].max()) + 2, bool)
    for stroke in strokes:
        covered[int(stroke[:, 0].min()) : int(stroke[:, 0].max()) + 1] = True
    empty = np.diff(np.flatnonzero(np.diff(np.pad(covered, 1).astype(int))))[1::2]
    assert sorted(empty)[-2:] == pytest.approx([0.7 * 50] * 2, rel=0.5)


def test_styles_differ_and_keys_repeat() -> None:
    writer = HandWriter(Texts({"some": 2, "words": 1}))
    (first, text), (second, again), (third, _) = (writer.line(np.random.default_rng(seed), 20) for seed in (5, 5, 6))
    assert text == again and all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))
    assert len(first) != len(third) or not np.array_equal(first[0], third[0])
    styles = [draw_style(np.random.default_rng(seed)) for seed in range(60)]
    assert 15 < sum(style.joins == 0 for style in styles) < 35
    assert all(set(style.hand.forms) == set(CHARACTERS[1:]) for style in styles)


def test_every_character_can_be_written() -> None:
    text = "".join(CHARACTERS[1:])
    for seed in range(4):
        strokes, read = HandWriter().write(text, np.random.default_rng(seed))
        assert read == text and all(np.isfinite(stroke).all() and stroke.shape[1] == 2 for stroke in strokes)


def test_what_the_pen_cannot_write() -> None:
    with pytest.raises(ReaderError, match="no text"):
        HandWriter().write(" ", np.random.default_rng(0))
    with pytest.raises(ReaderError, match="cannot write 'é'"):
        HandWriter().write("café", np.random.default_rng(0))
    with pytest.raises(ReaderError, match="given no texts"):
        HandWriter().line(np.random.default_rng(0), 5)
