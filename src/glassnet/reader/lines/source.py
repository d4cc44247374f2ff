"""Batches of strips with what they read, made anew for every epoch.

A batch holds strips of one padded width. Its first example draws the width, narrow ones more often, so that as many
pixels of short words are seen as of long lines; then each example has something written that fills it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from glassnet.data.streams import generator
from glassnet.data.unipen import PARTS, WORD, PenSamples, load_unipen
from glassnet.errors import DataError
from glassnet.reader.lines.alphabet import encode
from glassnet.reader.lines.layout import INK, draw_size, strip_of, unwritten
from glassnet.reader.lines.pens import UnipenWriters
from glassnet.reader.lines.texts import Texts, count_words
from glassnet.reader.lines.widths import LEAST, padded_width
from glassnet.reader.lines.writing import FULL, Inked, Writing

__all__ = ["WIDEST", "ByLength", "LineSource", "PenWriter", "TextWriter", "Writer"]

Floats = npt.NDArray[np.float32]

WIDEST = 1024  # pixels of a strip
_STREAM = 0x11E5  # keeps these random numbers apart from all other streams of the seed
_CHARACTER = 0.8  # heights of a capital that a character takes, about
_TRIES = 8


class Writer(Protocol):
    """What writes a line of some width."""

    def line(self, rng: np.random.Generator, proportion: float) -> Writing | Inked | None:
        """A word or line whose ink is about `proportion` times as wide as high; None where it has none such."""


class TextWriter(Protocol):
    """What writes a line of some length."""

    def line(self, rng: np.random.Generator, characters: int) -> tuple[Any, str]:
        """Ink (h, w) float32 in [0, 1], or a list of strokes (n, 2) float, y down; and what is written."""


@dataclass(frozen=True)
class ByLength:
    """A writer of texts of some length, as a `Writer`.

    Attributes
    ----------
    writer : TextWriter
        Who writes.
    capital : float
        How high a capital of its strokes is, where it writes in strokes.
    """

    writer: TextWriter
    capital: float = 100.0

    def line(self, rng: np.random.Generator, proportion: float) -> Writing | Inked | None:
        characters = max(1, round(proportion * FULL / _CHARACTER))
        for _ in range(2):
            made, text = self.writer.line(rng, characters)
            line = Inked(text, made) if isinstance(made, np.ndarray) else Writing.of(text, made, self.capital)
            left, top, right, bottom = line.extent()
            off = (right - left) / max(1e-6, bottom - top) / proportion
            if 0.7 < off < 1.4:
                break
            characters = max(1, round(characters / off))
        return line


@dataclass(frozen=True)
class PenWriter:
    """UNIPEN's writers: their lines and words as they are, their words side by side, texts of their characters.

    Attributes
    ----------
    hands : UnipenWriters
        Who writes.
    texts : Texts
        What is set from characters, as far as the writer left them.
    shares : (float, float, float)
        Of samples as they are, of words set side by side, of texts set from characters.
    """

    hands: UnipenWriters
    texts: Texts
    shares: tuple[float, float, float] = (0.45, 0.4, 0.15)

    def line(self, rng: np.random.Generator, proportion: float) -> Writing | None:
        way = int(np.searchsorted(np.cumsum(self.shares), rng.random() * sum(self.shares), side="right"))
        if way == 2 and self.hands.spells:
            length = max(1, round(proportion * FULL / _CHARACTER))
            return self.hands.spelt(rng, self.texts.draw(rng, length))
        if way == 1:
            return self.hands.words(rng, proportion * FULL)
        return self.hands.sample(rng, 0.85 * proportion, 1.2 * proportion)


class LineSource:
    """Strips and their labels, as `glassnet.train.loop.Examples`.

    Parameters
    ----------
    part : str
        "train", "valid" or "test": whose writers.
    height : int
        Of a strip, in pixels.
    seed : int
        Of all that is drawn.
    examples_per_epoch : int
        How many strips are called an epoch.
    samples : PenSamples, optional
        Pen trajectories; None reads them from the data folder.
    texts : Texts, optional
        What is set from single characters; None takes those of the writers' own words.
    others : sequence of (Writer, float)
        Others who write, each with its share of the examples in 0 ... 1; UNIPEN's writers have the rest.
    widest : int
        The widest strips, in pixels.
    damage : float
        From 0, none, to 1.
    nothing : float
        Share of strips without any writing: lines, flourishes, specks or bare paper, which read as an empty text.
    """

    def __init__(
        self,
        part: str,
        *,
        height: int = 32,
        seed: int = 0,
        examples_per_epoch: int = 50_000,
        samples: PenSamples | None = None,
        texts: Texts | None = None,
        others: Sequence[tuple[Writer, float]] = (),
        widest: int = WIDEST,
        damage: float = 1.0,
        nothing: float = 0.01,
    ) -> None:
        self.part, self.height, self.seed, self.examples, self.damage = part, height, seed, examples_per_epoch, damage
        self.nothing = nothing
        samples = load_unipen() if samples is None else samples
        hands = UnipenWriters(samples, part)
        if not len(hands.whole):
            raise DataError(f"None of the pen trajectories is by a writer of the part '{part}'.")
        words = count_words(samples.labels[i] for i in hands.whole if samples.kind[i] == WORD)
        self.pens = PenWriter(hands, texts or Texts(words or {"word": 1}))
        self.writers = (*((writer, share) for writer, share in others), (self.pens, 1.0 - sum(s for _, s in others)))
        self._sums = np.cumsum([share for _, share in self.writers])
        self.widths = _widths(widest)
        self._width_sums = np.cumsum(1.0 / np.array(self.widths))

    def __len__(self) -> int:
        return self.examples

    def take(self, indices: npt.NDArray[np.int64], epoch: int) -> tuple[Floats, list[list[int]]]:
        """Strips (n, height, width, 1) in [0, 1] of one padded width, ink 1, and the labels of each."""
        width = self._width(int(indices[0]), epoch)
        x = np.zeros((len(indices), self.height, width, 1), np.float32)
        labels = []
        for n, index in enumerate(indices):
            rng = generator(self.seed, _STREAM, PARTS.index(self.part), epoch, int(index), 1)
            strip, text = self._strip(rng, width)
            x[n, :, : strip.shape[1], 0] = strip
            labels.append(encode(text))
        return x, labels

    def _width(self, index: int, epoch: int) -> int:
        rng = generator(self.seed, _STREAM, PARTS.index(self.part), epoch, index, 0)
        return self.widths[int(np.searchsorted(self._width_sums, rng.random() * self._width_sums[-1], side="right"))]

    def _strip(self, rng: np.random.Generator, width: int) -> tuple[Floats, str]:
        """A strip whose padded width is `width`, or at least no wider, and its text."""
        at = self.widths.index(width)
        least = self.widths[at - 1] + 1 if at else 1
        for trial in range(_TRIES if rng.random() >= self.nothing else 0):
            writer = self.writers[int(np.searchsorted(self._sums, rng.random() * self._sums[-1], side="right"))][0]
            fill, size = float(np.exp(rng.uniform(np.log(max(least, 24)), np.log(width)))) - 12, draw_size(rng)
            writing = writer.line(rng, fill / (size * INK * self.height))
            if writing is None:
                continue
            widths = least if trial < _TRIES - 3 else 1, width
            strip = strip_of(writing, rng, widths=widths, height=self.height, size=size, damage=self.damage)
            if strip is not None:
                return strip, writing.text
        return unwritten(rng, width, self.height, self.damage), ""


def _widths(widest: int) -> list[int]:
    """All padded widths up to one."""
    widths = [LEAST]
    while (wider := padded_width(widths[-1] + 1)) <= widest:
        widths.append(wider)
    return widths
