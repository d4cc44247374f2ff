"""Dense descriptors of a picture's patches: histograms of its gradients, in the manner of SIFT.

For a grey picture g with values in 0 ... 1 the gradient at a pixel is

    (g_x, g_y) = (g[y, x + 1] - g[y, x - 1], g[y + 1, x] - g[y - 1, x]) / 2,

beyond the border the last pixel repeats. Its length m votes for the two of B directions that its angle lies between,
for each by how near it is: with u = angle / (2 pi / B), direction floor(u) gets m (1 - u + floor(u)) and the next one
m (u - floor(u)). So the votes of a pixel add up to m and change smoothly as the picture turns.

A patch is K x K cells of c pixels. Cell i counts the votes of 2 c rows and columns with a triangle of weights,

    w[d] = 1 - |d - (c - 1/2)| / c,    d = 0 ... 2 c - 1,    sum w = c,

so that a pixel between the middles of two cells is shared among them and a patch that moves by a pixel changes little.
The patch therefore reaches over S = (K + 1) c pixels. Its K K B sums v become

    sqrt(v / max(sum v, f)),    f = S^2 * 0.003:

a vector of length 1, the same whatever is added to the picture and whatever contrast it has, except in patches that are
nearly flat, whose few votes would otherwise be mere noise made large. Euclidean distances between such roots are
Hellinger distances between histograms: no single strong edge decides alone.

Sources: D. Lowe, "Distinctive image features from scale-invariant keypoints", IJCV 2004; the triangle as in A. Vedaldi
and B. Fulkerson, "VLFeat", 2008 (dense SIFT); the root from R. Arandjelovic and A. Zisserman, "Three things everyone
should know to improve object retrieval", CVPR 2012.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from glassnet import threads
from glassnet.nn.kernels.options import inner
from glassnet.nn.kernels.sharing import shared

__all__ = ["CELLS", "DIRECTIONS", "describe", "describe_naive", "reach"]

CELLS, DIRECTIONS = 4, 8
_FLAT = 0.003  # mean slope per pixel (of 0 ... 1) below which a patch is told by less than a whole vector

Floats = npt.NDArray[np.float32]
Points = npt.NDArray[np.int64]


def reach(cell: int) -> int:
    """S: how many rows and columns of pixels a patch of cells of `cell` pixels takes votes from."""
    return (CELLS + 1) * cell


def describe(grey: Floats, points: Points, starts: Points, cell: int) -> Floats:
    """Descriptors of many patches of many pictures.

    Parameters
    ----------
    grey : (N, H, W) float32 array
        Values in 0 ... 1; H and W at least `reach(cell)`.
    points : (M, 2) int64 array
        Row and column of the first pixel of each patch, the whole patch within the picture.
    starts : (N + 1,) int64 array
        The points of picture n are those from starts[n] to starts[n + 1].
    cell : int
        Side of a cell in pixels, c.

    Returns
    -------
    (M, 128) float32 array
        Cell by cell, row by row, the directions of a cell together. No picture changes those of another, on however
        many threads.
    """
    out = np.empty((len(points), CELLS * CELLS * DIRECTIONS), np.float32)
    triangle = (1 - np.abs(np.arange(2 * cell) - (cell - 0.5)) / cell).astype(np.float32)
    floor = np.float32(_FLAT * reach(cell) ** 2)
    parts = max(1, min(threads.count(), len(grey)))
    height, width = grey.shape[1:]
    votes, sums = (np.empty((parts, height, width * DIRECTIONS), np.float32) for _ in range(2))
    _describe(np.ascontiguousarray(grey), points, starts, triangle, floor, votes, sums, out, parts)
    return out


def describe_naive(grey: npt.NDArray[Any], row: int, column: int, cell: int) -> npt.NDArray[np.float64]:
    """(128,) float64: the descriptor of one patch of one picture (H, W), written as the formulas are."""
    picture = np.asarray(grey, np.float64)
    padded = np.pad(picture, 1, mode="edge")
    across, down = (padded[1:-1, 2:] - padded[1:-1, :-2]) / 2, (padded[2:, 1:-1] - padded[:-2, 1:-1]) / 2
    v = np.zeros((CELLS, CELLS, DIRECTIONS))
    for i in range(CELLS):
        for j in range(CELLS):
            for dy in range(2 * cell):
                for dx in range(2 * cell):
                    y, x = row + i * cell + dy, column + j * cell + dx
                    weight = (1 - abs(dy - (cell - 0.5)) / cell) * (1 - abs(dx - (cell - 0.5)) / cell)
                    u = math.atan2(down[y, x], across[y, x]) / (2 * math.pi / DIRECTIONS) % DIRECTIONS
                    votes, first = weight * math.hypot(across[y, x], down[y, x]), math.floor(u)
                    v[i, j, first % DIRECTIONS] += votes * (1 - u + first)
                    v[i, j, (first + 1) % DIRECTIONS] += votes * (u - first)
    return np.asarray(np.sqrt(v / max(v.sum(), _FLAT * reach(cell) ** 2)).ravel())


# ---- the kernel ------------------------------------------------------------------------------------------------------
# mypy: disable-error-code="no-untyped-def"


@shared
def _describe(grey, points, starts, triangle, floor, votes, sums, out, t, parts):
    """Share t of the pictures. `votes` and `sums` (parts, H, W * B) are each thread's votes, and their triangle sums
    (first along the columns, then in place of the votes along the rows)."""
    n, height, width = grey.shape
    taps = len(triangle)
    cell, inside = taps // 2, (width - taps + 1) * DIRECTIONS
    a, b = votes[t], sums[t]
    for picture in range(n * t // parts, n * (t + 1) // parts):
        _vote(grey[picture], a)
        for y in range(height):
            before, after = a[y], b[y]
            after[:inside] = 0
            for d in range(taps):
                weight, shift = triangle[d], d * DIRECTIONS
                for i in range(inside):
                    after[i] += weight * before[i + shift]
        for y in range(height - taps + 1):
            after = a[y]
            after[:inside] = 0
            for d in range(taps):
                weight, before = triangle[d], b[y + d]
                for i in range(inside):
                    after[i] += weight * before[i]
        for m in range(starts[picture], starts[picture + 1]):
            row, column = points[m, 0], points[m, 1]
            own = out[m]
            for i in range(CELLS):
                for j in range(CELLS):
                    first, place = (column + j * cell) * DIRECTIONS, (i * CELLS + j) * DIRECTIONS
                    own[place : place + DIRECTIONS] = a[row + i * cell, first : first + DIRECTIONS]
            total = np.float32(0)
            for v in own:
                total += v
            scale = np.float32(1) / max(total, floor)
            for k in range(len(own)):
                own[k] = np.sqrt(own[k] * scale)


@inner
def _vote(g, votes):
    """The votes (H, W * B) of each pixel of g (H, W)."""
    height, width = g.shape
    half, turns = np.float32(0.5), np.float32(DIRECTIONS / (2 * math.pi))
    for y in range(height):
        above, below, own = g[max(y - 1, 0)], g[min(y + 1, height - 1)], votes[y]
        own[:] = 0
        for x in range(width):
            across = (g[y, min(x + 1, width - 1)] - g[y, max(x - 1, 0)]) * half
            down = (below[x] - above[x]) * half
            length = np.sqrt(across * across + down * down)
            u = np.float32(math.atan2(down, across)) * turns
            if u < 0:
                u += np.float32(DIRECTIONS)
            first = int(u)
            share = u - np.float32(first)
            own[x * DIRECTIONS + first % DIRECTIONS] += length * (1 - share)
            own[x * DIRECTIONS + (first + 1) % DIRECTIONS] += length * share
