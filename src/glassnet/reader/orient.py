"""Which way is up: the quarter turn under which whole lines read best.

A picture is taken as it was shot (its EXIF orientation is applied when it is opened), so that upright is by far the
most likely way. Another way must be read clearly better: what counts for each of the four is how sure the network is of
the characters of its lines, and how long the runs of neighbours are that stand in them. Letters stand closer to the
next letter than to the next line; seen from the side, nearly every run is a single character.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from glassnet.reader.binarise import Ink
from glassnet.reader.components import Components, find_components
from glassnet.reader.decoding import decode_lines
from glassnet.reader.deskew import rotate
from glassnet.reader.group import Segment, group_lines
from glassnet.reader.page import geometric_mean
from glassnet.reader.recogniser import Recogniser
from glassnet.reader.segmentation import cut_wide
from glassnet.reader.settings import DEFAULTS, ReaderSettings

__all__ = ["quarter_turns"]


def quarter_turns(ink: Ink, components: Components, recogniser: Recogniser, settings: ReaderSettings = DEFAULTS) -> int:
    """By how many quarter turns anticlockwise, 0 to 3, the writing stands upright.

    Parameters
    ----------
    ink : Ink
        Of the page; its lines are level or upright.
    components : Components
        Of the ink as it is.
    recogniser : Recogniser
        The network for characters.
    settings : ReaderSettings
        The thresholds of all stages: whole lines are read each way.
    """
    own = settings.orient
    upright = _view(ink, components, recogniser, settings)
    needed = own.upright + own.few / max(1, upright.characters)
    if upright.confidence > 1 - needed:
        return 0  # none can be read so much better
    best, quarter = upright.score(own.runs) + needed, 0
    for k in (1, 2, 3):
        turned = rotate(ink, 0.0, k)
        view = _view(turned, find_components(turned.ink, settings.segment), recogniser, settings, above=best)
        if view.score(own.runs) > best:
            best, quarter = view.score(own.runs), k
    return quarter


@dataclass(frozen=True)
class _View:
    """How a page reads one way: how many characters were read, how surely, and the mean length of a run of them."""

    characters: int
    confidence: float
    run: float

    def score(self, runs: float) -> float:
        """How well it reads; `runs`: how much the logarithm of the runs' length counts."""
        return self.confidence + runs * float(np.log(self.run))


def _view(
    ink: Ink, components: Components, recogniser: Recogniser, settings: ReaderSettings, *, above: float = -np.inf
) -> _View:
    """How the page reads this way. What cannot score above `above`, however surely it were read, is not read."""
    lines = group_lines(components.items, components.height, settings.group)
    if not lines:
        return _View(0, 0.0, 1.0)
    run = _mean_run(lines, settings.orient.gap * components.height)
    if _View(0, 1.0, run).score(settings.orient.runs) <= above:
        return _View(0, 0.0, run)
    sample: list[list[Segment]] = []
    for k in np.random.default_rng(0).permutation(len(lines)):
        sample.append(lines[k])
        if sum(map(len, sample)) >= settings.orient.sample:
            break
    cut = [cut_wide(line, components, settings.recognise.split) for line in sample]
    characters = decode_lines(cut, components, ink.ink, recogniser, settings.recognise)
    confidences = [c.confidence for line in characters for c in line]
    return _View(len(confidences), geometric_mean(confidences), run)


def _mean_run(lines: list[list[Segment]], gap: float) -> float:
    """The mean number of neighbours in a line between gaps of more than `gap` pixels."""
    runs = 0
    for line in lines:
        edges = np.maximum.accumulate([a.right for a in line])[:-1]
        runs += 1 + int((np.array([a.left for a in line[1:]]) - edges > gap).sum())
    return sum(map(len, lines)) / runs
