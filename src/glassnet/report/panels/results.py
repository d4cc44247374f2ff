"""The sections of a report, each with a sentence that says how to read it."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from glassnet.report.figures.confusion import confusion_figure
from glassnet.report.content import ReportContent
from glassnet.report.figures.curves import best_epoch, epoch_records, learning_curves
from glassnet.report.panels.gallery import mistakes_section, reconstructions_section
from glassnet.report.html import element, join
from glassnet.report.panels.inside import feature_maps_section, first_layer_section, network_section
from glassnet.report.figures.norms import norms_figure, update_ratios
from glassnet.report.figures.scores import reliability_figure
from glassnet.report.page import Section, chart
from glassnet.report.tables import Cell, key_value_table, number, percent, table
from glassnet.metrics import ClassScore

__all__ = ["sections"]


def sections(content: ReportContent) -> list[Section]:
    """All sections for which there is something to show, in the order of the page."""
    charts = [_curves, _confusion, _classes]
    pictures = [mistakes_section, reconstructions_section, first_layer_section, feature_maps_section]
    proofs = [_reliability, _ratios, _gradients]
    words = [network_section, _next, _details]
    makers: list[Callable[[ReportContent], Section | None]] = [*charts, *pictures, *proofs, *words]
    return [part for part in (maker(content) for maker in makers) if part is not None]


def _curves(content: ReportContent) -> Section | None:
    if not epoch_records(content.history):
        return None
    lead = (
        "The loss should fall and level off. Where the validation curve turns away from the training curve, the "
        "network has begun to learn its training examples by heart; the model that was kept is the best on validation "
        "(ringed)."
    )
    if best_epoch(content.history) is None:
        lead = "The loss should fall and level off."
    return Section(
        "curves", "Learning curves", lead, chart(learning_curves(content.history), "Loss and accuracy by epoch")
    )


def _confusion(content: ReportContent) -> Section | None:
    found = content.evaluation
    if found is None:
        return None
    pairs = found.most_confused(12 if found.classes <= 16 else 20)
    names = found.class_names
    rows = [
        element(
            "li",
            element(
                "span", element("b", names[p.true]), " taken for ", element("b", names[p.predicted]), class_="pair"
            ),
            element("span", f"{number(p.count)} × ", element("small", percent(p.share)), class_="count"),
        )
        for p in pairs
    ]
    listing = (
        element("div", element("h3", "Most often confused"), element("ol", *rows, class_="pairs")) if rows else None
    )
    lead = (
        "One row for each true class, one column for each prediction. Blue cells on the diagonal are right; orange "
        "cells are mistakes, on a stronger scale so that rare ones show."
    )
    picture = chart(confusion_figure(found), "Confusion matrix, rows true classes, columns predicted classes")
    return Section("confusion", "What is taken for what", lead, element("div", picture, listing, class_="beside"))


def _classes(content: ReportContent) -> Section | None:
    found = content.evaluation
    if found is None:
        return None
    headings = [
        ("class", False),
        ("examples", True),
        ("recall", True),
        ("95 % interval", True),
        ("precision", True),
        ("F1", True),
    ]
    rows = [_class_row(score) for score in found.per_class]
    lead = (
        "Recall: how many of a class were found. Precision: how many of those called so really were. F1 combines both. "
        "The dark stroke is the 95 % interval of the recall: few examples make it wide. Click a heading to sort."
    )
    return Section("classes", "Class by class", lead, table(headings, rows, sortable=True))


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
    interval = f"{100 * low:.1f} – {percent(high)}" if score.support else "–"
    return [
        Cell(score.name, score.name),
        Cell(number(score.support), float(score.support)),
        Cell(join([bar, element("span", percent(score.recall), class_="figure")]), score.recall),
        Cell(interval, low),
        Cell(percent(score.precision), score.precision),
        Cell(percent(score.f1), score.f1),
    ]


def _reliability(content: ReportContent) -> Section | None:
    found = content.evaluation
    if found is None:
        return None
    calibration = found.calibration
    mean = float(found.confidences.mean())
    verdict = "surer than it should be" if mean > found.accuracy else "less sure than it could be"
    if abs(mean - found.accuracy) < 0.005:
        verdict = "as sure as it should be"
    lead = (
        f"Among examples the network calls 90 % sure, nine in ten should be right. Its mean confidence is "
        f"{percent(mean)} at an accuracy of {percent(found.accuracy)}: on the whole it is {verdict}. Expected "
        f"calibration error: {percent(calibration.error)} over {len(calibration.counts)} bins. Points on the dashed "
        "line can be believed; orange ones differ by more than chance likely explains."
    )
    return Section(
        "reliability",
        "Can its confidence be believed?",
        lead,
        chart(reliability_figure(calibration), "Reliability diagram"),
    )


def _ratios(content: ReportContent) -> Section | None:
    if not update_ratios(content.history):
        return None
    lead = (
        "The size of each update compared with the weights it changes. Around one in a thousand is healthy as a rule "
        "of thumb; far above, the learning rate is likely too high, far below, too low."
    )
    return Section(
        "updates", "Size of the updates", lead, chart(norms_figure(content.history), "Update to weight ratios by step")
    )


def _gradients(content: ReportContent) -> Section | None:
    title = "Are the gradients right?"
    if content.gradient_remark:
        return Section("gradients", title, content.gradient_remark, join([]))
    if not content.gradient_check:
        return None
    headings = [
        ("parameter", False),
        ("entries checked", True),
        ("error", True),
        ("worst index", True),
        ("verdict", False),
    ]
    rows = []
    for parameter, entries, error, worst, verdict in content.gradient_check:
        text = (
            {True: "correct", False: "wrong"}.get(verdict, str(verdict)) if isinstance(verdict, bool) else str(verdict)
        )
        good = text.strip().lower() in {"ok", "correct", "passed", "pass", "right", "good"}
        badge = element("span", text, class_="badge good" if good else "badge bad")
        cells = [element("code", parameter), number(entries), _error(error), str(worst), badge]
        rows.append([Cell(cell, "") for cell in cells])
    lead = "Every gradient compared with central differences in float64: the error should be at most about 1e-7."
    return Section("gradients", title, lead, table(headings, rows))


def _error(value: Any) -> str:
    return f"{value:.1e}" if isinstance(value, float | np.floating) and math.isfinite(value) else number(value)


def _next(content: ReportContent) -> Section | None:
    if not content.commands:
        return None
    lines: list[object] = []
    for command in content.commands:
        remark = command.lstrip().startswith("#")
        lines.append(element("span", command, class_="remark" if remark else "command"))
        lines.append("\n")
    return Section("next", "What to do next", "", element("pre", *lines[:-1]))


def _details(content: ReportContent) -> Section | None:
    parts = []
    if content.configuration.strip():
        parts.append(
            element("details", element("summary", "Configuration"), element("pre", content.configuration.strip("\n")))
        )
    if content.environment:
        parts.append(element("details", element("summary", "Environment"), key_value_table(content.environment)))
    if not parts:
        return None
    return Section("details", "How it was made", "", join(parts))
