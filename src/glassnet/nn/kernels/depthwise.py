"""Depthwise convolution, where every channel has a kernel of its own: direct loops, vectorised over the channels.

There is no sum over channels, so nothing that a matrix product could do well. The sums of a few output pixels side by
side stay in registers while all taps of the kernel go by, so that each weight is loaded once for all of them; where the
kernel hangs over the edge, those of a few vectors of one pixel's channels.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from glassnet.nn.kernels.epilogue import finish_in_place
from glassnet.nn.kernels.options import inner
from glassnet.nn.kernels.sharing import shared
from glassnet.nn.kernels.tiles import PIXELS, tap_sums
from glassnet.nn.kernels.vector import lanes_of, load, multiply_add, store, zeros

# mypy: disable-error-code="no-untyped-def"


@inner
def _taps(j, sw, left, kw, width):
    """(first column under the kernel, first and last + 1 tap that fall inside the image) of output column j."""
    at = j * sw - left
    return at, min(max(0, -at), kw), max(min(kw, width - at), 0)


@functools.lru_cache(256)
def taps(kh: int, kw: int, width: int, c: int) -> Any:
    """Where the taps of a kernel lie from its corner in flat pictures (height, width, c)."""
    return ((np.arange(kh)[:, None] * width + np.arange(kw)) * c).reshape(-1)


@shared
def forward(x, w, places, stride, corner, a, b, relu, z, t, parts):
    """z (n, oh, ow, c) = epilogue of the convolution of x (n, h, w, c) with w (kh, kw, c), rows shared among threads.

    places: see `taps`; stride: (sh, sw); corner: (top, left) padding; a, b (c,) or empty: see `epilogue`.
    """
    n, oh, c = z.shape[0], z.shape[1], z.shape[3]
    lane = lanes_of(z)
    for task in range(n * oh * t // parts, n * oh * (t + 1) // parts):
        image, r = task // oh, task % oh
        up = r * stride[0] - corner[0]
        top, bottom = max(0, -up), max(min(w.shape[0], x.shape[1] - up), 0)
        if c % lane == 0:
            flat = x[image].reshape(-1)
            _row_of_vectors(flat, x.shape[2], w, places, up, top, bottom, stride[1], corner[1], c, z[image, r])
        else:
            _row(x[image], w, up, top, bottom, stride[1], corner[1], z[image, r])
        finish_in_place(z[image, r], a, b, relu)


@inner
def _row(x, w, up, top, bottom, sw, left, z):
    """A row of results z (ow, c): those of the kernel rows from `top` to `bottom`, the first at row `up` of x."""
    row = z.reshape(-1)
    for i in range(row.size):
        row[i] = 0
    for a in range(top, bottom):
        for j in range(z.shape[0]):
            at, lo, hi = _taps(j, sw, left, w.shape[1], x.shape[1])
            out = z[j]
            for b in range(lo, hi):
                v, u = x[up + a, at + b], w[a, b]
                for k in range(out.size):
                    out[k] += v[k] * u[k]


@inner
def _row_of_vectors(x, width, w, places, up, top, bottom, sw, left, c, z):
    """The same for channels in whole vectors."""
    flat, weights, kw, across = z.reshape(-1), w.reshape(-1), w.shape[1], z.shape[0]
    begin = min((left + sw - 1) // sw, across)  # columns from here on, and before `end`, have the kernel in the image
    end = max(begin, min(across, (width + left - kw) // sw + 1)) if width + left >= kw else begin
    _edge(x, width, w, up, top, bottom, sw, left, c, flat, 0, begin)
    _edge(x, width, w, up, top, bottom, sw, left, c, flat, end, across)
    count, at = (bottom - top) * kw, top * kw * c
    j = begin
    for side in range(len(PIXELS)):
        while j + PIXELS[side] <= end:
            first = ((up + top) * width + j * sw - left) * c
            tap_sums(x, first, sw * c, places, count, weights, at, c, flat, j * c, side)
            j += PIXELS[side]


@inner
def _edge(x, width, w, up, top, bottom, sw, left, c, flat, begin, end):
    """Output columns from `begin` to `end` of a row, one by one: four vectors stay in registers."""
    weights = w.reshape(-1)
    lane, kw = lanes_of(flat), w.shape[1]
    for j in range(begin, end):
        at, lo, hi = _taps(j, sw, left, kw, width)
        k = 0
        while k + 4 * lane <= c:
            s0 = s1 = s2 = s3 = zeros(flat)
            for a in range(top, bottom):
                p, q = ((up + a) * width + at + lo) * c + k, (a * kw + lo) * c + k
                for _ in range(lo, hi):
                    s0 = multiply_add(load(x, p), load(weights, q), s0)
                    s1 = multiply_add(load(x, p + lane), load(weights, q + lane), s1)
                    s2 = multiply_add(load(x, p + 2 * lane), load(weights, q + 2 * lane), s2)
                    s3 = multiply_add(load(x, p + 3 * lane), load(weights, q + 3 * lane), s3)
                    p += c
                    q += c
            store(flat, j * c + k, s0)
            store(flat, j * c + k + lane, s1)
            store(flat, j * c + k + 2 * lane, s2)
            store(flat, j * c + k + 3 * lane, s3)
            k += 4 * lane
        while k < c:
            s0 = zeros(flat)
            for a in range(top, bottom):
                p, q = ((up + a) * width + at + lo) * c + k, (a * kw + lo) * c + k
                for _ in range(lo, hi):
                    s0 = multiply_add(load(x, p), load(weights, q), s0)
                    p += c
                    q += c
            store(flat, j * c + k, s0)
            k += lane


@shared
def backward(dz, x, w, stride, corner, input_gradient, dx, dw, t, parts):
    """dw (parts, kh, kw, c), a share for each thread, and dx (n, h, w, c) where `input_gradient`."""
    n, oh, ow, c = dz.shape
    kh, kw = w.shape[0], w.shape[1]
    dw[t] = 0
    for image in range(n * t // parts, n * (t + 1) // parts):
        if input_gradient:
            dx[image] = 0
        for r in range(oh):
            for a in range(kh):
                p = r * stride[0] + a - corner[0]
                if 0 <= p < x.shape[1]:
                    for j in range(ow):
                        at, lo, hi = _taps(j, stride[1], corner[1], kw, x.shape[2])
                        g = dz[image, r, j]
                        for b in range(lo, hi):
                            v, total = x[image, p, at + b], dw[t, a, b]
                            for k in range(c):
                                total[k] += g[k] * v[k]
                        if input_gradient:
                            for b in range(lo, hi):
                                u, there = w[a, b], dx[image, p, at + b]
                                for k in range(c):
                                    there[k] += g[k] * u[k]
