"""Pages of PDF files become pictures here, at about the resolution of a scanner.

Only pypdfium2 (PDFium, the PDF engine of Chromium) reads them; it is an extra, `glassnet[pdf]`.
"""

from __future__ import annotations

import contextlib
import math
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt

from glassnet.errors import DataError
from glassnet.files import open_plain
from glassnet.text import counted

__all__ = ["PageImage", "is_pdf_name", "page_numbers", "parse_pages", "read_pdf_page"]

_INSTALL = (
    "PDFs are read by pypdfium2, which is not installed. Type: pip install 'glassnet[pdf]' (or: pip install pypdfium2)"
)
_POINTS = 72  # to an inch: the unit of a PDF's lengths
_RESOLUTION = 200  # dots per inch, of which writing needs some 150
_ENCRYPTED = 4  # PDFium's number of this error

_one_at_a_time = threading.RLock()  # PDFium may not be called by two threads at once

PageRanges = tuple[tuple[int, int | None], ...]


@dataclass(frozen=True)
class PageImage:
    """A page of a PDF as a picture.

    Attributes
    ----------
    pixels : (h, w, 3) uint8 array
        The page on white.
    resolution : float
        Pixels to an inch.
    """

    pixels: npt.NDArray[np.uint8] = field(repr=False)
    resolution: float


def is_pdf_name(path: Path) -> bool:
    """Whether the name is that of a PDF, and not of a hidden file."""
    return path.suffix.lower() == ".pdf" and not path.name.startswith(".")


def parse_pages(text: str) -> PageRanges:
    """Ranges such as "1-3,5" or "4-" (to the last page) as (first, last) pairs. Raises `DataError`."""
    ranges = []
    for part in text.split(","):
        found = re.fullmatch(r"\s*([0-9]{1,9})\s*(?:(-)\s*([0-9]{1,9})?)?\s*", part)
        first = int(found[1]) if found else 0
        last = None if not found else first if not found[2] else int(found[3]) if found[3] else None
        if first < 1 or (last is not None and last < first):
            raise DataError(f"Pages are written as in 1-3,5 or 4- (to the last), from 1. Got '{text}' instead.")
        ranges.append((first, last))
    return tuple(ranges)


def page_numbers(path: str | Path, chosen: PageRanges | None = None) -> list[int]:
    """The numbers of a PDF's pages from 1, all or those chosen, in order.

    Raises
    ------
    DataError
        The file is missing, encrypted, damaged, empty, or has fewer pages than were chosen; or pypdfium2 is missing.
    """
    with _document(path) as document:
        count = len(document)
    for first, last in chosen or ():
        if max(first, last or first) > count:
            raise DataError(f"'{path}' has {counted(count, 'page')}; there is no page {max(first, last or first)}.")
    ranges = chosen or ((1, None),)
    return sorted({number for first, last in ranges for number in range(first, (last or count) + 1)})


def read_pdf_page(path: str | Path, number: int, *, enough: int) -> PageImage:
    """A page of a PDF at 200 dots per inch, or fewer where those would make many more pixels than enough.

    Parameters
    ----------
    path : path
        The file.
    number : int
        The page, from 1.
    enough : int
        Pixels that the picture has at most, but for rounding.

    Raises
    ------
    DataError
        As of `page_numbers`, and where the page itself is damaged.
    """
    with _document(path) as document:
        if not 1 <= number <= len(document):
            raise DataError(f"'{path}' has {counted(len(document), 'page')}; there is no page {number}.")
        try:
            page = document[number - 1]
            width, height = page.get_size()
            scale = min(_RESOLUTION / _POINTS, math.sqrt(enough / max(width * height, 1e-9)))
            # A side of less than a pixel becomes one; so must the other one not grow beyond enough.
            scale = min(scale, enough / max(width, height, 1e-9))
            bitmap = page.render(scale=scale, rev_byteorder=True)
            pixels = np.array(bitmap.to_numpy()[..., :3], dtype=np.uint8)
        except (_pypdfium2().PdfiumError, ValueError, OverflowError, MemoryError) as error:
            raise DataError(
                f"Page {number} of '{path}' cannot be read: {_reason(error)}. The page is damaged."
            ) from error
    if pixels.ndim == 2:
        pixels = np.repeat(pixels[..., None], 3, axis=2)
    return PageImage(pixels, scale * _POINTS)


def _pypdfium2() -> ModuleType:
    """pypdfium2, or `DataError` with what to install."""
    try:
        import pypdfium2
    except ImportError as error:
        raise DataError(_INSTALL) from error
    return pypdfium2  # type: ignore[no-any-return]


@contextlib.contextmanager
def _document(path: str | Path) -> Iterator[Any]:
    """The open PDF, for one thread at a time. Raises `DataError`."""
    library = _pypdfium2()
    try:
        file = open_plain(path)
    except FileNotFoundError as error:
        raise DataError(f"There is no PDF '{path}'; check the name.") from error
    except OSError as error:
        raise DataError(f"Cannot read '{path}' as a PDF: {error.strerror or error}.") from error
    with _one_at_a_time, file:
        if not file.peek(1):
            raise DataError(f"Cannot read '{path}' as a PDF: the file is empty.")
        with contextlib.suppress(library.PdfiumError):
            library.PdfDocument(
                b"no PDF"
            )  # of a PDF without pages PDFium reports the error before; so that is this one
        try:
            document = library.PdfDocument(file)
        except library.PdfiumError as error:
            if getattr(error, "err_code", None) == _ENCRYPTED:
                raise DataError(f"'{path}' is encrypted; save a copy without its password and read that.") from error
            raise DataError(
                f"Cannot read '{path}' as a PDF: {_reason(error)}. The file is damaged, without pages or no PDF."
            ) from error
        try:
            yield document
        finally:
            document.close()


def _reason(error: BaseException) -> str:
    """What PDFium said, without its sentence around it."""
    text = str(error)
    found = re.search(r"\(PDFium: (.*?)\.?\)", text)
    return (found[1] if found else text or type(error).__name__).strip().rstrip(".")
