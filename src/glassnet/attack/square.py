"""The square attack: random search by scores alone (Andriushchenko et al., ECCV 2020).

Each step sets a square of the change anew and keeps it where the margin rises. No gradient is asked for, so nothing
that hides gradients (rounding, saturation) protects against it. The side of the square is the root of a share p of the
picture; p falls with the steps made, whatever their number will be, so a longer search begins as a shorter one and
never finds less.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from glassnet.attack.base import Attack
from glassnet.attack.bounded import Search
from glassnet.attack.goals import Goal
from glassnet.attack.norms import Norm
from glassnet.attack.victim import Victim
from glassnet.nn.functional.arrays import Array

__all__ = ["Square"]

# After how many steps p is halved, as in the paper for 10,000 of them.
_HALVED = (10, 50, 200, 500, 1000, 2000, 4000, 6000, 8000)


@dataclass(frozen=True)
class Square(Attack):
    """Random search with squares.

    Attributes
    ----------
    steps : int
        How many changes are tried; each asks for the scores once.
    share : float
        p at the start, a share of the picture's area.

    Examples
    --------
    >>> from glassnet.attack import Square
    >>> Square(steps=50).word
    'square'
    """

    word = "square"
    uses_gradients = False
    steps: int = 1000
    share: float = 0.8

    def run(self, victim: Victim, start: Array, goal: Goal, norm: Norm, eps: Array, rng: np.random.Generator) -> Array:
        search = Search(victim, start, goal)
        n, h, w, c = start.shape
        change = _stripes(rng, start.shape) if norm.word == "linf" else _tiles(rng, start.shape)
        if norm.word == "linf":
            change = change * eps.reshape(-1, 1, 1, 1)
        else:
            change = change * (eps / norm.size(change)).reshape(-1, 1, 1, 1)
        x = norm.within((start + change).astype(victim.dtype), start, eps)[search.open]
        scores = victim.scores(x)
        highest = goal.take(search.open).margin(scores)
        stays = search.see(x, scores)
        x, highest = x[stays], highest[stays]
        for step in range(self.steps):
            at = search.open
            if not len(at):
                break
            side = self._side(step, h, w)
            # Drawn for all pictures, so that what one is given does not depend on which others are still open.
            rows, columns = rng.integers(0, h - side + 1, n)[at], rng.integers(0, w - side + 1, n)[at]
            signs = rng.choice((-1.0, 1.0), (n, c))[at]
            if norm.word == "linf":
                tried = _set_square(x, start[at], eps[at], rows, columns, side, signs)
            else:
                others = rng.integers(0, h - side + 1, n)[at], rng.integers(0, w - side + 1, n)[at]
                tried = _move_mass(x, start[at], eps[at], (rows, columns), others, side, signs)
            tried = norm.within(tried.astype(victim.dtype), start[at], eps[at])
            scores = victim.scores(tried)
            margin = goal.take(at).margin(scores)
            better = margin > highest
            x[better], highest[better] = tried[better], margin[better]
            stays = search.see(tried, scores)
            x, highest = x[stays], highest[stays]
        return search.best

    def _side(self, step: int, h: int, w: int) -> int:
        share = self.share / 2 ** sum(step > limit for limit in _HALVED)
        return int(np.clip(round(math.sqrt(share * h * w)), 1, min(h, w)))


def _stripes(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Vertical stripes of -1 and 1, one pixel wide."""
    n, _, w, c = shape
    return np.broadcast_to(rng.choice((-1.0, 1.0), (n, 1, w, c)), shape).copy()


def _tiles(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """A grid of five by five bumps of random sign."""
    n, h, w, c = shape
    side = max(1, min(h, w) // 5)
    change = np.zeros(shape)
    bump = _bump(side)[:, :, None]
    for top in range(0, h - side + 1, side):
        for left in range(0, w - side + 1, side):
            change[:, top : top + side, left : left + side] = bump * rng.choice((-1.0, 1.0), (n, 1, 1, c))
    return change


def _bump(side: int) -> Array:
    """(side, side) of norm 1: highest in the middle, falling off towards the edges as a sum of shrinking rectangles."""
    bump = np.zeros((side, side))
    middle = side // 2
    for ring in range(middle + 1):
        bump[middle - ring : middle + ring + 1, middle - ring : middle + ring + 1] += 1 / (middle - ring + 1) ** 2
    found: Array = bump / np.linalg.norm(bump)
    return found


def _window(rows: Array, columns: Array, side: int) -> tuple[Array, Array, Array]:
    """Indices of a square of each picture: (n, side, side) of the first three axes."""
    reach = np.arange(side)
    pictures = np.arange(len(rows))[:, None, None]
    return pictures, (rows[:, None] + reach)[:, :, None], (columns[:, None] + reach)[:, None, :]


def _set_square(x: Array, start: Array, eps: Array, rows: Array, columns: Array, side: int, signs: Array) -> Array:
    """The pictures with a square set to start + eps or start - eps, channel by channel."""
    window = _window(rows, columns, side)
    tried = x.copy()
    tried[window] = start[window] + (signs * eps[:, None])[:, None, None, :]
    return tried


def _move_mass(
    x: Array, start: Array, eps: Array, here: tuple[Array, Array], there: tuple[Array, Array], side: int, signs: Array
) -> Array:
    """The pictures with the change of one square spent, as a bump, on another, with what the ball has left besides."""
    change = (x - start).astype(np.float64)
    first, second = _window(*here, side), _window(*there, side)
    left = np.maximum(eps**2 - np.einsum("nhwc,nhwc->n", change, change), 0) / change.shape[3]
    both = np.zeros(change.shape[:3], bool)
    both[first] = both[second] = True
    free = np.einsum("nhwc,nhwc->nc", change * both[..., None], change * both[..., None]) + left[:, None]
    old = change[first]
    size = np.sqrt(np.einsum("nhwc,nhwc->nc", old, old))[:, None, None, :]
    new = _bump(side)[None, :, :, None] * signs[:, None, None, :]
    new = new + np.divide(old, size, out=np.zeros_like(old), where=size > 0)
    length = np.sqrt(np.einsum("nhwc,nhwc->nc", new, new))[:, None, None, :]
    change[second] = 0
    change[first] = np.divide(new, length, out=np.zeros_like(new), where=length > 0) * np.sqrt(free)[:, None, None, :]
    return start + change
