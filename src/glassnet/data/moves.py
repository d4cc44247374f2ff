"""The kernels behind augmentation by whole pixels: pictures gathered, moved, mirrored and looked up in one pass."""

from __future__ import annotations

import numpy as np

from glassnet.nn.kernels.options import SERIAL, inner, njit
from glassnet.nn.kernels.sharing import shared

# mypy: disable-error-code="no-untyped-def"

__all__ = ["BORDERS", "EDGE", "REFLECT", "ZERO", "cover", "look_up"]

# How a picture goes on beyond its edges: with its edge pixels, with zeros, or mirrored about the edge pixels' centres.
EDGE, ZERO, REFLECT = 0, 1, 2
BORDERS = {"edge": EDGE, "zero": ZERO, "reflect": REFLECT}


@inner
def _source(place, size, border):
    """The pixel of a line of `size` pixels that is seen at `place`, or -1 for none."""
    if 0 <= place < size:
        return place
    if border == EDGE:
        return 0 if place < 0 else size - 1
    if border == ZERO:
        return -1
    if size == 1:
        return 0
    folded = place % (2 * size - 2)
    return folded if folded < size else 2 * size - 2 - folded


@inner
def _cover(picture, top, left, side, colour):
    height, width, channels = picture.shape
    for y in range(max(top, 0), min(top + side, height)):
        for x in range(max(left, 0), min(left + side, width)):
            for k in range(channels):
                picture[y, x, k] = colour[k]


@njit(**SERIAL)
def cover(pictures, corners, side, colour):
    """Fill the square of `side` pixels at corners[n] = (top, left) of every picture (H, W, C) with `colour` (C,).

    The part of a square that lies outside the picture is left out.
    """
    for n in range(pictures.shape[0]):
        _cover(pictures[n], corners[n, 0], corners[n, 1], side, colour)


@shared
def look_up(images, rows, moves, border, corners, side, colour, table, out, t, parts):
    """out[i, y, x, c] = table[c, images[rows[i], y + down, sign x + right, c]], then a square covered.

    Parameters
    ----------
    images : (N, H, W, C) uint8 array
    rows : (n,) array
        Which of them.
    moves : (n, 3) array
        Whole numbers (sign, right, down) in pixels, sign -1 for a mirrored picture.
    border : int
        EDGE, ZERO (a pixel of value 0, looked up like any other) or REFLECT.
    corners : (n, 2) array
        As `cover` takes them.
    side : int
        Of the square that is covered; 0 covers none.
    colour : (C,) array
        What covers it.
    table : (C, 256) array
        What every value of a channel becomes.
    out : (n, H, W, C) array
        The type of the table.
    """
    height, width, channels = images.shape[1:]
    columns = np.empty(width, np.int64)  # where a line's pixels come from, in values; below 0: a zero
    for i in range(rows.size * t // parts, rows.size * (t + 1) // parts):
        picture, result = images[rows[i]].reshape(height, width * channels), out[i]
        for x in range(width):
            columns[x] = channels * _source(moves[i, 0] * x + moves[i, 1], width, border)
        for y in range(height):
            v = _source(y + moves[i, 2], height, border)
            line, seen = result[y].reshape(width * channels), picture[max(v, 0)]
            for k in range(channels):  # the outer loop: one row of the table at a time
                entry = table[k]
                if v < 0:
                    for x in range(width):
                        line[x * channels + k] = entry[0]
                else:
                    for x in range(width):
                        u = columns[x]
                        line[x * channels + k] = entry[seen[np.uint64(u + k)]] if u >= 0 else entry[0]
        if side:
            _cover(result, corners[i, 0], corners[i, 1], side, colour)
