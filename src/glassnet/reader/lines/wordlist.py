"""A word list as the tree that the beam walks: letters of either case, one node for each beginning of a word."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from glassnet.errors import ReaderError
from glassnet.nn.kernels.beam import DIGIT, JOINER, LETTER, MARK, Words
from glassnet.reader.lines.alphabet import CHARACTERS, encode

__all__ = ["first_children", "word_tree"]

_JOINERS = "'-"


def first_children(parents: npt.NDArray[np.integer]) -> npt.NDArray[np.int32]:
    """Where the children of each node begin, and the end.

    Parameters
    ----------
    parents : (nodes - 1,) integer array
        Of every node but the root, which is node 0; they never fall.
    """
    counts = np.bincount(parents, minlength=len(parents) + 1)
    return np.concatenate([[1], 1 + np.cumsum(counts)]).astype(np.int32)


def word_tree(words: Iterable[str]) -> Words:
    """The tree of a word list.

    Parameters
    ----------
    words : iterable of str
        In any case. Entries that hold a space count as several words; those that hold a character that lines do not
        have, such as an accented letter, are left out.

    Raises
    ------
    ReaderError
        No word is left.
    """
    known = {part.lower() for entry in words for part in entry.split() if set(part) <= set(CHARACTERS)}
    if not known:
        raise ReaderError("The word list holds no word of printable ASCII characters. Give one word per line.")
    ordered = sorted(encode(word) for word in known)
    table = np.full((len(ordered), max(map(len, ordered)) + 1), -1, np.int16)  # -1: the word is over
    for row, word in zip(table, ordered, strict=True):
        row[: len(word)] = word
    labels, parents, ends = [np.zeros(1, np.int64)], [], [np.zeros(1, bool)]
    base, node = 0, np.zeros(len(table), np.int64)  # the level's first node, and the one that each row has reached
    for depth in range(table.shape[1]):
        over = table[:, depth] < 0
        ends[-1][node[over] - base] = True
        table, node = table[~over], node[~over]
        if not len(table):
            break
        own = table[:, depth].astype(np.int64)
        new = np.ones(len(own), bool)
        new[1:] = (node[1:] != node[:-1]) | (own[1:] != own[:-1])
        labels.append(own[new])
        parents.append(node[new])
        base += len(ends[-1])
        node = base - 1 + np.cumsum(new)
        ends.append(np.zeros(int(new.sum()), bool))
    symbols = np.array(encode(CHARACTERS.lower()), np.uint8)
    return Words(
        np.array([_kind(c) for c in CHARACTERS], np.uint8),
        symbols,
        np.concatenate(labels).astype(np.uint8),
        first_children(np.concatenate(parents)),
        np.concatenate(ends),
    )


def _kind(character: str) -> int:
    if character.isalpha():
        return LETTER
    return DIGIT if character.isdigit() else JOINER if character in _JOINERS else MARK
