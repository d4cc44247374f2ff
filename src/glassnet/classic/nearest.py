"""The k nearest of many points, exactly: float32 matrix products choose candidates, exact distances rank them.

With the points' mean taken off (and their size brought to 1), |q - x|^2 = |q|^2 - 2 (q . x - |x|^2 / 2), so the nearest
x are those with the smallest s = |x|^2 / 2 - q . x. A block of queries times a block of points is one matrix product
that stays in cache, and is searched there for what beats the worst candidate so far.

float32 rounds: each s is off by at most

    e = g_D |q| |x| + u |x|^2 / 2 + ...,    u = 2^-24, g_D = D u / (1 - D u)

(N. Higham, "Accuracy and stability of numerical algorithms", 2nd ed., SIAM 2002, section 3.5). More candidates are kept
than are asked for. Where the worst of them is not more than e behind the k-th (whose s is known exactly by then), some
other point might belong among the k: such a query is answered by exact distances to all points.

Distances are exact in the way of `distances`: plain sums of squares where these are safe, keys where they are not.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from glassnet import threads
from glassnet.classic.distances import distances_of, extremes, gap, keys, order_of, squares_fit, underflowed
from glassnet.nn.kernels import blas
from glassnet.nn.kernels.blas import KEEP, TRANSPOSE
from glassnet.nn.kernels.options import inner
from glassnet.nn.kernels.sharing import shared

__all__ = ["Index"]

_QUERIES, _POINTS = 512, 1024  # of a block
_SPARE = 7  # candidates kept beside the k that are asked for
_CHUNK = 64
_ROWS = 1024  # of points that are made ready at a time
_EXACT_BLOCK = 1 << 22  # numbers at a time in exact distances
_WHOLE = 2**53  # up to which float64 holds every whole number

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]


class Index:
    """Points (N, D) made ready to be searched.

    points: whole numbers of any type, whose distances are compared exactly, or floats, compared in float64.
    """

    def __init__(self, points: npt.NDArray[Any]) -> None:
        self.points = _wide(points)
        self._ends = extremes(self.points)
        self.middle = _middle(self.points, self._ends)
        self._exponent = _reach(self.points, self.middle)  # 2^-exponent brings them between -1 and 1, unrounded
        self._near = np.empty(self.points.shape, np.float32)
        squares = np.empty(len(self.points))
        for start in range(0, len(squares), _ROWS):
            centred = self._centred(self.points[start : start + _ROWS])
            self._near[start : start + _ROWS] = centred
            squares[start : start + _ROWS] = np.einsum("nd,nd->n", centred, centred)
        self._half = (squares / 2).astype(np.float32)
        self._longest = float(np.sqrt(squares.max(initial=0.0)))

    def search(self, queries: npt.NDArray[Any], k: int) -> tuple[Floats, Integers]:
        """(distances (Q, k), numbers of the points (Q, k)), the nearest first, equal ones by their number."""
        wide = _wide(queries)
        most = min(k + _SPARE, len(self.points))
        if len(wide) == 0:
            return np.empty((0, k)), np.empty((0, k), np.int64)
        with np.errstate(over="ignore", invalid="ignore"):  # a query far outside is answered from all points
            centred = self._centred(wide)
            near = np.ascontiguousarray(centred, np.float32)
            lengths = np.sqrt(np.einsum("nd,nd->n", centred, centred))
        scores = np.full((len(wide), most), np.inf, np.float32)
        candidates = np.zeros((len(wide), most), np.int64)
        self._choose(near, scores, candidates)
        numbers = np.sort(candidates, axis=1)  # equal distances by number, as the orders below are stable
        plain = squares_fit(self.points, self._ends, wide)
        distances, order = self._plainly(wide, numbers) if plain else self._by_keys(wide, numbers)
        order = order[:, :k]
        distances, found = np.take_along_axis(distances, order, 1), np.take_along_axis(numbers, order, 1)
        if most < len(self.points):
            worst = scores[:, -1].astype(np.float64)
            with np.errstate(over="ignore", invalid="ignore"):
                reached = (_scaled(distances[:, -1], -self._exponent) ** 2 - lengths**2) / 2  # the k-th's s, exactly
                surely = np.isfinite(worst) & (worst - self._rounding(lengths) > reached)  # float32 may overflow
            for doubtful in np.flatnonzero(~surely):
                distances[doubtful], found[doubtful] = self._among_all(wide[doubtful], k, plain)
        return distances, found

    def _centred(self, rows: npt.NDArray[Any]) -> Floats:
        """Rows (n, D) less the middle, in the unit in which the points lie between -1 and 1."""
        if any(v.dtype.kind in "iu" for v in (rows, self.middle)):
            return _scaled(gap(rows, self.middle), -self._exponent)
        return _scaled(rows, -self._exponent) - _scaled(self.middle, -self._exponent)

    def _choose(self, near: npt.NDArray[np.float32], scores: npt.NDArray[np.float32], candidates: Integers) -> None:
        parts = min(threads.count(), -(-len(near) // 16))
        scratch = np.empty((parts, min(_QUERIES, len(near)), min(_POINTS, len(self._near))), np.float32)
        if blas.AVAILABLE:
            with threads.single_blas_thread():
                _nearest(near, self._near, self._half, scratch, scores, candidates, parts)
            return
        for start in range(0, len(near), _QUERIES):
            rows = slice(start, start + _QUERIES)
            s = self._half - near[rows] @ self._near.T
            kept = np.argpartition(s, scores.shape[1] - 1, axis=1)[:, : scores.shape[1]]
            kept = np.take_along_axis(kept, np.argsort(np.take_along_axis(s, kept, 1), axis=1, kind="stable"), 1)
            candidates[rows], scores[rows] = kept, np.take_along_axis(s, kept, 1)

    def _rounding(self, lengths: Floats) -> Floats:
        """(Q,) how far a float32 s of any point may be from its exact value."""
        u, dimensions = 2.0**-24, self.points.shape[1] + 4
        gamma = dimensions * u / (1 - dimensions * u)
        # The product; both operands rounded to float32; |x|^2 / 2 rounded; the difference rounded.
        rounding: Floats = gamma * lengths * self._longest + 3 * u * (lengths * self._longest + self._longest**2)
        return rounding

    def _plainly(self, wide: npt.NDArray[Any], numbers: Integers) -> tuple[Floats, Integers]:
        """(distances, their order) from queries (Q, D) to the points of these numbers (Q, m), by sums of squares."""
        squared = np.empty(numbers.shape)
        points, own = (_contiguous(v) for v in (self.points, wide))
        whole = points.dtype.kind in "iu" and own.dtype.kind in "iu"
        one: Any = np.int64(1) if whole else np.float64(1)
        _distances(points, own, numbers, squared, one, min(threads.count(), len(own)))
        distances, order = np.sqrt(squared), np.argsort(squared, axis=1, kind="stable")
        if not whole:
            lost = [q for q in range(len(own)) if underflowed(squared[q], points, numbers[q], own[q])]
            distances[lost], order[lost] = self._by_keys(wide[lost], numbers[lost])
        return distances, order

    def _by_keys(self, wide: npt.NDArray[Any], numbers: Integers) -> tuple[Floats, Integers]:
        """The same, whatever the numbers' size."""
        distances, order = np.empty(numbers.shape), np.empty(numbers.shape, np.int64)
        for q, near_by in enumerate(numbers):
            found = keys(self.points[near_by], wide[q])
            distances[q], order[q] = distances_of(found), order_of(found)
        return distances, order

    def _among_all(self, query: npt.NDArray[Any], k: int, plain: bool) -> tuple[Floats, Integers]:
        """Distances and numbers of the k nearest of all points."""
        block = max(1, _EXACT_BLOCK // self.points.shape[1])
        parts = [self.points[s : s + block] for s in range(0, len(self.points), block)]
        if plain:
            squared = np.concatenate([_squared(part, query) for part in parts])
            order = np.argsort(squared, kind="stable")[:k]
            if not underflowed(squared[order], self.points, order, query):
                return np.sqrt(squared[order]), order
        found = np.concatenate([keys(part, query) for part in parts])
        order = order_of(found)[:k]
        return distances_of(found[order]), order


def _wide(points: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Integers of any size as they are; booleans as bytes; other floats as float64."""
    array = np.asarray(points)
    if array.dtype.kind == "b":
        return array.view(np.uint8)
    return array if array.dtype.kind in "iu" else array.astype(np.float64)


def _middle(points: npt.NDArray[Any], ends: tuple[Any, Any]) -> npt.NDArray[Any]:
    """(D,) the mean, or whole numbers near it where float64 does not hold the points."""
    with np.errstate(over="ignore", invalid="ignore"):
        mean = points.mean(axis=0, dtype=np.float64)
    if points.dtype.kind in "iu":
        low, high = ends
        if max(abs(low), abs(high)) > _WHOLE:
            return np.array([min(max(int(m), low), high) for m in mean], points.dtype)
        return np.asarray(mean)
    return np.asarray(mean if np.isfinite(mean).all() else (points / len(points)).sum(axis=0))


def _reach(points: npt.NDArray[Any], middle: npt.NDArray[Any]) -> int:
    """The exponent of the power of two that no coordinate is further from the middle than."""
    ends = [end(points, axis=0) for end in (np.max, np.min)]
    if any(v.dtype.kind in "iu" for v in (points, middle)):
        reach = max(float(np.abs(gap(end, middle)).max()) for end in ends)
        return int(np.frexp(reach)[1])
    reach = max(float(np.abs(end * 0.25 - middle * 0.25).max()) for end in ends)  # a quarter does not overflow
    return int(np.frexp(reach)[1]) + 2


def _scaled(values: npt.NDArray[Any], exponent: int) -> Floats:
    """values * 2^exponent, also where float64 does not hold the power."""
    return np.asarray(values * 2.0**exponent if abs(exponent) < 1000 else np.ldexp(values, exponent), np.float64)


def _contiguous(points: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Rows one after the other; uint64 as int64, which holds all whose squares fit."""
    return np.ascontiguousarray(points, np.int64 if points.dtype == np.uint64 else points.dtype)


def _squared(a: npt.NDArray[Any], b: npt.NDArray[Any]) -> Floats:
    """Squared distances over the last axis, of what `squares_fit`."""
    kind = np.int64 if a.dtype.kind in "iu" and b.dtype.kind in "iu" else np.float64
    difference = a.astype(kind) - b.astype(kind)
    return np.asarray(np.einsum("...d,...d->...", difference, difference), np.float64)


# ---- the kernel ------------------------------------------------------------------------------------------------------
# mypy: disable-error-code="no-untyped-def"


@inner
def _keep(s, number, scores, candidates):
    """Put a score into its place in a sorted row; equal ones stand in the order in which they came."""
    place = len(scores) - 1
    while place > 0 and scores[place - 1] > s:
        scores[place], candidates[place] = scores[place - 1], candidates[place - 1]
        place -= 1
    scores[place], candidates[place] = s, number


@shared
def _nearest(queries, points, half, scratch, scores, candidates, t, parts):
    """Share t of the queries: the smallest half[x] - q . x, sorted. `scratch` (parts, rows, columns) is each thread's
    block of products."""
    lo, hi = len(queries) * t // parts, len(queries) * (t + 1) // parts
    size, d = points.shape
    rows, columns = scratch.shape[1], scratch.shape[2]
    block = scratch[t]
    flat, q, x = block.ravel(), queries.ravel(), points.ravel()
    for first in range(lo, hi, rows):
        m = min(rows, hi - first)
        for start in range(0, size, columns):
            n = min(columns, size - start)
            blas.gemm(KEEP, TRANSPOSE, m, n, d, 1.0, q[first * d :], d, x[start * d :], d, 0.0, flat, columns)
            own = half[start:]
            for r in range(m):
                row, best, who = block[r], scores[first + r], candidates[first + r]
                worst = best[-1]
                for j in range(0, n, _CHUNK):
                    stop = min(j + _CHUNK, n)
                    better = 0
                    for c in range(j, stop):
                        better += own[c] - row[c] < worst
                    if better > 0:
                        for c in range(j, stop):
                            s = own[c] - row[c]
                            if s < worst:
                                _keep(s, start + c, best, who)
                                worst = best[-1]


@shared
def _distances(points, queries, numbers, out, one, t, parts):
    """Share t of the squared distances (Q, m) from each query to the points of these numbers, in the type of `one`."""
    lo, hi = len(queries) * t // parts, len(queries) * (t + 1) // parts
    for q in range(lo, hi):
        own = queries[q]
        for c in range(numbers.shape[1]):
            point = points[numbers[q, c]]
            total = one - one
            for d in range(len(own)):
                gap = one * point[d] - own[d]
                total += gap * gap
            out[q, c] = total
