"""The page of two engines side by side."""

from __future__ import annotations

import os
from pathlib import Path

from glassnet.report.figures.twin import twin_curves
from glassnet.report.html import Html, element
from glassnet.report.page import Chart, Heading, Panel, write_page
from glassnet.report.tables import Cell, number, table
from glassnet.twin import Difference, Twin
from glassnet.twin.distance import LOSS

__all__ = ["write_twin_page"]

_LARGEST_COUNT = 1e9  # larger counts are written as powers of ten


def write_twin_page(
    path: str | os.PathLike[str], found: Twin, data: str, *, figures_folder: str | os.PathLike[str] | None = None
) -> list[Path]:
    """Write one self-contained HTML file: both curves, where the two part and why.

    Parameters
    ----------
    path : path-like
        The file.
    found : Twin
        What was compared.
    data : str
        What was trained on.
    figures_folder : path-like or None
        Where the figure goes as a PNG file.

    Returns
    -------
    list of Path
        The files written, the page first.

    Raises
    ------
    GlassnetError
        A file cannot be written.
    """
    first, second = found.names
    badge = element("p", element("span", "the same" if found.passed else "they part", class_=f"badge {_class(found)}"))
    at = max(range(found.steps), key=found.errors.__getitem__)
    cards = [
        ("steps", number(found.steps), f"on {data}"),
        (
            "largest error",
            f"{found.errors[at]:.1e}",
            f"{found.worst[at]}, step {at + 1}; tolerance {found.tolerance:.0e}",
        ),
    ]
    if found.parted is not None:
        cards.append(("first apart", f"step {found.parted.step}", found.parted.difference.place))
    sentence = (
        f"The network {found.notation}, trained by {first} and by {second} from the same weights on the same batches"
        " with the same random numbers."
    )
    heading = Heading(f"{first} and {second}", sentence, cards, badge)
    panels = [_curves(found), *([_parting(found)] if found.parted is not None else [])]
    return write_page(path, heading, panels, figures_folder=figures_folder)


def _class(found: Twin) -> str:
    return "good" if found.passed else "bad"


def _curves(found: Twin) -> Panel:
    lead = (
        "The error of a tensor is its largest difference, as a share of its largest number; shown is the tensor with"
        " the largest, of weights, running statistics and what the optimiser remembers."
    )
    chart = Chart("twin_curves", lambda: twin_curves(found), "Both losses, and the largest error of a tensor, by step",
                  narrow=lambda: twin_curves(found, narrow=True))  # fmt: skip
    return Panel("curves", "Both trainings", lead, chart)


def _parting(found: Twin) -> Panel:
    parted = found.parted
    assert parted is not None
    rows = [_row(difference) for difference in (parted.difference, *parted.others)]
    headings = [("tensor", False), ("error", True), ("ulps", True), ("element", False),
                *((name, True) for name in found.names), ("elements apart", True)]  # fmt: skip
    shown = table(headings, rows, label="the tensors that part, in the order of a step")
    reason: Html = element("p", element("b", "Likely reason: "), f"{parted.reason.text}.")
    lead = f"Tensors beyond the tolerance after step {parted.step}, in the order in which a step computes them."
    return Panel("parting", "Where they part", lead, body=element("div", reason, shown))


def _row(d: Difference) -> list[Cell]:
    name = "the loss" if d.tensor == LOSS else d.name
    index = ", ".join(map(str, d.index))
    ulps = number(round(d.ulps)) if d.ulps < _LARGEST_COUNT else number(d.ulps)
    return [
        Cell(element("span", name, class_="label"), name), Cell(f"{d.error:.1e}", d.error), Cell(ulps, d.ulps),
        Cell(index, index),
        Cell(f"{d.first:.9g}", d.first), Cell(f"{d.second:.9g}", d.second),
        Cell(f"{number(d.apart)} of {number(d.size)}", float(d.apart)),
    ]  # fmt: skip
