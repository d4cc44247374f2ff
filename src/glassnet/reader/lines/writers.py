"""Who writes the lines that are trained on: UNIPEN's writers, handwriting fonts, the pen model.

Each is asked for a line of about some width and gives strokes, which are then drawn with some pen, or ink.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import numpy.typing as npt

from glassnet.reader.lines.copybook import Copybook
from glassnet.reader.lines.fonts import FontWriter
from glassnet.reader.lines.hands import HandWriter
from glassnet.reader.lines.texts import Texts
from glassnet.reader.lines.writing import FULL, Hands, Writing

__all__ = ["FontLines", "HandLines", "Ink", "PenWriter", "Writer"]


@dataclass(frozen=True)
class Ink:
    """A line as it is drawn.

    Attributes
    ----------
    text : str
        What it reads.
    ink : (h, w) float32 array
        In [0, 1], without paper around it.
    """

    text: str
    ink: npt.NDArray[np.float32] = field(repr=False)


class Writer(Protocol):
    """What writes a line."""

    def line(self, rng: np.random.Generator, width: float, height: float) -> Writing | Ink | None:
        """A word or line whose ink is about `width` pixels wide where a full line is `height` high; None where it has
        none such."""


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

    def line(self, rng: np.random.Generator, width: float, height: float) -> Writing | None:
        proportion = width / (0.9 * height)
        way = int(np.searchsorted(np.cumsum(self.shares), rng.random() * sum(self.shares), side="right"))
        if way == 2 and self.hands.spells:
            length = max(1, round(proportion * FULL / 0.8))
            return self.hands.spelt(rng, lambda has: self.copybook.draw(rng, has, length))
        if way == 1:
            return self.hands.words(rng, proportion * FULL)
        return self.hands.sample(rng, 0.85 * proportion, 1.2 * proportion)


@dataclass(frozen=True)
class FontLines:
    """Lines in handwriting fonts, between a half and the whole of a line's height.

    Attributes
    ----------
    writer : FontWriter
        What draws them.
    texts : Texts
        What they read.
    """

    writer: FontWriter
    texts: Texts

    def line(self, rng: np.random.Generator, width: float, height: float) -> Ink:
        size = height * float(rng.uniform(0.6, 1.08))
        characters = max(1, round(width / (size * 0.42 * float(np.exp(rng.normal(0, 0.2))))))
        ink, text = self.writer.write(self.texts.draw(rng, characters), rng, height=max(8, round(size)))
        return Ink(text, ink)


@dataclass(frozen=True)
class HandLines:
    """Lines by the pen model.

    Attributes
    ----------
    writer : HandWriter
        What writes them.
    texts : Texts
        What they read.
    """

    writer: HandWriter
    texts: Texts

    def line(self, rng: np.random.Generator, width: float, height: float) -> Writing:
        characters = max(1, round(FULL * width / height / 0.78 * float(np.exp(rng.normal(0, 0.12)))))
        strokes, text = self.writer.write(self.texts.draw(rng, characters), rng, capital=1.0)
        starts = np.cumsum([0, *map(len, strokes)])
        return Writing(text, np.concatenate(strokes).astype(np.float32), starts)
