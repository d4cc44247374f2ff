"""A folder of class folders of pictures: the folders' names are the class names."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from glassnet.data.dataset import Dataset, Splits
from glassnet.data.pictures import common_size, entries, picture_info, pictures_in, read_pictures
from glassnet.data.reading import STRETCHED, Reading
from glassnet.errors import DataError

__all__ = ["load_folder", "part_folders", "read_parts", "sub_folders"]

_PARTS = {"train": ("train",), "valid": ("valid", "val", "validation"), "test": ("test",)}


def load_folder(path: Path, image_size: tuple[int, int] | None = None, reading: Reading = STRETCHED) -> Splits:
    """Read `path/CLASS/*.png ...`, or `path/train/CLASS/...` with `valid` (or `val`) and `test` beside `train`.

    Classes are numbered in the alphabetical order of their folders. Hidden files and files that are not named like
    pictures are passed over. Pictures of different sizes are brought to one (see `common_size`), and the set's
    notes say so.

    Raises
    ------
    DataError
        No class folders; fewer than two; a class without pictures; a picture that cannot be read (the file is named);
        a class under `valid` or `test` that is not under `train`.
    """
    roots = part_folders(path)
    names = tuple(folder.name for folder in _class_folders(roots["train"]))
    listed = {part: _listed(root, names) for part, root in roots.items()}
    return read_parts(listed, names, path.resolve().name, image_size, reading)


def read_parts(
    listed: Mapping[str, tuple[list[Path], list[int]]],
    names: tuple[str, ...],
    name: str,
    image_size: tuple[int, int] | None,
    reading: Reading = STRETCHED,
) -> Splits:
    """The parts of a set from the picture files and labels `listed` for each, all read at one common size."""
    infos = [picture_info(file) for files, _ in listed.values() for file in files]
    shape, notes = common_size(infos, image_size)
    parts = {
        part: Dataset(read_pictures(files, shape, reading), np.asarray(labels, np.int64), names, name, notes, reading)
        for part, (files, labels) in listed.items()
    }
    return Splits(parts["train"], parts.get("valid"), parts.get("test"))


def sub_folders(path: Path) -> list[Path]:
    """The folders in `path`, in alphabetical order, without hidden ones. Raises `DataError` when it cannot be read."""
    return [p for p in entries(path) if p.is_dir() and not p.name.startswith((".", "__"))]


def part_folders(path: Path) -> dict[str, Path]:
    """Where the parts lie: `train`, `valid` and `test` under `path`, or `path` itself as `train`."""
    found = {folder.name.lower(): folder for folder in sub_folders(path)}
    roots = {
        part: found[word]
        for part, words in _PARTS.items()
        for word in words
        if word in found and sub_folders(found[word])
    }
    return roots if "train" in roots else {"train": path}


def _class_folders(root: Path) -> list[Path]:
    folders = sub_folders(root)
    if len(folders) < 2:
        found = f"only '{folders[0].name}'" if folders else "none"
        raise DataError(
            f"Folder '{root}' must hold one folder of pictures a class, at least 2. Got {found}; "
            "lay the pictures out as FOLDER/CLASS/picture.png."
        )
    return folders


def _listed(root: Path, names: tuple[str, ...]) -> tuple[list[Path], list[int]]:
    files: list[Path] = []
    labels: list[int] = []
    for folder in _class_folders(root) if root.exists() else []:
        if folder.name not in names:
            raise DataError(f"Class folder '{folder}' has no counterpart among the training classes; add or rename it.")
        pictures = pictures_in(folder)
        if not pictures:
            raise DataError(f"Class folder '{folder}' holds no pictures; add some or remove the folder.")
        files += pictures
        labels += [names.index(folder.name)] * len(pictures)
    return files, labels
