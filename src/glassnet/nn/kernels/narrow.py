"""Matrix products with few columns on the right, as in a last layer with ten classes.

A general matrix product fills its vector registers along the columns of the result; with ten columns most of them stay
empty. Here the narrow operand is turned first, (d, m) -> (m, d), padded with zero rows to a multiple of five, so that
every inner loop runs along the long side d. Two or four rows by five columns are worked on at once: each number that
is loaded serves several products.
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
    padded = -(-m // _BLOCK) * _BLOCK
    total = np.zeros((padded, d), w.dtype)
    g = np.zeros((4, padded), w.dtype)
    for i in range(0, n, 4):
        for r in range(4):
            for j in range(m):
                g[r, j] = dy[i + r, j] if i + r < n else w.dtype.type(0)
        x0, x1, x2, x3 = x[i], x[min(i + 1, n - 1)], x[min(i + 2, n - 1)], x[min(i + 3, n - 1)]
        for c in range(0, padded, _BLOCK):
            t0, t1, t2, t3, t4 = total[c], total[c + 1], total[c + 2], total[c + 3], total[c + 4]
            g00, g01, g02, g03, g04 = g[0, c], g[0, c + 1], g[0, c + 2], g[0, c + 3], g[0, c + 4]
            g10, g11, g12, g13, g14 = g[1, c], g[1, c + 1], g[1, c + 2], g[1, c + 3], g[1, c + 4]
            g20, g21, g22, g23, g24 = g[2, c], g[2, c + 1], g[2, c + 2], g[2, c + 3], g[2, c + 4]
            g30, g31, g32, g33, g34 = g[3, c], g[3, c + 1], g[3, c + 2], g[3, c + 3], g[3, c + 4]
            for k in range(d):
                p, q, r_, s = x0[k], x1[k], x2[k], x3[k]
                t0[k] += g00 * p + g10 * q + g20 * r_ + g30 * s
                t1[k] += g01 * p + g11 * q + g21 * r_ + g31 * s
                t2[k] += g02 * p + g12 * q + g22 * r_ + g32 * s
                t3[k] += g03 * p + g13 * q + g23 * r_ + g33 * s
                t4[k] += g04 * p + g14 * q + g24 * r_ + g34 * s
    if beta == 0:
        for k in range(d):
            for j in range(m):
                w[k, j] = alpha * total[j, k]
    else:
        for k in range(d):
            for j in range(m):
                w[k, j] = beta * w[k, j] + alpha * total[j, k]
