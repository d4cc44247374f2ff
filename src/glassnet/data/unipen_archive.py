"""UNIPEN's archive as it is published, made into the one file that `glassnet.data.unipen` reads.

Files below `data/CATEGORY/DONOR` name segments - what a character, word or text reads, and which of the pen's
movements made it - and include others: documents on the tablet, and one with the movements. Written from the format's
definition (unipen.def, I. Guyon, 1994):

- A statement is a word after a dot that begins a line, and whatever follows until the next.
- `.PEN_DOWN` and `.PEN_UP` begin components, counted from 0 and both alike; their numbers are points, in the columns
  that `.COORD` names.
- `.SEGMENT WORD 3-7,9 OK "hello"` names components; `3:10-5:20` begins at point 10 of component 3 and ends with point
  20 of component 5. A label is in Latin-1; a backslash stands before quotes and backslashes; any blank is a space.
- `.WRITER_ID`, `.STYLE` and the points per inch (or mm) of x and y hold for what is read after them. y goes up.

What is made of it:

- Categories 1a to 1d (single characters), 6 and 7 (words) and 8 (text). Categories 2 and 3 repeat the characters. What
  is named twice is taken once.
- A text with a blank in it is a line, one without is a word. Left out: segments that are called BAD, texts of more
  than 90 characters, characters of more than one, and what cannot be read.
- A writer is a `.WRITER_ID` of a donor; the donors of Apple (ap.) and of CEDAR (ce.) share theirs. Writers are
  numbered in the order of their names.
- Points are brought to inches, which keeps the sizes of a writer's sheets comparable. Then the median height of what
  the writer left for a donor becomes 400 for words, 491 for lines, and 280 for single characters, which were often
  written into boxes and are scaled by themselves. So a capital is about 330 high.
- Points nearer than 3 to the lines that the others draw are left out. Each sample begins at 0, 0.

The weights that ship with glassnet were trained on a copy made earlier, of the same layout and scale. It lacks an
eighth of the writers, and numbers them otherwise, so that they are in other parts: figures of those weights on a copy
made here are not figures on writers that they never saw.
"""

from __future__ import annotations

import gzip
import re
import tarfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from glassnet.data.download import OnBytes, RemoteFile, fetch, within_limit
from glassnet.data.unipen import CHARACTER, LINE, STYLES, UNIPEN_FILE, WORD
from glassnet.errors import DataError
from glassnet.files import atomic_write

__all__ = ["convert_unipen", "lay_out_unipen", "simplified"]

Points = npt.NDArray[np.float32]
Whole = npt.NDArray[np.int64]

_CATEGORIES = ("1a", "1b", "1c", "1d", "6", "7", "8")
_HEIGHTS = {LINE: 491.0, WORD: 400.0, CHARACTER: 280.0}  # medians over a writer
_NEAR = 3.0  # of a capital's 330
_TOGETHER = ("ap", "ce")  # donors with the same writers begin so
_LONGEST = 90  # characters
_BIGGEST = 64 * 2**20  # bytes of a file; the real ones have a few million
_DEEPEST = 8  # files that include each other
_PER_INCH = 1000.0  # points, where nobody states it
_MEMBER = re.compile(rf"(?:.*?/)?(data/(?:{'|'.join(_CATEGORIES)})/[^/]+/.+|include/.+)")
_HEADER = ("COORD", "STYLE", "WRITER_ID", *(f"{axis}_POINTS_PER_{unit}" for axis in "XY" for unit in ("INCH", "MM")))
_SEGMENT = re.compile(r'(CHARACTER|WORD|TEXT)\s+([\d:,\s-]*\d)\s*([^\s"]*)\s*"((?:[^"\\]|\\.)*)"', re.DOTALL)
_RANGE = re.compile(r"\s*(\d+)(?::(\d+))?\s*(?:-\s*(\d+)(?::(\d+))?)?\s*")


@dataclass
class _Text:
    """One file of the archive, without its numbers."""

    includes: list[str] = field(default_factory=list)
    header: dict[str, str] = field(default_factory=dict)
    segments: list[str] = field(default_factory=list)
    has_pens: bool = False


class _Layout(NamedTuple):
    """Which columns are x and y, and how many points to the inch along each; those of y are negative, as y goes up."""

    columns: tuple[int, int]
    per_inch: tuple[float, float]


class _Source(NamedTuple):
    """Where segments come from."""

    category: str
    donor: str
    writer: tuple[str, str]
    style: int
    layout: _Layout


class _Segment(NamedTuple):
    """What a segment reads, and its components."""

    kind: int
    label: str
    components: str


class _Wanted(NamedTuple):
    """A segment before the pens are read."""

    segment: _Segment
    source: _Source


@dataclass(frozen=True)
class _Sample:
    """A segment with its points (p, 2) in inches, y down, and the number of points of each stroke."""

    wanted: _Wanted
    points: Points
    counts: tuple[int, ...]

    @property
    def height(self) -> float:
        return float(np.ptp(self.points[:, 1]))


def convert_unipen(archive: Path, target: Path, progress: OnBytes | None = None) -> Path:
    """Make `target` of UNIPEN's archive.

    The archive is gone through twice from front to end, for what the samples are and for their points; nothing is
    unpacked to the disk, and a name in it reaches nothing but other members. Takes a minute or two, and less than 1 GB
    of memory.

    Parameters
    ----------
    archive : Path
        `unipen-CDROM-train_r01_v07.tgz`, or one with the same folders `data` and `include`.
    target : Path
        The file to write, whole or not at all; the top of this module says how it is made.
    progress : callable, optional
        Called as `progress(what is done, bytes read, bytes in all)`.

    Raises
    ------
    DataError
        The archive is damaged, or holds no samples.
    GlassnetError
        The target cannot be written.
    """
    try:
        texts = {name: _parsed(content) for name, content in _members(archive, "finding samples in", progress)}
        wanted = _wanted(texts)
        samples: list[_Sample] = []
        for name, content in _members(archive, "reading pens in", progress):
            samples += _read(wanted.pop(name, ()), content)
    except (tarfile.TarError, zlib.error, EOFError, OSError) as error:
        raise DataError(f"Cannot read '{archive}': {error}. Remove it and download it again.") from error
    arrays = _arrays(samples)
    if arrays is None:
        raise DataError(
            f"The archive '{archive}' holds no samples of handwriting; it is another archive or was changed."
        )
    with atomic_write(target) as file:
        np.savez_compressed(file, allow_pickle=False, **arrays)
    return target


def lay_out_unipen(files: Sequence[RemoteFile], folder: Path, progress: OnBytes | None = None) -> None:
    """Download the archive, the only one of `files`, into a folder, make the file of it there and remove it.

    An archive that a user has put there under its own name is taken, and stays.
    Where that is interrupted, or the file cannot be written, the archive stays for the next call.

    Raises what `glassnet.data.download.fetch` and `convert_unipen` raise.
    """
    (file,) = files
    place = folder / f".{file.name}"
    archive = fetch(file, place, progress)
    try:
        convert_unipen(archive, folder / UNIPEN_FILE, progress)
    except DataError:  # a damaged archive would stand in the way of the next download
        place.unlink(missing_ok=True)
        raise
    place.unlink(missing_ok=True)


# The archive


def _members(archive: Path, what: str, progress: OnBytes | None) -> Iterator[tuple[str, bytes]]:
    """(name from `data` or `include` on, content) of the plain files in them."""
    size, total = archive.stat().st_size, 0
    with archive.open("rb") as packed, gzip.GzipFile(fileobj=packed) as unpacked:
        with tarfile.open(fileobj=unpacked, mode="r:") as tar:
            for entry in tar:
                match = _MEMBER.fullmatch(entry.name)
                if entry.isfile() and match and entry.size <= _BIGGEST and (file := tar.extractfile(entry)) is not None:
                    total = within_limit(total + entry.size, archive)
                    yield match[1], file.read()
                    if progress is not None:
                        progress(f"{what} {archive.name.lstrip('.')}", packed.tell(), size)
        while unpacked.read(1 << 20):  # to the end, where the sum over all of it is checked
            pass


def _statements(content: bytes) -> Iterator[tuple[str, bytes]]:
    """(word, what follows) of each statement."""
    for statement in (b"\n" + content.replace(b"\r", b"\n")).split(b"\n.")[1:]:
        word, *rest = statement.split(None, 1) or [b""]
        yield word.decode("latin-1"), rest[0] if rest else b""


def _parsed(content: bytes) -> _Text:
    text = _Text()
    for word, rest in _statements(content):
        if word in ("PEN_DOWN", "PEN_UP"):
            text.has_pens = True
        elif word == "INCLUDE" and rest:
            text.includes.append(str(PurePosixPath("include", rest.split()[0].decode("latin-1"))))
        elif word == "SEGMENT":
            text.segments.append(rest.decode("latin-1"))
        elif word in _HEADER:
            text.header.setdefault(word, rest.split(b"\n")[0].decode("latin-1").strip())
    return text


def _in_order(name: str, texts: Mapping[str, _Text]) -> list[str]:
    """A file and all that it includes, in the order in which they are read; each once."""
    order: list[str] = []

    def visit(name: str, depth: int) -> None:
        if name in texts and name not in seen and depth <= _DEEPEST:
            seen.add(name)
            for other in texts[name].includes:
                visit(other, depth + 1)
            order.append(name)

    seen: set[str] = set()
    visit(name, 0)
    return order


def _wanted(texts: Mapping[str, _Text]) -> dict[str, list[_Wanted]]:
    """The segments to take, by the file in which their points are."""
    found: dict[str, dict[_Segment, _Source]] = {}
    for name, text in texts.items():
        if not name.startswith("data/") or not text.segments:
            continue
        order = _in_order(name, texts)
        pens = [each for each in order if texts[each].has_pens]
        if len(pens) != 1:  # nobody could say how their components are counted together
            continue
        header = {word: value for each in order for word, value in texts[each].header.items()}
        _, category, donor, _ = name.split("/", 3)
        institution = donor[:2] if donor.startswith(_TOGETHER) else donor
        writer = institution, header.get("WRITER_ID") or PurePosixPath(pens[0]).stem
        style = header.get("STYLE", "").lower().partition(" ")[0]
        if (layout := _layout(header)) is None:
            continue
        source = _Source(category, donor, writer, STYLES.index(style) if style in STYLES else 0, layout)
        own = found.setdefault(pens[0], {})
        for segment in filter(None, map(_segment, text.segments)):
            own.setdefault(segment, source)
    return {name: [_Wanted(*each) for each in own.items()] for name, own in found.items()}


def _segment(text: str) -> _Segment | None:
    """What follows `.SEGMENT`; None for one to leave out."""
    match = _SEGMENT.match(text)
    if match is None or match[3].upper() == "BAD":
        return None
    label = " ".join(re.sub(r"\\(.)", lambda m: " " if m[1] in "nt" else m[1], match[4], flags=re.DOTALL).split())
    kind = CHARACTER if match[1] == "CHARACTER" else LINE if " " in label else WORD
    fits = len(label) == 1 if kind == CHARACTER else 0 < len(label) <= _LONGEST
    return _Segment(kind, label, match[2]) if fits else None


# The points


def _read(wanted: Sequence[_Wanted], content: bytes) -> list[_Sample]:
    """The samples whose points this file holds, but for those that cannot be read."""
    if not wanted:
        return []
    components: list[tuple[bool, bytes]] = []
    for word, rest in _statements(content):
        if word in ("PEN_DOWN", "PEN_UP"):
            components.append((word == "PEN_DOWN", rest))
        elif word == "DT" and components and len(after := rest.split(None, 1)) == 2:
            down, numbers = components[-1]  # a pause within a component, whose points go on
            components[-1] = down, numbers + b"\n" + after[1]
    kept: dict[tuple[int, _Layout], Points] = {}
    samples = []
    for each in wanted:
        try:
            strokes = _strokes(each, components, kept)
        except (ValueError, IndexError):
            continue
        if strokes:
            samples.append(_Sample(each, np.concatenate(strokes), tuple(map(len, strokes))))
    return samples


def _strokes(
    wanted: _Wanted, components: Sequence[tuple[bool, bytes]], kept: dict[tuple[int, _Layout], Points]
) -> list[Points]:
    """The points of a segment's components where the pen was down. Raises `ValueError` or `IndexError`."""
    strokes = []
    for part in wanted.segment.components.split(","):
        match = _RANGE.fullmatch(part)
        if match is None:
            raise ValueError(part)
        first, start, last, stop = match.groups()
        last = first if last is None else last
        if int(last) >= len(components):
            raise ValueError(part)
        for number in range(int(first), int(last) + 1):
            down, numbers = components[number]
            if down:
                key = number, wanted.source.layout
                if key not in kept:
                    kept[key] = _points(numbers, wanted.source.layout)
                begin = int(start) if start and number == int(first) else 0
                end = int(stop) + 1 if stop and number == int(last) else None
                strokes.append(kept[key][begin:end])
    return [stroke for stroke in strokes if len(stroke)]


def _points(numbers: bytes, layout: _Layout) -> Points:
    """(p, 2) in inches, y down. Raises `ValueError` or `IndexError`."""
    if not numbers:
        return np.zeros((0, 2), np.float32)
    width = len(numbers.split(b"\n", 1)[0].split())
    values = np.array(list(map(float, numbers.split()))).reshape(-1, width)
    points: Points = (values.take(layout.columns, axis=1) / layout.per_inch).astype(np.float32)
    if not np.isfinite(points).all():
        raise ValueError("a coordinate is not a number")
    return points


def _layout(header: Mapping[str, str]) -> _Layout | None:
    """How points are written; None where it cannot be known."""
    columns = header.get("COORD", "X Y").split()
    try:
        x, y = _per_inch(header, "X"), _per_inch(header, "Y")
        return _Layout((columns.index("X"), columns.index("Y")), (x or y or _PER_INCH, -(y or x or _PER_INCH)))
    except ValueError:
        return None


def _per_inch(header: Mapping[str, str], axis: str) -> float:
    """Points per inch along an axis; 0 where they are not stated. Raises `ValueError`."""
    for unit, inch in (("INCH", 1.0), ("MM", 25.4)):
        if value := header.get(f"{axis}_POINTS_PER_{unit}", "").split():
            return max(0.0, float(value[0]) * inch)
    return 0.0


# The file


def _arrays(samples: Sequence[_Sample]) -> dict[str, npt.NDArray[Any]] | None:
    """What the file holds; None where there is nothing."""
    groups: dict[tuple[tuple[str, str], str, bool], list[_Sample]] = {}
    for sample in samples:
        segment, source = sample.wanted
        key = source.writer, source.donor, segment.kind == CHARACTER
        groups.setdefault(key, []).append(sample)
    made = [done for key in sorted(groups) for done in _scaled(groups.pop(key))]
    if not made:
        return None
    segments = [wanted.segment for wanted, _, _ in made]
    sources = [wanted.source for wanted, _, _ in made]
    writers, donors, categories = (
        sorted({getattr(each, name) for each in sources}) for name in ("writer", "donor", "category")
    )
    labels = [each.label.encode() for each in segments]
    counts = [count for _, _, own in made for count in own]
    return {
        "xy": np.concatenate([points for _, points, _ in made]),
        "stroke_start": _starts(counts),
        "sample_start": _starts([len(own) for _, _, own in made]),
        "label_blob": np.frombuffer(b"".join(labels), np.uint8),
        "label_start": _starts([len(label) for label in labels]),
        "kind": np.array([each.kind for each in segments], np.uint8),
        "writer": _numbers([each.writer for each in sources], writers).astype(np.int32),
        "style": np.array([each.style for each in sources], np.uint8),
        "donor": _numbers([each.donor for each in sources], donors).astype(np.uint8),
        "donor_names": np.array(donors),
        "category": _numbers([each.category for each in sources], categories).astype(np.uint8),
        "category_names": np.array(categories),
    }


def _numbers(values: Sequence[Any], names: Sequence[Any]) -> Whole:
    places = {name: place for place, name in enumerate(names)}
    return np.array([places[value] for value in values], np.int64)


def _starts(counts: Sequence[int]) -> npt.NDArray[np.int32]:
    return np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)


def _scaled(group: Sequence[_Sample]) -> Iterator[tuple[_Wanted, npt.NDArray[np.int16], Whole]]:
    """Segment, points and points per stroke of a writer's samples for a donor, in the units of the file."""
    shown = [_HEIGHTS[sample.wanted.segment.kind] / sample.height for sample in group if sample.height > 0]
    if not shown:
        return
    points = np.concatenate([sample.points for sample in group]).astype(np.float64) * np.median(shown)
    strokes = np.concatenate([[0], np.cumsum([count for sample in group for count in sample.counts])])
    keep = simplified(points, strokes, _NEAR)
    left = np.add.reduceat(keep, strokes[:-1], dtype=np.int64)
    points = points[keep]
    ends = np.cumsum(left)
    stroke = begin = 0
    for sample in group:
        own = left[stroke : stroke + len(sample.counts)]
        stroke += len(own)
        end = int(ends[stroke - 1])
        placed = np.rint(points[begin:end] - points[begin:end].min(axis=0))
        begin = end
        if placed.max() < 2**15:
            yield sample.wanted, placed.astype(np.int16), own


def simplified(points: npt.NDArray[np.float64], strokes: Whole, near: float) -> npt.NDArray[np.bool_]:
    """Which points to keep so that no other is farther than `near` from the straight lines between those of its stroke.

    By U. Ramer (1972), and D. H. Douglas and T. K. Peucker (1973), of all strokes at once: between neighbours that are
    kept, the farthest point is kept as well.

    Parameters
    ----------
    points : (p, 2) float64 array
        Of all strokes.
    strokes : (s + 1,) int64 array
        Stroke j is the points `strokes[j]` to `strokes[j + 1] - 1`; none is empty.
    near : float
        In the units of the points.

    Returns
    -------
    (p,) bool array
        True for points to keep; the first and the last of a stroke always are.

    Examples
    --------
    >>> from glassnet.data.unipen_archive import simplified
    >>> points = np.array([[0, 0], [5, 1], [10, 0], [10, 9.0]])
    >>> simplified(points, np.array([0, 4]), near=2)
    array([ True, False,  True,  True])
    """
    keep = np.zeros(len(points), bool)
    keep[strokes[:-1]] = keep[strokes[1:] - 1] = True
    x, y = np.ascontiguousarray(points.T)
    between = np.flatnonzero(~keep)  # points that may have to be kept
    while len(between):
        kept = np.flatnonzero(keep)
        piece = (np.cumsum(keep) - 1)[between]
        start, end = kept[piece], kept[piece + 1]
        way_x, way_y = x[end] - x[start], y[end] - y[start]
        off_x, off_y = x[between] - x[start], y[between] - y[start]
        length = np.maximum(way_x**2 + way_y**2, 1e-12)
        along = np.clip((off_x * way_x + off_y * way_y) / length, 0, 1)
        away = (off_x - along * way_x) ** 2 + (off_y - along * way_y) ** 2
        first = np.diff(piece, prepend=-1) > 0  # of its piece
        farthest = np.maximum.reduceat(away, np.flatnonzero(first))[np.cumsum(first) - 1]
        far = farthest > near**2
        keep[between[far & (away == farthest)]] = True
        between = between[far & (away < farthest)]
    return keep
