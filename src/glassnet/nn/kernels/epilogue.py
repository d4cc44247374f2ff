"""What happens to a block of convolution results while it is still in cache, and the same backwards.

A block holds whole output rows of one image as they come out of the matrix product, z (rows * width, f). `finish` adds
the bias (and before it, in use, the scale of a batch normalisation), applies the ReLU and takes the maximum of every 2
x 2 window: of the convolution's results, the largest array of a convnet, only a quarter and one byte for each of that
quarter ever reach memory. The byte says where the maximum came from, row by row (0, 1 above, 2, 3 below; of equal
values the first), or `DEAD` where the ReLU cut it off.

The bias is the same for all four values of a window and the ReLU never falls, so both come after the maximum. A scale
may be negative: where there is one, it and the bias come before.
Comparisons are written so that a NaN wins against every number.
"""

from __future__ import annotations

import numpy as np

from glassnet.nn.kernels.options import inner
from glassnet.nn.kernels.rectify import bounds, clamped, passes
from glassnet.nn.kernels.sharing import shared

# mypy: disable-error-code="no-untyped-def"

DEAD = 4  # index of a window whose maximum the ReLU turned into 0

_I0, _I1, _I2, _I3, _I4 = (np.uint8(i) for i in (0, 1, 2, 3, DEAD))


@inner
def finish(z, width, a, b, relu, pool, y, index):
    """y = epilogue of z (r * width, f): a z + b and the rest; a and b (f,), either empty for none.

    y is (r, width, f), or with `pool` (r // 2, width // 2, f) together with index, uint8 of the same shape. A z whose
    rows lie further apart than y is wide (`width` is their distance) is allowed. Where a is given, so is b, and a pool
    overwrites z.
    """
    if pool:
        _pool(z, width, a, b, relu, y, index)
    else:
        _copy(z, width, a, b, relu, y)


@inner
def finish_in_place(z, a, b, relu):
    """z (m, f) = its epilogue without pooling."""
    low, high = bounds(relu, z)
    if a.size:
        for i in range(z.shape[0]):
            row = z[i]
            for j in range(row.size):
                row[j] = clamped(row[j] * a[j] + b[j], low, high)
    elif b.size:
        for i in range(z.shape[0]):
            row = z[i]
            for j in range(row.size):
                row[j] = clamped(row[j] + b[j], low, high)
    elif relu > 0:
        flat = z.reshape(-1)
        for j in range(flat.size):
            flat[j] = clamped(flat[j], low, high)


@inner
def _copy(z, width, a, b, relu, y):
    low, high = bounds(relu, z)
    for h in range(y.shape[0]):
        for w in range(y.shape[1]):
            row, out = z[h * width + w], y[h, w]
            if a.size:
                for j in range(out.size):
                    out[j] = clamped(row[j] * a[j] + b[j], low, high)
            elif b.size:
                for j in range(out.size):
                    out[j] = clamped(row[j] + b[j], low, high)
            else:
                for j in range(out.size):
                    out[j] = clamped(row[j], low, high)


@inner
def _pool(z, width, a, b, relu, y, index):
    low, high = bounds(relu, z)
    bias = b if b.size and not a.size else np.zeros(z.shape[1], z.dtype)
    for h in range(y.shape[0]):
        for w in range(y.shape[1]):
            above = 2 * h * width + 2 * w
            below = above + width
            z0, z1, z2, z3 = z[above], z[above + 1], z[below], z[below + 1]
            out, winner = y[h, w], index[h, w]
            if a.size:
                for row in (z0, z1, z2, z3):
                    for j in range(row.size):
                        row[j] = row[j] * a[j] + b[j]
            for j in range(out.size):
                top, k = z0[j], _I0
                v = z1[j]
                better = (v > top) | (v != v)
                top, k = (v if better else top), (_I1 if better else k)
                v = z2[j]
                better = (v > top) | (v != v)
                top, k = (v if better else top), (_I2 if better else k)
                v = z3[j]
                better = (v > top) | (v != v)
                top, k = (v if better else top), (_I3 if better else k)
                top += bias[j]
                out[j] = clamped(top, low, high)
                winner[j] = _I4 if (top <= low) | (top >= high) else k


@inner
def start(dy, y, index, columns, width, relu, pool, z, db):
    """The reverse of `finish`: z = gradient of the raw results; db (f,) += that of the bias.

    dy, y and index are as in `finish`; y is read only with `relu` and without `pool`. z (r * width, f) holds rows of
    `columns` results, `width` apart. Rows and columns that an odd size left out of the pooling get 0.
    """
    if pool:
        _unpool(dy, index, columns, width, z, db)
    else:
        _masked(dy, y, width, relu, z, db)


@inner
def _masked(dy, y, width, relu, z, db):
    zero = z.dtype.type(0)
    low, high = bounds(relu, z)
    for h in range(dy.shape[0]):
        for w in range(dy.shape[1]):
            g, out = dy[h, w], z[h * width + w]
            if relu > 0:
                kept = y[h, w]
                for j in range(g.size):
                    v = g[j] if passes(kept[j], low, high) else zero
                    out[j] = v
                    db[j] += v
            else:
                for j in range(g.size):
                    out[j] = g[j]
                    db[j] += g[j]


@inner
def _where(g, winner, which, z):
    zero = z.dtype.type(0)
    for j in range(g.size):
        z[j] = g[j] if winner[j] == which else zero


@inner
def _unpool(dy, index, columns, width, z, db):
    zero = z.dtype.type(0)
    rows = dy.shape[0]
    for h in range(rows):
        for w in range(dy.shape[1]):
            above = 2 * h * width + 2 * w
            below = above + width
            g, winner = dy[h, w], index[h, w]
            # One loop for each: before a vector loop come checks that no two of its arrays overlap, for every pair.
            _where(g, winner, _I0, z[above])
            _where(g, winner, _I1, z[above + 1])
            _where(g, winner, _I2, z[below])
            _where(g, winner, _I3, z[below + 1])
            for j in range(g.size):
                db[j] += zero if winner[j] == _I4 else g[j]
        for i in range(2 * dy.shape[1], columns):
            z[2 * h * width + i] = zero
            z[(2 * h + 1) * width + i] = zero
    for i in range(2 * rows * width, z.shape[0]):
        z[i] = zero


# ---- whole arrays, for the methods that do not work in blocks ------------------------------------------------------


@shared
def finish_images(z, a, b, relu, pool, y, index, t, parts):
    """`finish` for z (n, oh, ow, f), images shared among threads."""
    n, oh, ow, f = z.shape
    for i in range(n * t // parts, n * (t + 1) // parts):
        finish(z[i].reshape(oh * ow, f), ow, a, b, relu, pool, y[i], index[i])


@shared
def start_images(dy, y, index, relu, pool, z, db, t, parts):
    """`start` for z (n, oh, ow, f); db (parts, f) is written, one row per thread."""
    n, oh, ow, f = z.shape
    db[t] = 0
    for i in range(n * t // parts, n * (t + 1) // parts):
        start(dy[i], y[i], index[i], ow, ow, relu, pool, z[i].reshape(oh * ow, f), db[t])
