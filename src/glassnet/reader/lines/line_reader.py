"""Strips read: the network's scores of each, and the text that these say."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import numpy.typing as npt

from glassnet.reader.lines.reading import Reading
from glassnet.reader.lines.strips import Strip
from glassnet.reader.lines.widths import padded_width

__all__ = ["LineReader", "ReadLine", "Scoring"]

Scores = npt.NDArray[np.float32]


class Scoring(Protocol):
    """What gives scores, as `LineRecogniser` does."""

    def scores(self, strips: Sequence[npt.NDArray[np.uint8]]) -> list[Scores]:
        """Log-probabilities (columns, 96) of every strip, of its padded width."""


@dataclass(frozen=True)
class ReadLine:
    """A strip and what it reads.

    Attributes
    ----------
    strip : Strip
        The line's picture, and its place on the page.
    reading : Reading
        Its text; places in columns of the scores.
    step : float
        Pixels of the strip for a column of the scores.
    plain : Reading
        What the picture alone says, with nothing expected: by it a line is judged.
    """

    strip: Strip
    reading: Reading
    step: float
    plain: Reading

    @property
    def confidences(self) -> list[float]:
        """Of its characters, by the picture alone."""
        return [character.confidence for character in self.plain.characters]


@dataclass(frozen=True, eq=False)
class LineReader:
    """A recogniser of lines and how its scores become text; it never changes, and threads may share it.

    Attributes
    ----------
    recogniser : Scoring
        Gives the scores of strips.
    decode : callable
        Makes a `Reading` of a line's scores, as a `Decoder` does.
    quick : callable or None
        The same by the picture alone, for what is judged by the confidences: a greedy `Decoder`. None takes `decode`.
    """

    recogniser: Scoring = field(repr=False)
    decode: Callable[[Scores], Reading] = field(repr=False)
    quick: Callable[[Scores], Reading] | None = field(default=None, repr=False)

    def read(self, strips: Sequence[Strip], *, quick: bool = False) -> list[ReadLine]:
        """What strips read, one by one.

        Parameters
        ----------
        strips : sequence of Strip
            In any order.
        quick : bool
            Whether the picture alone will do.
        """
        plain = self.quick or self.decode
        every = self.recogniser.scores([strip.picture for strip in strips]) if strips else []
        lines = []
        for strip, scores in zip(strips, every, strict=True):
            alone = plain(scores)
            reading = alone if quick or self.quick is None else self.decode(scores)
            lines.append(ReadLine(strip, reading, padded_width(strip.width) / len(scores), alone))
        return lines
