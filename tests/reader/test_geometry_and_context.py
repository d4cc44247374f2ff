"""What a character's place and its neighbours say about it."""

from __future__ import annotations

import numpy as np
import pytest

from glassnet.reader.alphabet import ALPHABET
from glassnet.reader.context import rescore, with_words
from glassnet.reader.geometry import Measure, fit_line, place_factors
from glassnet.reader.glyphs import extents, strokes_of


def _boxes(text: str, capital: float = 50.0, base: float = 200.0, slope: float = 0.0) -> np.ndarray:
    rows = []
    for k, c in enumerate(text):
        (bottom, top), width = extents(c)[0], np.ptp(np.concatenate(strokes_of(c, 0))[:, 0])
        x = 60.0 * k
        y = base + slope * x
        rows.append([x, y - top * capital, x + width * capital, y - bottom * capital])
    return np.array(rows)


def _sure(text: str) -> np.ndarray:
    p = np.full((len(text), len(ALPHABET)), 1e-4)
    p[np.arange(len(text)), [ALPHABET.index(c) for c in text]] = 1.0
    return p / p.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("slope", [-0.04, 0.0, 0.05])
@pytest.mark.parametrize("text", ["Reading, 42 pages!", "HELLOWORLD", "quickly done", "no acorns"])
def test_a_line_is_measured(text: str, slope: float) -> None:
    text = text.replace(" ", "")
    found = fit_line(_boxes(text, slope=slope), _sure(text), page=50.0)
    assert abs(found.capital - 50) < 5 and abs(found.slope - slope) < 0.01 and abs(found.offset - 200) < 4


@pytest.mark.parametrize("pair", ["Oo", "Cc", "Ss", "Vv", "Xx", "Zz", ",'", ".'"])
def test_alike_characters_are_told_by_their_place(pair: str) -> None:
    measure = Measure(0.0, 200.0, 50.0)
    for c in pair:
        factors = place_factors(_boxes(c), measure)[0]
        other = pair.replace(c, "")
        assert factors[ALPHABET.index(c)] > 5 * factors[ALPHABET.index(other)]


@pytest.mark.parametrize("character", ["f", "J", "z", "i", "j"])
def test_a_character_may_stand_in_any_way_that_it_is_written(character: str) -> None:
    ways = np.array(extents(character))
    assert len(ways) > 1
    boxes = np.array([[0.0, 200 - 50 * top, 20, 200 - 50 * bottom] for bottom, top in ways])
    assert (place_factors(boxes, Measure(0.0, 200.0, 50.0))[:, ALPHABET.index(character)] > 1).all()


def _open(*choices: dict[str, float]) -> list[np.ndarray]:
    rows = []
    for choice in choices:
        row = np.full(len(ALPHABET), 1e-6)
        for c, p in choice.items():
            row[ALPHABET.index(c)] = p
        rows.append(row / row.sum())
    return rows


def _read(rows: list[np.ndarray]) -> str:
    return "".join(ALPHABET[int(row.argmax())] for row in rescore([rows])[0])


def test_figures_among_figures_letters_among_letters() -> None:
    unsure = {"O": 0.5, "0": 0.5}
    assert _read(_open({"1": 1}, unsure, {"5": 1})) == "105"
    assert _read(_open({"T": 1}, unsure, {"P": 1})) == "TOP"
    assert _read(_open({"h": 1}, {"e": 1}, {"l": 0.4, "1": 0.3, "I": 0.3}, {"p": 1})) == "help"
    assert _read(_open({"B": 1}, {"I": 0.3, "l": 0.4, "1": 0.3}, {"G": 1})) == "BIG"


def test_marks_stand_at_the_end() -> None:
    assert _read(_open({"i": 0.45, "'": 0.55}, {"t": 1}, {"s": 1})) == "its"
    assert _read(_open({"o": 1}, {"k": 1}, {"!": 0.8, "l": 0.2})) == "ok!"


def test_what_the_picture_is_sure_of_stays() -> None:
    assert _read(_open({"A": 1}, {"7": 0.99, "T": 0.01}, {"x": 1})) == "A7x"


def test_rescored_probabilities_add_up() -> None:
    for word in rescore([_open({"O": 0.5, "0": 0.5}, {"1": 0.6, "l": 0.4}), _open({"a": 1})]):
        for row in word:
            assert abs(row.sum() - 1) < 1e-9


def test_words_of_one_character_have_neighbours_too() -> None:
    unsure = {"l": 0.4, "1": 0.3, "I": 0.3}
    words = [_open(choice) for choice in ({"o": 0.6, "0": 0.4}, unsure, {"2": 1}, {"3": 1})]
    assert [_read(word) for word in words] == ["o", "l", "2", "3"], "each alone"
    assert "".join(ALPHABET[int(row.argmax())] for word in rescore(words) for row in word) == "0123"
    words = [_open(choice) for choice in ({"H": 1}, unsure, {"J": 1})]
    assert "".join(ALPHABET[int(row.argmax())] for word in rescore(words) for row in word) == "HIJ"


def test_a_sentence_begins_with_a_capital_where_the_picture_leaves_it_open() -> None:
    words = [_open({"o": 1}, {"k": 1}, {".": 1}), _open({"l": 0.55, "I": 0.45}, {"t": 1})]
    assert [_read(word) for word in words] == ["ok.", "lt"], "each alone"
    assert "".join(ALPHABET[int(row.argmax())] for word in rescore(words) for row in word) == "ok.It"
    assert ALPHABET[int(rescore(words[1:], begins=True)[0][0].argmax())] == "I"


@pytest.mark.parametrize(
    ("line", "text"),
    [
        (["1{", "MAP"], "1.MAP"),  # { : a mark that looks much like a comma and a little like a full stop
        (["12{", "So"], "12.So"),
        (["1{", "2{", "3"], "1,2,3"),  # figures with commas between them
        (["AB{", "SO"], "AB,SO"),
        (["1{"], "1,"),
    ],
)
def test_items_of_a_list_are_numbered_with_full_stops(line: list[str], text: str) -> None:
    mark = {",": 0.9, ".": 0.05}
    words = [_open(*(mark if c == "{" else {c: 0.9} for c in word)) for word in line]
    assert "".join(ALPHABET[int(row.argmax())] for word in rescore(words) for row in word) == text


def test_a_word_list_decides_what_the_picture_leaves_open() -> None:
    rows = _open({"c": 1}, {"a": 0.45, "o": 0.55}, {"t": 1}, {".": 1})
    assert with_words(rows, {"cat", "dog"}) == "cat."
    assert with_words(rows, {"cot", "cat"}) is None, "what was read is a word"
    assert with_words(rows, {"cut"}) is None, "no picture of a u"
    assert with_words(_open({"c": 1}, {"o": 0.97, "a": 0.03}, {"t": 1}), {"cat"}) is None
