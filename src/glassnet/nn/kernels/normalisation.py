"""Batch normalisation over the rows of (n, d): statistics in float64, then one pass to normalise."""

from __future__ import annotations

import numpy as np
from numba import njit

from glassnet.nn.kernels.options import SERIAL

# mypy: disable-error-code="no-untyped-def"


@njit(**SERIAL)
def moments(x, mean, variance):
    """Mean and biased variance of each column, float64 (two passes: no cancellation)."""
    n, d = x.shape
    mean[:] = 0
    variance[:] = 0
    for i in range(n):
        row = x[i]
        for j in range(d):
            mean[j] += row[j]
    for j in range(d):
        mean[j] /= n
    for i in range(n):
        row = x[i]
        for j in range(d):
            c = row[j] - mean[j]
            variance[j] += c * c
    for j in range(d):
        variance[j] /= n


@njit(**SERIAL)
def normalise(x, mean, inverse_std, scale, shift, normalised, y):
    n, d = x.shape
    for i in range(n):
        row, hat, out = x[i], normalised[i], y[i]
        for j in range(d):
            h = (row[j] - mean[j]) * inverse_std[j]
            hat[j] = h
            out[j] = scale[j] * h + shift[j]


@njit(**SERIAL)
def backward(dy, normalised, inverse_std, scale, dx, dscale, dshift):
    n, d = dy.shape
    sums, products = np.zeros(d), np.zeros(d)
    for i in range(n):
        row, hat = dy[i], normalised[i]
        for j in range(d):
            sums[j] += row[j]
            products[j] += row[j] * hat[j]
    for j in range(d):
        dshift[j] = sums[j]
        dscale[j] = products[j]
        sums[j] /= n
        products[j] /= n
    for i in range(n):
        row, hat, out = dy[i], normalised[i], dx[i]
        for j in range(d):
            out[j] = scale[j] * inverse_std[j] * (row[j] - sums[j] - hat[j] * products[j])
