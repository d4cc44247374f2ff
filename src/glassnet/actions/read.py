"""The text of photographed, hand-printed pages, and how well it is read."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from glassnet import threads as pool
from glassnet.actions.events import Events
from glassnet.data.pictures import pictures_of
from glassnet.errors import GlassnetError, ReaderError
from glassnet.model import Model
from glassnet.reader import Page, Reader, read_words
from glassnet.reader.batch import PageTask, drawn_name, read_all
from glassnet.reader.evaluate import Scores, compare, pairs_in, summarise
from glassnet.reader.evaluation_page import write_evaluation
from glassnet.reader.export import FORMATS

__all__ = ["PageRead", "PagesRead", "ReadingEvaluated", "choose_reader", "evaluate_reading", "list_pictures", "read"]


@dataclass(frozen=True, eq=False)
class PageRead:
    """What came of one picture.

    Attributes
    ----------
    picture : Path
        The file.
    page : Page or None
        What was read; None where the picture could not be read.
    files : tuple of Path
        What was written.
    error : GlassnetError or None
        Why there is no page.
    """

    picture: Path
    page: Page | None
    files: tuple[Path, ...]
    error: GlassnetError | None


@dataclass(frozen=True, eq=False)
class PagesRead:
    """What came of each picture, in order, and the seconds that the reading took."""

    each: tuple[PageRead, ...]
    seconds: float

    @property
    def errors(self) -> tuple[GlassnetError, ...]:
        """Why some pictures could not be read."""
        return tuple(found.error for found in self.each if found.error is not None)

    def to_dict(self) -> dict[str, Any]:
        """The pages that were read, the files, and the seconds."""
        return {
            "pages": [{"picture": found.picture, **found.page.as_json()} for found in self.each if found.page],
            "files": [file for found in self.each for file in found.files],
            "seconds": self.seconds,
        }


@dataclass(frozen=True, eq=False)
class ReadingEvaluated:
    """How well pages were read, the page of HTML that shows it, and the seconds that it took."""

    scores: Scores
    file: Path
    seconds: float

    def to_dict(self) -> dict[str, Any]:
        """All of it with plain keys."""
        return {**self.scores.to_dict(), "files": [self.file], "seconds": self.seconds}


def choose_reader(alphabet: str = "full", words: str | Path | None = None, model: str | Path | None = None) -> Reader:
    """A reader with its settings.

    Parameters
    ----------
    alphabet : str
        What can be written: "full", or ranges and characters such as "A-Z0-9".
    words : path, optional
        A list of words, one a line, to decide what the picture leaves open.
    model : path, optional
        A model file trained for the reader; None takes the packaged one.

    Raises
    ------
    GlassnetError
        An alphabet that cannot be understood, or a file that cannot be read.
    """
    known = read_words(Path(words)) if words is not None else None
    return Reader(Model.load(model) if model is not None else None, alphabet=alphabet, words=known)


def list_pictures(paths: Sequence[str | Path]) -> list[Path]:
    """The pictures that paths name; of a folder, those that are not overlays of others in it.

    Parameters
    ----------
    paths : sequence of paths
        Picture files, or folders of them.

    Raises
    ------
    DataError
        A folder holds no pictures.
    """
    given = [Path(path) for path in paths]
    found = pictures_of(given)
    unwanted = {drawn_name(path) for path in found}.difference(given)
    return [path for path in found if path not in unwanted]


def read(
    pictures: Sequence[str | Path],
    reader: Reader | None = None,
    *,
    form: str | None = None,
    out: str | Path | None = None,
    overlay: bool = False,
    min_confidence: float = 0.0,
    jobs: int = 1,
    threads: int | None = None,
    on_page: Callable[[PageRead], None] = lambda found: None,
) -> PagesRead:
    """Read pictures; one that cannot be read is kept in the result with its error, and the others are read.

    Parameters
    ----------
    pictures : sequence of paths
        Picture files, or folders of them; see `list_pictures`.
    reader : Reader, optional
        See `choose_reader`; None takes one as it comes with the package.
    form : str, optional
        Files to write: "text", "json", "hocr" or "pdf"; None writes none.
    out : path, optional
        A folder for the files; None is the working folder.
    overlay : bool
        Also write the picture with what was found drawn on it (NAME-read.png).
    min_confidence : float
        From 0 to 1; words below it stand in {braces} in text files.
    jobs : int
        Processes that share the pictures, at least 1.
    threads : int, optional
        Threads to use; None takes every core.
    on_page : callable
        Is given each picture's result as soon as it is there, in order.

    Raises
    ------
    GlassnetError
        A folder without pictures, a format that does not exist, or two pictures whose files would have one name.
    """
    if form is not None and form not in FORMATS:
        raise ReaderError(f"A format is {', '.join(FORMATS[:-1])} or {FORMATS[-1]}. Got '{form}' instead.")
    start = time.perf_counter()
    files = list_pictures(pictures)
    writes = form is not None or overlay
    targets: Sequence[Path | None] = _targets(files, out) if writes else [None] * len(files)
    tasks = [PageTask(file, target, form, overlay, min_confidence) for file, target in zip(files, targets, strict=True)]
    each = []
    with pool.use(threads):
        for file, (page, written, error) in zip(files, read_all(tasks, reader, jobs=jobs), strict=True):
            each.append(PageRead(file, page, tuple(written), error))
            on_page(each[-1])
    return PagesRead(tuple(each), time.perf_counter() - start)


def evaluate_reading(
    folder: str | Path,
    reader: Reader | None = None,
    *,
    out: str | Path | None = None,
    jobs: int = 1,
    threads: int | None = None,
    events: Events | None = None,
) -> ReadingEvaluated:
    """Read pictures whose text is known, count the errors, and write a page that shows them.

    Parameters
    ----------
    folder : path
        Holds pictures and, beside each, a .txt with its text.
    reader : Reader, optional
        See `choose_reader`; None takes one as it comes with the package.
    out : path, optional
        The folder for `reading.html`; None takes the current one.
    jobs : int
        Processes that share the pictures, at least 1.
    threads : int, optional
        Threads to use; None takes every core.
    events : Events, optional
        Told the errors of every page.

    Raises
    ------
    GlassnetError
        No picture has its text beside it, or one cannot be read.
    """
    events = events or Events()
    pairs = pairs_in(Path(folder))
    start = time.perf_counter()
    scores, pages = [], []
    with pool.use(threads):
        outcomes = read_all([PageTask(path) for path, _ in pairs], reader, jobs=jobs)
        for number, ((path, truth), (page, _, error)) in enumerate(zip(pairs, outcomes, strict=True), start=1):
            if page is None:
                assert error is not None
                raise error
            score = compare(path.name, page.text, truth)
            scores.append(score)
            pages.append((path, page))
            events.say(
                f"{number}/{len(pairs)} {path.name}: {score.character_errors} of {score.characters} characters wrong,"
                f" {score.word_errors} of {score.words} words, score {score.score:.4f}"
            )
    found = summarise(scores)
    file = write_evaluation(found, pages, Path(out or ".") / "reading.html")
    return ReadingEvaluated(found, file, time.perf_counter() - start)


def _targets(pictures: list[Path], out: str | Path | None) -> list[Path]:
    """What the files of each picture are named after. Raises `ReaderError` where two would be written to one file."""
    targets = [Path(out or ".") / picture.name for picture in pictures]
    first: dict[Path, Path] = {}
    for picture, target in zip(pictures, targets, strict=True):
        other = first.setdefault(target.with_suffix(""), picture)
        if other is not picture:
            raise ReaderError(
                f"What is read in '{other}' and in '{picture}' would be written to the same file; rename one, or read"
                " them into two folders."
            )
    return targets
