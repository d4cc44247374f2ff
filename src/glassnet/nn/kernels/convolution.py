"""Convolution as matrix products over blocks that stay in cache.

The pixels that the kernel sees are copied side by side ("expanded"), so that the convolution becomes a product with the
weights. To expand everything, (n oh ow, kh kw c), would move kh kw times the image through memory. Instead only the
kernel's width is expanded, kw c numbers for each output column and each input row, and only for a block of output rows
of one image (or of a few whole images where they are small), which is used while in cache. Kernel row a multiplies the
rows a, a + sh, a + 2 sh, ...: kh products, each adding to the last. A 1x1 kernel needs no expansion at all (PRODUCT).

Backwards the expansion is made again (cheaper than keeping it). With E the expansion and G the gradient of the block's
results, dW += E^T G, and E's own gradient G W^T is added back to the pixels that E was copied from. Images are shared
among the threads in ranges, each with a dW of its own; the sum over threads comes last.
"""

from __future__ import annotations

from glassnet.nn.kernels.blas import gemm
from glassnet.nn.kernels.epilogue import finish, finish_in_place, start
from glassnet.nn.kernels.expansion import PRODUCT, collect, expand, product_row, row_count
from glassnet.nn.kernels.options import inner
from glassnet.nn.kernels.sharing import shared

# mypy: disable-error-code="no-untyped-def"

_KEEP, _TURN = 111, 112  # cblas' constants for an operand as it is and transposed


@inner
def block_of(task, n, g):
    """(first image, end, first output row, end) of a task."""
    n0 = task // g.blocks * g.images
    r0 = task % g.blocks * g.rows
    return n0, min(n0 + g.images, n), r0, min(r0 + g.rows, g.oh)


@shared
def forward(x, w, a, b, g, relu, pool, y, index, scratch, t, parts):
    """y = epilogue of the convolution of x with w; blocks shared among threads.

    x, w: flat arrays; a, b (f,) or empty; y (n, rows, columns, f), index likewise where `pool`; g: `Geometry`;
    scratch (parts, room for an expansion and, where they do not go straight into y, for results).
    """
    n = y.shape[0]
    tasks = -(-n // g.images) * g.blocks
    flat, straight = y.reshape(-1), goes_straight(g, pool)
    for task in range(tasks * t // parts, tasks * (t + 1) // parts):
        block = block_of(task, n, g)
        z = results_of(block, g, straight, flat, scratch[t])
        e = scratch[t] if straight else scratch[t, z.size :]
        _multiply(x, w, *block, g, e, z)
        finish_block(block, g, straight, z, a, b, relu, pool, y, index)


@inner
def goes_straight(g, pool):
    """Whether the results of blocks are computed where they stay."""
    return not pool and (g.images == 1 or not g.mixed)


@inner
def results_of(block, g, straight, flat, scratch):
    """Memory for a block's results, flat: a part of flat y, or of the scratch memory."""
    n0, n1, r0, r1 = block
    size = (n1 - n0) * (r1 - r0) * g.ow * g.f
    at = (n0 * g.oh + r0) * g.ow * g.f
    return flat[at : at + size] if straight else scratch[:size]


@inner
def finish_block(block, g, straight, z, a, b, relu, pool, y, index):
    """The epilogue of a block's results, into y where they are not there already."""
    n0, n1, r0, r1 = block
    half, z2 = 2 if pool else 1, z.reshape(-1, g.f)
    if straight:
        finish_in_place(z2, a, b, relu)
    else:
        begin, end = r0 // half, r1 // half
        step, width = _layout(n1 - n0, r1 - r0, g)
        for i in range(n0, n1):
            finish(z2[(i - n0) * step :], width, a, b, relu, pool, y[i, begin:end], index[i, begin:end])


@inner
def _layout(images, rows, g):
    """How far apart images, and rows of one image, lie in a block's results."""
    return (g.ow, images * g.ow) if g.mixed else (rows * g.ow, g.ow)


@inner
def _multiply(x, w, n0, n1, r0, r1, g, e, z):
    """z = convolution of a block, without bias."""
    f, length = g.f, g.kw * g.c
    m = (n1 - n0) * (r1 - r0) * g.ow
    if g.kind == PRODUCT:
        gemm(_KEEP, _KEEP, m, f, g.c, 1.0, x[(n0 * g.h + r0) * g.w * g.c :], g.c, w, f, 0.0, z, f)
        return
    expand(x, n0, n1, r0, r1, g, e)
    for a in range(g.kh):
        at = product_row(a, r1 - r0, g) * (n1 - n0) * g.ow * length
        beta = 0.0 if a == 0 else 1.0
        gemm(_KEEP, _KEEP, m, f, length, 1.0, e[at:], length, w[a * length * f :], f, beta, z, f)


@shared
def backward(dy, y, index, x, w, g, relu, pool, weight_gradient, input_gradient, dx, dw, db, scratch, t, parts):
    """dw (parts, kh kw c f) where `weight_gradient`, a share for each thread, db (parts, f), dx where `input_gradient`.

    dy, y, index: (n, rows, columns, f) as in `forward`; x, w: flat; scratch (parts, room for results and an expansion).
    Every thread goes through a range of images (of blocks, where blocks share no pixels).
    """
    n = dy.shape[0]
    groups = -(-n // g.images)
    half = 2 if pool else 1
    db[t] = 0
    if g.kind == PRODUCT:
        lo, hi = groups * g.blocks * t // parts, groups * g.blocks * (t + 1) // parts
    else:
        lo, hi = groups * t // parts * g.blocks, groups * (t + 1) // parts * g.blocks
    if hi == lo:
        dw[t] = 0
    for task in range(lo, hi):
        n0, n1, r0, r1 = block_of(task, n, g)
        m = (n1 - n0) * (r1 - r0) * g.ow
        z, e = scratch[t, : m * g.f], scratch[t, m * g.f :]
        z2 = z.reshape(m, g.f)
        begin, end = r0 // half, r1 // half
        step, width = _layout(n1 - n0, r1 - r0, g)
        for i in range(n0, n1):
            zi, kept = z2[(i - n0) * step :], index[i, begin:end]
            start(dy[i, begin:end], y[i, begin:end], kept, g.ow, width, relu, pool, zi, db[t])
        if weight_gradient:
            _weight_gradient(x, z, n0, n1, r0, r1, g, e, dw[t], 0.0 if task == lo else 1.0)
        if input_gradient:
            _clear(n0, n1, r0, r1, g, dx)
            _input_gradient(z, w, n0, n1, r0, r1, g, e, dx)


@inner
def _clear(n0, n1, r0, r1, g, dx):
    """Zeros where blocks will add to, or (PRODUCT) in a last row that the pooling leaves out."""
    row = g.w * g.c
    if g.kind == PRODUCT:
        if r1 == g.oh:
            dx[((n1 - 1) * g.h + r1) * row : n1 * g.h * row] = 0
    elif r0 == 0:
        dx[n0 * g.h * row : n1 * g.h * row] = 0


@inner
def _weight_gradient(x, z, n0, n1, r0, r1, g, e, dw, beta):
    """dw = beta dw + E^T z for a block."""
    f, length = g.f, g.kw * g.c
    m = (n1 - n0) * (r1 - r0) * g.ow
    if g.kind == PRODUCT:
        gemm(_TURN, _KEEP, g.c, f, m, 1.0, x[(n0 * g.h + r0) * g.w * g.c :], g.c, z, f, beta, dw, f)
        return
    expand(x, n0, n1, r0, r1, g, e)
    for a in range(g.kh):
        at = product_row(a, r1 - r0, g) * (n1 - n0) * g.ow * length
        gemm(_TURN, _KEEP, length, f, m, 1.0, e[at:], length, z, f, beta, dw[a * length * f :], f)


@inner
def _input_gradient(z, w, n0, n1, r0, r1, g, e, dx):
    """dx += the part of a block; in a PRODUCT, where blocks share no pixels, dx = that part."""
    f, length = g.f, g.kw * g.c
    m = (n1 - n0) * (r1 - r0) * g.ow
    if g.kind == PRODUCT:
        gemm(_KEEP, _TURN, m, g.c, f, 1.0, z, f, w, f, 0.0, dx[(n0 * g.h + r0) * g.w * g.c :], g.c)
        return
    e[: row_count(r1 - r0, g) * (n1 - n0) * g.ow * length] = 0
    for a in range(g.kh):
        at = product_row(a, r1 - r0, g) * (n1 - n0) * g.ow * length
        gemm(_KEEP, _TURN, m, length, f, 1.0, z, f, w[a * length * f :], f, 1.0, e[at:], length)
    collect(e, n0, n1, r0, r1, g, dx)
