"""The pictures of a set that can be read, where those that cannot are to be left out."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from glassnet.data.options import ReadOptions
from glassnet.data.pictures import read_sized
from glassnet.errors import DataError

__all__ = ["readable"]

_NAMED = 5  # pictures that the note names

Listed = tuple[list[Path], list[int]]


def readable(listed: Mapping[str, Listed], options: ReadOptions) -> tuple[dict[str, Listed], tuple[str, ...]]:
    """(the picture files and labels of each part that can be read, a note that names the others).

    All of them, and no note, unless the options say that bad pictures are left out: only then is every file decoded
    here, once more than otherwise.

    Raises
    ------
    DataError
        No picture of a class can be read.
    """
    if not options.skip_bad:
        return dict(listed), ()
    kept: dict[str, Listed] = {}
    bad: list[Path] = []
    total, done = sum(len(files) for files, _ in listed.values()), 0
    for part, (files, labels) in listed.items():
        kept[part] = ([], [])
        for file, label in zip(files, labels, strict=True):
            if _reads(file):
                kept[part][0].append(file)
                kept[part][1].append(label)
            else:
                bad.append(file)
            done += 1
            if options.progress is not None:
                options.progress("looking for pictures that cannot be read", done, total)
        if lost := set(labels) - set(kept[part][1]):
            first = next(file for file, label in zip(files, labels, strict=True) if label in lost)
            raise DataError(f"No picture of the class of '{first}' can be read; replace them.")
    return kept, _note(bad)


def _reads(file: Path) -> bool:
    try:
        read_sized(file, None)
    except DataError:
        return False
    return True


def _note(bad: list[Path]) -> tuple[str, ...]:
    if not bad:
        return ()
    names = ", ".join(f"'{file}'" for file in bad[:_NAMED])
    more = f" and {len(bad) - _NAMED:,} more" if len(bad) > _NAMED else ""
    count = "1 picture that cannot be read is" if len(bad) == 1 else f"{len(bad):,} pictures that cannot be read are"
    return (f"{count} left out: {names}{more}.",)
