"""Small letters, capitals and figures: how a symbol of a language is written, by where it stands and what was before.

A letter's case goes by its place (it begins a word, stands in one, follows the end of a sentence, or begins the next)
and by the letters before it in the line (none, a small one, a capital, two capitals running): a table of sixteen
shares, counted. A figure is each of ten.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from glassnet.reader.lines.alphabet import CHARACTERS, encode

__all__ = ["STATES", "TURN", "capital_of", "capital_share", "form_of", "turned"]

Floats = npt.NDArray[np.float64]

_CAPITALS = 0.15  # how much the same texts count once more in capitals, as notes and forms are often written

_WORD, _INSIDE, _ENDED, _SENTENCE = range(4)  # places: what the next letter begins or stands in
_NONE, _SMALL, _CAPITAL, _RUNNING = range(4)  # the letters before it
STATES = 16  # 4 places + letters before


def turned(state: int, character: str) -> int:
    """The state after a character; a line begins in state 0."""
    place, before = divmod(state, 4)
    if character.isalpha():
        small, running = character.islower(), before in (_CAPITAL, _RUNNING)
        place, before = _INSIDE, _SMALL if small else _RUNNING if running else _CAPITAL
    elif character == " ":
        place = _SENTENCE if place in (_ENDED, _SENTENCE) else _WORD
    elif character in ".!?":
        place = _ENDED
    elif character.isdigit():
        place = _INSIDE
    return 4 * place + before


TURN = np.array([[turned(state, c) for c in CHARACTERS] for state in range(STATES)], np.uint8)


def capital_share(lines: Sequence[str]) -> Floats:
    """How often a letter is a capital in each state."""
    counts = np.full((STATES, 2), 0.5)
    for share, texts in ((1.0, lines), (_CAPITALS, [line.upper() for line in lines])):
        seen: Counter[tuple[int, bool]] = Counter()
        for line in texts:
            state = 0
            for label in encode(line):
                if CHARACTERS[label].isalpha():
                    seen[state, CHARACTERS[label].isupper()] += 1
                state = int(TURN[state, label])
        for (state, capital), count in seen.items():
            counts[state, int(capital)] += share * count
    return np.asarray(counts[:, 1] / counts.sum(axis=1))


def form_of(capital: Floats) -> Floats:
    """Log-probability of each character in each state, given its symbol."""
    form = np.zeros((STATES, len(CHARACTERS)))
    for at, c in enumerate(CHARACTERS):
        if c.isalpha():
            form[:, at] = np.log(capital if c.isupper() else 1 - capital)
        elif c.isdigit():
            form[:, at] = -np.log(10)
    return form


def capital_of(form: Floats) -> Floats:
    """The share of capitals in each state, of which `form_of` was made."""
    return np.asarray(np.exp(form[:, CHARACTERS.index("A")]))
