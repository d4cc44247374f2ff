"""UNIPEN's pen trajectories: lines, words and single characters as several hundred people wrote them on tablets.

One file, `pen/unipen.npz` in a data folder, holds the part train_r01_v07: the path of the pen for each stroke, which
strokes make up a sample, and what it reads. `glassnet.data.get("unipen")` makes it of the published archive. Nobody
knows where a sample's baseline runs, and strokes come in the order in which they were written: dots of i and bars of t
late.

Source: I. Guyon, L. Schomaker, R. Plamondon, M. Liberman, S. Janet, "UNIPEN project of on-line data exchange and
recognizer benchmarks", ICPR 1994, doi 10.1109/ICPR.1994.576870; data: Zenodo record 1195803.
"""

from __future__ import annotations

import hashlib
import itertools
import zipfile
import zlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from glassnet.data.catalogue import place_of
from glassnet.errors import DataError
from glassnet.files import open_plain

__all__ = [
    "CHARACTER",
    "LINE",
    "PARTS",
    "STYLES",
    "UNIPEN_FILE",
    "UNREADABLE",
    "WORD",
    "PenSamples",
    "load_unipen",
    "part_of",
]

LINE, WORD, CHARACTER = 0, 1, 2  # kinds of samples
STYLES = ("unknown", "printed", "mixed", "cursive")
PARTS = ("train", "valid", "test")
UNREADABLE = ("att", "lav")  # donors whose labels cannot be read from the ink: code in boxes, random letters

UNIPEN_FILE = "unipen.npz"
Whole = npt.NDArray[np.int64]


def part_of(name: str) -> str:
    """The part that a writer or a font belongs to, by the SHA-256 of its name: a tenth test, a tenth valid, else
    train. So a name is always in the same part, whatever else there is."""
    return {0: "test", 1: "valid"}.get(int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big") % 10, "train")


@dataclass(frozen=True)
class PenSamples:
    """Pen trajectories and what they read.

    Attributes
    ----------
    xy : (p, 2) int16 array
        Points of all strokes, x to the right, y down, in units of a writer and sheet: a capital is about 330 high.
    strokes : (s + 1,) int64 array
        Stroke j is the points `strokes[j]` to `strokes[j + 1] - 1`.
    samples : (n + 1,) int64 array
        Sample i is the strokes `samples[i]` to `samples[i + 1] - 1`.
    labels : tuple of n str
        What each sample reads.
    kind : (n,) uint8 array
        `LINE`, `WORD` or `CHARACTER`.
    writer : (n,) int64 array
        Number of the writer.
    style : (n,) uint8 array
        Position in `STYLES`.
    donor : (n,) uint8 array
        Position in `donors`.
    donors : tuple of str
        Short names of the institutions that gave the samples.
    """

    xy: npt.NDArray[np.int16]
    strokes: Whole
    samples: Whole
    labels: tuple[str, ...]
    kind: npt.NDArray[np.uint8]
    writer: Whole
    style: npt.NDArray[np.uint8]
    donor: npt.NDArray[np.uint8]
    donors: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.labels)

    def strokes_of(self, index: int) -> list[npt.NDArray[np.float32]]:
        """The strokes (points, 2) of a sample, in the order in which they were written."""
        numbers = range(self.samples[index], self.samples[index + 1])
        return [self.xy[self.strokes[j] : self.strokes[j + 1]].astype(np.float32) for j in numbers]

    def writer_name(self, index: int) -> str:
        """The first donor, by the alphabet, that a sample's writer wrote for, and the writer's number: some people
        wrote for two, and must not be in two parts."""
        writer = self.writer[index]
        return f"{self.donors[self.donor[self.writer == writer].min()]}{writer}"

    def part(self, part: str, without: Collection[str] = UNREADABLE) -> Whole:
        """Positions of the samples of the writers of a part, but for those that some donors gave, and those that hold
        characters other than printable ASCII. Raises `DataError` for a part that there is not."""
        if part not in PARTS:
            raise DataError(f"The parts are {', '.join(PARTS)}. Got {part!r} instead.")
        _, firsts = np.unique(self.writer, return_index=True)
        writers = [self.writer[i] for i in firsts if part_of(self.writer_name(int(i))) == part]
        left_out = [number for number, donor in enumerate(self.donors) if donor in without]
        plain = np.fromiter((label.isascii() and label.isprintable() for label in self.labels), bool, len(self))
        return np.flatnonzero(np.isin(self.writer, writers) & ~np.isin(self.donor, left_out) & plain)


def load_unipen(path: Path | None = None) -> PenSamples:
    """Read the trajectories from a file, from a folder that holds it, or from where the known set `unipen` lies.

    Raises
    ------
    DataError
        The file is not there, is damaged, or holds something else.
    """
    if path is None:
        path = place_of("unipen")
    file = path / UNIPEN_FILE if path.is_dir() else path
    try:
        with open_plain(file) as opened, np.load(opened, allow_pickle=False) as archive:
            return _samples({name: archive[name] for name in archive.files})
    except OSError as error:
        raise DataError(f"Cannot read the pen trajectories '{file}': {error.strerror or error}.") from error
    except (
        AttributeError, EOFError, IndexError, KeyError, MemoryError, NotImplementedError, RuntimeError, TypeError,
        ValueError, zipfile.BadZipFile, zlib.error,
    ) as error:  # fmt: skip
        raise DataError(f"The pen trajectories '{file}' are damaged: {error}.") from error


def _samples(arrays: Mapping[str, npt.NDArray[Any]]) -> PenSamples:
    """The samples of an archive's arrays. Raises `ValueError` or `KeyError` where they do not fit each other."""
    xy = _whole(arrays, "xy", 2)
    if xy.shape[1] != 2 or xy.min(initial=0) < -(2**15) or xy.max(initial=0) >= 2**15:
        raise ValueError("'xy' must have shape (points, 2) and fit into 16 bits")
    strokes = _starts(arrays, "stroke_start", len(xy))
    samples = _starts(arrays, "sample_start", len(strokes) - 1)
    n = len(samples) - 1
    blob = _whole(arrays, "label_blob").astype(np.uint8).tobytes()
    ends = _starts(arrays, "label_start", len(blob))
    labels = tuple(blob[a:b].decode() for a, b in itertools.pairwise(ends))
    donors = tuple(map(str, arrays["donor_names"]))
    columns = {}
    limits = {"kind": CHARACTER + 1, "writer": 2**31, "style": len(STYLES), "donor": len(donors)}
    for name, limit in limits.items():
        values = columns[name] = _whole(arrays, name)
        if len(values) != n or values.min(initial=0) < 0 or values.max(initial=0) >= limit:
            raise ValueError(f"'{name}' does not fit its {n} samples")
    if len(labels) != n:
        raise ValueError(f"{len(labels)} labels of {n} samples")
    kind, style, donor = (columns[name].astype(np.uint8) for name in ("kind", "style", "donor"))
    return PenSamples(
        xy.astype(np.int16), strokes, samples, labels, kind, columns["writer"].astype(np.int64), style, donor, donors
    )


def _whole(arrays: Mapping[str, npt.NDArray[Any]], name: str, dimensions: int = 1) -> npt.NDArray[Any]:
    values = arrays[name]
    if values.dtype.kind not in "iu" or values.ndim != dimensions:
        raise ValueError(f"'{name}' must be whole numbers in {dimensions} dimensions")
    return values


def _starts(arrays: Mapping[str, npt.NDArray[Any]], name: str, end: int) -> Whole:
    """Where each piece of `end` things begins, and the end: nothing is left over, and no piece is empty."""
    starts = _whole(arrays, name).astype(np.int64)
    if len(starts) < 2 or starts[0] != 0 or starts[-1] != end or (np.diff(starts) < 1).any():
        raise ValueError(f"'{name}' must rise from 0 to {end}")
    return starts
