"""Small pictures of ink, each turned, scaled and moved to its place on a larger one."""

from __future__ import annotations

import numpy as np

from glassnet.nn.kernels.options import SERIAL, njit

__all__ = ["stamp"]


@njit(**SERIAL)
def stamp(canvas, pixels, shapes, places, wave):  # type: ignore[no-untyped-def]
    """Lay pictures on the canvas (H, W) uint8, in place; where ink meets ink the darker one stays.

    pixels: uint8, the pictures one after another, row by row; shapes: int64 (n, 2), their heights and widths, the
    outermost pixels being paper; places: float64 (n, 6), the rows of the affine map (a, b, x; c, d, y) from a picture's
    pixel (column, row) to the canvas's; wave: float64 (W,), how many rows each column of the canvas is lowered.
    """
    height, width = canvas.shape
    lowest, highest = np.min(wave), np.max(wave)
    start = 0
    for k in range(len(shapes)):
        h, w = shapes[k, 0], shapes[k, 1]
        a, b, left, c, d, top = places[k]
        det = a * d - b * c
        x0 = left + min(0.0, a * w) + min(0.0, b * h)
        x1 = left + max(0.0, a * w) + max(0.0, b * h)
        y0 = top + min(0.0, c * w) + min(0.0, d * h) + lowest
        y1 = top + max(0.0, c * w) + max(0.0, d * h) + highest
        for y in range(max(0, int(y0)), min(height, int(y1) + 2)):
            for x in range(max(0, int(x0)), min(width, int(x1) + 2)):
                ex, ey = x - left, y - wave[x] - top
                u, v = (d * ex - b * ey) / det, (a * ey - c * ex) / det
                i, j = int(np.floor(u)), int(np.floor(v))
                if i < 0 or j < 0 or i >= w - 1 or j >= h - 1:
                    continue
                at = start + j * w + i
                fu, fv = u - i, v - j
                above = pixels[at] * (1 - fu) + pixels[at + 1] * fu
                below = pixels[at + w] * (1 - fu) + pixels[at + w + 1] * fu
                ink = np.uint8(above * (1 - fv) + below * fv + 0.5)
                if ink > canvas[y, x]:
                    canvas[y, x] = ink
        start += h * w
