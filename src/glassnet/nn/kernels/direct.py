"""Direct convolution for few input channels, with sums that stay in registers.

With one or three channels (a first layer) making an expansion costs about as much as the product that it is made for.
Here nothing is expanded: the sums of a few output pixels and a few vectors of output channels are kept in registers
while all kh kw c weights go by (`tiles`). All three passes have the same form:

    z[p, :]  = sum_k x[p + o(k)] W[k, :]      o(k): where weight k lies from the window's corner
    dW[k, :] = sum_p x[p + o(k)] dz[p, :]     a tile is a few weights, while all pixels of the block go by
    dE[p, :] = sum_f dz[p, f] W^T[f, :]       dE is then added to the pixels under the window

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
from glassnet.nn.kernels.tiles import MOST_ROWS, VECTORS, listed, products

# mypy: disable-error-code="no-untyped-def"


@inner
def _up(n, step):
    """n rounded up to a multiple of step."""
    return (n + step - 1) // step * step


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
def _multiply(x, starts, count, window, w, wide, lane, z):
    """z (count, wide) = sums over the windows of x that begin at `starts`, w packed."""
    depth, tile = window.size - MOST_ROWS, VECTORS * lane
    for begin in range(0, wide, tile):
        vectors = min(VECTORS, (wide - begin) // lane)
        products(x, starts, count, window, w, begin * depth, tile, z, begin, wide, vectors, False)


@shared
def forward(x, w, a, b, g, window, pixels, lane, relu, pool, y, index, scratch, t, parts):
    """y = epilogue of the convolution of x with w; blocks of rows shared among threads.

    x, w: flat arrays; a, b (f,) or empty; window, pixels: see the functions of these names; y, index (n, rows,
    columns, f); scratch (parts, `room`).
    """
    n = y.shape[0]
    half = 2 if pool else 1
    depth, wide, tile = window.size - MOST_ROWS, _up(g.f, lane), VECTORS * lane
    packed, margin, z, _ = _split(scratch[t], g, depth, lane)
    _pack(w, depth, g.f, g.f, np.int64(1), tile, packed)
    for task in range(n * g.blocks * t // parts, n * g.blocks * (t + 1) // parts):
        i, r0 = task // g.blocks, task % g.blocks * g.rows
        r1 = min(r0 + g.rows, g.oh)
        m, begin, end = (r1 - r0) * g.ow, r0 // half, r1 // half
        seen = _rows_seen(x, i, r0, r1, g, margin)
        _multiply(seen, pixels[_which(r1, g)], m, window, packed, wide, lane, z)
        z2 = z[: m * wide].reshape(m, wide)
        finish(z2, g.ow, a, b, relu, pool, y[i, begin:end], index[i, begin:end])


@shared
def backward(
    dy, y, index, x, w, g, window, pixels, channels, results, lane, relu, pool, weight_gradient, input_gradient, dx,
    dw, db, scratch, t, parts,
):  # fmt: skip
    """dw (parts, kh kw c f) where `weight_gradient`, a share for each thread, db (parts, f), dx where `input_gradient`.

    dy, y, index (n, rows, columns, f); x, w flat; window, pixels, channels, results: see the functions of these
    names; scratch (parts, `room`). Images are shared in ranges.
    """
    n = dy.shape[0]
    half = 2 if pool else 1
    depth, wide, tile = window.size - MOST_ROWS, _up(g.f, lane), VECTORS * lane
    total, margin, z, rest = _split(scratch[t], g, depth, lane)
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
                _weight_gradient(seen, z, window, pixels[_which(r1, g)], wide, lane, total)
            if input_gradient:
                _input_gradient(z, turned, r1 - r0, g, channels, results, wide, lane, e, margin)
                _add_rows(margin, i, r0, r1, g, dx)
    for k in range(depth if weight_gradient else 0):
        for j in range(g.f):
            dw[t, k * g.f + j] = total[(j // tile * (depth + MOST_ROWS) + k) * tile + j % tile]


@inner
def _which(end, g):
    """Which of two tables a block has that ends before row `end`: the last one of an image may have fewer rows."""
    return np.int64(end == g.oh)


@inner
def _weight_gradient(seen, z, window, pixels, wide, lane, total):
    """total (tiles, depth + MOST_ROWS, tile) += the weight gradient of a block."""
    depth, tile = window.size - MOST_ROWS, VECTORS * lane
    for begin in range(0, wide, tile):
        vectors, to = min(VECTORS, (wide - begin) // lane), begin * (depth + MOST_ROWS)
        products(seen, window, depth, pixels, z, begin, wide, total, to, tile, vectors, True)


@inner
def _input_gradient(z, turned, rows, g, channels, results, wide, lane, e, seen):
    """seen = gradient of the input rows that a block sees."""
    run, row = g.kw * g.c, _row_span(g)[0]
    across = _up(g.kh * run, lane)
    _multiply(z, results, rows * g.ow, channels, turned, across, lane, e)
    seen[: ((rows - 1) * g.sh + g.kh) * row] = 0
    for r in range(rows):
        for j in range(g.ow):
            for a in range(g.kh):
                begin, at = (r * g.ow + j) * across + a * run, (r * g.sh + a) * row + j * g.sw * g.c
                here, there = e[begin : begin + run], seen[at : at + run]
                for i in range(run):
                    there[i] += here[i]


@inner
def _split(scratch, g, depth, lane):
    """The scratch memory's parts: packed weights or their gradient, input rows, results, and the rest."""
    row, _, _ = _row_span(g)
    a = (depth + MOST_ROWS) * _up(g.f, VECTORS * lane)
    b = a + ((g.rows - 1) * g.sh + g.kh) * row
    c = b + (g.rows * g.ow + MOST_ROWS) * _up(g.f, lane)
    return scratch[:a], scratch[a:b], scratch[b:c], scratch[c:]


def room(g: Geometry, lane: int, input_gradient: bool) -> int:
    """Numbers that one thread needs as scratch memory; `input_gradient`: for a backward pass that computes it."""
    depth, tile, results = g.kh * g.kw * g.c, VECTORS * lane, g.rows * g.ow + MOST_ROWS

    def up(n: int, step: int) -> int:
        return -(-n // step) * step

    size = (depth + MOST_ROWS) * up(g.f, tile) + results * up(g.f, lane)
    size += ((g.rows - 1) * g.sh + g.kh) * _row(g)
    return size + (up(depth, tile) * g.f + results * up(depth, lane) if input_gradient else 0)


def _row(g: Geometry) -> int:
    return ((g.ow - 1) * g.sw + g.kw if g.padded else g.w) * g.c


# ---- lists of places, as `products` takes them


@functools.cache
def window(g: Geometry) -> Any:
    """Where the numbers of a window lie from its begin in a block's input rows."""
    row = _row(g)
    return listed([a * row + i for a in range(g.kh) for i in range(g.kw * g.c)])


@functools.cache
def pixels(g: Geometry) -> Any:
    """Where the windows of a block's results begin in its input rows; the second list is that of an image's last block,
    which may have fewer rows.
    """
    row, last = _row(g), g.oh - (g.blocks - 1) * g.rows
    full = [r * g.sh * row + j * g.sw * g.c for r in range(g.rows) for j in range(g.ow)]
    return np.stack([listed(full), listed(full[: last * g.ow], len(full))])


@functools.cache
def channels(f: int) -> Any:
    """The window of the input gradient: the f channels of one result."""
    return listed(list(range(f)))


@functools.cache
def results(g: Geometry, lane: int) -> Any:
    """Where the results of a block lie."""
    wide = -(-g.f // lane) * lane
    return listed([p * wide for p in range(g.rows * g.ow)])
