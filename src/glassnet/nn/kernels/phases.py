"""Rows of pixels split into phases, for the kernels that pool.

Vector registers fill along the innermost axis, which has only three numbers for a colour picture. So a row is first
split: with column stride s, phase f holds the pixels f, f + s, f + 2 s, ... side by side (padding included). What one
tap of the window sees in a whole row of output is then one unbroken slice of one phase, whatever the stride, the
padding, the dilation and the number of channels, and every pixel was moved once only.

`window` is (kh, kw, sh, sw, dh, dw, top, left): size, stride, dilation, padding above and to the left. Pixels are
addressed with unsigned integers in the innermost loops: a signed index costs a test for counting from the end. Filling
and copying are spelt out, since an assignment to a slice takes long to compile and looks for overlaps when it runs.
"""

from __future__ import annotations

import numpy as np

from glassnet.nn.kernels.options import inner

# mypy: disable-error-code="no-untyped-def"

_U = np.uint64
_1, _2 = np.uint64(1), np.uint64(2)


@inner
def fill(values, value):
    for s in range(values.size):
        values[s] = value


@inner
def copy(source, target):
    """target = source, of one size."""
    for s in range(target.size):
        target[s] = source[s]


@inner
def copy_pixels(source, at, step, target, to, stride, count, channels):
    """`count` pixels of flat rows: from `at`, every `step`-th, to `to`, every `stride`-th."""
    u, v, c = _U(at * channels), _U(to * channels), _U(channels)
    du, dv = _U(step * channels), _U(stride * channels)
    if channels == 1:
        for _ in range(count):
            target[v] = source[u]
            u += du
            v += dv
    elif channels == 3:
        for _ in range(count):
            r, g, b = source[u], source[u + _1], source[u + _2]
            target[v], target[v + _1], target[v + _2] = r, g, b
            u += du
            v += dv
    else:
        for _ in range(count):
            for k in range(c):
                target[v + k] = source[u + k]
            u += du
            v += dv


@inner
def split(row, phases, stride, left, channels):
    """Phases of a row of pixels; what lies outside the row keeps what the phases held."""
    width, length = row.size // channels, phases.shape[1] // channels
    for f in range(stride):
        lo = max(0, -((f - left) // stride))  # the first t with t stride + f - left >= 0
        hi = min(length, -((f - left - width) // stride))
        if stride == 1:
            copy(row[(lo - left) * channels : (hi - left) * channels], phases[0, lo * channels : hi * channels])
        elif lo < hi:
            copy_pixels(row, lo * stride + f - left, stride, phases[f], lo, 1, hi - lo, channels)


@inner
def merge(phases, row, stride, left, channels):
    """The reverse of `split`: pixels of the row that no phase holds stay as they are."""
    width, length = row.size // channels, phases.shape[1] // channels
    for f in range(stride):
        lo = max(0, -((f - left) // stride))
        hi = min(length, -((f - left - width) // stride))
        if lo < hi:
            copy_pixels(phases[f], lo, 1, row, lo * stride + f - left, stride, hi - lo, channels)


@inner
def windows_over(lo, hi, oh, window):
    """The rows of windows (begin, stop) that reach any of the rows lo ... hi of an image."""
    kh, _, sh, _, dh, _, top, _ = window
    begin = -(((kh - 1) * dh - top - lo) // sh)  # the first p with p sh - top + (kh - 1) dh >= lo
    stop = -((-hi - top) // sh)  # the first p with p sh - top >= hi
    return max(0, begin), min(oh, stop)
