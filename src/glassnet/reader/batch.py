"""Many pictures read one after the other, or in several processes at once."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from glassnet import threads
from glassnet.data.pictures import read_picture
from glassnet.errors import GlassnetError
from glassnet.files import atomic_write
from glassnet.model import Model
from glassnet.processes import map_in_processes
from glassnet.reader.compose import Pixels, overlay, write_page
from glassnet.reader.page import Page
from glassnet.reader.reading import read
from glassnet.reader.recognise import Recogniser, parse_alphabet

__all__ = ["Task", "drawn_name", "read_all"]


@dataclass(frozen=True)
class Task:
    """A picture to read, and what to write of it.

    Attributes
    ----------
    picture : the file
    target : files to write are named after it; None writes none
    form : one of `compose.FORMATS`, or None for no such file
    drawn : whether to write the picture with what was found
    least : the confidence below which words are marked in a text file
    """

    picture: Path
    target: Path | None = None
    form: str | None = None
    drawn: bool = False
    least: float = 0.0


Outcome = tuple[Page | None, list[Path], GlassnetError | None]


def read_all(
    tasks: Sequence[Task],
    *,
    alphabet: str = "full",
    words: Collection[str] | None = None,
    model: Path | None = None,
    jobs: int = 1,
) -> Iterator[Outcome]:
    """(page, files written, error) of every task in order; of page and error one is None.

    With several `jobs` as many processes share the pictures, each with its share of the threads.
    """
    reader = _Reader(alphabet, words, model)
    if jobs == 1 or len(tasks) <= 1:
        yield from map(reader, tasks)
        return
    each = max(1, threads.count() // jobs)
    yield from map_in_processes(_read, tasks, jobs, _start, (each, alphabet, words, model))


class _Reader:
    """Carries tasks out, all with the same settings."""

    def __init__(self, alphabet: str, words: Collection[str] | None, model: Path | None) -> None:
        self.alphabet, self.words = alphabet, words
        self.recogniser = Recogniser(Model.load(model) if model else None, parse_alphabet(alphabet))

    def __call__(self, task: Task) -> Outcome:
        try:
            drawn = task.target is not None and (task.drawn or task.form == "pdf")
            pixels = read_picture(task.picture) if drawn else None
            picture = task.picture if pixels is None else pixels
            page = read(picture, alphabet=self.alphabet, words=self.words, recogniser=self.recogniser)
            files = []
            if task.target is not None and task.form is not None:
                files.append(write_page(page, pixels, task.target, task.form, least=task.least))
            if task.target is not None and task.drawn and pixels is not None:
                files.append(_save_drawn(page, pixels, task.target))
            return page, files, None
        except GlassnetError as error:
            return None, [], error


_reader: _Reader | None = None  # of a process that reads for another one


def _start(count: int, *settings: Any) -> None:
    global _reader
    threads.set_count(count)
    _reader = _Reader(*settings)


def _read(task: Task) -> Outcome:
    assert _reader is not None
    return _reader(task)


def drawn_name(target: Path) -> Path:
    """The file of the picture with what was found."""
    return target.with_name(f"{target.stem}-read.png")


def _save_drawn(page: Page, pixels: Pixels, target: Path) -> Path:
    file = drawn_name(target)
    with atomic_write(file) as handle:
        overlay(page, pixels).save(handle, "PNG")
    return file
