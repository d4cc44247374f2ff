"""The registry of known data sets: what they are, where they lie on this machine, and how they get there."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from glassnet import plugins
from glassnet.data.dataset import Splits
from glassnet.data.download import OnBytes, RemoteFile, fetch, unpack
from glassnet.data.options import ReadOptions
from glassnet.errors import DataError, Fix, nearest
from glassnet.files import user_cache

__all__ = ["CATALOGUE", "KnownSet", "data_places", "find", "find_folder", "get", "known", "place_of", "register"]


@dataclass(frozen=True)
class KnownSet:
    """A data set that glassnet knows by name.

    Attributes
    ----------
    name : str
        Its name in commands.
    title : str
        Its full name.
    classes : tuple of str
        The classes' names; empty where an index beside the pictures names them.
    image_shape : (int or None, int or None, int)
        (H, W, C), with None where the pictures have sizes of their own.
    examples : str
        How many there are.
    licence : str
        Its terms.
    homepage : str
        Where it is described.
    open : callable or None
        Reads the set from its folder; None for what other sets are made of, which is no data to train on by itself.
    folders : tuple of str
        Where it may lie in a data folder, the first being where it is put.
    present : callable
        Whether such a folder holds it.
    place : callable or None
        Where a set that is not in a data folder lies; None for one that is.
    files : tuple of RemoteFile
        Its downloads; empty for a set that has no download address.
    by_hand : str
        How to lay such a set out.
    takes_image_size : bool
        Whether it is made of picture files, which an image size and a reading apply to.
    made_of : tuple of str
        The sets that it is made of when it is loaded; they are downloaded in its place.
    lay_out : callable or None
        Called as `lay_out(files, folder, progress)`, it downloads `files` and puts the set into its folder. None: each
        file is put there, or what it takes of an archive.

    Examples
    --------
    >>> from glassnet.data import known
    >>> digits = known("digits")
    >>> digits.classes[:3], digits.image_shape
    (('0', '1', '2'), (8, 8, 1))
    """

    name: str
    title: str
    classes: tuple[str, ...]
    image_shape: tuple[int | None, int | None, int]
    examples: str
    licence: str
    homepage: str
    open: Callable[[Path, ReadOptions], Splits] | None
    folders: tuple[str, ...] = ()
    present: Callable[[Path], bool] = Path.is_dir
    files: tuple[RemoteFile, ...] = ()
    by_hand: str = ""
    place: Callable[[], Path] | None = None
    takes_image_size: bool = False
    made_of: tuple[str, ...] = ()
    lay_out: Callable[[Sequence[RemoteFile], Path, OnBytes | None], None] | None = None

    @property
    def can_be_downloaded(self) -> bool:
        """Whether there are addresses to get it, or what it is made of, from."""
        return bool(self.files or self.made_of)

    @property
    def checksum_note(self) -> str:
        """What is known of the downloads' SHA-256, as a sentence for the user; empty when nothing is downloaded."""
        unknown = [file.name for file in self.files if not file.has_sum and not file.sum_at]
        if unknown:
            return f"No source states a SHA-256 of {', '.join(unknown)}: only its form and content are checked."
        if any(file.sum_at for file in self.files):
            return "Every downloaded file is checked by the SHA-512 that its registry states."
        return "The SHA-256 of every downloaded file is checked." if self.files else ""


class _Catalogue(Mapping[str, KnownSet]):
    """The known sets by name, in the order in which they were registered.

    Sets of rooms above this one are loaded when the whole catalogue, or a name that is not there yet, is asked for.
    """

    def __init__(self) -> None:
        self._sets: dict[str, KnownSet] = {}

    def add(self, entry: KnownSet) -> None:
        self._sets[entry.name] = entry

    def __getitem__(self, name: str) -> KnownSet:
        if name not in self._sets:
            plugins.load("data sets")
        return self._sets[name]

    def __iter__(self) -> Iterator[str]:
        plugins.load("data sets")
        return iter(list(self._sets))

    def __len__(self) -> int:
        plugins.load("data sets")
        return len(self._sets)


_catalogue = _Catalogue()
CATALOGUE: Mapping[str, KnownSet] = _catalogue


def register(entry: KnownSet) -> None:
    """Add a set to the catalogue, in the place of one of the same name.

    Examples
    --------
    >>> from dataclasses import replace
    >>> from glassnet.data import known, register
    >>> digits = known("digits")
    >>> register(replace(digits, homepage="https://example.org"))
    >>> known("digits").homepage
    'https://example.org'
    >>> register(digits)
    """
    _catalogue.add(entry)


def known(name: str) -> KnownSet:
    """The catalogue's entry. Raises `DataError` with the nearest name and all known names.

    Examples
    --------
    >>> from glassnet.data import known
    >>> known("digits").name
    'digits'
    """
    try:
        return CATALOGUE[name]
    except KeyError:
        raise DataError(
            f"There is no file or folder '{name}', and no data set has that name.{nearest(name, CATALOGUE)} "
            f"Known sets: {', '.join(CATALOGUE)}."
        ) from None


def data_places() -> list[Path]:
    """The folders in which data sets are looked for; the first is where downloads go.

    `GLASSNET_DATA` may name several, separated as in `PATH`; without it, `glassnet` in the user's cache folder
    (`XDG_CACHE_HOME`, or `~/.cache`), or among the temporary files where the user has no home.

    Examples
    --------
    >>> from glassnet.data import data_places
    >>> len(data_places()) > 0
    True
    """
    given = [Path(word).expanduser() for word in os.environ.get("GLASSNET_DATA", "").split(os.pathsep) if word.strip()]
    if given:
        return given
    return [user_cache() or Path(tempfile.gettempdir()) / "glassnet"]


def find(name: str) -> Path | None:
    """Where a known set lies on this machine, or None. Raises `DataError` for an unknown name.

    Examples
    --------
    >>> from glassnet.data import find
    >>> find("digits").name
    'digits.csv.gz'
    """
    entry = known(name)
    if entry.place is not None:
        return entry.place()
    for place in data_places():
        for folder in entry.folders:
            try:
                if (place / folder).is_dir() and entry.present(place / folder):
                    return place / folder
            except OSError:  # a place that may not be read is a place without it
                continue
    return None


def place_of(name: str) -> Path:
    """Where a known set lies on this machine. Raises `DataError` where it is not there, or for an unknown name."""
    path = find(name)
    if path is None:
        raise DataError(f"Data set '{name}' is not on this machine yet.", Fix.GET_DATA, name=name)
    return path


def find_folder(folder: str) -> Path | None:
    """A folder such as `handwriting/pages` in the first of `data_places` that has it, or None."""
    return next((place / folder for place in data_places() if (place / folder).is_dir()), None)


def get(name: str, progress: OnBytes | None = None) -> Path:
    """The folder of a known set, downloaded first if it is nowhere yet, or what it is made of.

    Every file is checked against its SHA-256 or SHA-512 where one is known, and by its content.

    Parameters
    ----------
    progress : Progress, optional
        Called as `progress(file name, bytes so far, bytes in all or None)`.

    Raises
    ------
    DataError
        The set has no address, or no mirror gives the right file.

    Examples
    --------
    >>> from glassnet.data import get
    >>> get("digits").name  # it comes along; others are downloaded
    'digits.csv.gz'
    """
    entry = known(name)
    for part in entry.made_of:
        get(part, progress)
    if (found := find(name)) is not None:
        return found
    target = data_places()[0] / entry.folders[0]
    if not entry.files:
        raise DataError(
            f"'{name}' has no download address: {entry.by_hand} in '{data_places()[0]}', or name its folder. See "
            f"{entry.homepage}."
        )
    (entry.lay_out or _lay_out)(entry.files, target, progress)
    if (found := find(name)) is None:
        raise DataError(
            f"The download of '{name}' is complete, but '{target}' lacks files that belong to it; remove it and "
            "try again."
        )
    return found


def _lay_out(files: Sequence[RemoteFile], target: Path, progress: OnBytes | None) -> None:
    """Each file as it is, or what it takes of an archive."""
    for file in files:
        if file.take is None:
            fetch(file, target / file.name, progress)
        else:
            place = target.parent / f".{target.name}-{file.name}"
            archive = fetch(file, place, progress)
            try:
                unpack(archive, target / file.into, file.take)
            finally:  # a damaged archive would stand in the way of the next download; a user's own one stays
                place.unlink(missing_ok=True)
