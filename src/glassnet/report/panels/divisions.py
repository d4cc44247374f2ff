"""The panel of several classifiers on several divisions of a set: what one division leaves to chance."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from glassnet.report.html import element, join
from glassnet.report.page import Panel
from glassnet.report.tables import Cell, percent, table, whole

__all__ = ["PUBLISHED", "divisions_panel"]

PUBLISHED = "published"
"""What the division is called that a set comes with."""


def divisions_panel(divisions: Mapping[str, Mapping[str, float]]) -> Panel | None:
    """A table of accuracies; None where there is only one division.

    Parameters
    ----------
    divisions : mapping of str to mapping of str to float
        By classifier and name of a division of the set, the accuracy where it was trained and tested anew; the first is
        the one that the page is about. Those that are not called `PUBLISHED` are random.
    """
    every = list(next(iter(divisions.values())))
    if len(every) < 2:
        return None
    first, others = every[0], [each for each in every if each != PUBLISHED]
    rows = []
    for name, accuracies in divisions.items():
        values = [accuracies[other] for other in others]
        mean = float(np.mean(values))
        span = f"{percent(min(values))} to {percent(max(values))}"
        cells = [Cell(percent(accuracies[each]), accuracies[each]) for each in every]
        shown = join([percent(mean), " ", element("small", span, class_="interval")])
        rows.append([Cell(whole(name), name), *cells, Cell(shown, mean)])
    headings = [("classifier", False), *((each, True) for each in every)]
    lead = (
        "Test accuracy where the set is divided anew and all are trained anew. What the rest of this page says is of"
        f" the division '{first}'; mean and span are of the random ones. How far these lie apart is what one division"
        " leaves to chance."
    )
    headings.append(("mean, least to most", True))
    body = table(headings, rows, sortable=True, compact=True, label="accuracy by division")
    return Panel("divisions", "On several divisions of the set", lead, body=body)
