"""The text of photographed, hand-printed pages, and how well it is read."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from glassnet import threads as pool
from glassnet.actions.events import Events
from glassnet.data.pdf import PageRanges, is_pdf_name, page_numbers, parse_pages
from glassnet.data.pictures import is_picture_name, pictures_of
from glassnet.errors import GlassnetError, ReaderError
from glassnet.model import Model
from glassnet.reader import BestReader, Page, Reader, make_reader, read_words
from glassnet.reader.batch import PageTask, made_by_reading, read_all
from glassnet.reader.evaluate import Scores, compare, known_texts, summarise
from glassnet.reader.evaluation_page import write_evaluation
from glassnet.reader.export import FORMATS, as_json

__all__ = ["PageRead", "PagesRead", "ReadingEvaluated", "choose_reader", "evaluate_reading", "list_pictures", "read"]


@dataclass(frozen=True, eq=False)
class PageRead:
    """What came of one picture, or of one page of a PDF.

    Attributes
    ----------
    picture : Path
        The file.
    number : int or None
        Of a PDF: which of its pages, from 1; None where the PDF could not be opened.
    page : Page or None
        What was read; None where the picture could not be read.
    files : tuple of Path
        What was written.
    error : GlassnetError or None
        Why there is no page.
    """

    picture: Path
    number: int | None
    page: Page | None
    files: tuple[Path, ...]
    error: GlassnetError | None

    @property
    def name(self) -> str:
        """The file, and of a PDF the page."""
        return str(self.picture) if self.number is None else f"{self.picture}, page {self.number}"


@dataclass(frozen=True, eq=False)
class PagesRead:
    """What came of each page, in order, the seconds that it took, and the confidence below which words are not sure."""

    each: tuple[PageRead, ...]
    seconds: float
    min_confidence: float = 0.0

    @property
    def errors(self) -> tuple[GlassnetError, ...]:
        """Why some pages could not be read."""
        return tuple(found.error for found in self.each if found.error is not None)

    def to_dict(self) -> dict[str, Any]:
        """The pages that were read, why others were not, the files, and the seconds."""
        return {
            "pages": [
                {"picture": found.picture, "page": found.number, **as_json(found.page, self.min_confidence)}
                for found in self.each
                if found.page
            ],
            "errors": [
                {"picture": found.picture, "page": found.number, "error": str(found.error)}
                for found in self.each
                if found.error is not None
            ],
            "files": [file for found in self.each for file in found.files],
            "seconds": self.seconds,
        }


@dataclass(frozen=True, eq=False)
class ReadingEvaluated:
    """How well pages were read and how many, the page of HTML that shows it, and the seconds that it took."""

    scores: Scores
    pages: int
    file: Path
    seconds: float

    def to_dict(self) -> dict[str, Any]:
        """All of it with plain keys."""
        return {**self.scores.to_dict(), "pages": self.pages, "files": [self.file], "seconds": self.seconds}


def choose_reader(
    alphabet: str = "full",
    words: str | Path | None = None,
    model: str | Path | None = None,
    language: str | Path = "english",
) -> Reader | BestReader:
    """A reader with its settings.

    Parameters
    ----------
    alphabet : str
        What can be written: "full", or ranges and characters such as "A-Z0-9".
    words : path, optional
        A list of words, one a line, to decide what the picture leaves open.
    model : path, optional
        A model file of characters or of lines; None takes the packaged ones.
    language : str or path
        What is expected of whole lines: "english", "none", or a file of plain text.

    Raises
    ------
    GlassnetError
        An alphabet that cannot be understood, or a file that cannot be read.
    """
    known = read_words(Path(words)) if words is not None else None
    loaded = Model.load(model) if model is not None else None
    return make_reader(loaded, alphabet=alphabet, words=known, language=language)


def list_pictures(paths: Sequence[str | Path]) -> list[Path]:
    """The pictures and PDFs that paths name; of a folder, those that were not made from others in it.

    Parameters
    ----------
    paths : sequence of paths
        Pictures and PDFs, or folders of them. Of a folder, overlays are left out, and PDFs that are
        named like a picture or like a page of another PDF: these are what reading has written.

    Raises
    ------
    DataError
        A folder holds no pictures and no PDFs.
    """
    given = [Path(path) for path in paths]
    found = pictures_of(given, lambda path: is_picture_name(path) or is_pdf_name(path))
    unwanted = made_by_reading(found).difference(given)
    return [path for path in found if path not in unwanted]


def read(
    pictures: Sequence[str | Path],
    reader: Reader | BestReader | None = None,
    *,
    form: str | None = None,
    out: str | Path | None = None,
    overlay: bool = False,
    min_confidence: float = 0.0,
    pages: str | None = None,
    jobs: int = 1,
    threads: int | None = None,
    on_page: Callable[[PageRead], None] = lambda found: None,
) -> PagesRead:
    """Read pictures and PDFs; what cannot be read is kept in the result with its error, and the others are read.

    Parameters
    ----------
    pictures : sequence of paths
        Pictures and PDFs, or folders of them; see `list_pictures`.
    reader : Reader, optional
        See `choose_reader`; None takes one as it comes with the package.
    form : str, optional
        Files to write: "text", "json", "hocr", "alto" or "pdf"; None writes none. The pages of letter.pdf are
        written as letter-1, letter-2 and so on.
    out : path, optional
        A folder for the files; None is the working folder.
    overlay : bool
        Also write the picture with what was found drawn on it (NAME-read.png).
    min_confidence : float
        From 0 to 1; words below it are marked: they stand in {braces} in text, are not `sure` in JSON.
    pages : str, optional
        Which pages of every PDF, as "1-3,5" or "4-"; None takes all.
    jobs : int
        Processes that share the pages, at least 1.
    threads : int, optional
        Threads to use; None takes every core.
    on_page : callable
        Is given each page's result as soon as it is there, in order.

    Raises
    ------
    GlassnetError
        A folder without pictures, a format that does not exist, pages that are not written as such, or two pictures
        whose files would have one name.
    """
    if form is not None and form not in FORMATS:
        raise ReaderError(f"A format is {', '.join(FORMATS[:-1])} or {FORMATS[-1]}. Got '{form}' instead.")
    start = time.perf_counter()
    chosen = parse_pages(pages) if pages is not None else None
    sheets = [sheet for file in list_pictures(pictures) for sheet in _sheets_of(file, chosen)]
    writes = form is not None or overlay
    targets: Sequence[Path | None] = _targets(sheets, out) if writes else [None] * len(sheets)
    tasks = [
        PageTask(sheet.picture, target, form, overlay, min_confidence, sheet.number, sheet.error)
        for sheet, target in zip(sheets, targets, strict=True)
    ]
    each = []
    with pool.use(threads):
        for sheet, (page, written, error) in zip(sheets, read_all(tasks, reader, jobs=jobs), strict=True):
            each.append(PageRead(sheet.picture, sheet.number, page, tuple(written), error))
            on_page(each[-1])
    return PagesRead(tuple(each), time.perf_counter() - start, min_confidence)


def evaluate_reading(
    folder: str | Path,
    reader: Reader | BestReader | None = None,
    *,
    out: str | Path | None = None,
    jobs: int = 1,
    threads: int | None = None,
    events: Events | None = None,
) -> ReadingEvaluated:
    """Read pictures and PDFs whose text is known, count the errors, and write a page that shows them.

    Parameters
    ----------
    folder : path
        Holds pictures and PDFs and, beside them, their texts; see `glassnet.reader.evaluate.known_texts`.
    reader : Reader, optional
        See `choose_reader`; None takes one as it comes with the package.
    out : path, optional
        The folder for `reading.html`; None takes the current one.
    jobs : int
        Processes that share the pages, at least 1.
    threads : int, optional
        Threads to use; None takes every core.
    events : Events, optional
        Told the errors of every text.

    Raises
    ------
    GlassnetError
        No file has its text beside it, one cannot be read, or texts do not fit the pages of a PDF.
    """
    events = events or Events()
    texts = known_texts(Path(folder))
    start = time.perf_counter()
    tasks = [(known, PageTask(known.file, number=number)) for known in texts for number in known.numbers]
    scores, pages = [], []
    with pool.use(threads):
        outcomes = zip(tasks, read_all([task for _, task in tasks], reader, jobs=jobs), strict=True)
        for number, (known, found) in enumerate(itertools.groupby(outcomes, lambda each: each[0][0]), start=1):
            sheets = []
            for (_, task), (page, _, error) in found:
                if page is None:
                    assert error is not None
                    raise error
                sheets.append((task.picture, task.number, page))
            score = compare(known.name, "\n".join(page.text for _, _, page in sheets), known.text)
            scores.append(score)
            pages.append(sheets)
            events.say(
                f"{number}/{len(texts)} {score.name}: {score.character_errors} of {score.characters} characters wrong,"
                f" {score.word_errors} of {score.words} words, score {score.score:.4f}"
            )
    total = summarise(scores)
    file = write_evaluation(total, pages, Path(out or ".") / "reading.html")
    return ReadingEvaluated(total, len(tasks), file, time.perf_counter() - start)


def _sheets_of(file: Path, chosen: PageRanges | None) -> list[PageRead]:
    """What there is to read in a file, still without its text: a picture, the pages of a PDF, or why there are none."""
    if not is_pdf_name(file):
        return [PageRead(file, None, None, (), None)]
    try:
        return [PageRead(file, number, None, (), None) for number in page_numbers(file, chosen)]
    except GlassnetError as error:
        return [PageRead(file, None, None, (), error)]


def _targets(sheets: list[PageRead], out: str | Path | None) -> list[Path]:
    """What the files of each page are named after. Raises `ReaderError` where two would be written to one file."""
    targets = [
        Path(out or ".")
        / (sheet.picture.name if sheet.number is None else f"{sheet.picture.stem}-{sheet.number}{sheet.picture.suffix}")
        for sheet in sheets
    ]
    first: dict[Path, PageRead] = {}
    for sheet, target in zip(sheets, targets, strict=True):
        picture, other = sheet.picture, first.setdefault(target.with_suffix(""), sheet).picture
        if other is not picture:
            raise ReaderError(
                f"What is read in '{other}' and in '{picture}' would be written to the same file; rename one, or read"
                " them into two folders."
            )
    return targets
