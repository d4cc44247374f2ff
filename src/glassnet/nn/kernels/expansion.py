"""Copying the pixels under a kernel's width side by side, and adding gradients back to them.

For a block of R output rows of I images, e (rows, I, ow, kw c) holds for each input row that the block sees, each image
and each output column what lies under the kernel's width. The rows come sorted by their remainder modulo sh, so that
those under kernel row a, which are sh apart in the image, are R neighbours here. Zeros of the padding are written on
the way; no padded image is ever made.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from glassnet.nn.kernels.options import inner

# mypy: disable-error-code="no-untyped-def"

PRODUCT, ROWS, DIRECT = 0, 1, 2


class Geometry(NamedTuple):
    """Sizes of a convolution and of its blocks, all whole numbers."""

    kind: int  # PRODUCT, ROWS or DIRECT
    h: int
    w: int
    c: int
    kh: int
    kw: int
    f: int
    sh: int
    sw: int
    top: int
    left: int
    oh: int  # output rows that are computed: an even number where they are pooled
    ow: int
    images: int  # images a block; 1 where an image is cut into blocks
    rows: int  # output rows a block
    blocks: int  # blocks an image
    padded: int  # 1 where windows reach over the image's edge
    mixed: int  # 1 where a block's results are (rows, images, ow), 0 where they are (images, rows, ow)


def expansion_size(g: Geometry) -> int:
    """Numbers that the expansion of one block holds."""
    if g.kind == PRODUCT:
        return 0
    rows = sum(g.rows + (g.kh - 1 - p) // g.sh for p in range(min(g.sh, g.kh)))
    return rows * g.images * g.ow * g.kw * g.c


@inner
def expand(x, n0, n1, r0, r1, g, e):
    """e (flat) = expansion of the output rows r0 ... r1 of the images n0 ... n1 of x (flat)."""
    at = np.int64(0)  # for a plain 0 Numba would compile what is called with it once more
    for p in range(min(g.sh, g.kh)):
        for q in range(_phase_rows(p, r1 - r0, g)):
            i = (r0 + q) * g.sh + p - g.top
            for n in range(n0, n1):
                _expand_row(x, (n * g.h + i) * g.w * g.c, 0 <= i < g.h, g, e, at)
                at += g.ow * g.kw * g.c


@inner
def collect(e, n0, n1, r0, r1, g, dx):
    """The reverse of `expand`: adds the expansion's gradient to dx (flat)."""
    at = np.int64(0)  # for a plain 0 Numba would compile what is called with it once more
    for p in range(min(g.sh, g.kh)):
        for q in range(_phase_rows(p, r1 - r0, g)):
            i = (r0 + q) * g.sh + p - g.top
            for n in range(n0, n1):
                if 0 <= i < g.h:
                    _collect_row(e, at, g, dx, (n * g.h + i) * g.w * g.c)
                at += g.ow * g.kw * g.c


@inner
def _phase_rows(p, rows, g):
    """Expanded input rows with remainder p modulo sh that a block of output rows needs."""
    return rows + (g.kh - 1 - p) // g.sh if p < g.kh else 0


@inner
def row_count(rows, g):
    """Expanded input rows that a block of output rows needs."""
    total = 0
    for p in range(min(g.sh, g.kh)):
        total += _phase_rows(p, rows, g)
    return total


@inner
def product_row(a, rows, g):
    """The first of the expanded rows that kernel row a multiplies."""
    at = a // g.sh
    for p in range(a % g.sh):
        at += _phase_rows(p, rows, g)
    return at


@inner
def _expand_row(x, base, inside, g, e, at):
    """Copy what the kernel's width sees of the input row at x[base], or zeros where it is not `inside` the image."""
    kw, c = g.kw, g.c
    length = kw * c
    for j in range(g.ow):
        first = j * g.sw - g.left
        there = e[at + j * length : at + (j + 1) * length]
        if inside and first >= 0 and first + kw <= g.w:
            here = x[base + first * c : base + first * c + length]
            for i in range(length):
                there[i] = here[i]
        else:
            lo = min(max(0, -first), kw)
            hi = max(min(kw, g.w - first), lo) if inside else lo
            for i in range(lo * c):
                there[i] = 0
            for i in range(lo * c, hi * c):
                there[i] = x[base + first * c + i]
            for i in range(hi * c, length):
                there[i] = 0


@inner
def _collect_row(e, at, g, dx, base):
    """The reverse of `_expand_row`: add the expansion's gradient to the input row at dx[base]."""
    kw, c = g.kw, g.c
    length = kw * c
    for j in range(g.ow):
        first = j * g.sw - g.left
        lo, hi = min(max(0, -first), kw) * c, min(kw, g.w - first) * c
        if hi > lo:
            here, there = e[at + j * length + lo :], dx[base + first * c + lo :]
            for i in range(hi - lo):
                there[i] += here[i]
