"""What was read in a line: words of characters, each with its columns and its confidence, and what else it may be."""

from __future__ import annotations

from dataclasses import dataclass

from glassnet.reader.page import geometric_mean

__all__ = ["ReadCharacter", "ReadWord", "Reading"]


@dataclass(frozen=True)
class ReadCharacter:
    """One character.

    Attributes
    ----------
    text : str
        The character.
    start, stop : int
        Its columns of the scores, as [start, stop): where it is, not how wide.
    confidence : float
        The probability that it is right, in [0, 1].
    alternatives : tuple of (str, float)
        What else may stand there, with its probability, the most probable first: a character, or "" for none.
    """

    text: str
    start: int
    stop: int
    confidence: float
    alternatives: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True)
class ReadWord:
    """Characters without a space between them.

    Attributes
    ----------
    characters : tuple of ReadCharacter
        At least one, from left to right.
    confidence : float
        The probability that the word is right as a whole, in [0, 1].
    """

    characters: tuple[ReadCharacter, ...]
    confidence: float

    @property
    def text(self) -> str:
        return "".join(character.text for character in self.characters)

    @property
    def start(self) -> int:
        return self.characters[0].start

    @property
    def stop(self) -> int:
        return self.characters[-1].stop


@dataclass(frozen=True)
class Reading:
    """A line.

    Attributes
    ----------
    words : tuple of ReadWord
        From left to right; none where nothing was read.
    picture : float
        The logarithm of the text's probability given the picture alone.
    score : float
        The same with what language and word list say, by which texts are ranked.
    others : tuple of (str, float)
        Other texts of the beam with their scores, the best first.
    """

    words: tuple[ReadWord, ...]
    picture: float
    score: float
    others: tuple[tuple[str, float], ...] = ()

    @property
    def text(self) -> str:
        """The words with one space between them."""
        return " ".join(word.text for word in self.words)

    @property
    def characters(self) -> tuple[ReadCharacter, ...]:
        """Those of all words; spaces are none of them."""
        return tuple(character for word in self.words for character in word.characters)

    @property
    def confidence(self) -> float:
        """The geometric mean of the characters' confidences; 0 where there are none."""
        return geometric_mean([c.confidence for c in self.characters]) if self.words else 0.0
