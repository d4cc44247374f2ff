"""The panels of the pictures of a data set: what is wrong, some of each class, doubtful labels, copies."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from glassnet.doctor import Finding
from glassnet.doctor.pictures import LookedAt
from glassnet.report.figures.pictures import as_rgb, image_grid
from glassnet.report.html import element
from glassnet.report.page import Chart, Panel
from glassnet.report.panels.gallery import tile

__all__ = ["classes_panel", "copies_panel", "doubtful_panel", "findings_panel"]

_MOST, _OF_EACH, _CLASSES = 24, 8, 20  # tiles of a panel; pictures of each class, and classes


def findings_panel(findings: Sequence[Finding]) -> Panel:
    """Each finding with what to do about it; that there are none where there are none."""
    if not findings:
        return Panel("findings", "What is wrong", "Nothing was found.")
    items = [
        element("li", element("strong", f"{finding.name}: "), finding.evidence, " ", element("em", finding.remedy))
        for finding in findings
    ]
    return Panel("findings", "What is wrong", "The worst first.", body=element("ul", *items))


def classes_panel(looked: LookedAt) -> Panel:
    """The first pictures of each class of the part that is trained on, a row for each class."""
    part = next(iter(looked.sketches.parts.values()))
    there = np.flatnonzero(part.counts())[:_CLASSES]
    rows = np.concatenate([np.flatnonzero(part.labels == label)[:_OF_EACH] for label in there])
    names = [part.class_names[label] for label in part.labels[rows]]
    pictures = np.asarray(part.images[rows])
    tiles = [
        tile([(name, picture)], element("span", name)) for name, picture in zip(names, as_rgb(pictures), strict=True)
    ]
    chart = Chart("classes", lambda: image_grid(pictures, names), on_page=False)
    more = f" Of {part.classes:,} classes, the first {_CLASSES}." if part.classes > _CLASSES else ""
    lead = f"The first pictures of each class.{more}"
    return Panel("classes", "The classes", lead, chart, element("div", *tiles, class_="tiles"))


def doubtful_panel(looked: LookedAt) -> Panel | None:
    """Pictures whose labels look wrong, with the label and what the picture looks like; None where none does."""
    judged, sketches = looked.judged, looked.sketches
    doubted = [finding.where for finding in looked.findings if finding.name == "suspicious-labels"]
    if judged is None or not doubted:
        return None
    parts = [np.flatnonzero(sketches.of(word)[judged.numbers]) for word in doubted]
    rows = np.concatenate([judged.suspects(part) for part in parts])
    names = sketches.class_names
    chosen = rows[:_MOST].tolist()
    numbers = [int(judged.numbers[row]) for row in chosen]
    given, like = ([names[of[row]] for row in chosen] for of in (judged.given, judged.answer))
    pictures = _pictures(looked, numbers)
    tiles = [
        tile(
            [(sketches.name(number), picture)],
            element("span", element("i", "labelled "), label, class_="wrong"),
            element("span", element("i", "looks like "), other, class_="true"),
            element("span", sketches.name(number), class_="sure"),
        )
        for number, picture, label, other in zip(numbers, as_rgb(pictures), given, like, strict=True)
    ]
    captions = [f"{label}, or {other}?" for label, other in zip(given, like, strict=True)]
    chart = Chart("doubtful-labels", lambda: image_grid(pictures, captions, 8), on_page=False)
    lead = f"{len(chosen):,} of {len(rows):,}, the clearest first."
    return Panel("labels", "Labels that look wrong", lead, chart, element("div", *tiles, class_="tiles"))


def copies_panel(looked: LookedAt) -> Panel | None:
    """Pairs of pictures that are the same, or nearly: those under two labels and in two parts first; None without."""
    sketches, first = looked.sketches, looked.same.first
    later = np.flatnonzero(first != np.arange(len(first)))
    pairs = np.concatenate([np.column_stack([first[later], later]), looked.same.near.pairs])
    if not len(pairs):
        return None
    same_label, same_part = (of[pairs[:, 0]] == of[pairs[:, 1]] for of in (sketches.labels, sketches.part))
    chosen = pairs[np.lexsort((same_part, same_label))][: _MOST // 2]
    names = sketches.class_names
    pictures = _pictures(looked, chosen.ravel().tolist())
    captions = [f"{sketches.name(number)} ({names[sketches.labels[number]]})" for number in chosen.ravel().tolist()]
    rgb = as_rgb(pictures)
    tiles = [
        tile(
            [(captions[place], rgb[place]), (captions[place + 1], rgb[place + 1])],
            element("span", captions[place]),
            element("span", captions[place + 1]),
        )
        for place in range(0, len(captions), 2)
    ]
    chart = Chart("copies", lambda: image_grid(pictures, captions, 8), on_page=False)
    lead = f"{len(chosen):,} of {len(pairs):,} pairs; those under two labels and in two parts first."
    return Panel("copies", "Pictures that are there twice", lead, chart, element("div", *tiles, class_="tiles"))


def _pictures(looked: LookedAt, numbers: Sequence[int]) -> NDArray[np.generic]:
    return np.stack([looked.sketches.picture(number) for number in numbers])
