"""Where an action writes when nobody says, and whether it will be able to."""

from __future__ import annotations

import os
from itertools import count
from pathlib import Path

from glassnet.errors import DataError, Fix

__all__ = ["beside_model", "new_folder", "writable_folder"]


def beside_model(model: str | Path, what: str) -> Path:
    """`NAME-what` in the working folder, by the name of a model file, run folder or network."""
    name = Path(str(model)).name.removesuffix(".safetensors") or "model"
    return Path(f"{name}-{what}")


def writable_folder(folder: Path) -> Path:
    """The folder, which is there or can be made; nothing is made yet. Raises `DataError`."""
    nearest = next((place for place in (folder, *folder.absolute().parents) if os.path.lexists(place)), Path())
    if not nearest.is_dir() or not os.access(nearest, os.W_OK):
        reason = "cannot be written to" if nearest.is_dir() else "is no folder"
        raise DataError(f"Nothing can be written into '{folder}': '{nearest}' {reason}.", Fix.CHOOSE_OUTPUT)
    return folder


def new_folder(folder: Path | None, otherwise: Path) -> Path:
    """A folder that holds nothing yet: the given one, else the first free one of `otherwise`, `otherwise-2`, ...

    Raises
    ------
    DataError
        The given one holds something, or cannot be made.
    """
    if folder is None:
        places = (
            otherwise if number == 1 else otherwise.with_name(f"{otherwise.name}-{number}") for number in count(1)
        )
        return writable_folder(next(place for place in places if not os.path.lexists(place)))
    writable_folder(folder)
    if folder.is_dir() and any(folder.iterdir()):
        raise DataError(f"The folder '{folder}' holds something already; name a new or empty one.")
    return folder
