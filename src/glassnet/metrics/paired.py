"""Classifiers on the same pictures: whether one is better, or has had luck."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from glassnet.errors import DataError

__all__ = ["McNemar", "holm", "mcnemar"]


@dataclass(frozen=True)
class McNemar:
    """Two classifiers on the same N examples.

    Attributes
    ----------
    both, neither : int
        Examples that both have right, or wrong.
    only_first, only_second : int
        Examples that one of them has right.
    p : float
        Probability of a difference at least as large where each is right as often as the other.

    Examples
    --------
    >>> from glassnet.metrics import mcnemar
    >>> found = mcnemar([True, True, False], [True, False, False])
    >>> found.both, found.only_first, found.neither
    (1, 1, 1)
    """

    both: int
    only_first: int
    only_second: int
    neither: int
    p: float

    @property
    def difference(self) -> float:
        """Accuracy of the first less that of the second."""
        n = self.both + self.only_first + self.only_second + self.neither
        return (self.only_first - self.only_second) / n

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "both": self.both,
            "only_first": self.only_first,
            "only_second": self.only_second,
            "neither": self.neither,
            "difference": self.difference,
            "p": self.p,
        }


def mcnemar(first: ArrayLike, second: ArrayLike) -> McNemar:
    """McNemar's exact test of two classifiers on the same examples, two-sided.

    Examples that both have right, or both wrong, tell nothing about which is better. Of the other n, b are right in the
    first alone. Where both are equally good each of the n is the first's with probability 1/2, so

        p = min(1, 2 sum_{k <= min(b, n - b)} C(n, k) / 2^n)

    and 1 where n = 0.

    Parameters
    ----------
    first, second : (N,) array
        Truth values, whether each is right.

    Raises
    ------
    DataError
        There are no examples, or not as many of one as of the other.

    Notes
    -----
    Source: Q. McNemar, "Note on the sampling error of the difference between correlated proportions or percentages",
    Psychometrika 12 (1947); advised for classifiers by T. Dietterich, Neural Computation 10 (1998).

    Examples
    --------
    >>> from glassnet.metrics import mcnemar
    >>> found = mcnemar([True] * 6 + [False], [False] * 6 + [False])
    >>> found.only_first, found.only_second, found.p
    (6, 0, 0.03125)
    """
    from scipy import special  # slow to import, and seldom needed

    a, b = np.asarray(first, dtype=bool), np.asarray(second, dtype=bool)
    if a.ndim != 1 or a.shape != b.shape or a.size == 0:
        raise DataError(
            "McNemar's test compares two classifiers on the same examples, at least one. Got answers"
            f" {a.shape} and {b.shape}."
        )
    only_first, only_second = int((a & ~b).sum()), int((~a & b).sum())
    p = min(1.0, 2.0 * float(special.bdtr(min(only_first, only_second), only_first + only_second, 0.5)))
    return McNemar(int((a & b).sum()), only_first, only_second, int((~a & ~b).sum()), p)


def holm(p: Sequence[float]) -> list[float]:
    """Probabilities of several tests, adjusted so that those below 0.05 hold together at that level.

    In rising order p_(1) <= ... <= p_(m), the i-th becomes max_{j <= i} min(1, (m - j + 1) p_(j)).

    Raises
    ------
    DataError
        One is no probability.

    Notes
    -----
    Source: S. Holm, "A simple sequentially rejective multiple test procedure", Scand. J. Statist. 6 (1979).

    Examples
    --------
    >>> from glassnet.metrics import holm
    >>> [round(p, 3) for p in holm([0.01, 0.04, 0.03])]
    [0.03, 0.06, 0.06]
    """
    if not all(0 <= value <= 1 for value in p):
        raise DataError(f"Probabilities lie between 0 and 1. Got {list(p)}.")
    adjusted, highest = [math.nan] * len(p), 0.0
    for place, i in enumerate(sorted(range(len(p)), key=lambda i: p[i])):
        highest = max(highest, min(1.0, (len(p) - place) * p[i]))
        adjusted[i] = highest
    return adjusted
