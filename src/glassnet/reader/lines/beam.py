"""The most probable texts of a line's scores: prefix beam search, with what a language and a word list have to say.

The scores say how probable each character is in each column; a text's probability is that of all its paths (see
`glassnet.nn.functional.ctc`). The best path is not the best text: a text whose probability lies on many paths may beat
it. So the search goes through the columns with a beam of prefixes, each with the probabilities of its paths so far that
end

    q(l)  with a blank,    r(l)  with its last character.

With y the probabilities of the next column, the paths that show no new character go on as

    q'(l) = (q(l) + r(l)) y[blank],    r'(l) = r(l) y[last of l]

and those that show one belong to the longer prefix l c, to whose r' is added

    (q(l) + r(l)) y[c],    but  q(l) y[c]  where c is the last of l: without a blank between they would be one.

Of all prefixes the best `width` are kept: with a beam that holds them all, q + r of the last column is the probability
of the text exactly, and the first text is the most probable one. What a picture leaves open others may decide:

    score(l) = log p(l | picture) + alpha log p(l | language) + beta |l| - unlisted (words of l not in the list).

Language and word list are asked as a prefix grows, so that they steer the search; a word counts as not in the list as
soon as no listed word begins so. At the end of the line a word ends, as before a space.

Sources: A. Graves, S. Fernandez, F. Gomez, J. Schmidhuber, "Connectionist Temporal Classification", ICML 2006 (prefix
search); A. Y. Hannun, A. L. Maas, D. Jurafsky, A. Y. Ng, "First-Pass Large Vocabulary Continuous Speech Recognition
using Bi-Directional Recurrent DNNs", 2014 (the beam, alpha and beta).
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from glassnet.errors import ReaderError
from glassnet.nn.functional.ctc import merged
from glassnet.nn.kernels import beam as kernels
from glassnet.nn.kernels.beam import Grams, Words
from glassnet.reader.lines.alphabet import CHARACTERS

__all__ = ["Found", "Prior", "beam_search", "beam_search_naive", "best_path", "log_probabilities", "within"]

Floats = npt.NDArray[np.float64]

_FOREIGN = 0.05  # as `RecogniseSettings.foreign`: how much counts what the alphabet leaves out
_NO_LABELS, _NO_CHILDREN = np.zeros(0, np.uint8), np.zeros(1, np.int32)


def no_grams(characters: int) -> Grams:
    """No language: says nothing of any of so many characters."""
    table = np.zeros((1, characters))
    none, nothing = np.zeros(0, np.int32), np.zeros(0)
    symbols = np.zeros(characters, np.uint8)
    return Grams(symbols, table, table.astype(np.uint8), _NO_LABELS, _NO_CHILDREN, none, nothing, nothing, 0)


def no_words(characters: int) -> Words:
    """No word list: says nothing of any of so many characters."""
    kinds = np.zeros(characters, np.uint8)
    return Words(kinds, kinds, _NO_LABELS, _NO_CHILDREN, np.zeros(0, np.bool_))


@dataclass(frozen=True)
class Prior:
    """What is known of a text before its picture is looked at.

    Attributes
    ----------
    grams : Grams
        The language.
    words : Words
        The word list.
    alpha : float
        How much the language's log-probability counts.
    beta : float
        What each character gains: against the language, which favours short texts.
    unlisted : float
        What each word costs that is not in the list.
    space : int
        The label of the space, or -1 where there is none.
    """

    grams: Grams
    words: Words
    alpha: float = 0.0
    beta: float = 0.0
    unlisted: float = 0.0
    space: int = 0

    @classmethod
    def none(cls, characters: int) -> Prior:
        """Nothing is known of texts of so many characters."""
        return cls(no_grams(characters), no_words(characters), space=-1)

    def score(self, labels: Sequence[int] | npt.NDArray[np.integer]) -> float:
        """alpha log p + beta m - unlisted (words not in the list) of a text's labels."""
        own = np.asarray(labels, np.int64)
        return float(kernels.rate(own, self.grams, self.words, self.alpha, self.beta, self.unlisted, self.space))


@dataclass(frozen=True)
class Found:
    """A text of the beam.

    Attributes
    ----------
    labels : tuple of int
        The text.
    picture : float
        The log-probability of its paths that were followed.
    score : float
        With what language and word list say.
    """

    labels: tuple[int, ...]
    picture: float
    score: float


def log_probabilities(scores: npt.ArrayLike) -> Floats:
    """Scores (columns, k) as float64 log-probabilities: log-softmax of every column.

    Raises
    ------
    ReaderError
        They are no table of at least one column and two classes.
    """
    z = np.array(scores, np.float64)
    if z.ndim != 2 or len(z) < 1 or z.shape[1] < 2:
        raise ReaderError(f"A line's scores have the shape (columns, characters + blank). Got {z.shape}.")
    z -= z.max(axis=1, keepdims=True)
    return np.asarray(z - np.log(np.exp(z).sum(axis=1, keepdims=True)))


def within(logs: Floats, alphabet: str, characters: str = CHARACTERS) -> Floats:
    """Log-probabilities (columns, characters + blank) where only the characters of the alphabet are possible.

    A letter of which only the other case is wanted counts as that; the space stays possible. Of what the others had a
    twentieth goes to the blank, and the rest to all that is left, in proportion: so a letter beside figures is left out
    rather than forced into one, unless it looks like a figure.

    Raises
    ------
    ReaderError
        For a character that the line reader does not know, or where none is wanted.
    """
    unknown = sorted(set(alphabet) - set(characters))
    if unknown or not alphabet:
        what = f"'{unknown[0]}' is not among them" if unknown else "it names none"
        raise ReaderError(f"An alphabet holds characters of {characters}. Got '{alphabet}': {what}.")
    p = np.exp(logs)
    total = p.sum(axis=1)
    for at, c in enumerate(characters):
        twin = c.swapcase()
        if c in alphabet or c == " ":
            continue
        if twin != c and twin in alphabet:
            p[:, characters.index(twin)] += p[:, at]
        p[:, at] = 0.0
    p[:, -1] += _FOREIGN * (total - p.sum(axis=1)).clip(0)
    with np.errstate(divide="ignore"):
        kept = np.log(p / p.sum(axis=1, keepdims=True))
    return np.asarray(kept)


def best_path(logs: Floats) -> list[int]:
    """What the best class of every column reads: the fast way, in which nothing but the picture has a say."""
    return merged(logs.argmax(axis=1), logs.shape[1] - 1)


def beam_search(logs: Floats, prior: Prior, *, width: int = 16, least: float = -np.inf) -> list[Found]:
    """The best texts of a line, the best first.

    Parameters
    ----------
    logs : (columns, k) float64 array
        Log-probabilities; the blank is the last class.
    prior : Prior
        What language and word list say.
    width : int
        Prefixes that are kept, at least 1.
    least : float
        A character whose log-probability in a column is lower is not tried there.

    Returns
    -------
    list of Found
        At least one.
    """
    columns = len(logs)
    texts, lengths = np.zeros((width, columns), np.uint8), np.zeros(width, np.int64)
    picture, score = np.empty(width), np.empty(width)
    count = kernels.beam(
        np.ascontiguousarray(logs),
        width,
        float(least),
        prior.grams,
        prior.words,
        float(prior.alpha),
        float(prior.beta),
        float(prior.unlisted),
        prior.space,
        texts,
        lengths,
        picture,
        score,
    )
    return [Found(tuple(texts[i, : lengths[i]].tolist()), float(picture[i]), float(score[i])) for i in range(count)]


def beam_search_naive(logs: Floats, say: Callable[[tuple[int, ...]], float] = lambda labels: 0.0) -> list[Found]:
    """Every text of a line with the sum over all its paths, k^columns of them; `say` gives what else counts."""
    columns, k = logs.shape
    picture: dict[tuple[int, ...], float] = {}
    for path in itertools.product(range(k), repeat=columns):
        labels = tuple(merged(path, k - 1))
        p = float(np.exp(logs[np.arange(columns), path].sum()))
        picture[labels] = picture.get(labels, 0.0) + p
    found = [Found(text, float(np.log(p)), float(np.log(p)) + say(text)) for text, p in picture.items()]
    return sorted(found, key=lambda text: -text.score)
