"""Data sets given as text lists: one file of picture paths and one of labels for each part."""

from __future__ import annotations

from pathlib import Path

from glassnet.data.dataset import Splits
from glassnet.data.folder import read_parts
from glassnet.data.options import ReadOptions
from glassnet.errors import DataError
from glassnet.files import plain_text

__all__ = ["has_lists", "load_lists"]

_PARTS = ("train", "valid", "test")


def has_lists(path: Path) -> bool:
    """Whether the folder holds `train_files.txt`."""
    return (path / "train_files.txt").is_file()


def load_lists(path: Path, options: ReadOptions) -> Splits:
    """Read a folder with `train_files.txt`, `train_labels.txt`, optionally `valid_*` and `test_*`, and
    `class_names.txt`.

    A files list names one picture per line, relative to the folder and inside it; a labels list gives that picture's
    class, counted from 0, on the same line. Without `class_names.txt` the classes are called by their numbers.

    Raises
    ------
    DataError
        A list is missing, not text, of another length than its companion; a label is not a class; a picture is missing,
        outside the folder or cannot be read.
    """
    listed = {part: _listed(path, part) for part in _PARTS if part == "train" or (path / f"{part}_files.txt").is_file()}
    names = _names(path, max(max(labels) for _, labels in listed.values()))
    return read_parts(listed, names, path, options)


def _lines(file: Path) -> list[str]:
    try:
        text = plain_text(file)
    except OSError as error:
        raise DataError(f"Cannot read the list '{file}': {error.strerror or error}.") from error
    except UnicodeDecodeError as error:
        raise DataError(f"The list '{file}' is not UTF-8 text; write one entry a line.") from error
    return [line.strip() for line in text.split("\n") if line.strip()]


def _listed(path: Path, part: str) -> tuple[list[Path], list[int]]:
    names, words = _lines(path / f"{part}_files.txt"), _lines(path / f"{part}_labels.txt")
    if len(names) != len(words) or not names:
        raise DataError(
            f"'{path / f'{part}_files.txt'}' names {len(names)} pictures, '{part}_labels.txt' has {len(words)} labels; "
            "there must be one label per picture, and at least one."
        )
    labels: list[int] = []
    for line, word in enumerate(words, start=1):
        if not (word.isascii() and word.isdigit() and len(word) < 7):
            raise DataError(
                f"Line {line} of '{path / f'{part}_labels.txt'}' must be a class number from 0. Got '{word[:40]}' "
                "instead."
            )
        labels.append(int(word))
    return [_inside(path, name, part) for name in names], labels


def _inside(path: Path, name: str, part: str) -> Path:
    file = path / name
    try:
        fits = file.resolve().is_relative_to(path.resolve())
        exists = file.is_file()
    except (OSError, ValueError):  # a name too long or with a NUL
        fits = exists = False
    if not fits or not exists:
        problem = "lies outside the folder" if exists else "does not exist"
        raise DataError(
            f"The list '{path / f'{part}_files.txt'}' names '{name[:200]}', which {problem}; correct the list."
        )
    return file


def _names(path: Path, highest: int) -> tuple[str, ...]:
    file = path / "class_names.txt"
    if not file.is_file():
        return tuple(str(number) for number in range(highest + 1))
    names = tuple(_lines(file))
    if highest >= len(names):
        raise DataError(
            f"'{file}' names {len(names)} classes (0 to {len(names) - 1}), but a label is {highest}; add the names."
        )
    return names
