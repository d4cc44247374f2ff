"""The page put together: every character with its box in the picture, its confidence and its alternatives."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from glassnet.reader.alphabet import ALPHABET
from glassnet.reader.binarise import Ink
from glassnet.reader.page import Box, Character, Line, Word
from glassnet.reader.rescoring import Rescored
from glassnet.reader.settings import DEFAULTS, ReaderSettings

__all__ = ["assemble_lines"]


def assemble_lines(
    lines: Sequence[Sequence[Sequence[Rescored]]], ink: Ink, settings: ReaderSettings = DEFAULTS
) -> tuple[Line, ...]:
    """Lines of words of characters, with their places in the picture.

    Parameters
    ----------
    lines : sequence of sequence of sequence of Rescored
        Of words of rescored characters.
    ink : Ink
        Of the page, which knows the way back to the picture.
    settings : ReaderSettings
        How many alternatives are kept.
    """
    return tuple(Line(tuple(Word(tuple(_character(c, ink, settings) for c in w)) for w in line)) for line in lines)


def _character(c: Rescored, ink: Ink, settings: ReaderSettings) -> Character:
    none = float(c.decoded.probabilities[-1])
    place = ALPHABET.index(c.text)
    others = tuple(
        (ALPHABET[int(k)], float(c.probabilities[k]) * (1 - none))
        for k in np.argsort(c.probabilities)[::-1][: settings.alternatives + 1]
        if k != place and c.probabilities[k] > settings.improbable
    )
    crop = c.decoded.candidate.crop[..., 0]
    return Character(c.text, _box(c, ink), float(c.probabilities[place]) * (1 - none), others, crop)


def _box(c: Rescored, ink: Ink) -> Box:
    left, top, right, bottom = c.decoded.candidate.box
    xs, ys = ink.to_picture([left, right, right, left], [top, top, bottom, bottom])
    return Box(float(xs.min()), float(ys.min()), float(xs.max()), float(ys.max()))
