"""How many more pictures, or seeds, would settle a comparison.

With n pictures and S seeds a side the difference is known to a variance V, and its interval reaches h = t sqrt(V) to
either side. The comparison is settled where the interval leaves 0 out or lies within the margin m: where |D| > h or
|D| < m - h. Where d is the true difference, D = d + sqrt(V) T, T of Student's distribution, and

    power(d) = 1 - P(max(0, m - h) <= |D| <= h),   and 1 where m >= 2 h

What is *promised* is the least number whose power is `POWER` for every d within one standard error of the difference
that was seen; more pictures are promised only where the seeds, however much they may vary after what was seen (upper
90 % limit), do not spoil it. With no margin and one network a side that is, for
the d nearest to 0,

    n = (z_0.975 + z_0.9)^2 c / d^2

(O. Miettinen, "The matched pairs design in the case of all-or-none responses", Biometrics 24 (1968) 339-352). Where 0
itself is within one standard error and the margin is out of reach, there is no such number.

The usual plan takes the difference seen for the true one and needs fewer. But what is undecided was seen badly: that
number settles little more than half of what is. `python -m benchmarks.compare` measures both.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from glassnet.metrics.difference import LEVEL, Difference

__all__ = ["MOST", "POWER", "more_pictures", "more_seeds", "power_to_settle"]

POWER = 0.9
"""Probability with which the promised number settles a comparison."""

MOST = 100
"""So many times the pictures that there are, or so many seeds: a plan for more would be none."""

_STEP = 1.01  # from one number of pictures that is tried to the next
_WITHIN = np.linspace(-1.0, 1.0, 21)  # differences that are tried, in standard errors from the one seen


def power_to_settle(
    found: Difference, delta: ArrayLike, n: ArrayLike, more: ArrayLike = 0, *, margin: float = 0.0, level: float = LEVEL
) -> NDArray[np.float64]:
    """power(d) with n pictures in all and so many seeds `more` on each side.

    Parameters
    ----------
    found : Difference
        What was seen; its spread is taken.
    delta : array
        The true difference d.
    n, more : array
        Of shapes that fit each other and that of `delta`.
    margin : float
        Differences up to this one do not matter.
    level : float
        Of the intervals.
    """
    from scipy import special  # slow to import, and seldom needed

    half, around = found.spread.half(n, more, level), np.sqrt(found.spread.variance(n, more))
    freedom = found.spread.freedom(n, more)

    def below(value: Any) -> Any:
        return special.stdtr(freedom, (value - np.asarray(delta)) / around)

    low = np.maximum(margin - half, 0.0)
    between = below(half) - below(low) + below(-low) - below(-half)
    return np.asarray(np.where(margin >= 2 * half, 1.0, 1.0 - between))


def more_pictures(found: Difference, *, margin: float = 0.0, level: float = LEVEL, as_seen: bool = False) -> int | None:
    """The least number of pictures to add that is promised to settle it; None where there is none.

    None also where seeds hold out other pictures, since nothing then tells what more of these would change.

    Parameters
    ----------
    found : Difference
        What was seen.
    margin : float
        Differences up to this one do not matter.
    level : float
        Of the intervals.
    as_seen : bool
        Whether the difference and the spread that were seen are taken for the true ones.

    Examples
    --------
    >>> from glassnet.metrics import more_pictures, paired_difference
    >>> first = np.repeat([True, False], [90, 10])
    >>> found = paired_difference(first, np.roll(first, 8), "networks")  # 90 of 100 are right on either side
    >>> more_pictures(found, margin=0.05) > 100, more_pictures(found, margin=0.01)
    (True, None)
    """
    steps = math.ceil(math.log(MOST) / math.log(_STEP))
    n = np.unique(np.ceil(found.n * _STEP ** np.arange(1, steps + 1)))
    planned = found if as_seen else found.with_seeds_at_most()
    return _first(planned, n - found.n, n, 0, margin, level, as_seen)


def more_seeds(found: Difference, *, margin: float = 0.0, level: float = LEVEL, as_seen: bool = False) -> int | None:
    """The least number of seeds to add on each side, likewise; None too where one network a side tells nothing of
    seeds.

    Examples
    --------
    >>> from glassnet.metrics import more_seeds, paired_difference
    >>> found = paired_difference([0.95, 0.96, 0.97], [0.93, 0.95, 0.94])
    >>> more_seeds(found) is None or more_seeds(found) > 0
    True
    """
    if not found.spread.seeds:
        return None
    more = np.arange(1, MOST + 1)
    return _first(found, more, found.n, more, margin, level, as_seen)


def _first(
    found: Difference, numbers: NDArray[Any], n: ArrayLike, more: ArrayLike, margin: float, level: float, as_seen: bool
) -> int | None:
    away = np.zeros(1) if as_seen else _WITHIN
    delta = found.centre + away[:, None] * np.sqrt(found.spread.variance(found.n))
    power = power_to_settle(found, delta, n, more, margin=margin, level=level).min(axis=0)
    enough = np.flatnonzero(power >= POWER)
    return int(numbers[enough[0]]) if enough.size else None
