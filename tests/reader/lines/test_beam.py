"""The beam against the sum over all paths and against CTC's loss, and what alphabet and word list do to it."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glassnet.errors import ReaderError
from glassnet.nn.functional.ctc import columns_needed, ctc_loss
from glassnet.nn.kernels.beam import DIGIT, JOINER, LETTER, MARK
from glassnet.reader.lines.alphabet import BLANK, CHARACTERS, decode, encode
from glassnet.reader.lines.beam import (
    Prior,
    beam_search,
    beam_search_naive,
    best_path,
    log_probabilities,
    no_grams,
    within,
)
from glassnet.reader.lines.wordlist import word_tree

ALL = 1000  # prefixes: more than there are


def random_logs(seed: int, columns: int, k: int, scale: float = 3.0) -> np.ndarray:
    return log_probabilities(scale * np.random.default_rng(seed).standard_normal((columns, k)))


def logs_of(*columns: dict[str, float]) -> np.ndarray:
    """Log-probabilities of columns that name what is likely, "" the blank; the rest is shared by all others."""
    p = np.empty((len(columns), BLANK + 1))
    for row, column in zip(p, columns, strict=True):
        row[:] = (1 - sum(column.values())) / (BLANK + 1 - len(column))
        for text, share in column.items():
            row[CHARACTERS.index(text) if text else BLANK] = share
    return np.log(p)


def spelled(text: str, sure: float = 0.9) -> list[dict[str, float]]:
    return [column for c in text for column in ({c: sure}, {"": 0.9})]


@given(st.integers(0, 2**32), st.integers(1, 5), st.integers(2, 4))
@settings(max_examples=25, deadline=None)
def test_a_beam_that_holds_all_prefixes_sums_all_paths(seed: int, columns: int, k: int) -> None:
    logs = random_logs(seed, columns, k)
    found, expected = beam_search(logs, Prior.none(k - 1), width=ALL), beam_search_naive(logs)
    assert found[0].labels == expected[0].labels
    by_text = {text.labels: text.score for text in expected}
    assert {text.labels for text in found} == set(by_text)
    for text in found:
        assert text.score == pytest.approx(by_text[text.labels], abs=1e-10) and text.picture == text.score
        assert text.picture == pytest.approx(-ctc_loss(logs[None], [list(text.labels)])[0], abs=1e-10)
    assert [text.score for text in found] == sorted((text.score for text in found), reverse=True)


def test_a_narrow_beam_finds_less_of_each_text_and_keeps_its_width() -> None:
    logs = random_logs(5, 30, 6, 1.0)
    for width in (1, 4, 16):
        found = beam_search(logs, Prior.none(5), width=width)
        assert len(found) == width
        for text in found:
            assert columns_needed(text.labels) <= 30
            assert text.picture <= -ctc_loss(logs[None], [list(text.labels)])[0] + 1e-9


def test_the_best_text_is_not_that_of_the_best_path() -> None:
    logs = np.log([[0.4, 0.6], [0.4, 0.6]])  # Graves' example: blanks 0.36, the label 0.64
    assert best_path(logs) == []
    found = beam_search(logs, Prior.none(1))
    assert found[0].labels == (0,) and found[0].score == pytest.approx(np.log(0.64))


def test_what_is_below_the_least_is_not_tried() -> None:
    logs = logs_of({"a": 0.6, "b": 0.35}, {"": 0.99})
    found = beam_search(logs, Prior.none(BLANK), least=np.log(0.3))
    assert [decode(text.labels) for text in found] == ["a", "b", ""]


# ---- alphabet -------------------------------------------------------------------------------------------------------


def test_an_alphabet_takes_the_rest_of_each_column_for_impossible() -> None:
    logs = within(logs_of({"O": 0.8, "0": 0.1, "": 0.05}, {" ": 0.5, "3": 0.2, "": 0.2}), "0123456789")
    p = np.exp(logs)
    np.testing.assert_allclose(p.sum(axis=1), 1)
    assert (p[:, [CHARACTERS.index(c) for c in "Oo~a"]] == 0).all()
    lost = 0.85 - 9 * 0.05 / 93 - 0.05 / 93  # neither nine other figures nor the space
    assert p[0, CHARACTERS.index("0")] / p[0, BLANK] == pytest.approx(0.1 / (0.05 + 0.05 * lost))
    assert p[1, 0] == pytest.approx(2.5 * p[1, CHARACTERS.index("3")])  # the space stays
    assert decode(beam_search(logs, Prior.none(BLANK))[0].labels).strip() == "0"


def test_what_looks_like_no_figure_is_left_out() -> None:
    logs = logs_of({"1": 0.9, "": 0.09}, {"": 0.9}, {"h": 0.99, "4": 0.002, "": 0.001}, {"": 0.9})
    assert decode(beam_search(within(logs, "0123456789"), Prior.none(BLANK))[0].labels) == "1"


def test_a_letter_counts_as_its_other_case_where_only_that_is_wanted() -> None:
    logs = logs_of({"a": 0.7, "A": 0.1, "B": 0.15})
    assert decode(best_path(within(logs, "AB"))) == "A"
    assert decode(best_path(within(logs, "AaB"))) == "a"


def test_columns_in_which_nothing_wanted_is_possible_are_blank() -> None:
    logs = np.full((2, BLANK + 1), -np.inf)
    logs[:, CHARACTERS.index("x")] = 0.0
    assert best_path(within(logs, "0-9")) == [] and beam_search(within(logs, "0"), Prior.none(BLANK))[0].labels == ()


@pytest.mark.parametrize(("alphabet", "message"), [("", "names none"), ("aé", "'é' is not among them")])
def test_an_alphabet_that_is_none(alphabet: str, message: str) -> None:
    with pytest.raises(ReaderError, match=message):
        within(np.zeros((1, BLANK + 1)), alphabet)


@pytest.mark.parametrize("shape", [(96,), (0, 96), (3, 1)])
def test_scores_that_are_none(shape: tuple[int, ...]) -> None:
    with pytest.raises(ReaderError, match="shape"):
        log_probabilities(np.zeros(shape))


# ---- word list ------------------------------------------------------------------------------------------------------


def listed(*words: str, cost: float = 1.0) -> Prior:
    return Prior(no_grams(BLANK), word_tree(words), unlisted=cost)


def unlisted(text: str, words: set[str]) -> int:
    """Words not in the list by another way: over whole texts. Made for words of letters and hyphens."""
    parts = "".join(c if c.isalpha() else " " for c in text).split()
    return sum(part.lower() not in words for part in parts)


@given(st.text("aAbB .,", max_size=14))
@settings(max_examples=100, deadline=None)
def test_words_that_are_not_in_the_list_cost(text: str) -> None:
    words = {"a", "ab", "abba", "bab"}
    assert listed(*words).score(encode(text)) == -unlisted(text, words)


@pytest.mark.parametrize(
    ("text", "cost"),
    [
        ("don't", 0),
        ("Don't.", 0),
        ("don", 1),  # the mere beginning of a word
        ("well-known", 0),  # two words
        ("known-wel", 1),
        ("cat's", 1),
        ("(WELL)", 0),
        ("12 34", 0),  # numbers are no words
        ("12th", 1),
        ("mp3 x", 1),
        ("mp33", 1),
        ("xx-yy", 1),  # one word that is not in the list
        ("", 0),
    ],
)
def test_joined_words_and_numbers(text: str, cost: int) -> None:
    assert listed("don't", "well", "known", "cat", "mp3").score(encode(text)) == -cost


def test_a_listed_word_is_preferred_and_any_other_stays_possible() -> None:
    logs = logs_of(*spelled("hous"), {"a": 0.6, "e": 0.35}, *spelled(" x"))
    assert decode(beam_search(logs, listed("house", cost=2.0))[0].labels) == "housa x"[:4] + "e x"
    sure = logs_of(*spelled("hous"), {"a": 0.95, "e": 0.02}, *spelled(" x"))
    assert decode(beam_search(sure, listed("house", cost=2.0))[0].labels) == "housa x"


def test_the_beam_scores_texts_as_they_are_scored_whole() -> None:
    logs = random_logs(7, 6, BLANK + 1, 1.0)
    prior = dataclasses.replace(listed("the", "cat"), beta=0.3)
    for text in beam_search(logs, prior, width=50):
        assert text.score == pytest.approx(text.picture + prior.score(text.labels), abs=1e-10)


def test_the_tree_of_a_word_list() -> None:
    tree = word_tree(["To", "tea", "ten", "i", "in", "inn", "café", "t e"])
    assert len(tree.label) == 1 + len({"t", "to", "te", "tea", "ten", "i", "in", "inn", "e"})
    assert tree.ends.sum() == len({"to", "tea", "ten", "i", "in", "inn", "t", "e"})
    kinds = dict(zip(CHARACTERS, tree.kind.tolist(), strict=True))
    assert [kinds[c] for c in "aZ4'-. "] == [LETTER, LETTER, DIGIT, JOINER, JOINER, MARK, MARK]
    with pytest.raises(ReaderError, match="no word"):
        word_tree(["", "é"])
