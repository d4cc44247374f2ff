"""Depthwise convolution, where every channel has a kernel of its own: direct loops, vectorised over the channels.

There is no sum over channels, so nothing that a matrix product could do well. A kernel row's taps are applied to one
output pixel after the other; the pixel's channels stay in the first-level cache meanwhile.
"""

from __future__ import annotations

from glassnet.nn.kernels.options import inner
from glassnet.nn.kernels.sharing import shared

# mypy: disable-error-code="no-untyped-def"


@inner
def _taps(j, sw, left, kw, width):
    """(first column under the kernel, first and last + 1 tap that fall inside the image) of output column j."""
    at = j * sw - left
    return at, min(max(0, -at), kw), max(min(kw, width - at), 0)


@shared
def forward(x, w, stride, corner, z, t, parts):
    """z (n, oh, ow, c) = convolution of x (n, h, w, c) with w (kh, kw, c), rows shared among threads.

    stride: (sh, sw); corner: (top, left) padding.
    """
    n, oh, ow, c = z.shape
    kh, kw = w.shape[0], w.shape[1]
    for task in range(n * oh * t // parts, n * oh * (t + 1) // parts):
        image, r = task // oh, task % oh
        row = z[image, r].reshape(-1)
        for i in range(row.size):
            row[i] = 0
        for a in range(kh):
            p = r * stride[0] + a - corner[0]
            if 0 <= p < x.shape[1]:
                for j in range(ow):
                    at, lo, hi = _taps(j, stride[1], corner[1], kw, x.shape[2])
                    out = z[image, r, j]
                    for b in range(lo, hi):
                        v, u = x[image, p, at + b], w[a, b]
                        for k in range(c):
                            out[k] += v[k] * u[k]


@shared
def backward(dz, x, w, stride, corner, input_gradient, dx, dw, t, parts):
    """dw (parts, kh, kw, c), a share for each thread, and dx (n, h, w, c) where `input_gradient`."""
    n, oh, ow, c = dz.shape
    kh, kw = w.shape[0], w.shape[1]
    dw[t] = 0
    for image in range(n * t // parts, n * (t + 1) // parts):
        if input_gradient:
            dx[image] = 0
        for r in range(oh):
            for a in range(kh):
                p = r * stride[0] + a - corner[0]
                if 0 <= p < x.shape[1]:
                    for j in range(ow):
                        at, lo, hi = _taps(j, stride[1], corner[1], kw, x.shape[2])
                        g = dz[image, r, j]
                        for b in range(lo, hi):
                            v, total = x[image, p, at + b], dw[t, a, b]
                            for k in range(c):
                                total[k] += g[k] * v[k]
                        if input_gradient:
                            for b in range(lo, hi):
                                u, there = w[a, b], dx[image, p, at + b]
                                for k in range(c):
                                    there[k] += g[k] * u[k]
