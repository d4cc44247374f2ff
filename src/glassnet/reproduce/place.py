"""What the measurement of a row is given: where it keeps what it makes, and whom it tells."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from glassnet.experiments.recipe import Recipe
from glassnet.train import Progress

__all__ = ["Measure", "Place", "alone"]


@dataclass(frozen=True)
class Place:
    """What a measurement is given.

    Attributes
    ----------
    folder : Path
        Not there yet: made by the first file that is written into it.
    make_progress : callable
        The progress of a training, anew for each.
    say : callable
        Is given a line here and there.
    recipe : Recipe or None
        The row's own.
    """

    folder: Path
    make_progress: Callable[[], Progress]
    say: Callable[[str], None]
    recipe: Recipe | None = None


Measure = Callable[[Place], Mapping[str, float]]
"""From a place to figures by name. Raises `DataError` where something that it needs is not on this machine."""


def alone(work: Callable[[], Mapping[str, float]]) -> Measure:
    """The measurement by a function that needs nothing and keeps nothing."""
    return lambda place: work()
