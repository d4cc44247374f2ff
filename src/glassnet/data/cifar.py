"""CIFAR-10, binary version and python version (Krizhevsky, "Learning multiple layers of features from tiny "
"images", 2009)."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from glassnet.data.dataset import Dataset, Splits
from glassnet.data.plain_pickle import read_plain_pickle
from glassnet.errors import DataError
from glassnet.files import open_plain, plain_bytes

__all__ = [
    "CIFAR10_NAMES",
    "has_cifar",
    "is_cifar_binary",
    "is_cifar_python",
    "load_cifar",
    "read_cifar_binary",
    "read_cifar_python",
]

CIFAR10_NAMES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
_SIDE = 32
_PIXELS = 3 * _SIDE * _SIDE
_RECORD = 1 + _PIXELS
_TRAIN_FILES = tuple(f"data_batch_{number}" for number in range(1, 6))
_Arrays = tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]


def read_cifar_binary(path: Path) -> _Arrays:
    """Images (N, 32, 32, 3) uint8 and labels (N,) int64 of one file of the binary version.

    Each record is 3,073 bytes: the label, then the red, green and blue planes of 32x32 row by row.
    Raises `DataError` when the file is missing, empty, not a whole number of records, or has a label above 9.
    """
    try:
        content = plain_bytes(path)
    except OSError as error:
        raise DataError(f"Cannot read '{path}': {error.strerror or error}.") from error
    if not content or len(content) % _RECORD:
        raise DataError(
            f"'{path}' has {len(content)} bytes, which is not a whole number of CIFAR-10 records of {_RECORD} bytes; "
            "it is cut short or damaged, download it again."
        )
    records = np.frombuffer(content, np.uint8).reshape(-1, _RECORD)
    return _images(records[:, 1:]), _labels(records[:, 0], path)


def read_cifar_python(path: Path) -> _Arrays:
    """Images (N, 32, 32, 3) uint8 and labels (N,) int64 of one file of the python version (see `read_plain_pickle`).

    Raises `DataError` when the file is damaged, holds anything but plain data, or lacks `data` or `labels`.
    """
    batch = read_plain_pickle(path)
    data, labels = _entry(batch, "data"), _entry(batch, "labels")
    if not isinstance(data, np.ndarray) or data.dtype != np.uint8 or data.ndim != 2 or data.shape[1] != _PIXELS:
        raise DataError(
            f"'{path}' is not a CIFAR-10 batch: 'data' must be an N x {_PIXELS} array of bytes. Download it again."
        )
    if not isinstance(labels, list) or not all(isinstance(n, int) and 0 <= n < 256 for n in labels):
        raise DataError(
            f"'{path}' is not a CIFAR-10 batch: 'labels' must be a list of class numbers. Download it again."
        )
    if len(labels) != len(data) or not labels:
        raise DataError(
            f"'{path}' holds {len(data)} images and {len(labels)} labels; they must be as many, and at least one."
        )
    return _images(data), _labels(np.asarray(labels), path)


def is_cifar_binary(path: Path) -> bool:
    """Whether the file could be of the binary version: whole records, and labels from 0 to 9 in the first ones."""
    try:
        with open_plain(path) as file:
            size = os.fstat(file.fileno()).st_size
            if size == 0 or size % _RECORD:
                return False
            start = file.read(_RECORD * 16)
    except OSError:
        return False
    return max(start[::_RECORD]) < len(CIFAR10_NAMES)


def is_cifar_python(path: Path) -> bool:
    """Whether the file is named like one of the python version's."""
    return path.name in (*_TRAIN_FILES, "test_batch")


def has_cifar(path: Path) -> bool:
    """Whether the folder holds a training file of either version."""
    return any((path / f"{stem}{suffix}").is_file() for stem in _TRAIN_FILES for suffix in ("", ".bin"))


def load_cifar(path: Path, name: str | None = None) -> Splits:
    """CIFAR-10 from its folder (either version, as many of the five training files as there are), or a single file.

    Raises `DataError` as the readers do, and when the folder holds no training file.
    """
    if path.is_file():
        images, labels = _read(path)
        return Splits(Dataset(images, labels, CIFAR10_NAMES, name or path.stem))
    suffix, files = max(((end, _train_files(path, end)) for end in (".bin", "")), key=lambda found: len(found[1]))
    if not files:
        raise DataError(
            f"Folder '{path}' holds no 'data_batch_1.bin' and no 'data_batch_1'; give the folder with the CIFAR-10 "
            "files."
        )
    batches = [_read(file) for file in files]
    names, title = _class_names(path, suffix), name or path.resolve().name
    test_file = path / f"test_batch{suffix}"
    lacking = [f"{stem}{suffix}" for stem in (*_TRAIN_FILES, "test_batch") if not (path / f"{stem}{suffix}").is_file()]
    notes = (f"Of CIFAR-10's six files this folder lacks {', '.join(lacking)}.",) if lacking else ()
    images, labels = (np.concatenate([batch[place] for batch in batches]) for place in (0, 1))
    train = Dataset(images, labels, names, title, notes)
    test = Dataset(*_read(test_file), names, title, notes) if test_file.is_file() else None
    return Splits(train, None, test)


def _train_files(path: Path, suffix: str) -> list[Path]:
    return [file for stem in _TRAIN_FILES if (file := path / f"{stem}{suffix}").is_file()]


def _read(path: Path) -> _Arrays:
    return read_cifar_python(path) if is_cifar_python(path) else read_cifar_binary(path)


def _images(rows: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    # (N, 3 * 32 * 32) -> (N, 3, 32, 32) -> (N, 32, 32, 3)
    return np.ascontiguousarray(rows.reshape(-1, 3, _SIDE, _SIDE).transpose(0, 2, 3, 1))


def _labels(labels: npt.NDArray[Any], path: Path) -> npt.NDArray[np.int64]:
    if labels.max() >= len(CIFAR10_NAMES):
        raise DataError(
            f"'{path}' has the label {labels.max()}; CIFAR-10's are 0 to 9. It is damaged or another data set."
        )
    return labels.astype(np.int64)


def _entry(batch: Any, key: str) -> Any:
    if not isinstance(batch, dict):
        return None
    return batch.get(key.encode(), batch.get(key))


def _class_names(path: Path, suffix: str) -> tuple[str, ...]:
    """The names in `batches.meta(.txt)` where they are ten, else the official ones."""
    names: list[str] = []
    if suffix and (path / "batches.meta.txt").is_file():
        text = plain_bytes(path / "batches.meta.txt").decode("utf-8-sig", errors="replace")
        names = [line.strip() for line in text.splitlines() if line.strip()]
    elif not suffix and (path / "batches.meta").is_file():
        listed = _entry(read_plain_pickle(path / "batches.meta"), "label_names")
        if isinstance(listed, list):
            names = [n.decode("utf-8", "replace") if isinstance(n, bytes) else str(n) for n in listed]
    return tuple(names) if len(set(names)) == len(CIFAR10_NAMES) == len(names) else CIFAR10_NAMES
