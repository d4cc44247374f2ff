"""From a line's characters to words of rescored characters: gaps part words, neighbours and a word list have a say."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from glassnet.reader.alphabet import ALPHABET
from glassnet.reader.context import SENTENCE_ENDS, rescore, with_words
from glassnet.reader.decoding import Decoded
from glassnet.reader.settings import DEFAULTS, ReaderSettings
from glassnet.reader.spacing import word_breaks

__all__ = ["Rescored", "rescore_lines"]

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Rescored:
    """A character of a word.

    Attributes
    ----------
    decoded : Decoded
        What the network made of it.
    text : str
        What it is taken for.
    probabilities : (characters,) array
        Among its neighbours; 0 outside the alphabet.
    """

    decoded: Decoded
    text: str
    probabilities: Floats


def rescore_lines(
    lines: Sequence[Sequence[Decoded]],
    height: float,
    alphabet: str,
    words: Collection[str] | None = None,
    settings: ReaderSettings = DEFAULTS,
) -> list[list[list[Rescored]]]:
    """Lines of words; characters outside the alphabet part words and say what stands beside them, and are left out.

    Parameters
    ----------
    lines : sequence of sequence of Decoded
        Of writing, from left to right, each with at least one character.
    height : float
        The usual height of a character, in pixels.
    alphabet : str
        The characters that are wanted.
    words : collection of str, optional
        A word list in lower case, or None.
    settings : ReaderSettings
        The thresholds.

    Returns
    -------
    list
        Of lines that hold a character of the alphabet, each a list of words.
    """
    inside = np.array([c in alphabet for c in ALPHABET])
    result = []
    begins = True
    for groups in _in_words(lines, height, settings):
        rescored = rescore(
            [[c.probabilities[:-1] for c in group] for group in groups], begins=begins, settings=settings.rescore
        )
        begins = ALPHABET[int(rescored[-1][-1].argmax())] in SENTENCE_ENDS
        found = []
        for group, p in zip(groups, rescored, strict=True):
            known = [k for k, row in enumerate(p) if inside[int(row.argmax())]]
            if known:
                found.append(_word([group[k] for k in known], [p[k] * inside for k in known], words, settings))
        if found:
            result.append(found)
    return result


def _in_words(lines: Sequence[Sequence[Decoded]], height: float, settings: ReaderSettings) -> list[list[list[Decoded]]]:
    """Every line's characters, word by word."""
    boxes = [np.array([c.candidate.box for c in line], float) for line in lines]
    gaps = [np.maximum(b[1:, 0] - np.maximum.accumulate(b[:, 2])[:-1], -height) for b in boxes]
    heights = [max(float(np.median(b[:, 3] - b[:, 1])), 0.6 * height) for b in boxes]
    result = []
    for line, breaks in zip(lines, word_breaks(gaps, heights, settings.group.spacing), strict=True):
        groups = [[line[0]]]
        for character, new in zip(line[1:], breaks, strict=True):
            if new:
                groups.append([])
            groups[-1].append(character)
        result.append(groups)
    return result


def _word(
    group: list[Decoded], p: list[Floats], words: Collection[str] | None, settings: ReaderSettings
) -> list[Rescored]:
    chosen = with_words(p, words, settings.rescore) if words else None
    # As everywhere among equals, the last of `argsort`: `argmax` would take the first.
    texts = chosen or [ALPHABET[int(np.argsort(row)[-1])] for row in p]
    return [Rescored(c, text, row) for c, text, row in zip(group, texts, p, strict=True)]
