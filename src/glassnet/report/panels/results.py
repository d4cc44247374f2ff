"""The panels that say how a training went and how good its network is."""

from __future__ import annotations

from collections.abc import Mapping

from glassnet.metrics import ClassScore, Evaluation
from glassnet.nn.functional.arrays import Array
from glassnet.report.figures.confusion import NARROW_UP_TO, confusion_figure
from glassnet.report.figures.curves import Records, best_epoch, epoch_records, learning_curves, measure_of
from glassnet.report.figures.histograms import histogram_figure, shown_layers
from glassnet.report.figures.norms import norms_figure, update_ratios
from glassnet.report.figures.scores import per_class_figure, reliability_figure
from glassnet.report.html import Html, element, join
from glassnet.report.page import Chart, Panel
from glassnet.report.tables import Cell, interval_text, number, percent, table

__all__ = [
    "classes_panel",
    "confusion_panel",
    "curves_panel",
    "histograms_panel",
    "reliability_panel",
    "updates_panel",
]

_AS_SURE = 0.005  # between mean confidence and accuracy: too little to speak of


def curves_panel(history: Records) -> Panel | None:
    """Loss and accuracy by epoch; `None` before the first epoch has ended."""
    if not epoch_records(history):
        return None
    lead = "The loss should fall and level off."
    if best_epoch(history) is not None:
        lead += (
            " Where the validation curve turns away from the training curve, the network has begun to learn its"
            " training examples by heart; the model that was kept is the best on validation (ringed)."
        )
    measure = measure_of(history)
    shown = "Loss" if measure is None else f"Loss and {measure.title[0].lower()}{measure.title[1:]}"
    chart = Chart("learning_curves", lambda: learning_curves(history), f"{shown} by epoch",
                  narrow=lambda: learning_curves(history, narrow=True))  # fmt: skip
    return Panel("curves", "Learning curves", lead, chart)


def confusion_panel(found: Evaluation) -> Panel:
    """The confusion matrix, and beside it the pairs that are mixed up most often."""
    lead = (
        "One row for each true class, one column for each prediction. Blue cells on the diagonal are right; orange "
        "cells are mistakes, on a stronger scale so that rare ones show."
    )
    chart = Chart(
        "confusion", lambda: confusion_figure(found), "Confusion matrix, rows true classes, columns predicted classes",
        narrow=(lambda: confusion_figure(found, narrow=True)) if found.classes <= NARROW_UP_TO else None,
    )  # fmt: skip
    return Panel("confusion", "Confusion matrix", lead, chart, _most_confused(found), beside=True)


def _most_confused(found: Evaluation) -> Html | None:
    names = found.class_names
    rows = []
    for pair in found.most_confused(12 if found.classes <= 16 else 20):
        true, predicted = element("b", names[pair.true]), element("b", names[pair.predicted])
        words = element("span", true, " taken for ", predicted, class_="pair")
        count = element("span", f"{number(pair.count)} × ", element("small", percent(pair.share)), class_="count")
        rows.append(element("li", words, count))
    if not rows:
        return None
    return element("div", element("h3", "Most often confused"), element("ol", *rows, class_="pairs"))


def classes_panel(found: Evaluation) -> Panel:
    """A table of the classes with their recall, precision and F1; as a figure, their recalls."""
    headings = [
        ("class", False),
        ("examples", True),
        ("recall", True),
        ("precision", True),
        ("F1", True),
    ]
    lead = (
        "Recall: how many of a class were found. Precision: how many of those predicted as that class "
        "really were. F1 combines both. "
        "Below each recall, and as the dark stroke, its 95 % interval: few examples make it wide. Click a heading to"
        " sort."
    )
    body = table(headings, [_class_row(score) for score in found.per_class], sortable=True)
    return Panel(
        "classes", "Class by class", lead, Chart("per_class", lambda: per_class_figure(found), on_page=False), body
    )


def _class_row(score: ClassScore) -> list[Cell]:
    low, high = score.recall_interval
    bar = None
    if score.support:
        bar = element(
            "span",
            element("span", class_="fill", style=f"width:{100 * score.recall:.2f}%"),
            element("span", class_="whisker", style=f"left:{100 * low:.2f}%;width:{100 * (high - low):.2f}%"),
            class_="bar",
            aria_hidden="true",
        )
    interval = element("small", interval_text(low, high), class_="interval") if score.support else None
    shown = element("span", percent(score.recall), " ", interval, class_="figure")
    return [
        Cell(score.name, score.name),
        Cell(number(score.support), float(score.support)),
        Cell(join([bar, shown]), score.recall),
        Cell(percent(score.precision), score.precision),
        Cell(percent(score.f1), score.f1),
    ]


def reliability_panel(found: Evaluation) -> Panel:
    """Whether the network is right as often as it is sure."""
    calibration = found.calibration
    mean = float(found.confidences.mean())
    verdict = "surer than it should be" if mean > found.accuracy else "less sure than it could be"
    if abs(mean - found.accuracy) < _AS_SURE:
        verdict = "as sure as it should be"
    lead = (
        f"Among examples the network calls 90 % sure, nine in ten should be right. Its mean confidence is "
        f"{percent(mean)} at an accuracy of {percent(found.accuracy)}: on the whole it is {verdict}. Expected "
        f"calibration error: {percent(calibration.error)} over {len(calibration.counts)} bins. Points on the dashed "
        "line can be believed; orange ones differ by more than chance likely explains."
    )
    chart = Chart("reliability", lambda: reliability_figure(calibration), "Reliability diagram",
                  narrow=lambda: reliability_figure(calibration, narrow=True))  # fmt: skip
    return Panel("reliability", "Can its confidence be believed?", lead, chart)


def updates_panel(history: Records) -> Panel | None:
    """The size of the updates against that of the weights; `None` where no norms were recorded."""
    if not update_ratios(history):
        return None
    lead = (
        "The size of each update compared with the weights it changes. Around one in a thousand is healthy as a rule "
        "of thumb; far above, the learning rate is likely too high, far below, too low."
    )
    chart = Chart("update_ratios", lambda: norms_figure(history), "Update to weight ratios by step",
                  narrow=lambda: norms_figure(history, narrow=True))  # fmt: skip
    return Panel("updates", "Size of the updates", lead, chart)


def histograms_panel(histograms: Mapping[str, Array]) -> Panel | None:
    """How weights and gradients were spread, epoch by epoch; `None` where fewer than two epochs were looked at."""
    if len(histograms.get("epochs", ())) < 2 or not (layers := shown_layers(histograms)):
        return None
    total = sum(name.startswith("weight.") and not name.endswith(".limit") for name in histograms)
    which = "" if total == len(layers) else f" Shown are {len(layers)} of {total} layers."
    lead = (
        "Each column is an epoch, the darker, the more of a layer's numbers lie at that height. Weights should spread"
        " slowly as the network learns; a strip that never changes does not learn. Gradients far smaller in the first"
        f" layers than in the last hardly reach them; gradients that are all 0 change nothing.{which}"
    )
    chart = Chart("histograms", lambda: histogram_figure(histograms), "Spread of weights and gradients by epoch")
    return Panel("spread", "How weights and gradients are spread", lead, chart)
