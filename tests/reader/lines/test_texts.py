"""What is written on lines."""

from __future__ import annotations

import re
import string
from collections import Counter

import numpy as np
import pytest

from glassnet.errors import ReaderError
from glassnet.reader.lines.alphabet import CHARACTERS
from glassnet.reader.lines.templates import CHOICES, PATTERNS
from glassnet.reader.lines.texts import Texts, count_words

WORDS = """people water school number point house picture answer learn plant father light country head stand page should
found study still letter keep never last thought city tree cross farm hard start might story saw far sea draw left late
run while press close night real life few north book carry took science eat room friend began idea fish mountain stop
once base hear horse cut sure watch color face wood main open seem together next white children begin got walk example
ease paper group always music those both mark often until mile river car feet care second enough plain girl usual young
ready above ever red list though feel talk bird soon body dog family direct pose leave song measure door product black
short numeral class wind question happen complete ship area half rock order fire south problem piece told knew pass
since top whole king space heard best hour better true during hundred five remember step early hold west ground interest
reach fast verb sing listen six table travel less morning ten simple several vowel toward war lay against pattern slow
center love person money serve appear road map rain rule govern pull cold notice voice unit power town fine certain fly
fall lead cry dark machine note wait plan figure star box noun field rest correct able pound done beauty drive stood
contain front teach week final gave green quick develop ocean warm free minute strong special mind behind clear tail
produce fact street inch multiply nothing course stay wheel full force blue object decide surface deep moon island foot
system busy test record boat common gold possible plane stead dry wonder laugh thousand ago ran check game shape equate
hot miss brought heat snow tire bring yes distant fill east paint language among"""

# Relative frequencies of letters in English text, percent (Lewand, Cryptological Mathematics, 2000).
ENGLISH = {
    "e": 12.7, "t": 9.06, "a": 8.17, "o": 7.51, "i": 6.97, "n": 6.75, "s": 6.33, "h": 6.09, "r": 5.99, "d": 4.25,
    "l": 4.03, "c": 2.78, "u": 2.76, "m": 2.41, "w": 2.36, "f": 2.23, "g": 2.02, "y": 1.97, "p": 1.93, "b": 1.49,
}  # fmt: skip


@pytest.fixture(scope="module")
def texts() -> Texts:
    return Texts(dict.fromkeys(WORDS.split(), 1))


@pytest.fixture(scope="module")
def drawn(texts: Texts) -> list[str]:
    rng = np.random.default_rng(0)
    return [texts.draw(rng, int(rng.integers(2, 60))) for _ in range(8000)]


def test_every_character_comes_often_enough(drawn: list[str]) -> None:
    counts = Counter("".join(drawn))
    total = sum(counts.values())
    assert set(counts) == set(CHARACTERS)
    rarest, number = min(counts.items(), key=lambda item: item[1])
    assert number >= 0.0008 * total, f"{rarest!r} has a share of {number / total:.5f}"
    assert sum(number >= 0.0009 * total for number in counts.values()) >= 90


def test_letters_are_as_frequent_as_in_english(drawn: list[str]) -> None:
    letters = Counter(c for c in "".join(drawn).lower() if c.isalpha())
    total = sum(letters.values())
    apart = {c: abs(100 * letters[c] / total - share) for c, share in ENGLISH.items()}
    assert sum(apart.values()) < 16 and max(apart.values()) < 2.5, apart
    small = sum(c.islower() for text in drawn for c in text)
    capital = sum(c.isupper() for text in drawn for c in text)
    assert 0.15 < capital / (small + capital) < 0.4


def test_lines_are_about_as_long_as_asked(texts: Texts) -> None:
    rng = np.random.default_rng(1)
    for characters in (1, 8, 25, 60):
        lengths = [len(texts.draw(rng, characters)) for _ in range(300)]
        assert np.median(lengths) == pytest.approx(characters, rel=0.15, abs=4)
        assert min(lengths) >= 1


def test_lines_are_one_line_with_single_blanks(drawn: list[str]) -> None:
    assert all(text == " ".join(text.split()) and text for text in drawn)


def test_capitals_numbers_and_sentences_occur(drawn: list[str]) -> None:
    def share(pattern: str) -> float:
        return sum(re.search(pattern, text) is not None for text in drawn) / len(drawn)

    assert 0.1 < share(r"^[^a-z]*[A-Z]{3}[^a-z]*$") < 0.3
    assert share(r"\(\d{3}\) \d{3}-\d{4}") > 0.002
    assert share(r"\$\d") > 0.02
    assert share(r"\d{1,2}:\d{2}") > 0.005
    assert share(r"\w@\w+\.\w") > 0.003
    assert share(r"[a-z], [a-z]") > 0.05
    assert share(r"^[-*+>] ") > 0.005
    assert share(r"[a-z][.!?]") > 0.1


def test_sums_are_right(texts: Texts) -> None:
    rng = np.random.default_rng(2)
    for _ in range(100):
        left, right = texts.filled("{sum}", rng).split("=")
        assert eval(left.replace("x", "*")) == int(right)


def test_no_blank_of_a_pattern_stays_empty(texts: Texts) -> None:
    rng = np.random.default_rng(3)
    for _, patterns in PATTERNS.values():
        for pattern in patterns:
            filled = texts.filled(pattern, rng)
            assert set(filled) <= set(CHARACTERS)
            assert len(filled) > pattern.count("{") - 3 and "  " not in filled
    assert texts.filled("{A2}-{3} {a1} {*2}", np.random.default_rng(0)).count(" ") == 2
    code, digits = texts.filled("{A2}|{3}", rng).split("|")
    assert len(code) == 2 and code.isupper() and len(digits) == 3 and digits.isdigit()
    assert texts.filled("{month}", rng) in CHOICES["month"]


def test_words_are_drawn_by_their_counts() -> None:
    rng = np.random.default_rng(4)
    texts = Texts({"often": 90, "seldom": 10, "never": 0})
    words = Counter(texts.word(rng) for _ in range(2000))
    assert set(words) == {"often", "seldom"} and words["seldom"] / 2000 == pytest.approx(0.1, abs=0.03)


def test_words_of_labels() -> None:
    labels = ["The cat's 12 (fine) co-workers", "the THE Gail's", "IBM b x I i a", "Don't, don't", "pneumonoultramicro"]
    assert count_words(labels) == {
        "the": 3, "cat's": 1, "fine": 1, "co-workers": 1, "Gail's": 1, "ibm": 1, "I": 2, "a": 1, "don't": 2
    }  # fmt: skip


def test_words_are_needed() -> None:
    with pytest.raises(ReaderError, match="no words"):
        Texts({"grün": 3, "no": 0})


def test_the_letters_are_ascii() -> None:
    assert set(string.ascii_letters) < set(CHARACTERS)
