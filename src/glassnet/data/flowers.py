"""Oxford Flowers-17: 80 numbered photographs a class in one folder (Nilsback and Zisserman, CVPR 2006)."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from glassnet.data.dataset import Dataset, Splits
from glassnet.data.gathering import gather
from glassnet.data.options import ReadOptions
from glassnet.data.pictures import entries, pictures_in
from glassnet.data.readable import readable
from glassnet.data.split import split
from glassnet.data.unread import unread
from glassnet.errors import DataError

__all__ = ["FLOWER_NAMES", "has_flowers", "load_flowers"]

# In the order of the image numbers: the first 80 photographs are daffodils.
FLOWER_NAMES = (
    "daffodil", "snowdrop", "lily of the valley", "bluebell", "crocus", "iris", "tigerlily", "tulip", "fritillary",
    "sunflower", "daisy", "coltsfoot", "dandelion", "cowslip", "buttercup", "windflower", "pansy",
)  # fmt: skip
_PER_CLASS = 80
_FILE = re.compile(r"image_(\d{4})\.jpe?g", re.IGNORECASE)
_LAST = _PER_CLASS * len(FLOWER_NAMES)
_SPLIT_NOTE = (
    "Split 40 / 20 / 20 photographs a class by a fixed seed, as large as the three official splits but not one of them."
)


def _folder(path: Path) -> Path:
    return path / "jpg" if (path / "jpg").is_dir() else path


def has_flowers(path: Path) -> bool:
    """Whether the folder, or `jpg` in it, holds `image_0001.jpg` and `image_1360.jpg`, and no other kind of picture.

    Cameras and programs call their pictures so as well, from 1 to anywhere.
    """
    folder = _folder(path)
    if not all((folder / f"image_{number:04d}.jpg").is_file() for number in (1, _LAST)):
        return False
    numbers = [_FILE.fullmatch(picture.name) for picture in pictures_in(folder)]
    return all(match is not None and 1 <= int(match[1]) <= _LAST for match in numbers)


def load_flowers(path: Path, options: ReadOptions) -> Splits:
    """Read `jpg/image_0001.jpg` to `image_1360.jpg`: class = (number - 1) // 80. RGB, sizes as `common_size` says.

    Raises `DataError` when no numbered photograph is there or one cannot be read.
    """
    folder = _folder(path)
    found = sorted((int(m[1]), p) for p in entries(folder) if (m := _FILE.fullmatch(p.name)))
    files = [(n, p) for n, p in found if 1 <= n <= _LAST]
    if not files:
        raise DataError(f"Folder '{folder}' holds no 'image_0001.jpg' to 'image_1360.jpg'; unpack 17flowers.tgz there.")
    paths = [path for _, path in files]
    listed, bad = readable({"all": (paths, [(n - 1) // _PER_CLASS for n, _ in files])}, options)
    images, notes = gather({"all": listed["all"][0]}, options)
    labels = np.asarray(listed["all"][1], np.int64)
    notes = (*notes, *bad, _SPLIT_NOTE, *unread(path, paths))
    whole = Dataset(images["all"], labels, FLOWER_NAMES, "flowers17", notes, options.chosen_reading)
    return split(whole, (0.5, 0.25, 0.25), seed=0)
