"""The smallest change that reaches a goal: projections onto the linearised boundary, inside the box.

At x_k the margin h (see `glassnet.attack.goals`) is h(x_k) + g . (x - x_k), so its zero set is a plane, and the nearest
point of the plane within the box is known exactly (`Norm.least`). Two phases:

    wide      x <- (1 - a) (x_k + eta d1) + a (x0 + eta d2), with d1 the least change of x_k and d2 that of the picture
              x0, a = min(|d1| / (|d1| + |d2|), 0.1), eta = 1.05. Found a point beyond the boundary, the search goes on
              from nearer to the picture: x <- 0.1 x0 + 0.9 x. (FAB: Croce and Hein, ICML 2020, algorithm 1)
    narrow    x <- x0 + d2, linearised at the best point: for a network that is linear between the two, as one with
              ReLU is as soon as the right piece is found, the exact answer of that piece

Where the wide phase finds nothing, as behind a saturated unit, straight steps uphill look for a first point, and it
begins once more from where the straight way to it crosses the boundary.
At the end the boundary is found on the way from the picture to the best point, by halving. Without a target each rival
class is tried in turn: against the label alone, since any wrong answer will do.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from glassnet.attack.base import Attack
from glassnet.attack.bounded import ascent
from glassnet.attack.goals import Goal, ranked_rivals
from glassnet.attack.norms import Norm
from glassnet.attack.victim import Victim
from glassnet.nn.functional.arrays import Array

__all__ = ["FAB"]

_MARCH = 50
_MOST_OF_THE_PICTURE, _NEARER, _OVERSHOOT = 0.1, 0.9, 1.05  # a, b and eta of the paper


@dataclass(frozen=True)
class FAB(Attack):
    """The smallest change, by projections onto the linearised boundary.

    Attributes
    ----------
    steps : int
        Of the wide phase.
    narrow : int
        Steps of the narrow phase.
    rivals : int
        Without a target, how many classes are tried: those with the highest scores.
    restarts : int
        Random starts beside the picture itself: each half the best size found so far away from it.

    Examples
    --------
    >>> from glassnet.attack import FAB
    >>> FAB(steps=50).word
    'fab'
    """

    word = "fab"
    bounded = False
    steps: int = 20
    narrow: int = 8
    rivals: int = 9
    restarts: int = 1

    def run(self, victim: Victim, start: Array, goal: Goal, norm: Norm, eps: Array, rng: np.random.Generator) -> Array:
        scores = victim.scores(start)
        best = _Best(victim, start, goal, norm, scores)
        if goal.targets is not None:
            self._look(best, goal, "margin", rng)
            return best.x
        others = ranked_rivals(scores, goal.labels)
        for place in range(min(self.rivals, others.shape[1])):
            self._look(best, Goal(goal.labels, others[:, place]), "rival", rng)
        return best.x

    def _look(self, best: _Best, goal: Goal, loss: str, rng: np.random.Generator) -> None:
        """Look for smaller changes than the best ones, towards the targets of `goal`."""
        for restart in range(self.restarts):
            x = best.start.copy()
            if restart:
                reach = 0.5 * np.where(np.isfinite(best.size), best.size, 0.1)
                x = best.norm.within((x + best.norm.random(rng, x.shape, reach)).astype(x.dtype), best.start, reach)
            own = _Best(best.victim, best.start, best.goal, best.norm, None)
            self._wide(own, goal, loss, x)
            self._from_afar(own, goal, loss)
            self._narrow(own, goal, loss)
            own.halve()
            best.take(own)

    def _wide(self, best: _Best, goal: Goal, loss: str, x: Array) -> None:
        start, norm = best.start, best.norm
        for _ in range(self.steps):
            scores, value, gradient = ascent(best.victim, x, goal, loss)
            arrived = best.see(x, scores)
            back = arrived.reshape(-1, 1, 1, 1)
            x = np.where(back, start + _NEARER * (x - start), x)
            # The plane of the point before it moved back is as good as a new one, and costs no pass.
            rise = -value
            moved = np.einsum("nhwc,nhwc->n", gradient, x - start)
            from_here = rise + np.where(arrived, (1 / _NEARER - 1) * moved, 0)
            from_start = from_here + moved
            first, _ = norm.least(x, gradient, from_here)
            second, _ = norm.least(start, gradient, from_start)
            sizes = norm.size(first), norm.size(second)
            total = sizes[0] + sizes[1]
            a = np.minimum(np.divide(sizes[0], total, out=np.zeros_like(total), where=total > 0), _MOST_OF_THE_PICTURE)
            a = a.reshape(-1, 1, 1, 1)
            x = (1 - a) * (x + _OVERSHOOT * first) + a * (start + _OVERSHOOT * second)
            x = np.clip(x, 0, 1).astype(start.dtype)
        best.see(x, best.victim.scores(x))

    def _from_afar(self, best: _Best, goal: Goal, loss: str) -> None:
        """Where the planes led nowhere, begin again from a point far beyond the boundary."""
        at = np.flatnonzero(~np.isfinite(best.size))
        if not len(at):
            return
        self._march(best, goal, loss)
        own = _Best(best.victim, best.start[at], best.goal.take(at), best.norm, None)
        own.x, own.size = best.x[at].copy(), best.size[at].copy()
        own.halve(12, low=0.0)
        self._wide(own, goal.take(at), loss, own.x.copy())
        best.x[at], best.size[at] = own.x, own.size

    def _march(self, best: _Best, goal: Goal, loss: str) -> None:
        """Walk straight uphill, in steps of a fiftieth of the box."""
        at = np.flatnonzero(~np.isfinite(best.size))
        x, norm = best.start[at], best.norm
        # The largest possible change is 1 by linf, the root of the number of pixels by l2.
        step = 0.02 * (1.0 if norm.word == "linf" else float(np.sqrt(np.prod(x.shape[1:]))))
        for _ in range(_MARCH):
            if not len(at):
                return
            scores, _, gradient = ascent(best.victim, x, goal.take(at), loss)
            stays = ~best.see(x, scores, at)
            at = at[stays]
            x = np.clip(x[stays] + step * norm.direction(gradient[stays]), 0, 1).astype(best.start.dtype)
        best.see(x, best.victim.scores(x), at)

    def _narrow(self, best: _Best, goal: Goal, loss: str) -> None:
        found = np.flatnonzero(np.isfinite(best.size))
        slack = 4 * np.finfo(best.start.dtype).eps
        x = best.x[found]
        for _ in range(self.narrow):
            if not len(found):
                return
            start = best.start[found]
            scores, value, gradient = ascent(best.victim, x, goal.take(found), loss)
            best.see(x, scores, found)
            rise = np.einsum("nhwc,nhwc->n", gradient, x - start) - value
            rise = rise + slack * (np.abs(scores).max(axis=1) + np.abs(rise))
            change, possible = best.norm.least(start, gradient, rise)
            x = np.where(possible.reshape(-1, 1, 1, 1), start + change, x)
            x = np.clip(x, 0, 1).astype(start.dtype)
        best.see(x, best.victim.scores(x), found)


class _Best:
    """The nearest picture with the goal so far, and its distance: infinite where there is none."""

    def __init__(self, victim: Victim, start: Array, goal: Goal, norm: Norm, scores: Array | None) -> None:
        self.victim, self.start, self.goal, self.norm = victim, start, goal, norm
        self.x, self.size = start.copy(), np.full(len(start), np.inf)
        if scores is not None:
            self.size[goal.reached(scores)] = 0

    def see(self, x: Array, scores: Array, places: Array | None = None) -> Array:
        """Take what is nearer; returns which reach the goal."""
        places = np.arange(len(x)) if places is None else places
        reached = self.goal.take(places).reached(scores)
        size = self.norm.size(x.astype(np.float64) - self.start[places])
        nearer = reached & (size < self.size[places])
        self.x[places[nearer]], self.size[places[nearer]] = x[nearer], size[nearer]
        return reached

    def take(self, other: _Best) -> None:
        nearer = other.size < self.size
        self.x[nearer], self.size[nearer] = other.x[nearer], other.size[nearer]

    def halve(self, times: int = 6, low: float = 0.9) -> None:
        """Find the boundary between the picture and what was found, on the straight way from `low` of it on."""
        found = np.flatnonzero(np.isfinite(self.size) & (self.size > 0))
        if not len(found):
            return
        start, end = self.start[found], self.x[found].copy()
        below, high = np.full(len(found), low), np.ones(len(found))
        for _ in range(times):
            middle = (below + high) / 2
            x = (start + middle.reshape(-1, 1, 1, 1) * (end - start)).astype(start.dtype)
            reached = self.see(x, self.victim.scores(x), found)
            high, below = np.where(reached, middle, high), np.where(reached, below, middle)
