"""A folder of class folders of pictures: the folders' names are the class names."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from glassnet.data.dataset import Dataset, Splits
from glassnet.data.gathering import gather
from glassnet.data.names import checked_names, normal
from glassnet.data.options import ReadOptions
from glassnet.data.pictures import entries, pictures_in
from glassnet.data.readable import readable
from glassnet.data.unread import unread
from glassnet.errors import DataError

__all__ = ["has_class_folders", "load_folder", "part_folders", "part_of", "read_parts", "sub_folders"]

_PARTS = {
    "train": ("train", "training"),
    "valid": ("valid", "val", "validation", "dev"),
    "test": ("test", "testing"),
}
_UNCLEAR = ("eval", "evaluation")  # validation for some, test for others
# Words beside the part's own in names such as `training_set`, `test_images` and `val2017`.
_FILLERS = frozenset({"data", "dataset", "images", "img", "imgs", "photos", "pictures", "set", "split"})


def load_folder(path: Path, options: ReadOptions) -> Splits:
    """Read `path/CLASS/*.png ...`, or `path/train/CLASS/...` with `valid` (or `val`, `dev`) and `test` beside `train`.

    Classes are numbered in the alphabetical order of their folders. Hidden files and files that are not named like
    pictures are passed over; what else is not read is said in the set's notes. Pictures of different sizes are brought
    to one (see `common_size`), and the notes say so.

    Raises
    ------
    DataError
        No class folders; fewer than two; folders named like parts (`train`, `test`) that hold pictures instead of
        class folders; two folders for one part; a class without pictures; a picture that cannot be read (the file is
        named); a class under `valid` or `test` that is not under `train`; class names that look alike.
    """
    roots = part_folders(path)
    classes = _class_folders(roots["train"])
    if among := _parts_among(classes):
        raise DataError(_not_classes(path, among, [folder for folder in classes if folder not in among]))
    names = checked_names([folder.name for folder in classes], f"Data set '{path.resolve().name}'")
    listed = {part: _listed(root, names) for part, root in roots.items()}
    return read_parts(listed, names, path, options)


def read_parts(
    listed: Mapping[str, tuple[list[Path], list[int]]],
    names: tuple[str, ...],
    path: Path,
    options: ReadOptions,
    channels: int = 1,
) -> Splits:
    """The parts of the set in the folder `path` from the picture files and labels `listed` for each, all read at one
    common size, with at least as many `channels`; the notes say what lies there and is not listed.
    """
    everything = [file for files, _ in listed.values() for file in files]
    listed, bad = readable(listed, options)
    images, notes = gather({part: files for part, (files, _) in listed.items()}, options, channels)
    notes += bad
    notes += unread(path, everything)
    name, reading = path.resolve().name, options.chosen_reading
    parts = {
        part: Dataset(images[part], np.asarray(labels, np.int64), names, name, notes, reading, files=files)
        for part, (files, labels) in listed.items()
    }
    return Splits(parts["train"], parts.get("valid"), parts.get("test"))


def sub_folders(path: Path) -> list[Path]:
    """The folders in `path`, in alphabetical order, without hidden ones. Raises `DataError` when it cannot be read."""
    return [p for p in entries(path) if p.is_dir() and not p.name.startswith((".", "__"))]


def part_of(name: str) -> str | None:
    """The part of a set that a folder's name stands for: train, valid, test or eval; None where it is another name."""
    words = [word.removesuffix("set") for word in re.findall("[a-z]+", name.lower())]
    words = [word for word in words if word and word not in _FILLERS]
    known = {word: part for part, spellings in (*_PARTS.items(), ("eval", _UNCLEAR)) for word in spellings}
    return known.get(words[0]) if len(words) == 1 else None


def part_folders(path: Path) -> dict[str, Path]:
    """Where the parts lie: `train`, `valid` and `test` under `path`, or `path` itself as `train`.

    A part's folder holds class folders. Raises `DataError` where two folders stand for one part.
    """
    found: dict[str, list[Path]] = {}
    others = []
    for folder in sub_folders(path):
        part = part_of(folder.name)
        if part is None:
            others.append(folder)
        elif sub_folders(folder):
            found.setdefault(part, []).append(folder)
    if "train" not in found:
        return {"train": path}
    if any(map(pictures_in, found["train"])) and any(map(pictures_in, others)):
        return {"train": path}  # bus, car, train: the class of that name
    for part, folders in found.items():
        if len(folders) > 1:
            both = " and ".join(f"'{folder.name}'" for folder in folders)
            raise DataError(f"Folder '{path}' holds {both}, which both stand for the {part} part; keep one of them.")
    if "eval" in found:
        raise DataError(
            f"'{found['eval'][0]}' may stand for validation or for test; rename it to 'valid' or to 'test'."
        )
    return {part: found[part][0] for part in _PARTS if part in found}


def has_class_folders(path: Path) -> bool:
    """Whether the folder, or its training part, holds two or more class folders with pictures in them."""
    folders = [folder for folder in sub_folders(part_folders(path)["train"]) if pictures_in(folder)]
    return len(folders) >= 2 and not _parts_among(folders)


def _parts_among(folders: list[Path]) -> list[Path]:
    """The class folders that are named like parts. One called `train` beside others may be the class of trains."""
    named = [folder for folder in folders if part_of(folder.name) is not None]
    if len(named) < len(folders) and [normal(folder.name).lower() for folder in named] == ["train"]:
        return []
    return named


def _not_classes(path: Path, parts: list[Path], others: list[Path]) -> str:
    held = ", ".join(f"'{folder.name}' ({_content(folder)})" for folder in parts)
    beside = " beside " + ", ".join(f"'{folder.name}'" for folder in others[:3]) if others else ""
    several = "these are names of parts" if len(parts) > 1 else "that is the name of a part"
    if not others and len(parts) > 1 and all(map(sub_folders, parts)):
        return f"Folder '{path}' holds {held}, parts of a data set, and none to train on; name one of them 'train'."
    return (
        f"Folder '{path}' holds {held}{beside}: {several} of a data set, not of classes. Put one folder of pictures a "
        f"class into each part, as in {path / 'train' / 'CLASS' / 'picture.png'}, or rename or move the folders."
    )


def _content(folder: Path) -> str:
    pictures, inner = len(pictures_in(folder)), len(sub_folders(folder))
    return f"{pictures:,} pictures, no class folders" if not inner else f"{pictures:,} pictures, {inner:,} folders"


def _class_folders(root: Path) -> list[Path]:
    folders = sorted(sub_folders(root), key=lambda folder: normal(folder.name))
    if len(folders) < 2 and not _parts_among(folders):
        found = f"only '{folders[0].name}'" if folders else "none"
        raise DataError(
            f"Folder '{root}' must hold one folder of pictures per class, at least 2. Got {found}; "
            "lay the pictures out as FOLDER/CLASS/picture.png."
        )
    return folders


def _listed(root: Path, names: tuple[str, ...]) -> tuple[list[Path], list[int]]:
    files: list[Path] = []
    labels: list[int] = []
    for folder in _class_folders(root) if root.exists() else []:
        if normal(folder.name) not in names:
            raise DataError(f"Class folder '{folder}' has no counterpart among the training classes; add or rename it.")
        pictures = pictures_in(folder)
        if not pictures:
            raise DataError(f"Class folder '{folder}' holds no pictures; add some or remove the folder.")
        files += pictures
        labels += [names.index(normal(folder.name))] * len(pictures)
    return files, labels
