"""A language by its characters: how probable each one is after those before it.

Texts are looked at in two parts. What is said goes by symbols: letters without their case, one symbol for all digits,
all else as it is. A model of symbols n characters long (Witten and Bell) takes what followed the last n - 1 of them, h,
in the texts it was made of, and asks the shorter context h' for the rest:

    p(c | h) = (count(h c) + kinds(h) p(c | h')) / (count(h) + kinds(h))

where kinds(h) is how many different symbols followed h; below a single symbol all are equally probable. How it is
written is a table: a letter's case goes by where it stands (in a word, at its beginning, after the end of a sentence)
and by the letters before it (none, small, a capital, two capitals running); a digit is each of ten. So text in capitals
is no less probable than the same in small letters, once it has begun, and no number is known by heart.

A line begins as a word does, and need not begin a sentence.

For a small file n-grams are left out that say little: those with the least count(h c) log p(c | h) / p'(c | h), where
p' is what is said without it. What is then unknown after h has the probability b(h) p(c | h'), with b(h) such that all
add up to 1. A file holds the logarithms of p and b in steps of a sixteenth; p is scaled as it is read, so that sums are
1 again.

Sources: I. H. Witten and T. C. Bell, "The Zero-Frequency Problem", IEEE Transactions on Information Theory, 1991,
method C; S. F. Chen and J. Goodman, "An Empirical Study of Smoothing Techniques for Language Modeling", 1998, section
2.6 (interpolated); K. Seymore and R. Rosenfeld, "Scalable Backoff Language Models", ICSLP 1996 (which to leave out).
"""

from __future__ import annotations

import functools
import os
import unicodedata
import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from glassnet.errors import ReaderError
from glassnet.files import atomic_write, open_plain, read_text
from glassnet.nn.kernels import beam as kernels
from glassnet.nn.kernels.beam import Grams
from glassnet.reader.lines.alphabet import CHARACTERS, encode
from glassnet.reader.lines.beam import Prior, no_words
from glassnet.reader.lines.letter_case import TURN, capital_of, capital_share, form_of, turned
from glassnet.reader.lines.wordlist import first_children

__all__ = ["ENGLISH", "ORDER", "NGrams", "load", "of", "plain", "probability_naive", "train"]

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]

ENGLISH = Path(__file__).with_name("english.npz")
ORDER = 6  # characters of an n-gram
_BITS = 6  # of a symbol in a key
_STEP = 16.0  # parts of a logarithm in a file

SYMBOLS = "".join(sorted({"0" if c.isdigit() else c.lower() for c in CHARACTERS}))  # the space first
_SYMBOL = np.array([SYMBOLS.index("0" if c.isdigit() else c.lower()) for c in CHARACTERS], np.uint8)


@dataclass(frozen=True, eq=False)
class NGrams:
    """A language.

    Attributes
    ----------
    grams : Grams
        The model as the beam walks it.
    about : str
        What it was made of.
    """

    grams: Grams
    about: str = ""

    def probability(self, context: str) -> Floats:
        """The probability of each of `CHARACTERS` (95,) after the beginning of a line; they add up to 1."""
        out = np.empty(len(CHARACTERS))
        kernels.expect(np.array(encode(context), np.int64), self.grams, out)
        return np.exp(out)

    def log_probability(self, text: str) -> float:
        """The logarithm of the probability that a line begins with the text."""
        return Prior(self.grams, no_words(len(CHARACTERS)), alpha=1.0, space=-1).score(encode(text))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the model, rounded, to a file of a few bytes an n-gram (NumPy's npz, without pickles)."""
        g = self.grams
        counts = np.diff(g.first)
        with atomic_write(path) as file:
            np.savez_compressed(
                file,
                label=g.label,
                children=counts.astype(np.uint8),
                log_p=_code(g.log_p),
                back_off=_code(g.back_off[counts > 0]),
                capital=capital_of(g.form),
                about=np.array(self.about),
            )


def _code(logarithms: Floats) -> npt.NDArray[np.uint8]:
    return np.clip(np.rint(-_STEP * logarithms), 0, 255).astype(np.uint8)


def load(path: str | os.PathLike[str]) -> NGrams:
    """Read a model that `NGrams.save` has written.

    Raises
    ------
    ReaderError
        There is no such file, or it is none.
    """
    try:
        with open_plain(path) as file, np.load(file, allow_pickle=False) as found:
            label, children, log_p = found["label"], found["children"], found["log_p"]
            back_off = np.zeros(len(label))
            back_off[children > 0] = found["back_off"] / -_STEP
            capital, about = found["capital"], str(found["about"])
    except (OSError, KeyError, ValueError, zipfile.BadZipFile) as error:
        raise ReaderError(f"Cannot read '{path}' as a model of a language: {error}") from error
    parents = np.repeat(np.arange(len(label)), children)
    suffix, p = _suffixes(parents, label), np.exp(log_p / -_STEP)
    for nodes in _levels(parents):
        own = parents[nodes - 1]
        lower = p[suffix[nodes]] if own[0] else np.zeros(len(nodes))
        mass = 1 - np.exp(back_off) * (1 - np.bincount(own, lower, len(label))) if own[0] else np.ones(1)
        p[nodes] *= (mass / np.bincount(own, p[nodes], len(label)).clip(1e-300)[: len(mass)])[own]
    return NGrams(_grams(label, parents, suffix, np.log(p), back_off, capital), about)


def of(name: str | os.PathLike[str]) -> NGrams | None:
    """A language by its name: `none`, `english`, or a file of plain text in UTF-8 that a model is made of.

    Raises
    ------
    GlassnetError
        The file cannot be read, or holds no text.
    """
    if str(name) == "none":
        return None
    if str(name) == "english":
        return _english()
    text = read_text(name, "a text in UTF-8 whose language is meant, or one of the names none and english")
    return train(text.splitlines(), about=str(name))


@functools.cache
def _english() -> NGrams:
    return load(ENGLISH)


# ---- from texts to a model ------------------------------------------------------------------------------------------


def plain(text: str) -> str:
    """A text in printable ASCII: accents taken off, quotation marks and dashes straightened, white space as one."""
    text = unicodedata.normalize("NFKD", text).translate(_STRAIGHT)
    kept = (c if c in CHARACTERS else " " if c.isspace() else "" for c in text)
    return " ".join("".join(kept).split())


_STRAIGHT = str.maketrans({"‘": "'", "’": "'", "“": '"', "”": '"', "–": "-", "—": "-", "…": "...", "⁄": "/", "ß": "ss"})


def train(texts: Iterable[str], *, order: int = ORDER, most: int | None = None, about: str = "") -> NGrams:
    """The model of some texts.

    Parameters
    ----------
    texts : iterable of str
        Lines or paragraphs; each goes on where the last one ended.
    order : int
        Characters of the longest n-gram, 1 to 10.
    most : int, optional
        N-grams that are kept, about; None: all.
    about : str
        What the texts are.

    Raises
    ------
    ReaderError
        There is no text.
    """
    lines = [line for text in texts if (line := plain(text))]
    if not lines:
        raise ReaderError("There is no text to make a model of a language from. Give one in plain UTF-8.")
    levels = _levels_of(np.frombuffer(f" {' '.join(lines)} ".encode("ascii"), np.uint8), order)
    if most is not None:
        levels = _pruned(levels, most)
    label, parents, suffix, log_p = [np.zeros(1, np.uint8)], [], [np.zeros(1, np.int64)], [np.zeros(1)]
    base, back_off = 1, np.zeros(1 + sum(len(level.keys) for level in levels))
    before = 0
    for n, level in enumerate(levels):
        label.append((level.keys & (2**_BITS - 1)).astype(np.uint8))
        parents.append(before + level.prefix)
        suffix.append(before + level.suffix)
        log_p.append(np.log(level.p))
        if n:
            shorter = levels[n - 1]
            left = 1 - np.bincount(level.prefix, level.p, len(shorter.keys))
            right = 1 - np.bincount(level.prefix, shorter.p[level.suffix], len(shorter.keys))
            share = np.where(right > 1e-9, left.clip(1e-9) / right.clip(1e-9), 1.0)
            back_off[before : before + len(shorter.keys)] = np.log(share)
        before, base = base, base + len(level.keys)
    grams = _grams(
        np.concatenate(label),
        np.concatenate(parents),
        np.concatenate(suffix),
        np.concatenate(log_p),
        back_off,
        capital_share(lines),
    )
    return NGrams(grams, about)


@dataclass(frozen=True, eq=False)
class _Level:
    """All n-grams of one length, sorted by key: their symbols in a row, six bits each."""

    keys: Integers
    counts: Integers
    prefix: Integers  # without the last symbol, by number in the level below
    suffix: Integers  # without the first one
    p: Floats
    gain: Floats  # what each says, in all: count times the logarithm of what it changes


def _levels_of(text: npt.NDArray[np.uint8], order: int) -> list[_Level]:
    symbols = _SYMBOL[text.astype(np.int64) - ord(CHARACTERS[0])].astype(np.int64)
    counts = np.bincount(symbols, minlength=len(SYMBOLS))
    kinds = (counts > 0).sum()
    p = (counts + kinds / len(SYMBOLS)) / (counts.sum() + kinds)
    nothing = np.zeros(len(SYMBOLS), np.int64)
    levels = [_Level(np.arange(len(SYMBOLS)), counts, nothing, nothing, p, np.full(len(SYMBOLS), np.inf))]
    keys = symbols
    for n in range(2, order + 1):
        if len(keys) < 2:
            break
        keys = (keys[:-1] << _BITS) | symbols[n - 1 :]
        own, counts = np.unique(keys, return_counts=True)
        below = levels[-1]
        prefix = np.searchsorted(below.keys, own >> _BITS)
        suffix = np.searchsorted(below.keys, own & ((1 << _BITS * (n - 1)) - 1))
        kinds = np.bincount(prefix, minlength=len(below.keys))
        total = np.bincount(prefix, counts, len(below.keys)) + kinds
        p = (counts + kinds[prefix] * below.p[suffix]) / total[prefix]
        gain = counts * np.log(p * total[prefix] / (kinds[prefix] * below.p[suffix]))
        levels.append(_Level(own, counts, prefix, suffix, p, gain))
    return levels


def _pruned(levels: list[_Level], most: int) -> list[_Level]:
    """The n-grams that say most, with their prefixes and suffixes: about so many."""
    gains = np.sort(np.concatenate([level.gain for level in levels]))
    low, high = 0, len(gains)  # of how many of the least to do without
    while low < high:
        middle = (low + high) // 2
        kept = _kept(levels, gains[middle])
        low, high = (low, middle) if sum(int(k.sum()) for k in kept) <= most else (middle + 1, high)
    kept = _kept(levels, gains[min(low, len(gains) - 1)])
    result: list[_Level] = []
    number = np.zeros(0, np.int64)
    for level, keep in zip(levels, kept, strict=True):
        prefix, suffix = (number[a[keep]] if result else a[keep] for a in (level.prefix, level.suffix))
        result.append(_Level(level.keys[keep], level.counts[keep], prefix, suffix, level.p[keep], level.gain[keep]))
        number = np.cumsum(keep) - 1
    return [level for level in result if len(level.keys)]


def _kept(levels: Sequence[_Level], least: float) -> list[npt.NDArray[np.bool_]]:
    kept = [level.gain >= least for level in levels]
    for n in range(len(levels) - 1, 0, -1):
        for needed in (levels[n].prefix, levels[n].suffix):
            kept[n - 1][needed[kept[n]]] = True
    return kept


# ---- the automaton --------------------------------------------------------------------------------------------------


def _grams(
    label: npt.NDArray[np.uint8],
    parents: Integers,
    suffix: Integers,
    log_p: Floats,
    back_off: Floats,
    capital: Floats,
) -> Grams:
    return Grams(
        _SYMBOL,
        form_of(capital),
        TURN,
        label,
        first_children(parents),
        suffix.astype(np.int32),
        log_p,
        back_off,
        1 + SYMBOLS.index(" "),
    )


def _levels(parents: Integers) -> Iterable[Integers]:
    """The nodes of each level below the root, which is node 0; `parents` are those of all other nodes."""
    begin, end = 0, 1
    while end <= len(parents):
        begin, end = end, int(np.searchsorted(parents, end)) + 1
        yield np.arange(begin, end)


def _suffixes(parents: Integers, label: npt.NDArray[np.uint8]) -> Integers:
    """The node without its first symbol: the child, by the same symbol, of the parent's suffix."""
    suffix = np.zeros(len(label), np.int64)
    keys = (parents << _BITS) | label[1:]
    for nodes in _levels(parents):
        own = parents[nodes - 1]
        if own[0]:
            suffix[nodes] = 1 + np.searchsorted(keys, (suffix[own] << _BITS) | label[nodes])
    return suffix


# ---- the formula, as it is written ----------------------------------------------------------------------------------


def probability_naive(texts: Sequence[str], context: str, character: str, order: int = ORDER) -> float:
    """The probability of a character after a context by the formulas alone, counted in the texts at each call."""

    def symbols(text: str) -> str:
        return "".join(SYMBOLS[_SYMBOL[label]] for label in encode(text))

    lines = [plain(text) for text in texts if plain(text)]
    stream = symbols(f" {' '.join(lines)} ")

    def p(c: str, h: str) -> float:
        follow = [stream[i + len(h)] for i in range(len(stream) - len(h)) if stream.startswith(h, i)]
        kinds, total = len(set(follow)), len(follow)
        if not kinds:
            return p(c, h[1:])
        lower = p(c, h[1:]) if h else 1 / len(SYMBOLS)
        return (follow.count(c) + kinds * lower) / (total + kinds)

    state = 0
    for c in context:
        state = turned(state, c)
    case = float(np.exp(form_of(capital_share(lines))[state, CHARACTERS.index(character)]))
    return p(symbols(character), symbols(f" {context}")[1 - order :] if order > 1 else "") * case
