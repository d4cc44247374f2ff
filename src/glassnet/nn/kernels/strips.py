"""What a camera and the search for ink do to a strip of writing, (h, w) float32, each in place."""

from __future__ import annotations

import numpy as np

from glassnet.nn.kernels.options import SERIAL, inner, njit

__all__ = ["blur", "coarsen", "develop", "paste", "squeeze_blocks"]


@njit(**SERIAL)
def blur(ink, sigma):  # type: ignore[no-untyped-def]
    """A Gaussian over up to 9 pixels, along rows and columns; there is no ink outside."""
    height, width = ink.shape
    reach = min(4, int(np.ceil(3 * sigma)))
    taps = np.empty(reach + 1, np.float32)
    for k in range(reach + 1):
        taps[k] = np.exp(-0.5 * (k / sigma) ** 2)
    taps /= 2 * taps.sum() - 1
    across, down = np.zeros(width + 2 * reach, np.float32), np.zeros((height + 2 * reach, width), np.float32)
    for y in range(height):
        across[reach : reach + width] = ink[y]
        row = down[y + reach]
        for x in range(width):
            row[x] = taps[0] * across[x + reach]
        for k in range(1, reach + 1):
            for x in range(width):
                row[x] += taps[k] * (across[x + reach - k] + across[x + reach + k])
    for y in range(height):
        for x in range(width):
            ink[y, x] = taps[0] * down[y + reach, x]
        for k in range(1, reach + 1):
            for x in range(width):
                ink[y, x] += taps[k] * (down[y + reach - k, x] + down[y + reach + k, x])


@njit(**SERIAL)
def coarsen(ink, factor, x0, y0):  # type: ignore[no-untyped-def]
    """As if photographed with pixels `factor` times as large, (x0, y0) in 0 ... 1 their shift, and enlarged again."""
    height, width = ink.shape
    rows, columns = int(np.ceil(height / factor)) + 2, int(np.ceil(width / factor)) + 2
    coarse = np.empty((rows, columns), np.float32)
    for i in range(rows):
        top, bottom = (i - 1 + y0) * factor, (i + y0) * factor
        for j in range(columns):
            coarse[i, j] = _mean(ink, (j - 1 + x0) * factor, (j + x0) * factor, top, bottom)
    for y in range(height):
        fy = (y + 0.5) / factor + 0.5 - y0
        i = min(rows - 2, int(fy))
        v = np.float32(min(1.0, fy - i))
        for x in range(width):
            fx = (x + 0.5) / factor + 0.5 - x0
            j = min(columns - 2, int(fx))
            u = np.float32(min(1.0, fx - j))
            above = coarse[i, j] + u * (coarse[i, j + 1] - coarse[i, j])
            below = coarse[i + 1, j] + u * (coarse[i + 1, j + 1] - coarse[i + 1, j])
            ink[y, x] = above + v * (below - above)


@inner
def _mean(ink, left, right, top, bottom):  # type: ignore[no-untyped-def]
    """The mean over a rectangle, fractions of pixels included; there is no ink outside."""
    height, width = ink.shape
    total = 0.0
    for y in range(max(0, int(np.floor(top))), min(height, int(np.ceil(bottom)))):
        part = min(bottom, y + 1.0) - max(top, float(y))
        for x in range(max(0, int(np.floor(left))), min(width, int(np.ceil(right)))):
            total += part * (min(right, x + 1.0) - max(left, float(x))) * ink[y, x]
    return total / ((right - left) * (bottom - top))


@njit(**SERIAL)
def paste(canvas, ink, left, top, across, down):  # type: ignore[no-untyped-def]
    """Add ink (h, w) to a canvas, its corner at (left, top), made `across` and `down` times as large: a pixel of the
    canvas has the mean of what it covers."""
    height, width = canvas.shape
    rows, columns = ink.shape
    for y in range(max(0, int(np.floor(top))), min(height, int(np.ceil(top + down * rows)))):
        high, low = (y - top) / down, (y + 1 - top) / down
        for x in range(max(0, int(np.floor(left))), min(width, int(np.ceil(left + across * columns)))):
            here = canvas[y, x] + _mean(ink, (x - left) / across, (x + 1 - left) / across, high, low)
            canvas[y, x] = min(np.float32(1.0), np.float32(here))


@njit(**SERIAL)
def squeeze_blocks(ink, cosines, step, x0, y0):  # type: ignore[no-untyped-def]
    """JPEG's loss: blocks of 8 x 8, the first at (-x0, -y0), in cosines (8, 8), each rounded to a multiple of its step:
    `step`, times one more for each place that it is away from the mean."""
    height, width = ink.shape
    block, half, turned = np.empty((8, 8), np.float32), np.empty((8, 8), np.float32), np.empty((8, 8), np.float32)
    for y in range(8):
        for x in range(8):
            turned[y, x] = cosines[x, y]
    for top in range(-y0, height, 8):
        for left in range(-x0, width, 8):
            dark = False
            for y in range(8):
                for x in range(8):
                    inside = 0 <= top + y < height and 0 <= left + x < width
                    block[y, x] = ink[top + y, left + x] if inside else np.float32(0.0)
                    dark = dark or block[y, x] > 0
            if not dark:
                continue
            for y in range(8):  # half = cosines @ block, block = half @ turned
                for x in range(8):
                    half[y, x] = _sum(cosines, block, y, x)
            for y in range(8):
                for x in range(8):
                    size = step * np.float32(1 + x + y)
                    block[y, x] = size * np.rint(_sum(half, turned, y, x) / size)
            for y in range(8):  # and back
                for x in range(8):
                    half[y, x] = _sum(turned, block, y, x)
            for y in range(8):
                for x in range(8):
                    if 0 <= top + y < height and 0 <= left + x < width:
                        ink[top + y, left + x] = _sum(half, cosines, y, x)


@inner
def _sum(a, b, y, x):  # type: ignore[no-untyped-def]
    """(a @ b)[y, x] of matrices (8, 8)."""
    total = np.float32(0.0)
    for k in range(8):
        total += a[y, k] * b[k, x]
    return total


@njit(**SERIAL)
def develop(ink, grid, cell, depth, least, noise, x0, y0, grain, foot, gain, bend):  # type: ignore[no-untyped-def]
    """Uneven ink, the paper's grain, and what the search for ink makes of both.

    Where the smooth field, `grid` with a knot every `cell` pixels, is above `least`, the ink is weaker: by `depth` for
    a height of 1, by 0.8 at most. `grain` times `noise`, an endless carpet shifted by (x0, y0), comes on top. What is
    below `foot` is taken for paper, the rest times `gain`, at most 1, and its middle tones raised by `bend`.
    """
    height, width = ink.shape
    high, wide = noise.shape
    for y in range(height):
        i = int(y / cell)
        v = np.float32(y / cell - i)
        for x in range(width):
            value = ink[y, x]
            if value > 0 and depth > 0:
                j = int(x / cell)
                u = np.float32(x / cell - j)
                above = grid[i, j] + u * (grid[i, j + 1] - grid[i, j])
                below = grid[i + 1, j] + u * (grid[i + 1, j + 1] - grid[i + 1, j])
                lacks = depth * (above + v * (below - above) - least)
                value *= np.float32(1.0) - min(np.float32(0.8), max(np.float32(0.0), lacks))
            value += grain * noise[(y + y0) % high, (x + x0) % wide]
            value = min(np.float32(1.0), max(np.float32(0.0), gain * (value - foot)))
            ink[y, x] = value + bend * value * (np.float32(1.0) - value)
