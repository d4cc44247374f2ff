"""`Decoder`: a line's scores become a `Reading`, with whatever is known of the text beforehand."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from glassnet.errors import ReaderError
from glassnet.reader.lines.alignment import align
from glassnet.reader.lines.alphabet import BLANK, CHARACTERS, decode
from glassnet.reader.lines.beam import (
    Found,
    Prior,
    beam_search,
    best_path,
    log_probabilities,
    no_grams,
    no_words,
    within,
)
from glassnet.reader.lines.confidence import AS_IT_IS, Edits, Map, edits
from glassnet.reader.lines.language import NGrams
from glassnet.reader.lines.looks import agreed, mean_edits
from glassnet.reader.lines.reading import ReadCharacter, Reading, ReadWord
from glassnet.reader.lines.wordlist import word_tree

__all__ = ["DECODING", "Decoder", "DecodingSettings"]


@dataclass(frozen=True)
class DecodingSettings:
    """How a line's scores are read. Logarithms are natural ones.

    `alpha`, `beta`, `unlisted` and the maps are fitted by `python -m benchmarks.decoding MODEL --only tune`, anew for
    each network: the worse it reads, the more a language helps.

    Attributes
    ----------
    width : int
        Prefixes that the beam keeps.
    least : float
        Log-probability that a character must have in a column to be tried there.
    doubt : float
        Texts that the picture makes less probable than exp(-doubt) of the one read say nothing about its confidence.
    margin : float
        Columns whose paths about a character are less than exp(-margin) of all are left out of its confidence.
    alpha : float
        How much a language's log-probability counts.
    beta : float
        What each character gains where a language counts.
    unlisted : float
        What each word costs that is not in the word list.
    alternatives : int
        Of a character that are kept, at most.
    improbable : float
        Probability of an alternative that is not worth keeping.
    others : int
        Other texts that are kept, at most.
    characters, words : Map
        From confidences as they are to those that can be taken at their word.
    """

    width: int = 16
    least: float = -7.0
    doubt: float = 6.0
    margin: float = 12.0
    alpha: float = 0.3
    beta: float = 0.8
    unlisted: float = 5.0
    alternatives: int = 4
    improbable: float = 5e-4
    others: int = 4
    characters: Map = AS_IT_IS
    words: Map = AS_IT_IS


DECODING = DecodingSettings()
_TEXTS = (*CHARACTERS, "")  # what may stand in a place: a character or none


class Decoder:
    """Reads lines; may be used by several threads at once.

    Parameters
    ----------
    alphabet : str, optional
        The characters that are possible, beside the space; None: all.
    words : collection of str, optional
        A word list: its words are preferred, others stay possible.
    language : NGrams, optional
        A model of characters: what it expects is preferred, all else stays possible.
    greedy : bool
        Take what the best class of each column reads, the fast way: words and language have no say then.
    settings : DecodingSettings
        The thresholds and weights.

    Raises
    ------
    ReaderError
        The alphabet holds an unknown character or none, or the list no word.
    """

    def __init__(
        self,
        *,
        alphabet: str | None = None,
        words: Collection[str] | None = None,
        language: NGrams | None = None,
        greedy: bool = False,
        settings: DecodingSettings = DECODING,
    ) -> None:
        self.alphabet, self.greedy, self.settings = alphabet, greedy, settings
        if alphabet is not None:
            within(np.zeros((1, BLANK + 1)), alphabet)  # an error now rather than with the first line
        self.prior = Prior(
            no_grams(BLANK) if language is None or greedy else language.grams,
            no_words(BLANK) if words is None or greedy else word_tree(words),
            alpha=settings.alpha,
            beta=0.0 if language is None or greedy else settings.beta,
            unlisted=settings.unlisted,
        )

    def __call__(self, scores: npt.ArrayLike, *more: npt.ArrayLike) -> Reading:
        """What a line reads.

        Parameters
        ----------
        scores : (columns, 96) float array
            Of the characters of `CHARACTERS` and the blank, up to a constant a column.
        *more : (columns, 96) float array
            Of further looks at the line (`looks.py`); the places of characters are those of the first.
        """
        s = self.settings
        looks = [self._logs(each) for each in (scores, *more)]
        each = [self._found(logs) for logs in looks]
        found = agreed(looks, each) if more else each[0]
        best = found[0]
        doubts = mean_edits([edits(logs, best.labels, self.prior, least=s.doubt, margin=s.margin) for logs in looks])
        return Reading(
            self._words(best.labels, align(looks[0], best.labels), doubts),
            best.picture,
            best.score,
            _others(found, s.others),
        )

    def _logs(self, scores: npt.ArrayLike) -> npt.NDArray[np.float64]:
        """Log-probabilities of the characters that are possible."""
        logs = log_probabilities(scores)
        if logs.shape[1] != BLANK + 1:
            raise ReaderError(f"A line's scores have {BLANK + 1} classes. Got {logs.shape[1]}.")
        return logs if self.alphabet is None else within(logs, self.alphabet)

    def _found(self, logs: npt.NDArray[np.float64]) -> list[Found]:
        """The best texts of a look, the best first."""
        if self.greedy:
            picture = float(logs.max(axis=1).sum())
            return [Found(tuple(best_path(logs)), picture, picture)]
        return beam_search(logs, self.prior, width=self.settings.width, least=self.settings.least)

    def _words(self, labels: tuple[int, ...], columns: npt.NDArray[np.int64], doubts: Edits) -> tuple[ReadWord, ...]:
        """The characters between spaces, and the probability that they are right together."""
        sure = np.array([row[label] for row, label in zip(doubts.replaced, labels, strict=True)])
        text = decode(labels)
        result = []
        end = 0
        for part in text.split():
            begin = text.index(part, end)
            end = begin + len(part)
            around = [at for at in (begin - 1, end) if 0 <= at < len(text)]
            whole = sure[begin:end].prod() * (1 - doubts.missing[begin : end + 1]).prod() * sure[around].prod()
            characters = tuple(self._character(labels[i], columns[i], doubts.replaced[i]) for i in range(begin, end))
            result.append(ReadWord(characters, float(self.settings.words(whole))))
        return tuple(result)

    def _character(self, label: int, columns: npt.NDArray[np.int64], p: npt.NDArray[np.float64]) -> ReadCharacter:
        s = self.settings
        confidence = float(s.characters(p[label]))
        scale = (1 - confidence) / max(float(p.sum() - p[label]), 1e-300)
        likely = [(float(scale * p[i]), int(i)) for i in np.flatnonzero(scale * p >= s.improbable) if i != label]
        alternatives = tuple((_TEXTS[i], q) for q, i in sorted(likely, key=lambda pair: -pair[0])[: s.alternatives])
        return ReadCharacter(CHARACTERS[label], int(columns[0]), int(columns[1]), confidence, alternatives)


def _others(found: list[Found], most: int) -> tuple[tuple[str, float], ...]:
    """Texts of the beam but the first, as a reader sees them: those that differ in spaces at the ends are one."""
    texts: dict[str, float] = {}
    for text in found:
        texts.setdefault(" ".join(decode(text.labels).split()), text.score)
    return tuple(texts.items())[1 : most + 1]
