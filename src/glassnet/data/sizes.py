"""How large the pictures of a set are, before it is read."""

from __future__ import annotations

import contextlib
import os
import statistics
from pathlib import Path

from glassnet.data.catalogue import place_of
from glassnet.data.loading import holds_picture_files
from glassnet.data.pictures import is_picture_name, picture_info
from glassnet.errors import DataError
from glassnet.files import exists

__all__ = ["typical_size"]

_LOOKED_AT = 100  # headers that are read


def typical_size(data: str | Path) -> tuple[int, int] | None:
    """(H, W), each the median over up to 100 pictures spread evenly over a set of picture files.

    None for a set of another kind, or where nothing can be read: whoever loads the set says what is wrong.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from PIL import Image
    >>> from glassnet.data import typical_size
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     Path(folder, "cat").mkdir()
    ...     Image.new("L", (16, 8), 200).save(f"{folder}/cat/a.png")
    ...     typical_size(folder)
    (8, 16)
    """
    with contextlib.suppress(DataError):
        if holds_picture_files(data):
            sizes = _sizes(Path(data) if exists(data) else place_of(str(data)))
            if sizes:
                return int(statistics.median(h for h, _ in sizes)), int(statistics.median(w for _, w in sizes))
    return None


def _sizes(root: Path) -> list[tuple[int, int]]:
    files = sorted(
        Path(place, name) for place, _, names in os.walk(root) for name in names if is_picture_name(Path(place, name))
    )
    found = []
    for file in files[:: max(1, len(files) // _LOOKED_AT)]:
        with contextlib.suppress(DataError):
            found.append(picture_info(file)[:2])
    return found
