"""The NIST36 and NIST26 character sets of Carnegie Mellon's course 16-720, as MATLAB 5 files."""

from __future__ import annotations

import re
import string
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from glassnet.data.dataset import Dataset, Splits
from glassnet.data.matlab5 import read_matlab5
from glassnet.errors import DataError
from glassnet.files import open_plain

__all__ = ["LETTERS", "has_mat", "is_mat", "load_mat"]

LETTERS = tuple(string.ascii_uppercase + string.digits)
_PARTS = ("train", "valid", "test")
_FILE = re.compile(r"(?P<set>.+)_(?P<part>train|valid|test)\.mat", re.IGNORECASE)


def is_mat(path: Path) -> bool:
    """Whether the file begins like a MATLAB 5 file, or at least like some MATLAB file."""
    try:
        with open_plain(path) as file:
            start = file.read(128)
    except OSError:
        return False
    return start.startswith(b"MATLAB") or (len(start) == 128 and start[124:] in (b"\0\1IM", b"\1\0MI"))


def has_mat(path: Path) -> bool:
    """Whether the folder holds files named `..._train.mat`, `..._valid.mat` or `..._test.mat`."""
    return any(_FILE.fullmatch(p.name) for p in path.glob("*.mat"))


def load_mat(path: Path, which: str | None = None) -> Splits:
    """Read `train_data` and `train_labels` (and `valid_*`, `test_*`) from one file or from three in a folder.

    A row of `*_data` is a square image **column by column**, so it is reshaped and transposed:
    (N, 1024) -> (N, 32, 32) -> (N, 32, 32, 1), float32 in about 0..1, ink dark (0) on white (1). `*_labels` is one-hot
    (N, K); 26 classes are called A to Z, 36 A to Z and 0 to 9, others by numbers. Where there is no training part
    the first part there is takes its place, and the notes say so.

    Parameters
    ----------
    which : str, optional
        "nist36" or "nist26": which files of a folder; needed when a folder holds several sets.

    Raises
    ------
    DataError
        A file is missing, damaged, not in MATLAB 5 format; data and labels that do not fit; pixels that are not finite.
    """
    arrays: dict[str, tuple[npt.NDArray[Any], npt.NDArray[np.int64], int]] = {}
    for file in _files(path, which) if path.is_dir() else [path]:
        found = _read(file)
        if twice := arrays.keys() & found.keys():
            raise DataError(
                f"'{file}' holds '{min(twice)}_data', as another file of the folder does; keep one of them."
            )
        arrays |= found
    title = which or (path.resolve().name if path.is_dir() else path.stem)
    classes = max(count for _, _, count in arrays.values())
    names = LETTERS[:classes] if classes in (26, 36) else tuple(str(k) for k in range(classes))
    notes: tuple[str, ...] = ()
    if "train" not in arrays:
        first = next(part for part in _PARTS if part in arrays)
        arrays["train"] = arrays.pop(first)
        notes = (f"There is no training part; '{first}_data' was taken in its place.",)
    parts = {part: Dataset(images, labels, names, title, notes) for part, (images, labels, _) in arrays.items()}
    return Splits(parts["train"], parts.get("valid"), parts.get("test"))


def _files(folder: Path, which: str | None) -> list[Path]:
    matches = [(m["set"].lower(), p) for p in sorted(folder.glob("*.mat")) if (m := _FILE.fullmatch(p.name))]
    sets = sorted({name for name, _ in matches})
    if which is not None:
        return (
            [p for name, p in matches if name == which] or sorted(folder.glob(f"{which}*.mat")) or _none(folder, which)
        )
    if len(sets) > 1:
        raise DataError(
            f"Folder '{folder}' holds several sets ({', '.join(sets)}); name one file, or move one set elsewhere."
        )
    return [p for _, p in matches] or _none(folder, "NAME")


def _none(folder: Path, which: str) -> list[Path]:
    raise DataError(f"Folder '{folder}' holds no '{which}_train.mat'; put the .mat files there.")


def _read(path: Path) -> dict[str, tuple[npt.NDArray[Any], npt.NDArray[np.int64], int]]:
    wanted = [f"{part}_{kind}" for part in _PARTS for kind in ("data", "labels")]
    contents = read_matlab5(path, wanted)
    found = {}
    for part in _PARTS:
        data, labels = contents.get(f"{part}_data"), contents.get(f"{part}_labels")
        if data is None and labels is None:
            continue
        if data is None or labels is None:
            missing = "data" if data is None else "labels"
            raise DataError(f"'{path}' lacks '{part}_{missing}', which belongs to the other half of its {part} part.")
        found[part] = (_images(data, path, part), *_one_hot(labels, len(data), path, part))
    if not found:
        raise DataError(f"'{path}' holds none of {', '.join(wanted[::2])}; it is not a file of this character set.")
    return found


def _images(data: Any, path: Path, part: str) -> npt.NDArray[Any]:
    array = np.asarray(data)
    side = round(array.shape[1] ** 0.5) if array.ndim == 2 else 0
    if array.dtype.kind not in "fui" or array.ndim != 2 or 0 in array.shape or side * side != array.shape[1]:
        raise DataError(
            f"'{part}_data' in '{path}' must hold one square image a row, such as (N, 1024). "
            f"Got {array.dtype} with shape {array.shape} instead."
        )
    # Row by row in memory are the columns of the image: (N, column, row) -> (N, row, column, 1).
    images = array.reshape(-1, side, side).transpose(0, 2, 1)[..., None]
    if array.dtype == np.uint8 and array.max() > 1:
        return np.ascontiguousarray(images)
    # float64 of any size goes into float32 as infinity at worst, and that is refused with the other pixels.
    with np.errstate(over="ignore", invalid="ignore"):
        return np.ascontiguousarray(images, dtype=np.float32)


def _one_hot(labels: Any, count: int, path: Path, part: str) -> tuple[npt.NDArray[np.int64], int]:
    array = np.asarray(labels)
    if array.ndim != 2 or array.dtype.kind not in "fuib" or array.shape[0] != count or array.shape[1] < 2:
        raise DataError(
            f"'{part}_labels' in '{path}' must be one-hot with a row for each of {count} images. "
            f"Got {array.dtype} with shape {array.shape} instead."
        )
    ones = array == 1
    if not (((array == 0) | ones).all() and (ones.sum(axis=1) == 1).all()):
        raise DataError(f"'{part}_labels' in '{path}' must hold a single 1 and else 0 in every row; it is damaged.")
    return ones.argmax(axis=1).astype(np.int64), array.shape[1]
