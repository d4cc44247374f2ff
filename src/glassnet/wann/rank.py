"""Which of many topologies is better, where several things count at once.

One beats another where it is no worse in anything and better in something. The front are those that nobody beats; the
next front those that nobody beats but the front, and so on. Source: N. Srinivas and K. Deb, "Multiobjective
optimization using nondominated sorting", Evolutionary Computation 2 (1994).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["fronts", "ranking"]


def fronts(objectives: ArrayLike) -> NDArray[np.int64]:
    """The number of each one's front, (n,), 0 the first; of objectives (n, k), more is better."""
    values = np.asarray(objectives, np.float64)
    no_worse = (values[:, None] >= values[None]).all(axis=2)
    beats = np.asarray(no_worse & (values[:, None] > values[None]).any(axis=2))
    found = np.full(len(values), -1, np.int64)
    number = 0
    while (found < 0).any():
        left = np.flatnonzero(found < 0)
        beaten = beats[np.ix_(left, left)].any(axis=0)
        found[left[~beaten]] = number
        number += 1
    return found


def ranking(objectives: ArrayLike) -> NDArray[np.int64]:
    """Everybody's number from the best to the worst, (n,): by fronts, within one by the first objective."""
    values = np.asarray(objectives, np.float64)
    return np.lexsort((-values[:, 0], fronts(values)))
