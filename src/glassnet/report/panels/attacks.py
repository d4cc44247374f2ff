"""The panels of attacks: pictures and what was changed in them, ways over a boundary, tables, flags."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from glassnet.attack import Flag, Fooled, Robustness, add_steps, size_text
from glassnet.metrics import wilson_interval
from glassnet.report.figures.attacks import boundary_figure, corruption_figure, robustness_figure, turning_figure
from glassnet.report.figures.pictures import as_rgb, picture_png
from glassnet.report.html import Html, data_uri, element, join
from glassnet.report.page import Chart, Panel
from glassnet.report.tables import Cell, interval_text, number, percent, table

__all__ = [
    "ExactRow",
    "boundary_panel",
    "change_picture",
    "changes_panel",
    "corruptions_panel",
    "exact_panel",
    "flags_panel",
    "pictures_panel",
    "receipts_panel",
    "robustness_panel",
    "turning_panel",
]

_SIDE = 224
Bytes = NDArray[np.uint8]


def change_picture(before: Bytes, after: Bytes) -> tuple[Bytes, int]:
    """(the change (H, W, C) on middle grey, made so many times larger, how many times)."""
    change = after.astype(np.int64) - before
    largest = int(np.abs(change).max(initial=0))
    times = max(1, 127 // largest) if largest else 1
    return np.clip(128 + times * change, 0, 255).astype(np.uint8), times


def where_changed(before: Bytes, after: Bytes) -> tuple[Bytes, float]:
    """(how much each pixel changed, as grey (H, W, 1), the share of the pixels that make up half of the squared
    change)."""
    square = ((after.astype(np.float64) - before) ** 2).sum(axis=2)
    total, largest = square.sum(), square.max(initial=0)
    shown = np.sqrt(square / largest) if largest else square
    ordered = np.cumsum(np.sort(square.ravel())[::-1])
    half = (int(np.searchsorted(ordered, total / 2)) + 1) / square.size if total else 0.0
    return np.rint(255 * (1 - shown)).astype(np.uint8)[:, :, None], half


def _images(pictures: Sequence[tuple[str, Bytes]]) -> list[Html]:
    return [
        element("img", src=data_uri(picture_png(as_rgb(picture[None])[0], _SIDE)), alt=name)
        for name, picture in pictures
    ]


def _tile(pictures: Sequence[tuple[str, Bytes]], *lines: object) -> Html:
    caption = element("figcaption", *(element("span", line) for line in lines))
    return element("figure", *_images(pictures), caption, class_="tile")


def changes_panel(found: Fooled, chosen: Sequence[int], names: Sequence[str], probabilities: Sequence[float]) -> Panel:
    """Some attempts: the picture, the fooling one, the change made larger, and where it is.

    Parameters
    ----------
    found : Fooled
        All attempts.
    chosen : sequence of int
        Which are shown.
    names : sequence of str
        The classes.
    probabilities : sequence of float
        Of the answer to each fooling picture.
    """
    rows = []
    for i, probability in zip(chosen, probabilities, strict=True):
        before, after = found.originals[i], found.pictures[i]
        change, times = change_picture(before, after)
        where, half = where_changed(before, after)
        is_, seen = names[found.labels[i]], names[found.answers[i]]
        tiles = (
            _tile([(f"original: {is_}", before)], element("b", is_), "original"),
            _tile([(f"seen as {seen}", after)], element("b", seen, class_="wrong"), f"{percent(probability, 0)} sure"),
            _tile(
                [("the change", change)],
                f"change × {times}",
                f"at most {found.steps[i]}/255 a pixel",
                f"length {found.l2[i]:.3f}",
            ),
            _tile([("where it is", where)], "where", f"half of it in {percent(half)} of the pixels"),
        )
        rows.append(element("div", *tiles, class_="attempt"))
    lead = (
        "Each row: the picture, a picture that is seen as something else, the difference between the two made larger"
        " (grey: unchanged), and the pixels that changed most (dark). The fooling pictures are files of 8-bit pixels"
        " that were written, read again and predicted."
    )
    return Panel("changes", "The smallest changes found", lead, None, element("div", *rows, class_="attempts"))


def boundary_panel(
    ways: Sequence[tuple[str, str, NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]],
) -> Panel | None:
    """The probabilities along the way; None without one. See `boundary_figure`."""
    if not ways:
        return None
    lead = (
        "What the model says on the straight way from the picture (0) to the fooling one (1) and half as far again."
        " A steep crossing means that a change that nobody sees turns one certain answer into another."
    )
    return Panel(
        "boundary",
        "Over the boundary",
        lead,
        Chart(
            "boundary",
            lambda: boundary_figure(ways),
            "Probability of both classes along the change",
            narrow=lambda: boundary_figure(ways, narrow=True),
        ),
    )


def turning_panel(found: Fooled, names: Sequence[str]) -> Panel | None:
    """Who turns into whom: the median length by class and target, and the success rates; None for many classes."""
    if len(names) > 40 or found.targets is None:
        return None
    shape = (len(names), len(names))
    lengths, rates = np.full(shape, np.nan), {}
    for i in range(len(names)):
        for j in range(len(names)):
            pair = (found.labels == i) & (found.targets == j) & ~found.wrong_before
            if pair.any():
                rates[i, j] = (int((pair & found.reached).sum()), int(pair.sum()))
            if (pair & found.reached).any():
                lengths[i, j] = float(np.median(found.l2[pair & found.reached]))
    rows = [
        [Cell(names[i], names[i]), Cell(names[j], names[j]), Cell(number(n), float(n)),
         Cell(percent(right / n), right / n), Cell(number(lengths[i, j], 3), float(lengths[i, j]))]
        for (i, j), (right, n) in rates.items()
    ]  # fmt: skip
    headings = [("is", False), ("taken for", False), ("attempts", True), ("fooled", True), ("median length", True)]
    lead = "The median length of the change that turns one class into another: dark cells are neighbours."
    unit = "median length of the change"

    def narrow() -> Figure:
        return turning_figure(lengths, names, unit, narrow=True)

    chart = Chart("turning", lambda: turning_figure(lengths, names, unit), "Who turns into whom",
                  narrow=narrow if len(names) <= 16 else None)  # fmt: skip
    body = element("details", element("summary", "As a table"), table(headings, rows, sortable=True))
    return Panel("turning", "Who turns into whom", lead, chart, body)


def pictures_panel(key: str, title: str, lead: str, pictures: Sequence[tuple[Bytes, str, str]]) -> Panel:
    """Pictures with two lines of text each."""
    tiles = [_tile([(first, picture)], element("b", first), second) for picture, first, second in pictures]
    return Panel(key, title, lead, None, element("div", *tiles, class_="tiles"))


def universal_panel(originals: Bytes, steps: NDArray[np.int16], texts: Sequence[tuple[str, str]]) -> Panel:
    """Pictures before and after one change that is the same for all."""
    tiles = [
        _tile([(before, a), (after, b)], element("b", before), element("span", after, class_="wrong"))
        for a, b, (before, after) in zip(originals, add_steps(originals, steps), texts, strict=True)
    ]
    lead = "The same change was added to each: above the picture, below what the model sees instead."
    return Panel("examples", "Before and after", lead, None, element("div", *tiles, class_="tiles"))


def receipts_panel(rows: Sequence[tuple[str, str, str, int, float]]) -> Panel:
    """The files written: (file, label, answer, steps, length)."""
    headings = [("file", False), ("is", False), ("seen as", False), ("largest", True), ("length", True)]
    cells = [
        [Cell(file, file), Cell(label, label), Cell(answer, answer), Cell(f"{steps}/255", float(steps)),
         Cell(f"{l2:.4f}", l2)]
        for file, label, answer, steps, l2 in rows
    ]  # fmt: skip
    lead = (
        "Each PNG carries a receipt in its metadata: the model's and the original's SHA-256, the attack and its seed,"
        " and how large the change is. Anybody can check them."
    )
    command = element("p", element("code", "glassnet audit --verify FOLDER", class_="command"))
    body = join([command, table(headings, cells, sortable=True)])
    return Panel("files", "Files", lead, None, body)


# ---- the audit


def robustness_panel(results: Sequence[Robustness]) -> Panel:
    """Robust accuracy as a curve and as a table."""
    rows = []
    for found in results:
        for eps in found.eps:
            low, high = found.interval(eps)
            fgsm = found.alone.get((eps, "FGSM"), float("nan"))
            rows.append([
                Cell(found.norm, found.norm), Cell(size_text(eps), eps),
                Cell(percent(found.accuracy(eps)), found.accuracy(eps)),
                Cell(interval_text(low, high), low),
                Cell(percent(found.accuracy_as_bytes(eps)), found.accuracy_as_bytes(eps)), Cell(percent(fgsm), fgsm),
            ])  # fmt: skip
    headings = [
        ("norm", False), ("size", True), ("robust accuracy", True), ("95 % interval", True), ("as 8-bit PNG", True),
        ("under FGSM alone", True),
    ]  # fmt: skip
    lead = (
        "The share of pictures that are right and that no attack of the ensemble could turn by a change up to this"
        " size. It is an upper bound: another attack may find more. FGSM, a single step, is shown because reports that"
        " rest on it alone are far too kind."
    )
    chart = Chart("robustness", lambda: robustness_figure(results), "Robust accuracy by the size of the change",
                  narrow=lambda: robustness_figure(results, narrow=True))  # fmt: skip
    return Panel("robustness", "How easily it is fooled", lead, chart, table(headings, rows))


def flags_panel(flags: Sequence[Flag], results: Sequence[Robustness]) -> Panel:
    """What makes the figures doubtful."""
    if not flags:
        searched = any(not stage.attack.uses_gradients for result in results for stage in result.stages)
        lead = "None found: gradients do not vanish, answers repeat, the last attack found hardly anything new" + (
            ", nor did random search." if searched else ". Random search was not tried: the standard effort does."
        )
        return Panel("flags", "Reasons to doubt these figures", lead)
    parts = [
        element(
            "article",
            element("h3", element("span", "doubtful", class_="badge bad"), " ", flag.title),
            element("p", flag.evidence),
            element("p", flag.meaning, class_="remark"),
        )
        for flag in flags
    ]
    return Panel("flags", "Reasons to doubt these figures", "", None, join(parts))


def corruptions_panel(
    rates: Mapping[str, Sequence[int]],
    clean: int,
    count: int,
    matched: Mapping[str, tuple[float, float]] | None = None,
) -> Panel:
    """Accuracy on corrupted pictures, as curves and as a table; see `corruption_figure`."""
    rows = [
        [Cell(kind, kind), *(Cell(percent(value / count), value / count) for value in right),
         Cell(interval_text(*wilson_interval(right[-1], count)), right[-1])]
        for kind, right in rates.items()
    ]  # fmt: skip
    severities = [(f"severity {s}", True) for s in range(1, 1 + len(next(iter(rates.values()))))]
    headings = [("corruption", False), *severities, ("95 % interval of the last", True)]
    lead = (
        f"Accuracy when nobody attacks and pictures are merely bad; {percent(clean / count)} on the pictures as they"
        " are (severity 0). Strengths and random numbers are glassnet's own, so these are not the figures of CIFAR-10-C"
        " or MNIST-C."
    )
    if matched:
        lead += " An orange mark is the severity that the video has, and the accuracy there."
    chart = Chart("corruptions", lambda: corruption_figure(rates, clean, count, matched),
                  "Accuracy by corruption and severity",
                  narrow=lambda: corruption_figure(rates, clean, count, matched, narrow=True))  # fmt: skip
    return Panel("corruptions", "Corruptions", lead, chart, table(headings, rows, sortable=True))


class ExactRow(NamedTuple):
    """The smallest change of a picture, and what attacks find.

    Attributes
    ----------
    picture, label : int, str
        Its number in the set, and its class.
    exact : float
        The size; a lower bound where it is not proved.
    proved : bool
        Whether the solver finished.
    found : mapping of str to float
        By attack; infinity where it found none.
    """

    picture: int
    label: str
    exact: float
    proved: bool
    found: Mapping[str, float]


def exact_panel(norm: str, rows: Sequence[ExactRow]) -> Panel:
    """The exact smallest change of some pictures beside what each attack found."""
    attacks = list(rows[0].found)
    headings = [("picture", True), ("is", False), ("exact", True), *((name, True) for name in attacks)]

    def size(value: float) -> Cell:
        return Cell(f"{value:.4f}" if np.isfinite(value) else "none", value if np.isfinite(value) else float("nan"))

    cells = [
        [Cell(number(row.picture), float(row.picture)), Cell(row.label, row.label),
         size(row.exact) if row.proved else Cell(f"≥ {row.exact:.4f}", row.exact),
         *(size(row.found[name]) for name in attacks)]
        for row in rows
    ]  # fmt: skip
    lead = (
        f"For this network the smallest change ({norm}) that turns the answer can be computed. An attack below it would"
        " be wrong, one far above it weak."
    )
    if not all(row.proved for row in rows):
        lead += " Where the solver ran out of time (≥) the figure is a lower bound."
    return Panel("exact", "The exact answer", lead, None, table(headings, cells, sortable=True))
