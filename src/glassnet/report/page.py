"""A page is a heading and a list of panels; each panel's figure is drawn once, for the page and for its own file."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from matplotlib.figure import Figure

from glassnet.files import atomic_write
from glassnet.report.figures import style
from glassnet.report.figures.style import png_bytes
from glassnet.report.html import Html, data_uri, document, element, join, scroll_box
from glassnet.report.tables import SCRIPT

__all__ = ["Chart", "Heading", "Panel", "chart_image", "write_page"]

_PAGE_WIDTH = 1240  # wider figures scroll at their natural size, so that their small type stays readable
_PHONE = "(max-width: 40rem)"  # as in the style sheet
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
    narrow : callable or None
        Draws it again for a phone, at most `style.NARROW` inches wide; None where the one figure has to do: it then
        scrolls sideways.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> from glassnet.report import Chart
    >>> Chart("loss", Figure, "The loss falls.").name
    'loss'
    """

    name: str
    draw: Callable[[], Figure]
    alternative: str = ""
    on_page: bool = True
    narrow: Callable[[], Figure] | None = None


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

    Examples
    --------
    >>> from glassnet.report import Panel
    >>> Panel("one", "A panel", lead="What it says.").lead
    'What it says.'
    """

    key: str
    title: str
    lead: str = ""
    chart: Chart | None = None
    body: Html | None = None
    beside: bool = False

    def html(self, png: bytes | None, narrow: bytes | None = None) -> Html:
        """The panel as HTML.

        Parameters
        ----------
        png : bytes or None
            Its figure as a PNG file; None where the page shows none.
        narrow : bytes or None
            The same for a phone.

        Returns
        -------
        Html
            A `<section>`.
        """
        lead = element("p", self.lead, class_="lead") if self.lead else None
        image = None if png is None or self.chart is None else chart_image(png, self.chart.alternative, narrow)
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

    Examples
    --------
    >>> from glassnet.report import Heading
    >>> Heading("A page", cards=[("accuracy", "0.97", "of 360")]).title
    'A page'
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
    Every text is escaped. A figure is drawn once (and once more for phones): the picture on the page has the bytes of
    the file.

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

    Examples
    --------
    >>> import tempfile
    >>> from glassnet.report import Heading, Panel, write_page
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     panels = [Panel("one", "A panel", lead="What it says.")]
    ...     [path.name for path in write_page(f"{folder}/page.html", Heading("A page"), panels)]
    ['page.html']
    """
    drawn = {
        panel.chart.name: png_bytes(panel.chart.draw())
        for panel in panels
        if panel.chart is not None and (panel.chart.on_page or figures_folder is not None)
    }
    links: list[Html] = []
    if len(panels) >= _FEWEST_LINKS:
        links = [element("nav", *(element("a", p.title, href=f"#{p.key}") for p in panels), aria_label="Sections")]
    parts = (_panel_html(panel, drawn) for panel in panels)
    body = element("main", heading.html(), *links, *parts)
    if links:
        body = join([element("a", "Skip to the first section", class_="skip", href=f"#{panels[0].key}"), body])
    needed = 'class="scroll' in body or "<details" in body
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


def _panel_html(panel: Panel, drawn: Mapping[str, bytes]) -> Html:
    if panel.chart is None or not panel.chart.on_page:
        return panel.html(None)
    narrow = None if panel.chart.narrow is None else png_bytes(panel.chart.narrow())
    return panel.html(drawn[panel.chart.name], narrow)


def chart_image(png: bytes, alternative: str, narrow: bytes | None = None) -> Html:
    """A figure drawn at double density: as wide as it was drawn, made to fit the page unless it is far wider.

    On a phone the `narrow` one is shown, or the figure scrolls in its box.
    """
    width = style.natural_width(png)
    image = element("img", src=data_uri(png), alt=alternative, width=width, class_="chart")
    if width <= style.DENSITY * style.NARROW:
        return element("figure", image)
    if narrow is None:
        return element("figure", scroll_box(image, alternative), class_="wide" if width > _PAGE_WIDTH else "drawn")
    small = element("source", media=_PHONE, srcset=data_uri(narrow), width=style.natural_width(narrow))
    return element("figure", element("picture", small, image))
