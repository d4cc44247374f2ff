"""Max pooling of images (n, h, w, c), in rows: x is (n h, w c), y is (n oh, ow c). See `phases` for the idea.

`window` is (kh, kw, sh, sw, dh, dw, top, left): size, stride, dilation, padding above and to the left.
"""

from __future__ import annotations

import numpy as np

from glassnet.nn.kernels.options import inner
from glassnet.nn.kernels.phases import fill, split, windows_over
from glassnet.nn.kernels.sharing import shared
from glassnet.nn.kernels.vector import everywhere, load, store, store_bytes, where_larger, zeros

# mypy: disable-error-code="no-untyped-def"

_U, _1 = np.uint64, np.uint64(1)
DIRECT = 16  # channels in multiples of which they fill whole registers in either precision


@inner
def _best_of(m, tap, v, other):
    """The maximum so far and its tap, after a look at v: a NaN always wins, an equal number never.

    Within the kernels taps are floats like the pixels, so that one comparison selects both without a change of width.
    """
    take = (v > m) | (v != v)
    return (v if take else m), (other if take else tap)


@inner
def _first_of_four(a, b, d, e):
    kind = type(a)
    m, t = _best_of(a, kind(0), b, kind(1))
    m, t = _best_of(m, t, d, kind(2))
    return _best_of(m, t, e, kind(3))


@inner
def _one_tap(a, tap, y, index):
    kind = y.dtype.type
    tap = kind(tap)
    for s in range(y.size):
        y[s], t = _best_of(y[s], kind(index[s]), a[s], tap)
        index[s] = np.int32(t)


@inner
def _three_taps(a, b, d, tap, y, index):
    kind = y.dtype.type
    first, second, third = kind(tap), kind(tap + 1), kind(tap + 2)
    for s in range(y.size):
        m, t = _best_of(y[s], kind(index[s]), a[s], first)
        m, t = _best_of(m, t, b[s], second)
        y[s], t = _best_of(m, t, d[s], third)
        index[s] = np.int32(t)


@shared
def max_pool(x, y, index, first, h, oh, channels, window, t, parts):
    """Rows lo ... hi of the output. `first` (ow c,) is each window's first column that is not padding."""
    lo, hi = len(y) * t // parts, len(y) * (t + 1) // parts
    kh, kw, sh, sw, dh, dw, top, left = window
    size = y.shape[1]
    lowest = x.dtype.type(-np.inf)
    phases = np.full((sw, size + (kw - 1) * dw // sw * channels), lowest, x.dtype)
    for r in range(lo, hi):
        m, t = y[r], index[r]
        start = r % oh * sh - top
        above = max(0, -(start // dh))  # taps that lie in the padding above
        fill(m, lowest)
        for s in range(size):
            t[s] = first[s] + above * kw
        for i in range(above, min(kh, -((start - h) // dh))):
            split(x[r // oh * h + start + i * dh], phases, sw, left, channels)
            j = 0
            while j < kw:
                u = j * dw // sw * channels
                a = phases[j * dw % sw, u : u + size]
                if j + 2 < kw:
                    u, v = (j + 1) * dw // sw * channels, (j + 2) * dw // sw * channels
                    b, d = phases[(j + 1) * dw % sw, u : u + size], phases[(j + 2) * dw % sw, v : v + size]
                    _three_taps(a, b, d, i * kw + j, m, t)
                    j += 3
                else:
                    _one_tap(a, i * kw + j, m, t)
                    j += 1


@inner
def _larger(m, tap, v, other):
    """`_best_of` for vectors."""
    return where_larger(v, m, v, m), where_larger(v, m, other, tap)


@shared
def max_pool_2x2(x, y, index, h, oh, channels, lane, t, parts):
    """`max_pool` for windows of 2x2, stride 2 and no padding. A last odd row or column is left out.

    A vector of `lane` numbers begins at a window's first channel and may reach into the next window, which overwrites
    what it left there. At the end of a share, where nothing follows, single numbers are compared.
    """
    lo, hi = len(y) * t // parts, len(y) * (t + 1) // parts
    size, width = y.shape[1], x.shape[1]
    end = max(lo, hi - (lane + size - 1) // size)
    flat_x, flat_y, flat_index = x.reshape(-1), y.reshape(-1), index.reshape(-1)
    zero = zeros(y)
    kind = y.dtype.type
    one, two, three = everywhere(kind(1), zero), everywhere(kind(2), zero), everywhere(kind(3), zero)
    for r in range(lo, end):
        u, s = (r // oh * h + 2 * (r % oh)) * width, r * size
        for _ in range(size // channels):
            k = 0
            while k < channels:  # a range with a step would divide
                a, b = u + k, u + k + channels
                m, tap = _larger(load(flat_x, a), zero, load(flat_x, b), one)
                m, tap = _larger(m, tap, load(flat_x, a + width), two)
                m, tap = _larger(m, tap, load(flat_x, b + width), three)
                store(flat_y, s + k, m)
                store_bytes(flat_index, s + k, tap)
                k += lane
            u += 2 * channels
            s += channels
    for r in range(end, hi):
        p = r // oh * h + 2 * (r % oh)
        above, below = x[p], x[p + 1]
        for s in range(size):
            a = s // channels * channels + s
            b = a + channels
            y[r, s], tap = _first_of_four(above[a], above[b], below[a], below[b])
            index[r, s] = np.uint8(tap)


@shared
def max_pool_3x3(x, y, index, h, oh, channels, window, t, parts):
    """`max_pool` for windows of 3x3 without dilation and channels that fill whole registers: nine taps at once.

    A tap in the padding is replaced by the nearest one in the image, number and all: seeing a pixel of the window
    twice changes neither the maximum nor who is first.
    """
    lo, hi = len(y) * t // parts, len(y) * (t + 1) // parts
    sh, sw, top, left = window[2], window[3], window[6], window[7]
    kind = x.dtype.type
    ow, width, c = y.shape[1] // channels, x.shape[1] // channels, _U(channels)
    for r in range(lo, hi):
        m, t, start, first = y[r], index[r], r % oh * sh - top, r // oh * h
        i0, i1, i2 = _nearest_taps(start, h)
        above, middle, below = x[first + start + i0], x[first + start + i1], x[first + start + i2]
        for q in range(ow):
            start_column = q * sw - left
            j0, j1, j2 = _nearest_taps(start_column, width)
            u, v, w = _U(start_column + j0) * c, _U(start_column + j1) * c, _U(start_column + j2) * c
            t0, t1, t2 = kind(3 * i0 + j0), kind(3 * i0 + j1), kind(3 * i0 + j2)
            t3, t4, t5 = kind(3 * i1 + j0), kind(3 * i1 + j1), kind(3 * i1 + j2)
            t6, t7, t8 = kind(3 * i2 + j0), kind(3 * i2 + j1), kind(3 * i2 + j2)
            s = _U(q) * c
            for k in range(c):
                best, tap = above[u + k], t0
                best, tap = _best_of(best, tap, above[v + k], t1)
                best, tap = _best_of(best, tap, above[w + k], t2)
                best, tap = _best_of(best, tap, middle[u + k], t3)
                best, tap = _best_of(best, tap, middle[v + k], t4)
                best, tap = _best_of(best, tap, middle[w + k], t5)
                best, tap = _best_of(best, tap, below[u + k], t6)
                best, tap = _best_of(best, tap, below[v + k], t7)
                m[s + k], tap = _best_of(best, tap, below[w + k], t8)
                t[s + k] = np.int32(tap)


@inner
def _nearest_taps(start, length):
    """Of the three taps from `start` on, those in the image, the outer ones repeated where others are not."""
    first, last = max(0, -start), min(2, length - 1 - start)
    return first, min(max(1, first), last), last


@shared
def max_pool_backward(dy, index, offsets, dx, h, oh, channels, window, t, parts):
    """Rows lo ... hi of dx (n h, w c). `offsets` (taps,) are the distances of a window's taps from its first one.

    Every gradient goes to its winner one at a time: with an index there is nothing to compare, and only as much is
    written as there are windows. Rows are set to zero just before the first window that reaches them.
    """
    lo, hi = len(dx) * t // parts, len(dx) * (t + 1) // parts
    kh, _, sh, sw, dh, _, top, left = window
    width = dx.shape[1]
    c, flat = _U(channels), dx.reshape(-1)
    while lo < hi:  # image by image
        image = lo // h
        end = min(hi, (image + 1) * h)
        start, size = _U(lo * width), _U((end - lo) * width)
        begin, stop = windows_over(lo - image * h, end - image * h, oh, window)
        clean = lo
        for p in range(begin, stop):
            corner = image * h + p * sh - top
            reached = min(end, max(clean, corner + (kh - 1) * dh + 1))
            fill(flat[clean * width : reached * width], 0)
            clean = reached
            g, t = dy[image * oh + p], index[image * oh + p]
            base, s = _U(corner * width - left * channels), _U(0)
            for _ in range(g.size // channels):
                for k in range(c):
                    at = base + k + offsets[t[s + k]]
                    if at - start < size:  # this thread's rows alone
                        flat[at] += g[s + k]
                base += _U(sw) * c
                s += c
        fill(flat[clean * width : end * width], 0)
        lo = end


@shared
def max_pool_2x2_backward(dy, index, dx, h, oh, channels, t, parts):
    """`max_pool_backward` for the windows of `max_pool_2x2`: they do not overlap, so nothing is added up.

    A tap's place is computed from its bits: a table would be one more thing to load for every number.
    """
    width, size, flat = dx.shape[1], dy.shape[1], dx.reshape(-1)
    right, below = _U(channels), _U(width)
    corners = np.empty(size, np.uint64)  # of the windows, from a row's begin
    for s in range(size):
        corners[s] = s // channels * channels + s
    for r in range(len(dy) * t // parts, len(dy) * (t + 1) // parts):
        p, last = r // oh * h + 2 * (r % oh), r % oh == oh - 1
        rows = flat[p * width : (p + (h - 2 * oh + 2 if last else 2)) * width]
        fill(rows, 0)
        g, winner = dy[r], index[r]
        for s in range(size):
            tap = _U(winner[s])
            rows[corners[s] + (tap & _1) * right + (tap >> _1) * below] = g[s]
