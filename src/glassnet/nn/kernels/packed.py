"""1x1 convolutions with weights that lie as the kernel reads them: in tiles' widths, one after the other.

A general matrix product copies its operands into such an order at every call. Weights that stay as they are can be laid
out once (`Network.pack`), and the pixels are read as they lie, a number at a time, so nothing is copied (`tiles`).
"""

from __future__ import annotations

import numpy as np

from glassnet.nn.kernels.convolution import block_of, finish_block, goes_straight, results_of
from glassnet.nn.kernels.options import inner
from glassnet.nn.kernels.sharing import shared
from glassnet.nn.kernels.tiles import MOST_ROWS, ROWS, VECTORS, products
from glassnet.nn.kernels.vector import lanes, lanes_of

__all__ = ["fits", "forward", "pack"]

# mypy: disable-error-code="no-untyped-def"


def fits(f: int, itemsize: int) -> bool:
    """Whether f columns fill whole vectors, which they must."""
    return f % lanes(itemsize) == 0


def pack(w: np.ndarray) -> np.ndarray:
    """The matrix w (c, f) in the order in which it is read: (tiles, c, a tile's width), flat, filled up with zeros."""
    (c, f), tile = w.shape, VECTORS * lanes(w.itemsize)
    wide = np.zeros((c, -(-f // tile) * tile), w.dtype)
    wide[:, :f] = w
    return np.ascontiguousarray(wide.reshape(c, -1, tile).swapaxes(0, 1)).reshape(-1)


@inner
def _multiply(x, starts, m, offsets, w, f, z):
    """z (m, f) = x times packed w, both flat; starts, offsets: of rows and of a row's numbers, see `tiles.listed`."""
    lane = lanes_of(z)
    depth, tile = offsets.size - MOST_ROWS, VECTORS * lane
    none = np.int64(0)
    for begin in range(0, f, tile):
        vectors = min(VECTORS, (f - begin) // lane)
        whole = m // ROWS[vectors - 1] * ROWS[vectors - 1]
        products(x, starts, whole, offsets, w, begin * depth, tile, z, begin, f, vectors, False)
        if whole < m:  # a last tile may hang over, and so it is written elsewhere
            last, over = np.zeros(MOST_ROWS, np.int64), np.empty(MOST_ROWS * tile, z.dtype)
            last[: m - whole] = starts[whole:m]
            products(x, last, m - whole, offsets, w, begin * depth, tile, over, none, tile, vectors, False)
            for r in range(m - whole):
                at = (whole + r) * f + begin
                z[at : at + vectors * lane] = over[r * tile : r * tile + vectors * lane]


@shared
def forward(x, w, starts, offsets, a, b, g, relu, pool, y, index, scratch, t, parts):
    """y = epilogue of the 1x1 convolution of x with packed w; see `convolution.forward`, of which g is a PRODUCT.

    starts: of the pixels of a block, offsets: of a pixel's channels, see `narrow.places`; scratch (parts, room for a
    block's results where they do not go straight into y).
    """
    n = y.shape[0]
    tasks = -(-n // g.images) * g.blocks
    flat, straight = y.reshape(-1), goes_straight(g, pool)
    for task in range(tasks * t // parts, tasks * (t + 1) // parts):
        block = block_of(task, n, g)
        z = results_of(block, g, straight, flat, scratch[t])
        begin = (block[0] * g.h + block[2]) * g.w * g.c
        _multiply(x[begin:], starts, z.size // g.f, offsets, w, g.f, z)
        finish_block(block, g, straight, z, a, b, relu, pool, y, index)
