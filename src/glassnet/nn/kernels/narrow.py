"""Matrix products with few columns on the right, as in a last layer with ten classes, in tiles (`tiles`).

A general matrix product fills its vectors along the columns of the result; with ten columns most of them stay empty.
Here they lie along the long side d in both products: of the rows of x, and of the narrow operand, turned first.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from glassnet.nn.kernels.options import SERIAL, inner
from glassnet.nn.kernels.tiles import DOT_COLUMNS, DOT_ROWS, MOST_ROWS, VECTORS, dots, products
from glassnet.nn.kernels.vector import lanes_of

__all__ = ["WIDEST", "product", "transposed_product"]

WIDEST = 10  # columns up to which these kernels beat a general product

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


@inner
def _put(v, beta, w, k, j):
    w[k, j] = v if beta == 0 else beta * w[k, j] + v
