"""What there is to open in a folder: models, runs, pictures; each known by an id, never by a path from outside."""

from __future__ import annotations

import hashlib
import os
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

from glassnet.data import CATALOGUE, find
from glassnet.data.dataset import are_rows
from glassnet.data.folder import has_class_folders
from glassnet.data.pictures import is_picture_name
from glassnet.errors import DataError, GlassnetError, ModelError, TrainingError
from glassnet.experiments import Run
from glassnet.files import exists
from glassnet.imagenet import PRETRAINED, open_model
from glassnet.model import Model
from glassnet.nn import model_file, parse_loss
from glassnet.tasks import Task
from glassnet.train.callbacks.epochs import epoch_weights, kept_epochs

__all__ = ["DataEntry", "Entry", "Opened", "open_place"]

_DEPTH, _MOST = 4, 500  # folders in folders that are looked into; models and runs that are listed
_KEPT, _KEPT_EPOCHS = 6, 64  # models, and models of earlier epochs, that stay in memory
_PASSED_OVER = frozenset({"__pycache__", "node_modules", "site-packages"})

T = TypeVar("T")


@dataclass(frozen=True)
class Entry:
    """A model that can be opened.

    Attributes
    ----------
    id : str
        Ten hexadecimal digits, made of the name: the same whenever the same folder is opened.
    name : str
        Its place below the folder, or a network's name.
    kind : str
        "run", "model" or "pretrained".
    place : str
        The file, the run folder, or the network's name.
    draws : bool
        Whether it names classes of pictures, so that one can be drawn for it.
    """

    id: str
    name: str
    kind: str
    place: str = field(repr=False)
    draws: bool = True


@dataclass(frozen=True)
class DataEntry:
    """Data that can be trained on.

    Attributes
    ----------
    id : str
        Ten hexadecimal digits, made of the name.
    name : str
        A known set, or a folder's place below the folder that was opened.
    kind : str
        "known" or "folder".
    source : str
        What a recipe calls it: the known set, or the folder's path.
    """

    id: str
    name: str
    kind: str
    source: str = field(repr=False)


@dataclass(frozen=True, eq=False)
class Opened:
    """A folder that was opened; threads may share it.

    Attributes
    ----------
    folder : Path
        The folder, below which everything lies that is read or written.
    entries : tuple of Entry
        Models and runs, runs first, in the order of their names.
    first : str
        The id of what was asked for; empty for a folder.
    pictures : int
        Pictures that lie in the folder itself.
    """

    folder: Path
    entries: tuple[Entry, ...]
    first: str = ""
    pictures: int = 0
    _models: _Latest = field(default_factory=lambda: _Latest(_KEPT), repr=False)
    _earlier: _Latest = field(default_factory=lambda: _Latest(_KEPT_EPOCHS), repr=False)
    _runs: _Latest = field(default_factory=lambda: _Latest(_MOST), repr=False)
    _others: _Latest = field(default_factory=lambda: _Latest(_KEPT), repr=False)

    def to_dict(self) -> dict[str, Any]:
        """Folder, models and the number of pictures."""
        return {
            "folder": self.folder,
            "models": [
                {"id": each.id, "name": each.name, "kind": each.kind, "draws": each.draws} for each in self.entries
            ],
            "first": self.first,
            "pictures": self.pictures,
        }

    def again(self) -> Opened:
        """The same folder as it is now; what is kept in memory stays."""
        named = tuple(each for each in self.entries if each.id == self.first)
        return replace(self, entries=(*named, *(each for each in _below(self.folder) if each.id != self.first)))

    @cached_property
    def data(self) -> tuple[DataEntry, ...]:
        """Known sets of pictures that are on this machine, and folders of pictures by class below the folder."""
        folders = [
            DataEntry(_id(f"data {path}"), _shown(self.folder, path), "folder", str(path))
            for path in _picture_folders(self.folder, _DEPTH)
        ]
        known = [
            DataEntry(_id(f"known {name}"), name, "known", name)
            for name, entry in CATALOGUE.items()
            if entry.open is not None
            and not (entry.image_shape[0] and not entry.image_shape[1])  # lines
            and find(name) is not None
        ]
        return (*folders, *known)

    def data_entry(self, id: str) -> DataEntry:
        """The data of an id. Raises `DataError` where there are none."""
        for each in self.data:
            if each.id == id:
                return each
        raise DataError("There are no such data in the folder that was opened; load the page again.")

    @property
    def runs(self) -> tuple[Entry, ...]:
        """The runs."""
        return tuple(each for each in self.entries if each.kind == "run")

    def entry(self, id: str) -> Entry:
        """The entry of an id. Raises `ModelError` where there is none."""
        for each in self.entries:
            if each.id == id:
                return each
        raise ModelError("There is no such model in the folder that was opened; load the page again.")

    def model(self, id: str, epoch: int | None = None) -> Model:
        """The model of an id, or as a run had it after an epoch, kept in memory.

        Raises `GlassnetError` where it cannot be read, or the epoch is not kept.
        """
        entry = self.entry(id)
        key = id, _stamp(entry)
        if epoch is None:
            return self._models.get(key, lambda: open_model(entry.place))
        return self._earlier.get((*key, epoch), lambda: _after(entry, epoch))

    def epochs(self, id: str) -> tuple[int, ...]:
        """The epochs that are kept of a run; none of anything else."""
        entry = self.entry(id)
        return kept_epochs(Path(entry.place)) if entry.kind == "run" else ()

    def run(self, id: str) -> Run:
        """The run of an id, kept in memory. Raises `GlassnetError` where it is none, or cannot be read."""
        entry = self.entry(id)
        if entry.kind != "run":
            raise TrainingError(f"'{entry.name}' is a model without its run.")
        return self._runs.get((id, _stamp(entry)), lambda: Run.open(entry.place))

    def keep(self, key: tuple[str, ...], make: Callable[[], T]) -> T:
        """What `make` gives, kept in memory under a key."""
        return self._others.get(key, make)


def _after(entry: Entry, epoch: int) -> Model:
    """The model of a run with the weights that it had after an epoch."""
    weights = epoch_weights(Path(entry.place), epoch)
    model = open_model(entry.place)
    model.network.load_arrays(weights)
    return model


def _stamp(entry: Entry) -> int:
    """When what an entry names was last written; 0 of a network."""
    path = Path(entry.place) / "model.safetensors" if entry.kind == "run" else Path(entry.place)
    return path.stat().st_mtime_ns if exists(path) else 0


class _Latest:
    """The things that were used last, made once each; threads that ask for one that is being made wait for it."""

    def __init__(self, most: int) -> None:
        self.most, self.found, self.lock = most, OrderedDict[Any, Any](), threading.RLock()

    def get(self, key: Any, make: Callable[[], T]) -> T:
        with self.lock:
            if key not in self.found:
                self.found[key] = make()
            self.found.move_to_end(key)
            while len(self.found) > self.most:
                self.found.popitem(last=False)
            found: T = self.found[key]
            return found


def open_place(what: str | Path | None = None) -> Opened:
    """What there is to open.

    Parameters
    ----------
    what : str or path, optional
        A folder, a run folder, a model file, or a named network with weights; None is the working folder. Of a run or a
        model file the folder that it lies in is opened, and what lies beside it listed.

    Raises
    ------
    GlassnetError
        There is no such thing, the model cannot be read, or the folder holds neither models nor pictures.
    """
    place = Path("." if what is None else what)
    if what is not None and not exists(place):
        if str(what) not in PRETRAINED:
            open_model(what)  # which says what is expected
        entry = Entry(_id(str(what)), str(what), "pretrained", str(what))
        found = _below(Path())
        return Opened(Path().resolve(), (entry, *found), entry.id, _pictures(Path()))
    single = place.is_file() or exists(place / "recipe.toml")
    folder = (place.parent if place.is_file() else place.resolve().parent) if single else place
    folder = folder.resolve()
    if single:
        open_model(place)  # what was named must be usable
        entry = _entry(folder, place.resolve())
        others = tuple(each for each in _below(folder) if each.id != entry.id)
        return Opened(folder, (entry, *others), entry.id, _pictures(folder))
    entries, pictures = _below(folder), _pictures(folder)
    if not entries and not pictures and not any(_picture_folders(folder, _DEPTH)):
        raise ModelError(f"The folder '{place}' holds no model, no run and no picture to read; train a network first.")
    return Opened(folder, entries, "", pictures)


def _pictures(folder: Path) -> int:
    return sum(is_picture_name(path) for path in folder.iterdir())


def _id(name: str) -> str:
    return hashlib.sha256(os.fsencode(name)).hexdigest()[:10]


def _shown(folder: Path, path: Path) -> str:
    """What is called by its place below a folder, or the folder itself by its name."""
    found = path.relative_to(folder)
    return os.fsencode(found if found.parts else folder.name).decode("utf-8", "backslashreplace")


def _entry(folder: Path, path: Path) -> Entry:
    name = _shown(folder, path)
    is_run = path.is_dir()
    draws = _names_classes(path / "model.safetensors" if is_run else path)
    return Entry(_id(str(path.relative_to(folder))), name, "run" if is_run else "model", str(path), draws)


def _below(folder: Path) -> tuple[Entry, ...]:
    """Runs, and model files that name classes, below a folder; runs first."""
    found = []
    for path in _walk(folder.resolve(), _DEPTH):
        entry = _entry(folder.resolve(), path)
        if entry.draws or entry.kind == "run":
            found.append(entry)
        if len(found) == _MOST:
            break
    return tuple(sorted(found, key=lambda each: (each.kind != "run", each.name)))


def _walk(folder: Path, depth: int) -> Iterator[Path]:
    """Finished runs and model files; links are not followed, hidden folders and those of programs passed over."""
    try:
        inside = sorted(os.scandir(folder), key=lambda each: each.name)
    except OSError:
        return
    for each in inside:
        path = Path(each.path)
        if each.is_symlink() or each.name.startswith("."):
            continue
        if each.is_dir():
            if exists(path / "recipe.toml") and exists(path / "model.safetensors"):
                yield path
            elif depth and each.name not in _PASSED_OVER:
                yield from _walk(path, depth - 1)
        elif path.suffix == ".safetensors" and path.name != "checkpoint.safetensors":
            yield path


def _picture_folders(folder: Path, depth: int) -> Iterator[Path]:
    """Folders of pictures by class, without those that hold a link: it may lead elsewhere."""
    try:
        if has_class_folders(folder):
            if not _holds_link(folder):
                yield folder
            return
        inside = sorted(os.scandir(folder), key=lambda each: each.name)
    except (GlassnetError, OSError):
        return
    for each in inside:
        left_out = each.is_symlink() or each.name.startswith(".") or each.name in _PASSED_OVER
        if depth and not left_out and each.is_dir() and not exists(Path(each.path) / "recipe.toml"):
            yield from _picture_folders(Path(each.path), depth - 1)


def _holds_link(folder: Path) -> bool:
    with os.scandir(folder) as inside:
        return any(e.is_symlink() or (e.is_dir() and _holds_link(Path(e.path))) for e in inside)


def _names_classes(path: Path) -> bool:
    """Whether a file says of itself that it is a model which names classes of pictures; no array is read."""
    try:
        description = model_file.described(path)
        task = Task.of(parse_loss(str(description["loss"])))
        return not (task.rebuilds or task.reads or are_rows(tuple(description["image_shape"])))
    except (GlassnetError, KeyError, TypeError):
        return False
