"""Batch normalisation over the rows of (n, d), shared among threads.

Sums over rows are taken in runs short enough for the arrays' own precision, and the runs are added up in float64.
Values are shifted by about their mean before they are squared, so that nothing cancels.
"""

from __future__ import annotations

from numba import njit, prange

from glassnet.nn.kernels.options import PARALLEL, SERIAL

# mypy: disable-error-code="no-untyped-def"

_RUN = 64  # rows that are added up in the arrays' own precision


@njit(**SERIAL)
def _fold(short, total):
    """total += short; short = 0."""
    for j in range(short.size):
        total[j] += short[j]
        short[j] = 0


@njit(**SERIAL)
def _shifted_sums(x, shift, short, square, total, total_square):
    for j in range(x.shape[1]):
        short[j] = 0
        square[j] = 0
        total[j] = 0
        total_square[j] = 0
    for i in range(x.shape[0]):
        row = x[i]
        for j in range(row.size):
            v = row[j] - shift[j]
            short[j] += v
            square[j] += v * v
        if (i + 1) % _RUN == 0:
            _fold(short, total)
            _fold(square, total_square)
    _fold(short, total)
    _fold(square, total_square)


@njit(**PARALLEL)
def moments(x, shift, scratch, sums, mean, variance, parts):
    """Mean and biased variance (float64) of each column of x; `shift` (d,) is near the mean.

    scratch (parts, 2, d) in the dtype of x and sums (parts, 2, d) in float64 are written.
    """
    n = x.shape[0]
    for t in prange(parts):
        lo, hi = n * t // parts, n * (t + 1) // parts
        _shifted_sums(x[lo:hi], shift, scratch[t, 0], scratch[t, 1], sums[t, 0], sums[t, 1])
    for j in range(x.shape[1]):
        first, second = 0.0, 0.0
        for t in range(parts):
            first += sums[t, 0, j]
            second += sums[t, 1, j]
        first /= n
        mean[j] = shift[j] + first
        variance[j] = max(second / n - first * first, 0.0)


@njit(**PARALLEL)
def normalise(x, mean, slope, shift, relu, y, parts):
    """y = (x - mean) slope + shift, and max(0, y) with `relu`."""
    zero = y.dtype.type(0)
    n = x.shape[0]
    for t in prange(parts):
        for i in range(n * t // parts, n * (t + 1) // parts):
            row, out = x[i], y[i]
            if relu:
                for j in range(row.size):
                    v = (row[j] - mean[j]) * slope[j] + shift[j]
                    out[j] = zero if v < zero else v
            else:
                for j in range(row.size):
                    out[j] = (row[j] - mean[j]) * slope[j] + shift[j]


@njit(**SERIAL)
def _gradient_sums(dy, x, mean, slope, shift, relu, short, product, total, total_product):
    zero = x.dtype.type(0)
    for j in range(x.shape[1]):
        short[j] = 0
        product[j] = 0
        total[j] = 0
        total_product[j] = 0
    for i in range(x.shape[0]):
        row, up = x[i], dy[i]
        for j in range(row.size):
            c = row[j] - mean[j]
            d = up[j]
            if relu:
                d = d if c * slope[j] + shift[j] > zero else zero
            short[j] += d
            product[j] += d * c
        if (i + 1) % _RUN == 0:
            _fold(short, total)
            _fold(product, total_product)
    _fold(short, total)
    _fold(product, total_product)


@njit(**PARALLEL)
def gradient_sums(dy, x, mean, slope, shift, relu, scratch, sums, parts):
    """sums[0] (2, d) = sum of dy and of dy (x - mean) over rows; dy counts where the ReLU, if any, let y through.

    scratch (parts, 2, d) in the dtype of x and sums (parts, 2, d) in float64 are written.
    """
    n = x.shape[0]
    for t in prange(parts):
        lo, hi = n * t // parts, n * (t + 1) // parts
        _gradient_sums(
            dy[lo:hi], x[lo:hi], mean, slope, shift, relu, scratch[t, 0], scratch[t, 1], sums[t, 0], sums[t, 1]
        )
    for t in range(1, parts):
        for j in range(x.shape[1]):
            sums[0, 0, j] += sums[t, 0, j]
            sums[0, 1, j] += sums[t, 1, j]


@njit(**PARALLEL)
def input_gradient(dy, x, mean, slope, shift, relu, constant, factor, dx, parts):
    """dx = slope (dy - constant - (x - mean) factor), with dy masked by the ReLU if there is one; dx may be dy."""
    zero = x.dtype.type(0)
    n = x.shape[0]
    for t in prange(parts):
        for i in range(n * t // parts, n * (t + 1) // parts):
            row, up, out = x[i], dy[i], dx[i]
            for j in range(row.size):
                c = row[j] - mean[j]
                d = up[j]
                if relu:
                    d = d if c * slope[j] + shift[j] > zero else zero
                out[j] = slope[j] * (d - constant[j] - c * factor[j])
