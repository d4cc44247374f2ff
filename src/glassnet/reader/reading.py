"""`read`: a picture of hand-printed writing becomes a `Page`.

clean (ink) -> find (pieces) -> turn upright -> group (lines of atoms) -> recognise (characters) -> words -> page.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from glassnet import threads
from glassnet.data.framing import frame
from glassnet.data.pictures import picture_info, read_picture
from glassnet.errors import ReaderError
from glassnet.files import read_text
from glassnet.reader.clean import ENOUGH, Ink, find_ink, rotate, skew, stroke_width
from glassnet.reader.context import SENTENCE_ENDS, settle, with_words
from glassnet.reader.find import Piece, Pieces, find_pieces, without_remains
from glassnet.reader.glyphs import ALPHABET
from glassnet.reader.group import group_lines, word_breaks
from glassnet.reader.page import Box, Character, Line, Page, Word, geometric_mean
from glassnet.reader.recognise import Reading, Recogniser, cut_wide, parse_alphabet, read_lines

__all__ = ["read", "read_words"]

_STROKES = 15.0  # about the height of a character and a half: single strokes, which may all lean, weigh little then
_LEAST_SKEW = 0.5  # degrees; less is left as it is
_SAMPLES = 20, 60  # characters that tell which way is up: few, and more where few leave it open
_CERTAIN = 5.0  # standard errors by which one way must lead for few to do
_UPRIGHT = 0.12  # by how much (mean logarithm of probabilities) another way must be better than upright
_LINES = 1.5  # how much lines count beside the characters
_ALTERNATIVES = 4
_NOBODY = 0.25  # confidence below which a whole line is no writing
_UNSURE = 0.55  # mean confidence below which a whole page is no writing
_LETTERLESS, _MARKS, _SURE = 0.2, 0.6, 0.7  # nor where as few characters are letters, or few and those not sure
_DOUBTFUL = 0.5  # the same for a line of one or two characters

Floats = npt.NDArray[np.float64]


@threads.single_blas_thread()  # small products all along: NumPy's threads would but spin between them
def read(
    picture: str | Path | npt.NDArray[np.uint8],
    *,
    alphabet: str = "full",
    words: Collection[str] | None = None,
    recogniser: Recogniser | None = None,
) -> Page:
    """The text of a picture of hand-printed writing, with the place of every character.

    Parameters
    ----------
    picture : a file, or an array (H, W), (H, W, 1) or (H, W, 3) of uint8
    alphabet : `full`, or ranges and characters such as "A-Z0-9.,"; nothing else is read
    words : a word list in lower case, to decide between readings that the picture leaves open
    recogniser : the network for characters; None takes the one that comes with the package

    Returns
    -------
    Page : with no lines where no writing was found

    Raises
    ------
    DataError : the file is missing, no picture, damaged or too large
    ReaderError : the array is no picture, or the alphabet names nothing that can be read
    """
    pixels, (height, width) = _pixels(picture)
    known = parse_alphabet(alphabet)
    if recogniser is None or recogniser.alphabet != known:
        recogniser = Recogniser(recogniser.model if recogniser else None, known)
    ink = find_ink(pixels, (height, width))
    if ink is None:
        return Page((), width, height)
    ink, turned, evidence = _level(ink)
    pieces = find_pieces(ink.ink)
    if not pieces.pieces:
        return Page((), width, height)
    quarter = _quarter_turns(pieces, ink, recogniser, evidence)
    if quarter:
        ink, more, _ = _level(rotate(ink, 0.0, quarter), either_way=False)
        turned = (turned + 90.0 * quarter + more + 180) % 360 - 180
        pieces = find_pieces(ink.ink)
        if not pieces.pieces:
            return Page((), width, height, turned)
    edges = [_edges(p, ink, width, height) for p in pieces.pieces]
    pieces = replace(pieces, pieces=without_remains(pieces.pieces, edges, pieces.height))
    atoms = [cut_wide(line, pieces) for line in group_lines(pieces.pieces, pieces.height)]
    readings = read_lines(atoms, pieces, ink.ink, recogniser)
    readings = [line for line in readings if _is_text(line)]
    lines = _compose(readings, pieces, ink, words)
    page = Page(tuple(lines), width, height, turned)
    return page if _is_writing(page, known) else Page((), width, height, turned)


def read_words(path: str | Path) -> frozenset[str]:
    """A word list, one word a line, in lower case. Raises `GlassnetError` where it cannot be read."""
    text = read_text(path, "a word list: a text file in UTF-8, one word a line")
    return frozenset(word for line in text.splitlines() if (word := line.strip().lower()))


def _pixels(picture: str | Path | npt.NDArray[np.uint8]) -> tuple[npt.NDArray[np.uint8], tuple[int, int]]:
    """The picture or a smaller copy that is enough to read from, and (H, W) of the picture itself."""
    if isinstance(picture, (str, Path)):
        return read_picture(picture, enough=ENOUGH), picture_info(picture)[:2]
    array = np.asarray(picture)
    if array.ndim == 2:
        array = array[..., None]
    if array.ndim != 3 or array.shape[2] not in (1, 3) or array.dtype != np.uint8 or array.size == 0:
        raise ReaderError(
            f"A picture is an array (H, W), (H, W, 1) or (H, W, 3) of uint8. Got {array.shape} of {array.dtype}."
        )
    return array, (array.shape[0], array.shape[1])


def _edges(piece: Piece, ink: Ink, width: int, height: int) -> tuple[bool, bool, bool, bool]:
    """Whether a piece reaches the left, top, right and bottom edge of the picture, however that is turned."""
    xs, ys = ink.to_picture([piece.left, piece.right], [piece.top, piece.bottom])
    margin = 0.004 * max(width, height)
    return xs.min() < margin, ys.min() < margin, width - xs.max() < margin, height - ys.max() < margin


# ---- which way is up -------------------------------------------------------------------------------------------------


def _level(ink: Ink, either_way: bool = True) -> tuple[Ink, float, float]:
    """The ink turned a little so that lines are level (or upright), how many degrees clockwise they were turned, and
    how much more the ink looks like level lines than like upright ones, as a logarithm."""
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
    evidence = float(np.log(max(sharpness, 1.0) / max(sharpness_upended, 1.0)))
    if abs(angle) < _LEAST_SKEW:
        return ink, 0.0, evidence
    return rotate(ink, angle), angle, evidence


def _quarter_turns(pieces: Pieces, ink: Ink, recogniser: Recogniser, level: float) -> int:
    """By how many quarter turns anticlockwise the writing stands upright: as the network reads it best.

    level: how much more the ink looks like level lines than like upright ones.
    """
    whole = [p for p in pieces.pieces if 0.5 < max(p.height, p.width) / pieces.height < 2.2]
    if len(whole) < 3:
        return 0
    likelier = _LINES * level * np.array([0.5, -0.5, 0.5, -0.5]) + np.array([_UPRIGHT, 0.0, 0.0, 0.0])
    for most in _SAMPLES:
        sample = whole[:: max(1, len(whole) // most)]
        seen = _seen_from_four_sides(sample, pieces, ink, recogniser) + likelier
        best, second = np.argsort(seen.mean(axis=0))[:-3:-1]
        lead = seen[:, best] - seen[:, second]
        if len(sample) == len(whole) or lead.mean() > _CERTAIN * lead.std() / len(lead) ** 0.5:
            break
    return int(best)


def _seen_from_four_sides(sample: list[Piece], pieces: Pieces, ink: Ink, recogniser: Recogniser) -> Floats:
    """(n, 4) the logarithm of the likeliest letter's probability, turned anticlockwise by 0 to 3 quarters."""
    crops = []
    for piece in sample:
        rows, columns = slice(piece.top, piece.bottom), slice(piece.left, piece.right)
        own = pieces.labels[rows, columns] == piece.label
        crops.append(frame(np.where(own, ink.ink[rows, columns], 0.0)))
    upright = np.stack(crops)
    ways = np.concatenate([np.rot90(upright, k, axes=(1, 2)) for k in range(4)])
    p = recogniser.probabilities(np.ascontiguousarray(ways), second_look=False)[:, : len(ALPHABET)]
    letters = np.array([c.isalnum() for c in ALPHABET])
    likeliest: Floats = np.log(p[:, letters].max(axis=1) + 1e-3)
    return likeliest.reshape(4, -1).T


# ---- words and places ------------------------------------------------------------------------------------------------


def _is_text(line: list[Reading]) -> bool:
    return geometric_mean([float(r.p[:-1].max()) for r in line]) > (_DOUBTFUL if len(line) < 3 else _NOBODY)


def _is_writing(page: Page, alphabet: str) -> bool:
    """Whether a page is writing rather than what rules, folds and grain have left: marks, few letters, little sure."""
    found = page.characters
    if not found:
        return False
    sure = geometric_mean([c.confidence for c in found])
    letters = sum(c.text.isalnum() for c in found) / len(found)
    if not any(c.isalnum() for c in alphabet):
        letters = 1.0
    return sure > _UNSURE and letters > _LETTERLESS and (letters > _MARKS or sure > _SURE)


def _compose(lines: list[list[Reading]], pieces: Pieces, ink: Ink, words: Collection[str] | None) -> list[Line]:
    boxes = [np.array([r.candidate.box for r in line], float) for line in lines]
    gaps = [np.maximum(b[1:, 0] - np.maximum.accumulate(b[:, 2])[:-1], -pieces.height) for b in boxes]
    heights = [max(float(np.median(b[:, 3] - b[:, 1])), 0.6 * pieces.height) for b in boxes]
    breaks = word_breaks(gaps, heights)
    result: list[Line] = []
    for line, parted in zip(lines, breaks, strict=True):
        groups: list[list[Reading]] = [[line[0]]]
        for reading, new in zip(line[1:], parted, strict=True):
            if new:
                groups.append([])
            groups[-1].append(reading)
        begins = not result or result[-1].text[-1] in SENTENCE_ENDS
        settled = settle([[reading.p[:-1] for reading in group] for group in groups], begins=begins)
        result.append(Line(tuple(_word(g, p, ink, words) for g, p in zip(groups, settled, strict=True))))
    return result


def _word(group: Sequence[Reading], p: list[Floats], ink: Ink, words: Collection[str] | None) -> Word:
    chosen = with_words(p, words) if words else None
    characters = []
    for k, (reading, row) in enumerate(zip(group, p, strict=True)):
        order = np.argsort(row)[::-1]
        text = chosen[k] if chosen else ALPHABET[int(order[0])]
        none = float(reading.p[-1])
        place = ALPHABET.index(text)
        others = tuple(
            (ALPHABET[int(i)], float(row[i]) * (1 - none))
            for i in order[: _ALTERNATIVES + 1]
            if i != place and row[i] > 5e-4
        )
        characters.append(
            Character(text, _box(reading, ink), float(row[place]) * (1 - none), others, reading.candidate.crop[..., 0])
        )
    return Word(tuple(characters))


def _box(reading: Reading, ink: Ink) -> Box:
    left, top, right, bottom = reading.candidate.box
    xs, ys = ink.to_picture([left, right, right, left], [top, top, bottom, bottom])
    return Box(float(xs.min()), float(ys.min()), float(xs.max()), float(ys.max()))
