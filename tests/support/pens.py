"""A small file of pen trajectories in the form of UNIPEN's: lines, words and characters by a few writers."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from glassnet.data.unipen import CHARACTER, LINE, WORD, PenSamples, load_unipen, part_of
from glassnet.reader.glyphs import strokes_of

CAPITAL = 330  # its height
WORDS = ("pens", "glyph", "ink", "Alaska", "of", "happy", "seven", "BOLD", "quick", "line")
CHARACTERS = "abcdefghijklmnop0123456789ABCDEF"
DONORS = ("aga", "att", "xyz")


def written(text: str, x: float = 0.0) -> list[np.ndarray]:
    """The strokes (points, 2) of a text: characters as in the table of forms, capitals `CAPITAL` high, y down."""
    strokes = []
    for character in text:
        if character == " ":
            x += 0.7
            continue
        own = [stroke * [1, -1] for stroke in strokes_of(character, 0)]
        left, right = (f(f(stroke[:, 0]) for stroke in own) for f in (min, max))
        strokes += [(stroke + np.array([x - left, 0.0])) * CAPITAL for stroke in own]
        x += right - left + 0.15
    return strokes


def writers_of(part: str, count: int = 2, donor: str = DONORS[0]) -> list[int]:
    """Numbers of writers for this donor that belong to a part."""
    return [n for n in range(1000) if part_of(f"{donor}{n}") == part][:count]


def usual() -> list[tuple[str, int, int, int, int]]:
    """(label, kind, writer, style, donor) of samples by two writers of each part."""
    rows = []
    for part in ("train", "valid", "test"):
        for writer in writers_of(part):
            rows += [(word, WORD, writer, 1, 0) for word in WORDS]
            rows += [(f"{a} {b} {a}", LINE, writer, 1 + writer % 3, 0) for a, b in itertools.pairwise(WORDS)]
            rows += [(character, CHARACTER, writer, 1, 0) for character in CHARACTERS]
    return rows


def arrays_of(rows: Sequence[tuple[str, int, int, int, int]]) -> dict[str, Any]:
    """The arrays of such a file."""
    samples = [[np.rint(stroke).astype(np.int16) for stroke in written(label)] for label, *_ in rows]
    samples = [[stroke - np.concatenate(own).min(axis=0) for stroke in own] for own in samples]  # as in the file
    labels = [label.encode() for label, *_ in rows]
    columns = np.array([row[1:] for row in rows]).reshape(-1, 4)
    return {
        "xy": np.concatenate([stroke for own in samples for stroke in own]),
        "stroke_start": _starts([len(stroke) for own in samples for stroke in own]),
        "sample_start": _starts([len(own) for own in samples]),
        "label_blob": np.frombuffer(b"".join(labels), np.uint8),
        "label_start": _starts(list(map(len, labels))),
        "kind": columns[:, 0].astype(np.uint8),
        "writer": columns[:, 1].astype(np.int32),
        "style": columns[:, 2].astype(np.uint8),
        "donor": columns[:, 3].astype(np.uint8),
        "donor_names": np.array(DONORS),
    }


@functools.cache
def _usual() -> dict[str, Any]:
    return arrays_of(usual())


def write_pens(folder: Path, rows: Sequence[tuple[str, int, int, int, int]] | None = None, **other: Any) -> Path:
    """Write the file into `folder`, with `other` arrays in the place of some."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "unipen.npz"
    np.savez(path, **{**(_usual() if rows is None else arrays_of(rows)), **other})
    return path


def pens(folder: Path, rows: Sequence[tuple[str, int, int, int, int]] | None = None) -> PenSamples:
    """The samples of such a file, read again."""
    return load_unipen(write_pens(folder, rows))


def _starts(counts: list[int]) -> np.ndarray:
    return np.concatenate([[0], np.cumsum(counts)]).astype(np.int32)
