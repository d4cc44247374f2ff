"""Which trials of a study are not worth going on with: those behind the median of the others at the same share of their
epochs.

Trials that differ in their number of epochs are compared at the same share of it, since a schedule stretches over all
of them: after 12 of 30 epochs a rate is still high that has fallen to its least in a trial of 12.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence

__all__ = ["is_behind"]

_SPARED = 1 / 3  # of the epochs of every trial: as long as schedules warm up
_LEAST = 5  # finished trials whose median is one: Optuna's `MedianPruner` begins there too


def is_behind(
    values: Sequence[float], epochs: int, others: Sequence[tuple[Sequence[float], int]], *, higher_is_better: bool
) -> bool:
    """Whether a trial's best so far is worse than the median of what others had at the same share of their epochs.

    Parameters
    ----------
    values : sequence of float
        Its metric after each epoch so far.
    epochs : int
        How many it is to have.
    others : sequence of (sequence of float, int)
        The same of the trials that were trained to their end; one that stopped by itself counts with its last value.
    higher_is_better : bool
        Of the metric.
    """
    done = len(values)
    if done < max(1, math.ceil(epochs * _SPARED)) or len(others) < _LEAST:
        return False
    then = [_after(total * done / epochs, theirs) for theirs, total in others]
    sign = 1 if higher_is_better else -1
    best = max((sign * value for value in values if not math.isnan(value)), default=-math.inf)
    known = [sign * value for value in then if not math.isnan(value)]
    return bool(known) and best < statistics.median(known)


def _after(epochs: float, values: Sequence[float]) -> float:
    """The metric after so many epochs, on the line between those before and after."""
    place = min(max(epochs, 1.0), float(len(values)))
    before = math.floor(place)
    last = values[min(before, len(values) - 1)]
    return values[before - 1] + (place - before) * (last - values[before - 1])
