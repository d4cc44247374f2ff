"""Pictures and PDFs that were given to the page: kept in a folder of the server's own, known by an id."""

from __future__ import annotations

import io
import secrets
import tempfile
import threading
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from glassnet.data.pdf import page_numbers, read_pdf_page
from glassnet.data.pictures import open_picture, picture_info
from glassnet.errors import DataError

__all__ = ["Pdf", "Upload", "Uploads"]

_MOST = 24  # pictures that are kept
_PDFS = 3  # that are kept
_PIXELS, _ENOUGH = 40_000_000, 8_000_000  # of one picture, and of a page of a PDF
_LONGEST = 120  # characters of a name
_SUFFIXES = {"JPEG": ".jpg", "MPO": ".jpg", "PNG": ".png", "GIF": ".gif", "BMP": ".bmp", "PPM": ".ppm", "TIFF": ".tif",
             "WEBP": ".webp"}  # fmt: skip


@dataclass(frozen=True)
class Upload:
    """A picture: its id, what the user calls it, the server's own file, (H, W, C)."""

    id: str
    name: str
    path: Path
    shape: tuple[int, int, int]


@dataclass(frozen=True)
class Pdf:
    """A PDF: its id, what the user calls it, the server's own file, how many pages it has."""

    id: str
    name: str
    path: Path
    pages: int


class Uploads:
    """The pictures that were given last; older ones are forgotten. Closing it removes them all."""

    def __init__(self) -> None:
        self.made: tempfile.TemporaryDirectory[str] | None = None
        self.lock, self.kept, self.pdfs = threading.Lock(), dict[str, Upload](), dict[str, Pdf]()

    @property
    def folder(self) -> Path:
        """The server's own, made with the first picture."""
        with self.lock:
            self.made = self.made or tempfile.TemporaryDirectory(prefix="glassnet-open-")
            return Path(self.made.name)

    def add(self, content: bytes, name: str) -> Upload:
        """Keep a picture.

        Parameters
        ----------
        content : bytes
            The file.
        name : str
            What it is called; it is shown, and never opened.

        Raises
        ------
        DataError
            It is no picture, is damaged, or has more than 40 million pixels.
        """
        id = secrets.token_hex(8)
        path = self.folder / id
        path.write_bytes(content)
        try:
            shape = picture_info(path)
            if shape[0] * shape[1] > _PIXELS:
                raise DataError(
                    f"The picture has {shape[1]} x {shape[0]} pixels; at most {_PIXELS // 10**6} million are taken."
                )
            with path.open("rb") as file, open_picture(file) as picture:
                suffix = _SUFFIXES.get(picture.format or "", ".png")
            placed = path.rename(path.with_suffix(suffix))
        except DataError as error:
            path.unlink(missing_ok=True)
            raise DataError(str(error).replace(str(path), name[:_LONGEST] or "the picture")) from error
        made = Upload(id, name[:_LONGEST] or "picture", placed, shape)
        with self.lock:
            self.kept[id] = made
            while len(self.kept) > _MOST:
                self.kept.pop(next(iter(self.kept))).path.unlink(missing_ok=True)
        return made

    def add_pdf(self, content: bytes, name: str) -> Pdf:
        """Keep a PDF. Raises `DataError` where it cannot be read, or pypdfium2 is not installed."""
        path = self.folder / f"{secrets.token_hex(8)}.pdf"
        path.write_bytes(content)
        called = name[:_LONGEST] or "the PDF"
        try:
            pages = len(page_numbers(path))
        except DataError as error:
            path.unlink(missing_ok=True)
            raise DataError(str(error).replace(str(path), called)) from error
        made = Pdf(path.stem, called, path, pages)
        with self.lock:
            self.pdfs[made.id] = made
            while len(self.pdfs) > _PDFS:
                self.pdfs.pop(next(iter(self.pdfs))).path.unlink(missing_ok=True)
        return made

    def pdf_page(self, id: str, number: int) -> Upload:
        """A page of a PDF, from 1, as a picture. Raises `DataError` where there is none, or it is damaged."""
        pdf = self.pdfs.get(id)
        if pdf is None:
            raise DataError("That PDF is not kept any more; drop it once more.")
        try:
            pixels = read_pdf_page(pdf.path, number, enough=_ENOUGH).pixels
        except DataError as error:
            raise DataError(str(error).replace(str(pdf.path), pdf.name)) from error
        file = io.BytesIO()
        Image.fromarray(pixels).save(file, "PNG")
        stem = Path(pdf.name).stem
        return self.add(file.getvalue(), f"{stem}-{number}.png" if pdf.pages > 1 else f"{stem}.png")

    def get(self, id: str) -> Upload:
        """The picture of an id. Raises `DataError` where there is none any more."""
        found = self.kept.get(id)
        if found is None:
            raise DataError("That picture is not kept any more; drop it once more.")
        return found

    def close(self) -> None:
        """Remove all pictures."""
        if self.made is not None:
            self.made.cleanup()
