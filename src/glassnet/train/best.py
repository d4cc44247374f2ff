"""Which epoch of a training is the best one: the one place that the training, its report and its comparisons ask."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

__all__ = ["Rank", "best_epoch", "rank"]

Rank = tuple[float, float]  # compared as tuples: larger is better

_MEASURES = ("valid_accuracy", "valid_psnr")


def rank(record: Mapping[str, Any]) -> Rank | None:
    """How good an epoch is: (accuracy or PSNR on validation, minus the loss there), or `None` without the first.

    So the higher accuracy is better, and of equal ones the lower loss. Of equal ranks the earlier epoch is the best.
    """
    measure = next((value for key in _MEASURES if not math.isnan(value := _number(record.get(key)))), None)
    if measure is None:
        return None
    loss = _number(record.get("valid_loss"))
    return measure, -math.inf if math.isnan(loss) else -loss


def best_epoch(records: Iterable[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """The best of some epoch records; `None` where none of them has a validation result."""
    best: Mapping[str, Any] | None = None
    highest: Rank | None = None
    for record in records:
        value = rank(record)
        if value is not None and (highest is None or value > highest):
            best, highest = record, value
    return best


def _number(value: Any) -> float:
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else math.nan
