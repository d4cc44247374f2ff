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
from glassnet.data.pictures import picture_info, read_picture
from glassnet.errors import ReaderError
from glassnet.files import read_text
from glassnet.reader.clean import ENOUGH, Ink, find_ink, rotate
from glassnet.reader.context import SENTENCE_ENDS, settle, with_words
from glassnet.reader.find import Piece, Pieces, find_pieces, without_remains
from glassnet.reader.glyphs import ALPHABET
from glassnet.reader.group import group_lines, word_breaks
from glassnet.reader.page import Box, Character, Line, Page, Word, geometric_mean
from glassnet.reader.recognise import Reading, Recogniser, cut_wide, parse_alphabet, read_lines
from glassnet.reader.turn import level, quarter_turns

__all__ = ["read", "read_words"]

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
    ink, turned = level(ink)
    pieces = find_pieces(ink.ink)
    if not pieces.pieces:
        return Page((), width, height)
    quarter = quarter_turns(ink, pieces, recogniser)
    if quarter:
        ink, more = level(rotate(ink, 0.0, quarter), either_way=False)
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
