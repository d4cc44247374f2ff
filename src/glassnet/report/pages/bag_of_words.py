"""The page of a bag of visual words: the words, what they say about the classes, how well they tell them apart."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from glassnet.classic import BagOfWordsClassifier
from glassnet.data import Dataset
from glassnet.metrics import Evaluation
from glassnet.report.figures.words import evidence_figure, words_figure
from glassnet.report.page import Chart, Heading, Panel, write_page
from glassnet.report.panels.gallery import mistakes_panel
from glassnet.report.panels.results import classes_panel, confusion_panel, reliability_panel
from glassnet.report.tables import Cell, interval_text, number, percent, table

__all__ = ["write_bag_of_words_page"]


def write_bag_of_words_page(
    folder: str | os.PathLike[str],
    fitted: BagOfWordsClassifier,
    found: Evaluation,
    tested: Dataset,
    trained: int,
    splits: Sequence[float] = (),
) -> list[Path]:
    """Write `report.html` and `figures/*.png` into a folder.

    Parameters
    ----------
    folder : path-like
        Where to.
    fitted : BagOfWordsClassifier
        Its classes are numbers of `tested.class_names`.
    found : Evaluation
        What it says of `tested`.
    tested : Dataset
        The test pictures.
    trained : int
        How many pictures it was fitted to.
    splits : sequence of float
        Its accuracies when fitted anew to other splits.

    Returns
    -------
    list of Path
        The files, the page first.

    Raises
    ------
    GlassnetError
        A file cannot be written.
    """
    folder = Path(folder)
    panels = [
        _words_panel(fitted),
        _evidence_panel(fitted, tested.class_names),
        confusion_panel(found),
        classes_panel(found),
        mistakes_panel(found, tested.images, tested.files, folder),
        reliability_panel(found),
        *([_splits_panel(splits)] if splits else []),
    ]
    heading = _heading(fitted, found, tested.name, trained, splits)
    return write_page(folder / "report.html", heading, panels, figures_folder=folder / "figures")


def _heading(
    fitted: BagOfWordsClassifier, found: Evaluation, name: str, trained: int, splits: Sequence[float]
) -> Heading:
    words = fitted.words_
    sentence = (
        f"{words.n_words:,} visual words were made from patches of {trained:,} training pictures. Every picture is"
        f" the counts of its words in {len(words.pyramid_):,} regions, and a linear support vector machine tells the"
        f" classes apart by them: {found.describe()}."
    )
    cards = [
        ("accuracy", percent(found.accuracy), f"95 % interval {interval_text(*found.accuracy_interval)}"),
        ("test pictures", number(found.n), f"{found.n - round(found.accuracy * found.n)} mistakes"),
        ("words", number(words.n_words), f"cells of {', '.join(map(str, words.cells_))} pixels"),
    ]
    if splits:
        mean, ends = sum(splits) / len(splits), interval_text(min(splits), max(splits))
        cards.append((f"mean of {len(splits)} random splits", percent(mean), f"{ends}, least to most"))
    return Heading(f"{name}: bag of visual words", sentence, cards)


def _words_panel(fitted: BagOfWordsClassifier) -> Panel:
    words = fitted.words_
    chart = Chart("words", lambda: words_figure(words), "Visual words as small pictures",
                  narrow=lambda: words_figure(words, narrow=True))  # fmt: skip
    lead = (
        "A word is a cluster of patches with similar gradients. Above, the mean of its patches: what they have in"
        " common, with the contrast stretched. Below, in the same order, the one patch that is most like the word. The"
        " most frequent words come first."
    )
    return Panel("words", "The words", lead, chart)


def _evidence_panel(fitted: BagOfWordsClassifier, names: Sequence[str]) -> Panel:
    own = [names[number] for number in fitted.classes_]
    chart = Chart("evidence", lambda: evidence_figure(fitted.words_, fitted.evidence_, own),
                  "For each class the words that speak for it",
                  narrow=lambda: evidence_figure(fitted.words_, fitted.evidence_, own, narrow=True))  # fmt: skip
    lead = (
        "The score of a class is a sum over words. The number below a word is how much more it adds to the score of the"
        " class in pictures of that class than in all training pictures. Each word is shown as its mean and its nearest"
        " patch."
    )
    return Panel("evidence", "Which words speak for which class", lead, chart)


def _splits_panel(splits: Sequence[float]) -> Panel:
    rows = [[Cell(f"split {i}", i), Cell(percent(accuracy), accuracy)] for i, accuracy in enumerate(splits, 1)]
    body = table([("", False), ("accuracy", True)], rows, compact=True)
    lead = (
        "All pictures were divided anew, at random, with the same share of every class in the test part; words, machine"
        " and temperature were made from the training part each time. The test parts overlap, so their spread is no"
        " interval."
    )
    return Panel("splits", "Other splits", lead, body=body)
