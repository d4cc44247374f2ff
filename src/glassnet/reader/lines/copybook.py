"""What is set from single characters: numbers, sums, codes and words in capitals, all rare among written words."""

from __future__ import annotations

import string
from collections.abc import Callable, Sequence

import numpy as np

__all__ = ["Copybook"]


class Copybook:
    """Short texts.

    Parameters
    ----------
    words : sequence of str
        Words to choose from.
    """

    def __init__(self, words: Sequence[str]) -> None:
        self.words = tuple(words)
        self._forms: tuple[tuple[Callable[[np.random.Generator], str], float], ...] = (
            (self._capitals, 0.3), (self._word, 0.2), (_number, 0.15), (_telephone, 0.08), (_sum, 0.12), (_date, 0.06),
            (_code, 0.09),
        )  # fmt: skip
        self._sums = np.cumsum([share for _, share in self._forms])

    def draw(self, rng: np.random.Generator, characters: int) -> str:
        """A text of about so many characters."""
        text = ""
        while len(text) < 0.85 * characters:
            form = self._forms[int(np.searchsorted(self._sums, rng.random() * self._sums[-1]))][0]
            longer = f"{text} {form(rng)}".strip()
            if len(longer) > 1.2 * characters + 1:
                return text or longer[: max(1, characters)].strip()
            text = longer
        return text

    def _word(self, rng: np.random.Generator) -> str:
        return self.words[rng.integers(len(self.words))] if self.words else "word"

    def _capitals(self, rng: np.random.Generator) -> str:
        return self._word(rng).upper()


def _digits(rng: np.random.Generator, count: int) -> str:
    return "".join(map(str, rng.integers(0, 10, count)))


def _number(rng: np.random.Generator) -> str:
    whole = _digits(rng, int(rng.integers(1, 7)))
    forms = (whole, f"{whole}.{_digits(rng, 2)}", f"${whole}", f"{whole}%", f"#{whole}", f"{whole},{_digits(rng, 3)}")
    return forms[rng.integers(len(forms))]


def _telephone(rng: np.random.Generator) -> str:
    a, b, c = _digits(rng, 3), _digits(rng, 3), _digits(rng, 4)
    return (f"({a}) {b}-{c}", f"{a}-{b}-{c}", f"+{_digits(rng, 2)} {a} {b}{c}", f"{b} {c}")[rng.integers(4)]


def _sum(rng: np.random.Generator) -> str:
    a, b, c = (_digits(rng, int(rng.integers(1, 4))) for _ in range(3))
    sign = "+-*/x="[rng.integers(6)]
    gap = " " if rng.random() < 0.5 else ""
    return f"{a}{gap}{sign}{gap}{b}{gap}={gap}{c}" if rng.random() < 0.7 else f"{a}{gap}{sign}{gap}{b}"


def _date(rng: np.random.Generator) -> str:
    sign = "/.-"[rng.integers(3)]
    return sign.join((str(rng.integers(1, 32)), str(rng.integers(1, 13)), str(rng.integers(1900, 2030))))


def _code(rng: np.random.Generator) -> str:
    letters = string.printable[:94]
    return "".join(letters[k] for k in rng.integers(0, 94, int(rng.integers(2, 9))))
