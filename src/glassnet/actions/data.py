"""The known data sets: which there are, getting one, and showing what a set holds."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from glassnet.actions.events import Events
from glassnet.data import CATALOGUE, Augmentation, Dataset, KnownSet, data_places, find, known, load
from glassnet.data import get as download
from glassnet.doctor.pictures import look_at
from glassnet.experiments import Recipe
from glassnet.experiments.defaults import sized
from glassnet.experiments.recipe import Data
from glassnet.report import image_grid, save_png
from glassnet.report.pages.pictures import pictures_page
from glassnet.weights import PRETRAINED, checksum_note, get_weights

__all__ = ["Downloaded", "KnownSets", "ShownSet", "get_set", "list_sets", "show_set"]

_MB = 1e6
_PICTURES, _AUGMENTED, _DRAWS = 60, 12, 7  # pictures of a grid, of one with draws, and the draws of each


@dataclass(frozen=True)
class KnownSets:
    """The known sets with the place of each on this machine (None: not here), and where they were looked for."""

    sets: tuple[tuple[KnownSet, Path | None], ...]
    looked_in: tuple[Path, ...]

    def to_dict(self) -> dict[str, Any]:
        """All of it with plain keys."""
        return {
            "sets": [
                {"name": entry.name, "title": entry.title, "classes": list(entry.classes), "place": place}
                for entry, place in self.sets
            ]
        }


def list_sets() -> KnownSets:
    """The known sets, and where they lie on this machine."""
    return KnownSets(tuple((entry, find(name)) for name, entry in CATALOGUE.items()), tuple(data_places()))


@dataclass(frozen=True)
class Downloaded:
    """A known set and where it lies."""

    name: str
    place: Path

    def to_dict(self) -> dict[str, Any]:
        """All of it with plain keys."""
        return {"name": self.name, "files": [self.place]}


def get_set(name: str, events: Events | None = None) -> Downloaded:
    """Download a known set, or the weights of a named network, unless they are on this machine.

    Parameters
    ----------
    name : str
        A name of the catalogue, or a network of `glassnet.weights.PRETRAINED`.
    events : Events, optional
        Told notes on the set's terms and checksum, and the progress in MB.

    Raises
    ------
    DataError
        There is no such set, it has no address, or no mirror gives the right file.
    """
    events = events or Events()
    weights = name in PRETRAINED
    for note in [checksum_note(name)] if weights else _notes(name):
        events.say(f"note: {note}")

    def tell(file: str, done: int, total: int | None) -> None:
        events.progress(file, done / _MB, total / _MB if total else None, "MB")

    return Downloaded(name, get_weights(name, tell) if weights else download(name, tell))


def _notes(name: str) -> list[str]:
    """What to know of a set's downloads: their terms and checksums, or those of what it is made of."""
    entry = known(name)
    own = [f"terms of '{name}': {entry.licence}.", entry.checksum_note] if entry.files else []
    return [*own, *(note for part in entry.made_of for note in _notes(part))]


@dataclass(frozen=True)
class ShownSet:
    """What a set holds.

    Attributes
    ----------
    name : str
        What the set is called.
    class_names : tuple of str
        Its classes.
    dtype : str
        Of the pixels.
    image_shape : tuple of int
        (H, W, C).
    parts : dict of str to int
        Number of pictures of each part.
    notes : tuple of str
        What a reader of results should know.
    picture : Path
        The grid of pictures, or the page, that was written.
    """

    name: str
    class_names: tuple[str, ...]
    dtype: str
    image_shape: tuple[int, int, int]
    parts: dict[str, int]
    notes: tuple[str, ...]
    picture: Path

    def to_dict(self) -> dict[str, Any]:
        """All of it with plain keys."""
        found = asdict(self)
        return {**found, "files": [found.pop("picture")]}


def show_set(
    data: str,
    out: str | Path | None = None,
    *,
    count: int | None = None,
    seed: int = 0,
    augment: str = "",
    skip_bad: bool = False,
) -> ShownSet:
    """Say what a set holds, and write a grid of its pictures, the same number of each class, or a page about them.

    Parameters
    ----------
    data : str
        A known set, or a folder or file.
    out : path, optional
        The PNG file to write; None writes NAME.png. A name that ends in .html gets a page with some pictures of each
        class, and with what the doctor finds: wrong labels, and pictures that are there twice.
    count : int, optional
        Pictures to show; None: 60, and 12 with an augmentation.
    seed : int
        Seed of the choice and of the augmentation.
    augment : str
        An augmentation in arrow notation: each picture is followed by several draws of what a training may see of it.
    skip_bad : bool
        Leave picture files out that cannot be read, and name them in the notes.

    Raises
    ------
    GlassnetError
        The set cannot be read, or the augmentation is not understood.
    """
    augmentation = Augmentation.parse(augment)
    size = sized(Recipe(Data(data))).data.image_size  # as a training would bring them to
    splits = load(data, image_size=size, skip_bad=skip_bad)
    train = splits.train
    parts = (("train", train), ("validation", splits.valid), ("test", splits.test))
    target = Path(out or f"{Path(data).name or 'data'}.png")
    if target.suffix.lower() == ".html":
        there = {name: part for name, part in parts if part is not None}
        written = pictures_page(look_at(there, seed=seed), train.name, target)
    else:
        written = save_png(_grid(train, count, augmentation, seed), target)
    return ShownSet(
        train.name,
        train.class_names,
        str(train.images.dtype),
        train.image_shape,
        {name: len(part) for name, part in parts if part is not None},
        tuple(splits.notes),
        written,
    )


def _grid(train: Dataset, count: int | None, augmentation: Augmentation, seed: int) -> Figure:
    """The same number of pictures of each class; with an augmentation, draws of each beside it."""
    chosen = _some_of_each_class(train, seed)[: count or (_AUGMENTED if augmentation.steps else _PICTURES)]
    names = [train.class_names[label] for label in train.labels[chosen]]
    images = np.asarray(train.images[chosen])
    return _augmented(images, chosen, names, augmentation, seed) if augmentation.steps else image_grid(images, names)


def _some_of_each_class(part: Dataset, seed: int) -> NDArray[np.int64]:
    """All examples in an order whose beginning has as many of each class as can be."""
    shuffled = np.random.default_rng(seed).permutation(len(part))
    rank = np.zeros(len(part), np.int64)  # how many of its class come before an example
    for label in range(part.classes):
        mine = shuffled[part.labels[shuffled] == label]
        rank[mine] = np.arange(len(mine))
    return np.lexsort((part.labels, rank))


def _augmented(
    images: NDArray[Any], rows: NDArray[np.int64], names: list[str], augmentation: Augmentation, seed: int
) -> Figure:
    """A row for each picture: as it is, then as drawn for epoch after epoch."""
    colour = images.mean(axis=(0, 1, 2))
    draws = [augmentation.apply(images, rows, epoch, seed, colour=colour) for epoch in range(1, _DRAWS + 1)]
    grid = np.stack([images, *draws], axis=1).reshape(-1, *images.shape[1:])
    captions = [text for name in names for text in (name, *(f"draw {epoch}" for epoch in range(1, _DRAWS + 1)))]
    return image_grid(grid, captions, columns=_DRAWS + 1)
