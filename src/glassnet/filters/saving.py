"""A picture file filtered into another one, never into itself."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from glassnet.data import read_picture
from glassnet.errors import DataError, Fix
from glassnet.files import atomic_write, first_free
from glassnet.filters.apply import Filtered, apply_filter
from glassnet.filters.kernels import Filter

__all__ = ["FilteredFile", "filter_file"]

# ending -> (Pillow's name of the format, its settings). Level 3 packs a photograph three times as fast as the usual 6,
# into a file a few per cent larger.
_FORMATS: dict[str, tuple[str, dict[str, int]]] = {
    ".png": ("PNG", {"compress_level": 3}),
    ".jpg": ("JPEG", {"quality": 95}),
    ".jpeg": ("JPEG", {"quality": 95}),
    ".webp": ("WEBP", {"quality": 95}),
    ".bmp": ("BMP", {}),
    ".tif": ("TIFF", {}),
    ".tiff": ("TIFF", {}),
    ".pgm": ("PPM", {}),
    ".ppm": ("PPM", {}),
    ".pnm": ("PPM", {}),
}


@dataclass(frozen=True, eq=False)
class FilteredFile:
    """A picture and what became of it.

    Attributes
    ----------
    image : (H, W, C) uint8 array
        The picture that was filtered.
    found : Filtered
        The result and its figures.
    path : Path
        The file that was written.
    seconds : float
        How long the filtering took.

    Examples
    --------
    >>> import tempfile
    >>> from PIL import Image
    >>> from glassnet.filters import filter_file, make_filter
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     Image.new("RGB", (6, 4), "white").save(f"{folder}/a.png")
    ...     done = filter_file(f"{folder}/a.png", make_filter("blur"), f"{folder}/b.png")
    >>> done.path.name, done.image.shape, done.found.picture.shape
    ('b.png', (4, 6, 3), (4, 6, 3))
    """

    image: NDArray[np.uint8]
    found: Filtered
    path: Path
    seconds: float


def filter_file(
    path: str | os.PathLike[str],
    chosen: Filter,
    out: str | os.PathLike[str] | None = None,
    *,
    edge: str = "reflect",
    progress: Callable[[float], None] | None = None,
) -> FilteredFile:
    """Filter a picture file and save the result.

    Parameters
    ----------
    path : str or path-like
        The picture, read by `glassnet.data.read_picture`.
    out : str or path-like, optional
        Where to; None: PICTURE-KERNEL.png in the working folder, with a number where that exists already.
    edge : str
        See `apply_filter`.
    progress : Progress, optional
        See `apply_filter`.

    Raises
    ------
    GlassnetError
        The picture cannot be read, the result cannot be written, or would replace the picture.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from PIL import Image
    >>> from glassnet.filters import filter_file, make_filter
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     Image.new("L", (6, 4), 100).save(f"{folder}/a.png")
    ...     _ = filter_file(f"{folder}/a.png", make_filter("blur"), f"{folder}/b.png")
    ...     sorted(path.name for path in Path(folder).iterdir())
    ['a.png', 'b.png']
    """
    source = Path(path)
    place = _free(source, chosen.name) if out is None else _checked(Path(out), source)
    image = read_picture(source)
    start = time.perf_counter()
    found = apply_filter(image, chosen, edge=edge, progress=progress)
    seconds = time.perf_counter() - start
    _save(place, found.picture)
    return FilteredFile(image, found, place, seconds)


def _free(source: Path, kernel: str) -> Path:
    """A name in the working folder that nothing has yet."""
    names = (f"{source.stem}-{kernel}{'' if n == 1 else f'-{n}'}.png" for n in count(1))
    return first_free(map(Path, names))


def _checked(place: Path, source: Path) -> Path:
    if place.suffix.lower() not in _FORMATS:
        raise DataError(f"The name of a result ends in one of {', '.join(_FORMATS)}. Got '{place}' instead.")
    if place.is_dir():
        raise DataError(f"'{place}' is a folder.", Fix.NAME_OUTPUT_FILE, example=place / f"{source.stem}.png")
    if place.exists() and source.exists() and place.samefile(source):
        raise DataError(f"'{place}' is the picture itself, which is never overwritten.", Fix.CHOOSE_OUTPUT)
    return place


def _save(place: Path, picture: NDArray[np.uint8]) -> None:
    name, settings = _FORMATS[place.suffix.lower()]
    image = Image.fromarray(picture[..., 0] if picture.shape[2] == 1 else picture)
    with atomic_write(place) as file:
        try:
            image.save(file, format=name, **settings)
        except (ValueError, SystemError) as error:  # sides longer than the format has numbers for
            raise DataError(f"Cannot write '{place}': {error}. Choose another format, such as .png.") from error
