"""The figures of an evaluation as tables for a terminal."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from glassnet.metrics import Evaluation
from glassnet.text import columns

__all__ = ["class_table", "confusion_table"]

_WIDEST_MATRIX = 20


def class_table(found: Evaluation) -> str:
    """Precision, recall with its interval, F1 and number of pictures of every class."""
    rows: list[Sequence[Any]] = [("class", "precision", "recall", "95 % interval", "F1", "pictures")]
    for score in found.per_class:
        low, high = score.recall_interval
        interval = "-" if math.isnan(low) else f"{low:.3f} to {high:.3f}"
        numbers = [_share(score.precision), _share(score.recall), interval, _share(score.f1)]
        rows.append((score.name, *numbers, score.support))
    return columns(rows)


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


def _share(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.3f}"
