"""Max pooling of images (n, h, w, c), in rows: x is (n h, w c), y is (n oh, ow c). See `phases` for the idea.

`window` is (kh, kw, sh, sw, dh, dw, top, left): size, stride, dilation, padding above and to the left.
"""

from __future__ import annotations

import numpy as np

from glassnet.nn.kernels.options import inner
from glassnet.nn.kernels.phases import fill, split, windows_over
from glassnet.nn.kernels.sharing import shared

# mypy: disable-error-code="no-untyped-def"

_U = np.uint64
_1, _2, _3, _6 = np.uint64(1), np.uint64(2), np.uint64(3), np.uint64(6)
_BAND = 256  # numbers a plane of the 2x2 kernel: four of them stay in the first cache
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
def _four_planes(a, b, d, e, y, index):
    for s in range(y.size):
        y[s], t = _first_of_four(a[s], b[s], d[s], e[s])
        index[s] = np.int32(t)


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
def _even_and_odd(row, even, odd, to, count, c):
    """`count` pixels of either kind, from `to` on. One or three numbers a pixel need no inner loop."""
    if c == 3:
        for q in range(count):
            u, s = _6 * q, to + _3 * q
            v = u + _3
            r, g, b = row[u], row[u + _1], row[u + _2]
            i, j, k = row[v], row[v + _1], row[v + _2]
            even[s], even[s + _1], even[s + _2] = r, g, b
            odd[s], odd[s + _1], odd[s + _2] = i, j, k
    elif c == 1:
        for q in range(count):
            even[to + q] = row[_2 * q]
            odd[to + q] = row[_2 * q + _1]
    else:
        for q in range(count):
            u, s = _2 * q * c, to + q * c
            for k in range(c):
                even[s + k] = row[u + k]
            for k in range(c):
                odd[s + k] = row[u + c + k]


@shared
def max_pool_2x2(x, y, index, h, oh, channels, t, parts):
    """`max_pool` for windows of 2x2, stride 2 and no padding. A last odd row or column is left out."""
    lo, hi = len(y) * t // parts, len(y) * (t + 1) // parts
    size = y.shape[1]
    ow, c = size // channels, _U(channels)
    if channels % DIRECT == 0:
        for r in range(lo, hi):
            p = r // oh * h + 2 * (r % oh)
            above, below, m, t = x[p], x[p + 1], y[r], index[r]
            for q in range(_U(ow)):
                u, s = _2 * q * c, q * c
                v = u + c
                for k in range(c):
                    m[s + k], tap = _first_of_four(above[u + k], above[v + k], below[u + k], below[v + k])
                    t[s + k] = np.int32(tap)
        return
    band = max(1, _BAND // size)
    planes = np.empty((4, band * size), x.dtype)
    a, b, d, e = planes[0], planes[1], planes[2], planes[3]
    flat_y, flat_index = y.reshape(-1), index.reshape(-1)
    for start in range(lo, hi, band):
        stop = min(hi, start + band)
        for r in range(start, stop):
            p = r // oh * h + 2 * (r % oh)
            to = _U((r - start) * size)
            _even_and_odd(x[p], a, b, to, _U(ow), c)
            _even_and_odd(x[p + 1], d, e, to, _U(ow), c)
        _four_planes(a, b, d, e, flat_y[start * size : stop * size], flat_index[start * size : stop * size])


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
