"""The errors that glassnet raises on purpose: each message is one line that says what was given, what was
expected and what to do. The command line prints that line and exits with status 2.

What to do may depend on who asks: the command line names an option where Python names an argument. So the library says
which kind of remedy there is (`Fix`), and each face has its own words for it.

Messages quote what they were given: names of files, words of a notation. These may be of any length and hold any
character, so a message shortens them and writes escapes for what a terminal would obey or could not show.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from enum import Enum
from typing import Any

__all__ = [
    "CheckError",
    "DataError",
    "Diverged",
    "Fix",
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
    "reason_of",
]

_LONGEST_NAME, _LONGEST_LINE = 240, 2000  # characters that are shown
_LONGEST_WORD = 60  # a longer word is not taken for a mistyped one
_SHORT, _LONG, _BEGINNING = 5, 8, 3  # letters: one slip up to _SHORT, two up to _LONG; the shortest beginning of a word
# Control characters, line and paragraph separators, marks that turn the direction of writing, halves of characters.
_UNSHOWN = re.compile("[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
_OPENING, _CLOSING = re.compile(r"(?<!\w)'"), re.compile(r"'(?!\w)")


class Fix(Enum):
    """A kind of remedy. Its value says it in words that fit everywhere; names in {braces} are filled in."""

    CHOOSE_OUTPUT = "Choose another place to write to."
    CHOOSE_PART = "Choose another part."
    CHOOSE_PORT = "Choose another port, or 0 for a free one."
    FREE_SPACE = "Free some space or choose another place to write to."
    GET_DATA = "Download it: glassnet.data.get('{name}')."
    GET_WEIGHTS = "Download them: glassnet.weights.get_weights('{name}'), or name a file."
    GIVE_DATA = "Give one set to compare them on, as '{example}'."
    GIVE_INPUT_SHAPE = "Give the input shape, as in {example}."
    GIVE_POINT = "Give the point as {example}."
    GIVE_RATE = "Give the rate, as in 0.1."
    GIVE_START = "Give the start as {example}."
    KEEP_WEIGHTS = "Leave the kernel as it is."
    NAME_NETWORK = "Name the network, such as '{example}'."
    NAME_OUTPUT_FILE = "Name a file in it, as in '{example}'."
    NAME_RUN = "Name the folder of a run."
    NAME_SEARCH = "Name the folder that a search made."
    RESUME = "Resume the run in '{folder}'."
    RESUME_SEARCH = "Go on with the search in '{folder}'."
    RESUME_STUDY = "Go on with the study in '{folder}'."
    SKIP_BAD = "Or have such pictures left out (skip_bad)."
    TAKE_TORCH = "Set engine.name to torch."
    WEIGHTS_WITH_NAME = "Weights are given with a network's name alone."


class GlassnetError(Exception):
    """Base of every error that glassnet raises on wrong input.

    Parameters
    ----------
    message : str
        What was given and what was expected.
    fix : Fix, optional
        Which kind of remedy there is.
    **values : object
        What the words of the remedy are filled in with.

    Attributes
    ----------
    message : str
        The message without the remedy. `str(error)` is the message and the remedy; both are always a single line.
    """

    def __init__(self, message: str, fix: Fix | None = None, **values: Any) -> None:
        super().__init__(message)
        self.message, self.fix, self.values = one_line(str(message)), fix, values

    def __str__(self) -> str:
        return self.worded({})

    def worded(self, words: Mapping[Fix, str]) -> str:
        """The message and its remedy on one line, with a face's own words for the remedies that it has any for."""
        if self.fix is None:
            return self.message
        remedy = words.get(self.fix, self.fix.value).format_map(self.values)
        return one_line(f"{self.message} {remedy}")


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


class Diverged(TrainingError):
    """A training whose loss or weights are no longer finite; `what` says which, and at which step."""

    @property
    def what(self) -> str:
        """As "The loss became infinite at step 7 (epoch 1)"."""
        return str(self.values.get("what", self.message))


class TrainingInterrupted(TrainingError):
    """A training that was asked to stop (Ctrl-C, SIGTERM); the message says what was saved and how to go on."""


class CheckError(GlassnetError):
    """A gradient check that cannot be carried out as asked."""


class FormulaError(GlassnetError):
    """A formula that cannot be understood, or has no value or derivative where it was asked for."""


class ReaderError(GlassnetError):
    """A page cannot be read as asked, or written as asked."""


def nearest(word: str, words: Iterable[str]) -> str:
    """A hint for a mistyped word: `" Did you mean 'relu'?"`, or `""` when nothing known comes near it.

    Near is a known word that one slip makes of it (a letter too many, missing, wrong, or two exchanged; two slips in
    six to eight letters, three in more), one that it begins, and one that begins it.
    """
    given = str(word).lower()
    if not given or len(given) > _LONGEST_WORD:
        return ""
    found = [(rank, name) for name in map(str, words) if (rank := _distance(given, name.lower())) is not None]
    return f" Did you mean '{min(found, key=lambda entry: entry[0])[1]}'?" if found else ""


def _distance(word: str, known: str) -> float | None:
    """The number of slips between two words, at least so many where one begins the other; None: they are not near."""
    most = 1 if len(word) <= _SHORT else 2 if len(word) <= _LONG else 3
    begins = (len(word) >= _BEGINNING and known.startswith(word)) or (
        len(known) >= _BEGINNING and word.startswith(known)
    )
    if abs(len(word) - len(known)) <= most and (len(word) > 2 or word[0] == known[:1]):
        slips = _slips(word, known)
        if slips <= most:
            return slips
    return most + abs(len(word) - len(known)) / 100 if begins else None


def _slips(word: str, known: str) -> int:
    """The distance of Damerau and Levenshtein in which no part of a word is changed twice."""
    before: list[int] = []
    row = list(range(len(known) + 1))
    for i, letter in enumerate(word, start=1):
        earlier, before, row = before, row, [i]
        for j, other in enumerate(known, start=1):
            best = min(before[j] + 1, row[-1] + 1, before[j - 1] + (letter != other))
            if i > 1 and j > 1 and letter == known[j - 2] and word[i - 2] == other:
                best = min(best, earlier[j - 2] + 1)
            row.append(best)
    return row[-1]


def escaped(text: str) -> str:
    """`text` on one line, with escapes for what a terminal would obey or could not show.

    Names of files and classes may hold any character: `\\n`, `\\x1b`, a byte that is not UTF-8 (`\\xff`).
    """
    return _UNSHOWN.sub(_escape, text)


def reason_of(error: BaseException) -> str:
    """What went wrong, in one line: the message of an error of ours, with its type that of any other."""
    text = str(error) if isinstance(error, GlassnetError) else f"{type(error).__name__}: {error}"
    return " ".join(text.split())


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
    if 0xDC80 <= code <= 0xDCFF:  # a byte of a file's name that is not UTF-8, as Python holds it
        return f"\\x{code - 0xDC00:02x}"
    return found[0].encode("unicode_escape").decode("ascii")


def _shortened(text: str, longest: int) -> str:
    if len(text) <= longest:
        return text
    start, end = longest // 2, longest // 4
    return f"{text[:start]}[... {len(text) - start - end:,} characters ...]{text[-end:]}"
