"""What neighbours say about a character: figures stand among figures, small letters among small letters.

The kinds of characters in a line form a chain: the cost of going from one kind to the next is small within a kind and
from a capital to small letters, larger elsewhere; a space between words loosens the tie and does not cut it. The best
way through the line's alternatives (Viterbi's algorithm, both ways) settles O against 0, l against I and 1, and case
where size said nothing. A word list may decide between alternatives that the picture leaves open, never against it:
every letter of the chosen word must be one that the network thinks possible.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
import numpy.typing as npt

from glassnet.reader.alphabet import ALPHABET
from glassnet.reader.settings import DEFAULTS, RescoreSettings

__all__ = ["KIND", "KINDS", "LOOSE_STEP", "SENTENCE_ENDS", "rescore", "with_words"]


Floats = npt.NDArray[np.float64]

KINDS = 6
_UPPER, _LOWER, _DIGIT, _JOIN, _CLOSE, _OTHER = range(KINDS)


def _kind(c: str) -> int:
    if c.isalpha():
        return _UPPER if c.isupper() else _LOWER
    return _DIGIT if c.isdigit() else _JOIN if c in "'-/" else _CLOSE if c in '.,!?:;)"' else _OTHER


KIND = np.array([_kind(c) for c in ALPHABET])
SENTENCE_ENDS = ".!?"
_NO_ITEM = np.array([c in ",'\"" for c in ALPHABET])
_ENDS = np.array([c in SENTENCE_ENDS for c in ALPHABET])
# Logarithms of how usual it is to go from a kind (row) to a kind (column) within a word, up to a constant a row: marks
# end words, some join them, few stand between letters.
_STEP = np.array(
    [
        [0.0, -0.7, -2.6, -2.0, -0.7, -3.0],
        [-2.8, 0.0, -2.8, -2.0, -0.7, -3.0],
        [-2.6, -2.8, 0.0, -1.2, -0.7, -2.5],
        [-1.0, -1.0, -1.0, -3.0, -2.5, -2.5],
        [-2.5, -2.5, -1.5, -2.5, -0.7, -2.5],
        [-1.0, -1.0, -1.0, -2.5, -2.5, -1.5],
    ]
)
_START = np.array([0.0, 0.0, 0.0, -2.0, -2.5, -1.0])
# The same from a word's last character to the next word's first: figures follow figures, capitals follow capitals.
_SPACE = (
    np.array(
        [
            [0.0, -1.5, -1.8, 0.0, 0.0, 0.0],
            [-1.0, 0.0, -2.0, 0.0, 0.0, 0.0],
            [-1.8, -1.8, 0.0, 0.0, 0.0, 0.0],
            [0.0, 0.0, 0.0, 0.0, 0.0, 0.0],
            [0.0, 0.0, 0.0, 0.0, 0.0, 0.0],
            [0.0, 0.0, 0.0, 0.0, 0.0, 0.0],
        ]
    )
    + _START
)
LOOSE_STEP = np.maximum(_STEP, _SPACE)  # where words are not known yet


def rescore(
    words: Sequence[Sequence[Floats]], *, begins: bool = False, settings: RescoreSettings = DEFAULTS.rescore
) -> list[list[Floats]]:
    """The characters' probabilities, each times that of the best way through the line's others.

    Parameters
    ----------
    words : sequence of sequence of array
        Of a line, at least one: for each of its characters the probabilities (characters,).
    begins : bool
        Whether a sentence begins with the line.
    settings : RescoreSettings
        The thresholds.

    Returns
    -------
    list
        Of the same shapes. Each one's values add up to 1; the largest ones together are the line's most probable text.
    """
    p = [row for word in words for row in word]
    places = [place for word in words for place in range(len(word))]
    n = len(p)
    tops = [np.argsort(row)[::-1][: settings.alternatives] for row in p]
    logs = [np.log(row[top] + 1e-9) for row, top in zip(p, tops, strict=True)]
    if _may_number(words, tops):
        mark = len(words[0]) - 1
        logs[mark] = logs[mark] + settings.item * _NO_ITEM[tops[mark]]
    steps = [_steps(tops[i - 1], tops[i], places[i], settings) for i in range(1, n)]
    ahead = [logs[0] + _START[KIND[tops[0]]] + begins * settings.sentence * (KIND[tops[0]] == _LOWER)]
    for i in range(1, n):
        ahead.append(logs[i] + (ahead[-1][:, None] + steps[i - 1]).max(axis=0))
    behind = [np.zeros(len(tops[-1]))]
    for i in range(n - 1, 0, -1):
        behind.append((steps[i - 1] + (logs[i] + behind[-1])[None, :]).max(axis=1))
    rescored = []
    for top, forward, backward in zip(tops, ahead, behind[::-1], strict=True):
        total = forward + backward
        row = np.zeros(len(ALPHABET))
        row[top] = np.exp(total - total.max())
        rescored.append(row / row.sum())
    rows = iter(rescored)
    return [[next(rows) for _ in word] for word in words]


def _may_number(words: Sequence[Sequence[Floats]], tops: Sequence[npt.NDArray[np.intp]]) -> bool:
    """Whether a line begins with one or two figures and a mark, and goes on with anything but a figure: not 3, 4, 5."""
    figures = len(words[0]) - 1
    digits = [bool(KIND[top[0]] == _DIGIT) for top in tops[: figures + 2]]
    return len(words) > 1 and 1 <= figures <= 2 and all(digits[:figures]) and not digits[figures + 1]


def _steps(before: npt.NDArray[np.intp], after: npt.NDArray[np.intp], place: int, s: RescoreSettings) -> Floats:
    """The logarithms from each alternative before to each after, which stands at this place of its word."""
    step: Floats = (_STEP if place else _SPACE)[KIND[before]][:, KIND[after]]
    if place == 0:
        step = step + s.sentence * (_ENDS[before][:, None] & (KIND[after][None, :] == _LOWER))
    if place >= 2:  # "McDonald" is rare: from a capital inside a word to small letters
        inner = (KIND[before][:, None] == _UPPER) & (KIND[after][None, :] == _LOWER)
        step = step + s.inner_capital * inner
    return step


def with_words(p: Sequence[Floats], words: Collection[str], settings: RescoreSettings = DEFAULTS.rescore) -> str | None:
    """The word of the list that the pictures allow best, or None where the text as read is better; case is kept.

    Parameters
    ----------
    p : sequence of array
        Of each character of a word, (characters,).
    words : collection of str
        In lower case.
    settings : RescoreSettings
        The thresholds.
    """
    read = "".join(ALPHABET[int(row.argmax())] for row in p)
    letters = [k for k, c in enumerate(read) if c.isalnum()]
    if not letters:
        return None
    first, last = letters[0], letters[-1] + 1
    inner = read[first:last]
    if inner.lower() in words or len(inner) < 3:
        return None
    own = sum(float(np.log(row.max() + 1e-9)) for row in p[first:last])
    best, found = own - settings.costliest, None
    for word in words:
        if len(word) != len(inner):
            continue
        score, text = 0.0, ""
        for row, letter in zip(p[first:last], word, strict=True):
            ways = [(float(row[ALPHABET.index(c)]), c) for c in {letter.upper(), letter.lower()} if c in ALPHABET]
            probability, c = max(ways, default=(0.0, ""))
            if probability < settings.possible:
                break
            score += float(np.log(probability))
            text += c
        else:
            if score > best:
                best, found = score, text
    return read[:first] + found + read[last:] if found is not None else None
