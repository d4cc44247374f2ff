"""Sums of arrays, and columns copied between matrices of different widths."""

from __future__ import annotations

from glassnet.nn.kernels.options import SERIAL, njit
from glassnet.nn.kernels.rectify import bounds, clamped
from glassnet.nn.kernels.sharing import shared
from glassnet.nn.kernels.vector import everywhere, lanes_of, load, store, within, zeros

# mypy: disable-error-code="no-untyped-def"


@shared
def add(a, b, relu, y, t, parts):
    """y may be a or b: in vectors, since a plain loop over arrays that overlap would go number by number."""
    low, high = bounds(relu, y)
    lane, least, most = lanes_of(y), everywhere(low, zeros(y)), everywhere(high, zeros(y))
    i, end = a.size * t // parts, a.size * (t + 1) // parts
    while i + lane <= end:
        store(y, i, within(load(a, i) + load(b, i), least, most))
        i += lane
    while i < end:
        y[i] = clamped(a[i] + b[i], low, high)
        i += 1


@shared
def put_columns(part, rows, start, t, parts):
    """rows[:, start : start + width] = part; the rows are shared among threads."""
    for i in range(part.shape[0] * t // parts, part.shape[0] * (t + 1) // parts):
        a, b = part[i], rows[i, start : start + part.shape[1]]
        for j in range(a.size):
            b[j] = a[j]


@njit(**SERIAL)
def get_columns(rows, start, part):
    """part = rows[:, start : start + width]."""
    for i in range(part.shape[0]):
        a, b = rows[i, start:], part[i]
        for j in range(b.size):
            b[j] = a[j]
