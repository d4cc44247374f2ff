"""The difference of two sides on the same pictures: how large, how sure, and whether it is one.

Two questions are told apart. *Which of these networks is better?* Other pictures might have been drawn; the networks
are given. *Which of these recipes is better?* Other seeds might have been drawn as well, and only several seeds of a
recipe say what they change.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from glassnet.errors import DataError
from glassnet.metrics.intervals import Interval, finite_values
from glassnet.metrics.paired import mcnemar
from glassnet.metrics.spread import Seeds, Spread

__all__ = ["LEVEL", "Difference", "Outcome", "Question", "difference_by_parts", "paired_difference"]

LEVEL = 0.95

Question = Literal["networks", "recipes"]
Outcome = Literal["first", "second", "equal", "undecided"]

Figures = NDArray[np.float64]


@dataclass(frozen=True)
class Difference:
    """A figure of the first side less that of the second.

    Attributes
    ----------
    value : float
        The difference that was seen.
    p : float
        Probability of one at least as large where the sides are equally good.
    n : int
        Pictures.
    seeds : (int, int)
        Networks of each side.
    question : "networks" or "recipes"
        What it answers, see above.
    method : str
        The test and the interval, in a few words.
    centre : float
        The middle of the interval.
    spread : Spread
        What its variance is made of.

    Examples
    --------
    >>> from glassnet.metrics import paired_difference
    >>> found = paired_difference([0.95, 0.96, 0.97], [0.93, 0.95, 0.94])
    >>> round(found.value, 3), found.n, found.outcome(margin=0.1)
    (0.02, 3, 'equal')
    """

    value: float
    p: float
    n: int
    seeds: tuple[int, int]
    question: Question
    method: str
    centre: float
    spread: Spread

    def interval(self, level: float = LEVEL) -> Interval:
        """The interval of the true difference: centre -+ t sqrt(V).

        It holds 0 wherever the test does not reject, so that test and interval never contradict each other.
        """
        half = float(self.spread.half(self.n, level=level))
        low, high = self.centre - half, self.centre + half
        if self.spread.truth:
            low, high = max(low, -1.0), min(high, 1.0)
        return Interval(min(low, 0.0), max(high, 0.0)) if self.p >= 1.0 - level else Interval(low, high)

    def outcome(self, margin: float, *, p: float | None = None, level: float = LEVEL) -> Outcome:
        """Which side is better; "equal" where whatever the interval holds is below the margin; else "undecided".

        Parameters
        ----------
        margin : float
            Differences up to this one do not matter; 0 for none.
        p : float, optional
            The probability corrected for several pairs; the own one unless told.
        level : float
            Of the interval that must lie within the margin, higher for several pairs. An interval within -+ margin is
            two one-sided tests, each at (1 - level) / 2.

        Notes
        -----
        Source of the two one-sided tests: D. Schuirmann, J. Pharmacokinetics and Biopharmaceutics 15 (1987) 657-680.
        """
        if (self.p if p is None else p) < 1.0 - LEVEL:
            return "first" if self.value > 0 else "second"
        low, high = self.interval(level)
        return "equal" if -margin < low and high < margin else "undecided"

    def with_seeds_at_most(self) -> Difference:
        """The same, were the seeds to vary as much as they may after what was seen."""
        seeds = tuple(replace(side, between=side.most) for side in self.spread.seeds)
        return replace(self, spread=replace(self.spread, seeds=seeds))

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "difference": self.value,
            "interval": list(self.interval()),
            "p": self.p,
            "n": self.n,
            "seeds": list(self.seeds),
            "question": self.question,
            "method": self.method,
        }


def paired_difference(first: ArrayLike, second: ArrayLike, question: Question = "recipes") -> Difference:
    """The difference of two sides whose networks all saw the same N pictures.

    One network a side, or the question which of these networks is better: with d_i the difference at picture i, of the
    means over a side's networks, centre = mean d and V = s^2(d) / N. Two networks' truth values have McNemar's exact
    test.

    Several seeds, and the question which of the recipes is better: the parts of V are estimated as the model in
    `glassnet.metrics.spread` has them,

        w_g = sum (y_si - y_s. - y_.i + y_..)^2 / ((S_g - 1) (N - 1)),   b_g = max(0, s^2(y_s.) - w_g / N),
        c = max(0, s^2(d) - w_1 / S_1 - w_2 / S_2)

    Where one side has a single seed, its seeds are taken to vary as the other side's do.

    Truth values get one picture that only the first has right, and one that only the second has: sides that agree on
    all of a few pictures may yet differ.

    Parameters
    ----------
    first, second : (N,) or (S, N) array
        Truth values, whether each picture is right, or a figure of each picture; a row for each network.
    question : "networks" or "recipes"
        With one network a side the answer is always about these networks.

    Returns
    -------
    Difference
        With its interval and what it is made of.

    Raises
    ------
    DataError
        The sides have not the same number of pictures, fewer than two, or figures that are not finite.

    Notes
    -----
    Source of the interval for truth values: D. Bonett and R. Price, J. Educational and Behavioral Statistics 37 (2012)
    479-488; advised by M. Fagerland, S. Lydersen and P. Laake, Statistics in Medicine 33 (2014) 2850-2875.

    Examples
    --------
    >>> from glassnet.metrics import paired_difference
    >>> found = paired_difference([0.95, 0.96, 0.97], [0.93, 0.95, 0.94])
    >>> round(found.value, 3)
    0.02
    """
    a, b = _rows(first), _rows(second)
    if a.shape[1] != b.shape[1] or a.shape[1] < 2:
        raise DataError(
            f"Two sides are compared on the same pictures, at least two. Got {a.shape[1]} and {b.shape[1]}."
        )
    n, seeds = a.shape[1], (len(a), len(b))
    truth = _are_truths(first) and _are_truths(second)
    d = a.mean(axis=0) - b.mean(axis=0)
    value = float(d.mean())
    if truth:
        d = np.append(d, [1.0, -1.0])
    centre, variance = float(d.mean()), float(d.var(ddof=0 if truth else 1))
    if question == "networks" or seeds == (1, 1):
        spread, method = Spread(variance * n / len(d), truth=truth), "paired by picture"
        if truth and seeds == (1, 1):
            return Difference(
                value, mcnemar(a[0], b[0]).p, n, seeds, "networks", "McNemar's exact test", centre, spread
            )
        return Difference(value, _p(centre, spread, n), n, seeds, "networks", method, centre, spread)
    if min(seeds) == 1:
        shares = [Seeds.of(seeds, *_of_seeds(a if seeds[1] == 1 else b), n)]
        method = "pictures and seeds drawn, one variance of seeds"
    else:
        shares = [Seeds.of((len(side),), *_of_seeds(side), n) for side in (a, b)]
        method = "pictures and seeds drawn"
    rest = sum(share.within / count for share in shares for count in share.counts)
    spread = Spread(max(0.0, variance - rest), tuple(shares), truth)
    return Difference(value, _p(centre, spread, n), n, seeds, "recipes", method, centre, spread)


def difference_by_parts(differences: Sequence[float], n: int, held_out: float) -> Difference:
    """The difference of two recipes over several seeds, each of which held other pictures out.

    Within a seed both sides saw the same pictures, and d_s is their difference. The runs have most of their training
    pictures in common, and so they are no independent draws: with S seeds, q pictures held out for each one trained on,

        V = (1/S + q) s^2(d),   S - 1 degrees of freedom.

    Parameters
    ----------
    differences : sequence of float
        One of each seed, at least two.
    n : int
        Pictures that a seed holds out.
    held_out : float
        q.

    Raises
    ------
    DataError
        There are fewer than two seeds.

    Notes
    -----
    Source: C. Nadeau and Y. Bengio, "Inference for the generalization error", Machine Learning 52 (2003) 239-281.

    Examples
    --------
    >>> from glassnet.metrics import difference_by_parts
    >>> found = difference_by_parts([0.02, 0.03, 0.01], n=100, held_out=0.25)
    >>> round(found.value, 3), found.seeds
    (0.02, (3, 3))
    """
    d = finite_values(differences)
    if d.size < 2:
        raise DataError(f"Seeds that hold out other pictures are compared from two on. Got {d.size}.")
    spread = Spread(0.0, (Seeds.of((d.size,), float(d.var(ddof=1)), 0.0, n, held_out),))
    value = float(d.mean())
    return Difference(
        value,
        _p(value, spread, n),
        n,
        (d.size, d.size),
        "recipes",
        "paired by seed, other pictures each",
        value,
        spread,
    )


def _are_truths(values: ArrayLike) -> bool:
    return np.asarray(values).dtype == np.bool_


def _rows(values: ArrayLike) -> Figures:
    array = np.atleast_2d(np.asarray(values, dtype=np.float64))
    if array.ndim != 2:
        raise DataError(f"Figures of pictures come as one row for each network. Got shape {array.shape}.")
    finite_values(array.ravel())
    return array


def _of_seeds(figures: Figures) -> tuple[float, float]:
    """(s^2(y_s.), w) of one side, (S, N) with S > 1."""
    count, n = figures.shape
    means = figures.mean(axis=1)
    rest = figures - means[:, None] - figures.mean(axis=0) + figures.mean()
    return float(means.var(ddof=1)), float((rest**2).sum() / ((count - 1) * (n - 1)))


def _p(centre: float, spread: Spread, n: int) -> float:
    from scipy import special  # slow to import, and seldom needed

    variance = float(spread.variance(n))
    if variance == 0.0:
        return 1.0 if centre == 0.0 else 0.0
    return float(2.0 * special.stdtr(spread.freedom(n), -abs(centre) / math.sqrt(variance)))
