"""Pen trajectories measured: where the baseline of a word runs, how wide the gaps within it are, how tall a line is."""

from __future__ import annotations

import numpy as np

from glassnet.nn.kernels.options import SERIAL, inner, njit

__all__ = ["ink_span", "measure_words"]


@njit(**SERIAL)
def measure_words(xy, strokes, samples, chosen, tops, bottoms, lowest, out):  # type: ignore[no-untyped-def]
    """For each chosen sample (left, top, right, bottom, baseline, widest gap), in the units of `xy`, y down.

    `tops` and `bottoms` say how far, in heights of a capital, the text of a chosen sample reaches above its baseline
    and below it; `lowest` how far below where letters such as f, which some write so, have a descender. Where the
    baseline would be by that is the flat middle of a bell; the points where the pen turns from down to up vote for the
    places near them, and the place with the most votes under the bell is the baseline. The widest gap is that between
    strokes, seen from below.
    """
    most = 0
    for i in chosen:
        most = max(most, strokes[samples[i + 1]] - strokes[samples[i]])
    turns = np.empty(most, np.float32)
    for n in range(len(chosen)):
        first, last = samples[chosen[n]], samples[chosen[n] + 1]
        left, top = np.float32(xy[strokes[first], 0]), np.float32(xy[strokes[first], 1])
        right, bottom = left, top
        count = 0
        for s in range(first, last):
            begin, end = strokes[s], strokes[s + 1]
            for p in range(begin, end):
                x, y = np.float32(xy[p, 0]), np.float32(xy[p, 1])
                left, right, top, bottom = min(left, x), max(right, x), min(top, y), max(bottom, y)
                if (p == begin or xy[p - 1, 1] < y) and (p == end - 1 or xy[p + 1, 1] <= y):
                    turns[count] = y
                    count += 1
        height = max(np.float32(1.0), bottom - top)
        low = bottom + height * bottoms[n] / max(np.float32(0.1), tops[n] - bottoms[n])
        high = bottom + height * lowest[n] / max(np.float32(0.1), tops[n] - lowest[n])
        spread = (np.float32(0.08) if bottoms[n] > -0.1 else np.float32(0.14)) * height
        out[n, 0], out[n, 1], out[n, 2], out[n, 3] = left, top, right, bottom
        out[n, 4] = _most_votes(turns[:count], high, low, spread, np.float32(0.05) * height)
        out[n, 5] = _widest_gap(xy, strokes, first, last, left)


@inner
def _most_votes(turns, high, low, spread, near):  # type: ignore[no-untyped-def]
    """The place with the most votes nearby, under a bell around `high` to `low`; `low` where none votes."""
    best, place = np.float32(0.02), low
    for i in range(len(turns)):
        votes, total = np.float32(0.0), np.float32(0.0)
        for j in range(len(turns)):
            off = (turns[j] - turns[i]) / near
            weight = np.exp(-off * off)
            votes += weight
            total += weight * turns[j]
        off = max(np.float32(0.0), high - turns[i], turns[i] - low) / spread
        score = votes * np.exp(np.float32(-0.5) * off * off)
        if score > best:
            best, place = score, total / votes
    return place


@inner
def _widest_gap(xy, strokes, first, last, left):  # type: ignore[no-untyped-def]
    """The widest stretch of x that no stroke covers, between the first and the last that one does; 0 at least."""
    widest, reached = np.float32(0.0), left
    while True:
        start, stop = np.float32(np.inf), reached  # the next stroke that begins to the right of what is covered
        for s in range(first, last):
            low, high = np.float32(xy[strokes[s], 0]), np.float32(xy[strokes[s], 0])
            for p in range(strokes[s] + 1, strokes[s + 1]):
                low, high = min(low, np.float32(xy[p, 0])), max(high, np.float32(xy[p, 0]))
            if low <= reached:
                stop = max(stop, high)
            else:
                start = min(start, low)
        if stop > reached:
            reached = stop
        elif start < np.inf:
            widest, reached = max(widest, start - reached), start
        else:
            return widest


@njit(**SERIAL)
def ink_span(points, starts, step, share):  # type: ignore[no-untyped-def]
    """(top, bottom) of strokes but for a share of their length at either end, measured in steps of `step` along them.

    points (p, 2) float32, y down; starts (s + 1,).
    """
    low, high = points[:, 1].min(), points[:, 1].max()
    counts = np.zeros(256, np.int64)
    scale = np.float32(255) / max(high - low, np.float32(1e-6))
    for s in range(len(starts) - 1):
        last = starts[s + 1] - 1
        for k in range(starts[s], max(starts[s] + 1, last)):
            other = min(k + 1, last)
            dx, dy = points[other, 0] - points[k, 0], points[other, 1] - points[k, 1]
            pieces = 1 + int(np.sqrt(dx * dx + dy * dy) / step)
            for piece in range(pieces):
                counts[int((points[k, 1] + dy * ((piece + 0.5) / pieces) - low) * scale)] += 1
    cut = share * counts.sum()
    first, left = 0, cut
    while counts[first] <= left:
        left -= counts[first]
        first += 1
    last, left = 255, cut
    while counts[last] <= left:
        left -= counts[last]
        last -= 1
    return low + first / scale, low + (last + 1) / scale if last < 255 else high
