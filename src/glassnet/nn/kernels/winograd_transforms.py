"""The transforms of Winograd's F(4x4, 3x3), in one dimension, on tiles, and on weights.

The matrices and their derivation stand in `functional/winograd.py`. A two-dimensional transform T d T^T is the
one-dimensional one applied to the columns of a tile and then to the rows of the result. In between, up to 32 channels
of the tile wait in `patch`, which never leaves the first-level cache.

Transformed tiles are stored by frequency e = 6 * row + column, then tile, then channel: `spectrum[e * stride + tile *
channels + channel]`, so that the 36 matrix products find one matrix (tiles, channels) each.
"""

from __future__ import annotations

import numpy as np

from glassnet.nn.kernels.options import inner
from glassnet.nn.kernels.vector import lanes, load, store

BLOCK = np.int64(32)  # channels of a patch; not a literal, for which Numba would compile copies of its own
PATCH = int(36 * BLOCK)

LANES = lanes(4)  # float32 numbers in a vector

_f = np.float32
_ZERO, _TWO, _FOUR, _FIVE, _EIGHT = _f(0), _f(2), _f(4), _f(5), _f(8)
_QUARTER, _SIXTH, _TWELFTH, _TWENTYFOURTH = _f(1 / 4), _f(1 / 6), _f(1 / 12), _f(1 / 24)

# mypy: disable-error-code="no-untyped-def, call-arg, var-annotated"

# ---- one dimension: numbers or vectors -----------------------------------------------------------------------------


@inner
def input_transform(d0, d1, d2, d3, d4, d5):
    """B^T d."""
    p, q = d4 - _FOUR * d2, d3 - _FOUR * d1
    r, s = d4 - d2, _TWO * (d3 - d1)
    return _FOUR * d0 - _FIVE * d2 + d4, p + q, p - q, r + s, r - s, _FOUR * d1 - _FIVE * d3 + d5


@inner
def input_adjoint(v0, v1, v2, v3, v4, v5):
    """B v."""
    p, q = v1 + v2, v2 - v1
    r, s = v3 + v4, v4 - v3
    return (
        _FOUR * v0,
        _FOUR * (q + v5) + _TWO * s,
        _f(-5) * v0 - _FOUR * p - r,
        _f(-5) * v5 - _TWO * s - q,
        v0 + p + r,
        v5,
    )


@inner
def output_transform(m0, m1, m2, m3, m4, m5):
    """A^T m."""
    p, q = m1 + m2, m1 - m2
    r, s = m3 + m4, m3 - m4
    return m0 + p + r, q + _TWO * s, p + _FOUR * r, q + _EIGHT * s + m5


@inner
def output_adjoint(y0, y1, y2, y3):
    """A y."""
    p, q = y0 + y2, y1 + y3
    r, s = y0 + _FOUR * y2, _TWO * y1 + _EIGHT * y3
    return y0, p + q, p - q, r + s, r - s, y3


@inner
def weight_transform(g0, g1, g2):
    """G g."""
    p, q = -_SIXTH * (g0 + g2), _SIXTH * g1
    r, s = _TWENTYFOURTH * g0 + _SIXTH * g2, _TWELFTH * g1
    return _QUARTER * g0, p - q, p + q, r + s, r - s, g2


@inner
def weight_adjoint(u0, u1, u2, u3, u4, u5):
    """G^T u."""
    p, q = _SIXTH * (u1 + u2), _SIXTH * (u2 - u1)
    r, s = u3 + u4, _TWELFTH * (u3 - u4)
    return _QUARTER * u0 - p + _TWENTYFOURTH * r, q + s, _SIXTH * r - p + u5


# ---- one dimension in memory: n channels from `source` at a, a + da, ... to `target` at b, b + db, ... ---------------


@inner
def _load3(source, p, step):
    return load(source, p), load(source, p + step), load(source, p + 2 * step)


@inner
def _load4(source, p, step):
    return load(source, p), load(source, p + step), load(source, p + 2 * step), load(source, p + 3 * step)


@inner
def _load6(source, p, step):
    v0, v1, v2 = _load3(source, p, step)
    v3, v4, v5 = _load3(source, p + 3 * step, step)
    return v0, v1, v2, v3, v4, v5


@inner
def _store3(target, q, step, v0, v1, v2):
    store(target, q, v0)
    store(target, q + step, v1)
    store(target, q + 2 * step, v2)


@inner
def _store4(target, q, step, v0, v1, v2, v3):
    _store3(target, q, step, v0, v1, v2)
    store(target, q + 3 * step, v3)


@inner
def _store6(target, q, step, v0, v1, v2, v3, v4, v5):
    _store3(target, q, step, v0, v1, v2)
    _store3(target, q + 3 * step, step, v3, v4, v5)


@inner
def _input(source, a, da, target, b, db, n):
    for j in range(0, n, LANES):
        d0, d1, d2, d3, d4, d5 = _load6(source, a + j, da)
        v0, v1, v2, v3, v4, v5 = input_transform(d0, d1, d2, d3, d4, d5)
        _store6(target, b + j, db, v0, v1, v2, v3, v4, v5)


@inner
def _input_of_rows(rows, a, target, b, db, n):
    r0, r1, r2, r3, r4, r5 = rows
    for j in range(0, n, LANES):
        p = a + j
        d0, d1, d2, d3, d4, d5 = load(r0, p), load(r1, p), load(r2, p), load(r3, p), load(r4, p), load(r5, p)
        v0, v1, v2, v3, v4, v5 = input_transform(d0, d1, d2, d3, d4, d5)
        _store6(target, b + j, db, v0, v1, v2, v3, v4, v5)


@inner
def _input_adjoint(source, a, da, target, b, db, n):
    for j in range(0, n, LANES):
        v0, v1, v2, v3, v4, v5 = _load6(source, a + j, da)
        d0, d1, d2, d3, d4, d5 = input_adjoint(v0, v1, v2, v3, v4, v5)
        _store6(target, b + j, db, d0, d1, d2, d3, d4, d5)


@inner
def _add_input_adjoint_to_rows(source, a, da, rows, b, n):
    r0, r1, r2, r3, r4, r5 = rows
    for j in range(0, n, LANES):
        q = b + j
        v0, v1, v2, v3, v4, v5 = _load6(source, a + j, da)
        d0, d1, d2, d3, d4, d5 = input_adjoint(v0, v1, v2, v3, v4, v5)
        store(r0, q, load(r0, q) + d0)
        store(r1, q, load(r1, q) + d1)
        store(r2, q, load(r2, q) + d2)
        store(r3, q, load(r3, q) + d3)
        store(r4, q, load(r4, q) + d4)
        store(r5, q, load(r5, q) + d5)


@inner
def _output(source, a, da, target, b, db, n):
    for j in range(0, n, LANES):
        m0, m1, m2, m3, m4, m5 = _load6(source, a + j, da)
        y0, y1, y2, y3 = output_transform(m0, m1, m2, m3, m4, m5)
        _store4(target, b + j, db, y0, y1, y2, y3)


@inner
def _output_adjoint(source, a, da, target, b, db, n):
    for j in range(0, n, LANES):
        y0, y1, y2, y3 = _load4(source, a + j, da)
        m0, m1, m2, m3, m4, m5 = output_adjoint(y0, y1, y2, y3)
        _store6(target, b + j, db, m0, m1, m2, m3, m4, m5)


@inner
def _weight(source, a, da, target, b, db, n):
    for j in range(0, n, LANES):
        g0, g1, g2 = _load3(source, a + j, da)
        u0, u1, u2, u3, u4, u5 = weight_transform(g0, g1, g2)
        _store6(target, b + j, db, u0, u1, u2, u3, u4, u5)


@inner
def _weight_adjoint(source, a, da, target, b, db, n):
    for j in range(0, n, LANES):
        u0, u1, u2, u3, u4, u5 = _load6(source, a + j, da)
        g0, g1, g2 = weight_adjoint(u0, u1, u2, u3, u4, u5)
        _store3(target, b + j, db, g0, g1, g2)


@inner
def _zeros(target, b, db, count, n):
    for q in range(count):
        for j in range(b + q * db, b + q * db + n):
            target[j] = _ZERO


# ---- two dimensions: tiles ----------------------------------------------------------------------------------------


@inner
def transform_input(rows, column, width, c, patch, spectrum, stride, tile):
    """V = B^T d B of one tile.

    rows: six rows of an image, each flat (width * c); those outside the image are rows of zeros. column: where the
    tile begins, which may be before the image; columns outside it count as zeros.
    """
    for low in range(0, c, BLOCK):
        n = min(BLOCK, c - low)
        for k in range(6):
            if 0 <= column + k < width:
                _input_of_rows(rows, (column + k) * c + low, patch, k * BLOCK, 6 * BLOCK, n)
            else:
                _zeros(patch, k * BLOCK, 6 * BLOCK, 6, n)
        for q in range(6):
            _input(patch, q * 6 * BLOCK, BLOCK, spectrum, q * 6 * stride + tile * c + low, stride, n)


@inner
def add_input_adjoint(spectrum, stride, tile, c, patch, rows, column, width):
    """d += B V B^T for one tile, rows and column as in `transform_input`; columns outside the image are left out."""
    for low in range(0, c, BLOCK):
        n = min(BLOCK, c - low)
        for q in range(6):
            _input_adjoint(spectrum, q * 6 * stride + tile * c + low, stride, patch, q * 6 * BLOCK, BLOCK, n)
        for k in range(max(0, -column), min(6, width - column)):
            _add_input_adjoint_to_rows(patch, k * BLOCK, 6 * BLOCK, rows, (column + k) * c + low, n)


@inner
def transform_output(spectrum, stride, tile, f, patch, z, column, width):
    """Y = A^T M A of one tile, into z (4 * width * f): four rows; columns from `width` on are left out."""
    for low in range(0, f, BLOCK):
        n = min(BLOCK, f - low)
        for q in range(6):
            _output(spectrum, q * 6 * stride + tile * f + low, stride, patch, q * 4 * BLOCK, BLOCK, n)
        for k in range(min(4, width - column)):
            _output(patch, k * BLOCK, 4 * BLOCK, z, (column + k) * f + low, width * f, n)


@inner
def transform_output_gradient(z, column, width, f, patch, spectrum, stride, tile):
    """M = A Y A^T of one tile, the adjoint of `transform_output`; columns from `width` on count as zeros."""
    for low in range(0, f, BLOCK):
        n = min(BLOCK, f - low)
        for k in range(4):
            if column + k < width:
                _output_adjoint(z, (column + k) * f + low, width * f, patch, k * BLOCK, 4 * BLOCK, n)
            else:
                _zeros(patch, k * BLOCK, 4 * BLOCK, 6, n)
        for q in range(6):
            _output_adjoint(patch, q * 4 * BLOCK, BLOCK, spectrum, q * 6 * stride + tile * f + low, stride, n)


# ---- two dimensions: weights --------------------------------------------------------------------------------------


@inner
def transform_weights(w, size, low, high, patch, u):
    """U = G g G^T for the channel pairs low ... high - 1 of `size`; w (9 * size), u (36 * size)."""
    for first in range(low, high, BLOCK):
        n = min(BLOCK, high - first)
        for k in range(3):
            _weight(w, k * size + first, 3 * size, patch, k * BLOCK, 3 * BLOCK, n)
        for q in range(6):
            _weight(patch, q * 3 * BLOCK, BLOCK, u, q * 6 * size + first, size, n)


@inner
def transform_weight_gradient(u, size, low, high, patch, dw):
    """dg = G^T U G, the adjoint of `transform_weights`."""
    for first in range(low, high, BLOCK):
        n = min(BLOCK, high - first)
        for q in range(6):
            _weight_adjoint(u, q * 6 * size + first, size, patch, q * 3 * BLOCK, BLOCK, n)
        for k in range(3):
            _weight_adjoint(patch, k * BLOCK, 3 * BLOCK, dw, k * size + first, 3 * size, n)
