"""Matrix products with few columns on the right, as in a last layer with ten classes, in tiles (`tiles`).

A general matrix product fills its vectors along the columns of the result; with ten columns most of them stay empty.
Here they lie along the long side d in both products: of the rows of x, and of the narrow operand, turned first.

Where the columns fill one to four vectors, as in a hidden layer of 64 units, they are a tile's width as they lie, and
nothing needs to be packed or turned (`thin`).
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from glassnet.nn.kernels.options import SERIAL, inner, njit
from glassnet.nn.kernels.sharing import shared
from glassnet.nn.kernels.tiles import DOT_COLUMNS, DOT_ROWS, MOST_ROWS, ROWS, VECTORS, dots, listed, products
from glassnet.nn.kernels.vector import lanes, lanes_of

__all__ = ["WIDEST", "fits_thin", "places", "product", "thin", "transposed_product"]

WIDEST = 10  # columns up to which these kernels beat a general product
_LARGEST = 512 * 1024  # bytes of a narrow operand that is read again for every tile: they come from second-level cache

# mypy: disable-error-code="no-untyped-def"


@inner
def _steps(count, step):
    """The list of places 0, step, 2 step, ..., see `tiles.listed`."""
    places = np.zeros(count + MOST_ROWS, np.int64)
    for i in range(count):
        places[i] = i * step
    return places


@njit(**SERIAL)
def product(x, w, y):
    """y (n, m) = x (n, d) @ w (d, m)."""
    n, d = x.shape
    m = w.shape[1]
    padded = (m + DOT_COLUMNS - 1) // DOT_COLUMNS * DOT_COLUMNS
    turned = np.empty((padded, d), w.dtype)
    turned[m:] = 0
    for c in range(m):
        for k in range(d):
            turned[c, k] = w[k, c]
    z = np.empty((n + DOT_ROWS) * padded, w.dtype)
    rows, flat, narrow = _steps(n, d), x.reshape(-1), turned.reshape(-1)
    for i in range(0, n, DOT_ROWS):
        for c in range(0, padded, DOT_COLUMNS):
            dots(flat, rows, i, narrow, c * d, d, z, i * padded + c, padded)
    for i in range(n):
        for j in range(m):
            y[i, j] = z[i * padded + j]


@shared
def product_shared(x, w, y, t, parts):
    """`product`, with the rows shared among threads."""
    lo, hi = x.shape[0] * t // parts, x.shape[0] * (t + 1) // parts
    product(x[lo:hi], w, y[lo:hi])


@njit(**SERIAL)
def transposed_product(x, dy, alpha, beta, w):
    """w (d, m) = alpha * x.T (d, n) @ dy (n, m) + beta * w; beta = 0 ignores what w held."""
    n, d = x.shape
    m = dy.shape[1]
    lane = lanes_of(w)
    tile = VECTORS * lane
    flat, narrow = x.reshape(-1), dy.reshape(-1)
    columns, examples = _steps(m, np.int64(1)), _steps(n, m)
    total = np.empty((m + MOST_ROWS) * tile, w.dtype)
    k = np.int64(0)
    while k < d:
        vectors = min(VECTORS, (d - k) // lane)
        if vectors == 0:
            break
        products(narrow, columns, m, examples, flat, k, d, total, np.int64(0), tile, vectors, False)
        for j in range(m):
            for i in range(vectors * lane):
                _put(alpha * total[j * tile + i], beta, w, k + i, j)
        k += vectors * lane
    while k < d:
        for j in range(m):
            s = w.dtype.type(0)
            for i in range(n):
                s += x[i, k] * dy[i, j]
            _put(alpha * s, beta, w, k, j)
        k += 1


# ---- columns that fill vectors


def fits_thin(k: int, m: int, itemsize: int) -> bool:
    """Whether an operand (k, m) is a tile's width as it lies."""
    lane = lanes(itemsize)
    return m % lane == 0 and m <= VECTORS * lane and k * m * itemsize <= _LARGEST


@functools.lru_cache(256)
def places(count: int, step: int) -> Any:
    """The list of places 0, step, 2 step, ..., see `tiles.listed`."""
    return listed(range(0, count * step, step))


@shared
def thin(x, starts, offsets, w, y, add, t, parts):
    """y[i, :] = sum_k x[starts[i] + offsets[k]] w[k, :], or with `add` more by it; `fits_thin`.

    x: flat; starts, offsets: see `places`; w (k, m), y (n, m). Rows are shared among threads.
    """
    n, m = y.shape
    vectors = m // lanes_of(y)
    lo, hi = n * t // parts, n * (t + 1) // parts
    whole = lo + (hi - lo) // ROWS[vectors - 1] * ROWS[vectors - 1]
    none, narrow = np.int64(0), w.reshape(-1)
    products(x, starts[lo:], whole - lo, offsets, narrow, none, m, y.reshape(-1), lo * m, m, vectors, add)
    if whole < hi:  # a last tile may hang over
        z = np.zeros((MOST_ROWS, m), y.dtype)
        z[: hi - whole] = y[whole:hi]
        products(x, starts[whole:], hi - whole, offsets, narrow, none, m, z.reshape(-1), none, m, vectors, add)
        y[whole:hi] = z[: hi - whole]


@inner
def _put(v, beta, w, k, j):
    w[k, j] = v if beta == 0 else beta * w[k, j] + v
