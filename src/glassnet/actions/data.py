"""The known data sets: which there are, getting one, and showing what a set holds."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from glassnet.actions.events import Events
from glassnet.data import CATALOGUE, KnownSet, data_places, find, known, load
from glassnet.data import get as download
from glassnet.report import image_grid, save_png
from glassnet.weights import PRETRAINED, checksum_note, get_weights

__all__ = ["Downloaded", "KnownSets", "ShownSet", "get_set", "list_sets", "show_set"]

_MB = 1e6


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
        Told a note on the set's checksum, and the progress in MB.

    Raises
    ------
    DataError
        There is no such set, it has no address, or no mirror gives the right file.
    """
    events = events or Events()
    weights = name in PRETRAINED
    if note := checksum_note(name) if weights else known(name).checksum_note:
        events.say(f"note: {note}")

    def tell(file: str, done: int, total: int | None) -> None:
        events.progress(file, done / _MB, total / _MB if total else None, "MB")

    return Downloaded(name, get_weights(name, tell) if weights else download(name, tell))


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
        The grid of pictures that was written.
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


def show_set(data: str, out: str | Path | None = None, *, count: int = 60, seed: int = 0) -> ShownSet:
    """Say what a set holds, and write a grid of its pictures, the same number of each class.

    Parameters
    ----------
    data : str
        A known set, or a folder or file.
    out : path, optional
        The PNG file to write; None writes NAME.png.
    count : int
        Pictures to show.
    seed : int
        Seed of the choice.

    Raises
    ------
    DataError
        The set cannot be read.
    """
    splits = load(data)
    train = splits.train
    parts = (("train", train), ("validation", splits.valid), ("test", splits.test))
    rng = np.random.default_rng(seed)
    shuffled = rng.permutation(len(train))
    rank = np.zeros(len(train), np.int64)  # how many of its class come before an example
    for label in range(train.classes):
        mine = shuffled[train.labels[shuffled] == label]
        rank[mine] = np.arange(len(mine))
    chosen = np.lexsort((train.labels, rank))[: min(count, len(train))]
    figure = image_grid(train.images[chosen], [train.class_names[label] for label in train.labels[chosen]])
    return ShownSet(
        train.name,
        train.class_names,
        str(train.images.dtype),
        train.image_shape,
        {name: len(part) for name, part in parts if part is not None},
        tuple(splits.notes),
        save_png(figure, Path(out or f"{Path(data).name or 'data'}.png")),
    )
