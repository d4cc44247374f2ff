"""Attacks within a size that is given: gradient ascent as in a first course, FGSM, PGD and APGD.

All go uphill on a loss of the scores (see `glassnet.attack.goals`) and stay within the ball and the box:

    gradient-ascent   x <- x + rate * g, until the answer changes; the ball is not looked at
    fgsm              x <- x0 + eps * d(g), one step (Goodfellow et al. 2015); d is the steepest change of size 1
    pgd               x <- P(x + s * d(g)) from a random start (Madry et al. 2018)
    apgd              the same with momentum and a step size that halves by itself (Croce and Hein, ICML 2020)

A picture that reaches its goal is finished; the others go on.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from glassnet.attack.base import Attack
from glassnet.attack.goals import Goal
from glassnet.attack.norms import Norm
from glassnet.attack.victim import Victim
from glassnet.nn.functional.arrays import Array

__all__ = ["APGD", "FGSM", "PGD", "GradientAscent", "ascent"]


def ascent(victim: Victim, x: Array, goal: Goal, loss: str) -> tuple[Array, Array, Array]:
    """(scores (n, K), values (n,), gradients (n, H, W, C)) of a loss at the pictures x."""
    values: Array = np.empty(len(x), victim.dtype)

    def upstream(scores: Array, part: slice) -> Array:
        values[part], gradient = goal.take(part).loss(loss, scores)
        return gradient

    scores, gradient = victim.input_gradient(x, upstream)
    return scores, values, gradient


class Search:
    """The pictures that are still open, and the best found of each: the first that reached its goal.

    Attributes
    ----------
    best : (n, H, W, C) array
        What was found: of a picture without success that with the highest margin.
    open : (m,) int array
        Places of the pictures without success.
    """

    def __init__(self, victim: Victim, start: Array, goal: Goal) -> None:
        self.goal, self.best = goal, start.copy()
        scores = victim.scores(start)
        self._highest = goal.margin(scores)
        self.open = np.flatnonzero(~goal.reached(scores))

    def see(self, x: Array, scores: Array) -> Array:
        """Look at pictures x of the open ones; returns which of them (m,) stay open."""
        goal = self.goal.take(self.open)
        margin, stays = goal.margin(scores), ~goal.reached(scores)
        better = ~stays | (margin > self._highest[self.open])
        self.best[self.open[better]] = x[better]
        self._highest[self.open[better]] = margin[better]
        self.open = self.open[stays]
        return stays


@dataclass(frozen=True)
class GradientAscent(Attack):
    """x <- x + rate * g, g the gradient of log p of the target (of -log p of the label), within the box [0, 1].

    It goes as far as it must: no size is given, and none is minimised.

    Examples
    --------
    >>> from glassnet.attack import GradientAscent
    >>> GradientAscent(steps=50).word
    'gradient-ascent'
    """

    word = "gradient-ascent"
    bounded = False
    rate: float = 1.0
    steps: int = 1000

    def run(self, victim: Victim, start: Array, goal: Goal, norm: Norm, eps: Array, rng: np.random.Generator) -> Array:
        search = Search(victim, start, goal)
        x = start[search.open]
        for _ in range(self.steps):
            if not len(search.open):
                return search.best
            scores, _, gradient = ascent(victim, x, goal.take(search.open), "cross-entropy")
            stays = search.see(x, scores)
            x = np.clip(x[stays] + self.rate * gradient[stays], 0, 1).astype(victim.dtype)
        search.see(x, victim.scores(x))
        return search.best


@dataclass(frozen=True)
class FGSM(Attack):
    """One step of the whole size: x = P(x0 + eps * d(g)), g the gradient of the loss at x0.

    Examples
    --------
    >>> from glassnet.attack import parse_attack
    >>> type(parse_attack("fgsm")[0]).__name__
    'FGSM'
    """

    word = "fgsm"
    loss: str = "cross-entropy"

    def run(self, victim: Victim, start: Array, goal: Goal, norm: Norm, eps: Array, rng: np.random.Generator) -> Array:
        _, _, gradient = ascent(victim, start, goal, self.loss)
        step = norm.direction(gradient) * eps.reshape(-1, 1, 1, 1)
        return norm.within((start + step).astype(victim.dtype), start, eps)


@dataclass(frozen=True)
class PGD(Attack):
    """Steps of one size, projected: x <- P(x + s * d(g)), from a random point of the ball.

    Attributes
    ----------
    steps : int
        How many.
    step_size : float or None
        s; None: 2.5 eps / steps, by which a path can reach any point of the ball and move within it; in training 1.5
        eps / steps, since steps that jump from corner to corner of the ball teach a network to hide its gradient there.
    restarts : int
        Random starts, one after the other, each for what is still open.
    random_start : bool
        Whether to begin at a random point instead of the picture.
    loss : str
        What is made larger.

    Examples
    --------
    >>> from glassnet.attack import PGD
    >>> PGD().word
    'pgd'
    """

    word = "pgd"
    steps: int = 40
    step_size: float | None = None
    restarts: int = 1
    random_start: bool = True
    loss: str = "cross-entropy"

    def run(self, victim: Victim, start: Array, goal: Goal, norm: Norm, eps: Array, rng: np.random.Generator) -> Array:
        search = Search(victim, start, goal)
        length = self._lengths(eps)
        for _ in range(self.restarts):
            noise = self._noise(rng, start.shape, norm, eps)
            at = search.open
            x = norm.within((start[at] + noise[at]).astype(victim.dtype), start[at], eps[at])
            for _ in range(self.steps):
                if not len(search.open):
                    return search.best
                scores, _, gradient = ascent(victim, x, goal.take(search.open), self.loss)
                stays = search.see(x, scores)
                at = search.open
                step = norm.direction(gradient[stays]) * length[at].reshape(-1, 1, 1, 1)
                x = norm.within((x[stays] + step).astype(victim.dtype), start[at], eps[at])
            search.see(x, victim.scores(x))
        return search.best

    def climb(
        self, victim: Victim, start: Array, goal: Goal, norm: Norm, eps: Array, rng: np.random.Generator
    ) -> Array:
        """One run that does not stop where the goal is reached: the loss is to be as large as it can be."""
        length: Array = self._lengths(eps, 1.5).reshape(-1, 1, 1, 1).astype(victim.dtype)
        x = norm.within((start + self._noise(rng, start.shape, norm, eps)).astype(victim.dtype), start, eps)
        for _ in range(self.steps):
            _, _, gradient = ascent(victim, x, goal, self.loss)
            step = norm.direction(gradient)
            step *= length
            step += x
            x = norm.within(step, start, eps)
        return x

    def _lengths(self, eps: Array, reach: float = 2.5) -> Array:
        return reach * eps / self.steps if self.step_size is None else np.full(len(eps), self.step_size)

    def _noise(self, rng: np.random.Generator, shape: tuple[int, ...], norm: Norm, eps: Array) -> Array:
        return norm.random(rng, shape, eps) if self.random_start else np.zeros(shape)


@dataclass(frozen=True)
class APGD(Attack):
    """Auto-PGD: PGD with momentum, whose steps begin at 2 eps and halve where the loss stops rising.

    Attributes
    ----------
    steps : int
        Steps of each restart.
    restarts : int
        Random starts.
    loss : str
        What is made larger: cross-entropy, margin or dlr.

    Notes
    -----
    With u = P(x_k + s d(g_k)), the next point is P(x_k + 0.75 (u - x_k) + 0.25 (x_k - x_{k-1})). At checkpoints the
    step is halved, and the search goes back to the best point, where less than three quarters of the steps since the
    last checkpoint raised the loss, or neither step nor best loss have changed since then. The first checkpoint is
    after 0.22 of the steps; each interval is 0.03 of the steps shorter than the one before, and 0.06 at least. Croce
    and Hein, "Reliable evaluation of adversarial robustness with an ensemble of diverse parameter-free attacks", ICML
    2020, algorithm 1.

    Examples
    --------
    >>> from glassnet.attack import APGD
    >>> APGD(steps=50).word
    'apgd'
    """

    word = "apgd"
    steps: int = 100
    restarts: int = 1
    loss: str = "cross-entropy"

    def run(self, victim: Victim, start: Array, goal: Goal, norm: Norm, eps: Array, rng: np.random.Generator) -> Array:
        search = Search(victim, start, goal)
        for _ in range(self.restarts):
            if not len(search.open):
                break
            self._climb(victim, start, goal, norm, eps, norm.random(rng, start.shape, eps), search)
        return search.best

    def _climb(
        self, victim: Victim, start: Array, goal: Goal, norm: Norm, eps: Array, noise: Array, search: Search
    ) -> None:
        # The start is moved to the surface of the ball, as the paper's own code has it.
        at = search.open
        reach = norm.direction(noise[at]) * eps[at].reshape(-1, 1, 1, 1)
        x = norm.within((start[at] + reach).astype(victim.dtype), start[at], eps[at])
        scores, value, gradient = ascent(victim, x, goal.take(at), self.loss)
        path = _Path(x, value, gradient, 2.0 * eps[at])
        path.keep(search.see(x, scores))
        interval, least, shorter = (max(1, round(share * self.steps)) for share in (0.22, 0.06, 0.03))
        since = 0
        for k in range(self.steps):
            at = search.open
            if not len(at):
                return
            x0, size = start[at], eps[at]
            step = norm.direction(path.gradient) * path.step.reshape(-1, 1, 1, 1)
            ahead = norm.within((path.x + step).astype(victim.dtype), x0, size)
            if k:
                ahead = norm.within(path.x + 0.75 * (ahead - path.x) + 0.25 * (path.x - path.before), x0, size)
            x = ahead.astype(victim.dtype)
            scores, value, gradient = ascent(victim, x, goal.take(at), self.loss)
            path.move(x, value, gradient)
            path.keep(search.see(x, scores))
            since += 1
            if since == interval:
                path.check(interval)
                since, interval = 0, max(least, interval - shorter)


class _Path:
    """Where each open picture stands: its point, the one before, the best so far, the step size and what it learned."""

    def __init__(self, x: Array, value: Array, gradient: Array, step: Array) -> None:
        self.x, self.before, self.value, self.gradient, self.step = x, x.copy(), value, gradient, step
        self.best, self.best_value, self.best_gradient = x.copy(), value.copy(), gradient.copy()
        self.rises = np.zeros(len(x), np.int64)
        self.checked_value, self.halved = value.copy(), np.zeros(len(x), bool)

    def move(self, x: Array, value: Array, gradient: Array) -> None:
        self.rises += value > self.value
        self.before, self.x, self.value, self.gradient = self.x, x, value, gradient
        better = value > self.best_value
        self.best[better], self.best_value[better] = x[better], value[better]
        self.best_gradient[better] = gradient[better]

    def check(self, interval: int) -> None:
        """Halve the step, and go back to the best point, where the search has stopped to make headway."""
        stuck = ~self.halved & (self.checked_value >= self.best_value)
        self.halved = (self.rises <= 0.75 * interval) | stuck
        self.checked_value = self.best_value.copy()
        self.step = np.where(self.halved, self.step / 2, self.step)
        back = self.halved
        self.x[back], self.gradient[back] = self.best[back], self.best_gradient[back]
        self.rises[:] = 0

    def keep(self, stays: Array) -> None:
        """Drop the pictures that are finished."""
        if not stays.all():
            for name, array in vars(self).items():
                setattr(self, name, array[stays])
