"""One page read so that it can be looked at and put right: its stages, its words, its corrections."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path

from glassnet.data.pictures import read_picture
from glassnet.errors import ReaderError
from glassnet.files import atomic_write, plain_bytes, write_text
from glassnet.reader import BestReader, Page, Reader
from glassnet.reader.correction import corrected
from glassnet.reader.export import as_text
from glassnet.reader.searchable import as_pdf
from glassnet.reader.stages import StageShown, stages_shown

__all__ = ["CORRECTED", "PageShown", "correct", "export_page", "keep", "read_page"]

CORRECTED = "corrected"
"""The folder, in the one that was opened, that corrected pages are kept in."""


@dataclass(frozen=True, eq=False)
class PageShown:
    """A page that was read.

    Attributes
    ----------
    picture : Path
        The picture.
    name : str
        What the user calls it, a file's name.
    page : Page
        What was read, with the corrections so far.
    stages : tuple of StageShown
        What the stages found.
    corrections : int
        Words that were put right.
    """

    picture: Path
    name: str
    page: Page
    stages: tuple[StageShown, ...]
    corrections: int = 0


def read_page(reader: Reader | BestReader, picture: Path, name: str) -> PageShown:
    """Read a page with its stages. Raises `GlassnetError` where the picture cannot be read."""
    state = reader.state(picture)
    assert state.page is not None
    return PageShown(picture, name, state.page, stages_shown(state))


def correct(shown: PageShown, line: int, word: int, text: str) -> PageShown:
    """The page with a word put right; see `glassnet.reader.correction.corrected`."""
    return replace(shown, page=corrected(shown.page, line, word, text), corrections=shown.corrections + 1)


def keep(shown: PageShown, folder: Path, kept: Sequence[Path] = ()) -> tuple[Path, Path]:
    """Copy the picture with its corrected text beside it, as `glassnet.actions.learn.learn_hand` takes them.

    Parameters
    ----------
    shown : PageShown
        A page of some text.
    folder : Path
        The folder that was opened; `corrected` in it is made where it is missing.
    kept : sequence of Path
        The files of this page from before, which are written over; () takes names that are free.

    Returns
    -------
    (Path, Path)
        The picture and its text.

    Raises
    ------
    GlassnetError
        There is no text, or nothing can be written.
    """
    if not shown.page.lines:
        raise ReaderError("There is no text on this page to keep.")
    if kept:
        picture, text = kept
    else:
        picture, text = _free(folder / CORRECTED, shown)
        with atomic_write(picture) as file:
            file.write(plain_bytes(shown.picture))
    write_text(text, shown.page.text + "\n")
    return picture, text


def _free(folder: Path, shown: PageShown) -> tuple[Path, Path]:
    """Names that no file has, made of the letters and digits of the page's own."""
    stem = re.sub(r"[^A-Za-z0-9_-]+", "-", Path(shown.name).stem).strip("-")[:60] or "page"
    folder.mkdir(exist_ok=True)
    for number in count(1):
        name = stem if number == 1 else f"{stem}-{number}"
        picture = folder / f"{name}{shown.picture.suffix}"
        text = picture.with_suffix(".txt")
        if not any(path.stem == name for path in folder.iterdir()):
            return picture, text
    raise AssertionError


def export_page(shown: PageShown, form: str) -> bytes:
    """The page as a file: "text", "hocr" or "pdf". Raises `ReaderError` for any other form."""
    if form == "pdf":
        return as_pdf(shown.page, read_picture(shown.picture))
    if form not in ("text", "hocr"):
        raise ReaderError(f"A page is downloaded as text, hocr or pdf. Got '{form}' instead.")
    return as_text(shown.page, form, shown.name).encode()
