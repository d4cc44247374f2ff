"""Many pictures read one after the other, or in several processes at once."""

from __future__ import annotations

import concurrent.futures
import multiprocessing
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from glassnet import threads
from glassnet.data.pictures import read_picture
from glassnet.errors import GlassnetError
from glassnet.files import atomic_write
from glassnet.model import Model
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
    """

    picture: Path
    target: Path | None = None
    form: str | None = None
    drawn: bool = False


@dataclass(frozen=True)
class _Settings:
    alphabet: str
    words: Collection[str] | None
    model: Path | None


Outcome = tuple[Page | None, list[Path], GlassnetError | None]

_settings: _Settings | None = None
_recogniser: Recogniser | None = None


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
    settings = _Settings(alphabet, words, model)
    if jobs == 1 or len(tasks) == 1:
        _start(settings, None)
        for task in tasks:
            yield _run(task)
        return
    context = multiprocessing.get_context("spawn")
    each = max(1, threads.count() // jobs)
    with concurrent.futures.ProcessPoolExecutor(
        min(jobs, len(tasks)), mp_context=context, initializer=_start, initargs=(settings, each)
    ) as pool:
        yield from pool.map(_run, tasks)


def _start(settings: _Settings, count: int | None) -> None:
    global _settings, _recogniser
    if count is not None:
        threads.set_count(count)
    model = Model.load(settings.model) if settings.model else None
    _settings, _recogniser = settings, Recogniser(model, parse_alphabet(settings.alphabet))


def _run(task: Task) -> Outcome:
    assert _settings is not None
    try:
        drawn = task.target is not None and (task.drawn or task.form == "pdf")
        pixels = read_picture(task.picture) if drawn else None
        picture = task.picture if pixels is None else pixels
        page = read(picture, alphabet=_settings.alphabet, words=_settings.words, recogniser=_recogniser)
        files = []
        if task.target is not None and task.form is not None:
            files.append(write_page(page, pixels, task.target, task.form))
        if task.target is not None and task.drawn and pixels is not None:
            files.append(_save_drawn(page, pixels, task.target))
        return page, files, None
    except GlassnetError as error:
        return None, [], error


def drawn_name(target: Path) -> Path:
    """The file of the picture with what was found."""
    return target.with_name(f"{target.stem}-read.png")


def _save_drawn(page: Page, pixels: Pixels, target: Path) -> Path:
    file = drawn_name(target)
    with atomic_write(file) as handle:
        overlay(page, pixels).save(handle, "PNG")
    return file
