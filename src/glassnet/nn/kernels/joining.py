"""Sums of arrays, and columns copied between matrices of different widths."""

from __future__ import annotations

from numba import njit

from glassnet.nn.kernels.options import SERIAL
from glassnet.nn.kernels.rectify import bounds, clamped
from glassnet.nn.kernels.sharing import shared

# mypy: disable-error-code="no-untyped-def"


@shared
def add(a, b, relu, y, t, parts):
    low, high = bounds(relu, y)
    lo, hi = a.size * t // parts, a.size * (t + 1) // parts
    a, b, y = a[lo:hi], b[lo:hi], y[lo:hi]
    if relu > 0:
        for i in range(a.size):
            y[i] = clamped(a[i] + b[i], low, high)
    else:
        for i in range(a.size):
            y[i] = a[i] + b[i]


@njit(**SERIAL)
def put_columns(part, rows, start):
    """rows[:, start : start + width] = part."""
    for i in range(part.shape[0]):
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
