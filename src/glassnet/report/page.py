"""A part of a page: a heading, a sentence that says how to read what is shown, and what is shown."""

from __future__ import annotations

from dataclasses import dataclass

from matplotlib.figure import Figure

from glassnet.report.figures import style
from glassnet.report.html import Html, data_uri, element

__all__ = ["Section", "chart"]

_PAGE_WIDTH = 1240  # wider figures scroll at their natural size, so that their small type stays readable


@dataclass(frozen=True)
class Section:
    """A part of the page: the key of its address, its heading, how to read it, and what it shows."""

    key: str
    title: str
    lead: str
    body: Html

    def html(self) -> Html:
        lead = element("p", self.lead, class_="lead") if self.lead else None
        return element("section", element("h2", self.title), lead, self.body, id=self.key)


def chart(figure: Figure, alternative: str) -> Html:
    """A figure embedded at double density: as wide as it was drawn, made to fit the page unless it is far wider."""
    width = round(figure.get_size_inches()[0] * style.DENSITY)
    image = element("img", src=data_uri(style.png_bytes(figure)), alt=alternative, width=width, class_="chart")
    return element("figure", image, class_="wide" if width > _PAGE_WIDTH else None)
