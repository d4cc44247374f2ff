"""What happens to a block of convolution results while it is still in cache, and the same backwards.

A block holds whole output rows of one image as they come out of the matrix product, z (rows * width, f). `finish` adds
the bias (and before it, in use, the scale of a batch normalisation), applies the ReLU and takes the maximum of every 2
x 2 window: of the convolution's results, the largest array of a convnet, only a quarter and one byte for each of that
quarter ever reach memory. The byte says where the maximum came from, row by row (0, 1 above, 2, 3 below; of equal
values the first), or `DEAD` where the ReLU cut it off.

The bias is the same for all four values of a window and the ReLU never falls, so both come after the maximum. A scale
may be negative: where there is one, it and the bias come before.
Comparisons are written so that a NaN wins against every number.

With fewer channels than a vector has lanes the loops go through single numbers. With more, vectors: the last one of a
pixel ends with its last channel and may do again what the one before it did, or single numbers are left for the end.
"""

from __future__ import annotations

import numpy as np

from glassnet.nn.kernels.options import inner
from glassnet.nn.kernels.rectify import bounds, clamped, passes
from glassnet.nn.kernels.sharing import shared
from glassnet.nn.kernels.vector import (
    everywhere,
    lanes_of,
    load,
    multiply_add,
    store,
    store_bytes,
    where_byte,
    where_inside,
    where_larger,
    where_outside,
    within,
    zeros,
)

# mypy: disable-error-code="no-untyped-def"

DEAD = 4  # index of a window whose maximum the ReLU turned into 0

_I0, _I1, _I2, _I3, _I4 = (np.uint8(i) for i in (0, 1, 2, 3, DEAD))


@inner
def finish(z, width, a, b, relu, pool, y, index):
    """y = epilogue of z (r * width, f): a z + b and the rest; a and b (f,), either empty for none.

    y is (r, width, f), or with `pool` (r // 2, width // 2, f) together with index, uint8 of the same shape. A z whose
    rows lie further apart than y is wide (`width` is their distance) is allowed, and so is one with more channels than
    y, which are left out. Where a is given, so is b.
    """
    flat, deep, there, wide = z.reshape(-1), z.shape[1], y.reshape(-1), y.shape[2] >= lanes_of(z)
    if pool and wide:
        _pool_vectors(flat, width, deep, a, b, relu, y.shape, there, index.reshape(-1))
    elif pool:
        _pool(flat, width, deep, a, b, relu, y.shape, there, index.reshape(-1))
    elif wide:
        _copy_vectors(flat, width, deep, a, b, relu, y.shape, there)
    else:
        _copy(flat, width, deep, a, b, relu, y.shape, there)


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
def _copy(z, width, deep, a, b, relu, shape, y):
    """z (rows * width * deep) and y of `shape`, flat."""
    low, high = bounds(relu, z)
    rows, columns, f = shape
    for to in range(rows * columns * f):
        j, p = to % f, to // f
        v = z[(p // columns * width + p % columns) * deep + j]
        y[to] = clamped(_scaled(v, a, b, j), low, high)


@inner
def _scaled(v, a, b, j):
    if a.size:
        return v * a[j] + b[j]
    return v + b[j] if b.size else v


@inner
def _better(v, number, top, k):
    """(the maximum so far, where it is), after a look at v, which is at `number`."""
    return (v, number) if (v > top) | (v != v) else (top, k)


@inner
def _pool(z, width, deep, a, b, relu, shape, y, index):
    """`_copy` of the maxima of 2 x 2 windows; index is flat and of `shape` too."""
    low, high = bounds(relu, z)
    rows, columns, f = shape
    down = width * deep
    for to in range(rows * columns * f):
        j, window = to % f, to // f
        p = 2 * (window // columns * down + window % columns * deep) + j
        top, k = _scaled(z[p], a, b, j), _I0
        top, k = _better(_scaled(z[p + deep], a, b, j), _I1, top, k)
        top, k = _better(_scaled(z[p + down], a, b, j), _I2, top, k)
        top, k = _better(_scaled(z[p + down + deep], a, b, j), _I3, top, k)
        y[to] = clamped(top, low, high)
        index[to] = _I4 if (top <= low) | (top >= high) else k


@inner
def _bounds(relu, z):
    low, high = bounds(relu, z)
    return everywhere(low, zeros(z)), everywhere(high, zeros(z))


@inner
def _copy_vectors(z, width, deep, a, b, relu, shape, y):
    """`_copy` for at least as many channels as a vector has lanes."""
    low, high = _bounds(relu, z)
    rows, columns, f = shape
    lane, to = lanes_of(z), np.int64(0)
    for h in range(rows):
        at = h * width * deep
        for _ in range(columns):
            k = np.int64(0)
            while k < f:
                k = min(k, f - lane)
                v = load(z, at + k)
                if a.size:
                    v = multiply_add(v, load(a, k), load(b, k))
                elif b.size:
                    v = v + load(b, k)
                store(y, to + k, within(v, low, high))
                k += lane
            at += deep
            to += f


@inner
def _pool_vectors(z, width, deep, a, b, relu, shape, y, index):
    """`_pool` likewise."""
    low, high = _bounds(relu, z)
    rows, columns, f = shape
    lane, to, down = lanes_of(z), np.int64(0), width * deep
    number, zero = z.dtype.type, zeros(z)
    one, two, three = everywhere(number(1), zero), everywhere(number(2), zero), everywhere(number(3), zero)
    dead = everywhere(number(DEAD), zero)
    for h in range(rows):
        at = 2 * h * down
        for _ in range(columns):
            k = np.int64(0)
            while k < f:
                k = min(k, f - lane)
                p = at + k
                top, v, u, s = load(z, p), load(z, p + deep), load(z, p + down), load(z, p + down + deep)
                if a.size:
                    scale, bias = load(a, k), load(b, k)
                    top, v = multiply_add(top, scale, bias), multiply_add(v, scale, bias)
                    u, s = multiply_add(u, scale, bias), multiply_add(s, scale, bias)
                winner = where_larger(v, top, one, zero)
                top = where_larger(v, top, v, top)
                winner = where_larger(u, top, two, winner)
                top = where_larger(u, top, u, top)
                winner = where_larger(s, top, three, winner)
                top = where_larger(s, top, s, top)
                if b.size and not a.size:
                    top = top + load(b, k)
                winner = where_outside(top, low, high, dead, winner)
                store(y, to + k, within(top, low, high))
                store_bytes(index, to + k, winner)
                k += lane
            at += 2 * deep
            to += f


@inner
def start(dy, y, index, columns, width, relu, pool, z, db):
    """The reverse of `finish`: z = gradient of the raw results; db (f,) += that of the bias.

    dy, y and index are as in `finish`; y is read only with `relu` and without `pool`. z (r * width, f) holds rows of
    `columns` results, `width` apart. Rows and columns that an odd size left out of the pooling get 0.
    """
    flat, deep, there, wide = z.reshape(-1), z.shape[1], dy.reshape(-1), dy.shape[2] >= lanes_of(z)
    if pool and wide:
        _unpool_vectors(there, index.reshape(-1), dy.shape, columns, width, deep, flat, db)
    elif pool:
        _unpool(there, index.reshape(-1), dy.shape, columns, width, deep, flat, db)
    elif wide:
        _masked_vectors(there, y.reshape(-1), dy.shape, width, deep, relu, flat, db)
    else:
        _masked(there, y.reshape(-1), dy.shape, width, deep, relu, flat, db)


@inner
def _masked(dy, y, shape, width, deep, relu, z, db):
    """dy and y of `shape` and z (rows * width * deep), flat."""
    low, high = bounds(relu, z)
    rows, columns, f = shape
    for at in range(rows * columns * f):
        j, p = at % f, at // f
        v = dy[at] if relu <= 0 or passes(y[at], low, high) else z.dtype.type(0)
        z[(p // columns * width + p % columns) * deep + j] = v
        db[j] += v


@inner
def _masked_vectors(dy, y, shape, width, deep, relu, z, db):
    """`_masked` for at least as many channels as a vector has lanes."""
    low, high = _bounds(relu, z)
    zero, edges = z.dtype.type(0), bounds(relu, z)
    rows, columns, f = shape
    lane, at, none = lanes_of(z), np.int64(0), zeros(z)
    for h in range(rows):
        to = h * width * deep
        for _ in range(columns):
            k = np.int64(0)
            while k + lane <= f:
                v = load(dy, at + k)
                if relu > 0:
                    v = where_inside(load(y, at + k), low, high, v, none)
                store(z, to + k, v)
                store(db, k, load(db, k) + v)
                k += lane
            while k < f:
                v = dy[at + k] if relu <= 0 or passes(y[at + k], edges[0], edges[1]) else zero
                z[to + k] = v
                db[k] += v
                k += 1
            at += f
            to += deep


@inner
def _unpool(dy, index, shape, columns, width, deep, z, db):
    """`_masked` for maxima of 2 x 2 windows in rows of `columns` pixels; index is flat and of `shape` too."""
    rows, across, f = shape
    down = width * deep
    for at in range(rows * across * f):
        j, window = at % f, at // f
        p = 2 * (window // across * down + window % across * deep) + j
        _unpool_one(dy[at], index[at], z, p, deep, down, j, db)
    _clear_rest(rows, across, columns, down, deep, z)


@inner
def _unpool_one(g, winner, z, p, right, down, k, db):
    zero = z.dtype.type(0)
    z[p] = g if winner == _I0 else zero
    z[p + right] = g if winner == _I1 else zero
    z[p + down] = g if winner == _I2 else zero
    z[p + down + right] = g if winner == _I3 else zero
    db[k] += zero if winner == _I4 else g


@inner
def _unpool_vectors(dy, index, shape, columns, width, deep, z, db):
    """`_unpool` likewise."""
    rows, across, f = shape
    lane, at, down, zero = lanes_of(z), np.int64(0), width * deep, zeros(z)
    for h in range(rows):
        to = 2 * h * down
        for _ in range(across):
            k = np.int64(0)
            while k + lane <= f:
                g, p, i = load(dy, at + k), to + k, at + k
                store(z, p, where_byte(index, i, 0, g, zero))
                store(z, p + deep, where_byte(index, i, 1, g, zero))
                store(z, p + down, where_byte(index, i, 2, g, zero))
                store(z, p + down + deep, where_byte(index, i, 3, g, zero))
                store(db, k, load(db, k) + where_byte(index, i, DEAD, zero, g))
                k += lane
            while k < f:
                _unpool_one(dy[at + k], index[at + k], z, to + k, deep, down, k, db)
                k += 1
            at += f
            to += 2 * deep
    _clear_rest(rows, across, columns, down, deep, z)


@inner
def _clear_rest(rows, across, columns, down, deep, z):
    """0 where a pool of (rows, across) windows left something out of rows of `columns` pixels, `down` numbers apart."""
    for h in range(2 * rows):
        z[h * down + 2 * across * deep : h * down + columns * deep] = 0
    z[2 * rows * down :] = 0


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
