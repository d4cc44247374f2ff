"""Lines of ink on a grid of pixels: a pen's stroke drawn, and long smooth lines followed."""

from __future__ import annotations

import numpy as np

from glassnet.nn.kernels.options import SERIAL, inner, njit

__all__ = ["draw_stroke", "draw_strokes", "follow_lines"]

_MEMORY = 32  # columns that say where a line goes on
_FIELDS = 8  # of a line that is followed
_STRETCH = 64  # columns of its own that say how thick it is


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


@inner
def _run_near(at, place):  # type: ignore[no-untyped-def]
    """The run of ink at a place in a column, or next to it; -1 for none."""
    y = int(np.floor(place + 0.5))
    for row in (y, y - 1, y + 1):
        if 0 <= row < len(at) and at[row] >= 0:
            return at[row]
    return -1


@njit(**SERIAL)
def follow_lines(mask, least, thick, gap, share, clear, bend, sense, alone, passed):  # type: ignore[no-untyped-def]
    """Follow thin smooth lines from column to column, and find what ink is theirs alone. Returns their length.

    mask, alone, passed: (columns, rows), of bool, bool and uint8. `alone` is set where there is ink of one line alone,
    `passed` counts the lines that pass a pixel. All run in one direction or square to it, within 15 degrees: that of
    `sense`, the sum of length * (cos 4t, sin 4t) over all lines, t their angles, to which those found are added.

    A line is no steeper than one to one, at least `least` pixels long and at most `thick` across. Gaps of up to `gap`
    columns make up no more than a quarter of it; in no more than 1 - `share` of its columns it meets other ink, or in
    none of more than `clear` columns somewhere. Its slope changes by no more than `bend`.

    Where it goes on is told by the straight line of least squares through its columns so far, later through the last
    of them: an alpha-beta filter whose memory grows and then fades.
    """
    columns, rows = mask.shape
    runs = 0
    for x in range(columns):
        before = False
        for y in range(rows):
            runs += mask[x, y] and not before
            before = mask[x, y]
    start, stop = np.empty(runs, np.int32), np.empty(runs, np.int32)  # of every run of ink down a column
    column, back = np.empty(runs, np.int32), np.full(runs, -1, np.int32)  # its own; the run before it in its line
    at = np.full(rows, -1, np.int32)  # which run lies here
    # Of the lines that are followed: first and last run; columns that are their own, with other ink, since their last
    # run with other ink and without ink; columns in a row without other ink, now and at most.
    room = 4 * rows
    line = np.zeros((room, _FIELDS), np.int32)
    place, slope, before_bend = np.empty(room), np.empty(room), np.empty(room)
    ends, lines = np.empty((8 * runs // least + 1, 2), np.int32), 0
    active, run = 0, 0
    for x in range(columns + 1):
        first = run
        if x < columns:
            y = 0
            while y < rows:
                at[y] = -1
                if not mask[x, y]:
                    y += 1
                    continue
                start[run], column[run], back[run] = y, x, -2
                while y < rows and mask[x, y]:
                    at[y] = run
                    y += 1
                stop[run] = y
                run += 1
        kept = 0
        for k in range(active):
            followed = x < columns
            if followed:
                place[k] += slope[k]
                r = _run_near(at, place[k])
                error = 0.5 * (start[r] + stop[r] - 1) - place[k] if r >= 0 else 0.0
                steep = min(1.0, abs(slope[k])) if line[k, 2] > 2 else 1.0
                if r < 0:
                    line[k, 5] += 1
                elif (
                    back[r] == -2
                    and stop[r] - start[r] <= thick * (1 + 0.42 * steep)
                    and abs(error) <= 1.5 + 0.1 * thick
                ):
                    back[r] = line[k, 1]
                    line[k, 1] = r
                    line[k, 2] += 1
                    line[k, 3] += line[k, 4]
                    line[k, 6] = line[k, 6] + 1 if line[k, 4] == 0 else 1
                    line[k, 7] = max(line[k, 7], line[k, 6])
                    line[k, 4] = line[k, 5] = 0
                    n = min(line[k, 2], _MEMORY)
                    place[k] += error * (4.0 * n - 2) / (n * (n + 1))
                    slope[k] += error * 6.0 / (n * (n + 1))
                    if line[k, 2] == _MEMORY:
                        before_bend[k] = slope[k]
                else:
                    line[k, 4] += 1
                followed = (
                    line[k, 5] <= gap
                    and line[k, 4] + line[k, 5] <= min(line[k, 2], least // 4)
                    and abs(slope[k]) <= 1.1
                    and (line[k, 2] < _MEMORY or abs(slope[k] - before_bend[k]) <= bend)
                )
            if followed:
                for field in range(_FIELDS):
                    line[kept, field] = line[k, field]
                place[kept], slope[kept], before_bend[kept] = place[k], slope[k], before_bend[k]
                kept += 1
                continue
            a, b = line[k, 0], line[k, 1]
            wide = column[b] - column[a] + 1
            rise = 0.5 * (start[b] + stop[b] - start[a] - stop[a])
            long, seen = np.hypot(wide, rise), line[k, 2] + line[k, 3]
            own = line[k, 2] >= share * seen or line[k, 7] > clear
            if own and long >= least and 4 * seen >= 3 * wide and lines < len(ends):
                ends[lines, 0], ends[lines, 1] = a, b
                lines += 1
                sense[0] += long * np.cos(4 * np.arctan2(rise, wide))
                sense[1] += long * np.sin(4 * np.arctan2(rise, wide))
        active = kept
        for r in range(first, run):
            if back[r] == -2 and stop[r] - start[r] <= 1.42 * thick and active < room:
                back[r] = -1
                line[active, 0] = line[active, 1] = r
                line[active, 3] = line[active, 4] = line[active, 5] = 0
                line[active, 2] = line[active, 6] = line[active, 7] = 1
                place[active], slope[active], before_bend[active] = 0.5 * (start[r] + stop[r] - 1), 0.0, 0.0
                active += 1
    total, most = 0.0, np.arctan2(sense[1], sense[0])
    for k in range(lines):
        a, b = ends[k]
        wide, rise = column[b] - column[a] + 1, 0.5 * (start[b] + stop[b] - start[a] - stop[a])
        if np.cos(4 * np.arctan2(rise, wide) - most) > 0.5:
            total += np.hypot(wide, rise)
            _mark_line(mask, start, stop, column, back, b, alone, passed)
    return total


@inner
def _median(values, count):  # type: ignore[no-untyped-def]
    """The median of the first `count` of some whole numbers, rounded down; these come into order. (Numba's own takes
    as long to compile as all of `follow_lines`.)"""
    for i in range(1, count):
        value, j = values[i], i
        while j > 0 and values[j - 1] > value:
            values[j] = values[j - 1]
            j -= 1
        values[j] = value
    return (values[(count - 1) // 2] + values[count // 2]) // 2


@inner
def _mark_line(mask, start, stop, column, back, last, alone, passed):  # type: ignore[no-untyped-def]
    """What `follow_lines` says of one line, which is its runs from the last back to the first. How thick it is there
    is the median of a stretch's runs."""
    heights = np.empty(_STRETCH, np.int64)
    while last >= 0:
        first, count = last, 0
        while count < _STRETCH and (count == 0 or back[first] >= 0):
            first = last if count == 0 else back[first]
            heights[count] = stop[first] - start[first]
            count += 1
        usual = _median(heights, count)
        tallest = 1 + int(np.floor(1.35 * usual + 0.5))
        rise = 0.5 * (start[last] + stop[last] - start[first] - stop[first])
        slope = rise / max(1, column[last] - column[first])
        reach = 0.5 * usual + 1.5
        for _ in range(count):
            x, middle = column[last], 0.5 * (start[last] + stop[last] - 1)
            own = stop[last] - start[last] <= tallest
            for y in range(start[last], stop[last]):
                passed[x, y] += 1
                if own and not _crossed(mask, x, y, middle - reach - y, middle + reach - y, slope):
                    alone[x, y] = True
            before = back[last]
            for between in range(column[before] + 1 if before >= 0 else x, x):  # other ink, or a gap
                t = (between - column[before]) / (x - column[before])
                there = t * middle + (1 - t) * 0.5 * (start[before] + stop[before] - 1)
                top = max(0, int(np.floor(there - 0.5 * usual)))
                for y in range(top, min(mask.shape[1], top + usual + 2)):
                    passed[between, y] += 1
            last = before


@inner
def _crossed(mask, x, y, up, down, slope):  # type: ignore[no-untyped-def]
    """Whether ink lies on both sides of a line, `up` (negative) and `down` from a pixel of it, straight across or at a
    slant: then a stroke passes here."""
    columns, rows = mask.shape
    for slant in range(-2, 3):
        q = 0.5 * slant
        there = 0
        for d in (up, down):
            column, row = x + int(np.floor(q * d + 0.5)), y + int(np.floor((1 + slope * q) * d + 0.5))
            there += 0 <= column < columns and 0 <= row < rows and mask[column, row]
        if there == 2:
            return True
    return False
