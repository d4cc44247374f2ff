"""Photographs in ImageNet's way: named by WordNet ids, their classes numbered by an index file beside them.

Two layouts are read, alone or under `train`, `val` (or `valid`) and `test`:

    FOLDER/n01440764/ILSVRC2012_val_00000293.JPEG       ImageNet's own: a folder for each WordNet id
    FOLDER/n01440764_tench.JPEG                         flat: the id begins the file's name

The index, `imagenet_class_index.json` (`{"0": ["n01440764", "tench"], ...}`), gives the order of the classes that
networks trained on ImageNet have; it lies in the folder or the one above it. All its classes are the set's classes,
whether or not they have a photograph. Names are not unique there ('crane' is a bird and a machine): one that occurs
twice has its WordNet id added.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from glassnet.data.dataset import Splits
from glassnet.data.folder import part_folders, read_parts, sub_folders
from glassnet.data.options import ReadOptions
from glassnet.data.pictures import pictures_in
from glassnet.data.reading import Reading
from glassnet.errors import DataError
from glassnet.files import plain_text

__all__ = ["CLASS_INDEX", "IMAGENET_READING", "IMAGENET_SIZE", "ClassIndex", "find_class_index", "has_imagenet",
           "has_imagenet_samples", "load_imagenet"]  # fmt: skip

CLASS_INDEX = "imagenet_class_index.json"
IMAGENET_SIZE = (224, 224)
IMAGENET_READING = Reading(shortest_side=256)

_ID = re.compile(r"n\d{8}(?![0-9])")


def are_wordnet_ids(names: Iterable[str]) -> bool:
    """Whether all names are WordNet ids such as n01440764, and nothing else."""
    return all(re.fullmatch(r"n\d{8}", name) for name in names)


@dataclass(frozen=True)
class ClassIndex:
    """Classes in the order of a network's scores: their WordNet ids, and names that differ from each other.

    Examples
    --------
    >>> from glassnet.data import ClassIndex
    >>> ClassIndex(("n02124075",), ("Egyptian cat",)).names
    ('Egyptian cat',)
    """

    ids: tuple[str, ...]
    names: tuple[str, ...]

    @classmethod
    def read(cls, file: Path) -> ClassIndex:
        """Read `{"0": [WordNet id, name], "1": ...}`, counted from 0 without gaps. Raises `DataError`."""
        try:
            entries = json.loads(plain_text(file))
            pairs = [entries[str(number)] for number in range(len(entries))]
            ids = tuple(str(wordnet) for wordnet, _ in pairs)
            words = [str(word).replace("_", " ") for _, word in pairs]
        except OSError as error:
            raise DataError(f"Cannot read the class index '{file}': {error.strerror or error}.") from error
        except (ValueError, LookupError, TypeError, RecursionError) as error:
            raise DataError(
                f"The class index '{file}' must be JSON of the form"
                ' {"0": ["n01440764", "tench"], ...}, counted without gaps; use another copy.'
            ) from error
        if len(set(ids)) < len(ids) or len(ids) < 2 or not all(_ID.fullmatch(wordnet) for wordnet in ids):
            raise DataError(f"The class index '{file}' must hold 2 or more WordNet ids (n01440764), each once.")
        often = Counter(words)
        names = (f"{w} ({i})" if often[w] > 1 else w for i, w in zip(ids, words, strict=True))
        return cls(ids, tuple(names))


def find_class_index(folders: Iterable[Path]) -> ClassIndex | None:
    """The index in the first of the folders that has one, or None. Raises `DataError` where it cannot be read.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from glassnet.data import find_class_index
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder, "imagenet_class_index.json")
    ...     _ = file.write_text('{"0": ["n01440764", "tench"], "1": ["n01443537", "goldfish"]}')
    ...     find_class_index([Path(folder)]).names
    ('tench', 'goldfish')
    """
    for folder in folders:
        try:
            present = (folder / CLASS_INDEX).is_file()
        except OSError:  # a folder that may not be read is one without it
            continue
        if present:
            return ClassIndex.read(folder / CLASS_INDEX)
    return None


def has_imagenet(path: Path) -> bool:
    """Whether the folder holds photographs named by WordNet ids, or a folder for each id and the index beside them.

    Without the index, folders named by WordNet ids are class folders like any others.
    """
    roots = _roots(path).values()
    if any(_has_folders(root) for root in roots):
        return any((folder / CLASS_INDEX).is_file() for folder in _beside(path))
    return any(_has_flat(root) for root in roots)


def has_imagenet_samples(path: Path) -> bool:
    """Whether the folder holds photographs named by WordNet ids, and their index."""
    return has_imagenet(path) and any((folder / CLASS_INDEX).is_file() for folder in _beside(path))


def has_wordnet_folders(path: Path) -> bool:
    """Whether all folders of a set, or of its parts, are named by WordNet ids, with or without an index beside them."""
    return path.is_dir() and any(_has_folders(root) for root in _roots(path).values())


def load_imagenet(path: Path, options: ReadOptions) -> Splits:
    """Read photographs in ImageNet's way, as RGB.

    Without an image size they are read as networks are evaluated on ImageNet: the 224x224 pixels in the middle of a
    picture whose shortest side is 256. With one, they are read by `reading` (stretched, unless told).

    Raises
    ------
    DataError
        No class index; it cannot be read; no photographs; one whose name begins with no WordNet id, or with one that
        the index does not have; a picture that cannot be read.
    """
    index = find_class_index(_beside(path))
    if index is None:
        raise DataError(
            f"'{path}' holds photographs named by WordNet ids, but no '{CLASS_INDEX}' that gives their classes; put"
            " that file into the folder."
        )
    if options.image_size is None:
        options = replace(options, image_size=IMAGENET_SIZE, reading=IMAGENET_READING)
    listed = {part: _listed(root, index) for part, root in _roots(path).items()}
    return read_parts(listed, index.names, path, options, channels=3)


def _beside(path: Path) -> tuple[Path, Path]:
    """Where the index of a folder may lie."""
    return path, path.resolve().parent


def _roots(path: Path) -> dict[str, Path]:
    """Where the parts lie; a validation or test part without a training part stands alone."""
    roots = part_folders(path)
    if roots == {"train": path}:
        alone = [folder for folder in sub_folders(path) if folder.name in ("val", "valid", "validation", "test")]
        if len(alone) == 1 and _has_folders(alone[0]):
            return {"train": alone[0]}
    return roots


def _has_folders(root: Path) -> bool:
    folders = sub_folders(root)
    return bool(folders) and all(_ID.fullmatch(folder.name) for folder in folders)


def _has_flat(root: Path) -> bool:
    return not sub_folders(root) and any(_ID.match(p.name) for p in pictures_in(root))


def _listed(root: Path, index: ClassIndex) -> tuple[list[Path], list[int]]:
    """The photographs of a part and their labels, in the order of their names."""
    numbers = {wordnet: number for number, wordnet in enumerate(index.ids)}
    files: list[Path] = []
    labels: list[int] = []
    for folder in [root, *sub_folders(root)]:
        for picture in pictures_in(folder):
            found = _ID.match(picture.name if folder == root else folder.name)
            if found is None or found[0] not in numbers:
                raise DataError(
                    f"'{picture}' belongs to no class of '{CLASS_INDEX}': its name, or its folder's, must begin with a"
                    " WordNet id that is in the index; rename it or leave it out."
                )
            files.append(picture)
            labels.append(numbers[found[0]])
    if not files:
        raise DataError(f"Folder '{root}' holds no photographs; add some as n01440764/NAME.JPEG.")
    return files, labels
