"""The pictures of data that were opened: by class and page by page, augmented, and those whose labels look wrong."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from glassnet.actions.open import DataEntry, Opened
from glassnet.data import CATALOGUE, Augmentation, Dataset, Splits, load
from glassnet.data.picture_files import select
from glassnet.doctor import Finding
from glassnet.doctor.pictures import LookedAt, look_at
from glassnet.errors import DataError, NotationError
from glassnet.experiments import Recipe
from glassnet.experiments.defaults import sized, usual_augmentation
from glassnet.experiments.recipe import Data
from glassnet.report.figures.pictures import as_rgb

__all__ = [
    "PAGE",
    "Draws",
    "Examined",
    "SeenPicture",
    "SetShown",
    "augmented",
    "browsable",
    "examined",
    "page",
    "shown",
]

PAGE = 60
"""Pictures of a page."""
_DRAWS, _ROWS = 7, 4  # of an augmentation: draws of a picture, and pictures
_LONGEST = 400  # characters of a notation
_DOUBTED = 60  # labels that are shown


@dataclass(frozen=True)
class SetShown:
    """What a set holds.

    Attributes
    ----------
    name : str
        What it is called.
    class_names : tuple of str
        Its classes.
    image_shape : tuple of int
        (H, W, C) as a training takes them.
    counts : dict of str to list of int
        Pictures of each class, by part: "training", "validation", "test".
    notes : tuple of str
        What to know about it.
    augment : str
        The augmentation that a training would choose.
    """

    name: str
    class_names: tuple[str, ...]
    image_shape: tuple[int, ...]
    counts: dict[str, list[int]]
    notes: tuple[str, ...]
    augment: str


@dataclass(frozen=True, eq=False)
class SeenPicture:
    """A picture: pixels (H, W, 3) uint8, its class, its number in its part, and its file's name, where it has one."""

    pixels: NDArray[np.uint8]
    class_name: str
    number: int
    file: str = ""
    looks_like: str = ""
    sure: float = 0.0
    part: str = ""


@dataclass(frozen=True, eq=False)
class Draws:
    """A picture as it is, and as a training may see it: pixels (1 + draws, H, W, 3) uint8."""

    class_name: str
    pixels: NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Examined:
    """What the doctor finds in a set.

    Attributes
    ----------
    findings : tuple of Finding
        The worst first.
    doubted : tuple of SeenPicture
        Pictures whose label looks wrong, the clearest first, with what they look like.
    count : int
        How many there are.
    """

    findings: tuple[Finding, ...]
    doubted: tuple[SeenPicture, ...]
    count: int


def browsable(opened: Opened) -> tuple[DataEntry, ...]:
    """The data that lie below the folder that was opened, and those that come along."""
    return tuple(e for e in opened.data if e.kind == "folder" or CATALOGUE[e.source].place is not None)


def _splits(opened: Opened, id: str) -> Splits:
    entry = opened.data_entry(id)
    if entry not in browsable(opened):
        raise DataError(f"'{entry.name}' does not lie in the folder that was opened; its pictures are not shown.")

    def read() -> Splits:
        size = sized(Recipe(Data(entry.source))).data.image_size  # as a training would bring them to
        return load(entry.source, image_size=size, skip_bad=True)

    return opened.keep(("data", id), read)


def _parts(splits: Splits) -> dict[str, Dataset]:
    named = {"training": splits.train, "validation": splits.valid, "test": splits.test}
    return {name: part for name, part in named.items() if part is not None and len(part)}


def shown(opened: Opened, id: str) -> SetShown:
    """What the data of an id hold. Raises `GlassnetError` where they cannot be read, or lie elsewhere."""
    splits = _splits(opened, id)
    train = splits.train
    counts = {name: part.counts().tolist() for name, part in _parts(splits).items()}
    usual = usual_augmentation(splits)
    return SetShown(train.name, train.class_names, train.image_shape, counts, tuple(splits.notes), usual)


def page(
    opened: Opened, id: str, part: str, class_name: str = "", number: int = 0
) -> tuple[tuple[SeenPicture, ...], int]:
    """Some pictures of a part, and how many pages there are.

    Parameters
    ----------
    opened : Opened
        The folder.
    id : str
        Of the data.
    part : str
        "training", "validation" or "test".
    class_name : str
        The class; "" takes all.
    number : int
        The page, from 0.

    Raises
    ------
    GlassnetError
        There is no such part, class or page, or a picture cannot be read.
    """
    parts = _parts(_splits(opened, id))
    if part not in parts:
        raise DataError(f"The parts are {', '.join(parts)}. Got '{part}' instead.")
    dataset = parts[part]
    rows: NDArray[np.int64] = np.arange(len(dataset))
    if class_name:
        if class_name not in dataset.class_names:
            raise DataError(f"There is no class '{class_name}' in these data.")
        rows = np.flatnonzero(dataset.labels == dataset.class_names.index(class_name))
    pages = max(1, -(-len(rows) // PAGE))
    if number >= pages:
        raise DataError(f"There are {pages} pages. Got page {number + 1}.")
    return _seen(dataset, rows[number * PAGE : (number + 1) * PAGE]), pages


def _seen(dataset: Dataset, rows: NDArray[np.int64], **more: Any) -> tuple[SeenPicture, ...]:
    if not len(rows):
        return ()
    pixels = as_rgb(select(dataset.images, rows)[:])
    return tuple(
        SeenPicture(each, dataset.class_names[dataset.labels[row]], int(row), _file(dataset, row), **more)
        for each, row in zip(pixels, rows.tolist(), strict=True)
    )


def _file(dataset: Dataset, row: int) -> str:
    return dataset.files[row].name if dataset.files else ""


def augmented(opened: Opened, id: str, notation: str, seed: int = 0) -> tuple[Draws, ...]:
    """Four training pictures of different classes, each as it is and as seven epochs may see it.

    Parameters
    ----------
    opened : Opened
        The folder.
    id : str
        Of the data.
    notation : str
        The augmentation in arrow notation.
    seed : int
        Of the choice and the draws.

    Raises
    ------
    GlassnetError
        The augmentation is not understood, or the data cannot be read.
    """
    if len(notation) > _LONGEST:
        raise NotationError(f"An augmentation has at most {_LONGEST} characters here.")
    augmentation = Augmentation.parse(notation)
    train = _splits(opened, id).train
    order = np.random.default_rng(seed).permutation(len(train))
    first = {int(train.labels[row]): int(row) for row in order[::-1]}  # of each class the first in this order
    rows = np.array(sorted(first.values(), key=order.tolist().index)[:_ROWS])
    images = np.asarray(select(train.images, rows)[:])
    colour = images.mean(axis=(0, 1, 2))
    draws = [augmentation.apply(images, rows, epoch, seed, colour=colour) for epoch in range(1, _DRAWS + 1)]
    seen = np.stack([images, *draws], axis=1)
    return tuple(Draws(train.class_names[train.labels[row]], as_rgb(s)) for row, s in zip(rows, seen, strict=True))


def examined(opened: Opened, id: str) -> Examined:
    """What the doctor finds in the data of an id; see `glassnet.doctor.pictures.look_at`.

    Raises
    ------
    GlassnetError
        The data cannot be read, or lie elsewhere.
    """
    parts = _parts(_splits(opened, id))
    looked: LookedAt = opened.keep(("examined", id), lambda: look_at(parts))
    judged, sketches = looked.judged, looked.sketches
    doubted = [finding.where for finding in looked.findings if finding.name == "suspicious-labels"]
    if judged is None or not doubted:
        return Examined(looked.findings, (), 0)
    rows = np.concatenate([judged.suspects(np.flatnonzero(sketches.of(w)[judged.numbers])) for w in doubted])
    found: list[SeenPicture] = []
    for row in rows[:_DOUBTED].tolist():
        number = int(judged.numbers[row])
        part = sketches.names[int(sketches.part[number])]
        like = sketches.class_names[judged.answer[row]]
        where = np.array([sketches.row[number]], np.int64)
        found += _seen(parts[part], where, looks_like=like, sure=float(judged.sure[row]), part=part)
    return Examined(looked.findings, tuple(found), len(rows))
