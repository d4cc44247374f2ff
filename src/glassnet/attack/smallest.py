"""The smallest change by which an attack turns a picture, whether or not it looks for small ones by itself."""

from __future__ import annotations

import numpy as np

from glassnet.attack.base import Attack
from glassnet.attack.goals import Goal
from glassnet.attack.norms import norm_of
from glassnet.attack.victim import Victim
from glassnet.nn.functional.arrays import Array

__all__ = ["smallest_sizes"]

_HALVINGS = 10


def smallest_sizes(victim: Victim, x: Array, labels: Array, norm: str, made: Attack, *, seed: int = 0) -> Array:
    """The smallest change (n,) by which an attack turns each picture; infinity where it turns none.

    An attack within a given size is tried at sizes that halve from the largest possible one, and then between the
    smallest of these that worked and its half.

    Examples
    --------
    >>> import glassnet
    >>> from glassnet.attack import FAB, Victim, smallest_sizes
    >>> run = glassnet.fit("digits", "linear", epochs=5, verbose=False)
    >>> victim, test = Victim.of(run.model), run.splits.test
    >>> smallest_sizes(victim, victim.pixels(test.images[:4]), test.labels[:4], "l2", FAB()).shape
    (4,)
    """
    goal, measure = Goal(labels), norm_of(norm)
    if not made.bounded:
        found = made.run(victim, x, goal, measure, np.full(len(x), np.inf), np.random.default_rng((seed, 0xE8)))
        sizes: Array = np.where(goal.reached(victim.scores(found)), measure.size(found - x), np.inf)
        return sizes
    most = 1.0 if norm == "linf" else float(np.sqrt(x[0].size))
    best, high = np.full(len(x), np.inf), np.full(len(x), most)

    def tried(eps: Array) -> Array:
        found = made.run(victim, x, goal, measure, eps, np.random.default_rng((seed, 0xE8)))
        reached = goal.reached(victim.scores(found))
        np.minimum(best, np.where(reached, measure.size(found - x), np.inf), out=best)
        return np.asarray(reached)

    for step in range(_HALVINGS):  # a single step may fail where it is long and work where it is short: all are tried
        eps = np.full(len(x), most / 2**step)
        high = np.where(tried(eps), eps, high)
    low = high / 2
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        reached = tried(middle)
        high, low = np.where(reached, middle, high), np.where(reached, low, middle)
    return best
