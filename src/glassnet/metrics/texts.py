"""How well texts are read: error rates of characters and words, with intervals, and what was taken for what.

With d(a, b) the least number of characters put in, left out or exchanged that turn a into b (Levenshtein 1966),

    character error rate = sum d(read, true) / sum len(true)

The word error rate is the same with words in place of characters. Either may exceed 1, where more is read than is
there. Intervals are 95 % bootstrap intervals over the lines: errors of one line go together.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from glassnet.errors import DataError
from glassnet.metrics.intervals import Interval, bootstrap_interval

__all__ = ["GAP", "ErrorRate", "Transcription", "edits", "error_rate", "evaluate_transcription"]

GAP = "∅"  # nothing: a character that was put in or left out
_CONFUSIONS = 30  # that the figures list


@dataclass(frozen=True)
class ErrorRate:
    """Errors by the characters, or words, that are there.

    Attributes
    ----------
    rate : float
        Errors / size; nan where nothing is there.
    interval : Interval
        95 % bootstrap interval over the lines; nan with fewer than two.
    errors : int
        Put in, left out or exchanged.
    size : int
        Characters, or words, that are there.

    Examples
    --------
    >>> from glassnet.metrics import error_rate
    >>> error_rate([1, 0], [10, 10]).rate
    0.05
    """

    rate: float
    interval: Interval
    errors: int
    size: int

    @property
    def known_interval(self) -> list[float] | None:
        """The interval as plain numbers; None where it is not known."""
        return None if np.isnan(self.interval).any() else list(self.interval)


def error_rate(errors: ArrayLike, sizes: ArrayLike) -> ErrorRate:
    """The error rate over n lines.

    Parameters
    ----------
    errors, sizes : (n,) array
        Of each line, whole numbers from 0.

    Examples
    --------
    >>> from glassnet.metrics import error_rate
    >>> found = error_rate([1, 0, 2], [10, 10, 10])
    >>> found.rate, found.errors, found.size
    (0.1, 3, 30)
    """
    values = np.stack([np.asarray(errors, float), np.asarray(sizes, float)], axis=-1).reshape(-1, 2)
    wrong, there = (int(total) for total in values.sum(axis=0))

    def ratio(drawn: Any, axis: int) -> Any:
        sums = values[drawn.astype(int)].sum(axis=axis)
        return sums[..., 0] / np.maximum(1.0, sums[..., 1])

    interval = bootstrap_interval(np.arange(len(values)), statistic=ratio)
    return ErrorRate(wrong / there if there else math.nan, interval, wrong, there)


def edits(read: str, true: str) -> Iterator[tuple[int, str, str]]:
    """(place in `true`, what is there, what was read) of each character to change; `GAP` stands for none."""
    from rapidfuzz.distance import Levenshtein  # only here: every command would start later by its import

    for edit in Levenshtein.editops(true, read):
        before = true[edit.src_pos] if edit.tag != "insert" else GAP
        yield edit.src_pos, before, read[edit.dest_pos] if edit.tag != "delete" else GAP


@dataclass(frozen=True, eq=False)
class Transcription:
    """How well N lines were read.

    Attributes
    ----------
    read, true : tuple of N str
        What was read and what is there.
    characters, words : ErrorRate
        Over all lines.
    exact : int
        Lines without an error.
    loss : float
        Mean of the lines' losses.
    errors : (N,) int64 array
        Characters to change in each line.
    losses : (N,) float64 array
        The loss of each line.
    groups : mapping of str to tuple of N str
        By what lines are told apart: {"style": ("printed", "cursive", ...)}.
    by_group : mapping of str to mapping of str to ErrorRate
        The character error rate of each group: {"style": {"printed": ...}}.
    confusions : tuple of (str, str, int)
        (there, read, how often), the most frequent first; `GAP` stands for no character.

    Examples
    --------
    >>> from glassnet.metrics import evaluate_transcription
    >>> found = evaluate_transcription(["helo", "you"], ["hello", "you"], [0.5, 0.1])
    >>> found.exact, found.characters.errors, found.confusions[0][0]
    (1, 1, 'l')
    """

    read: tuple[str, ...]
    true: tuple[str, ...]
    characters: ErrorRate
    words: ErrorRate
    exact: int
    loss: float
    errors: NDArray[np.int64]
    losses: NDArray[np.float64]
    groups: Mapping[str, tuple[str, ...]]
    by_group: Mapping[str, Mapping[str, ErrorRate]]
    confusions: tuple[tuple[str, str, int], ...]

    @property
    def n(self) -> int:
        """The number of lines."""
        return len(self.true)

    def __repr__(self) -> str:
        return f"<Transcription {self.describe()}>"

    def describe(self) -> str:
        """The character error rate with its interval, on how many lines, in one line."""
        text = f"character error rate {100 * self.characters.rate:.1f} % of {self.n:,} lines"
        if self.characters.known_interval is None:
            return text
        low, high = (100 * end for end in self.characters.interval)
        return f"{text} (95 % interval {low:.1f} to {high:.1f} %)"

    def worst(self) -> NDArray[np.int64]:
        """The lines with errors, those with the largest share of wrong characters first."""
        sizes = np.maximum(1, [len(text) for text in self.true])
        order = np.lexsort((-self.losses, -self.errors / sizes))
        return np.asarray(order[self.errors[order] > 0], np.int64)

    def to_dict(self) -> dict[str, Any]:
        """All of it but the single lines, with plain keys."""
        return {
            "character_error_rate": self.characters.rate,
            "character_interval": self.characters.known_interval,
            "word_error_rate": self.words.rate,
            "word_interval": self.words.known_interval,
            "exact_lines": self.exact,
            "lines": self.n,
            "loss": self.loss,
            "characters": self.characters.size,
            "words": self.words.size,
            "by_group": {
                group: {
                    name: {
                        "lines": self.groups[group].count(name),
                        "characters": rate.size,
                        "character_error_rate": rate.rate,
                        "character_interval": rate.known_interval,
                    }
                    for name, rate in rates.items()
                }
                for group, rates in self.by_group.items()
            },
            "confusions": [list(confusion) for confusion in self.confusions],
        }


def evaluate_transcription(
    read: Sequence[str], true: Sequence[str], losses: ArrayLike, groups: Mapping[str, Sequence[str]] | None = None
) -> Transcription:
    """All figures of texts that were read.

    Parameters
    ----------
    read, true : sequence of N str
        What was read and what is there.
    losses : (N,) array
        The loss of each line.
    groups : mapping of str to sequence of N str, optional
        By what lines are told apart: {"style": ("printed", "cursive", ...)}.

    Raises
    ------
    DataError
        There is no character to read, or the numbers of texts differ.

    Examples
    --------
    >>> from glassnet.metrics import evaluate_transcription
    >>> found = evaluate_transcription(["helo", "you"], ["hello", "you"], [0.5, 0.1])
    >>> type(found).__name__
    'Transcription'
    """
    from rapidfuzz.distance import Levenshtein  # only here: every command would start later by its import

    read, true, each = tuple(read), tuple(true), np.asarray(losses, np.float64)
    told = {name: tuple(values) for name, values in (groups or {}).items()}
    if {len(read), len(each), *map(len, told.values())} - {len(true)}:
        raise DataError(f"There must be as many texts read, losses and groups as there are lines, {len(true)}.")
    sizes = [len(text) for text in true]
    if not sum(sizes):
        raise DataError("The texts to compare with hold no character. Give lines with something written.")
    errors = np.array([Levenshtein.distance(own, wanted) for own, wanted in zip(read, true, strict=True)], np.int64)
    words = [(Levenshtein.distance(a.split(), b.split()), len(b.split())) for a, b in zip(read, true, strict=True)]
    counts = Counter(
        (there, seen) for own, wanted in zip(read, true, strict=True) for _, there, seen in edits(own, wanted)
    )
    return Transcription(
        read,
        true,
        error_rate(errors, sizes),
        error_rate(*zip(*words, strict=True)),
        int((errors == 0).sum()),
        float(each.mean()),
        errors,
        each,
        told,
        {name: _rates(values, errors, np.array(sizes)) for name, values in told.items()},
        tuple((there, seen, n) for (there, seen), n in counts.most_common(_CONFUSIONS)),
    )


def _rates(values: Sequence[str], errors: NDArray[np.int64], sizes: NDArray[np.int64]) -> dict[str, ErrorRate]:
    of = np.array(values)
    return {str(name): error_rate(errors[of == name], sizes[of == name]) for name in np.unique(of)}
