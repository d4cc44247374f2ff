"""Gathering the rows of a mini-batch."""

from __future__ import annotations

from glassnet.nn.kernels.options import SERIAL, njit
from glassnet.nn.kernels.sharing import shared

# mypy: disable-error-code="no-untyped-def"


@njit(**SERIAL)
def gather(source, rows, out):
    """out[i] = source[rows[i]] for (n, d) arrays."""
    for i in range(rows.size):
        a, b = source[rows[i]], out[i]
        for j in range(b.size):
            b[j] = a[j]


@shared
def gather_shared(source, rows, out, t, parts):
    """The same, shared among threads."""
    lo, hi = rows.size * t // parts, rows.size * (t + 1) // parts
    gather(source, rows[lo:hi], out[lo:hi])
