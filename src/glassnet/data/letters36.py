"""`letters36`: 36 classes of hand-printed characters, a stand-in for NIST36 where that set is not at hand.

Made from 6,200 photographed characters in 62 folders (`upper_A`, `lower_a`, `digit_0`, 100 each, dark on grey,
natural sizes of about 30 pixels). Upper and lower case are folded to the classes A-Z, then 0-9, as in NIST36.
"""

from __future__ import annotations

import re
import string
from pathlib import Path

import numpy as np
import numpy.typing as npt

from glassnet.data.dataset import Dataset, Splits
from glassnet.data.framing import SIDE, frame, rank
from glassnet.data.mat import LETTERS
from glassnet.data.pictures import entries, pictures_in, read_picture
from glassnet.data.streams import SPLITTING, generator
from glassnet.errors import DataError

__all__ = ["has_letters36", "load_characters62", "load_letters36", "normalise_character"]

_BLOCK = 10
_BLOCKS_HELD = {"valid": 1, "test": 2}  # of the ten blocks of a folder
_FOLDER = re.compile(r"(upper|lower|digit)_([A-Za-z0-9])")
_SPLIT_NOTE = (
    "Within a folder neighbouring numbers come from one writer or photograph, so each folder is split by blocks of ten "
    "consecutive numbers, drawn with a fixed seed: 7 blocks to train on, 1 for validation, 2 for test."
)


def has_letters36(path: Path) -> bool:
    """Whether the folder holds the 62 class folders."""
    return all(
        (path / f"{kind}").is_dir() for kind in ("upper_A", "upper_Z", "lower_a", "lower_z", "digit_0", "digit_9")
    )


def load_letters36(path: Path) -> Splits:
    """About 4,340 / 620 / 1,240 characters (32, 32, 1) uint8, ink dark on white, in 36 classes A-Z, 0-9.

    The split: numbers that are near each other share background, pen and size (the background's brightness
    correlates with 0.8 from one number to the next and with 0.5 ten numbers on), so a shuffle of single pictures would
    test on the writers it trained on. Each of the 62 folders is therefore cut into ten blocks of consecutive pictures,
    and whole blocks are dealt out by a fixed seed. Neighbouring blocks may still share a writer: figures on this
    set are a little kinder than on new writers.

    Raises `DataError` when a folder is missing or holds fewer than ten pictures, or a picture cannot be read.
    """
    return _load(path, "letters36", LETTERS)


def load_characters62(path: Path) -> Splits:
    """The same pictures in the same split, in 62 classes A-Z, a-z, 0-9."""
    return _load(path, "characters62", tuple(string.ascii_uppercase + string.ascii_lowercase + string.digits))


def _load(path: Path, name: str, classes: tuple[str, ...]) -> Splits:
    images: dict[str, list[npt.NDArray[np.uint8]]] = {"train": [], "valid": [], "test": []}
    labels: dict[str, list[int]] = {"train": [], "valid": [], "test": []}
    for number, (folder, character) in enumerate(_folders(path)):
        label = classes.index(character if character in classes else character.upper())
        files = pictures_in(folder)
        if len(files) < 10:
            raise DataError(f"Folder '{folder}' holds {len(files)} pictures; 10 or more are needed to split them.")
        for file, part in zip(files, _parts(len(files), number), strict=True):
            images[part].append(normalise_character(read_picture(file)))
            labels[part].append(label)
    made = {
        part: Dataset(np.stack(images[part]), np.asarray(labels[part], np.int64), classes, name, (_SPLIT_NOTE,))
        for part in images
    }
    return Splits(made["train"], made["valid"], made["test"])


def normalise_character(picture: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """One photographed character (H, W, 1 or 3), dark on grey, in the manner of NIST36: (32, 32, 1) uint8, ink 0 on
    white 255.

    The paper's shade (the 60th percentile within a wide window, so that a shadow goes with it) becomes white and the
    darkest hundredth of the ink black; specks and bits of neighbouring lines that touch the border are removed; the
    ink's box is scaled to 26 pixels and centred.
    """
    from scipy import ndimage  # loads slowly, and every command loads this file

    grey = picture.astype(np.float64).mean(axis=2)
    paper = ndimage.gaussian_filter(np.maximum(grey, rank(grey, 0.60)), 8.0, mode="nearest")
    dark = paper - grey
    strongest = rank(dark, 0.99)
    # Below 30 % of the strongest ink lies the paper's grain.
    ink = np.clip((dark / max(strongest, 1.0) - 0.15) / 0.75, 0.0, 1.0)
    box = _ink_box(ink)
    if box is None:
        return np.full((SIDE, SIDE, 1), 255, np.uint8)
    kept, (rows, columns) = box
    return frame(kept[rows, columns])


def _ink_box(ink: npt.NDArray[np.float64]) -> tuple[npt.NDArray[np.float64], tuple[slice, slice]] | None:
    """The ink without stray pieces, and the box around it; None when there is no ink."""
    from scipy import ndimage

    pieces, count = ndimage.label(ink > 0.4, structure=np.ones((3, 3)))
    if count == 0:
        return None
    weights = np.bincount(pieces.reshape(-1), ink.reshape(-1), count + 1)[1:]
    boxes = ndimage.find_objects(pieces)
    h, w = ink.shape
    keep = np.zeros(count + 1, dtype=bool)
    for index, (box, weight) in enumerate(zip(boxes, weights, strict=True)):
        touches = box[0].start == 0 or box[1].start == 0 or box[0].stop == h or box[1].stop == w
        # The dot of an i is a few hundredths of its ink; a bit of the next line touches the border.
        keep[index + 1] = weight >= (0.35 if touches else 0.04) * weights.max()
    mask = keep[pieces]
    # Two more pixels around the kept pieces, so that their soft edges stay.
    kept = np.where(ndimage.binary_dilation(mask, iterations=2), ink, 0.0)
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return kept, (slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1))


def _folders(path: Path) -> list[tuple[Path, str]]:
    matches = [(p, m[2]) for p in entries(path) if p.is_dir() and (m := _FOLDER.fullmatch(p.name))]
    if len(matches) != 62:
        raise DataError(
            f"'{path}' must hold the 62 folders 'upper_A' ... 'lower_a' ... 'digit_9'. Got {len(matches)} of them "
            "instead."
        )
    return matches


def _parts(count: int, number: int) -> list[str]:
    """The part of each of `count` consecutive pictures of the folder with this number."""
    rng = generator(0, SPLITTING, number)
    of_block = ["train"] * _BLOCK
    drawn = iter(rng.permutation(_BLOCK))
    for part, blocks in _BLOCKS_HELD.items():
        for _ in range(blocks):
            of_block[next(drawn)] = part
    return [of_block[index * _BLOCK // count] for index in range(count)]
