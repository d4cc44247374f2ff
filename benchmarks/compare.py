"""Comparisons of simulated sides whose true difference is known: how often the verdict is wrong, and whether the
promised number of pictures, or of seeds, settles what was undecided.

    python -m benchmarks.compare                # 50 pairs of each kind and difference
    python -m benchmarks.compare --pairs 200

A verdict is wrong where it names the worse side, names one of two equals, or calls equal what differs by the margin
(0.5 points) or more. What is undecided gets the promised number of pictures, or of seeds, and is compared once more, on
all that there is then; beside it, the number that would do were the difference seen the true one.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from glassnet.metrics.difference import Difference, paired_difference
from glassnet.metrics.plan import more_pictures, more_seeds
from glassnet.text import columns

MARGIN = 0.005


@dataclass(frozen=True)
class World:
    """What is true: picture i is right by network s of side g with the probability q_i + u_gi + s_gs -+ delta / 2.

    Attributes
    ----------
    delta : float
        The true difference of the accuracies.
    n : int
        Pictures.
    seeds : int
        Networks on each side.
    between : float
        Standard deviation of the seeds' accuracies (evenly spread around 0).
    alike : float
        How far the sides agree on which pictures are hard, 0 to 1.
    """

    delta: float
    n: int
    seeds: int = 1
    between: float = 0.0
    alike: float = 0.9

    def __str__(self) -> str:
        seeds = f"{self.seeds} seeds, deviation {100 * self.between:g}" if self.seeds > 1 else "one network a side"
        return f"{self.n:,} pictures, {seeds}, agreement {self.alike:g}"


class Drawn:
    """Pictures and networks drawn by chance, and more of both when they are asked for."""

    def __init__(self, world: World, rng: np.random.Generator) -> None:
        self.world, self.rng = world, rng
        self.hard = np.empty((2, 0))
        self.shift = np.empty((2, 0))
        self.right = np.empty((2, 0, 0), dtype=bool)
        self.grow(world.n, world.seeds)

    def grow(self, n: int, seeds: int) -> NDArray[np.bool_]:
        """(2, seeds, n) which pictures are right; what was there before stays."""
        w, rng = self.world, self.rng
        have_n, have_s = self.hard.shape[1], self.shift.shape[1]
        # A share `alike` of the pictures is easy or hard for both sides, nine to one; each of the others is as hard as
        # chance has it, for each side on its own. Room is left for what seeds and the difference add.
        new = n - have_n
        common = rng.random(new) < w.alike
        sure = np.where(rng.random(new) < 0.9, 0.93, 0.07)
        own = rng.uniform(0.07, 0.93, (2, new))
        self.hard = np.concatenate([self.hard, np.where(common, sure, own)], axis=1)
        more = rng.uniform(-math.sqrt(3), math.sqrt(3), (2, seeds - have_s)) * w.between
        self.shift = np.concatenate([self.shift, more], axis=1)
        signed = np.array([w.delta / 2, -w.delta / 2])[:, None, None]
        chance = self.hard[:, None, :] + self.shift[:, :, None] + signed
        assert chance.min() >= 0 and chance.max() <= 1
        right = rng.random(chance.shape) < chance
        right[:, :have_s, :have_n] = self.right
        self.right = right
        return right


@dataclass
class Tally:
    """What came of some pairs."""

    pairs: int = 0
    wrong: int = 0
    settled: int = 0
    promised: int = 0
    kept: int = 0
    wrong_later: int = 0
    at_seen: int = 0
    kept_at_seen: int = 0
    by_seeds: int = 0
    kept_by_seeds: int = 0

    def __add__(self, other: Tally) -> Tally:
        return Tally(*(a + b for a, b in zip(vars(self).values(), vars(other).values(), strict=True)))


def is_wrong(outcome: str, delta: float) -> bool:
    """Whether a verdict is wrong where `delta` is true."""
    if outcome == "equal":
        return abs(delta) >= MARGIN
    return outcome == ("second" if delta > 0 else "first") or (outcome in ("first", "second") and delta == 0)


def compared(right: NDArray[np.bool_]) -> Difference:
    return paired_difference(right[0], right[1])


def tally(world: World, pairs: int, seed: tuple[int, ...]) -> Tally:
    """Compare so many pairs drawn from a world."""
    found = Tally()
    for number in range(pairs):
        drawn = Drawn(world, np.random.default_rng((*seed, number)))
        first = compared(drawn.right)
        outcome = first.outcome(MARGIN)
        found.pairs += 1
        found.wrong += is_wrong(outcome, world.delta)
        found.settled += outcome != "undecided"
        if outcome == "undecided":
            follow(first, drawn, found)
    return found


def follow(first: Difference, drawn: Drawn, found: Tally) -> None:
    """Do as was promised, and see whether that settles it."""
    world, rng = drawn.world, drawn.rng

    def again(n: int, seeds: int) -> str:
        copy = Drawn.__new__(Drawn)
        copy.__dict__.update(vars(drawn) | {"rng": np.random.default_rng(rng.integers(2**63))})
        return compared(copy.grow(n, seeds)).outcome(MARGIN)

    if (more := more_pictures(first, margin=MARGIN)) is not None:
        outcome = again(world.n + more, world.seeds)
        found.promised += 1
        found.kept += outcome != "undecided"
        found.wrong_later += is_wrong(outcome, world.delta)
    if (more := more_pictures(first, margin=MARGIN, as_seen=True)) is not None:
        found.at_seen += 1
        found.kept_at_seen += again(world.n + more, world.seeds) != "undecided"
    if (more := more_seeds(first, margin=MARGIN)) is not None:
        found.by_seeds += 1
        found.kept_by_seeds += again(world.n, world.seeds + more) != "undecided"


WORLDS = (
    World(0.0, 2000),
    World(0.0, 2000, alike=0.6),
    World(0.0, 2000, 3, 0.003),
    World(0.0, 10000, 5, 0.004),
)
DELTAS = (0.0, 0.003, 0.005, 0.01, 0.03)


def worlds() -> Iterator[World]:
    for world in WORLDS:
        for delta in DELTAS:
            yield replace(world, delta=delta)


def share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f} %" if whole else "-"


def main(say: Callable[[str], None] = print) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=50, help="pairs of each kind and difference")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    head = ("true difference", "wrong", "settled", "promised", "kept", "wrong then", "at seen, kept", "seeds", "kept")
    whole = Tally()
    for number, world in enumerate(worlds()):
        if number % len(DELTAS) == 0:
            rows = [head]
        one = tally(world, given.pairs, (given.seed, number))
        whole += one
        rows.append((
            f"{100 * world.delta:g} points", share(one.wrong, one.pairs), share(one.settled, one.pairs),
            str(one.promised), share(one.kept, one.promised), share(one.wrong_later, one.promised),
            share(one.kept_at_seen, one.at_seen), str(one.by_seeds), share(one.kept_by_seeds, one.by_seeds),
        ))  # fmt: skip
        if number % len(DELTAS) == len(DELTAS) - 1:
            say(f"\n{world}, {given.pairs} pairs a line")
            say(columns(rows))
    say("")
    say(f"wrong verdicts                        {share(whole.wrong, whole.pairs)} of {whole.pairs:,}   (at most 5 %)")
    kept = share(whole.kept, whole.promised)
    say(f"the promised pictures settle          {kept} of {whole.promised:,}   (at least 80 %)")
    say(f"the promised seeds settle             {share(whole.kept_by_seeds, whole.by_seeds)} of {whole.by_seeds:,}")
    say(f"planned at the difference seen        {share(whole.kept_at_seen, whole.at_seen)} of {whole.at_seen:,}")
    say(f"wrong after the promised pictures     {share(whole.wrong_later, whole.promised)} of {whole.promised:,}")


if __name__ == "__main__":
    main()
