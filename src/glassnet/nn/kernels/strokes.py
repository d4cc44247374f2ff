"""Lines of ink on a grid of pixels: a pen's stroke drawn, and long straight runs found."""

from __future__ import annotations

import numpy as np
from numba import njit

from glassnet.nn.kernels.options import SERIAL

__all__ = ["draw_stroke", "draw_strokes", "long_runs"]


@njit(**SERIAL)
def draw_stroke(canvas, points, radii):  # type: ignore[no-untyped-def]
    """The union of discs that move along the points; half a pixel at the edge is soft."""
    height, width = canvas.shape
    for k in range(max(1, len(points) - 1)):
        a, b = points[k], points[min(k + 1, len(points) - 1)]
        r0, r1 = radii[k], radii[min(k + 1, len(points) - 1)]
        reach = max(r0, r1) + 1.0
        dx, dy = b[0] - a[0], b[1] - a[1]
        square = dx * dx + dy * dy
        for y in range(max(0, int(min(a[1], b[1]) - reach)), min(height, int(max(a[1], b[1]) + reach) + 2)):
            for x in range(max(0, int(min(a[0], b[0]) - reach)), min(width, int(max(a[0], b[0]) + reach) + 2)):
                t = 0.0 if square == 0 else ((x - a[0]) * dx + (y - a[1]) * dy) / square
                t = min(1.0, max(0.0, t))
                ex, ey = a[0] + t * dx - x, a[1] + t * dy - y
                cover = r0 + t * (r1 - r0) - np.sqrt(ex * ex + ey * ey) + 0.5
                if cover > canvas[y, x]:
                    canvas[y, x] = min(1.0, cover)


@njit(**SERIAL)
def draw_strokes(canvas, points, radii, starts, edge):  # type: ignore[no-untyped-def]
    """As `draw_stroke` for many: stroke s is the points starts[s] to starts[s + 1] - 1, `edge` pixels of its edge are
    soft. All in float32."""
    height, width = canvas.shape
    scale = np.float32(1.0) / edge
    for s in range(len(starts) - 1):
        last = starts[s + 1] - 1
        for k in range(starts[s], max(starts[s] + 1, last)):
            other = min(k + 1, last)
            ax, ay, r0 = points[k, 0], points[k, 1], radii[k]
            dx, dy, dr = points[other, 0] - ax, points[other, 1] - ay, radii[other] - r0
            reach = max(r0, r0 + dr) + np.float32(0.5) * edge
            square = dx * dx + dy * dy
            inverse = np.float32(0.0) if square == 0 else np.float32(1.0) / square
            top = max(0, int(np.ceil(min(ay, ay + dy) - reach)))
            bottom = min(height - 1, int(np.floor(max(ay, ay + dy) + reach)))
            left = max(0, int(np.ceil(min(ax, ax + dx) - reach)))
            right = min(width - 1, int(np.floor(max(ax, ax + dx) + reach)))
            for y in range(top, bottom + 1):
                fy = np.float32(y) - ay
                for x in range(left, right + 1):
                    fx = np.float32(x) - ax
                    t = min(np.float32(1.0), max(np.float32(0.0), (fx * dx + fy * dy) * inverse))
                    ex, ey = fx - t * dx, fy - t * dy
                    cover = (r0 + t * dr - np.sqrt(ex * ex + ey * ey)) * scale + np.float32(0.5)
                    if cover > canvas[y, x]:
                        canvas[y, x] = min(np.float32(1.0), cover)


@njit(**SERIAL)
def long_runs(mask, least, gap, slope, out):  # type: ignore[no-untyped-def]
    """Set in `out` the pixels of runs of at least `least` columns along lines of this slope (rows down for a column to
    the right), over gaps of up to `gap` that make up no more than a quarter of the run: the strokes of writing stand
    further apart. Each such run passes one of the columns at which runs are looked for."""
    rows, columns = mask.shape
    reach = int(abs(slope) * columns) + 1
    hop = max(1, least // 2)
    for base in range(-reach, rows + reach):
        done = 0
        for look in range(0, columns, hop):
            if look < done:
                continue
            stop, x, dark = -1, look, 0  # to the right
            while x < columns and x - max(stop, look) <= gap:
                y = base + int(np.floor(slope * x + 0.5))
                if 0 <= y < rows and mask[y, x]:
                    stop = x + 1
                    dark += 1
                x += 1
            if stop < 0:
                continue
            done, start, x = stop, look, look - 1  # to the left
            while x >= 0 and start - x <= gap + 1:
                y = base + int(np.floor(slope * x + 0.5))
                if 0 <= y < rows and mask[y, x]:
                    start = x
                    dark += 1
                x -= 1
            if stop - start >= least and 4 * dark >= 3 * (stop - start):
                for x in range(start, stop):
                    y = base + int(np.floor(slope * x + 0.5))
                    if 0 <= y < rows:
                        out[y, x] = True
