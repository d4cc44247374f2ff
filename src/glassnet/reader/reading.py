"""`read`: a picture of hand-printed writing becomes a `Page`.

clean (ink) -> find (pieces) -> turn upright -> group (lines of atoms) -> recognise (characters) -> words -> page.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
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
from glassnet.reader.gate import lines_of_writing
from glassnet.reader.glyphs import ALPHABET
from glassnet.reader.group import group_lines, word_breaks
from glassnet.reader.page import Box, Character, Line, Page, Word, geometric_mean
from glassnet.reader.recognise import Reading, Recogniser, cut_wide, parse_alphabet, read_lines
from glassnet.reader.turn import level, quarter_turns

__all__ = ["Seen", "read", "read_words", "recognise"]

_ALTERNATIVES = 4
_NO_INK = "nothing on it is darker or lighter than its paper as a pen would be"
_NO_STROKES = "what is darker or lighter than the paper has no strokes of characters"
_NO_LINES = "its marks stand in no line"
_OUTSIDE = "there is writing, but none of the characters of the alphabet"

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
    alphabet : `full`, or ranges and characters such as "A-Z0-9.,"; whatever else is written is left out
    words : a word list in lower case, to decide between readings that the picture leaves open
    recogniser : the network for characters; None takes the one that comes with the package

    Returns
    -------
    Page : with no lines where no writing was found; `nothing` then says why

    Raises
    ------
    DataError : the file is missing, no picture, damaged or too large
    ReaderError : the array is no picture, or the alphabet names nothing that can be read
    """
    pixels, (height, width) = _pixels(picture)
    known = parse_alphabet(alphabet)
    if recogniser is None or recogniser.alphabet != known:
        recogniser = Recogniser(recogniser.model if recogniser else None, known)
    seen = recognise(pixels, (height, width), recogniser)
    kept = lines_of_writing(seen.lines)
    if not kept:
        return Page((), width, height, seen.turned, seen.nothing or _no_writing(seen.lines))
    assert seen.pieces is not None and seen.ink is not None
    lines = _compose(kept, seen.pieces, seen.ink, known, words)
    return Page(tuple(lines), width, height, seen.turned, "" if lines else _OUTSIDE)


@dataclass(frozen=True)
class Seen:
    """What the network made of a picture, be it writing or not; with no lines, `nothing` says why."""

    lines: list[list[Reading]]
    turned: float = 0.0
    nothing: str = ""
    pieces: Pieces | None = None
    ink: Ink | None = None


def recognise(pixels: npt.NDArray[np.uint8], size: tuple[int, int], recogniser: Recogniser) -> Seen:
    """The characters of every line of pixels (h, w, 1 or 3), a copy of a picture of `size` (H, W)."""
    height, width = size
    ink = find_ink(pixels, (height, width))
    if ink is None:
        return Seen([], nothing=_NO_INK)
    ink, turned = level(ink)
    pieces = find_pieces(ink.ink)
    if not pieces.pieces:
        return Seen([], nothing=_NO_STROKES)
    quarter = quarter_turns(ink, pieces, recogniser)
    if quarter:
        ink, more = level(rotate(ink, 0.0, quarter), either_way=False)
        turned = (turned + 90.0 * quarter + more + 180) % 360 - 180
        pieces = find_pieces(ink.ink)
        if not pieces.pieces:
            return Seen([], turned, _NO_STROKES)
    edges = [_edges(p, ink, width, height) for p in pieces.pieces]
    pieces = replace(pieces, pieces=without_remains(pieces.pieces, edges, pieces.height))
    atoms = [cut_wide(line, pieces) for line in group_lines(pieces.pieces, pieces.height)]
    lines = read_lines(atoms, pieces, ink.ink, recogniser)
    return Seen(lines, turned, "" if lines else _NO_LINES, pieces, ink)


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


def _no_writing(lines: list[list[Reading]]) -> str:
    """Why lines that were read are none."""
    confidences = [float(reading.p[:-1].max()) for line in lines for reading in line]
    sure, count = geometric_mean(confidences), len(confidences)
    marks = "the one mark on it does" if count == 1 else f"the {count} marks on it do"
    return f"{marks} not look like writing (mean confidence {sure:.2f})"


def _compose(
    lines: list[list[Reading]], pieces: Pieces, ink: Ink, alphabet: str, words: Collection[str] | None
) -> list[Line]:
    """Lines of words; characters outside the alphabet part words and say what stands beside them, and are left out."""
    boxes = [np.array([r.candidate.box for r in line], float) for line in lines]
    gaps = [np.maximum(b[1:, 0] - np.maximum.accumulate(b[:, 2])[:-1], -pieces.height) for b in boxes]
    heights = [max(float(np.median(b[:, 3] - b[:, 1])), 0.6 * pieces.height) for b in boxes]
    breaks = word_breaks(gaps, heights)
    inside = np.array([c in alphabet for c in ALPHABET])
    result: list[Line] = []
    begins = True
    for line, parted in zip(lines, breaks, strict=True):
        groups: list[list[Reading]] = [[line[0]]]
        for reading, new in zip(line[1:], parted, strict=True):
            if new:
                groups.append([])
            groups[-1].append(reading)
        settled = settle([[reading.p[:-1] for reading in group] for group in groups], begins=begins)
        begins = ALPHABET[int(settled[-1][-1].argmax())] in SENTENCE_ENDS
        found = []
        for group, p in zip(groups, settled, strict=True):
            known = [k for k, row in enumerate(p) if inside[int(row.argmax())]]
            if known:
                found.append(_word([group[k] for k in known], [p[k] * inside for k in known], ink, words))
        if found:
            result.append(Line(tuple(found)))
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
