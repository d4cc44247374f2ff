"""The kernel behind augmentation: a batch of images read at moved positions, bilinearly, in one pass."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from glassnet.data.moves import EDGE, REFLECT, ZERO
from glassnet.nn.kernels.options import inner
from glassnet.nn.kernels.sharing import shared

__all__ = ["elastic_noise", "warp"]

# FP contraction and reassociation stay off: the same parameters give the same bits on any number of threads.
_exact = partial(inner, fastmath=False)
_shared_exactly = partial(shared, fastmath=False)


@_exact
def _pixel(image: Any, y: Any, x: Any, k: Any) -> Any:
    """A pixel as a float, 0 outside the image."""
    height, width = image.shape[:2]
    return float(image[y, x, k]) if 0 <= y < height and 0 <= x < width else 0.0


@_exact
def _within(place: Any, size: Any, border: Any) -> Any:
    """The place of a line of `size` pixels that is seen at `place`; at -1 and at `size` there are zeros."""
    if border == EDGE:
        return min(max(place, 0.0), size - 1.0)
    if border == REFLECT:
        period = max(2.0 * (size - 1.0), 1.0)
        folded = abs(place) % period
        return max(min(folded, period - folded), 0.0) if size > 1 else 0.0
    return min(max(place, -1.0), float(size))


@_shared_exactly
def warp(images: Any, affine: Any, field: Any, border: int, half: float, out: Any, t: int, parts: int) -> None:
    """out[n, y, x, c] = images[n] at (v, u), with (u, v) = A_n (x + dx, y + dy) and (dx, dy) the displacement there.

    Share t of the images.

    Parameters
    ----------
    images, out : (N, H, W, C) array
        The same type.
    affine : (N, 2, 3) float64 array
        (u, v) = (a x + b y + c, d x + e y + f) in pixels, origin at the first pixel's centre.
    field : (N, 2, H, W) float32 array
        Displacements (dx, dy) in pixels, or (0, 2, 1, 1) for none.
    border : int
        EDGE, ZERO or REFLECT of `glassnet.data.moves`: what is seen beyond the edge.
    half : float
        0.5 for whole-number pixels (rounds to nearest as the value is cut), 0.0 for floats.

    Notes
    -----
    A position on a pixel's centre gives that pixel exactly.
    """
    count, height, width, channels = images.shape
    moved = field.shape[0] > 0
    for n in range(count * t // parts, count * (t + 1) // parts):
        a, b, c = affine[n, 0, 0], affine[n, 0, 1], affine[n, 0, 2]
        d, e, f = affine[n, 1, 0], affine[n, 1, 1], affine[n, 1, 2]
        for y in range(height):
            for x in range(width):
                px, py = float(x), float(y)
                if moved:
                    px += field[n, 0, y, x]
                    py += field[n, 1, y, x]
                u = _within(a * px + b * py + c, width, border)
                v = _within(d * px + e * py + f, height, border)
                x0, y0 = int(np.floor(u)), int(np.floor(v))
                fx, fy = u - x0, v - y0
                if border == ZERO:
                    for k in range(channels):
                        top = (1.0 - fx) * _pixel(images[n], y0, x0, k) + fx * _pixel(images[n], y0, x0 + 1, k)
                        bottom = (1.0 - fx) * _pixel(images[n], y0 + 1, x0, k)
                        bottom += fx * _pixel(images[n], y0 + 1, x0 + 1, k)
                        out[n, y, x, k] = (1.0 - fy) * top + fy * bottom + half
                    continue
                x1, y1 = min(x0 + 1, width - 1), min(y0 + 1, height - 1)
                for k in range(channels):
                    top = (1.0 - fx) * images[n, y0, x0, k] + fx * images[n, y0, x1, k]
                    bottom = (1.0 - fx) * images[n, y1, x0, k] + fx * images[n, y1, x1, k]
                    out[n, y, x, k] = (1.0 - fy) * top + fy * bottom + half


@_exact
def _mix(state: Any) -> Any:
    """The output function of SplitMix64 (Steele, Lea and Flood, OOPSLA 2014): 64 bits in, 64 well-mixed bits out."""
    state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return state ^ (state >> np.uint64(31))


@_shared_exactly
def elastic_noise(keys: Any, weights: Any, alpha: float, field: Any, t: int, parts: int) -> None:
    """field[n] = alpha times uniform noise in (-1, 1), smoothed by `weights` along rows and columns.

    Share t of the images.

    Parameters
    ----------
    keys : (N,) uint64 array
        Image n's noise is a function of keys[n] alone.
    weights : (2 r + 1,) float64 array
        A Gaussian that sums to 1.
    field : (N, 2, H, W) float32 array
        Is written.

    Notes
    -----
    The noise goes on beyond the edges (it is drawn on a frame wider by r), so that displacements are as large there.
    """
    count, planes, height, width = field.shape
    r = (weights.shape[0] - 1) // 2
    wide, high = width + 2 * r, height + 2 * r
    for n in range(count * t // parts, count * (t + 1) // parts):
        rows = np.empty((high, width))
        line = np.empty(wide)
        for p in range(planes):
            for y in range(high):
                for x in range(wide):
                    counter = np.uint64((p * high + y) * wide + x + 1)
                    bits = _mix(keys[n] + counter * np.uint64(0x9E3779B97F4A7C15))
                    line[x] = float(bits >> np.uint64(11)) * (2.0 / 9007199254740992.0) - 1.0
                for x in range(width):
                    total = 0.0
                    for k in range(2 * r + 1):
                        total += weights[k] * line[x + k]
                    rows[y, x] = total
            for y in range(height):
                for x in range(width):
                    total = 0.0
                    for k in range(2 * r + 1):
                        total += weights[k] * rows[y + k, x]
                    field[n, p, y, x] = alpha * total
