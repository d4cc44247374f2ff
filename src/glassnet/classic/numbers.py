"""What the estimators share: features of any unit brought to one, and no answer that is not a number."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["finite", "middle_of", "standard"]

_NOISE = 2.0**-47  # of the largest value: 32 roundings

Floats = npt.NDArray[np.float64]


def standard(X: npt.NDArray[Any], share: npt.NDArray[Any]) -> tuple[Floats, Floats]:
    """(means (D,), standard deviations (D,)) of X (N, D), each row counting its `share` (N,), which sum to 1.

    A feature that varies by no more than rounding does has deviation 1. Each feature is measured in a power of two near
    its largest value, from its first value on, so that none is too large, too small or too far from the origin.
    """
    wide = X.astype(np.float64)
    exponent = np.frexp(np.abs(wide).max(axis=0))[1] - 1
    wide = np.ldexp(wide, -exponent)
    first = wide[0].copy()
    wide -= first
    shift = share @ wide
    wide -= shift
    deviation = np.sqrt(share @ wide**2)
    scale = np.ldexp(deviation, exponent)
    return np.ldexp(first + shift, exponent), np.where((deviation > _NOISE) & (scale > 0), scale, 1.0)


def middle_of(X: npt.NDArray[Any]) -> Floats:
    """(D,) the means of X (N, D), as exact far from the origin as near it."""
    return standard(X, np.full(len(X), 1 / len(X)))[0]


def finite(answers: npt.NDArray[Any], what: str) -> npt.NDArray[Any]:
    """The answers (N, ...) themselves. Raises `ValueError`, which names the first example without a finite one."""
    good = np.isfinite(answers).reshape(len(answers), -1).all(axis=1)
    if not good.all():
        raise ValueError(
            f"Example {int(np.flatnonzero(~good)[0])} has no finite {what}: its features are too far from those in "
            "training, or the fitted numbers are damaged."
        )
    return answers
