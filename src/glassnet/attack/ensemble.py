"""How easily a model is fooled: several attacks in turn, each on the pictures that none before it could fool.

For every picture the smallest change that was found is kept, so robust accuracy is a curve: the share of pictures whose
smallest change is above a size. At 0 it is the clean accuracy, it never rises with the size, and since a larger effort
begins with the whole of a smaller one, more effort never gives more of it. It is an upper bound: what no attack of the
ensemble found may still be there.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from glassnet.attack.base import Attack
from glassnet.attack.bounded import APGD, FGSM
from glassnet.attack.goals import Goal, ranked_rivals
from glassnet.attack.lattice import to_bytes
from glassnet.attack.minimal import FAB
from glassnet.attack.norms import Norm, norm_of
from glassnet.attack.pieces import each_piece, piece_size
from glassnet.attack.square import Square
from glassnet.attack.victim import Victim
from glassnet.errors import RecipeError, nearest
from glassnet.metrics import wilson_interval
from glassnet.nn.functional.arrays import Array

__all__ = ["EFFORTS", "Robustness", "Stage", "measure_robustness", "rounds_of"]

_ROUNDING = 1 + 1e-6  # a size that was cut to eps in float32 is that much above it


@dataclass(frozen=True)
class Stage:
    """An attack of the ensemble.

    Attributes
    ----------
    name : str
        What tables call it.
    attack : Attack
        The attack.
    rivals : int
        0: any wrong answer; else it is aimed at each of so many classes in turn, those with the highest scores first.

    Examples
    --------
    >>> from glassnet.attack import rounds_of
    >>> first = rounds_of("quick")[0][0]
    >>> first.attack.uses_gradients, first.rivals
    (True, 0)
    """

    name: str
    attack: Attack
    rivals: int = 0


_QUICK = (
    Stage("FAB", FAB(steps=10, narrow=4)),
    Stage("FGSM", FGSM()),
    Stage("APGD, cross-entropy, 20 steps", APGD(steps=20)),
    Stage("APGD, DLR, 20 steps", APGD(steps=20, loss="dlr")),
)
_STANDARD = (
    Stage("APGD, cross-entropy, 100 steps", APGD()),
    Stage("APGD, targeted DLR, 100 steps", APGD(loss="dlr"), rivals=9),
    Stage("Square, 500 queries", Square(steps=500)),
    Stage("FAB, 60 steps, 2 starts", FAB(steps=60, restarts=2)),
)
_THOROUGH = (
    Stage("APGD, cross-entropy, 4 starts", APGD(restarts=4)),
    Stage("Square, 5,000 queries", Square(steps=5000)),
    Stage("APGD, targeted DLR, 4 starts", APGD(loss="dlr", restarts=4), rivals=9),
)
# Each effort is the whole of the one before, at all sizes, and then more.
EFFORTS: dict[str, tuple[tuple[Stage, ...], ...]] = {
    "quick": (_QUICK,),
    "standard": (_QUICK, _STANDARD),
    "thorough": (_QUICK, _STANDARD, _THOROUGH),
}


def rounds_of(effort: str) -> tuple[tuple[Stage, ...], ...]:
    """The attacks of an effort: quick, standard or thorough, in rounds. Raises `RecipeError`.

    Examples
    --------
    >>> from glassnet.attack import rounds_of
    >>> len(rounds_of("quick")) <= len(rounds_of("standard"))
    True
    """
    if effort not in EFFORTS:
        raise RecipeError(f"An effort is one of {', '.join(EFFORTS)}. Got '{effort}'.{nearest(effort, EFFORTS)}")
    return EFFORTS[effort]


@dataclass(eq=False)
class Robustness:
    """What the ensemble found of n pictures, in one norm.

    Attributes
    ----------
    norm : str
        "linf" or "l2".
    eps : tuple of float
        The sizes at which bounded attacks were run, in rising order.
    sizes : (n,) float64 array
        The smallest change of each picture that was found: 0 where the answer was wrong before, infinity where there is
        none.
    by : (n,) int array
        The stage that found it; -1 where it was wrong before or none was found.
    first : dict of float to (n,) int array
        For each eps the stage that was the first to find a change within it; -1 where none did.
    pictures : (n, H, W, C) array
        The picture of that change.
    as_bytes : dict of float to (n,) bool array
        For each eps, which pictures are still right where every change must be one of 8-bit pixels.
    stages : tuple of Stage
        The attacks, in order.
    accuracies : list of (float, str, float)
        (eps, stage, accuracy after it), in order.
    alone : dict of (float, str) to float
        Accuracy under a stage by itself, where it was run on all pictures: FGSM.
    unlike : int
        Pictures that an attack called fooling and that were not when they were looked at again.
    seconds, passes : float, int
        What it took, and how many pictures went through the network.

    Examples
    --------
    >>> import glassnet
    >>> from glassnet.attack import Victim, measure_robustness
    >>> run = glassnet.fit("digits", "linear", epochs=5, verbose=False)
    >>> test = run.splits.test
    >>> found = measure_robustness(Victim.of(run.model), test.images[:9], test.labels[:9], [0.1], effort="quick")
    >>> found.accuracy(0.1) <= found.accuracy(0.0)
    True
    """

    norm: str
    eps: tuple[float, ...]
    sizes: Array
    by: Array
    first: dict[float, Array]
    pictures: Array
    as_bytes: dict[float, Array]
    stages: tuple[Stage, ...]
    accuracies: list[tuple[float, str, float]] = field(default_factory=list)
    alone: dict[tuple[float, str], float] = field(default_factory=dict)
    unlike: int = 0
    seconds: float = 0.0
    passes: int = 0

    def accuracy(self, eps: float) -> float:
        """Robust accuracy at a size: the share of pictures that no change up to it was found for."""
        return float((self.sizes > eps * _ROUNDING).mean())

    def interval(self, eps: float) -> tuple[float, float]:
        """Its 95 % interval, by Wilson's score."""
        return wilson_interval(int((self.sizes > eps * _ROUNDING).sum()), len(self.sizes))

    def accuracy_as_bytes(self, eps: float) -> float:
        """Robust accuracy where the changed pictures are of 8-bit pixels; never below `accuracy`."""
        return float(self.as_bytes[eps].mean())

    def found_by(self, eps: float) -> dict[str, int]:
        """How many pictures each stage was the first to fool within one of the sizes."""
        return {stage.name: int((self.first[eps] == i).sum()) for i, stage in enumerate(self.stages)}

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        finite = self.sizes[np.isfinite(self.sizes) & (self.sizes > 0)]
        return {
            "norm": self.norm,
            "pictures": len(self.sizes),
            "clean_accuracy": self.accuracy(0),
            "robust": [
                {
                    "eps": eps,
                    "accuracy": self.accuracy(eps),
                    "interval": list(self.interval(eps)),
                    "accuracy_8_bit": self.accuracy_as_bytes(eps),
                    "fgsm_alone": self.alone.get((eps, "FGSM")),
                }
                for eps in self.eps
            ],
            "median_size": float(np.median(finite)) if len(finite) else None,
            "accuracies_by_stage": [{"eps": e, "stage": s, "accuracy": a} for e, s, a in self.accuracies],
            "seconds": round(self.seconds, 2),
        }


def measure_robustness(
    victim: Victim,
    stored: Array,
    labels: Array,
    eps: Sequence[float],
    *,
    norm: str = "linf",
    effort: str | Sequence[Stage] = "standard",
    seed: int = 0,
    progress: Callable[[str, int, int], None] = lambda what, done, total: None,
) -> Robustness:
    """Attack pictures with an ensemble, at several sizes.

    Parameters
    ----------
    victim : Victim
        What is attacked.
    stored : (n, H, W, C) uint8 array
        The pictures.
    labels : (n,) int64 array
        Their classes.
    eps : sequence of float
        The sizes, of pixels in [0, 1].
    norm : str
        "linf" or "l2".
    effort : str or sequence of Stage
        "quick", "standard" or "thorough", or the attacks themselves.
    seed : int
        Of the random numbers.
    progress : callable
        Told of the attack at work, and how many of how many attacks on pieces of the set are done.

    Raises
    ------
    RecipeError
        An effort or a norm that is not known, or a size that is not above 0.

    Examples
    --------
    >>> import glassnet
    >>> from glassnet.attack import Victim, measure_robustness
    >>> run = glassnet.fit("digits", "linear", epochs=5, verbose=False)
    >>> victim, test = Victim.of(run.model), run.splits.test
    >>> found = measure_robustness(victim, test.images[:20], test.labels[:20], [0.05], effort="quick")
    >>> found.accuracy(0.05) <= found.accuracy(0.0)
    True
    """
    rounds = rounds_of(effort) if isinstance(effort, str) else (tuple(effort),)
    stages = tuple(stage for round_ in rounds for stage in round_)
    sizes = tuple(sorted({float(e) for e in eps}))
    if not sizes or not all(0 < e < np.inf for e in sizes):
        raise RecipeError(f"Sizes of changes must be above 0. Got {', '.join(map(str, eps)) or 'none'}.")
    began, passes = time.perf_counter(), victim.passes
    size = piece_size(victim)
    pieces = range(0, len(stored), size)
    total, done, telling = len(pieces) * len(stages) * len(sizes), 0, threading.Lock()

    def tell(what: str) -> None:
        nonlocal done
        with telling:
            progress(what, done, total)
            done += 1

    def piece(own: Victim, start: int) -> _Search:
        part = slice(start, start + size)
        search = _Search(own, stored[part], labels[part], norm_of(norm), rounds, sizes, (seed, start))
        search.run(tell)
        search.look_again()
        return search

    found = list(each_piece(victim, pieces, piece))
    progress("", total, total)
    result = _joined(found, norm, sizes, stages)
    result.seconds, result.passes = time.perf_counter() - began, victim.passes - passes
    return result


class _Search:
    """The ensemble on a piece of the set."""

    def __init__(
        self, victim: Victim, stored: Array, labels: Array, norm: Norm, rounds: tuple[tuple[Stage, ...], ...],
        sizes: tuple[float, ...], seed: tuple[int, ...],
    ) -> None:  # fmt: skip
        self.victim, self.stored, self.goal, self.norm = victim, stored, Goal(labels), norm
        self.rounds, self.sizes, self.seed = rounds, sizes, seed
        self.start = victim.pixels(stored)
        n = len(stored)
        self.size, self.by, self.best = np.full(n, np.inf), np.full(n, -1), self.start.copy()
        self.scores = victim.scores(stored)
        self.size[self.goal.reached(self.scores)] = 0
        self.first = {eps: np.full(n, -1) for eps in sizes}
        self.counts: list[tuple[float, str, int]] = []  # right pictures after each stage
        self.alone: dict[tuple[float, str], int] = {}
        self.bytes: dict[float, Array] = {}
        self.unlike = 0

    def run(self, tell: Callable[[str], None]) -> None:
        before = 0
        for stages in self.rounds:  # a round at all sizes, then the next: so more rounds leave the first as they are
            for eps in self.sizes:
                for place, stage in enumerate(stages, start=before):
                    tell(f"{stage.name} at {eps:.4g}")
                    self._stage(eps, place, stage, first=eps == self.sizes[0])
                    self.counts.append((eps, stage.name, int((self.size > eps * _ROUNDING).sum())))
            before += len(stages)
        for eps in self.sizes:
            self.bytes[eps] = self._as_bytes(eps)

    def _stage(self, eps: float, place: int, stage: Stage, *, first: bool) -> None:
        if not stage.attack.bounded and not first:
            return  # it found the smallest change that it can find, whatever the size
        by_itself = isinstance(stage.attack, FGSM)  # cheap, and what it does alone says much
        at = np.flatnonzero(self.size > (0 if by_itself or not stage.attack.bounded else eps * _ROUNDING))
        if not len(at):
            if by_itself:
                self.alone[eps, stage.name] = 0
            return
        rng = np.random.default_rng((*self.seed, place, round(eps * 1e6)))
        for goal in self._goals(at, stage.rivals):
            x = stage.attack.run(self.victim, self.start[at], goal, self.norm, np.full(len(at), eps), rng)
            fooled = self._take(at, x, place, eps)
            if by_itself:
                self.alone[eps, stage.name] = int((~fooled).sum())

    def _goals(self, at: Array, rivals: int) -> list[Goal]:
        if not rivals:
            return [self.goal.take(at)]
        labels = self.goal.labels[at]
        others = ranked_rivals(self.scores[at], labels)
        return [_Rival(labels, others[:, place]) for place in range(min(rivals, others.shape[1]))]

    def _take(self, at: Array, x: Array, place: int, eps: float) -> Array:
        """Keep what is nearer than anything before; returns which pictures are fooled within eps."""
        size = self.norm.size(x.astype(np.float64) - self.start[at])
        reached = self.goal.take(at).reached(self.victim.scores(x))
        nearer = reached & (size < self.size[at])
        kept = at[nearer]
        self.size[kept], self.best[kept], self.by[kept] = size[nearer], x[nearer], place
        for limit, first in self.first.items():
            first[(first < 0) & (self.size > 0) & (self.size <= limit * _ROUNDING)] = place
        return reached & (size <= eps * _ROUNDING)

    def _as_bytes(self, eps: float) -> Array:
        """(n,) which pictures are right still, where a change must be of 8-bit pixels."""
        right = self.size > 0
        at = np.flatnonzero(right & (self.size <= eps * _ROUNDING))
        if len(at):
            # Bounded attacks go to the rim of the ball; the smallest change leaves the most room for rounding.
            right[at] = self._right_as_bytes(at, self.best[at], eps)
            left = at[right[at]]
            if len(left):
                rng, goal = np.random.default_rng((*self.seed, 0xB17E)), self.goal.take(left)
                x = APGD(steps=20).run(self.victim, self.start[left], goal, self.norm, np.full(len(left), eps), rng)
                right[left] = self._right_as_bytes(left, x, eps)
        for before in self.bytes.values():  # bytes that fooled within a smaller size do so within this one
            right &= before
        return right

    def _right_as_bytes(self, at: Array, x: Array, eps: float) -> Array:
        """Which of the pictures are right still when what an attack made of them is rounded to bytes within eps."""
        within = np.full(len(at), eps)
        right: Array = ~to_bytes(self.victim, self.stored[at], x, self.goal.take(at), self.norm, within)[1]
        return right

    def look_again(self) -> None:
        """Believe no attack: what is kept must fool now."""
        claimed = (self.size > 0) & np.isfinite(self.size)
        at = np.flatnonzero(claimed)
        if len(at):
            false = at[~self.goal.take(at).reached(self.victim.scores(self.best[at]))]
            self.unlike = len(false)
            self.size[false], self.by[false] = np.inf, -1
            for eps in self.sizes:
                self.first[eps][false], self.bytes[eps][false] = -1, True


class _Rival(Goal):
    """Aimed at a class, and content with any wrong answer."""

    def reached(self, scores: Array, *, by: float = 0.0) -> Array:
        return Goal(self.labels).reached(scores, by=by)

    def margin(self, scores: Array) -> Array:
        return Goal(self.labels).margin(scores)

    def take(self, which: Array | slice) -> Goal:
        assert self.targets is not None
        return _Rival(self.labels[which], self.targets[which])


def _joined(found: list[_Search], norm: str, eps: tuple[float, ...], stages: tuple[Stage, ...]) -> Robustness:
    n = sum(len(search.size) for search in found)
    accuracies = [
        (size, name, sum(search.counts[i][2] for search in found) / n)
        for i, (size, name, _) in enumerate(found[0].counts)
    ]
    return Robustness(
        norm,
        eps,
        np.concatenate([search.size for search in found]),
        np.concatenate([search.by for search in found]),
        {size: np.concatenate([search.first[size] for search in found]) for size in eps},
        np.concatenate([search.best for search in found]),
        {size: np.concatenate([search.bytes[size] for search in found]) for size in eps},
        stages,
        accuracies,
        {key: sum(search.alone[key] for search in found) / n for key in found[0].alone},
        sum(search.unlike for search in found),
    )
