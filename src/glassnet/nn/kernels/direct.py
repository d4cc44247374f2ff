"""Direct convolution for few input channels, with sums that stay in registers.

With one or three channels (a first layer) making an expansion costs about as much as the product that it is made for.
Here nothing is expanded: for 3 output pixels and 4 vectors of output channels, 12 sums are kept in registers while all
kh kw c weights go by; each step loads 4 vectors of weights and 3 pixels, and does 12 multiply-adds with them.

    z[p, :]  = sum_k x[p + o(k)] W[k, :]      o(k): where weight k lies from the window's corner
    dW[k, :] = sum_p x[p + o(k)] dz[p, :]     3 weights and 4 vectors, while all pixels of the block go by
    dE[p, :] = sum_f dz[p, f] W^T[f, :]       the first form once more; dE is then added to the pixels under the window

Channels are filled up to whole tiles with zeros, and weights are packed in the order in which they are read.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from glassnet.nn.kernels.epilogue import finish, start
from glassnet.nn.kernels.expansion import Geometry
from glassnet.nn.kernels.options import inner
from glassnet.nn.kernels.sharing import shared
from glassnet.nn.kernels.vector import load, multiply_add, spread, store, zeros

# mypy: disable-error-code="no-untyped-def"

END = -1
VECTORS, PIXELS = 4, 3  # in a tile of sums; the loops below are written out for them


@inner
def _up(n, step):
    """n rounded up to a multiple of step."""
    return (n + step - 1) // step * step


@inner
def _sums(x, p, q, r, offsets, w, at, lane, vectors, z, a, b, c):
    """z[a ...], z[b ...], z[c ...] = the sums of 3 pixels whose windows begin at x[p], x[q] and x[r].

    offsets: where each number of a window lies from its begin, then END; w[at ...] holds a tile's width of weights for
    each. The loop ends where END is read: one whose length is known is unrolled, and that takes registers away.
    """
    p0 = p1 = p2 = p3 = q0 = q1 = q2 = q3 = r0 = r1 = r2 = r3 = zeros(z)
    k = 0
    while True:
        i = offsets[k]
        if i == END:
            break
        u, v, s = spread(x, p + i), spread(x, q + i), spread(x, r + i)
        t = load(w, at)
        p0, q0, r0 = multiply_add(u, t, p0), multiply_add(v, t, q0), multiply_add(s, t, r0)
        if vectors > 1:
            t = load(w, at + lane)
            p1, q1, r1 = multiply_add(u, t, p1), multiply_add(v, t, q1), multiply_add(s, t, r1)
        if vectors > 2:
            t = load(w, at + 2 * lane)
            p2, q2, r2 = multiply_add(u, t, p2), multiply_add(v, t, q2), multiply_add(s, t, r2)
        if vectors > 3:
            t = load(w, at + 3 * lane)
            p3, q3, r3 = multiply_add(u, t, p3), multiply_add(v, t, q3), multiply_add(s, t, r3)
        at += 4 * lane
        k += 1
    _store(z, a, lane, vectors, p0, p1, p2, p3)
    _store(z, b, lane, vectors, q0, q1, q2, q3)
    _store(z, c, lane, vectors, r0, r1, r2, r3)


@inner
def _store(z, at, lane, vectors, v0, v1, v2, v3):
    store(z, at, v0)
    if vectors > 1:
        store(z, at + lane, v1)
    if vectors > 2:
        store(z, at + 2 * lane, v2)
    if vectors > 3:
        store(z, at + 3 * lane, v3)


@inner
def _weight_sums(x, a, b, c, rows, columns, down, right, z, at, wide, lane, vectors, dw, to):
    """dw[to ...] += the sums over all pixels of x times z, for 3 weights that see x[a ...], x[b ...], x[c ...].

    The pixels' windows lie `right` apart in a row, rows `down` apart; z[at ...] steps on by `wide`.
    """
    a0, a1, a2, a3 = load(dw, to), load(dw, to + lane), load(dw, to + 2 * lane), load(dw, to + 3 * lane)
    to1, to2 = to + 4 * lane, to + 8 * lane
    b0, b1, b2, b3 = load(dw, to1), load(dw, to1 + lane), load(dw, to1 + 2 * lane), load(dw, to1 + 3 * lane)
    c0, c1, c2, c3 = load(dw, to2), load(dw, to2 + lane), load(dw, to2 + 2 * lane), load(dw, to2 + 3 * lane)
    for r in range(rows):
        i = r * down
        for _ in range(columns):
            u, v, s = spread(x, a + i), spread(x, b + i), spread(x, c + i)
            t = load(z, at)
            a0, b0, c0 = multiply_add(u, t, a0), multiply_add(v, t, b0), multiply_add(s, t, c0)
            if vectors > 1:
                t = load(z, at + lane)
                a1, b1, c1 = multiply_add(u, t, a1), multiply_add(v, t, b1), multiply_add(s, t, c1)
            if vectors > 2:
                t = load(z, at + 2 * lane)
                a2, b2, c2 = multiply_add(u, t, a2), multiply_add(v, t, b2), multiply_add(s, t, c2)
            if vectors > 3:
                t = load(z, at + 3 * lane)
                a3, b3, c3 = multiply_add(u, t, a3), multiply_add(v, t, b3), multiply_add(s, t, c3)
            i += right
            at += wide
    _store(dw, to, lane, vectors, a0, a1, a2, a3)
    _store(dw, to1, lane, vectors, b0, b1, b2, b3)
    _store(dw, to2, lane, vectors, c0, c1, c2, c3)


@inner
def _pack(w, rows, columns, by_row, by_column, tile, packed):
    """packed (tiles, rows, tile) = the matrix w[row * by_row + column * by_column], its columns cut into tiles."""
    for t in range(_up(columns, tile) // tile):
        for k in range(rows):
            for i in range(tile):
                j = t * tile + i
                packed[(t * rows + k) * tile + i] = w[k * by_row + j * by_column] if j < columns else 0


@inner
def _row_span(g):
    """Numbers in an input row as a block sees it, and (begin, end) of those that are the image's, not its margin's."""
    if not g.padded:
        return g.w * g.c, 0, g.w * g.c
    row = ((g.ow - 1) * g.sw + g.kw) * g.c
    lo = min(g.left * g.c, row)
    return row, lo, max(lo, min(row, lo + g.w * g.c))


@inner
def _rows_seen(x, n, r0, r1, g, room):
    """(input rows of the block, width, c), flat: the image itself or, where there is a margin, a copy with zeros."""
    row, lo, hi = _row_span(g)
    if not g.padded:
        return x[(n * g.h + r0 * g.sh) * row :]
    seen = room
    for q in range((r1 - r0 - 1) * g.sh + g.kh):
        i = r0 * g.sh + q - g.top
        there = seen[q * row : (q + 1) * row]
        if 0 <= i < g.h:
            begin = (n * g.h + i) * g.w * g.c
            here, inner = x[begin : begin + hi - lo], there[lo:hi]
            there[:lo] = 0
            for j in range(hi - lo):
                inner[j] = here[j]
            there[hi:] = 0
        else:
            there[:] = 0
    return seen


@inner
def _add_rows(seen, n, r0, r1, g, dx):
    """The reverse of `_rows_seen`: adds to the image's rows in dx."""
    row, lo, hi = _row_span(g)
    for q in range((r1 - r0 - 1) * g.sh + g.kh):
        i = r0 * g.sh + q - g.top
        if 0 <= i < g.h:
            begin = (n * g.h + i) * g.w * g.c
            there, here = dx[begin : begin + hi - lo], seen[q * row + lo : q * row + hi]
            for j in range(hi - lo):
                there[j] += here[j]


@inner
def _next(p, j, columns, right, back):
    """Where the window of the next pixel begins, and its column."""
    return (p + right, j + 1) if j + 1 < columns else (p + right + back, 0)


@inner
def _multiply(x, rows, columns, down, right, offsets, w, wide, lane, z):
    """z (rows columns, wide) = sums over every window of x, `right` apart in a row, rows `down` apart."""
    depth, tile, count = offsets.size - 1, 4 * lane, rows * columns
    back = down - columns * right
    for begin in range(0, wide, tile):
        vectors = min(4, (wide - begin) // lane)
        p = j = np.int64(0)  # for a plain 0 Numba would compile what is called with it once more
        for i in range(0, count, 3):
            q, k = _next(p, j, columns, right, back)
            r, k = _next(q, k, columns, right, back)
            after, j = _next(r, k, columns, right, back)
            i1, i2 = i + 1, i + 2
            if i1 >= count:  # at the end the last pixel once or twice more
                i1, q = i, p
            if i2 >= count:
                i2, r = i1, q
            z0, z1, z2 = i * wide + begin, i1 * wide + begin, i2 * wide + begin
            _sums(x, p, q, r, offsets, w, begin * depth, lane, vectors, z, z0, z1, z2)
            p = after


@shared
def forward(x, w, a, b, g, offsets, lane, relu, pool, y, index, scratch, t, parts):
    """y = epilogue of the convolution of x with w; blocks of rows shared among threads.

    x, w: flat arrays; a, b (f,) or empty; y, index (n, rows, columns, f); scratch (parts, `room`).
    """
    n = y.shape[0]
    half = 2 if pool else 1
    depth, wide, tile = offsets.size - 1, _up(g.f, lane), 4 * lane
    row = _row_span(g)[0]
    packed, margin, z, _ = _split(scratch[t], g, offsets, lane)
    _pack(w, depth, g.f, g.f, np.int64(1), tile, packed)
    for task in range(n * g.blocks * t // parts, n * g.blocks * (t + 1) // parts):
        i, r0 = task // g.blocks, task % g.blocks * g.rows
        r1 = min(r0 + g.rows, g.oh)
        m, begin, end = (r1 - r0) * g.ow, r0 // half, r1 // half
        seen = _rows_seen(x, i, r0, r1, g, margin)
        _multiply(seen, r1 - r0, g.ow, g.sh * row, g.sw * g.c, offsets, packed, wide, lane, z)
        z2 = z[: m * wide].reshape(m, wide)
        finish(z2, g.ow, a, b, relu, pool, y[i, begin:end], index[i, begin:end])


@shared
def backward(
    dy, y, index, x, w, g, offsets, inner, lane, relu, pool, weight_gradient, input_gradient, dx, dw, db, scratch, t,
    parts,
):  # fmt: skip
    """dw (parts, kh kw c f) where `weight_gradient`, a share for each thread, db (parts, f), dx where `input_gradient`.

    dy, y, index (n, rows, columns, f); x, w flat; inner: see `inner_offsets`; scratch (parts, `room`). Images are
    shared in ranges.
    """
    n = dy.shape[0]
    half = 2 if pool else 1
    depth, wide, tile = offsets.size - 1, _up(g.f, lane), 4 * lane
    total, margin, z, rest = _split(scratch[t], g, offsets, lane)
    total[:] = 0
    z[:] = 0
    db[t] = 0
    turned, e = rest[: _up(depth, tile) * g.f], rest[_up(depth, tile) * g.f :]
    if input_gradient:
        _pack(w, g.f, depth, np.int64(1), g.f, tile, turned)
    for i in range(n * t // parts, n * (t + 1) // parts):
        if input_gradient:
            dx[i * g.h * g.w * g.c : (i + 1) * g.h * g.w * g.c] = 0
        for r0 in range(0, g.oh, g.rows):
            r1 = min(r0 + g.rows, g.oh)
            m, begin, end = (r1 - r0) * g.ow, r0 // half, r1 // half
            z2 = z[: m * wide].reshape(m, wide)
            start(dy[i, begin:end], y[i, begin:end], index[i, begin:end], g.ow, g.ow, relu, pool, z2, db[t])
            if weight_gradient:
                seen = _rows_seen(x, i, r0, r1, g, margin)
                _weight_gradient(seen, z, r1 - r0, g, offsets, wide, lane, total)
            if input_gradient:
                _input_gradient(z, turned, r1 - r0, g, inner, wide, lane, e, margin)
                _add_rows(margin, i, r0, r1, g, dx)
    for k in range(depth if weight_gradient else 0):
        for j in range(g.f):
            dw[t, k * g.f + j] = total[(j // tile * _up(depth, PIXELS) + k) * tile + j % tile]


@inner
def _weight_gradient(seen, z, rows, g, offsets, wide, lane, total):
    """total (tiles, depth rounded up to threes, tile) += the weight gradient of a block."""
    depth, tile = offsets.size - 1, 4 * lane
    row = _row_span(g)[0]
    for begin in range(0, wide, tile):
        vectors = min(4, (wide - begin) // lane)
        for k in range(0, depth, 3):
            k1, k2 = min(k + 1, depth - 1), min(k + 2, depth - 1)
            _weight_sums(
                seen, offsets[k], offsets[k1], offsets[k2], rows, g.ow, g.sh * row, g.sw * g.c,
                z, begin, wide, lane, vectors, total, begin * _up(depth, PIXELS) + k * tile,
            )  # fmt: skip


@inner
def _input_gradient(z, turned, rows, g, inner, wide, lane, e, seen):
    """seen = gradient of the input rows that a block sees."""
    run, row = g.kw * g.c, _row_span(g)[0]
    across = _up(g.kh * run, lane)
    _multiply(z, rows, g.ow, g.ow * wide, wide, inner, turned, across, lane, e)
    seen[: ((rows - 1) * g.sh + g.kh) * row] = 0
    for r in range(rows):
        for j in range(g.ow):
            for a in range(g.kh):
                begin, at = (r * g.ow + j) * across + a * run, (r * g.sh + a) * row + j * g.sw * g.c
                here, there = e[begin : begin + run], seen[at : at + run]
                for i in range(run):
                    there[i] += here[i]


@inner
def _split(scratch, g, offsets, lane):
    """The scratch memory's parts: packed weights or their gradient, input rows, results, and the rest."""
    row, _, _ = _row_span(g)
    a = _up(offsets.size - 1, PIXELS) * _up(g.f, 4 * lane)
    b = a + ((g.rows - 1) * g.sh + g.kh) * row
    c = b + g.rows * g.ow * _up(g.f, lane)
    return scratch[:a], scratch[a:b], scratch[b:c], scratch[c:]


def room(g: Geometry, lane: int, input_gradient: bool) -> int:
    """Numbers that one thread needs as scratch memory; `input_gradient`: for a backward pass that computes it."""
    depth, tile = g.kh * g.kw * g.c, VECTORS * lane

    def up(n: int, step: int) -> int:
        return -(-n // step) * step

    size = up(depth, PIXELS) * up(g.f, tile) + g.rows * g.ow * up(g.f, lane)
    size += ((g.rows - 1) * g.sh + g.kh) * _row(g)
    return size + (up(depth, tile) * g.f + g.rows * g.ow * up(depth, lane) if input_gradient else 0)


def _row(g: Geometry) -> int:
    return ((g.ow - 1) * g.sw + g.kw if g.padded else g.w) * g.c


@functools.cache
def offsets(g: Geometry) -> Any:
    """Where the numbers of a convolution's window lie from its begin in a block's input rows, then END."""
    row = _row(g)
    return np.array([a * row + i for a in range(g.kh) for i in range(g.kw * g.c)] + [END])


@functools.cache
def inner_offsets(f: int) -> Any:
    """The same for the input gradient, whose windows are the f channels of one result."""
    return np.array([*range(f), END])
