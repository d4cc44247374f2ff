"""The passes of a 3x3 convolution by Winograd's F(4x4, 3x3): what is done with which tiles, and when.

A *band* is a row of tiles of one image: four rows of results. Bands are numbered through the batch, shared among the
threads in contiguous ranges, and worked on in chunks of a few dozen tiles, so that the transformed tiles stay in cache
and small images fill a chunk together. For each chunk: transform, 36 matrix products, transform back.

x (n, h, w, c) is read where it lies. Rows and columns of tiles that hang over its edge are zeros that are never
stored; results beyond the edge are never computed into y.
"""

from __future__ import annotations

import numpy as np

from glassnet.nn.kernels import epilogue
from glassnet.nn.kernels.blas import gemm
from glassnet.nn.kernels.options import inner
from glassnet.nn.kernels.sharing import shared
from glassnet.nn.kernels.winograd_transforms import (
    LANES,
    add_input_adjoint,
    transform_input,
    transform_output,
    transform_output_gradient,
    transform_weight_gradient,
    transform_weights,
)

# mypy: disable-error-code="no-untyped-def"

_ZERO, _ONE = np.float32(0), np.float32(1)
_KEEP, _TRANSPOSE = 111, 112


@shared
def weights(w, u, gradient, patch, t, parts):
    """Share t of u[0] (36, size) = G w G^T for w (9, size); or, with `gradient`, of w = G^T (sum of all u) G."""
    size = w.shape[1]
    vectors = size // LANES
    low, high = vectors * t // parts * LANES, vectors * (t + 1) // parts * LANES
    if gradient:
        for other in range(1, u.shape[0]):
            for e in range(36):
                total, part = u[0, e], u[other, e]
                for j in range(low, high):
                    total[j] += part[j]
        transform_weight_gradient(u[0].reshape(-1), size, low, high, patch[t], w.reshape(-1))
    else:
        transform_weights(w.reshape(-1), size, low, high, patch[t], u[0].reshape(-1))


@inner
def _row(images, i, y, outside):
    """Row y of image i, flat; `outside` where the image has no such row."""
    return images[i, y].reshape(-1) if 0 <= y < images.shape[1] else outside


@inner
def _rows(images, i, y, outside):
    return (
        _row(images, i, y, outside),
        _row(images, i, y + 1, outside),
        _row(images, i, y + 2, outside),
        _row(images, i, y + 3, outside),
        _row(images, i, y + 4, outside),
        _row(images, i, y + 5, outside),
    )


@inner
def _transform_bands(x, top, left, low, high, down, across, nothing, patch, v):
    c = x.shape[3]
    flat, stride = v.reshape(-1), v.shape[1]
    for band in range(low, high):
        rows = _rows(x, band // down, 4 * (band % down) - top, nothing)
        for k in range(across):
            transform_input(rows, 4 * k - left, x.shape[2], c, patch, flat, stride, (band - low) * across + k)


@shared
def forward(x, u, a, b, top, left, height, width, relu, pool, size, y, index, nothing, v, m, z, patch, t, parts):
    """Share t of the convolution. u (36, c * f); height, width: of the results before a pool; size: tiles a chunk.

    Scratch of each share: v[t] (36, >= size * c), m[t] (36, >= size * f), z[t] (4 * width, f), patch[t]; `nothing`
    holds a row of zeros.
    """
    c, f = x.shape[3], u.shape[1] // x.shape[3]
    down, across = -(-height // 4), -(-width // 4)
    first, last = x.shape[0] * down * t // parts, x.shape[0] * down * (t + 1) // parts
    chunks = -(-(last - first) // max(1, size // across))
    for chunk in range(chunks):
        low, high = first + (last - first) * chunk // chunks, first + (last - first) * (chunk + 1) // chunks
        _transform_bands(x, top, left, low, high, down, across, nothing, patch[t], v[t])
        for e in range(36):
            gemm(_KEEP, _KEEP, (high - low) * across, f, c, _ONE, v[t, e], c, u[e], f, _ZERO, m[t, e], f)
        flat, stride = m[t].reshape(-1), m.shape[2]
        for band in range(low, high):
            for k in range(across):
                transform_output(flat, stride, (band - low) * across + k, f, patch[t], z[t].reshape(-1), 4 * k, width)
            i, above = band // down, 4 * (band % down)
            r = min(4, height - above)
            lo, hi = (above // 2, (above + r) // 2) if pool else (above, above + r)
            epilogue.finish(z[t, : r * width], width, a, b, relu, pool, y[i, lo:hi], index[i, lo:hi])


@inner
def _transform_gradient_bands(
    dy, y, index, height, width, relu, pool, low, high, down, across, patch, z, m, db
):  # fmt: skip
    f = z.shape[1]
    flat, stride = m.reshape(-1), m.shape[1]
    for band in range(low, high):
        i, above = band // down, 4 * (band % down)
        r = min(4, height - above)
        lo, hi = (above // 2, (above + r) // 2) if pool else (above, above + r)
        epilogue.start(dy[i, lo:hi], y[i, lo:hi], index[i, lo:hi], width, width, relu, pool, z[: r * width], db)
        z[r * width :] = _ZERO
        for k in range(across):
            transform_output_gradient(z.reshape(-1), 4 * k, width, f, patch, flat, stride, (band - low) * across + k)


@inner
def _add_bands(v, top, left, low, high, down, across, nowhere, patch, dx):
    h, w, c = dx.shape[1:]
    flat, stride = v.reshape(-1), v.shape[1]
    for band in range(low, high):
        i, above = band // down, 4 * (band % down) - top
        # The two upper rows of a tile are the two lower ones of the tile above it, which has been there already.
        for row in range(max(0, above if band % down == 0 else above + 2), min(h, above + 6)):
            dx[i, row] = _ZERO
        rows = _rows(dx, i, above, nowhere)
        for k in range(across):
            add_input_adjoint(flat, stride, (band - low) * across + k, c, patch, rows, 4 * k - left, w)


@shared
def backward(
    dy, x, u, y, index, top, left, height, width, relu, pool, size, weight_gradient, input_gradient, dx, du, db,
    nothing, nowhere, v, m, z, patch, t, parts,
):  # fmt: skip
    """Share t of the gradients: dx and du[t] (36, c * f), where they are wanted, and db[t] (f,); the caller adds up.

    Neighbouring bands of an image write to the same rows of dx, so whole images are shared out. Scratch as in
    `forward`; `nowhere[t]` is a row to write to whatever falls outside the image.
    """
    c, f = x.shape[3], u.shape[1] // x.shape[3]
    down, across = -(-height // 4), -(-width // 4)
    first, last = x.shape[0] * t // parts * down, x.shape[0] * (t + 1) // parts * down
    chunks = -(-(last - first) // max(1, size // across))
    db[t] = _ZERO
    if chunks == 0:
        du[t] = _ZERO
    for chunk in range(chunks):
        low, high = first + (last - first) * chunk // chunks, first + (last - first) * (chunk + 1) // chunks
        tiles = (high - low) * across
        if weight_gradient:
            _transform_bands(x, top, left, low, high, down, across, nothing, patch[t], v[t])
        _transform_gradient_bands(
            dy, y, index, height, width, relu, pool, low, high, down, across, patch[t], z[t], m[t], db[t]
        )
        beta = _ZERO if chunk == 0 else _ONE
        for e in range(36):
            if weight_gradient:
                gemm(_TRANSPOSE, _KEEP, c, f, tiles, _ONE, v[t, e], c, m[t, e], f, beta, du[t, e], f)
            if input_gradient:  # into v, which has done its duty
                gemm(_KEEP, _TRANSPOSE, tiles, c, f, _ONE, m[t, e], f, u[e], f, _ZERO, v[t, e], c)
        if input_gradient:
            _add_bands(v[t], top, left, low, high, down, across, nowhere[t], patch[t], dx)
