"""From a line's atoms to characters: every likely way of cutting the line is seen by the network, and the best is
taken.

Neighbouring atoms may be one broken character, and a wide atom two that touch. So all runs of up to three atoms that
lie close are candidates, and wide pieces are cut where they are thin. The network gives each candidate a probability
for every class and for "no character"; the way through the line whose candidates are most probable wins (Viterbi's
algorithm over positions). Then neighbours have a say: figures stand among figures, small letters among small letters.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image
from scipy import ndimage

from glassnet.data.framing import SIDE, frame
from glassnet.errors import ModelError, ReaderError
from glassnet.model import Model
from glassnet.reader.characters import CLASSES
from glassnet.reader.context import KIND, KINDS, LOOSE_STEP
from glassnet.reader.find import Pieces, taller
from glassnet.reader.geometry import fit_line, place_factors
from glassnet.reader.glyphs import ALPHABET, DIGITS, LOWER, UPPER
from glassnet.reader.group import Atom

__all__ = ["Candidate", "Recogniser", "cut_wide", "parse_alphabet", "read_lines"]

_MODEL = Path(__file__).parent / "characters.safetensors"
# Where only one case can be written, a letter counts this much for its twin: enough to settle what nothing else looks
# like, too little to make every 0 an O because of o.
_TWIN = 0.05
# What an alphabet leaves out is unlikely, not impossible: a full stop beside figures stays one, and is left out.
_FOREIGN = 0.05
_SURE = 0.7  # a picture whose likeliest class is less probable gets a second look; above, hardly an answer changes
_TURNS = (-8.0, 8.0)  # degrees by which it is turned for that
_LONGEST = 3  # atoms that may be one character
_WIDE = 0.85  # usual heights from which a piece is looked at for places to cut
_NARROW = 0.32  # usual heights: of pieces wider and taller than that, no two are one character
_GAP = 0.3  # usual heights between atoms that may be one character
_LEAST_LEAN = 0.12  # less is left as it is
_CUT = 0.9  # cost of each side of a character that lies within a piece, as a logarithm of probability
_STEPS = 0.5 * LOOSE_STEP
_JOINED = 1.5  # cost of a gap within a character, a usual height wide

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Candidate:
    """Atoms first ... last of a line taken for one character.

    Attributes
    ----------
    box : left, top, right, bottom in pixels of the ink
    crop : the framed picture
    gap : the widest gap between its atoms, in usual heights
    weight : how many whole pieces its atoms make up, at least a part of one
    cuts : how many of its two sides lie within a piece
    """

    first: int
    last: int
    box: tuple[int, int, int, int]
    crop: npt.NDArray[np.uint8]
    gap: float
    weight: float
    cuts: int


class Recogniser:
    """The network for single characters, told of an alphabet: what that leaves out counts for little.

    model: a model with the reader's classes; None takes the one that comes with the package.
    """

    def __init__(self, model: Model | None = None, alphabet: str = ALPHABET) -> None:
        self.model = model or _packaged()
        if tuple(self.model.class_names) != CLASSES:
            raise ModelError(
                f"This model has {len(self.model.class_names)} classes; the reader needs its own {len(CLASSES)}: "
                "train one with recipes/reader-characters.toml."
            )
        self.alphabet = alphabet
        allowed = np.array([c in alphabet for c in ALPHABET])
        fold = np.zeros((len(ALPHABET), len(ALPHABET)))
        for k, c in enumerate(ALPHABET):
            twin = c.swapcase()
            if allowed[k]:
                fold[k, k] = 1
            elif twin in alphabet:
                fold[k, ALPHABET.index(twin)] = _TWIN
            else:
                fold[k, k] = _FOREIGN
        self._fold = fold

    def probabilities(self, crops: npt.NDArray[np.uint8], *, second_look: bool = True) -> Floats:
        """(n, classes + 1) of framed pictures (n, 32, 32, 1); the last is "no character".

        second_look: what the network is unsure of it sees again, turned a little to either side, and what it says of
        the three is averaged. That is right more often and as sure as it should be, at up to three times the cost.
        """
        if len(crops) == 0:
            return np.zeros((0, len(CLASSES)))
        p = self.model.predict(crops).astype(np.float64)
        unsure = np.flatnonzero(p.max(axis=1) < (_SURE if second_look else 0.0))
        if len(unsure):
            turned = [ndimage.rotate(crops[unsure], t, axes=(1, 2), reshape=False, order=1, cval=255) for t in _TURNS]
            p[unsure] = np.mean([p[unsure], *map(self.model.predict, turned)], axis=0)
        among = np.concatenate([p[:, :-1] @ self._fold, p[:, -1:]], axis=1)
        result: Floats = among / (among.sum(axis=1, keepdims=True) + 1e-12)
        return result


@functools.lru_cache(maxsize=1)
def _packaged() -> Model:
    return Model.load(_MODEL)


def parse_alphabet(text: str) -> str:
    """The characters that an alphabet names: `full`, ranges such as `A-Z` or `0-9`, and single characters.

    Raises `ReaderError` for a character that the reader does not know, or none at all.
    """
    if text == "full":
        return ALPHABET
    wanted: list[str] = []
    position = 0
    while position < len(text):
        start = text[position]
        if text[position + 1 : position + 2] == "-" and position + 2 < len(text):
            stop = text[position + 2]
            group = next((g for g in (UPPER, LOWER, DIGITS) if start in g and stop in g), None)
            if group is not None and group.index(start) <= group.index(stop):
                wanted += group[group.index(start) : group.index(stop) + 1]
                position += 3
                continue
        wanted.append(start)
        position += 1
    unknown = sorted(set(wanted) - set(ALPHABET))
    if not wanted or unknown:
        what = f"'{unknown[0]}' is not among them" if unknown else "it names none"
        raise ReaderError(
            f"An alphabet is 'full', ranges (A-Z, a-z, 0-9) or characters of {ALPHABET}. Got '{text}': {what}."
        )
    return "".join(c for c in ALPHABET if c in wanted)


# ---- candidates ------------------------------------------------------------------------------------------------------


def cut_wide(atoms: list[Atom], pieces: Pieces) -> list[Atom]:
    """The atoms of a line, wide pieces cut at up to three thin places."""
    result = []
    for atom in atoms:
        if len(atom.pieces) == 1 and atom.right - atom.left > _WIDE * pieces.height:
            result += _cut(atom, pieces, 1.8 * pieces.stroke + 1, 3)
        else:
            result.append(atom)
    return result


def _cut_rejected(atoms: list[Atom], pieces: Pieces, rejected: set[int]) -> list[Atom]:
    """The atoms of a line, the pieces of these numbers cut at up to four places, however thick the ink there."""
    result: list[Atom] = []
    for atom in atoms:
        if len(atom.pieces) > 1 or atom.pieces[0].label not in rejected:
            result.append(atom)
        elif not result or result[-1].pieces != atom.pieces:  # once for all parts of it
            result += _cut(Atom(atom.pieces), pieces, np.inf, 4)
    return result


def _cut(atom: Atom, pieces: Pieces, thickest: float, most: int) -> list[Atom]:
    """A piece cut at its thinnest places, of up to `thickest` pixels of ink in a column."""
    piece = atom.pieces[0]
    own = pieces.labels[piece.top : piece.bottom, piece.left : piece.right] == piece.label
    profile = ndimage.uniform_filter1d(own.sum(axis=0).astype(float), 3, mode="nearest")
    least, margin = max(2, int(0.25 * pieces.height)), int(0.3 * pieces.height)
    cuts: list[int] = []
    for x in np.argsort(profile, kind="stable"):
        if profile[x] > thickest or len(cuts) == most:
            break
        if margin <= x <= len(profile) - margin and all(abs(int(x) - c) >= least for c in cuts):
            cuts.append(int(x))
    edges = [piece.left, *(piece.left + x for x in sorted(cuts)), piece.right]
    return [Atom(atom.pieces, (a, b), len(edges) - 1) for a, b in itertools.pairwise(edges)]


def slant(lines: list[list[Atom]], pieces: Pieces) -> float:
    """By how much the writing leans to the right, as a shift for each unit of height; 0 where that is not clear.

    Most strokes are upright before a hand leans. So the lean is that under which the ink of each line, pushed back,
    projects most sharply on the horizontal: the sum of squared differences of the ink's counts, column by column.
    """
    kinds = np.zeros(int(pieces.labels.max()) + 1, np.int64)
    middles = np.zeros(len(lines) + 1)
    for number, line in enumerate(lines, start=1):
        middles[number] = np.median([(a.top + a.bottom) / 2 for a in line])
        for atom in line:
            for piece in atom.pieces:
                if piece.height > 0.5 * pieces.height:
                    kinds[piece.label] = number
    line_of = kinds[pieces.labels[::2]]
    rows, columns = np.nonzero(line_of)
    if len(rows) < 50:
        return 0.0
    numbers = line_of[rows, columns]
    spread = np.random.default_rng(0).uniform(0, 1, (2, len(rows)))
    y, width = 2.0 * (rows + spread[0]) - middles[numbers], 2 * pieces.labels.shape[1]
    leans = np.arange(-0.5, 0.81, 0.05)
    scores = np.empty(len(leans))
    for k, lean in enumerate(leans):
        at = (columns + spread[1] + lean * y + 0.25 * width + numbers * width) / max(1.0, pieces.stroke / 2)
        scores[k] = (np.diff(np.bincount(np.maximum(at, 0).astype(np.int64))) ** 2).sum()
    best = int(scores.argmax())
    return float(leans[best]) if scores[best] > 1.15 * scores.mean() else 0.0


def candidates(
    atoms: list[Atom],
    pieces: Pieces,
    ink: npt.NDArray[np.float32],
    lean: float = 0.0,
    broken: Collection[int] = (),
) -> list[Candidate]:
    """All runs of atoms that may be one character, each seen as if it did not lean.

    broken: numbers of pieces that may belong to their neighbours even where they are as large as a character.
    """
    found = []
    for first in range(len(atoms)):
        for last in range(first, min(first + max(_LONGEST, atoms[first].parts), len(atoms))):
            run = atoms[first : last + 1]
            gap = max([b.left - a.right for a, b in itertools.pairwise(run)], default=0) / pieces.height
            if last > first and not _may_be_one(run, gap, pieces.height, broken):
                break
            box, crop = _crop(run, pieces, ink, lean)
            weight = sum(1 / a.parts for a in run)
            cuts = _within(atoms, first - 1) + _within(atoms, last)
            found.append(Candidate(first, last, box, crop, max(gap, 0.0), weight, cuts))
    return found


def _within(atoms: list[Atom], place: int) -> int:
    """1 if atom `place` and the next are parts of one piece."""
    return int(
        0 <= place < len(atoms) - 1 and atoms[place].cut is not None and atoms[place].pieces == atoms[place + 1].pieces
    )


def _may_be_one(run: list[Atom], gap: float, height: float, broken: Collection[int]) -> bool:
    numbers = {p.label for a in run for p in a.pieces}
    if len(numbers) == 1:
        return True  # parts of one piece
    width = run[-1].right - run[0].left
    tall = max(a.bottom for a in run) - min(a.top for a in run)
    whole = sum(a.right - a.left > _NARROW * height and a.bottom - a.top > _NARROW * height for a in run)
    return (whole < 2 or not numbers.isdisjoint(broken)) and gap < _GAP and width < 1.4 * height and tall < 2.2 * height


def _crop(
    run: list[Atom], pieces: Pieces, ink: npt.NDArray[np.float32], lean: float
) -> tuple[tuple[int, int, int, int], npt.NDArray[np.uint8]]:
    left, right = min(a.left for a in run), max(a.right for a in run)
    top, bottom = min(a.top for a in run), max(a.bottom for a in run)
    labels = pieces.labels[top:bottom, left:right]
    numbers = {p.label for a in run for p in a.pieces}
    own = np.isin(labels, list(numbers)) if len(numbers) > 1 else labels == next(iter(numbers))
    for atom in run:
        if atom.cut is not None and len(run) == 1:
            rows = np.flatnonzero(own.any(axis=1))
            if rows.size:
                top, bottom = top + int(rows[0]), top + int(rows[-1]) + 1
                own, labels = own[rows[0] : rows[-1] + 1], labels[rows[0] : rows[-1] + 1]
    others = (labels > 0) & ~own
    seen = ink[top:bottom, left:right]
    if others.any():  # soft edges of its own stay, neighbours go
        grown = taller(others, 1) | taller(others.T, 1).T
        seen = np.where(grown & ~own, np.float32(0), seen)
    return (left, top, right, bottom), frame(_straightened(seen, lean) if abs(lean) > _LEAST_LEAN else seen)


def _straightened(seen: npt.NDArray[np.float32], lean: float) -> npt.NDArray[np.float32]:
    """Ink pushed back by its lean, cut to its box."""
    h, w = seen.shape
    reach = int(abs(lean) * h) + 1
    start = -reach if lean > 0 else 0
    # Row y of the result shows the source shifted by the lean times its height above the bottom.
    matrix = (1, -lean, lean * (h - 1) + start, 0, 1, 0)
    image = Image.fromarray(np.ascontiguousarray(seen)).transform(
        (w + reach, h), Image.Transform.AFFINE, matrix, Image.Resampling.BILINEAR
    )
    pushed = np.asarray(image)
    columns = np.flatnonzero((pushed > 0.4).any(axis=0))
    return pushed if columns.size == 0 else pushed[:, columns[0] : columns[-1] + 1]


# ---- the best way through a line -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Reading:
    """A character of a line: the candidate, and the probability of every class of the alphabet and of none."""

    candidate: Candidate
    p: Floats


def read_lines(
    lines: list[list[Atom]], pieces: Pieces, ink: npt.NDArray[np.float32], recogniser: Recogniser
) -> list[list[Reading]]:
    """For every line its characters from left to right."""
    lean = slant(lines, pieces)
    options, seen = _seen(lines, pieces, ink, recogniser, lean)
    ways = [_best_way(line, own) for line, own in zip(options, seen, strict=True)]
    again = [_rejected(*line) for line in zip(lines, options, seen, ways, strict=True)]
    doubtful = [k for k, rejected in enumerate(again) if rejected]
    finer = [_cut_rejected(lines[k], pieces, again[k]) for k in doubtful]
    broken = set().union(*again)
    for k, line, own in zip(doubtful, *_seen(finer, pieces, ink, recogniser, lean, broken), strict=True):
        options[k], seen[k], ways[k] = line, own, _best_way(line, own)
    boxes = [_courses(line, pieces.stroke) for line in options]
    first = [fit_line(b[way], own[way, :-1]) for b, own, way in zip(boxes, seen, ways, strict=True)]
    weights = np.array([len(way) for way in ways], float)
    page = float(np.exp(np.average([np.log(m.capital) for m in first], weights=weights))) if first else None
    readings = []
    for line, own, box, way in zip(options, seen, boxes, ways, strict=True):
        measure = fit_line(box[way], own[way, :-1], page)
        placed = own.copy()
        placed[:, :-1] *= place_factors(box, measure)
        placed /= placed.sum(axis=1, keepdims=True) + 1e-12
        way = _best_way(line, placed)
        readings.append([Reading(line[k], placed[k]) for k in way])
    return readings


def _seen(
    lines: list[list[Atom]],
    pieces: Pieces,
    ink: npt.NDArray[np.float32],
    recogniser: Recogniser,
    lean: float,
    broken: Collection[int] = (),
) -> tuple[list[list[Candidate]], list[Floats]]:
    """Every line's candidates, and what the network thinks of each (candidates, classes + 1)."""
    options = [candidates(line, pieces, ink, lean, broken) for line in lines]
    crops = [c.crop for line in options for c in line]
    p = recogniser.probabilities(np.stack(crops) if crops else np.zeros((0, SIDE, SIDE, 1), np.uint8))
    bounds = np.cumsum([0, *(len(line) for line in options)])
    return options, [p[a:b] for a, b in itertools.pairwise(bounds)]


def _rejected(atoms: list[Atom], line: list[Candidate], p: Floats, way: list[int]) -> set[int]:
    """The numbers of the pieces that no character was found in: whole ones, or parts of them, taken for none."""
    found = set()
    for k in way:
        own = {piece.label for atom in atoms[line[k].first : line[k].last + 1] for piece in atom.pieces}
        if len(own) == 1 and p[k, -1] > 0.5:
            found |= own
    return found


def _courses(line: list[Candidate], stroke: float) -> Floats:
    """Boxes (n, 4) of the middle of the pen's line: those of the ink, half a stroke smaller above and below."""
    boxes = np.array([c.box for c in line], float).reshape(-1, 4)
    inset = np.clip((boxes[:, 3] - boxes[:, 1] - 1) / 2, 0, stroke / 2)
    boxes[:, 1] += inset
    boxes[:, 3] -= inset
    return boxes


def _best_way(line: list[Candidate], p: Floats) -> list[int]:
    """Candidates, by number, that cover every atom once and are most probable together.

    What follows what counts too (`context`): a 1 and a 2 among letters are rather a broken R.
    """
    count = max(c.last for c in line) + 1
    of_kind = np.stack([p[:, :-1][:, kind == KIND].max(axis=1) for kind in range(KINDS)], axis=1)
    seen = np.log(of_kind + 1e-6)
    best = np.full((count + 1, KINDS), -np.inf)  # up to this atom, with a last character of this kind
    last = np.zeros((count + 1, KINDS, 2), int)
    best[0] = 0.0
    for k, c in enumerate(line):  # in the order of their first atoms
        before = best[c.first][:, None] + (_STEPS if c.first else np.zeros_like(_STEPS))
        kind = before.argmax(axis=0)
        score = before[kind, np.arange(KINDS)] + c.weight * seen[k]
        score -= _CUT * c.cuts + _JOINED * c.gap * (c.last - c.first)
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
