"""A page is a heading and a list of panels; each panel's figure is drawn once, for the page and for its own file."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from matplotlib.figure import Figure

from glassnet.files import atomic_write
from glassnet.report.figures import style
from glassnet.report.html import Html, data_uri, document, element
from glassnet.report.tables import SCRIPT

__all__ = ["Chart", "Heading", "Panel", "chart_image", "write_page"]

_PAGE_WIDTH = 1240  # wider figures scroll at their natural size, so that their small type stays readable
_FEWEST_LINKS = 3  # panels of a page that lists them at its top


@dataclass(frozen=True)
class Chart:
    """A figure of a panel.

    Attributes
    ----------
    name : str
        Its file is called `NAME.png`.
    draw : callable
        Draws it; called once.
    alternative : str
        What it shows, for readers who cannot see it.
    on_page : bool
        False where the panel's body shows the same in HTML, and only the file is wanted.
    """

    name: str
    draw: Callable[[], Figure]
    alternative: str = ""
    on_page: bool = True


@dataclass(frozen=True)
class Panel:
    """A part of a page.

    Attributes
    ----------
    key : str
        Its place in the page's address: `page.html#key`.
    title, lead : str
        Its heading, and how to read what is shown.
    chart : Chart or None
        A figure.
    body : Html or None
        What else is shown: below the figure, or beside it where there is room.
    beside : bool
        Whether the body stands beside the figure.
    """

    key: str
    title: str
    lead: str = ""
    chart: Chart | None = None
    body: Html | None = None
    beside: bool = False

    def html(self, png: bytes | None) -> Html:
        """The panel as HTML.

        Parameters
        ----------
        png : bytes or None
            Its figure as a PNG file; None where the page shows none.

        Returns
        -------
        Html
            A `<section>`.
        """
        lead = element("p", self.lead, class_="lead") if self.lead else None
        image = None if png is None or self.chart is None else chart_image(png, self.chart.alternative)
        shown: tuple[Html | None, ...] = (image, self.body)
        if self.beside:
            shown = (element("div", *shown, class_="beside"),)
        return element("section", element("h2", self.title), lead, *shown, id=self.key)


@dataclass(frozen=True)
class Heading:
    """The top of a page.

    Attributes
    ----------
    title : str
        What the page is about, in a few words.
    sentence : str
        The same in one or two plain sentences.
    cards : sequence of (label, value, note)
        Headline figures.
    verdict : Html or None
        What must be read first.
    """

    title: str
    sentence: str = ""
    cards: Sequence[tuple[str, str, str]] = ()
    verdict: Html | None = None

    def html(self) -> Html:
        """Name of the tool, title, sentence and cards, as a `<header>`."""
        return element(
            "header",
            element("p", element("span", class_="mark", aria_hidden="true"), "glassnet", class_="brand"),
            element("h1", self.title),
            self.verdict,
            element("p", self.sentence, class_="sentence") if self.sentence else None,
            element("dl", *(_card(*card) for card in self.cards), class_="cards") if self.cards else None,
        )


def _card(label: str, value: str, note: str) -> Html:
    return element(
        "div",
        element("dt", label),
        element("dd", value, class_="value"),
        element("dd", note, class_="note") if note else None,
        class_="card",
    )


def write_page(
    path: str | os.PathLike[str],
    heading: Heading,
    panels: Sequence[Panel],
    *,
    figures_folder: str | os.PathLike[str] | None = None,
) -> list[Path]:
    """Write a page as one self-contained HTML file and, where a folder is given, its figures as PNG files too.

    The page needs no network and no other file, follows the reader's light or dark setting, fits phones and prints.
    Every text is escaped. A figure is drawn once: the picture on the page has the bytes of the file.

    Parameters
    ----------
    path : path-like
        The HTML file.
    heading : Heading
        The top of the page.
    panels : sequence of Panel
        What it shows, in this order.
    figures_folder : path-like or None
        Where the figures go, as `NAME.png`.

    Returns
    -------
    list of Path
        All files written, the page first.

    Raises
    ------
    GlassnetError
        A file cannot be written; none is left half-written.
    """
    drawn = {
        panel.chart.name: style.png_bytes(panel.chart.draw())
        for panel in panels
        if panel.chart is not None and (panel.chart.on_page or figures_folder is not None)
    }
    links = None
    if len(panels) >= _FEWEST_LINKS:
        links = element("nav", *(element("a", p.title, href=f"#{p.key}") for p in panels), aria_label="Sections")
    parts = (
        panel.html(drawn[panel.chart.name] if panel.chart is not None and panel.chart.on_page else None)
        for panel in panels
    )
    body = element("main", heading.html(), links, *parts)
    needed = '<table class="sortable">' in body or "<details>" in body
    _write(Path(path), document(heading.title, body, SCRIPT if needed else ""))
    if figures_folder is None:
        return [Path(path)]
    files = {Path(figures_folder) / f"{name}.png": png for name, png in drawn.items()}
    for file, png in files.items():
        _write(file, png)
    return [Path(path), *files]


def _write(path: Path, content: bytes) -> None:
    with atomic_write(path) as file:
        file.write(content)


def chart_image(png: bytes, alternative: str) -> Html:
    """A figure drawn at double density: as wide as it was drawn, made to fit the page unless it is far wider."""
    width = style.natural_width(png)
    image = element("img", src=data_uri(png), alt=alternative, width=width, class_="chart")
    return element("figure", image, class_="wide" if width > _PAGE_WIDTH else None)
