"""Differences and distances of numbers of any type and size, in their exact order.

Squares leave the range of their type long before the numbers do: 1e200 and 1e-200 have no square in float64, 2^40 has
none in int64. So each distance is kept as a key, columns of which the last counts most, that orders as the squared
distance does:

    whole numbers    a - b = d_0 + 2^22 d_1 + 2^44 d_2, the digits' own differences; the sums of products of digits,
                     carried, are the exact sum of squares in seven digits
    floats           with 2^e > |a_d - b_d| for all d, the sum of ((a_d - b_d) / 2^e)^2 = m 2^f, with m in [1/2, 1),
                     neither overflows nor underflows: (m, f + 2 e)
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["distances_of", "extremes", "gap", "keys", "order_of", "squares_fit", "underflowed"]

Floats = npt.NDArray[np.float64]

_WHOLE = 2**53  # up to which float64 holds every whole number
_LARGEST = 2.0**500  # floats whose squares' sums stay far below the largest float64
_SMALLEST = 2.0**-900  # sums of squares below which single squares may have underflowed
_BITS, _DIGITS = 22, 7  # 22-bit digits: products of two below 2^44, 2^16 sums of which stay in int64
_FEATURES = 1 << 16  # at a time


def extremes(a: npt.NDArray[Any]) -> tuple[Any, Any]:
    """(smallest, largest) as Python numbers; (0, 0) of nothing."""
    return (a.min().item(), a.max().item()) if a.size else (0, 0)


def squares_fit(points: npt.NDArray[Any], ends: tuple[Any, Any], queries: npt.NDArray[Any]) -> bool:
    """Whether plain sums of squared differences are exact for whole numbers, and do not overflow for floats.

    ends: `extremes(points)`.
    """
    low, high = (f(own, other) for f, own, other in zip((min, max), ends, extremes(queries), strict=True))
    whole = [a.dtype.kind in "iu" for a in (points, queries)]
    if all(whole):
        return bool(points.shape[-1] * (high - low) ** 2 <= _WHOLE)
    return bool(max(abs(low), abs(high)) <= (_WHOLE if any(whole) else _LARGEST))


def underflowed(squared: Floats, points: npt.NDArray[Any], numbers: npt.NDArray[Any], query: npt.NDArray[Any]) -> bool:
    """Whether one of the plain sums of squares (m,) from a query (D,) to points of these numbers (m,) lost digits."""
    small = squared < _SMALLEST
    return bool(small.any() and (points[numbers[small]] != query).any())


def gap(a: npt.NDArray[Any], b: npt.NDArray[Any]) -> Floats:
    """a - b as float64, right to the last digit or two whatever their types."""
    whole = [v.dtype.kind in "iu" for v in (a, b)]
    if all(whole):
        low, middle, high = (x - y for x, y in zip(_digits(a), _digits(b), strict=True))
        return np.asarray((low + (middle << _BITS)).astype(np.float64) + high * 2.0 ** (2 * _BITS), np.float64)
    if whole[1]:
        return np.asarray(-gap(b, a), np.float64)
    return np.asarray(a - b if not whole[0] else _mixed(a, b), np.float64)


def _mixed(whole: npt.NDArray[Any], b: npt.NDArray[Any]) -> Floats:
    """Whole numbers less floats: those that float64 does not hold go in two halves."""
    plain = whole.astype(np.float64) - b
    if whole.dtype.itemsize < 8:
        return np.asarray(plain, np.float64)
    held = (whole <= _WHOLE) & (whole >= (-_WHOLE if whole.dtype.kind == "i" else 0))
    if held.all():
        return np.asarray(plain, np.float64)
    high, low = (whole >> 32).astype(np.float64) * 2.0**32, (whole & (2**32 - 1)).astype(np.float64)
    return np.asarray(np.where(held, plain, (high - b) + low), np.float64)


def _digits(whole: npt.NDArray[Any]) -> list[npt.NDArray[np.int64]]:
    """Whole numbers as three digits of 22 bits, the lowest first; the highest has the sign."""
    wide = whole if whole.dtype == np.uint64 else whole.astype(np.int64)
    low, middle = ((wide >> shift).astype(np.int64) & ((1 << _BITS) - 1) for shift in (0, _BITS))
    return [low, middle, (wide >> 2 * _BITS).astype(np.int64)]


def keys(points: npt.NDArray[Any], query: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """(n, columns) keys of the distances from points (n, D) to a query (D,): int64 digits, or float64 pairs."""
    if points.dtype.kind in "iu" and query.dtype.kind in "iu":
        return _whole_keys(points, query)
    shift = 0
    if max(abs(end) for v in (points, query) for end in extremes(v)) > 2.0**1021:  # the difference may be too large
        points, query, shift = points * 0.25, query * 0.25, 2
    away = np.abs(gap(points, query))
    exponent = np.frexp(away.max(axis=1, initial=0.0))[1]
    away = np.ldexp(away, -exponent[:, None])
    mantissa, more = np.frexp(np.einsum("nd,nd->n", away, away))
    power = np.where(mantissa > 0, 2.0 * (exponent + shift) + more, -np.inf)
    return np.column_stack([mantissa, power])


def _whole_keys(points: npt.NDArray[Any], query: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
    """(n, 7) digits of 22 bits, the lowest first, of the sums of squared differences of whole numbers."""
    total = np.zeros((len(points), _DIGITS), np.int64)
    for start in range(0, points.shape[1], _FEATURES):
        columns = slice(start, start + _FEATURES)
        a, b, c = (p - q for p, q in zip(_digits(points[:, columns]), _digits(query[columns]), strict=True))
        for k, terms in enumerate(([(a, a)], [(a, b)] * 2, [(a, c)] * 2 + [(b, b)], [(b, c)] * 2, [(c, c)])):
            for first, second in terms:
                total[:, k] += np.einsum("nd,nd->n", first, second)
        for k in range(_DIGITS - 1):
            total[:, k + 1] += total[:, k] >> _BITS
            total[:, k] &= (1 << _BITS) - 1
    return total


def order_of(found: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
    """(n,) the places of keys (n, columns), the nearest first; equal ones stay as they are."""
    return np.asarray(np.lexsort(found.T), np.int64)


def distances_of(found: npt.NDArray[Any]) -> Floats:
    """(n,) the distances that keys stand for; infinite where float64 holds none so large."""
    if found.dtype.kind == "i":
        squared = found @ np.ldexp(1.0, _BITS * np.arange(_DIGITS))
        return np.asarray(np.sqrt(squared), np.float64)
    mantissa, power = found[:, 0], np.where(found[:, 0] > 0, found[:, 1], 0.0).astype(np.int64)
    with np.errstate(over="ignore"):
        return np.asarray(np.ldexp(np.sqrt(np.ldexp(mantissa, power % 2)), power // 2), np.float64)
