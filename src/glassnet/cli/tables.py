"""Results as tables for a terminal: the figures of an evaluation, the classes of pictures."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from glassnet.errors import escaped
from glassnet.experiments.compare import Comparison
from glassnet.experiments.contestants import Group
from glassnet.experiments.verdicts import best_of
from glassnet.metrics import Evaluation, Transcription
from glassnet.text import columns, ending, shorten

__all__ = [
    "answer_table",
    "class_table",
    "confusion_table",
    "group_table",
    "line_groups_table",
    "pair_table",
    "settings_table",
    "taken_for_table",
    "text_confusions_table",
]

_WIDEST_MATRIX = 20
_CLASS_WIDTHS = (40, 24, 16, 10)  # to which names of classes are shortened, one after another
_FILE_WIDTH = 20  # to which names of files may be shortened before anything is left out
_PERCENT, _GAP = len("100.0%"), 2
_MOST_CONFUSIONS = 12  # of characters
_MOST_PAIRS = 15  # of which a comparison prints a table in full; of more those of the best
_SETTING = 40  # characters of a setting's value


def class_table(found: Evaluation) -> str:
    """Precision, recall with its interval, F1 and number of pictures of every class, of many of those with pictures."""
    rows: list[Sequence[Any]] = [("class", "precision", "recall", "95 % interval", "F1", "pictures")]
    for score in found.per_class:
        if found.many_classes and not score.support:
            continue
        low, high = score.recall_interval
        interval = "-" if math.isnan(low) else f"{low:.3f} to {high:.3f}"
        numbers = [_share(score.precision), _share(score.recall), interval, _share(score.f1)]
        rows.append((score.name, *numbers, score.support))
    return columns(rows)


def taken_for_table(found: Evaluation, category: int) -> str:
    """What the pictures of a class are taken for."""
    rows: list[Sequence[Any]] = [("taken for", "pictures", "share")]
    rows += [(found.class_names[p.predicted], p.count, f"{p.share:.3f}") for p in found.taken_for(category)]
    return columns(rows)


def line_groups_table(found: Transcription) -> str:
    """The character error rate of every group of lines; empty where they are not told apart."""
    rows: list[Sequence[Any]] = [("", "lines", "characters", "error rate", "95 % interval")]
    for group, rates in found.by_group.items():
        for name, rate in rates.items():
            interval = "-" if rate.known_interval is None else f"{rate.interval.low:.3f} to {rate.interval.high:.3f}"
            rows.append((f"{group}: {name}", found.groups[group].count(name), rate.size, f"{rate.rate:.3f}", interval))
    return columns(rows) if len(rows) > 1 else ""


def text_confusions_table(found: Transcription) -> str:
    """What was read as what, the most frequent first; empty where nothing was."""
    rows: list[Sequence[Any]] = [("there", "read", "times")]
    for there, read, times in found.confusions[:_MOST_CONFUSIONS]:
        rows.append((*("space" if text == " " else text for text in (there, read)), times))
    return columns(rows, left=2) if len(rows) > 1 else ""


def confusion_table(found: Evaluation) -> str:
    """The confusion matrix, or for many classes the pairs that are mixed up most often."""
    names = found.class_names
    if len(names) <= _WIDEST_MATRIX:
        short = [name[:6] for name in names]
        rows: list[Sequence[Any]] = [("true \\ taken for", *short)]
        rows += [
            (name, *(n or "." for n in counts)) for name, counts in zip(names, found.confusion.tolist(), strict=True)
        ]
        return columns(rows)
    pairs = [(names[c.true], names[c.predicted], c.count) for c in found.most_confused(15)]
    return columns([("true", "taken for", "times"), *pairs], left=2)


def answer_table(rows: Sequence[tuple[str, Sequence[tuple[str, float]]]], width: int | None = None) -> str:
    """Files with their classes and probabilities, aligned.

    Parameters
    ----------
    rows : sequence of (file, classes with probabilities)
        The most probable class first.
    width : int, optional
        Of the terminal: no line is wider. Names of classes are shortened first, then those of files, whose ends are
        kept, then the least probable classes are left out.
    """
    plain = [(escaped(file), [(escaped(name), share) for name, share in ranks]) for file, ranks in rows]
    ranks, longest, wide = _fitting(plain, width)
    cells = []
    for file, found in plain:
        row = [ending(file, longest)]
        for name, share in found[:ranks]:
            row += [shorten(name, wide), f"{share:.1%}"]
        cells.append(row + [""] * (1 + 2 * ranks - len(row)))
    table = columns(cells, sides="<" + "<>" * ranks)
    return table if width is None else "\n".join(line[:width] for line in table.split("\n"))


def _fitting(rows: Sequence[tuple[str, Sequence[tuple[str, float]]]], width: int | None) -> tuple[int, int, int]:
    """(classes in a row, characters of a file's name, characters of a class's name)."""
    most = max(len(ranks) for _, ranks in rows)
    longest = max(len(file) for file, _ in rows)
    if width is None:
        return most, longest, max(len(name) for _, ranks in rows for name, _ in ranks)
    least = min(longest, _FILE_WIDTH)
    for ranks in range(most, 0, -1):
        for wide in _CLASS_WIDTHS:
            names = [[len(found[place][0]) for _, found in rows if len(found) > place] for place in range(ranks)]
            taken = sum(min(wide, max(lengths)) + _PERCENT + 2 * _GAP for lengths in names)
            if width - taken >= least:
                return ranks, min(longest, width - taken), wide
    return 1, max(1, width - taken), wide


def _share(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.3f}"


def group_table(found: Comparison) -> str:
    """What is compared: networks, pictures, the figure of each."""
    accuracy = found.unit.scale > 1
    rows: list[Sequence[Any]] = [
        ("", "networks", "pictures", found.unit.name if accuracy else "PSNR", "seeds from", "to", "deviation")
    ]
    many = any(len(group.members) > 1 for group in found.groups)
    for group in found.groups:
        shown = [f"{100 * f:.2f} %" if accuracy else f"{f:.2f} dB" for f in _summary(group)]
        spread = shown[1:] if len(group.members) > 1 else ["-"] * 3
        one = group.members[0].predictions
        rows.append((group.name, len(group.members), f"{len(one):,} {one.part}", shown[0], *spread))
    return columns(rows if many else [row[:4] for row in rows])


def _summary(group: Group) -> list[float]:
    """Mean, least, most and standard deviation over the seeds."""
    figures = group.figures
    mean = sum(figures) / len(figures)
    deviation = math.sqrt(sum((f - mean) ** 2 for f in figures) / max(1, len(figures) - 1))
    return [mean, min(figures), max(figures), deviation]


def settings_table(found: Comparison) -> str:
    """The settings in which they differ."""
    rows: list[Sequence[Any]] = [("setting", *(group.name for group in found.groups))]
    for name, values in found.settings.items():
        rows.append((name, *("-" if value is None else shorten(value, _SETTING) for value in values)))
    return columns(rows, left=len(rows[0]))


def pair_table(found: Comparison) -> str:
    """Every two of them, or where there are many the best beside the others: difference, interval, probability."""
    unit, pairs = found.unit, list(found.pairs)
    if len(pairs) > _MOST_PAIRS:
        best = best_of(found)
        pairs = [pair for pair in pairs if best in (pair.first, pair.second)]
    rows: list[Sequence[Any]] = [
        ("first", "second", f"difference in {unit.unit}", "95 % interval", "p", "p, all pairs", "verdict")
    ]
    for pair in pairs:
        low, high = pair.found.interval()
        verdict = {"first": f"{pair.first} is better", "second": f"{pair.second} is better"}.get(
            pair.outcome, pair.outcome
        )
        rows.append(
            (pair.first, pair.second, unit.show(pair.found.value), f"{unit.show(low)} to {unit.show(high)}",
             f"{pair.found.p:.2g}", f"{pair.p:.2g}", verdict)
        )  # fmt: skip
    kept = rows if len(found.pairs) > 1 else [(*row[:5], row[6]) for row in rows]
    return columns(kept, sides="<<" + ">" * (len(kept[0]) - 3) + "<")
