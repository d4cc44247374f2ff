"""What was read: a page of lines of words of characters, each with its place, its confidence and its alternatives."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from glassnet import display
from glassnet.text import counted, shorten

__all__ = ["Box", "Character", "Line", "Page", "Word", "geometric_mean"]

_SHOWN = 100  # lines in a notebook


def geometric_mean(confidences: Sequence[float]) -> float:
    """The geometric mean of confidences in [0, 1], of which none counts for less than 1e-6."""
    return float(np.exp(np.mean(np.log([max(c, 1e-6) for c in confidences]))))


@dataclass(frozen=True)
class Box:
    """A rectangle in pixels of the picture as it is seen (turned as its EXIF orientation says).

    Examples
    --------
    >>> from glassnet.reader import Box
    >>> Box(10, 20, 40, 60).right
    40
    """

    left: float
    top: float
    right: float
    bottom: float

    @property
    def width(self) -> float:
        return self.right - self.left

    @property
    def height(self) -> float:
        return self.bottom - self.top

    def whole(self) -> tuple[int, int, int, int]:
        """(left, top, right, bottom) in whole pixels."""
        return round(self.left), round(self.top), round(self.right), round(self.bottom)

    @classmethod
    def around(cls, boxes: list[Box]) -> Box:
        """The smallest box that holds all of these, at least one."""
        return cls(
            min(b.left for b in boxes),
            min(b.top for b in boxes),
            max(b.right for b in boxes),
            max(b.bottom for b in boxes),
        )


@dataclass(frozen=True)
class Character:
    """One character.

    Attributes
    ----------
    text : str
        The character.
    box : Box
        Where it stands.
    confidence : float
        The probability that it is right, in [0, 1].
    alternatives : tuple of (str, float)
        What else it may be, as (text, probability), the most probable first.
    crop : (32, 32) uint8 array
        What the network saw: black on white.

    Examples
    --------
    >>> from glassnet.reader import Box, Character
    >>> Character("O", Box(0, 0, 9, 9), 0.6, alternatives=(("0", 0.4),)).alternatives
    (('0', 0.4),)
    """

    text: str
    box: Box
    confidence: float
    alternatives: tuple[tuple[str, float], ...] = ()
    crop: npt.NDArray[np.uint8] | None = field(default=None, repr=False, compare=False)


@dataclass(frozen=True)
class Word:
    """Characters without a space between them.

    Examples
    --------
    >>> from glassnet.reader import Box, Character, Word
    >>> word = Word((Character("H", Box(0, 0, 9, 9), 0.9), Character("I", Box(10, 0, 14, 9), 0.8)))
    >>> word.text
    'HI'
    """

    characters: tuple[Character, ...]

    @property
    def text(self) -> str:
        return "".join(character.text for character in self.characters)

    @property
    def box(self) -> Box:
        return Box.around([character.box for character in self.characters])

    @property
    def confidence(self) -> float:
        """The geometric mean of the characters' confidences."""
        return geometric_mean([c.confidence for c in self.characters])


@dataclass(frozen=True)
class Line:
    """Words in a row.

    Examples
    --------
    >>> from glassnet.reader import Box, Character, Line, Word
    >>> word = Word((Character("H", Box(0, 0, 9, 9), 0.9), Character("I", Box(10, 0, 14, 9), 0.8)))
    >>> Line((word, word)).text
    'HI HI'
    """

    words: tuple[Word, ...]

    @property
    def text(self) -> str:
        return " ".join(word.text for word in self.words)

    @property
    def box(self) -> Box:
        return Box.around([word.box for word in self.words])

    @property
    def confidence(self) -> float:
        """The geometric mean of the characters' confidences."""
        return geometric_mean([c.confidence for word in self.words for c in word.characters])


@dataclass(frozen=True, repr=False)
class Page:
    """All that was read in a picture.

    Attributes
    ----------
    lines : tuple of Line
        In the order of reading.
    width, height : int
        Of the picture in pixels.
    turned : float
        Degrees by which the writing was turned clockwise, quarter turns and skew together.
    nothing : str
        Why no lines were found, as in "nothing was read: ..."; empty where there are some.
    left_out : tuple of Line
        What was read in marks that do not look like writing, where whole lines are read.

    Examples
    --------
    >>> from glassnet.reader import Page
    >>> Page((), width=100, height=50).text
    ''
    """

    lines: tuple[Line, ...]
    width: int
    height: int
    turned: float = 0.0
    nothing: str = ""
    left_out: tuple[Line, ...] = ()

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        if not self.lines:
            return f"<Page {self.width}x{self.height}: {self.nothing or 'empty'}>"
        return f"<Page {self._facts()}: {shorten(self.lines[0].text, 60)!r}>"

    def _repr_html_(self) -> str:
        if not self.lines:
            return display.block("Page", [self.nothing or "empty"])
        lines = self.text.split("\n")
        more = [f"... {len(lines) - _SHOWN} more lines"] if len(lines) > _SHOWN else []
        return display.block(f"Page, {self._facts()}", [], display.plain([*lines[:_SHOWN], *more]))

    def _facts(self) -> str:
        lines, words = counted(len(self.lines), "line"), counted(len(self.words), "word")
        return f"{lines}, {words}, {100 * self.confidence:.0f} % sure"

    @property
    def text(self) -> str:
        """The lines, one under the other."""
        return "\n".join(line.text for line in self.lines)

    def marked_text(self, least: float) -> str:
        """The lines, with braces around every word whose confidence is below `least`: no character that is read."""
        rows = [[f"{{{w.text}}}" if w.confidence < least else w.text for w in line.words] for line in self.lines]
        return "\n".join(" ".join(row) for row in rows)

    @property
    def confidence(self) -> float:
        """The geometric mean of the characters' confidences; 0 where there are none."""
        return geometric_mean([c.confidence for c in self.characters]) if self.lines else 0.0

    @property
    def words(self) -> list[Word]:
        return [word for line in self.lines for word in line.words]

    @property
    def characters(self) -> list[Character]:
        return [character for word in self.words for character in word.characters]

    def as_json(self) -> dict[str, Any]:
        """Plain lists and dictionaries; boxes as [left, top, right, bottom]."""
        return {
            "text": self.text,
            "width": self.width,
            "height": self.height,
            "turned": round(self.turned, 2),
            "confidence": round(self.confidence, 4),
            "nothing": self.nothing,
            "left_out": [
                {"text": line.text, "box": list(line.box.whole()), "confidence": round(line.confidence, 4)}
                for line in self.left_out
            ],
            "lines": [
                {
                    "text": line.text,
                    "box": list(line.box.whole()),
                    "words": [
                        {
                            "text": word.text,
                            "box": list(word.box.whole()),
                            "confidence": round(word.confidence, 4),
                            "characters": [
                                {
                                    "text": c.text,
                                    "box": list(c.box.whole()),
                                    "confidence": round(c.confidence, 4),
                                    "alternatives": [[text, round(p, 4)] for text, p in c.alternatives],
                                }
                                for c in word.characters
                            ],
                        }
                        for word in line.words
                    ],
                }
                for line in self.lines
            ],
        }
