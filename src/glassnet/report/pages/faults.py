"""The page of what the doctor finds of planted faults: its confusion matrix, fault by fault, and false alarms."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from glassnet.clinic.faults import faults, held_back
from glassnet.clinic.matrix import Exam, Table
from glassnet.report.figures.faults import faults_figure
from glassnet.report.html import Html
from glassnet.report.page import Chart, Heading, Panel, write_page
from glassnet.report.tables import Cell, number, table

__all__ = ["write_faults_page"]

_NAMED = 3  # findings that a row lists


def write_faults_page(
    path: str | os.PathLike[str], found: Table, *, figures_folder: str | os.PathLike[str] | None = None
) -> list[Path]:
    """Write one self-contained HTML file.

    Parameters
    ----------
    path : path-like
        The file.
    found : Table
        What was examined.
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
    cards = []
    for title, part in (("faults that rules were tuned on", found.of_group(False)),
                        ("faults held back", found.of_group(True))):  # fmt: skip
        if part.planted:
            cards += [
                (f"{title}: found", f"{100 * part.detected.share:.1f} %", str(part.detected).partition(" (")[0]),
                (
                    "right cause",
                    f"{100 * part.right.share:.1f} %",
                    f"among the first two; {part.right}".partition(" (")[0],
                ),
            ]
    if found.healthy:
        cards.append(("false alarms", number(found.alarms.count), f"in {found.alarms.of:,} healthy recipes"))
    sentence = (
        f"{len({exam.fault for exam in found.planted}):,} faults planted in recipes on the built-in digits, each recipe"
        " examined as a user would have it examined. No rule was tuned on the faults held back."
    )
    panels = [*([_matrix(found)] if found.planted else []), *([_faults(found)] if found.planted else []),
              *([_healthy(found.healthy)] if found.healthy else [])]  # fmt: skip
    return write_page(path, Heading("What the doctor finds", sentence, cards), panels, figures_folder=figures_folder)


def _by_fault(found: Table) -> dict[str, list[Exam]]:
    every: dict[str, list[Exam]] = {}
    for exam in found.planted:
        every.setdefault(exam.fault, []).append(exam)
    return every


def _matrix(found: Table) -> Panel:
    every = _by_fault(found)
    counts = {fault: Counter(exam.first for exam in each) for fault, each in every.items()}
    right = {fault: faults()[fault].causes for fault in every}
    lead = "Down: what was planted. Across: what was named first. Blue is a right cause, orange another finding."
    chart = Chart("faults", lambda: faults_figure(counts, right), "Which finding was named first for each fault")
    return Panel("matrix", "Confusion matrix", lead, chart)


def _faults(found: Table) -> Panel:
    rows = []
    for fault, each in _by_fault(found).items():
        named = Counter(name for exam in each for name in exam.causes[:2]) or Counter(exam.first for exam in each)
        words = ", ".join(f"{name} ({count})" for name, count in named.most_common(_NAMED))
        rows.append([
            Cell(fault, fault), Cell(faults()[fault].kind, faults()[fault].kind),
            Cell("held back" if fault in held_back() else "", str(fault in held_back())),
            *(_share(sum(right), len(each)) for right in ([e.detected for e in each], [e.right for e in each])),
            Cell(words, words),
        ])  # fmt: skip
    headings = [("fault", False), ("kind", False), ("group", False), ("found", True), ("right cause", True),
                ("named among the first two", False)]  # fmt: skip
    body = table(headings, rows, sortable=True, label="the faults, and what was found of each")
    return Panel("faults", "Fault by fault", "A click on a heading sorts.", body=body)


def _share(count: int, of: int) -> Cell:
    return Cell(f"{count} of {of}", count / of)


def _healthy(found: Sequence[Exam]) -> Panel:
    rows = [
        [
            Cell(exam.recipe, exam.recipe),
            Cell(", ".join((*exam.causes, *exam.symptoms)) or exam.refused or "nothing", ""),
        ]
        for exam in sorted(found, key=lambda exam: not exam.detected)
    ]
    body: Html = table([("recipe", False), ("found", False)], rows, label="the healthy recipes")
    return Panel("healthy", "Recipes in which nothing is wrong", body=body)
