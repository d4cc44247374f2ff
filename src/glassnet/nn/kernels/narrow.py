"""Matrix products with few columns on the right, as in a last layer with ten classes.

A general matrix product fills its vector registers along the columns of the result; with ten columns most of them stay
empty. Here the narrow operand is turned first, (d, m) -> (m, d), so that every inner loop runs along the long side d.
Two rows by five columns (four by two in the transposed product) are worked on at once, as many as the registers hold:
each number that is loaded serves several products. Rows of zeros fill the last block.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from glassnet.nn.kernels.options import SERIAL

__all__ = ["WIDEST", "product", "transposed_product"]

WIDEST = 10  # columns up to which these kernels beat a general product
_BLOCK = 5

# mypy: disable-error-code="no-untyped-def"


@njit(**SERIAL)
def product(x, w, y):
    """y (n, m) = x (n, d) @ w (d, m)."""
    n, d = x.shape
    m = w.shape[1]
    padded = -(-m // _BLOCK) * _BLOCK
    turned = np.empty((padded, d), w.dtype)
    for c in range(m):
        for k in range(d):
            turned[c, k] = w[k, c]
    turned[m:] = 0
    zero = w.dtype.type(0)
    out = np.empty((2, padded), w.dtype)
    for i in range(0, n, 2):
        u, v = x[i], x[min(i + 1, n - 1)]
        for c in range(0, padded, _BLOCK):
            r0, r1, r2, r3, r4 = turned[c], turned[c + 1], turned[c + 2], turned[c + 3], turned[c + 4]
            a0 = a1 = a2 = a3 = a4 = b0 = b1 = b2 = b3 = b4 = zero
            for k in range(d):
                p, q = u[k], v[k]
                a0 += p * r0[k]
                a1 += p * r1[k]
                a2 += p * r2[k]
                a3 += p * r3[k]
                a4 += p * r4[k]
                b0 += q * r0[k]
                b1 += q * r1[k]
                b2 += q * r2[k]
                b3 += q * r3[k]
                b4 += q * r4[k]
            out[0, c], out[0, c + 1], out[0, c + 2], out[0, c + 3], out[0, c + 4] = a0, a1, a2, a3, a4
            out[1, c], out[1, c + 1], out[1, c + 2], out[1, c + 3], out[1, c + 4] = b0, b1, b2, b3, b4
        for j in range(m):
            y[i, j] = out[0, j]
        if i + 1 < n:
            for j in range(m):
                y[i + 1, j] = out[1, j]


@njit(**SERIAL)
def transposed_product(x, dy, alpha, beta, w):
    """w (d, m) = alpha * x.T (d, n) @ dy (n, m) + beta * w; beta = 0 ignores what w held."""
    n, d = x.shape
    m = dy.shape[1]
    padded = m + m % 2
    total = np.zeros((padded, d), w.dtype)
    g = np.zeros((4, padded), w.dtype)
    for i in range(0, n, 4):
        for r in range(4):
            for j in range(m):
                g[r, j] = dy[i + r, j] if i + r < n else w.dtype.type(0)
        x0, x1, x2, x3 = x[i], x[min(i + 1, n - 1)], x[min(i + 2, n - 1)], x[min(i + 3, n - 1)]
        for c in range(0, padded, 2):
            t, u = total[c], total[c + 1]
            a0, a1, a2, a3 = g[0, c], g[1, c], g[2, c], g[3, c]
            b0, b1, b2, b3 = g[0, c + 1], g[1, c + 1], g[2, c + 1], g[3, c + 1]
            for k in range(d):
                p0, p1, p2, p3 = x0[k], x1[k], x2[k], x3[k]
                t[k] += a0 * p0 + a1 * p1 + a2 * p2 + a3 * p3
                u[k] += b0 * p0 + b1 * p1 + b2 * p2 + b3 * p3
    if beta == 0:
        for k in range(d):
            for j in range(m):
                w[k, j] = alpha * total[j, k]
    else:
        for k in range(d):
            for j in range(m):
                w[k, j] = beta * w[k, j] + alpha * total[j, k]
