"""The model of a language against its formulas, what a file keeps of it, and what it does to a line."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glassnet.errors import GlassnetError, ReaderError
from glassnet.reader.lines import language
from glassnet.reader.lines.alphabet import BLANK, CHARACTERS, encode
from glassnet.reader.lines.beam import Prior, no_words
from glassnet.reader.lines.decoder import Decoder, DecodingSettings
from glassnet.reader.lines.language import NGrams, load, of, plain, probability_naive, train
from glassnet.reader.lines.letter_case import capital_of, turned

TEXTS = [
    "It was a dark and stormy night; the rain fell in torrents.",
    "Mr. Bennet had 2 daughters, 15 and 17. The other three were older.",
    "THE END? It is the beginning of the third part.",
]
CONTEXTS = ["", "I", "It was a ", "Mr. B", "zzz", "the ", "TH", "17. T", "no. ~"]


@pytest.fixture(scope="module")
def model() -> NGrams:
    return train(TEXTS, order=4, about="three lines")


@pytest.fixture(scope="module")
def rounded(tmp_path_factory: pytest.TempPathFactory) -> NGrams:
    path = tmp_path_factory.mktemp("language") / "pruned.npz"
    train(TEXTS, order=4, most=200, about="three lines").save(path)
    return load(path)


@pytest.mark.parametrize("context", CONTEXTS)
def test_probabilities_are_those_of_the_formula(model: NGrams, context: str) -> None:
    p = model.probability(context)
    for c in "aetTz1 .,~":
        assert p[CHARACTERS.index(c)] == pytest.approx(probability_naive(TEXTS, context, c, 4), rel=1e-10)


@given(st.text(CHARACTERS, max_size=12))
@settings(max_examples=60, deadline=None)
def test_probabilities_add_up_to_one(model: NGrams, rounded: NGrams, context: str) -> None:
    for own in (model, rounded):
        p = own.probability(context)
        assert p.sum() == pytest.approx(1, abs=1e-12) and (p > 0).all()


@given(st.text(CHARACTERS, max_size=12))
@settings(max_examples=20, deadline=None)
def test_a_text_is_as_probable_as_its_characters_together(model: NGrams, text: str) -> None:
    steps = (model.probability(text[:i])[CHARACTERS.index(c)] for i, c in enumerate(text))
    assert model.log_probability(text) == pytest.approx(sum(map(np.log, steps)), abs=1e-9)


def test_a_line_ends_as_a_word_does(model: NGrams) -> None:
    prior = Prior(model.grams, no_words(BLANK), alpha=0.5, beta=0.25)
    expected = 0.5 * model.log_probability("the rain ") + 0.25 * len("the rain")
    assert prior.score(encode("the rain")) == pytest.approx(expected)
    assert prior.score([]) == 0


def test_what_is_left_out_says_little(model: NGrams, rounded: NGrams) -> None:
    assert len(rounded.grams.label) - 1 <= 200 < len(model.grams.label) / 2
    assert rounded.about == "three lines"
    there, elsewhere = TEXTS[1], "Other words, such as no one has read before."
    assert rounded.log_probability(there) / len(there) > rounded.log_probability(elsewhere) / len(elsewhere)


def test_all_of_a_model_is_kept_but_for_rounding(model: NGrams, tmp_path: Path) -> None:
    model.save(tmp_path / "whole.npz")
    found = load(tmp_path / "whole.npz")
    for name in ("symbol", "turn", "label", "first", "suffix"):
        np.testing.assert_array_equal(getattr(found.grams, name), getattr(model.grams, name))
    assert found.grams.start == model.grams.start
    for context in CONTEXTS:
        np.testing.assert_allclose(np.log(found.probability(context)), np.log(model.probability(context)), atol=0.15)


def test_capitals_and_figures_are_no_less_probable() -> None:
    """Once capitals have begun; the first two letters cost what it takes to tell."""
    model = train([" ".join(TEXTS)] * 3)
    text = "the rain fell in torrents"
    small, capitals = model.log_probability(text), model.log_probability(text.upper())
    assert small - 6 < capitals < small
    p = model.probability("Mr. Bennet had ")
    assert len({float(p[CHARACTERS.index(c)]) for c in "0123456789"}) == 1


def test_where_a_sentence_begins_a_capital_is_expected() -> None:
    model = train(["It rains. The sun will come. We all say so. Then it rains again. Who knows."])
    capital = [capital_of(model.grams.form)[_state(text)] for text in ("It rains. ", "It rains ", "It ra")]
    assert capital[0] > 0.6 > 0.4 > capital[1] > capital[2]


def _state(text: str) -> int:
    state = 0
    for c in text:
        state = turned(state, c)
    return state


def test_plain_text() -> None:
    assert plain("  “Café”\tnaïve — straße…\n½") == '"Cafe" naive - strasse... 1/2'


# ---- by name --------------------------------------------------------------------------------------------------------


def test_languages_by_name(tmp_path: Path) -> None:
    assert of("none") is None
    english = of("english")
    assert english is not None and english is of("english") and "Austen" in english.about
    file = tmp_path / "recipes.txt"
    file.write_text("Mix the dough.\nLet it rise for an hour.\n")
    own = of(file)
    assert own is not None and own.about == str(file)
    assert own.probability("the d")[CHARACTERS.index("o")] > english.probability("the d")[CHARACTERS.index("o")]


def test_the_shipped_model_is_small_and_knows_english() -> None:
    assert language.ENGLISH.stat().st_size < 1_000_000 and language.ENGLISH.with_suffix(".md").is_file()
    english = load(language.ENGLISH)
    for text in ("We shall be there on Monday at half past nine", "WE SHALL BE THERE ON MONDAY AT HALF PAST NINE"):
        assert -english.log_probability(text) / len(text) / np.log(2) < 2.6  # bits a character
    assert -english.log_probability("Wsae lhbthr eoenndyMa") / 21 / np.log(2) > 5


def test_what_is_no_text(tmp_path: Path) -> None:
    with pytest.raises(GlassnetError, match=r"nowhere\.txt"):
        of(tmp_path / "nowhere.txt")
    (tmp_path / "empty.txt").write_text(" \n")
    with pytest.raises(ReaderError, match="no text"):
        of(tmp_path / "empty.txt")
    with pytest.raises(ReaderError, match=r"empty.txt.*model of a language"):
        load(tmp_path / "empty.txt")


# ---- in a line ------------------------------------------------------------------------------------------------------


def scores_of(text: str) -> np.ndarray:
    """Scores that are sure of a text, each character in one column and a blank after it."""
    z = np.zeros((2 * len(text), BLANK + 1))
    z[1::2, BLANK] = 14
    z[np.arange(0, len(z), 2), encode(text)] = 14
    return z


def test_a_language_settles_what_the_picture_leaves_open() -> None:
    z = scores_of("the raln fell")
    z[2 * 6, CHARACTERS.index("i")] = 13.5
    model = train([" ".join(TEXTS)] * 3)
    decoder = Decoder(language=model, settings=DecodingSettings(alpha=0.5, beta=0.5))
    assert Decoder()(z).text == "the raln fell"
    reading = decoder(z)
    assert reading.text == "the rain fell" and reading.words[1].characters[2].confidence > 0.7
    assert reading.score == pytest.approx(reading.picture + decoder.prior.score(encode("the rain fell")))
    z[2 * 6, CHARACTERS.index("i")] = 4  # the picture is sure
    assert decoder(z).text == "the raln fell"
    assert Decoder(language=model, greedy=True)(scores_of("the raln fell")).text == "the raln fell"
