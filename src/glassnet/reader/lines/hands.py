"""Lines that the pen model writes: printed, joined, or joined here and there, each by a hand of its own."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from glassnet.errors import ReaderError
from glassnet.reader.glyphs import Stroke, parsed, variants
from glassnet.reader.lines.alphabet import CHARACTERS
from glassnet.reader.lines.script import SCRIPT, way
from glassnet.reader.lines.texts import Texts
from glassnet.reader.pen import Hand, bounds, distorted, draw_hand, write

__all__ = ["HandWriter", "Style", "draw_style"]

_JOINED = 0.6  # of the lines have joined letters
_SLOW = 6  # points over which a deviation changes


@dataclass(frozen=True)
class Style:
    """How somebody writes lines; lengths in heights of a capital.

    Attributes
    ----------
    hand : Hand
        The letters.
    joins : float
        How often a small letter is joined to the one before it.
    script : dict of str to int
        Which form of each joined letter.
    letters, close : float
        The gap between letters, and from where a joined letter ends to the left edge of the next.
    words : float
        The gap between words, on top of that between letters.
    wander : float
        Standard deviation of a letter's height above the baseline.
    wobble : float
        Standard deviation of slow deviations along strokes.
    """

    hand: Hand
    joins: float
    script: dict[str, int]
    letters: float
    close: float
    words: float
    wander: float
    wobble: float


def draw_style(rng: np.random.Generator) -> Style:
    """A style, printed or joined."""
    hand = draw_hand(rng, usual=0.5)
    # What makes single strokes unsteady is slow; `write` does it once for the line.
    hand = replace(hand, wobble=0.0, rounding=hand.rounding if rng.random() < 0.3 else 0.0)
    others = {c: int(rng.integers(variants(c))) for c in CHARACTERS[1:] if c not in hand.forms}
    hand = replace(hand, forms=hand.forms | others)
    joins = 0.0
    if rng.random() < _JOINED:
        joins = 1.0 if rng.random() < 0.5 else float(rng.uniform(0.3, 0.95))
        hand = replace(
            hand,
            slant=hand.slant + 0.12, bend=0.6 * hand.bend, tremble=0.4 * hand.tremble, turn=0.4 * hand.turn,
            uneven=0.6 * hand.uneven, overshoot=0.0, joining=0.0,
        )  # fmt: skip
    letters = float(rng.uniform(0.06, 0.36))
    return Style(
        hand=hand,
        joins=joins,
        script={c: int(rng.integers(len(forms))) for c, forms in SCRIPT.items()},
        letters=letters,
        close=float(rng.uniform(-0.02, 0.2)),
        words=float(rng.uniform(0.35, 0.8)) + 0.7 * letters,
        wander=float(rng.uniform(0.0, 0.05)),
        wobble=float(rng.uniform(0.0, 0.02)),
    )


class HandWriter:
    """Writes with the pen model.

    Parameters
    ----------
    texts : Texts, optional
        What `line` writes.
    """

    def __init__(self, texts: Texts | None = None) -> None:
        self.texts = texts

    def line(self, rng: np.random.Generator, characters: int) -> tuple[list[Stroke], str]:
        """A line of about so many characters of the texts: its strokes, and what is written there."""
        if self.texts is None:
            raise ReaderError("This writer was given no texts; name them, or give the text to `write`.")
        return self.write(self.texts.draw(rng, characters), rng)

    def write(
        self, text: str, rng: np.random.Generator, *, capital: float = 100.0, style: Style | None = None
    ) -> tuple[list[Stroke], str]:
        """A line of writing.

        Parameters
        ----------
        text : str
            Printable ASCII characters; any blank is one gap.
        rng : Generator
            Every choice comes from it.
        capital : float
            Height of a capital in pixels.
        style : Style, optional
            Drawn.

        Returns
        -------
        list of (n, 2) array, str
            The strokes, x to the right and y downwards, from the baseline y = 0; the text.

        Raises
        ------
        ReaderError
            The text is empty, or holds a character that the pen cannot write.
        """
        words = text.split()
        unknown = sorted({c for word in words for c in word} - set(CHARACTERS))
        if not words or unknown:
            what = f"The pen cannot write {unknown[0]!r}" if unknown else "There is no text to write"
            raise ReaderError(f"{what}. It writes words of printable ASCII characters.")
        style = style or draw_style(rng)
        written: list[Stroke] = []
        x = 0.0
        for word in words:
            strokes = _word(word, style, rng)
            left, _, right, _ = bounds(strokes)
            written += [stroke + np.array([x - left, 0.0]) for stroke in strokes]
            x += right - left + style.letters + style.words * float(np.exp(rng.normal(0, 0.2)))
        ends = np.cumsum([len(stroke) for stroke in written])
        points = (np.concatenate(written) + _slow(int(ends[-1]), rng) * style.wobble) * np.array([capital, -capital])
        return np.split(points, ends[:-1]), " ".join(words)


def _slow(count: int, rng: np.random.Generator) -> Stroke:
    """Deviations (count, 2) of about 1 that change slowly from point to point."""
    knots = rng.normal(0, 1, (2, count // _SLOW + 2))
    return np.stack([np.interp(np.arange(count), _SLOW * np.arange(len(axis)), axis) for axis in knots], axis=1)


def _word(word: str, style: Style, rng: np.random.Generator) -> list[Stroke]:
    """The strokes of one word, y upwards; what comes late in a joined word is at the end of its letters."""
    strokes: list[Stroke] = []
    late: list[Stroke] = []
    joinable = False  # whether the last stroke is of a letter that can be left to the next
    x = 0.0
    for k, character in enumerate(word):
        up = np.array([0.0, rng.normal(0, style.wander)])
        if style.joins == 0 or character not in SCRIPT:
            written = write(character, style.hand, rng)
            left, _, right, _ = bounds(written)
            x += style.letters * float(np.exp(rng.normal(0, 0.2))) * (k > 0)
            strokes += [stroke + np.array([x - left, 0.0]) + up for stroke in written]
            x += right - left
            joinable = False
            continue
        forms = SCRIPT[character]
        form = parsed(forms[style.script[character] if rng.random() < 0.85 else int(rng.integers(len(forms)))])
        main, *rest = distorted(form, style.hand, rng, small=True)
        joined = joinable and rng.random() < style.joins
        gap = style.close if joined else 0.6 * style.letters * (k > 0)
        offset = np.array([x + gap - main[:, 0].min(), 0.0]) + up
        main = main + offset
        late += [stroke + offset for stroke in rest]
        if joined:
            strokes[-1] = np.concatenate([strokes[-1], way(strokes[-1], main, character), main])
        else:
            strokes.append(main)
        x, joinable = (float(main[-1, 0]) if k < len(word) - 1 else float(main[:, 0].max())), True
    return strokes + late
