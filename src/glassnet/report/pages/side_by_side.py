"""The page of several classifiers on the same pictures: how good each is, whether they differ, what is hard for all."""

from __future__ import annotations

import itertools
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from glassnet.data import Dataset
from glassnet.errors import DataError
from glassnet.metrics import Evaluation, McNemar, holm, mcnemar
from glassnet.report.figures.pictures import as_rgb, picture_png
from glassnet.report.html import Html, data_uri, element, join
from glassnet.report.page import Heading, Panel, write_page
from glassnet.report.tables import Cell, interval_text, number, percent, table
from glassnet.text import shorten

__all__ = ["PUBLISHED", "Contestant", "compare_pairs", "write_side_by_side_page"]

_TILES, _SIDE = 24, 224  # pictures that are shown, and their pixels on the page
_LONGEST = 36  # letters of a name in a table
_LEVEL = 0.05

PUBLISHED = "published"
"""What the division is called that a set comes with."""


@dataclass(frozen=True)
class Contestant:
    """A classifier: its name, how it was made in a few words, and what it said of the pictures."""

    name: str
    about: str
    evaluation: Evaluation


def compare_pairs(contestants: Sequence[Contestant]) -> dict[tuple[str, str], tuple[McNemar, float]]:
    """McNemar's test of each pair by their names, with its probability after Holm's correction for all pairs.

    Raises
    ------
    DataError
        They were not evaluated on the same pictures, or two have one name.
    """
    if len({c.name for c in contestants}) < len(contestants):
        raise DataError("Two of the classifiers have the same name; name them apart.")
    labels = [c.evaluation.labels for c in contestants]
    if any(not np.array_equal(labels[0], others) for others in labels[1:]):
        raise DataError("The classifiers were not evaluated on the same pictures: their true classes differ.")
    right = {c.name: c.evaluation.predictions == c.evaluation.labels for c in contestants}
    pairs = list(itertools.combinations(right, 2))
    tests = [mcnemar(right[first], right[second]) for first, second in pairs]
    return dict(zip(pairs, zip(tests, holm([test.p for test in tests]), strict=True), strict=True))


def write_side_by_side_page(
    path: str | os.PathLike[str],
    title: str,
    contestants: Sequence[Contestant],
    part: Dataset,
    *,
    divisions: Mapping[str, Mapping[str, float]] | None = None,
) -> Path:
    """Write one self-contained HTML page.

    Parameters
    ----------
    path : path-like
        The file.
    title : str
        What the page is about.
    contestants : sequence of Contestant
        At least two.
    part : Dataset
        The pictures that all were evaluated on.
    divisions : mapping of str to mapping of str to float, optional
        By classifier and name of a division of the set, the accuracy where it was trained and tested anew; the first is
        the one that the page is about. Those that are not called `PUBLISHED` are random.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    DataError
        They were not evaluated on these pictures.
    GlassnetError
        The file cannot be written.
    """
    tests = compare_pairs(contestants)
    if not np.array_equal(contestants[0].evaluation.labels, part.labels):
        raise DataError("The classifiers were not evaluated on these pictures: their true classes differ.")
    panels = [_accuracy_panel(contestants), _pairs_panel(tests)]
    if divisions and len(next(iter(divisions.values()))) > 1:
        panels.append(_divisions_panel(divisions))
    panels += [_classes_panel(contestants), _hardest_panel(contestants, part)]
    write_page(path, _heading(title, contestants, tests), panels)
    return Path(path)


def _heading(
    title: str, contestants: Sequence[Contestant], tests: dict[tuple[str, str], tuple[McNemar, float]]
) -> Heading:
    n = contestants[0].evaluation.n
    apart = sum(adjusted < _LEVEL for _, adjusted in tests.values())
    differ = "pairs differ" if apart != 1 else "pair differs"
    sentence = (
        f"{len(contestants)} classifiers on the same {n:,} pictures. {apart} of {len(tests)} {differ} by more than"
        " chance explains (McNemar's exact test, Holm's correction, 5 % level)."
    )
    cards = [
        (c.name, percent(c.evaluation.accuracy), interval_text(*c.evaluation.accuracy_interval)) for c in contestants
    ]
    return Heading(title, sentence, cards)


def _accuracy_panel(contestants: Sequence[Contestant]) -> Panel:
    rows = []
    for one in contestants:
        found = one.evaluation
        mistakes = found.n - round(found.accuracy * found.n)
        rows.append(
            [
                Cell(_whole(one.name), one.name),
                Cell(element("span", one.about, class_="sentence"), one.about),
                Cell(_bar(found.accuracy, found.accuracy_interval), found.accuracy),
                Cell(number(mistakes), float(mistakes)),
                Cell(percent(found.calibration.error), found.calibration.error),
            ]
        )
    headings = [("classifier", False), ("made", False), ("accuracy", True), ("mistakes", True)]
    lead = (
        "The dark stroke is the 95 % interval. The calibration error is how far the probabilities are from the shares"
        " that are right."
    )
    body = table(
        [*headings, ("calibration error", True)], rows, sortable=True, compact=True, label="accuracy of each classifier"
    )
    return Panel("accuracy", "How good each is", lead, body=body)


def _whole(text: str) -> Html:
    """A name on one line."""
    return element("span", shorten(text, _LONGEST), class_="whole")


def _bar(share: float, interval: tuple[float, float]) -> Html:
    low, high = interval
    bar = element(
        "span",
        element("span", class_="fill", style=f"width:{100 * share:.2f}%"),
        element("span", class_="whisker", style=f"left:{100 * low:.2f}%;width:{100 * (high - low):.2f}%"),
        class_="bar",
        aria_hidden="true",
    )
    text = element("small", interval_text(low, high), class_="interval")
    return join([bar, element("span", percent(share), " ", text, class_="figure")])


def _pairs_panel(tests: dict[tuple[str, str], tuple[McNemar, float]]) -> Panel:
    rows = []
    for (first, second), (test, adjusted) in tests.items():
        better, worse = (first, second) if test.difference >= 0 else (second, first)
        verdict = f"{better} is better" if adjusted < _LEVEL else "may be chance"
        rows.append(
            [
                Cell(join([_whole(f"{first},"), element("br"), _whole(second)]), first),
                Cell(number(test.only_first), float(test.only_first)),
                Cell(number(test.only_second), float(test.only_second)),
                Cell(number(test.both), float(test.both)),
                Cell(number(test.neither), float(test.neither)),
                Cell(f"{test.p:.2g}", test.p),
                Cell(f"{adjusted:.2g}", adjusted),
                Cell(_whole(verdict), f"{verdict} {worse}"),
            ]
        )
    headings = [
        ("pair", False),
        ("only first right", True),
        ("only second right", True),
        ("both", True),
        ("neither", True),
        ("p", True),
        ("p, all pairs", True),
        ("", False),
    ]
    lead = (
        "Intervals of two accuracies may overlap though one classifier is surely better, because both see the same"
        " pictures. McNemar's test counts the pictures that only one of the two has right: were both equally good, each"
        " of them would fall to either with probability 1/2. p is how often chance alone divides them so unevenly; the"
        " next column corrects it for the number of pairs (Holm)."
    )
    return Panel(
        "pairs",
        "Which differ",
        lead,
        body=table(headings, rows, sortable=True, compact=True, label="pairs of classifiers"),
    )


def _divisions_panel(divisions: Mapping[str, Mapping[str, float]]) -> Panel:
    every = list(next(iter(divisions.values())))
    first, others = every[0], [each for each in every if each != PUBLISHED]
    rows = []
    for name, accuracies in divisions.items():
        values = [accuracies[other] for other in others]
        mean = float(np.mean(values))
        span = f"{percent(min(values))} to {percent(max(values))}"
        cells = [Cell(percent(accuracies[each]), accuracies[each]) for each in every]
        shown = join([percent(mean), " ", element("small", span, class_="interval")])
        rows.append([Cell(_whole(name), name), *cells, Cell(shown, mean)])
    headings = [("classifier", False), *((each, True) for each in every)]
    lead = (
        "Test accuracy where the set is divided anew and all are trained anew. What the rest of this page says is of"
        f" the division '{first}'; mean and span are of the random ones. How far these lie apart is what one division"
        " leaves to chance."
    )
    headings.append(("mean, least to most", True))
    body = table(headings, rows, sortable=True, compact=True, label="accuracy by division")
    return Panel("divisions", "On several divisions of the set", lead, body=body)


def _classes_panel(contestants: Sequence[Contestant]) -> Panel:
    scores = [one.evaluation.per_class for one in contestants]
    rows = [
        [
            Cell(_whole(own[0].name), own[0].name),
            Cell(number(own[0].support), float(own[0].support)),
            *(Cell(percent(score.recall), score.recall) for score in own),
        ]
        for own in zip(*scores, strict=True)
        if own[0].support
    ]
    headings = [("class", False), ("pictures", True), *((one.name, True) for one in contestants)]
    lead = (
        "How many pictures of each class were found. With few pictures a class, differences of some points are chance."
    )
    return Panel(
        "classes",
        "Class by class",
        lead,
        body=table(headings, rows, sortable=True, compact=True, label="recall by class"),
    )


def _hardest_panel(contestants: Sequence[Contestant], part: Dataset) -> Panel:
    wrong = np.stack([one.evaluation.predictions != one.evaluation.labels for one in contestants])
    sure = np.stack([one.evaluation.confidences for one in contestants])
    order = np.lexsort((-(wrong * sure).sum(axis=0), -wrong.sum(axis=0)))
    chosen = [int(i) for i in order[:_TILES] if wrong[:, i].any()]
    if not chosen:
        return Panel("hardest", "Hardest pictures", "There are none: every classifier has every picture right.")
    tiles = []
    for i, picture in zip(chosen, as_rgb(part.images[np.array(chosen)]), strict=True):
        lines = [element("span", element("i", "is "), part.class_names[part.labels[i]], class_="true")]
        for one, missed in zip(contestants, wrong[:, i], strict=True):
            answer = part.class_names[one.evaluation.predictions[i]] if missed else "right"
            lines.append(element("span", element("i", f"{one.name}: "), answer, class_="wrong" if missed else None))
        image = element("img", src=data_uri(picture_png(picture, _SIDE)), alt=f"picture {i}", loading="lazy")
        name = part.files[i].name if part.files is not None else f"#{i}"
        lines.append(element("span", name, class_="file", title=name))
        tiles.append(element("figure", image, element("figcaption", *lines), class_="tile"))
    missed_by_all = int(wrong.all(axis=0).sum())
    lead = (
        f"{number(missed_by_all)} picture{'' if missed_by_all == 1 else 's'} no classifier has right, "
        f"{number(int((~wrong.any(axis=0)).sum()))} all have. Shown are those that most have wrong, and what each says."
    )
    return Panel("hardest", "Hardest pictures", lead, body=element("div", *tiles, class_="tiles"))
