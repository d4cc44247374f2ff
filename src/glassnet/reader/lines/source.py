"""Batches of strips with what they read, made anew for every epoch.

A batch holds strips of one padded width. Its first example draws the width, narrow ones more often, so that as many
pixels of short words are seen as of long lines; then each example has something written that fills it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from glassnet.data.streams import generator
from glassnet.data.unipen import PARTS, WORD, PenSamples, load_unipen
from glassnet.errors import DataError
from glassnet.nn.functional.ctc import columns_needed
from glassnet.reader.lines.alphabet import encode
from glassnet.reader.lines.copybook import Copybook
from glassnet.reader.lines.damage import add_marks, damaged
from glassnet.reader.lines.drawing import draw, draw_pen, ink_height
from glassnet.reader.lines.widths import LEAST, padded_width
from glassnet.reader.lines.writing import FULL, Hands, Writing, varied

__all__ = ["COLUMN", "WIDEST", "LineSource", "PenWriter", "Placed", "Writer", "inked", "place"]

Floats = npt.NDArray[np.float32]

COLUMN = 4  # pixels of a strip for each column of scores
NOMINAL = 26 / 32  # of a strip's height is ink
_STREAM = 0x11E5  # keeps these random numbers apart from all other streams of the seed
WIDEST = 1024
_STRETCH = (0.75, 1.35)
_TRIES = 8


class Writer(Protocol):
    """What writes a line."""

    def line(self, rng: np.random.Generator, proportion: float) -> Writing | None:
        """A word or line whose ink is about `proportion` times as wide as high; None where it has none such."""


@dataclass(frozen=True)
class PenWriter:
    """UNIPEN's writers: their lines and words as they are, their words side by side, texts of their characters.

    Attributes
    ----------
    hands : Hands
        Who writes.
    copybook : Copybook
        What is set from characters.
    shares : (float, float, float)
        Of samples as they are, of words set side by side, of texts set from characters.
    """

    hands: Hands
    copybook: Copybook
    shares: tuple[float, float, float] = (0.45, 0.4, 0.15)

    def line(self, rng: np.random.Generator, proportion: float) -> Writing | None:
        way = int(np.searchsorted(np.cumsum(self.shares), rng.random() * sum(self.shares), side="right"))
        if way == 2 and self.hands.spells:
            length = max(1, round(proportion * FULL / 0.8))
            return self.hands.spelt(rng, lambda has: self.copybook.draw(rng, has, length))
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
    others : sequence of (Writer, float)
        Others who write, each with its share of the examples in 0 ... 1; UNIPEN's writers have the rest.
    widest : int
        The widest strips, in pixels.
    damage : float
        From 0, none, to 1.
    """

    def __init__(
        self,
        part: str,
        *,
        height: int = 32,
        seed: int = 0,
        examples_per_epoch: int = 50_000,
        samples: PenSamples | None = None,
        others: Sequence[tuple[Writer, float]] = (),
        widest: int = WIDEST,
        damage: float = 1.0,
    ) -> None:
        self.part, self.height, self.seed, self.examples, self.damage = part, height, seed, examples_per_epoch, damage
        samples = load_unipen() if samples is None else samples
        hands = Hands(samples, part)
        if not len(hands.whole):
            raise DataError(f"None of the pen trajectories is by a writer of the part '{part}'.")
        words = [samples.labels[i] for i in hands.whole if samples.kind[i] == WORD]
        self.pens = PenWriter(hands, Copybook(words))
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
        for trial in range(_TRIES):
            writer = self.writers[int(np.searchsorted(self._sums, rng.random() * self._sums[-1], side="right"))][0]
            fill = float(np.exp(rng.uniform(np.log(max(least, 24)), np.log(width)))) - 12
            writing = writer.line(rng, fill / (0.9 * NOMINAL * self.height))
            if writing is None:
                continue
            placed = place(writing, rng, (least if trial < _TRIES - 3 else 1, width), self.height)
            if placed is not None:
                return inked(placed, writing, rng, self.height, self.damage), writing.text
        return damaged(np.zeros((self.height, width), np.float32), rng, self.damage), ""


@dataclass(frozen=True)
class Placed:
    """Where on a strip the strokes of a line lie.

    Attributes
    ----------
    points : (p, 2) float32 array
        Its points, in pixels.
    width : int
        The strip's width.
    capital : float
        The height of a capital in pixels.
    """

    points: Floats
    width: int
    capital: float


def inked(placed: Placed, writing: Writing, rng: np.random.Generator, height: int, damage: float) -> Floats:
    """The strip (height, width) of a line drawn with some pen and damaged; ink is 1."""
    canvas = np.zeros((height, placed.width), np.float32)
    pen = draw_pen(rng, placed.capital, placed.width / max(1, len(writing.text)))
    draw(placed.points, writing.starts, canvas, pen, rng)
    add_marks(canvas, placed.points, writing.starts, pen, rng, damage)
    return damaged(canvas, rng, damage)


def place(
    writing: Writing, rng: np.random.Generator, widths: tuple[int, int], height: int, variation: float = 1.0
) -> Placed | None:
    """Lay out a line on a strip of a width between these two, with `variation` from 0, none, to 1.

    Returns None where the line does not fit those widths with a stretch that leaves it readable, or has too many
    characters for its columns.
    """
    moved = varied(writing, rng, variation)
    top, bottom = ink_height(moved)
    # A line is as tall as its ink. On a page of several it may be as tall as they are, were it of small letters alone.
    own, mix = max(bottom - top, 0.25), variation * max(0.0, rng.uniform(-1.8, 1.0))
    fill = 0.95 + variation * rng.uniform(-0.2, 0.1)
    size = NOMINAL * height * fill / (own ** (1 - mix) * FULL**mix)  # pixels for a height of a capital
    left, right = rng.uniform(4, 9, 2) + (rng.random(2) < 0.1) * rng.uniform(0, 16, 2)
    edges = float(moved.points[:, 0].min()), float(moved.points[:, 0].max())
    natural = max(1.0, size * (edges[1] - edges[0]))
    stretch = float(np.clip(np.exp(variation * rng.normal(0, 0.13)), *_STRETCH))
    stretch = float(np.clip(natural * stretch, widths[0] - left - right, widths[1] - left - right)) / natural
    width = min(widths[1], max(widths[0], round(natural * stretch + left + right)))
    if not _STRETCH[0] <= stretch <= _STRETCH[1] or columns_needed(encode(writing.text)) >= width // COLUMN:
        return None
    points = np.empty_like(moved.points)
    points[:, 0] = left + (moved.points[:, 0] - edges[0]) * np.float32(size * stretch)
    middle = height / 2 + variation * rng.normal(0, 1.2)
    points[:, 1] = middle + (moved.points[:, 1] - 0.5 * (top + bottom)) * np.float32(size)
    return Placed(points, width, size)


def _widths(widest: int) -> list[int]:
    """All padded widths up to one."""
    widths = [LEAST]
    while (wider := padded_width(widths[-1] + 1)) <= widest:
        widths.append(wider)
    return widths
