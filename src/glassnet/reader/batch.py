"""Many pictures read one after the other, or in several processes at once."""

from __future__ import annotations

import functools
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from glassnet import threads
from glassnet.data.pdf import is_pdf_name, read_pdf_page
from glassnet.data.pictures import read_picture
from glassnet.errors import GlassnetError
from glassnet.files import atomic_write
from glassnet.processes import map_in_processes
from glassnet.reader.best import BestReader, make_reader
from glassnet.reader.export import Pixels, overlay, write_page
from glassnet.reader.page import Page
from glassnet.reader.reader import Reader
from glassnet.reader.searchable import RESOLUTION

__all__ = ["PageOutcome", "PageTask", "made_by_reading", "read_all"]


@dataclass(frozen=True)
class PageTask:
    """A picture or a page of a PDF to read, and what to write of it.

    Attributes
    ----------
    picture : Path
        The file.
    target : Path or None
        Files to write are named after it; None writes none.
    form : str or None
        One of `export.FORMATS`, or None for no such file.
    drawn : bool
        Whether to write the picture with what was found.
    least : float
        The confidence below which words are marked.
    number : int or None
        Where the file is a PDF, its page that is read, from 1.
    error : GlassnetError or None
        Why there is nothing to read, where that is known already.
    """

    picture: Path
    target: Path | None = None
    form: str | None = None
    drawn: bool = False
    least: float = 0.0
    number: int | None = None
    error: GlassnetError | None = None


PageOutcome = tuple[Page | None, list[Path], GlassnetError | None]


def read_all(
    tasks: Sequence[PageTask], reader: Reader | BestReader | None = None, *, jobs: int = 1
) -> Iterator[PageOutcome]:
    """(page, files written, error) of every task in order; of page and error one is None.

    Parameters
    ----------
    tasks : sequence of PageTask
        What to read and to write.
    reader : Reader, optional
        What reads; None takes one as it comes with the package.
    jobs : int
        Processes that share the pictures, each with its share of the threads and a copy of the reader.
    """
    reader = reader or make_reader()
    if jobs == 1 or len(tasks) <= 1:
        yield from map(functools.partial(_carry_out, reader), tasks)
        return
    each = max(1, threads.count() // jobs)
    yield from map_in_processes(_carry_out, tasks, jobs, _start, (each, reader))


def _start(count: int, reader: Reader | BestReader) -> Reader | BestReader:
    """Set a process up that reads for another one."""
    threads.set_count(count)
    return reader


def _carry_out(reader: Reader | BestReader, task: PageTask) -> PageOutcome:
    if task.error is not None:
        return None, [], task.error
    try:
        pixels, resolution = _pixels_of(reader, task)
        page = reader.read(task.picture if pixels is None else pixels)
        files = []
        if task.target is not None and task.form is not None:
            files.append(
                write_page(
                    page,
                    task.target,
                    task.form,
                    pixels=pixels,
                    source=task.picture.name,
                    number=task.number or 1,
                    resolution=resolution,
                    least=task.least,
                )
            )
        if task.target is not None and task.drawn and pixels is not None:
            files.append(_save_drawn(page, pixels, task.target))
        return page, files, None
    except GlassnetError as error:
        return None, [], error


def _pixels_of(reader: Reader | BestReader, task: PageTask) -> tuple[Pixels | None, float]:
    """The pixels of a page and how many make an inch; None where the reader may look at the file itself."""
    if task.number is not None:
        page = read_pdf_page(task.picture, task.number, enough=reader.settings.binarise.pixels)
        return page.pixels, page.resolution
    drawn = task.target is not None and (task.drawn or task.form == "pdf")
    return read_picture(task.picture) if drawn else None, RESOLUTION


def made_by_reading(files: Collection[Path]) -> set[Path]:
    """What reading has written beside these pictures and PDFs: overlays, page.pdf of page.jpg, letter-2.pdf of
    letter.pdf."""
    made = {_drawn_name(path) for path in files}
    made.update(path.with_suffix(".pdf") for path in files if not is_pdf_name(path))
    made.update(path for path in files if is_pdf_name(path) and _whole_of(path) in files)
    return made


def _whole_of(page: Path) -> Path | None:
    """The PDF whose page this file would be: letter.pdf of letter-2.pdf."""
    whole = re.sub(r"-[0-9]+$", "", page.stem)
    return page.with_name(whole + page.suffix) if whole != page.stem else None


def _drawn_name(target: Path) -> Path:
    """The file of the picture with what was found."""
    return target.with_name(f"{target.stem}-read.png")


def _save_drawn(page: Page, pixels: Pixels, target: Path) -> Path:
    file = _drawn_name(target)
    with atomic_write(file) as handle:
        overlay(page, pixels).save(handle, "PNG")
    return file
