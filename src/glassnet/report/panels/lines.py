"""The panels of a network that reads lines of writing: strips with what was read, error rates by group, confusions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from glassnet.data import LineSet
from glassnet.metrics import ErrorRate, Transcription
from glassnet.metrics.texts import GAP
from glassnet.report.figures.pictures import as_rgb, picture_png
from glassnet.report.html import Html, data_uri, element, join
from glassnet.report.page import Panel
from glassnet.report.tables import Cell, interval_text, number, percent, table

__all__ = ["LEGEND", "confusions_panel", "confusions_table", "groups_panel", "marked", "read_panel", "worst_panel"]

_SHOWN = 16  # strips of a panel
_FAINT, _MARGIN = 64, 12  # ink that is no noise; pixels of paper that are left beside it

LEGEND = element(
    "ul",
    element("li", element("del", "abc"), " stands there and was not read"),
    element("li", element("ins", "abc"), " was read and does not stand there"),
    class_="legend",
)


def marked(read: str, true: str) -> Html:
    """What is there, with what was left out or exchanged marked, and what was read instead."""
    from rapidfuzz.distance import Levenshtein  # only here: every command would start later by its import

    parts: list[object] = []
    at = 0
    for op in Levenshtein.opcodes(true, read):
        there, seen = true[op.src_start : op.src_end], read[op.dest_start : op.dest_end]
        if op.tag == "equal":
            parts.append(there)
        else:
            parts += [element("del", there) if there else None, element("ins", seen) if seen else None]
        at = op.src_end
    return join([*parts, true[at:]])


def read_panel(found: Transcription, part: LineSet) -> Panel:
    """Lines spread evenly over the part, each with what was read."""
    chosen = np.unique(np.linspace(0, found.n - 1, min(found.n, _SHOWN)).astype(np.int64))
    which = "All lines" if len(chosen) == found.n else f"{len(chosen)} of {number(found.n)} lines, evenly spread"
    lead = f"{which}, as the network sees them. Below each, what is there, with the differences marked."
    return Panel("lines", "What was read", lead, body=_strips(found, part, chosen))


def worst_panel(found: Transcription, part: LineSet) -> Panel:
    """The lines with the largest share of wrong characters."""
    order = found.worst()
    if not len(order):
        return Panel("worst", "Worst lines", "There are none: every line was read without an error.")
    chosen = order[:_SHOWN]
    which = f"The {len(chosen)} worst of {number(len(order))} lines with errors."
    if len(chosen) == len(order):
        which = (
            f"All {len(order)} lines with errors, the worst first." if len(order) > 1 else "The only line with errors."
        )
    lead = f"{which} {number(found.exact)} of {number(found.n)} lines were read without an error."
    return Panel("worst", "Worst lines", lead, body=_strips(found, part, chosen))


def _strips(found: Transcription, part: LineSet, chosen: NDArray[np.int64]) -> Html:
    pictures = dict(zip(chosen.tolist(), _pictures(part, chosen), strict=True))
    tiles = [_strip(found, index, pictures[index]) for index in chosen.tolist()]
    return element("div", LEGEND, element("div", *tiles, class_="strips"))


def _pictures(part: LineSet, chosen: NDArray[np.int64]) -> list[NDArray[np.uint8]]:
    """Strips (H, W, 3) of lines, dark ink on white, without the paper that fills them up on the right."""
    strips = []
    for index in chosen:
        ink = as_rgb(part.take(np.array([index]), 0)[0])[0]
        inked = np.flatnonzero(ink.max(axis=(0, 2)) > _FAINT)
        strips.append(255 - ink[:, : min(ink.shape[1], int(inked[-1]) + _MARGIN if len(inked) else _MARGIN)])
    return strips


def _strip(found: Transcription, index: int, picture: NDArray[np.uint8]) -> Html:
    height, width, _ = picture.shape
    image = element(
        "img", src=data_uri(picture_png(picture, 2 * max(height, width))), alt=f"line {index}: {found.true[index]}",
        width=round(1.5 * width),
    )  # fmt: skip
    errors, groups = int(found.errors[index]), [values[index] for values in found.groups.values() if values[index]]
    told = f"{number(errors)} of {number(len(found.true[index]))} wrong" if errors else "right"
    caption = element("figcaption", f"#{index} · {told}", *(f" · {name}" for name in groups))
    return element("figure", image, element("p", marked(found.read[index], found.true[index])), caption)


def groups_panel(found: Transcription) -> Panel:
    """The error rates: of all lines, and of each group."""
    rows = [_rate("all lines", found.n, found.characters)]
    for group, rates in found.by_group.items():
        rows += [_rate(f"{group}: {name}", found.groups[group].count(name), rate) for name, rate in rates.items()]
    lead = (
        "An error rate is the least number of characters to put in, leave out or exchange, divided by the number that"
        " are there; upper and lower case, spaces and punctuation count. Intervals are 95 % bootstrap intervals over"
        f" the lines. Of words, {percent(found.words.rate)} have an error."
    )
    headings = [("", False), ("lines", True), ("characters", True), ("error rate", True), ("95 % interval", True)]
    return Panel("rates", "Error rates", lead, body=table(headings, rows, compact=True, sortable=True))


def _rate(name: str, lines: int, rate: ErrorRate) -> list[Cell]:
    interval = "unknown" if rate.known_interval is None else interval_text(*rate.interval)
    return [
        Cell(name, name),
        Cell(number(lines), float(lines)),
        Cell(number(rate.size), float(rate.size)),
        Cell(percent(rate.rate), rate.rate),
        Cell(interval, rate.interval.low),
    ]


def confusions_panel(found: Transcription) -> Panel:
    """What was read as what, the most frequent first."""
    title = "What was read as what"
    if not found.confusions:
        return Panel("confusions", title, "No errors.")
    return Panel(
        "confusions",
        title,
        "The characters confused most often, and how many of that character are there: a bar is full where all were"
        f" read so. {GAP} stands for nothing: a character that was put in or left out.",
        body=confusions_table(found.confusions, Counter("".join(found.true))),
    )


def confusions_table(confusions: Sequence[tuple[str, str, int]], there: Counter[str]) -> Html:
    """(there, read, how often), each beside how many of the character are there."""
    rows = []
    for character, read, times in confusions:
        of = there[character]
        share = min(1.0, times / of) if of else 0.0
        fill = element("span", class_="fill", style=f"width:{100 * share:.2f}%")
        bar = element("span", fill, class_="bar", aria_hidden="true") if of else None
        count = f"{number(times)} of {number(of)}" if of else number(times)
        shown = [element("code", "space" if text == " " else text) for text in (character, read)]
        rows.append([Cell(one, "") for one in (*shown, join([bar, count]))])
    return table([("there", False), ("read", False), ("times", True)], rows, compact=True)
