"""From real numbers to bytes: a fooling picture counts when its 8-bit pixels, saved and read again, still fool.

Rounding moves every pixel by up to half a step of 1/255, and often back over the boundary. So the change is rounded,
lengthened until the bytes reach the goal, and then shortened on the lattice of whole steps: taking the step i of pixel
i back saves 2 |d_i| - 1 of the squared length and costs about sign(d_i) g_i / 255 of the margin, g its gradient. Those
that save most for what they cost are taken back, as many as the margin pays for.
"""

from __future__ import annotations

import numpy as np

from glassnet.attack.bounded import ascent
from glassnet.attack.goals import Goal
from glassnet.attack.norms import Norm
from glassnet.attack.victim import Victim
from glassnet.nn.functional.arrays import Array

__all__ = ["SURE", "to_bytes"]

SURE = 1e-5  # of the largest score: what the rounding of sums in another order, as in a batch of one, could take back
_FACTORS = (1.0, 1.02, 1.05, 1.1, 1.2, 1.4, 1.7, 2.0)
_ROUNDS = 10


def to_bytes(
    victim: Victim, stored: Array, x: Array, goal: Goal, norm: Norm, eps: Array | None = None
) -> tuple[Array, Array]:
    """The nearest 8-bit pictures, on the way to those that an attack found, that reach the goal.

    Parameters
    ----------
    victim : Victim
        What is attacked.
    stored : (n, H, W, C) uint8 array
        The pictures as they are stored.
    x : (n, H, W, C) array
        What an attack made of them, in [0, 1].
    goal : Goal
        What is wanted.
    norm : Norm
        What is to be small; by linf no pixel changes more than it must, by l2 the length is shortened.
    eps : (n,) array or None
        The largest size of each change.

    Returns
    -------
    pictures : (n, H, W, C) uint8 array
        With the goal, or as near to it as was found.
    reached : (n,) bool array
        Whether they reach it, with a margin that no rounding takes back.

    Examples
    --------
    >>> import glassnet
    >>> from glassnet.attack import Goal, Victim, norm_of, to_bytes
    >>> run = glassnet.fit("digits", "linear", epochs=1, verbose=False)
    >>> victim, stored = Victim.of(run.model), run.splits.test.images[:3]
    >>> goal = Goal(run.splits.test.labels[:3])
    >>> pictures, reached = to_bytes(victim, stored, np.clip(victim.pixels(stored) + 0.1, 0, 1), goal, norm_of("linf"))
    >>> pictures.dtype.name, reached.shape
    ('uint8', (3,))
    """
    origin = stored.astype(np.int16)
    change = 255.0 * x.astype(np.float64) - origin
    largest = np.abs(change).max(axis=(1, 2, 3), initial=0)
    limit = np.full(len(x), 255) if eps is None or norm.word != "linf" else np.floor(255 * eps + 1e-6)
    best, reached = stored.copy(), np.zeros(len(x), bool)
    caps = (0, 1, 2, 4, 8) if norm.word == "linf" else (255,)
    for more in caps:
        for factor in _FACTORS:
            left = np.flatnonzero(~reached)
            if not len(left):
                break
            cap = np.minimum(np.ceil(largest[left] - 1e-9) + more, limit[left])
            tried = _rounded(origin[left], factor * change[left], cap)
            best[left] = tried
            reached[left] = goal.take(left).reached(victim.scores(tried), by=SURE)
    if norm.word == "l2":
        _shorten(victim, origin, best, reached, goal)
        if eps is not None:
            reached &= norm.size((best - origin) / 255.0) <= eps * (1 + 1e-6)
    return best, reached


def _rounded(origin: Array, change: Array, cap: Array) -> Array:
    """origin + change in whole steps, at most `cap` (n,) each, as bytes."""
    cap = cap.reshape(-1, 1, 1, 1)
    found: Array = np.clip(origin + np.clip(np.rint(change), -cap, cap), 0, 255).astype(np.uint8)
    return found


def _shorten(victim: Victim, origin: Array, best: Array, reached: Array, goal: Goal) -> None:
    """Take steps back, most saving for least cost first, as long as the goal stays reached; changes `best`."""
    at = np.flatnonzero(reached)
    share = np.full(len(at), 0.9)
    for _ in range(_ROUNDS):
        at, share = at[share > 0.05], share[share > 0.05]
        if not len(at):
            return
        own = goal.take(at)
        change = best[at].astype(np.int16) - origin[at]
        scores, margin, gradient = ascent(victim, victim.pixels(best[at]), own, "margin")
        pays = margin - 2 * SURE * (1 + np.abs(scores).max(axis=1))
        step = np.sign(change)
        cost = (step * gradient / 255.0).reshape(len(at), -1)
        saving = (2.0 * np.abs(change) - 1).reshape(len(at), -1)
        worth = np.where(saving > 0, cost / saving, np.inf)
        order = np.argsort(worth, axis=1)
        spent = np.cumsum(np.take_along_axis(np.where(saving > 0, cost, np.inf), order, axis=1), axis=1)
        affordable = np.maximum.accumulate(spent, axis=1) <= (share * pays)[:, None]
        back = np.zeros(cost.shape, bool)
        np.put_along_axis(back, order, affordable, axis=1)
        tried = (best[at] - step * back.reshape(change.shape)).astype(np.uint8)
        holds = own.reached(victim.scores(tried), by=SURE)
        best[at[holds]] = tried[holds]
        share = np.where(holds, share, share / 3)
        share[holds & ~back.any(axis=1)] = 0
