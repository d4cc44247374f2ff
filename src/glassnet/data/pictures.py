"""Picture files become arrays here and nowhere else, so that training and prediction see the same pixels."""

from __future__ import annotations

import contextlib
import logging
import math
import os
import threading
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps, UnidentifiedImageError, features

from glassnet.data.reading import STRETCHED, Reading
from glassnet.errors import DataError
from glassnet.files import open_plain

__all__ = [
    "FALLBACK_SIZE",
    "Shape",
    "as_bytes",
    "beside_other_threads",
    "bring_pixels",
    "common_size",
    "entries",
    "files_below",
    "is_picture_name",
    "is_unread_picture_name",
    "open_picture",
    "picture_info",
    "pictures_below",
    "pictures_in",
    "pictures_of",
    "read_picture",
    "read_sized",
]

# The formats that Pillow may take a file for, whatever its name says. It knows some forty, among them PostScript, for
# which it runs Ghostscript on the file.
_FORMATS = ("PNG", "JPEG", "GIF", "BMP", "PPM", "TIFF", "WEBP")
_SUFFIXES = frozenset({
    ".bmp", ".gif", ".jfif", ".jpe", ".jpeg", ".jpg", ".pbm", ".pgm", ".png", ".pnm", ".ppm", ".tif", ".tiff", ".webp",
})  # fmt: skip
_UNREAD_SUFFIXES = frozenset({
    ".arw", ".avif", ".cr2", ".dds", ".dng", ".eps", ".exr", ".hdr", ".heic", ".heif", ".ico", ".j2k", ".jp2", ".jxl",
    ".nef", ".pcx", ".pdf", ".psd", ".qoi", ".raw", ".svg", ".tga", ".xbm", ".xpm",
})  # fmt: skip

MOST_PIXELS = 100_000_000  # larger than any camera's picture; a file that claims more is damaged or hostile
FALLBACK_SIZE = (32, 32)
_GREY_MODES = frozenset({"1", "L", "LA", "La", "I", "I;16", "I;16L", "I;16B", "I;16N"})
_SEVERAL_FRAMES_ALLOWED = frozenset({"MPO"})  # a phone's JPEG with a preview or a second view inside
_ORIENTATION = 0x0112
_TIFF_WIDTH, _TIFF_HEIGHT = 256, 257
_SIDEWAYS = frozenset({5, 6, 7, 8})
_T = TypeVar("_T")

Shape = tuple[int, int, int]
_helper = threading.local()

# Pillow logs what is wrong with a TIFF; without a handler that reaches the terminal beside the one line of the error.
logging.getLogger("PIL").addHandler(logging.NullHandler())
# It warns of metadata that do not matter here; see `_without_warnings` for threads that cannot set this when they read.
warnings.filterwarnings("ignore", module=r"PIL\b")


def read_picture(
    path: str | os.PathLike[str],
    image_shape: tuple[int, int, int] | None = None,
    reading: Reading = STRETCHED,
    *,
    enough: int | None = None,
) -> npt.NDArray[np.uint8]:
    """A picture file as (H, W, C) uint8 in 0..255.

    The picture is turned as its EXIF orientation says, transparent parts are laid on white, 16-bit grey is rounded to 8
    bits, colours are brought to C channels (1: grey, with the ITU-R 601 weights 0.299, 0.587, 0.114; 3: RGB) and last
    it is brought to H x W as `reading` says (stretched, unless told otherwise). Without `image_shape` it keeps
    its size, and a grey picture has one channel, any other three.

    enough: pixels; a JPEG of many more may come at a half, a quarter or an eighth of its size with at least so many,
    several times faster.

    Raises
    ------
    DataError
        The file is missing, no picture, truncated, animated, of a kind that has no 8-bit meaning, or claims more than
        100 million pixels; the window of the reading is larger than its shortest side.

    Examples
    --------
    >>> import tempfile
    >>> from PIL import Image
    >>> from glassnet.data import read_picture
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     Image.new("L", (16, 8), 200).save(f"{folder}/a.png")
    ...     read_picture(f"{folder}/a.png").shape
    (8, 16, 1)
    """
    if image_shape is not None:
        _check_shape(image_shape)
        reading.check(image_shape[:2])

    def use(picture: Image.Image) -> npt.NDArray[np.uint8]:
        width, height = picture.size
        if enough is not None and enough < width * height:
            share = (enough / (width * height)) ** 0.5
            picture.draft(picture.mode, (math.ceil(width * share), math.ceil(height * share)))
        whole = _decoded(picture, image_shape[2] if image_shape else _channels(picture))
        return _pixels(reading.bring(whole, image_shape[:2]) if image_shape else whole)

    return _opened(path, use)


def as_bytes(pixels: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
    """Pixels in 0 ... 255: bytes as they are, floats in 0 ... 1 rounded, what lies beyond cut off."""
    return pixels if pixels.dtype == np.uint8 else np.rint(np.clip(pixels, 0, 1) * 255).astype(np.uint8)


def bring_pixels(
    pixels: npt.NDArray[np.uint8], image_shape: Shape, reading: Reading = STRETCHED
) -> npt.NDArray[np.uint8]:
    """Pixels (H', W', 1, 3 or 4) in memory as (H, W, C) uint8: what `read_picture` makes of them in a file."""
    _check_shape(image_shape)
    reading.check(image_shape[:2])
    picture = Image.fromarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels)
    try:
        return _pixels(reading.bring(_decoded(picture, image_shape[2]), image_shape[:2]))
    except ValueError as error:
        raise DataError(f"A picture cannot be used: {error}.") from error


def picture_info(path: str | os.PathLike[str]) -> tuple[int, int, int]:
    """(H, W, C) that `read_picture` would give without a shape, from the file's header alone (fast)."""
    return _opened(path, _info)


def read_sized(
    path: str | os.PathLike[str], size: tuple[int, int] | None, reading: Reading = STRETCHED
) -> tuple[Shape, npt.NDArray[np.uint8]]:
    """((H, W, C) of a picture, its pixels at `size`), in one opening of the file.

    C is 1 for a grey picture, else 3, for both; without a size the pixels are as many as the picture has. What
    `read_picture` gives for three channels is a grey picture's one channel three times.
    """
    if size is not None:
        _check_shape((*size, 3))
        reading.check(size)

    def use(picture: Image.Image) -> tuple[Shape, npt.NDArray[np.uint8]]:
        whole = _decoded(picture, channels := _channels(picture))
        return (whole.height, whole.width, channels), _pixels(reading.bring(whole, size) if size else whole)

    return _opened(path, use)


def beside_other_threads() -> None:
    """From now on, this thread reads pictures without touching how the process treats warnings.

    Filters of warnings belong to the process: two threads that set and restore them could leave either's behind.
    """
    _helper.leaves_warnings = True


@contextlib.contextmanager
def _without_warnings() -> Iterator[None]:
    """Metadata that Pillow warns of do not matter here."""
    if getattr(_helper, "leaves_warnings", False):
        yield
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def is_picture_name(path: Path) -> bool:
    """Whether the name is that of a picture that is read, and not of a hidden file."""
    return path.suffix.lower() in _suffixes() and not path.name.startswith(".")


def is_unread_picture_name(path: Path) -> bool:
    """Whether the name is that of a picture of a kind that is not read."""
    return path.suffix.lower() in _UNREAD_SUFFIXES - _suffixes() and not path.name.startswith(".")


@cache
def _reads_avif() -> bool:
    # Pillow has it since version 11.3, unless it was built without.
    return "avif" in features.modules and features.check_module("avif")


@cache
def _formats() -> tuple[str, ...]:
    return (*_FORMATS, "AVIF") if _reads_avif() else _FORMATS


@cache
def _suffixes() -> frozenset[str]:
    return _SUFFIXES | {".avif"} if _reads_avif() else _SUFFIXES


def entries(folder: Path) -> list[Path]:
    """What lies in a folder, in alphabetical order. Raises `DataError` when it cannot be read."""
    try:
        return sorted(folder.iterdir(), key=lambda p: p.name)
    except OSError as error:
        raise DataError(f"Cannot read the folder '{folder}': {error.strerror or error}.") from error


def pictures_in(folder: Path) -> list[Path]:
    """The picture files of a folder in alphabetical order. Raises `DataError` when it cannot be read."""
    return [p for p in entries(folder) if is_picture_name(p)]


def pictures_of(paths: Iterable[Path], wanted: Callable[[Path], bool] = is_picture_name) -> list[Path]:
    """Each path once, a folder as the pictures (or what else is wanted) in it. Raises `DataError` for one without."""
    found: dict[Path, None] = {}
    for path in paths:
        pictures = [entry for entry in entries(path) if wanted(entry)] if path.is_dir() else [path]
        if not pictures:
            raise DataError(f"Folder '{path}' holds no pictures (files that end in {', '.join(sorted(_suffixes()))}).")
        found.update(dict.fromkeys(pictures))
    return list(found)


def pictures_below(folder: Path) -> list[Path]:
    """The picture files of a folder and of all folders in it, hidden ones left out. Raises `DataError`."""
    return files_below(folder, is_picture_name)


def files_below(folder: Path, wanted: Callable[[Path], bool]) -> list[Path]:
    """The files of a folder and of all folders in it that are wanted, hidden folders left out. Raises `DataError`."""
    return list(_below(folder, wanted, set()))


def _below(folder: Path, wanted: Callable[[Path], bool], seen: set[Path]) -> Iterator[Path]:
    if (place := folder.resolve()) in seen:  # by a link that leads back
        return
    seen.add(place)
    found = [entry for entry in entries(folder) if not entry.name.startswith((".", "__"))]
    inner = [entry for entry in found if entry.is_dir()]
    yield from (entry for entry in found if wanted(entry) and not entry.is_dir())
    for entry in inner:
        yield from _below(entry, wanted, seen)


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
    h, w = FALLBACK_SIZE
    smallest, largest = min(sizes, key=lambda s: s[0] * s[1]), max(sizes, key=lambda s: s[0] * s[1])
    note = (
        f"The pictures have {len(sizes)} different sizes ({smallest[0]}x{smallest[1]} to {largest[0]}x{largest[1]}); "
        f"all were brought to {h}x{w}. Give an image size to choose another."
    )
    return (h, w, channels), (note,)


def _check_shape(shape: tuple[int, int, int]) -> None:
    h, w, c = shape
    if h < 1 or w < 1 or h * w > MOST_PIXELS or c not in (1, 3):
        raise DataError(f"A picture is read as H x W x 1 (grey) or H x W x 3 (RGB). Got {h}x{w}x{c} instead.")


@contextlib.contextmanager
def open_picture(file: BinaryIO) -> Iterator[Image.Image]:
    """The picture in an open file, if it is of one of the formats that are meant; Pillow opens nothing anywhere else.

    The file is handed over without its name, so that nothing is guessed from its ending either. Raises whatever
    Pillow's plug-ins raise, `UnidentifiedImageError` for any other format.
    """
    with Image.open(file, formats=_formats()) as picture:
        yield picture


def _opened(path: str | os.PathLike[str], use: Callable[[Image.Image], _T]) -> _T:
    """Open `path`, hand it to `use`, and turn whatever goes wrong into one line."""
    try:
        file = open_plain(path)
    except FileNotFoundError as error:
        raise DataError(f"There is no picture '{path}'; check the name.") from error
    except IsADirectoryError as error:
        raise DataError(f"'{path}' is a folder; name a picture in it.") from error
    except OSError as error:
        raise DataError(f"Cannot read '{path}' as a picture: {error.strerror or error}.") from error
    # Pillow's plug-ins raise OSError, SyntaxError, ValueError, struct.error, zlib.error, IndexError and more for
    # damaged files, and warn about metadata that does not matter here. Nothing but the file is at work in the block.
    try:
        with _without_warnings(), file, open_picture(file) as picture:
            _guard(picture, path)
            return use(picture)
    except DataError:
        raise
    except UnidentifiedImageError as error:
        if Path(path).suffix.lower() == ".pdf":
            raise DataError(
                f"Cannot read '{path}' as a picture: it is a PDF. Read its text page by page (read_pages), or save the"
                " page you mean as a PNG."
            ) from error
        raise DataError(
            f"Cannot read '{path}' as a picture: its content is none of {', '.join(_formats())}. Save it as PNG or "
            "leave it out."
        ) from error
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
    width, height, channels = *_stored_size(picture), _channels(picture)
    if picture.getexif().get(_ORIENTATION) in _SIDEWAYS:  # asked last: it loads a PNG, whose EXIF data may come last
        width, height = height, width
    return height, width, channels


def _stored_size(picture: Image.Image) -> tuple[int, int]:
    """(width, height) as the pixels lie in the file: Pillow's size of a TIFF is that of the picture already turned."""
    if picture.format != "TIFF":
        return picture.size
    tags = picture.tag_v2  # type: ignore[attr-defined]
    return int(tags[_TIFF_WIDTH]), int(tags[_TIFF_HEIGHT])


def _raw_modes(picture: Image.Image) -> set[str]:
    """How the pixels lie in the file, where the plug-in says so in one word: known until the picture is loaded."""
    return {tile[3] for tile in picture.tile if isinstance(tile[3], str)} if hasattr(picture, "tile") else set()


def _channels(picture: Image.Image) -> int:
    # Pillow opens 16-bit grey with an alpha channel as RGBA.
    return 1 if picture.mode in _GREY_MODES or "LA;16B" in _raw_modes(picture) else 3


def _decoded(picture: Image.Image, channels: int) -> Image.Image:
    """The picture upright, on white, with 8 bits in one channel or three."""
    transparent = picture.info.get("transparency")
    if "RGB;16B" in _raw_modes(picture) and isinstance(transparent, tuple):
        # Pillow keeps the high byte of a pixel, but all of the colour that stands for transparent.
        picture.info["transparency"] = tuple(value >> 8 for value in transparent)
    picture.load()
    picture = ImageOps.exif_transpose(picture)
    return _on_white(_eight_bits(picture)).convert("L" if channels == 1 else "RGB")


def _pixels(picture: Image.Image) -> npt.NDArray[np.uint8]:
    array = np.array(picture, dtype=np.uint8)
    return array[:, :, None] if array.ndim == 2 else array


def _eight_bits(picture: Image.Image) -> Image.Image:
    """16-bit grey to 8 bits, its transparent value to white. Pillow's own conversion cuts all above 255 to white."""
    if picture.mode != "I" and not picture.mode.startswith("I;16"):
        return picture
    values = np.asarray(picture).astype(np.int64)
    transparent = picture.info.get("transparency")
    if isinstance(transparent, int):
        values[values == transparent] = 65535
    if values.min() < 0 or values.max() > 65535:
        raise ValueError("its pixels are 32-bit numbers outside 0..65535, which have no 8-bit meaning")
    # 65535 / 257 = 255 exactly; adding 128 rounds to nearest.
    return Image.fromarray(((values + 128) // 257).astype(np.uint8))


def _on_white(picture: Image.Image) -> Image.Image:
    if not picture.has_transparency_data:
        return picture
    layer = picture.convert("RGBA")
    white = Image.new("RGBA", layer.size, (255, 255, 255, 255))
    return Image.alpha_composite(white, layer)
