"""The IDX format of MNIST, plain or gzip-compressed (LeCun, Cortes and Burges, "The MNIST database")."""

from __future__ import annotations

import gzip
import math
import os
import re
import struct
import zlib
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np
import numpy.typing as npt

from glassnet.data.dataset import Dataset, Splits
from glassnet.data.emnist import TRANSPOSED, is_emnist, label_names
from glassnet.errors import DataError
from glassnet.files import open_plain

__all__ = ["has_all_idx", "has_idx", "is_idx", "load_idx", "read_idx"]

_UBYTE = 0x08
_DIGITS = 10
_HIGHEST_RATIO = 1100  # deflate cannot compress better than about 1032 : 1
_PIECE = 1 << 20
_NAME = re.compile(r"(?P<part>.*?)-?(?P<kind>images|labels)[-.]idx(?P<dimensions>[13])-ubyte(\.gz)?")
_IMAGES = re.compile(r"(?:(?P<set>.+)-)?(?P<part>train|t10k|test)-images[-.]idx3-ubyte(\.gz)?")
_PARTS = {"train": ("train",), "test": ("t10k", "test")}


def read_idx(path: Path) -> npt.NDArray[np.uint8]:
    """The uint8 array in an IDX file of any number of dimensions.

    Layout: two zero bytes, the type (0x08: unsigned byte), the number of dimensions d, d sizes as big-endian 32-bit
    numbers, then the values, last dimension fastest. The sizes are believed only after the bytes were seen: a header
    that claims more than the file holds costs no memory.

    Raises
    ------
    DataError
        Not an IDX file of unsigned bytes, cut short, longer than its header says, or damaged compression.
    """
    try:
        with open_plain(path) as raw:
            size = os.fstat(raw.fileno()).st_size
            packed = raw.read(2) == b"\x1f\x8b"
            raw.seek(0)
            if not packed:
                return _parse(raw, path, size)
            with gzip.open(raw, "rb") as unpacked:
                return _parse(cast(BinaryIO, unpacked), path, size * _HIGHEST_RATIO)
    except (OSError, EOFError, zlib.error) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or str(error)
        raise DataError(
            f"Cannot read '{path}': {reason}. The file is missing, cut short or damaged; download it again."
        ) from error


def _parse(file: BinaryIO, path: Path, most: int) -> npt.NDArray[np.uint8]:
    start = file.read(4)
    if len(start) < 4 or start[:2] != b"\0\0" or start[2] != _UBYTE or not 1 <= start[3] <= 4:
        raise DataError(
            f"'{path}' is not an IDX file of unsigned bytes: it must begin with 00 00 08 and 1 to 4 dimensions. "
            f"Got {start.hex(' ') or 'an empty file'} instead."
        )
    header = file.read(4 * start[3])
    if len(header) < 4 * start[3]:
        raise DataError(f"'{path}' ends within its header; the file is cut short, download it again.")
    shape = struct.unpack(f">{start[3]}I", header)
    expected = math.prod(shape)
    claim = f"its header announces {' x '.join(map(str, shape))} = {expected} bytes"
    if expected > most:
        raise DataError(f"'{path}' is cut short or damaged: {claim}, more than the file can hold; download it again.")
    values = bytearray()
    while len(values) <= expected and (piece := file.read(min(_PIECE, expected + 1 - len(values)))):
        values += piece
    if len(values) != expected:
        found = f"{len(values)} follow" if len(values) < expected else "more follow"
        raise DataError(f"'{path}' does not hold what it announces: {claim}, {found}; download it again.")
    return np.frombuffer(values, np.uint8).reshape(shape)


def is_idx(path: Path) -> bool:
    """Whether the file's first bytes, unpacked if need be, are those of an IDX file of unsigned bytes."""
    try:
        with open_plain(path) as raw:
            packed = raw.read(2) == b"\x1f\x8b"
            raw.seek(0)
            if packed:
                with gzip.open(raw, "rb") as unpacked:
                    start = unpacked.read(3)
            else:
                start = raw.read(3)
    except (OSError, EOFError, zlib.error):
        return False
    return start == bytes((0, 0, _UBYTE))


def has_idx(path: Path) -> bool:
    """Whether the folder holds training images under one of the usual IDX names."""
    return bool(_sets(path))


def has_all_idx(path: Path) -> bool:
    """Whether the folder holds all four files."""
    return all(_find(path, part, kind) for part in _PARTS for kind in ("images", "labels"))


def load_idx(path: Path, name: str | None = None) -> Splits:
    """MNIST, or a set laid out like it: a folder with the four official files, or one images file beside its labels.

    The training images of a set stand for the whole set. A name before the part, as in
    `emnist-letters-train-images-idx3-ubyte`, is that of the set; a folder that holds several is refused. EMNIST is
    turned upright and its labels are mapped to characters.

    Images become (N, 28, 28, 1) uint8, ink bright (255) on dark (0) as in the original. The classes are the digits;
    a set with higher labels has as many classes as its highest label asks for, called by their numbers.
    The parts in a folder are `train-images-idx3-ubyte` and `t10k-images-idx3-ubyte` (or `test-...`), with or without
    `.gz`; the test part may be missing.

    Raises `DataError` as `read_idx` does, and when images and labels do not fit each other.
    """
    word, pairs = _files(path)
    arrays = {part: _read_pair(*files) for part, files in pairs.items()}
    known = label_names(path if path.is_dir() else path.parent, word) if is_emnist(word) else None
    highest = max(int(labels.max(initial=0)) for _, labels in arrays.values())
    names = known or {number: str(number) for number in range(max(_DIGITS, highest + 1))}
    folder = path.resolve().parent if path.name == "raw" else path.resolve()  # torchvision's MNIST/raw
    title = name or word or (folder.name if path.is_dir() else path.name.split(".")[0])
    parts = {}
    for part, (images, labels) in arrays.items():
        upright, notes = (images.swapaxes(1, 2).copy(), (TRANSPOSED,)) if is_emnist(word) else (images, ())
        parts[part] = Dataset(upright, _places(labels, names, pairs[part][1]), tuple(names.values()), title, notes)
    return Splits(parts["train"], None, parts.get("test"))


def _files(path: Path) -> tuple[str, dict[str, tuple[Path, Path]]]:
    """(name that precedes the parts, or "", images and labels file of each part)."""
    if path.is_dir():
        sets = _sets(path)
        if len(sets) > 1:
            raise DataError(
                f"Folder '{path}' holds several sets ({', '.join(word or 'MNIST' for word in sets)}); name the training"
                f" images of one, such as '{next(iter(sets.values()))}'."
            )
        word, pairs = next(iter(sets), ""), {}
        pairs["train"] = _pair(path, "train", word)
    else:
        match = _IMAGES.fullmatch(path.name)
        word, pairs = (match["set"] or "") if match else "", {"train": (path, _labels_beside(path))}
        if match is None or match["part"] != "train":
            return word, pairs
    folder = path if path.is_dir() else path.parent
    if _find(folder, "test", "images", word):
        pairs["test"] = _pair(folder, "test", word)
    return word, pairs


def _sets(folder: Path) -> dict[str, Path]:
    """The training images in a folder, by the name that precedes them ("" for MNIST's own)."""
    try:
        names = sorted(entry.name for entry in folder.iterdir())
    except OSError:
        return {}
    words = {match["set"] or "" for name in names if (match := _IMAGES.fullmatch(name)) and match["part"] == "train"}
    found = {word: _find(folder, "train", "images", word) for word in sorted(words)}
    return {word: file for word, file in found.items() if file is not None}


def _places(labels: npt.NDArray[np.int64], names: dict[int, str], path: Path) -> npt.NDArray[np.int64]:
    """Each label's place among those that have a name, in ascending order."""
    known = np.fromiter(names, np.int64)
    if len(unknown := np.setdiff1d(labels, known)):
        raise DataError(f"'{path}' has the label {unknown[0]}, which no class has; it is damaged or of another set.")
    return np.searchsorted(known, labels).astype(np.int64)


def _find(folder: Path, part: str, kind: str, word: str = "") -> Path | None:
    dimensions = 3 if kind == "images" else 1
    for name in _PARTS[part]:
        for dot in "-.":
            for suffix in ("", ".gz"):
                file = folder / f"{word}{'-' if word else ''}{name}-{kind}{dot}idx{dimensions}-ubyte{suffix}"
                if file.is_file():
                    return file
    return None


def _pair(folder: Path, part: str, word: str) -> tuple[Path, Path]:
    images, labels = _find(folder, part, "images", word), _find(folder, part, "labels", word)
    if images is None or labels is None:
        missing = "images-idx3" if images is None else "labels-idx1"
        wanted = f"{word}{'-' if word else ''}{_PARTS[part][0]}-{missing}-ubyte"
        raise DataError(f"Folder '{folder}' lacks '{wanted}' (or with .gz); put it beside the other files.")
    return images, labels


def _labels_beside(images: Path) -> Path:
    match = _NAME.fullmatch(images.name)
    if match is None or match["kind"] != "images":
        raise DataError(
            f"'{images}' is an IDX file, but its name does not say which labels belong to it; "
            "give the folder, or a file named like 'train-images-idx3-ubyte'."
        )
    stem = images.name.replace("images", "labels").replace("idx3", "idx1").removesuffix(".gz")
    for candidate in (images.with_name(stem), images.with_name(f"{stem}.gz")):
        if candidate.is_file():
            return candidate
    raise DataError(f"The labels of '{images}' are missing: put '{stem}' (or '{stem}.gz') beside it.")


def _read_pair(images_path: Path, labels_path: Path) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    images, labels = read_idx(images_path), read_idx(labels_path)
    if images.ndim != 3 or labels.ndim != 1:
        raise DataError(
            f"'{images_path}' must hold images (3 dimensions) and '{labels_path.name}' labels (1 dimension). "
            f"Got {images.ndim} and {labels.ndim} dimensions instead."
        )
    if len(images) != len(labels):
        raise DataError(
            f"'{images_path}' holds {len(images)} images, '{labels_path.name}' {len(labels)} labels; they must be "
            "as many."
        )
    return images[..., None], labels.astype(np.int64)
