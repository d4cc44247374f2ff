"""The formats of data sets, in the order in which they are looked for: one list decides what a folder or a file holds.

A format is recognised by content, a file of unknown content by its name. A folder that several formats recognise is
refused, unless one of them goes before the others: text lists before all, class folders before data files that lie
beside them, and ImageNet's way before class folders.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from glassnet.data.cifar import has_cifar, is_cifar_binary, is_cifar_python, load_cifar
from glassnet.data.dataset import Splits, with_notes
from glassnet.data.flowers import has_flowers, load_flowers
from glassnet.data.folder import has_class_folders, load_folder, part_of, sub_folders
from glassnet.data.idx import has_idx, is_idx, load_idx
from glassnet.data.imagenet import has_imagenet, load_imagenet
from glassnet.data.lists import has_lists, load_lists
from glassnet.data.mat import has_mat, is_mat, load_mat
from glassnet.data.options import ReadOptions
from glassnet.data.pictures import is_picture_name
from glassnet.data.unread import unread
from glassnet.errors import DataError
from glassnet.files import open_plain

__all__ = ["FORMATS", "Format", "format_of_file", "format_of_folder"]


def _never(path: Path) -> bool:
    return False


@dataclass(frozen=True)
class Format:
    """One format of data sets.

    Attributes
    ----------
    name : str
        What it is called in messages.
    recognises : callable
        Whether a folder holds it.
    open : callable
        Reads a folder or file of it.
    takes_image_size : bool
        Whether it is made of picture files, which an image size and a reading apply to.
    is_file : callable
        Whether the content of a file is of this format.
    names_file : callable
        Whether a file of unknown content is called as this format's are.
    before : tuple of str
        Names of the formats that give way to this one; "*" for all.
    """

    name: str
    recognises: Callable[[Path], bool]
    open: Callable[[Path, ReadOptions], Splits]
    takes_image_size: bool = False
    is_file: Callable[[Path], bool] = _never
    names_file: Callable[[Path], bool] = _never
    before: tuple[str, ...] = ()


def _data_files(name: str, load: Callable[[Path], Splits]) -> Callable[[Path, ReadOptions], Splits]:
    """How data files are read: as they are, and with a word on what else lies in their folder."""

    def open_them(path: Path, options: ReadOptions) -> Splits:
        options.refuse_size(str(path))
        return with_notes(load(path), unread(path, used_kind=name)) if path.is_dir() else load(path)

    return open_them


_CLASS_FOLDERS = Format(
    "class folders", has_class_folders, load_folder, takes_image_size=True, before=("CIFAR-10", "IDX", "MATLAB")
)
_IDX = Format(
    "IDX", has_idx, _data_files("IDX", load_idx), is_file=is_idx, names_file=lambda path: "-ubyte" in path.name
)

FORMATS: tuple[Format, ...] = (
    Format("text lists", has_lists, load_lists, takes_image_size=True, before=("*",)),
    Format("Flowers-17", has_flowers, load_flowers, takes_image_size=True),
    Format("ImageNet", has_imagenet, load_imagenet, takes_image_size=True, before=("class folders",)),
    _CLASS_FOLDERS,
    # The first bytes of an IDX file may begin a CIFAR-10 record, which fewer files look like: it is asked first.
    Format(
        "CIFAR-10",
        has_cifar,
        _data_files("CIFAR-10", load_cifar),
        is_file=lambda path: is_cifar_python(path) or is_cifar_binary(path),
        names_file=lambda path: path.suffix.lower() == ".bin",
    ),
    _IDX,
    Format(
        "MATLAB",
        has_mat,
        _data_files("MATLAB", load_mat),
        is_file=is_mat,
        names_file=lambda path: path.suffix.lower() == ".mat",
    ),
)


def format_of_folder(path: Path) -> tuple[Path, Format]:
    """(folder, its format): the folder named, or torchvision's `raw` within it; class folders where none is recognised.

    Raises
    ------
    DataError
        It can be read in two ways, may not be read, or another folder within it holds the set.
    """
    found = _recognised(path)
    if found is not None:
        return path, found
    below = sub_folders(path)
    inner = [folder for one in below for folder in (one, *_folders(one)) if _holds_set(folder)]
    if len(inner) == 1 and inner[0].name == "raw" and has_idx(inner[0]):
        return inner[0], _IDX
    if inner and not any(part_of(folder.name) for folder in below):
        named = " and ".join(f"'{folder}'" for folder in inner[:2])
        raise DataError(
            f"'{path}' itself holds no data set, but {named}{' and more' if len(inner) > 2 else ''} "
            f"{'does; name that folder' if len(inner) == 1 else 'do; name one of them'}."
        )
    return path, _CLASS_FOLDERS


def format_of_file(path: Path) -> Format:
    """The format of a single file, by its content, else by its name. Raises `DataError` where it is of none."""
    try:
        open_plain(path).close()
    except OSError as error:
        raise DataError(f"Cannot read '{path}': {error.strerror or error}.") from error
    found = next((one for one in FORMATS if one.is_file(path)), None)
    found = found or next((one for one in FORMATS if one.names_file(path)), None)
    if found is not None:
        return found
    what = (
        "a single picture; give a folder with one folder of pictures per class"
        if is_picture_name(path)
        else "of no known kind"
    )
    raise DataError(f"'{path}' is {what}. Read are IDX (MNIST), CIFAR-10 and MATLAB 5 files, and folders of pictures.")


def _recognised(path: Path) -> Format | None:
    """What a folder itself holds, or None. Raises `DataError` when it can be read in two ways."""
    found: list[Format] = []
    for one in FORMATS:
        if one.recognises(path):
            if one.before == ("*",):
                return one
            found.append(one)
    left = [one for one in found if not any(one.name in other.before for other in found)]
    if len(left) > 1:
        names = " or as ".join(one.name for one in left)
        raise DataError(f"Folder '{path}' can be read as {names}; move one of them elsewhere or name its own files.")
    return left[0] if left else None


def _holds_set(path: Path) -> bool:
    try:
        return _recognised(path) is not None
    except DataError:  # of two kinds, or unreadable
        return False


def _folders(path: Path) -> list[Path]:
    try:
        return sub_folders(path)
    except DataError:  # it may not be looked into
        return []
