"""The page of how pages were read: the rates, what was read as what, and every page with its errors marked."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from glassnet.data.pdf import read_pdf_page
from glassnet.data.pictures import read_picture
from glassnet.reader.evaluate import GAP, PageScore, Scores, fold, interval_text
from glassnet.reader.export import overlay
from glassnet.reader.page import Page
from glassnet.report.html import Html, data_uri, element
from glassnet.report.page import Heading, Panel, write_page
from glassnet.report.panels.lines import LEGEND, confusions_table, marked
from glassnet.report.tables import Cell, percent, table
from glassnet.text import counted

__all__ = ["write_evaluation"]

Sheet = tuple[Path, int | None, Page]

_SIDE = 1200  # pixels of a page's longer side


def write_evaluation(scores: Scores, pages: Sequence[Sequence[Sheet]], file: Path) -> Path:
    """Write one self-contained HTML page; of the pages read, those with most errors come first.

    Parameters
    ----------
    scores : Scores
        How they were read.
    pages : sequence of sequences of (Path, int or None, Page)
        For each page in `scores`, in order, what it is about: a picture, or pages of a PDF by number, from 1; and what
        was read there.
    file : Path
        Where to.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    GlassnetError
        A picture cannot be read, or the file cannot be written.
    """
    count = counted(sum(map(len, pages)), "page")
    sentence = f"{count}, {percent(scores.character_error_rate, 2)} of the characters wrong"
    if interval_text(scores.character_interval) != "unknown":
        low, high = (percent(bound, 2) for bound in scores.character_interval)
        sentence += f"; with 95 % confidence the rate lies between {low} and {high}"
    write_page(
        file,
        Heading("How pages were read", f"{sentence}."),
        [_rates(scores), _confusions(scores), _pages(scores, pages)],
    )
    return file


def _rates(scores: Scores) -> Panel:
    measured = (
        ("character error rate", scores.character_error_rate, scores.character_interval),
        ("word error rate", scores.word_error_rate, scores.word_interval),
    )
    rows = [_cells(name, f"{rate:.4f}", interval_text(interval)) for name, rate, interval in measured]
    lead = (
        "An error rate is the least number of characters (words) to put in, leave out or exchange, divided by the"
        " number that stand there; a page's score is 1 less its character error rate. Rates are of upper-cased texts,"
        " A-Z and 0-9 alone; as written, with case and punctuation, the character error rate is"
        f" {scores.exact_error_rate:.4f}."
    )
    headings = [("", False), ("rate", True), ("95 % interval", True)]
    return Panel("rates", "Error rates", lead, body=table(headings, rows, compact=True))


def _cells(*shown: object) -> list[Cell]:
    return [Cell(one, "") for one in shown]


def _confusions(scores: Scores) -> Panel:
    title = "What was read as what"
    if not scores.confusions:
        return Panel("confusions", title, "No errors.")
    written = Counter(character for page in scores.pages for character in fold(page.truth))
    lead = (
        "The characters confused most often, and how many of that character stand on the pages: a bar is full where all"
        f" were read so. {GAP} stands for nothing: a character that was put in or left out."
    )
    return Panel("confusions", title, lead, body=confusions_table(scores.confusions, written))


def _pages(scores: Scores, pages: Sequence[Sequence[Sheet]]) -> Panel:
    order = sorted(
        zip(scores.pages, pages, strict=True),
        key=lambda p: (-p[0].character_errors / max(1, p[0].characters), p[0].name),
    )
    lead = (
        "The worst come first. On each picture, the lines that were found. Below it, the text that stands there, with"
        " the differences marked."
    )
    parts = [_page(number, score, sheets) for number, (score, sheets) in enumerate(order, start=1)]
    return Panel("pages", "Page by page", lead, body=element("div", LEGEND, *parts))


def _page(place: int, score: PageScore, sheets: Sequence[Sheet]) -> Html:
    title = element("h3", f"{score.name}: {score.character_errors} of {score.characters} characters wrong")
    if score.read.split() == score.truth.split():
        return element("article", title, id=f"page-{place}")
    text = element("pre", marked(score.read, score.truth), class_="wrapped")
    return element("article", title, *map(_photograph, sheets), text, id=f"page-{place}")


def _photograph(sheet: Sheet) -> Html:
    """A page with the lines that were found."""
    path, number, page = sheet
    if number is None:
        name, pixels = path.name, read_picture(path)
    else:
        name = f"{path.name}, page {number},"
        pixels = read_pdf_page(path, number, enough=page.width * page.height).pixels  # as large as it was read
    picture = overlay(page, pixels)
    picture.thumbnail((_SIDE, _SIDE))
    data = io.BytesIO()
    picture.save(data, "JPEG", quality=70)
    image = element("img", src=data_uri(data.getvalue(), "jpeg"), alt=f"{name} with the lines that were found")
    return element("figure", image, class_="photograph")
