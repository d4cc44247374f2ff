"""Which way writing stands on its picture: level lines first, then the quarter turn under which whole lines read best.

A picture is taken as it was shot (its EXIF orientation is applied when it is opened), so that upright is by far the
likeliest way. Another way must be read clearly better: what counts for each of the four is how sure the network is of
the characters of its lines, and how long the runs of neighbours are that stand in them. Letters stand closer to the
next letter than to the next line; seen from the side, nearly every run is a single character.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from glassnet.reader.clean import Ink, rotate, skew, stroke_width
from glassnet.reader.find import Pieces, find_pieces
from glassnet.reader.group import Atom, group_lines
from glassnet.reader.page import geometric_mean
from glassnet.reader.recognise import Recogniser, cut_wide, read_lines

__all__ = ["level", "quarter_turns"]

_STROKES = 15.0  # about the height of a character and a half: single strokes, which may all lean, weigh little then
_LEAST_SKEW = 0.5  # degrees; less is left as it is
_SAMPLE = 60  # characters of whole lines that tell which way is up
_UPRIGHT = 0.12  # by how much more than upright another way must be read
_FEW = 0.3  # and how much more than that on top where it is by one character alone
_RUNS = 0.25  # how much the logarithm of the runs' length counts beside the confidence
_RUN_GAP = 0.6  # usual heights between neighbours of a run


def level(ink: Ink, either_way: bool = True) -> tuple[Ink, float]:
    """The ink turned a little so that lines are level (or upright), and how many degrees clockwise they were turned."""
    mask = ink.ink > 0.5
    rows, columns = np.nonzero(mask[::2])
    step = max(1, len(rows) // 20_000)
    spread = np.random.default_rng(0).uniform(
        0, 1, (2, len(rows[::step]))
    )  # pixels have a size: no stripes at 0 degrees
    ys, xs = 2.0 * (rows[::step] + spread[0]), columns[::step] + spread[1]
    height = _STROKES * stroke_width(mask)
    angle, sharpness = skew(xs, ys, height)
    upended, sharpness_upended = skew(ys, -xs, height)
    if either_way and sharpness_upended > sharpness:
        angle = upended
    if abs(angle) < _LEAST_SKEW:
        return ink, 0.0
    return rotate(ink, angle), angle


def quarter_turns(ink: Ink, pieces: Pieces, recogniser: Recogniser) -> int:
    """By how many quarter turns anticlockwise the writing stands upright.

    pieces: of the ink as it is.
    """
    upright = _view(ink, pieces, recogniser)
    needed = _UPRIGHT + _FEW / max(1, upright.characters)
    if upright.confidence > 1 - needed:
        return 0  # none can be read so much better
    turned = [rotate(ink, 0.0, k) for k in (1, 2, 3)]
    views = [upright, *(_view(other, find_pieces(other.ink), recogniser) for other in turned)]
    scores = np.array([view.score for view in views])
    scores[0] += needed
    return int(scores.argmax())


@dataclass(frozen=True)
class _View:
    """How a page reads one way: how many characters were read, how surely, and the mean length of a run of them."""

    characters: int
    confidence: float
    run: float

    @property
    def score(self) -> float:
        return self.confidence + _RUNS * float(np.log(self.run))


def _view(ink: Ink, pieces: Pieces, recogniser: Recogniser) -> _View:
    lines = group_lines(pieces.pieces, pieces.height)
    if not lines:
        return _View(0, 0.0, 1.0)
    sample: list[list[Atom]] = []
    for k in np.random.default_rng(0).permutation(len(lines)):
        sample.append(lines[k])
        if sum(map(len, sample)) >= _SAMPLE:
            break
    readings = read_lines([cut_wide(line, pieces) for line in sample], pieces, ink.ink, recogniser)
    confidences = [float(r.p[:-1].max()) for line in readings for r in line]
    return _View(len(confidences), geometric_mean(confidences), _mean_run(lines, pieces.height))


def _mean_run(lines: list[list[Atom]], height: float) -> float:
    """The mean number of neighbours in a line between gaps."""
    runs = 0
    for line in lines:
        edges = np.maximum.accumulate([a.right for a in line])[:-1]
        runs += 1 + int((np.array([a.left for a in line[1:]]) - edges > _RUN_GAP * height).sum())
    return sum(map(len, lines)) / runs
