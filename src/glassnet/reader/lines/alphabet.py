"""The characters of the line recogniser: its classes, and texts as labels and back."""

from __future__ import annotations

from collections.abc import Iterable

from glassnet.errors import ReaderError

__all__ = ["BLANK", "CHARACTERS", "NAMES", "decode", "encode"]

CHARACTERS = "".join(map(chr, range(32, 127)))  # printable ASCII, the space first
NAMES = ("space", *CHARACTERS[1:])  # of the classes, as a model file has them
BLANK = len(CHARACTERS)  # the class of CTC that stands for no character

_LABELS = {character: label for label, character in enumerate(CHARACTERS)}


def encode(text: str) -> list[int]:
    """The label of every character of a text. Raises `ReaderError` for one that is none of `CHARACTERS`."""
    unknown = next((character for character in text if character not in _LABELS), None)
    if unknown is not None:
        raise ReaderError(f"Lines are of printable ASCII characters. Got {unknown!r} in {text!r}.")
    return [_LABELS[character] for character in text]


def decode(labels: Iterable[int]) -> str:
    """The text of labels in 0 ... 94."""
    return "".join(CHARACTERS[label] for label in labels)
