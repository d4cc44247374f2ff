"""From a line's candidates to its characters: the network sees each, and the best way through the line is taken.

The network gives each candidate a probability for every class and for "no character"; the way through the line whose
candidates are most probable wins (Viterbi's algorithm over positions, Viterbi 1967). A component that falls to "no
character" is cut finer and seen again. Then the line's baseline is known, and says what every size and height can be.
"""

from __future__ import annotations

import itertools
from collections.abc import Collection
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from glassnet.data.framing import SIDE
from glassnet.reader.components import Components
from glassnet.reader.context import KIND, KINDS, LOOSE_STEP
from glassnet.reader.geometry import fit_line, place_factors
from glassnet.reader.group import Segment
from glassnet.reader.recogniser import Recogniser
from glassnet.reader.segmentation import Candidate, candidates, cut_rejected, slant
from glassnet.reader.settings import DEFAULTS, DecodeSettings, RecogniseSettings

__all__ = ["Decoded", "decode_lines"]

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Decoded:
    """A character of a line.

    Attributes
    ----------
    candidate : Candidate
        Where it stands, and its picture.
    probabilities : (characters + 1,) array
        Of every class; the last is "no character".
    """

    candidate: Candidate
    probabilities: Floats

    @property
    def confidence(self) -> float:
        """The probability of the most probable character."""
        return float(self.probabilities[:-1].max())


def decode_lines(
    lines: list[list[Segment]],
    components: Components,
    ink: npt.NDArray[np.float32],
    recogniser: Recogniser,
    settings: RecogniseSettings = DEFAULTS.recognise,
) -> list[list[Decoded]]:
    """For every line its characters from left to right.

    Parameters
    ----------
    lines : list of list of Segment
        Their segments, wide components cut.
    components : Components
        Of the page.
    ink : (h, w) array
        Of the page, in [0, 1].
    recogniser : Recogniser
        The network for characters.
    settings : RecogniseSettings
        The thresholds.
    """
    lean = slant(lines, components, settings.split)

    def seen(wanted: list[list[Segment]], broken: Collection[int] = ()) -> tuple[list[list[Candidate]], list[Floats]]:
        options = [candidates(line, components, ink, lean, broken, settings.split) for line in wanted]
        return options, _probabilities(options, recogniser)

    options, answers = seen(lines)
    ways = [_best_way(line, own, settings.decode) for line, own in zip(options, answers, strict=True)]
    again = [_rejected(*line, settings.decode) for line in zip(lines, options, answers, ways, strict=True)]
    doubtful = [k for k, rejected in enumerate(again) if rejected]
    finer = [cut_rejected(lines[k], components, again[k], settings.split) for k in doubtful]
    for k, line, own in zip(doubtful, *seen(finer, set().union(*again)), strict=True):
        options[k], answers[k], ways[k] = line, own, _best_way(line, own, settings.decode)
    return _placed(options, answers, ways, components.stroke, settings)


def _probabilities(options: list[list[Candidate]], recogniser: Recogniser) -> list[Floats]:
    """What the network thinks of every line's candidates, (candidates, characters + 1) each."""
    crops = [c.crop for line in options for c in line]
    p = recogniser.probabilities(np.stack(crops) if crops else np.zeros((0, SIDE, SIDE, 1), np.uint8))
    bounds = np.cumsum([0, *(len(line) for line in options)])
    return [p[a:b] for a, b in itertools.pairwise(bounds)]


def _rejected(segments: list[Segment], line: list[Candidate], p: Floats, way: list[int], s: DecodeSettings) -> set[int]:
    """The numbers of the components that no character was found in: whole ones, or parts of them, taken for none."""
    found = set()
    for k in way:
        own = {c.label for segment in segments[line[k].first : line[k].last + 1] for c in segment.components}
        if len(own) == 1 and p[k, -1] > s.rejected:
            found |= own
    return found


def _placed(
    options: list[list[Candidate]],
    answers: list[Floats],
    ways: list[list[int]],
    stroke: float,
    settings: RecogniseSettings,
) -> list[list[Decoded]]:
    """The best way through every line once its baseline and the height of its capitals are known."""
    place = settings.place
    boxes = [_pen_boxes(line, stroke) for line in options]
    first = [fit_line(b[way], own[way, :-1], None, place) for b, own, way in zip(boxes, answers, ways, strict=True)]
    weights = np.array([len(way) for way in ways], float)
    page = float(np.exp(np.average([np.log(m.capital) for m in first], weights=weights))) if first else None
    result = []
    for line, own, box, way in zip(options, answers, boxes, ways, strict=True):
        measure = fit_line(box[way], own[way, :-1], page, place)
        placed = own.copy()
        placed[:, :-1] *= place_factors(box, measure, settings=place)
        placed /= placed.sum(axis=1, keepdims=True) + 1e-12
        result.append([Decoded(line[k], placed[k]) for k in _best_way(line, placed, settings.decode)])
    return result


def _pen_boxes(line: list[Candidate], stroke: float) -> Floats:
    """Boxes (n, 4) of the middle of the pen's line: those of the ink, half a stroke smaller above and below."""
    boxes = np.array([c.box for c in line], float).reshape(-1, 4)
    inset = np.clip((boxes[:, 3] - boxes[:, 1] - 1) / 2, 0, stroke / 2)
    boxes[:, 1] += inset
    boxes[:, 3] -= inset
    return boxes


def _best_way(line: list[Candidate], p: Floats, s: DecodeSettings) -> list[int]:
    """Candidates, by number, that cover every segment once and are most probable together.

    What follows what counts too (`context`): a 1 and a 2 among letters are rather a broken R.
    """
    count = max(c.last for c in line) + 1
    steps = s.steps * LOOSE_STEP
    of_kind = np.stack([p[:, :-1][:, kind == KIND].max(axis=1) for kind in range(KINDS)], axis=1)
    seen = np.log(of_kind + 1e-6)
    best = np.full((count + 1, KINDS), -np.inf)  # up to this segment, with a last character of this kind
    last = np.zeros((count + 1, KINDS, 2), int)
    best[0] = 0.0
    for k, c in enumerate(line):  # in the order of their first segments
        before = best[c.first][:, None] + (steps if c.first else np.zeros_like(steps))
        kind = before.argmax(axis=0)
        score = before[kind, np.arange(KINDS)] + c.weight * seen[k]
        score -= s.cut * c.cuts + s.joined * c.gap * (c.last - c.first)
        better = score > best[c.last + 1]
        best[c.last + 1, better] = score[better]
        last[c.last + 1, better, 0], last[c.last + 1, better, 1] = k, kind[better]
    way = []
    at, state = count, int(best[count].argmax())
    while at > 0:
        k, state = last[at, state]
        way.append(int(k))
        at = line[way[-1]].first
    return way[::-1]
