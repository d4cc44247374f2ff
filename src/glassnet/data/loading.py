"""From what a user names (a folder, a file or a known set) to training, validation and test parts."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from pathlib import Path

from glassnet.data.catalogue import known, place_of
from glassnet.data.cifar import has_cifar, is_cifar_binary, is_cifar_python, load_cifar
from glassnet.data.dataset import Dataset, Splits, join, with_notes
from glassnet.data.digits import load_digits
from glassnet.data.flowers import has_flowers, load_flowers
from glassnet.data.folder import has_class_folders, load_folder, part_of, sub_folders
from glassnet.data.idx import has_idx, is_idx, load_idx
from glassnet.data.imagenet import has_imagenet, load_imagenet
from glassnet.data.letters36 import load_letters36
from glassnet.data.lists import has_lists, load_lists
from glassnet.data.mat import has_mat, is_mat, load_mat
from glassnet.data.pictures import is_picture_name
from glassnet.data.reading import STRETCHED, Reading
from glassnet.data.split import hold_out
from glassnet.data.unread import unread
from glassnet.errors import DataError
from glassnet.files import exists, open_plain

__all__ = ["holds_picture_files", "load"]

_WITH_PICTURES = ("flowers17", "sun8", "imagenet-samples")


def load(
    data: str | Path,
    *,
    image_size: tuple[int, int] | None = None,
    reading: Reading | None = None,
    validation: float | int | None = None,
    seed: int = 0,
) -> Splits:
    """Read a data set.

    Parameters
    ----------
    data : a folder or file if it exists, else the name of a known set (see `glassnet.data.CATALOGUE`). The kind of a
        folder or file is found by its content: IDX (MNIST, EMNIST), CIFAR-10 binary or python version, MATLAB 5
        characters, text lists, Flowers-17, photographs in ImageNet's way, or one folder of pictures a class. Text lists
        come first, then class folders; a folder that holds several of the others is refused.
    image_size : (H, W) for sets of pictures; without it the size they share, or 32x32 (the notes say so), and 224x224
        for ImageNet's
    reading : how pictures come to that size; None is `stretch`, and the way of ImageNet for its photographs where no
        size is given either
    validation : how much of the training part to hold out, stratified: a fraction, a count, or 0 for none. A
        validation part of the set's own goes back into training first. None keeps the set as it comes.
    seed : of the held-out part

    Raises
    ------
    DataError
        Nothing there and no such name (the nearest one is suggested); a known set that is not on this machine;
        whatever is wrong with the files.
    """
    if image_size is not None and (len(image_size) != 2 or min(image_size) < 1 or max(image_size) > 4096):
        raise DataError(f"An image size is H W, each from 1 to 4096. Got {tuple(image_size)} instead.")
    if reading is not None and image_size is None:
        raise DataError("A reading brings pictures to an image size; give that size as well.")
    here = exists(data)
    splits = _from_path(Path(data), image_size, reading) if here else _from_catalogue(str(data), image_size, reading)
    return splits if validation is None else _with_validation(splits, validation, seed)


def holds_picture_files(data: str | Path) -> bool:
    """Whether a set, named as for `load`, is made of picture files, which an image size and a reading apply to.

    Raises `DataError` when a folder cannot be read, or in two ways.
    """
    path = Path(data)
    if not exists(data):
        return str(data) in _WITH_PICTURES
    return path.is_dir() and _resolved(path)[1] not in _OF_FILES


def _from_catalogue(name: str, image_size: tuple[int, int] | None, reading: Reading | None) -> Splits:
    known(name)
    if name not in _WITH_PICTURES:
        _refuse_size(name, image_size)
    path = place_of(name)
    if name == "digits":
        return load_digits()
    if name == "mnist":
        return load_idx(path, name)
    if name == "cifar10":
        return load_cifar(path, name)
    if name in ("nist36", "nist26"):
        return load_mat(path, name)
    if name == "letters36":
        return load_letters36(path)
    if name == "hand-printed":  # made by the reader's pen, a room above this one
        made: Splits = importlib.import_module("glassnet.reader.characters").load_characters(seed=0)
        return made
    return _load_pictures(path, image_size, reading)


def _from_path(path: Path, image_size: tuple[int, int] | None, reading: Reading | None) -> Splits:
    if path.is_dir():
        return _from_folder(path, image_size, reading)
    _refuse_size(str(path), image_size)
    try:
        open_plain(path).close()
    except OSError as error:
        raise DataError(f"Cannot read '{path}': {error.strerror or error}.") from error
    if is_mat(path) or path.suffix.lower() == ".mat":
        return load_mat(path)
    if is_cifar_python(path) or is_cifar_binary(path):
        return load_cifar(path)
    if is_idx(path) or "-ubyte" in path.name:
        return load_idx(path)
    if path.suffix.lower() == ".bin":
        return load_cifar(path)
    what = (
        "a single picture; give a folder with one folder of pictures a class"
        if is_picture_name(path)
        else "of no known kind"
    )
    raise DataError(f"'{path}' is {what}. Read are IDX (MNIST), CIFAR-10 and MATLAB 5 files, and folders of pictures.")


_OF_FILES: dict[str, tuple[Callable[[Path], bool], Callable[[Path], Splits]]] = {
    "IDX": (has_idx, load_idx),
    "CIFAR-10": (has_cifar, load_cifar),
    "MATLAB": (has_mat, load_mat),
}
_OF_PICTURES: dict[str, Callable[[Path], bool]] = {"Flowers-17": has_flowers, "ImageNet": has_imagenet}


def _kind(path: Path) -> str | None:
    """What a folder holds, from all that is there; None for nothing that is known.

    Raises `DataError` when it can be read in two ways, or may not be read.
    """
    if has_lists(path):
        return "lists"
    found = [kind for kind, recognises in _OF_PICTURES.items() if recognises(path)]
    if not has_class_folders(path):
        found += [kind for kind, (recognises, _) in _OF_FILES.items() if recognises(path)]
    elif "ImageNet" not in found:  # data files beside class folders are left out, and the notes say so
        found.append("class folders")
    if len(found) > 1:
        raise DataError(
            f"Folder '{path}' can be read as {' or as '.join(found)}; move one of them elsewhere or name its own files."
        )
    return found[0] if found else None


def _resolved(path: Path) -> tuple[Path, str | None]:
    """(folder, what it holds): the folder named, or torchvision's `raw` within it.

    Raises `DataError` where another folder within it holds the set.
    """
    kind = _kind(path)
    if kind is not None:
        return path, kind
    below = sub_folders(path)
    inner = [folder for one in below for folder in (one, *_folders(one)) if _holds_set(folder)]
    if len(inner) == 1 and inner[0].name == "raw" and has_idx(inner[0]):
        return inner[0], "IDX"
    if inner and not any(part_of(folder.name) for folder in below):
        named = " and ".join(f"'{folder}'" for folder in inner[:2])
        raise DataError(
            f"'{path}' itself holds no data set, but {named}{' and more' if len(inner) > 2 else ''} "
            f"{'does; name that folder' if len(inner) == 1 else 'do; name one of them'}."
        )
    return path, None


def _folders(path: Path) -> list[Path]:
    try:
        return sub_folders(path)
    except DataError:  # it may not be looked into
        return []


def _holds_set(path: Path) -> bool:
    try:
        return _kind(path) is not None
    except DataError:  # of two kinds, or unreadable
        return False


def _from_folder(path: Path, image_size: tuple[int, int] | None, reading: Reading | None) -> Splits:
    folder, kind = _resolved(path)
    if kind not in _OF_FILES:
        return _load_pictures(path, image_size, reading)
    _refuse_size(str(path), image_size)
    return with_notes(_OF_FILES[kind][1](folder), unread(folder, used_kind=kind))


def _load_pictures(path: Path, image_size: tuple[int, int] | None, reading: Reading | None) -> Splits:
    """A folder of picture files, by its layout."""
    if has_lists(path):  # the same order as in `_kind`
        return load_lists(path, image_size, reading or STRETCHED)
    if has_flowers(path):
        return load_flowers(path, image_size, reading or STRETCHED)
    if has_imagenet(path):
        return load_imagenet(path, image_size, reading)
    return load_folder(path, image_size, reading or STRETCHED)


def _refuse_size(name: str, image_size: tuple[int, int] | None) -> None:
    if image_size is not None:
        h, w = image_size
        raise DataError(
            f"An image size applies to picture files; '{name}' has its own. Use the preprocessing step 'resize {h} "
            f"{w}'."
        )


def _with_validation(splits: Splits, size: float | int, seed: int) -> Splits:
    whole: Dataset = splits.train if splits.valid is None else join(splits.train, splits.valid)
    if not isinstance(size, bool) and size == 0:
        return Splits(whole, None, splits.test)
    train, valid = hold_out(whole, size, seed)
    return Splits(train, valid, splits.test)
