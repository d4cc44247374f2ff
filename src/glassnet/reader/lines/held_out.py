"""Strips to measure on: lines and words of one part's writers, each once, as they wrote them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from glassnet.data.lines import by_width
from glassnet.data.streams import generator
from glassnet.data.unipen import PARTS, STYLES, PenSamples, load_unipen
from glassnet.errors import DataError
from glassnet.reader.lines.alphabet import encode
from glassnet.reader.lines.layout import draw_size, strip_of
from glassnet.reader.lines.pens import UnipenWriters
from glassnet.reader.lines.source import WIDEST, Writer
from glassnet.reader.lines.widths import padded_width, together
from glassnet.reader.lines.writing import Inked, Writing

__all__ = ["HeldOut", "HeldOutStrip"]

_VARIATION = 0.3
_STREAM = 0x0E1D  # keeps these random numbers apart from all other streams of the seed


@dataclass(frozen=True)
class HeldOutStrip:
    """A strip and what is known of it.

    Attributes
    ----------
    ink : (h, w) uint8 array
        The strip, not filled up: 0 paper, 255 ink.
    text : str
        What it reads.
    kind : str
        "line" or "word".
    style : str
        One of `glassnet.data.unipen.STYLES`.
    donor : str
        Who gave the sample.
    writer : str
        Who wrote it.
    """

    ink: npt.NDArray[np.uint8]
    text: str
    kind: str
    style: str
    donor: str
    writer: str


class HeldOut:
    """Lines and words of a part, as `glassnet.train.loop.Examples`: always the same, by their padded widths.

    Parameters
    ----------
    part : str
        "valid" or "test"; "train" shows how well the training writers are read.
    height : int
        Of a strip, in pixels.
    most : int, optional
        Take this many at most, as many of each kind and style as there are and of as many writers; None: all.
    samples : PenSamples, optional
        Pen trajectories; None reads them from the data folder.
    others : dict of str to (Writer, int)
        Lines of other writers: who writes, and how many. The name is their style, donor and writer.
    damage : float
        From 0, none, to 1.
    seed : int
        Of pens, damage and what is taken.

    Attributes
    ----------
    strips : list of HeldOutStrip
        All of them, padded widths rising.
    left_out : int
        How many did not fit: wider than the widest strips, or with more characters than columns.
    """

    def __init__(
        self,
        part: str = "valid",
        *,
        height: int = 32,
        most: int | None = None,
        samples: PenSamples | None = None,
        others: Mapping[str, tuple[Writer, int]] | None = None,
        damage: float = 0.5,
        seed: int = 0,
    ) -> None:
        self.height = height
        samples = load_unipen() if samples is None else samples
        hands = UnipenWriters(samples, part)
        key = seed, _STREAM, PARTS.index(part)
        self.strips: list[HeldOutStrip] = []
        self.left_out = 0
        for index in _taken(hands, samples, most, generator(*key, 0)):
            donor, writer = samples.donors[samples.donor[index]], str(samples.writer[index])
            known = ("line", "word")[samples.kind[index]], STYLES[samples.style[index]], donor, writer
            self._add(hands.writing(int(index)), generator(*key, 1, int(index)), damage, *known)
        for number, (name, (other, count)) in enumerate(sorted((others or {}).items())):
            for index in range(count):
                rng = generator(*key, 2 + number, index)
                if (written := other.line(rng, float(rng.uniform(3, 25)))) is not None:
                    self._add(written, rng, damage, "line", name, name, name)
        if not self.strips:
            raise DataError(f"No line or word of the pen trajectories is by a writer of the part '{part}'.")
        self.strips.sort(key=lambda strip: padded_width(strip.ink.shape[1]))

    def _add(self, writing: Writing | Inked, rng: np.random.Generator, damage: float, *known: str) -> None:
        size = draw_size(rng, _VARIATION)
        strip = strip_of(
            writing, rng, widths=(1, WIDEST), height=self.height, size=size, variation=_VARIATION, damage=damage
        )
        if strip is None:
            self.left_out += 1
        else:
            self.strips.append(HeldOutStrip(np.rint(255 * strip).astype(np.uint8), writing.text, *known))

    def __len__(self) -> int:
        return len(self.strips)

    def take(self, indices: npt.NDArray[np.int64], epoch: int) -> tuple[npt.NDArray[np.float32], list[list[int]]]:
        """Strips (n, height, width, 1) in [0, 1], filled up to the widest padded width among them, and their labels.

        In every epoch the same. For figures that do not depend on what a strip stands beside go through `groups`.
        """
        chosen = [self.strips[int(index)] for index in indices]
        strips = [strip.ink.astype(np.float32) / np.float32(255) for strip in chosen]
        return together(strips), [encode(strip.text) for strip in chosen]

    def groups(self, size: int = 64) -> Iterator[npt.NDArray[np.int64]]:
        """All positions in `strips`, in batches of one padded width."""
        return by_width(np.array([padded_width(strip.ink.shape[1]) for strip in self.strips]), size)


def _taken(
    hands: UnipenWriters, samples: PenSamples, most: int | None, rng: np.random.Generator
) -> npt.NDArray[np.int64]:
    """Samples of all kinds and styles in turn, and within each of all writers in turn."""
    whole = np.sort(hands.whole)
    if most is None or most >= len(whole):
        return whole
    whole = rng.permutation(whole)
    groups = samples.kind[whole].astype(np.int64) * len(STYLES) + samples.style[whole]
    turn = _turns(groups, _turns(groups * (samples.writer.max() + 1) + samples.writer[whole], np.zeros(len(whole))))
    return np.sort(whole[np.argsort(turn, kind="stable")[:most]])


def _turns(groups: npt.NDArray[np.int64], first: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """For each thing its number within its group, those with a low `first` first."""
    turns = np.empty(len(groups))
    order = np.lexsort((first, groups))
    starts = np.flatnonzero(np.r_[True, np.diff(groups[order]) != 0])
    turns[order] = np.arange(len(order)) - np.repeat(starts, np.diff(np.r_[starts, len(order)]))
    return turns
