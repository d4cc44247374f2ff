"""Sums of arrays, and columns copied between matrices of different widths."""

from __future__ import annotations

from numba import njit, prange

from glassnet.nn.kernels.options import PARALLEL, SERIAL

# mypy: disable-error-code="no-untyped-def"


@njit(**SERIAL)
def add(a, b, relu, y):
    zero = y.dtype.type(0)
    if relu:
        for i in range(a.size):
            s = a[i] + b[i]
            y[i] = zero if s < zero else s
    else:
        for i in range(a.size):
            y[i] = a[i] + b[i]


@njit(**PARALLEL)
def add_shared(a, b, relu, y, parts):
    for t in prange(parts):
        lo, hi = a.size * t // parts, a.size * (t + 1) // parts
        add(a[lo:hi], b[lo:hi], relu, y[lo:hi])


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
