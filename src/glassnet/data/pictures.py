"""Picture files become arrays here and nowhere else, so that training and prediction see the same pixels."""

from __future__ import annotations

import logging
import math
import os
import warnings
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps

from glassnet.data.reading import STRETCHED, Reading
from glassnet.errors import DataError

__all__ = [
    "common_size",
    "entries",
    "is_picture_name",
    "picture_info",
    "pictures_in",
    "pictures_of",
    "read_picture",
    "read_pictures",
]

_SUFFIXES = frozenset({".bmp", ".gif", ".jpeg", ".jpg", ".pgm", ".png", ".pnm", ".ppm", ".tif", ".tiff", ".webp"})

MOST_PIXELS = 100_000_000  # larger than any camera's picture; a file that claims more is damaged or hostile
_MOST_BYTES = 8 * 2**30  # of one data set in memory
_FALLBACK_SIZE = (32, 32)
_GREY_MODES = frozenset({"1", "L", "LA", "La", "I", "I;16", "I;16L", "I;16B", "I;16N"})
_SEVERAL_FRAMES_ALLOWED = frozenset({"MPO"})  # a phone's JPEG with a preview or a second view inside
_ORIENTATION = 0x0112
_SIDEWAYS = frozenset({5, 6, 7, 8})
_T = TypeVar("_T")

# Pillow logs what is wrong with a TIFF; without a handler that reaches the terminal beside the one line of the error.
logging.getLogger("PIL").addHandler(logging.NullHandler())


def read_picture(
    path: str | os.PathLike[str],
    image_shape: tuple[int, int, int] | None = None,
    reading: Reading = STRETCHED,
    *,
    enough: int | None = None,
) -> npt.NDArray[np.uint8]:
    """A picture file as (H, W, C) uint8 in 0..255.

    The picture is turned as its EXIF orientation says, transparent parts are laid on white, 16 bits a pixel are
    rounded to 8, colours are brought to C channels (1: grey, with the ITU-R 601 weights 0.299, 0.587, 0.114; 3: RGB)
    and last it is brought to H x W as `reading` says (stretched, unless told otherwise). Without `image_shape` it keeps
    its size, and a grey picture has one channel, any other three.

    enough: pixels; a JPEG of many more may come at a half, a quarter or an eighth of its size with at least so many,
    several times faster.

    Raises
    ------
    DataError
        The file is missing, no picture, truncated, animated, of a kind that has no 8-bit meaning, or claims more than
        100 million pixels; the window of the reading is larger than its shortest side.
    """
    if image_shape is not None:
        _check_shape(image_shape)
        reading.check(image_shape[:2])

    def use(picture: Image.Image) -> npt.NDArray[np.uint8]:
        width, height = picture.size
        if enough is not None and enough < width * height:
            share = (enough / (width * height)) ** 0.5
            picture.draft(picture.mode, (math.ceil(width * share), math.ceil(height * share)))
        return _to_array(picture, image_shape, reading)

    return _opened(path, use)


def picture_info(path: str | os.PathLike[str]) -> tuple[int, int, int]:
    """(H, W, C) that `read_picture` would give without a shape, from the file's header alone (fast)."""
    return _opened(path, _info)


def is_picture_name(path: Path) -> bool:
    """Whether the name is that of a picture and not of a hidden file."""
    return path.suffix.lower() in _SUFFIXES and not path.name.startswith(".")


def entries(folder: Path) -> list[Path]:
    """What lies in a folder, in alphabetical order. Raises `DataError` when it cannot be read."""
    try:
        return sorted(folder.iterdir(), key=lambda p: p.name)
    except OSError as error:
        raise DataError(f"Cannot read the folder '{folder}': {error.strerror or error}.") from error


def pictures_in(folder: Path) -> list[Path]:
    """The picture files of a folder in alphabetical order. Raises `DataError` when it cannot be read."""
    return [p for p in entries(folder) if is_picture_name(p)]


def pictures_of(paths: Iterable[Path]) -> list[Path]:
    """Each path once, a folder as the pictures in it. Raises `DataError` for a folder that holds none."""
    found: dict[Path, None] = {}
    for path in paths:
        pictures = pictures_in(path) if path.is_dir() else [path]
        if not pictures:
            raise DataError(f"Folder '{path}' holds no pictures (files that end in {', '.join(sorted(_SUFFIXES))}).")
        found.update(dict.fromkeys(pictures))
    return list(found)


def common_size(
    infos: Sequence[tuple[int, int, int]], image_size: tuple[int, int] | None
) -> tuple[tuple[int, int, int], tuple[str, ...]]:
    """((H, W, C), notes) to which pictures of these shapes are brought.

    H x W is `image_size` if given, else the size that all share, else 32x32, and then a note says so.
    C is 1 if all pictures are grey, else 3.
    """
    channels = 1 if all(c == 1 for _, _, c in infos) else 3
    if image_size is not None:
        _check_shape((*image_size, channels))
        return (image_size[0], image_size[1], channels), ()
    sizes = {(h, w) for h, w, _ in infos}
    if len(sizes) == 1:
        h, w = sizes.pop()
        return (h, w, channels), ()
    h, w = _FALLBACK_SIZE
    smallest, largest = min(sizes, key=lambda s: s[0] * s[1]), max(sizes, key=lambda s: s[0] * s[1])
    note = (
        f"The pictures have {len(sizes)} different sizes ({smallest[0]}x{smallest[1]} to {largest[0]}x{largest[1]}); "
        f"all were brought to {h}x{w}. Give an image size to choose another."
    )
    return (h, w, channels), (note,)


def read_pictures(
    paths: Sequence[Path], image_shape: tuple[int, int, int], reading: Reading = STRETCHED
) -> npt.NDArray[np.uint8]:
    """(N, H, W, C) uint8: every picture of the list, brought to one shape. Raises `DataError` as `read_picture`
    does.
    """
    total = len(paths) * image_shape[0] * image_shape[1] * image_shape[2]
    if total > _MOST_BYTES:
        h, w, c = image_shape
        raise DataError(
            f"{len(paths)} pictures of {h}x{w}x{c} would take {total / 2**30:.1f} GiB of memory; choose a smaller "
            "image size or a folder of fewer pictures."
        )
    images = np.empty((len(paths), *image_shape), np.uint8)
    for row, path in enumerate(paths):
        images[row] = read_picture(path, image_shape, reading)
    return images


def _check_shape(shape: tuple[int, int, int]) -> None:
    h, w, c = shape
    if h < 1 or w < 1 or h * w > MOST_PIXELS or c not in (1, 3):
        raise DataError(f"A picture is read as H x W x 1 (grey) or H x W x 3 (RGB). Got {h}x{w}x{c} instead.")


def _opened(path: str | os.PathLike[str], use: Callable[[Image.Image], _T]) -> _T:
    """Open `path`, hand it to `use`, and turn whatever goes wrong into one line."""
    # Pillow's plug-ins raise OSError, SyntaxError, ValueError, struct.error, zlib.error, IndexError and more for
    # damaged files, and warn about metadata that does not matter here. Nothing but the file is at work in the block.
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(path) as picture:
                _guard(picture, path)
                return use(picture)
    except DataError:
        raise
    except FileNotFoundError as error:
        raise DataError(f"There is no picture '{path}'; check the name.") from error
    except IsADirectoryError as error:
        raise DataError(f"'{path}' is a folder; name a picture in it.") from error
    except Exception as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or str(error) or type(error).__name__
        raise DataError(
            f"Cannot read '{path}' as a picture: {reason}. The file is damaged, cut short or no picture; replace "
            "it or leave it out."
        ) from error


def _guard(picture: Image.Image, path: str | os.PathLike[str]) -> None:
    width, height = picture.size
    if width * height > MOST_PIXELS or width < 1 or height < 1:
        raise DataError(
            f"Picture '{path}' claims {width} x {height} pixels; at most {MOST_PIXELS // 10**6} million are read. "
            "Make it smaller."
        )
    frames = getattr(picture, "n_frames", 1)
    if frames > 1 and picture.format not in _SEVERAL_FRAMES_ALLOWED:
        raise DataError(
            f"Picture '{path}' is animated or has pages ({frames} frames); save the frame you mean as a PNG."
        )
    if picture.mode == "F":
        raise DataError(f"Picture '{path}' holds floating-point pixels without a known range; save it as 8-bit PNG.")


def _info(picture: Image.Image) -> tuple[int, int, int]:
    width, height = picture.size
    if picture.getexif().get(_ORIENTATION) in _SIDEWAYS:
        width, height = height, width
    return height, width, 1 if picture.mode in _GREY_MODES else 3


def _to_array(
    picture: Image.Image, image_shape: tuple[int, int, int] | None, reading: Reading
) -> npt.NDArray[np.uint8]:
    picture.load()
    channels = image_shape[2] if image_shape else (1 if picture.mode in _GREY_MODES else 3)
    picture = ImageOps.exif_transpose(picture)
    picture = _on_white(_eight_bits(picture)).convert("L" if channels == 1 else "RGB")
    if image_shape is not None:
        picture = reading.bring(picture, image_shape[:2])
    array = np.array(picture, dtype=np.uint8)
    return array[:, :, None] if array.ndim == 2 else array


def _eight_bits(picture: Image.Image) -> Image.Image:
    """16-bit grey to 8 bits. Pillow's own conversion cuts everything above 255 to white."""
    if picture.mode != "I" and not picture.mode.startswith("I;16"):
        return picture
    values = np.asarray(picture).astype(np.int64)
    if values.min() < 0 or values.max() > 65535:
        raise DataError("Its pixels are 32-bit numbers outside 0..65535, which have no 8-bit meaning")
    # 65535 / 257 = 255 exactly; adding 128 rounds to nearest.
    return Image.fromarray(((values + 128) // 257).astype(np.uint8))


def _on_white(picture: Image.Image) -> Image.Image:
    if not picture.has_transparency_data:
        return picture
    layer = picture.convert("RGBA")
    white = Image.new("RGBA", layer.size, (255, 255, 255, 255))
    return Image.alpha_composite(white, layer)
