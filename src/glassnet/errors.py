"""The errors that glassnet raises on purpose: each message is one line that says what was given, what was
expected and what to do. The command line prints that line and exits with status 2."""

from __future__ import annotations

import difflib
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
    "nearest",
]


class GlassnetError(Exception):
    """Base of every error that glassnet raises on wrong input. Its text is always a single line."""

    def __init__(self, message: str) -> None:
        super().__init__(" ".join(str(message).split()))


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
    candidates = [str(w) for w in words]
    match = difflib.get_close_matches(str(word).lower(), candidates, n=1, cutoff=0.5)
    return f" Did you mean '{match[0]}'?" if match else ""
