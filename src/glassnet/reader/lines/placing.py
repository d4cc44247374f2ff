"""Lines that were read put on the page: every character with its box in the picture.

The network says at which column a character is, not how wide it is. Between two neighbours the strip is parted where it
has least ink, and what lies between two such places is the box, drawn in to its ink.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from glassnet.reader.lines.line_reader import ReadLine
from glassnet.reader.page import Character, Line, Word

__all__ = ["edges_between", "page_line"]

Floats = npt.NDArray[np.float64]


def page_line(line: ReadLine) -> Line:
    """A line of the page, with at least one word."""
    characters = line.reading.characters
    middles = [line.step * (c.start + c.stop) / 2 for c in characters]
    edges = edges_between(line.strip.picture, middles)
    placed = iter(
        Character(c.text, line.strip.to_picture(columns), c.confidence, c.alternatives)
        for c, columns in zip(characters, itertools.pairwise(edges), strict=True)
    )
    return Line(tuple(Word(tuple(itertools.islice(placed, len(word.characters)))) for word in line.reading.words))


def edges_between(picture: npt.NDArray[np.uint8], middles: Sequence[float]) -> list[float]:
    """The columns at which a strip is parted, one more than there are characters.

    Parameters
    ----------
    picture : (32, w) uint8 array
        The strip.
    middles : sequence of float
        The column of every character, from left to right.
    """
    width = picture.shape[1]
    ink = picture.sum(axis=0, dtype=np.float64) / 255
    edges = [0.0]
    for left, right in itertools.pairwise(middles):
        first, last = min(int(left) + 1, width), min(int(np.ceil(right)), width)
        if last <= first:
            edges.append(min((left + right) / 2, float(width)))
            continue
        # Halfway where several places have as little.
        cost = ink[first:last] + 0.1 * abs(np.arange(first, last) + 0.5 - (left + right) / 2)
        edges.append(first + int(cost.argmin()) + 0.5)
    return [*edges, float(width)] if middles else []
