"""What is written on lines: words and sentences, capitals, numbers, dates, addresses, sums, lists, codes.

Nothing is copied from anywhere but single words: sentences are words drawn by their frequency, all else fills in the
patterns of `templates`. All 95 printable ASCII characters come often enough to be learnt, and letters as often, among
letters, as in English.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np

from glassnet.errors import ReaderError
from glassnet.reader.lines.alphabet import CHARACTERS
from glassnet.reader.lines.templates import CHOICES, PATTERNS

__all__ = ["Texts", "count_words"]

_WORD = re.compile(r"[A-Za-z]+(?:['-][A-Za-z]+)*")
_BLANK = re.compile(r"\{(\w+|\*\d)\}")
_LONGEST = 15  # letters of a word
_LETTERS = "abcdefghijklmnopqrstuvwxyz"
_SELDOM = "jqxzjqxzjqxz"  # letters that words would leave too rare
_RARE = "\\\\\\\\&&&``%%{}#@~|"  # signs that patterns would
_SIGNS = "".join(c for c in CHARACTERS if not c.isalnum() and c != " ")

# Shares of lines, and of what happens in running text.
_RUNNING = 0.62  # lines of running text; others fill in patterns
_CAPITALS = 0.22  # running text in capitals
_TITLED = 0.06  # with a capital at each word
_PLAIN = 0.3  # words without any punctuation
_FAMILIAR = 0.3  # words of running text from the hundred most usual ones
_BROKEN = 0.02  # lines whose last word is parted by a hyphen


def count_words(labels: Iterable[str]) -> dict[str, int]:
    """The words in labels and how often each occurs: letters, with an apostrophe or a hyphen between them.

    A word that also occurs in small letters is counted as such, and so is one in capitals alone.
    """
    counts = Counter(word for label in labels for word in _WORD.findall(label) if len(word) <= _LONGEST)
    merged: Counter[str] = Counter()
    for word, count in counts.items():
        small = word.lower()
        usual = small if small in counts or word.isupper() else word
        if len(word) > 1 or small in "ai":
            merged["I" if small == "i" else usual] += count
    return dict(merged)


class Texts:
    """Draws what is written on lines.

    Parameters
    ----------
    words : mapping of str to int
        Words, with how often each occurs (see `count_words`).

    Raises
    ------
    ReaderError
        There are no words.
    """

    def __init__(self, words: Mapping[str, int]) -> None:
        self._words = [word for word, count in words.items() if count > 0 and set(word) <= set(CHARACTERS[1:])]
        if not self._words:
            raise ReaderError("There are no words to write with. Give words of printable ASCII and their counts.")
        self._up_to = np.cumsum([words[word] for word in self._words], dtype=np.float64)
        self._kinds = list(PATTERNS)
        shares = np.array([share for share, _ in PATTERNS.values()])
        self._shares = np.cumsum(shares / shares.sum())

    def draw(self, rng: np.random.Generator, characters: int) -> str:
        """A line of text of about so many characters, without a blank at either end or two together."""
        part = self._running(rng, characters) if rng.random() < _RUNNING else self._patterns(rng, characters)
        words = part.split()
        while len(words) > 1 and len(" ".join(words)) - len(words[-1]) / 2 > characters:
            words.pop()
        last = words[-1]
        if last.isalpha() and len(last) > 5 and rng.random() < _BROKEN:
            words[-1] = last[: int(rng.integers(2, len(last) - 2))] + "-"
        return " ".join(words)

    # ---- running text ----

    def _running(self, rng: np.random.Generator, characters: int) -> str:
        words: list[str] = []
        plain, manner = rng.random() < _PLAIN, rng.random()
        skipped = int(rng.integers(0, 8)) if rng.random() < 0.6 else 0  # a line may begin within a sentence
        while len(" ".join(words[skipped:])) < characters:
            words += self._sentence(rng, plain)
        text = " ".join(words[skipped:])
        if manner < _CAPITALS:
            return text.upper()
        return " ".join(w[:1].upper() + w[1:] for w in text.split()) if manner < _CAPITALS + _TITLED else text

    def _sentence(self, rng: np.random.Generator, plain: bool) -> list[str]:
        words = [_usual(rng) if rng.random() < _FAMILIAR else self.word(rng) for _ in range(int(rng.integers(3, 14)))]
        if plain:
            return words
        words[0] = words[0][:1].upper() + words[0][1:]
        for k in range(len(words) - 1):
            chance = rng.random()
            if chance < 0.09:
                pause = _one(rng, CHOICES["pause"])
                words[k] += f" {pause}" if pause == "-" else pause
            elif chance < 0.11:
                around = _one(rng, CHOICES["around"])
                words[k] = around[0] + words[k] + around[1]
            elif chance < 0.13:
                words[k] = self.filled(self._pattern(rng, 0.0), rng)
            elif chance < 0.14:
                words[k] += f" {_one(rng, ('&', '&', '&', '/', '+', '=', '%'))}"
            elif chance < 0.15:
                words[k] += f"{_one(rng, ('-', '/'))}{self.word(rng)}"
        words[-1] += _one(rng, CHOICES["end"])
        if rng.random() < 0.05:
            words[0], words[-1] = f'"{words[0]}', f'{words[-1]}"'
        return words

    # ---- patterns ----

    def _patterns(self, rng: np.random.Generator, characters: int) -> str:
        """Patterns of one kind, or of any, one after another."""
        kind = rng.random()
        mixed = rng.random() < 0.3
        text = self.filled(self._pattern(rng, kind), rng)
        while len(text) < characters:
            between = _one(rng, (" ", " ", " ", " ", ", ", "; ", " - ", " / "))
            text += between + self.filled(self._pattern(rng, rng.random() if mixed else kind), rng)
        return text.upper() if rng.random() < 0.06 else text

    def _pattern(self, rng: np.random.Generator, kind: float) -> str:
        name = self._kinds[min(int(np.searchsorted(self._shares, kind)), len(self._kinds) - 1)]
        return _one(rng, PATTERNS[name][1])

    def filled(self, pattern: str, rng: np.random.Generator) -> str:
        """A pattern with its blanks filled in."""
        return _BLANK.sub(lambda blank: self._blank(blank[1], rng), pattern)

    def _blank(self, name: str, rng: np.random.Generator) -> str:
        if name in CHOICES:
            return _one(rng, CHOICES[name])
        if name in _FILL:
            return _FILL[name](rng)
        if name == "words":
            return " ".join(self.word(rng) for _ in range(int(rng.integers(1, 4))))
        word = self.word(rng)
        if name == "word":
            return word.lower()
        if name == "Word":
            return word.capitalize()
        if name == "WORD":
            return word.upper()
        kind, count = (name[0], int(name[1:])) if not name.isdigit() else ("0", int(name))
        return "".join(_one(rng, _SETS[kind]) for _ in range(count))

    def word(self, rng: np.random.Generator) -> str:
        """A word, by its frequency."""
        return self._words[int(np.searchsorted(self._up_to, rng.random() * self._up_to[-1], side="right"))]


_SETS = {
    "0": "0123456789",
    "A": (_LETTERS + _SELDOM).upper(),
    "a": _LETTERS + _SELDOM,
    "b": _LETTERS + _SELDOM + (_LETTERS + _SELDOM).upper() + "0123456789",
    "*": _SIGNS + 3 * _RARE,
}


def _one(rng: np.random.Generator, of: Sequence[str]) -> str:
    return of[int(rng.random() * len(of))]


def _usual(rng: np.random.Generator) -> str:
    """One of the most usual words: each is about as frequent as the first over its rank (Zipf's law)."""
    words = CHOICES["usual"]
    return words[int((len(words) + 1) ** rng.random()) - 1]


def _number(rng: np.random.Generator) -> str:
    """A whole number; short ones are as frequent as long ones."""
    return str(int(10 ** (rng.random() * 4)) - (rng.random() < 0.1))


def _sum(rng: np.random.Generator) -> str:
    """A sum that is right."""
    a, b = int(rng.integers(1, 100)), int(rng.integers(1, 30))
    left, right = [
        (f"{a}+{b}", a + b),
        (f"{a}-{b}", a - b),
        (f"{a}*{b}", a * b),
        (f"{a}x{b}", a * b),
        (f"{a * b}/{b}", a),
    ][int(rng.integers(5))]
    result = f"{left}={right}"
    return re.sub(r"([+*/x=]|(?<=\d)-)", r" \1 ", result) if rng.random() < 0.4 else result


def _between(low: int, high: int, form: str = "d") -> Callable[[np.random.Generator], str]:
    return lambda rng: format(int(rng.integers(low, high + 1)), form)


_FILL: dict[str, Callable[[np.random.Generator], str]] = {
    "n": _number,
    "sum": _sum,
    "d": _between(1, 31),
    "dd": _between(1, 31, "02d"),
    "m": _between(1, 12),
    "mm": _between(1, 12, "02d"),
    "yy": _between(0, 99, "02d"),
    "yyyy": _between(1900, 2035),
    "h": _between(1, 12),
    "min": _between(0, 59, "02d"),
}
