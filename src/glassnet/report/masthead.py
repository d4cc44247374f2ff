"""The top of a page: the title, what was trained and how good it is in plain words, and the headline figures."""

from __future__ import annotations

import numpy as np

from glassnet.report.content import ReportContent
from glassnet.report.figures.curves import best_epoch, epoch_records
from glassnet.report.html import Html, element
from glassnet.report.tables import number, percent

__all__ = ["masthead"]


def masthead(content: ReportContent) -> Html:
    """Name of the tool, title, plain sentence and the cards."""
    sentences = [text for text in (content.sentence, _headline_sentence(content)) if text]
    return element(
        "header",
        element("p", element("span", class_="mark", aria_hidden="true"), "glassnet", class_="brand"),
        element("h1", content.title),
        element("p", " ".join(sentences), class_="sentence") if sentences else None,
        _headline_cards(content),
    )


def _headline_sentence(content: ReportContent) -> str:
    """How good the network is in plain words, with the interval."""
    found = content.evaluation
    if found is None:
        return ""
    low, high = found.accuracy_interval
    right = int(np.trace(found.confusion))
    return (
        f"It recognises {number(right)} of {number(found.n)} {content.evaluation_name} examples, "
        f"{percent(found.accuracy)}; with 95 % confidence its true accuracy lies between {percent(low)} "
        f"and {percent(high)}."
    )


def _headline_cards(content: ReportContent) -> Html | None:
    cards = list(content.cards) or (_default_cards(content) if content.evaluation is not None else [])
    if not cards:
        return None
    items = [
        element(
            "div",
            element("dt", label),
            element("dd", value, class_="value"),
            element("dd", note, class_="note") if note else None,
            class_="card",
        )
        for label, value, note in cards
    ]
    return element("dl", *items, class_="cards")


def _default_cards(content: ReportContent) -> list[tuple[str, str, str]]:
    found = content.evaluation
    if found is None:
        return []
    low, high = found.accuracy_interval
    wrong = found.n - int(np.trace(found.confusion))
    cards = [
        (
            f"{content.evaluation_name} accuracy",
            percent(found.accuracy, 2),
            f"95 % interval {percent(low)} to {percent(high)}",
        ),
        ("mistakes", number(wrong), f"of {number(found.n)} examples"),
        ("loss", f"{found.loss:.4f}", "mean cross-entropy in nats"),
    ]
    best = best_epoch(content.history)
    if best is not None:
        cards.append(("best epoch", str(best[0]), f"of {len(epoch_records(content.history))}, by validation"))
    return cards
