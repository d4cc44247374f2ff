"""The errors that glassnet raises on purpose: each message is one line that says what was given, what was
expected and what to do. The command line prints that line and exits with status 2.

Messages quote what they were given: names of files, words of a notation. These may be of any length and hold any
character, so a message shortens them and writes escapes for what a terminal would obey or could not show.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable

__all__ = [
    "CheckError",
    "DataError",
    "FormulaError",
    "GlassnetError",
    "ModelError",
    "NotationError",
    "ReaderError",
    "RecipeError",
    "TrainingError",
    "TrainingInterrupted",
    "escaped",
    "nearest",
    "one_line",
]

_LONGEST_NAME, _LONGEST_LINE = 240, 2000  # characters that are shown
_LONGEST_WORD = 60  # beyond which a word is no mistyped one
# Control characters, line and paragraph separators, marks that turn the direction of writing, halves of characters.
_UNSHOWN = re.compile("[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
_OPENING, _CLOSING = re.compile(r"(?<!\w)'"), re.compile(r"'(?!\w)")


class GlassnetError(Exception):
    """Base of every error that glassnet raises on wrong input. Its text is always a single line."""

    def __init__(self, message: str) -> None:
        super().__init__(one_line(str(message)))


class DataError(GlassnetError):
    """A data set, a picture or a label that cannot be read or does not fit."""


class ModelError(GlassnetError):
    """A model file that is missing, damaged or does not fit the data."""


class NotationError(GlassnetError):
    """A network, preprocessing or augmentation notation that cannot be understood."""


class RecipeError(GlassnetError):
    """A recipe, a setting or a command-line value that is not valid."""


class TrainingError(GlassnetError):
    """Training that cannot go on: a loss that is not finite, a run folder that cannot be resumed."""


class TrainingInterrupted(TrainingError):
    """A training that was asked to stop (Ctrl-C, SIGTERM); the message says what was saved and how to go on."""


class CheckError(GlassnetError):
    """A gradient check that cannot be carried out as asked."""


class FormulaError(GlassnetError):
    """A formula that cannot be understood, or has no value or derivative where it was asked for."""


class ReaderError(GlassnetError):
    """A page cannot be read as asked, or written as asked."""


def nearest(word: str, words: Iterable[str]) -> str:
    """A hint for a mistyped word: `" Did you mean 'relu'?"`, or `""` when nothing known comes near it."""
    if len(word) > _LONGEST_WORD:
        return ""
    candidates = [str(w) for w in words]
    match = difflib.get_close_matches(str(word).lower(), candidates, n=1, cutoff=0.5)
    return f" Did you mean '{match[0]}'?" if match else ""


def escaped(text: str) -> str:
    """`text` on one line, with escapes for what a terminal would obey or could not show.

    Names of files and classes may hold any character: `\\n`, `\\x1b`, a byte that is no UTF-8 (`\\xff`).
    """
    return _UNSHOWN.sub(_escape, text)


def one_line(text: str) -> str:
    """A message as one line of at most some 2,000 characters.

    What stands between single quotes is a name, which is escaped and, if very long, loses its middle; elsewhere white
    space becomes one space.
    """
    parts, done = [], 0
    while (opening := _OPENING.search(text, done)) and (closing := _CLOSING.search(text, opening.end())):
        parts.append(_plain(text[done : opening.start()]))
        parts.append(f"'{_shortened(text[opening.end() : closing.start()], _LONGEST_NAME)}'")
        done = closing.end()
    parts.append(_plain(text[done:]))
    return escaped(_shortened("".join(parts).strip(), _LONGEST_LINE))


def _plain(text: str) -> str:
    return re.sub(r"\s+", " ", text)


def _escape(found: re.Match[str]) -> str:
    code = ord(found[0])
    if 0xDC80 <= code <= 0xDCFF:  # a byte of a file's name that is no UTF-8, as Python holds it
        return f"\\x{code - 0xDC00:02x}"
    return found[0].encode("unicode_escape").decode("ascii")


def _shortened(text: str, longest: int) -> str:
    if len(text) <= longest:
        return text
    start, end = longest // 2, longest // 4
    return f"{text[:start]}[... {len(text) - start - end:,} characters ...]{text[-end:]}"
