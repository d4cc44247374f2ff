"""Strips read: the network's scores of each, and the text that these say."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from glassnet.reader.lines.looks import DOUBT, Scoring, looks_at
from glassnet.reader.lines.reading import Reading
from glassnet.reader.lines.strips import Strip
from glassnet.reader.lines.widths import padded_width

__all__ = ["LineReader", "ReadLine"]


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
        Makes a `Reading` of a line's scores and those of further looks, as a `Decoder` does.
    quick : callable or None
        The same by the picture alone, for what is judged by the confidences: a greedy `Decoder`. None takes `decode`.
    doubt : float
        A line is looked at again where the picture alone makes a character less sure; 0 looks once.
    """

    recogniser: Scoring = field(repr=False)
    decode: Callable[..., Reading] = field(repr=False)
    quick: Callable[..., Reading] | None = field(default=None, repr=False)
    doubt: float = DOUBT

    def read(self, strips: Sequence[Strip], *, quick: bool = False) -> list[ReadLine]:
        """What strips read, one by one.

        Parameters
        ----------
        strips : sequence of Strip
            In any order.
        quick : bool
            Whether the picture alone will do.
        """
        alone = quick or self.quick is None
        pictures = [strip.picture for strip in strips]
        seen = looks_at(pictures, self.recogniser, self.quick or self.decode, 0.0 if alone else self.doubt)
        lines = []
        for strip, look in zip(strips, seen, strict=True):
            reading = look.plain if alone else self.decode(*look.scores)
            lines.append(ReadLine(strip, reading, padded_width(strip.width) / len(look.scores[0]), look.plain))
        return lines
