"""Average pooling of images (n, h, w, c), in rows: x is (n h, w c), y is (n oh, ow c). See `phases` for the idea.

`window` is (kh, kw, sh, sw, dh, dw, top, left): size, stride, dilation, padding above and to the left.
"""

from __future__ import annotations

import numpy as np

from glassnet.nn.kernels.options import inner
from glassnet.nn.kernels.phases import copy, fill, merge, split, windows_over
from glassnet.nn.kernels.sharing import shared

# mypy: disable-error-code="no-untyped-def"


@shared
def average_pool(x, y, row_weights, column_weights, h, oh, channels, window, t, parts):
    """Rows lo ... hi of the output: sums down the columns, then along the row, times row_weights (oh,) and
    column_weights (ow c,), whose product is 1 / count."""
    lo, hi = len(y) * t // parts, len(y) * (t + 1) // parts
    kh, kw, sh, sw, dh, dw, top, left = window
    size = y.shape[1]
    total = np.empty(x.shape[1], x.dtype)
    phases = np.zeros((sw, size + (kw - 1) * dw // sw * channels), x.dtype)
    for r in range(lo, hi):
        m, start = y[r], r % oh * sh - top
        above = max(0, -(start // dh))  # taps that lie in the padding above
        first = r // oh * h + start + above * dh
        _sum_of_rows(x, first, dh, min(kh, -((start - h) // dh)) - above, total)
        split(total, phases, sw, left, channels)
        weight = row_weights[r % oh]
        if kw == 2:
            u = dw // sw * channels
            a, b = phases[0, :size], phases[dw % sw, u : u + size]
            for s in range(size):
                m[s] = (a[s] + b[s]) * (weight * column_weights[s])
        else:
            copy(phases[0, :size], m)
            for j in range(1, kw):
                u = j * dw // sw * channels
                a = phases[j * dw % sw, u : u + size]
                for s in range(size):
                    m[s] += a[s]
            for s in range(size):
                m[s] *= weight * column_weights[s]


@inner
def _sum_of_rows(x, first, step, count, total):
    """total = the sum of `count` rows of x; two or three at a time save most of the loading and storing."""
    if count == 1:
        copy(x[first], total)
        return
    a, b = x[first], x[first + step]
    if count == 2:
        for s in range(total.size):
            total[s] = a[s] + b[s]
        return
    d = x[first + 2 * step]
    for s in range(total.size):
        total[s] = a[s] + b[s] + d[s]
    for i in range(3, count):
        row = x[first + i * step]
        for s in range(total.size):
            total[s] += row[s]


@shared
def average_pool_backward(dy, dx, row_weights, column_weights, h, oh, channels, window, t, parts):
    """Rows lo ... hi of dx: the steps of `average_pool` in reverse."""
    lo, hi = len(dx) * t // parts, len(dx) * (t + 1) // parts
    kh, kw, sh, sw, dh, dw, top, left = window
    size = dy.shape[1]
    g = np.empty(size, dy.dtype)
    row = np.zeros(dx.shape[1], dy.dtype)
    phases = np.empty((sw, size + (kw - 1) * dw // sw * channels), dy.dtype)
    while lo < hi:  # image by image
        image = lo // h
        end = min(hi, (image + 1) * h)
        begin, stop = windows_over(lo - image * h, end - image * h, oh, window)
        for r in range(lo, end):
            fill(dx[r], 0)
        for p in range(begin, stop):
            source, weight = dy[image * oh + p], row_weights[p]
            for s in range(size):
                g[s] = source[s] * (weight * column_weights[s])
            for f in range(sw):
                fill(phases[f], 0)
            for j in range(kw):
                u = j * dw // sw * channels
                a = phases[j * dw % sw, u:]
                for s in range(size):
                    a[s] += g[s]
            merge(phases, row, sw, left, channels)
            for i in range(kh):
                to = image * h + p * sh - top + i * dh
                if lo <= to < end:
                    target = dx[to]
                    for s in range(row.size):
                        target[s] += row[s]
        lo = end


@shared
def global_average_pool(x, y, t, parts):
    """y (n, c) from x (n, pixels, c). Sums of short runs keep the rounding errors of large images small."""
    lo, hi = len(y) * t // parts, len(y) * (t + 1) // parts
    _, pixels, c = x.shape
    run = np.empty(c, x.dtype)
    for i in range(lo, hi):
        total = y[i]
        fill(total, 0)
        for start in range(0, pixels, 64):
            fill(run, 0)
            for p in range(start, min(pixels, start + 64)):
                row = x[i, p]
                for k in range(c):
                    run[k] += row[k]
            for k in range(c):
                total[k] += run[k]
        for k in range(c):
            total[k] /= pixels


@shared
def global_average_pool_backward(dy, dx, t, parts):
    lo, hi = len(dx) * t // parts, len(dx) * (t + 1) // parts
    _, pixels, c = dx.shape
    for i in range(lo, hi):
        first = dx[i, 0]
        for k in range(c):
            first[k] = dy[i, k] / pixels
        for p in range(1, pixels):
            row = dx[i, p]
            for k in range(c):
                row[k] = first[k]
