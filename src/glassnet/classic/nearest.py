"""The k nearest of many points, exactly: float32 matrix products choose candidates, exact distances rank them.

With the points' mean taken off (and their size brought to 1), |q - x|^2 = |q|^2 - 2 (q . x - |x|^2 / 2), so the nearest
x are those with the smallest s = |x|^2 / 2 - q . x. A block of queries times a block of points is one matrix product
that stays in cache, and is searched there for what beats the worst candidate so far.

float32 rounds: each s is off by at most

    e = g_D |q| |x| + u |x|^2 / 2 + ...,    u = 2^-24, g_D = D u / (1 - D u)

(N. Higham, "Accuracy and stability of numerical algorithms", 2nd ed., SIAM 2002, section 3.5). More candidates are kept
than are asked for. Where the worst of them is not more than e behind the k-th (whose s is known exactly by then), some
other point might belong among the k: such a query is answered by exact distances to all points.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from glassnet import threads
from glassnet.nn.kernels import blas
from glassnet.nn.kernels.options import inner
from glassnet.nn.kernels.sharing import shared

__all__ = ["Index"]

_QUERIES, _POINTS = 512, 1024  # of a block
_SPARE = 7  # candidates kept beside the k that are asked for
_CHUNK = 64
_ROWS = 1024  # of points that are made ready at a time
_EXACT_BLOCK = 1 << 22  # numbers at a time in exact distances
_LARGEST_INTEGER = 1 << 24  # integers up to this differ and square within int64

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int64]


class Index:
    """Points (N, D) made ready to be searched.

    points: floats, or integers, which are never cut to a smaller type: distances of integers up to 2^24 are exact.
    """

    def __init__(self, points: npt.NDArray[Any]) -> None:
        self.points = _wide(points)
        self.middle = self.points.mean(axis=0, dtype=np.float64)
        reach = max(float(np.abs(end(self.points, axis=0) - self.middle).max()) for end in (np.max, np.min))
        self._scale = (
            2.0 ** -np.frexp(reach)[1]
        )  # brings them between -1 and 1, where float32 is safe, without rounding
        self._near = np.empty(self.points.shape, np.float32)
        squares = np.empty(len(self.points))
        for start in range(0, len(squares), _ROWS):
            centred = (self.points[start : start + _ROWS] - self.middle) * self._scale
            self._near[start : start + _ROWS] = centred
            squares[start : start + _ROWS] = np.einsum("nd,nd->n", centred, centred)
        self._half = (squares / 2).astype(np.float32)
        self._longest = float(np.sqrt(squares.max(initial=0.0)))

    def search(self, queries: npt.NDArray[Any], k: int) -> tuple[Floats, Integers]:
        """(squared distances (Q, k), numbers of the points (Q, k)), the nearest first, equal ones by their number."""
        wide = _wide(queries)
        most = min(k + _SPARE, len(self.points))
        if len(wide) == 0:
            return np.empty((0, k)), np.empty((0, k), np.int64)
        centred = (wide - self.middle) * self._scale
        with np.errstate(over="ignore"):  # a query far outside is answered from all points
            near = np.ascontiguousarray(centred, np.float32)
        scores = np.full((len(wide), most), np.inf, np.float32)
        candidates = np.zeros((len(wide), most), np.int64)
        self._choose(near, scores, candidates)
        numbers = np.sort(candidates, axis=1)  # equal distances by number, as the sort below is stable
        exact = np.empty(numbers.shape)
        if _squares_fit(self.points) and _squares_fit(wide):
            points, own = (_contiguous(v) for v in (self.points, wide))
            whole = points.dtype.kind in "iu" and own.dtype.kind in "iu"
            one: Any = np.int64(1) if whole else np.float64(1)
            _distances(points, own, numbers, exact, one, min(threads.count(), len(own)))
        else:
            for q, near_by in enumerate(numbers):
                exact[q] = _squared(self.points[near_by], wide[q])
        order = np.argsort(exact, axis=1, kind="stable")[:, :k]
        distances, found = np.take_along_axis(exact, order, 1), np.take_along_axis(numbers, order, 1)
        if most < len(self.points):
            lengths = np.sqrt(np.einsum("nd,nd->n", centred, centred))
            worst = scores[:, -1].astype(np.float64)
            reached = (distances[:, -1] * self._scale**2 - lengths**2) / 2  # the k-th's s, exactly
            surely = np.isfinite(worst) & (worst - self._rounding(lengths) > reached)  # float32 may overflow
            for doubtful in np.flatnonzero(~surely):
                distances[doubtful], found[doubtful] = self._exactly(wide[doubtful], k)
        return distances, found

    def _choose(self, near: npt.NDArray[np.float32], scores: npt.NDArray[np.float32], candidates: Integers) -> None:
        parts = min(threads.count(), -(-len(near) // 16))
        size = min(_QUERIES, -(-len(near) // parts))
        scratch = np.empty((parts, size, min(_POINTS, len(self._near))), np.float32)
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

    def _exactly(self, query: npt.NDArray[Any], k: int) -> tuple[Floats, Integers]:
        block = max(1, _EXACT_BLOCK // max(1, self.points.shape[1]))
        parts = [_squared(self.points[s : s + block], query) for s in range(0, len(self.points), block)]
        exact = np.concatenate(parts)
        order = np.argsort(exact, kind="stable")[:k]
        return exact[order], order


def _wide(points: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Integers of any size as they are; booleans as bytes; other floats as float64."""
    array = np.asarray(points)
    if array.dtype.kind == "b":
        return array.view(np.uint8)
    return array if array.dtype.kind in "iu" else array.astype(np.float64)


def _squares_fit(points: npt.NDArray[Any]) -> bool:
    """Whether differences and their squares are exact in int64, or are meant to be rounded as float64."""
    if points.dtype.kind not in "iu":
        return True
    return not points.size or max(abs(int(points.max())), abs(int(points.min()))) <= _LARGEST_INTEGER


def _contiguous(points: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Rows one after the other; uint64 as int64, which takes all that `_squares_fit`."""
    return np.ascontiguousarray(points, np.int64 if points.dtype == np.uint64 else points.dtype)


def _squared(a: npt.NDArray[Any], b: npt.NDArray[Any]) -> Floats:
    """Squared distances over the last axis: by integers where both are, and small enough, else by float64."""
    whole = a.dtype.kind in "iu" and b.dtype.kind in "iu"
    if whole and _squares_fit(a) and _squares_fit(b):
        difference = a.astype(np.int64) - b.astype(np.int64)
        return np.asarray(np.einsum("...d,...d->...", difference, difference), np.float64)
    gap = a.astype(np.float64) - b.astype(np.float64)
    return np.asarray(np.einsum("...d,...d->...", gap, gap), np.float64)


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
    flat = block.reshape(-1)
    q, x = queries.reshape(-1), points.reshape(-1)
    for first in range(lo, hi, rows):
        m = min(rows, hi - first)
        for start in range(0, size, columns):
            n = min(columns, size - start)
            blas.gemm(111, 112, m, n, d, 1.0, q[first * d :], d, x[start * d :], d, 0.0, flat, columns)
            own = half[start : start + n]
            for r in range(m):
                row, best, who = block[r], scores[first + r], candidates[first + r]
                worst = best[-1]
                j = 0
                while j < n:
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
                    j = stop


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
                gap = one * point[d] - one * own[d]
                total += gap * gap
            out[q, c] = total
