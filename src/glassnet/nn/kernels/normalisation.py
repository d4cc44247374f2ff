"""Batch normalisation over the last axis of (..., c): statistics in one pass, then one pass to normalise.

Both are bound by memory, so arrays are read as few times as can be, and arithmetic is spent on accuracy. Arrays are
flat; the rows of c numbers are taken several at a time, as one wide row over which the channels repeat, so that few
channels keep the registers as busy as many.

Sums run in the numbers' own precision over `_RUN` wide rows and are then added up in float64. The statistics are those
of distances from a centre near the mean, or else a large mean would swamp a small variance. The centre is the mean of
all rows before (of the first run, its own); each run is joined with the earlier ones by the formula of Chan, Golub and
LeVeque (1983): for a rows with mean m and sum of squared distances M, and b further ones with mean m' and M',

    M <- M + M' + (m' - m)^2 a b / (a + b)        m <- m + (m' - m) b / (a + b)

`line` (3, c) holds centre, slope and offset: y = (x - centre) slope + offset. The difference is taken first, for the
same reason; the offset makes up for the rounding of the centre.
"""

from __future__ import annotations

import numpy as np

from glassnet.nn.kernels.options import SERIAL, inner, njit
from glassnet.nn.kernels.rectify import bounds, clamped, passes
from glassnet.nn.kernels.sharing import shared

# mypy: disable-error-code="no-untyped-def"

_WIDE = 256  # numbers in a wide row, about
_RUN = 32  # wide rows whose sums stay in the numbers' own precision


@inner
def _wide(channels):
    return max(1, _WIDE // channels) * channels


@inner
def _clear(values):
    for k in range(values.size):
        values[k] = 0


@inner
def _repeat(values, out):
    """out = values, values, ... in the dtype of out."""
    for at in range(0, out.size, values.size):
        for k in range(values.size):
            out[at + k] = values[k]


@inner
def _widened(line):
    """The rows of line (r, c), each repeated to a wide row."""
    out = np.empty((line.shape[0], _wide(line.shape[1])), line.dtype)
    for i in range(len(line)):
        _repeat(line[i], out[i])
    return out


@inner
def _fold(wide, out):
    """out (c,), float64 += the sum of the repetitions of c channels in a wide row."""
    for at in range(0, wide.size, out.size):
        for k in range(out.size):
            out[k] += wide[at + k]


# ---- statistics ----------------------------------------------------------------------------------------------------


@shared
def moments(x, n, means, all_squares, t, parts):
    """Mean and sum of squared distances from it (c,), float64, of share t of the n rows of flat x, at least one."""
    lo, hi, mean, squares = n * t // parts, n * (t + 1) // parts, means[t], all_squares[t]
    channels = mean.size
    wide = _wide(channels)
    rows = _RUN * wide // channels
    centre, near, far = np.empty(wide, x.dtype), np.empty(wide, x.dtype), np.empty(wide, x.dtype)
    total, total_squares = np.empty(channels), np.empty(channels)
    _first_centre(x[lo * channels : min(hi, lo + rows) * channels], centre, near, mean)
    _clear(squares)
    for start in range(lo, hi, rows):
        stop = min(hi, start + rows)
        _repeat(mean, centre)
        _clear(near)
        _clear(far)
        _clear(total)
        _clear(total_squares)
        for at in range(start * channels, stop * channels, wide):
            row = x[at : min(at + wide, stop * channels)]
            for j in range(row.size):
                d = row[j] - centre[j]
                near[j] += d
                far[j] += d * d
        _fold(near, total)
        _fold(far, total_squares)
        before, count = start - lo, stop - start
        for k in range(channels):
            from_centre = total[k] / count
            step = centre[k] - mean[k] + from_centre
            squares[k] += total_squares[k] - total[k] * from_centre
            squares[k] += step * step * (before * (count / (before + count)))
            mean[k] += step * (count / (before + count))


@inner
def _first_centre(x, centre, near, mean):
    """mean = that of the first run x, from the distances to its first row: exact where a channel is constant."""
    channels = mean.size
    _repeat(x[:channels], centre)
    _clear(near)
    for at in range(0, x.size, centre.size):
        row = x[at : min(at + centre.size, x.size)]
        for j in range(row.size):
            near[j] += row[j] - centre[j]
    _clear(mean)
    _fold(near, mean)
    for k in range(channels):
        mean[k] = x[k] + mean[k] / (x.size // channels)


@njit(**SERIAL)
def join_moments(means, squares, n):
    """Mean and sum of squared distances of all n rows, in place of those of the first of the shares (parts, c)."""
    parts, channels = means.shape
    mean, total = means[0], squares[0]
    for t in range(1, parts):
        before, count = n * t // parts, n * (t + 1) // parts - n * t // parts
        for k in range(channels):
            step = means[t, k] - mean[k]
            total[k] += squares[t, k] + step * step * (before * (count / (before + count)))
            mean[k] += step * (count / (before + count))


# ---- forward -------------------------------------------------------------------------------------------------------


@njit(**SERIAL)
def coefficients(mean, variance, eps, scale, shift, inverse_std, line):
    """1 / sqrt(variance + eps) (c,), float64, and the line (3, c): centre, slope and offset."""
    for k in range(mean.size):
        inverse_std[k] = 1 / np.sqrt(variance[k] + eps)
        slope = scale[k] * inverse_std[k]
        line[0, k] = mean[k]
        line[1, k] = slope
        line[2, k] = shift[k] + (line[0, k] - mean[k]) * slope


@shared
def coefficients_shared(mean, variance, eps, scale, shift, inverse_std, line, t, parts):
    """`coefficients`, all of them in the first share."""
    if t == 0:
        coefficients(mean, variance, eps, scale, shift, inverse_std, line)


@shared
def epilogue_line(mean, variance, eps, scale, shift, bias, slope, offset, t, parts):
    """slope and offset (c,): the normalisation of x + bias is slope x + offset; bias may be empty. All in share 0."""
    for k in range(mean.size if t == 0 else 0):
        steep = scale[k] / np.sqrt(variance[k] + eps)
        slope[k] = steep
        offset[k] = shift[k] + ((bias[k] if bias.size else 0.0) - mean[k]) * steep


@shared
def normalise(x, line, relu, y, n, t, parts):
    """Share t of the n rows of flat y: (x - centre) slope + offset, and the `relu` of that (see `rectify`)."""
    lo, hi = n * t // parts, n * (t + 1) // parts
    channels = line.shape[1]
    wide = _wide(channels)
    low, high = bounds(relu, y)
    lines = _widened(line)
    centre, slope, offset = lines[0], lines[1], lines[2]
    for at in range(lo * channels, hi * channels, wide):
        row, out = x[at : min(at + wide, hi * channels)], y[at : min(at + wide, hi * channels)]
        if relu > 0:
            for j in range(row.size):
                out[j] = clamped((row[j] - centre[j]) * slope[j] + offset[j], low, high)
        else:
            for j in range(row.size):
                out[j] = (row[j] - centre[j]) * slope[j] + offset[j]


# ---- backward ------------------------------------------------------------------------------------------------------


@shared
def sums_of_gradients(dy, x, line, relu, n, all_sums, all_products, t, parts):
    """Sums (c,), float64, of dz and of dz (x - centre) over share t of the n rows; dz is dy where the ReLU was open."""
    lo, hi, sums, products = n * t // parts, n * (t + 1) // parts, all_sums[t], all_products[t]
    channels = line.shape[1]
    wide, zero = _wide(channels), dy.dtype.type(0)
    low, high = bounds(relu, dy)
    rows = _RUN * wide // channels
    lines = _widened(line)
    centre, slope, offset = lines[0], lines[1], lines[2]
    near, far = np.empty(wide, dy.dtype), np.empty(wide, dy.dtype)
    _clear(sums)
    _clear(products)
    for start in range(lo, hi, rows):
        end = min(hi, start + rows) * channels
        _clear(near)
        _clear(far)
        for at in range(start * channels, end, wide):
            g, row = dy[at : min(at + wide, end)], x[at : min(at + wide, end)]
            if relu > 0:
                for j in range(g.size):
                    d, dz = row[j] - centre[j], g[j]
                    dz = dz if passes(d * slope[j] + offset[j], low, high) else zero
                    near[j] += dz
                    far[j] += dz * d
            else:
                for j in range(g.size):
                    near[j] += g[j]
                    far[j] += g[j] * (row[j] - centre[j])
        _fold(near, sums)
        _fold(far, products)


@njit(**SERIAL)
def add_up(parts):
    """parts[0] = the sum of all rows."""
    for t in range(1, parts.shape[0]):
        for k in range(parts.shape[1]):
            parts[0, k] += parts[t, k]


@njit(**SERIAL)
def gradient_line(sums, products, n, mean, inverse_std, line, dscale, dshift, rest):
    """dscale and dshift (c,), and `rest` (2, c): in training dx = slope dz + rest[0] (x - centre) + rest[1]."""
    for k in range(mean.size):
        from_mean = line[0, k] - mean[k]
        product = (products[k] + from_mean * sums[k]) * inverse_std[k]  # the sum of dz h
        dscale[k] = product
        dshift[k] = sums[k]
        steep = -line[1, k] * inverse_std[k] * product / n
        rest[0, k] = steep
        rest[1, k] = steep * from_mean - line[1, k] * sums[k] / n


@shared
def input_gradient(dy, x, line, relu, train, rest, dx, n, t, parts):
    """Share t of the n rows of dx, which may be dy. In evaluation no more of x is looked at than the ReLU's mask."""
    lo, hi = n * t // parts, n * (t + 1) // parts
    channels = line.shape[1]
    wide, zero = _wide(channels), dy.dtype.type(0)
    low, high = bounds(relu, dy)
    lines, rests = _widened(line), _widened(rest)
    centre, slope, offset, u, v = lines[0], lines[1], lines[2], rests[0], rests[1]
    copy, in_place = np.empty(wide, dy.dtype), dx.ctypes.data == dy.ctypes.data
    for at in range(lo * channels, hi * channels, wide):
        end = min(at + wide, hi * channels)
        g, row, out = dy[at:end], x[at:end], dx[at:end]
        if in_place:  # a loop that writes where it reads is not vectorised
            for j in range(g.size):
                copy[j] = g[j]
            g = copy
        if train and relu > 0:
            for j in range(out.size):
                d, dz = row[j] - centre[j], g[j]
                dz = dz if passes(d * slope[j] + offset[j], low, high) else zero
                out[j] = slope[j] * dz + u[j] * d + v[j]
        elif train:
            for j in range(out.size):
                out[j] = slope[j] * g[j] + u[j] * (row[j] - centre[j]) + v[j]
        elif relu > 0:
            for j in range(out.size):
                dz = g[j] * slope[j]
                out[j] = dz if passes((row[j] - centre[j]) * slope[j] + offset[j], low, high) else zero
        else:
            for j in range(out.size):
                out[j] = slope[j] * g[j]
