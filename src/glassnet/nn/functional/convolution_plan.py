"""How a convolution is to be computed: its sizes, checked, the method, and the blocks that the kernels work through."""

from __future__ import annotations

import functools
from typing import Any, NamedTuple

import numpy as np

from glassnet.errors import GlassnetError
from glassnet.nn.functional.window import Pad, as_pad, as_pair, hashable, output_length
from glassnet.nn.kernels import blas
from glassnet.nn.kernels.expansion import DIRECT, PRODUCT, ROWS, Geometry
from glassnet.nn.kernels.vector import lanes

__all__ = ["METHODS", "Sizes", "blocks", "check", "choose_method", "conv2d_output_shape"]

METHODS = ("product", "rows", "direct", "depthwise", "grouped", "winograd", "numpy")
_KINDS = {"product": PRODUCT, "direct": DIRECT, "rows": ROWS}

_CACHE = 256 * 1024  # bytes that a block's expansion and results may take: half a core's second-level cache
_PIXELS = 256  # results that a product should have at least, since the weights are packed anew for each product
_DIRECT_CACHE = 64 * 1024  # the same for the direct method, which goes through a block many times
_SHALLOW = 384  # kw c up to which direct loops beat products of that depth, with several kernel rows
_DIRECT_WEIGHTS = 512 * 1024  # bytes of weights that they may read again and again: they come from second-level cache
_SHALLOWEST = 32  # the same for a kernel of one row: a single product
_WINOGRAD_CHANNELS = 16
_LANES = lanes(4)  # its transforms work on vectors of so many channels


class Sizes(NamedTuple):
    """All sizes of a convolution, checked against each other."""

    n: int
    h: int
    w: int
    c: int
    kh: int
    kw: int
    f: int
    groups: int
    stride: tuple[int, int]
    pad: Pad
    oh: int
    ow: int


def check(x_shape: tuple[int, ...], w_shape: tuple[int, ...], stride: Any, pad: Any, groups: int) -> Sizes:
    """The sizes of a convolution of x (n, h, w, c) with weights (kh, kw, c / groups, f).

    Raises `GlassnetError` where they do not fit each other.
    """
    try:
        return _check(x_shape, w_shape, stride, pad, groups)
    except TypeError:  # a list is not a key of a cache
        return _check(x_shape, w_shape, hashable(stride), hashable(pad), groups)


@functools.lru_cache(1024, typed=True)  # a step asks for the same sizes again and again
def _check(x_shape: tuple[int, ...], w_shape: tuple[int, ...], stride: Any, pad: Any, groups: int) -> Sizes:
    if len(x_shape) != 4:
        raise GlassnetError(f"A convolution takes images (n, height, width, channels). Got shape {x_shape} instead.")
    if len(w_shape) != 4 or 0 in w_shape:
        raise GlassnetError(f"Convolution weights must be (kh, kw, in / groups, out). Got shape {w_shape} instead.")
    n, h, w, c = x_shape
    kh, kw, depth, f = w_shape
    if not isinstance(groups, int) or groups < 1 or c % groups or f % groups:
        raise GlassnetError(f"groups must divide the {c} input and {f} output channels. Got {groups} instead.")
    if depth * groups != c:
        raise GlassnetError(f"Weights {w_shape} in {groups} groups take {depth * groups} channels. Got {c} instead.")
    strides, margin = as_pair(stride, "stride"), as_pad(pad)
    oh = output_length(h, kh, strides[0], margin.top, margin.bottom)
    ow = output_length(w, kw, strides[1], margin.left, margin.right)
    if oh < 1 or ow < 1:
        raise GlassnetError(
            f"A {kh}x{kw} kernel does not fit into {h}x{w} pixels with padding {tuple(margin)} (top, bottom, "
            "left, right). Take a smaller kernel or more padding."
        )
    return Sizes(n, h, w, c, kh, kw, f, groups, strides, margin, oh, ow)


def conv2d_output_shape(
    x_shape: tuple[int, ...], w_shape: tuple[int, ...], stride: Any = 1, pad: Any = 0, groups: int = 1
) -> tuple[int, int, int, int]:
    """Shape (n, oh, ow, f) of a convolution's result. Raises `GlassnetError` where the sizes do not fit.

    Examples
    --------
    >>> from glassnet.nn import functional as F
    >>> F.conv2d_output_shape((100, 31, 31, 3), (3, 3, 3, 25), stride=2, pad=1)
    (100, 16, 16, 25)
    """
    s = check(x_shape, w_shape, stride, pad, groups)
    return s.n, s.oh, s.ow, s.f


def choose_method(
    x_shape: tuple[int, ...],
    w_shape: tuple[int, ...],
    stride: Any = 1,
    pad: Any = 0,
    groups: int = 1,
    dtype: Any = np.float32,
    *,
    winograd: bool = True,
) -> tuple[str, str]:
    """(name, why) of the method that is expected to be fastest; `winograd=False` rules that one out.

    Examples
    --------
    >>> from glassnet.nn import functional as F
    >>> F.choose_method((64, 32, 32, 64), (3, 3, 64, 64), pad=1)[0]
    'winograd'
    """
    return _choose(check(x_shape, w_shape, stride, pad, groups), np.dtype(dtype) == np.float32, winograd)


@functools.lru_cache(1024)
def _choose(s: Sizes, single: bool, winograd: bool) -> tuple[str, str]:
    if s.groups > 1 and s.groups == s.c:
        return "depthwise", "every channel has kernels of its own: direct loops over the channels"
    if winograd and blas.AVAILABLE and single and fits_winograd(s) and _pays_winograd(s):
        return "winograd", "3x3 with stride 1 and enough channels and pixels: up to 4 times fewer multiplications"
    if s.groups == 1 and _pays_direct(s, 4 if single else 8) and not fits_product(s):
        return "direct", f"a kernel row is only {s.kw * s.c} numbers: loops that keep their sums in registers"
    if not blas.AVAILABLE:
        return "numpy", "NumPy's matrix product cannot be called from compiled code here"
    if s.groups > 1:
        return "grouped", f"{s.groups} groups, one convolution after the other"
    if fits_product(s):
        return "product", "a 1x1 kernel is one matrix product over all pixels"
    return "rows", f"the kernel's width is expanded, its {s.kh} rows are products that add up"


def fits_product(s: Sizes) -> bool:
    """Whether the convolution is one matrix product over the pixels as they lie in memory."""
    return (s.kh, s.kw) == (1, 1) and s.stride == (1, 1) and not s.pad.any and s.groups == 1


def _pays_direct(s: Sizes, itemsize: int) -> bool:
    small = s.kh * s.kw * s.c * s.f * itemsize <= _DIRECT_WEIGHTS
    return small and s.kw * s.c <= (_SHALLOW if s.kh > 1 else _SHALLOWEST)


def fits_winograd(s: Sizes) -> bool:
    """Whether Winograd's method can compute the convolution."""
    fits = (s.kh, s.kw) == (3, 3) and s.stride == (1, 1) and s.groups == 1
    return fits and s.c % _LANES == 0 and s.f % _LANES == 0


def _pays_winograd(s: Sizes) -> bool:
    """Whether Winograd's method is faster: measured; from 16 channels on, with tiles mostly full and not too few."""
    tiles = -(-s.oh // 4) * -(-s.ow // 4)
    return min(s.c, s.f) >= _WINOGRAD_CHANNELS and 9 * s.oh * s.ow >= 72 * tiles and s.n * tiles >= 16


@functools.lru_cache(1024)
def blocks(s: Sizes, method: str, pool: bool, itemsize: int, parts: int) -> Geometry:
    """The blocks through which the compiled kernels work, for results that `parts` threads share."""
    kind = _KINDS[method]
    oh = s.oh // 2 * 2 if pool else s.oh
    deep = s.c if kind == PRODUCT else s.kw * s.c
    row = s.ow * (deep + s.f) * itemsize
    shared = (s.kh - 1) // s.stride[0] * s.ow * deep * itemsize if kind == ROWS else 0
    least = 2 if pool else 1
    room, enough = (_DIRECT_CACHE, 1) if kind == DIRECT else (_CACHE, _PIXELS)
    rows = min(oh, max(least, (room - shared) // row, enough // s.ow))
    images, count = 1, 1
    if rows == oh and kind != DIRECT and (kind != PRODUCT or oh == s.h):
        images = max(1, min(max(_CACHE // (row * oh + shared), _PIXELS // (oh * s.ow)), -(-s.n // parts)))
    if images == 1:
        count = _even_share(-(-oh // rows), oh // least, s.n, parts)
        rows = -(-oh // count)
        rows += rows % least
        count = -(-oh // rows)
    margin = s.pad.top, s.pad.left
    flags = int(s.pad.any), int(kind == ROWS and images > 1)
    return Geometry(kind, s.h, s.w, s.c, s.kh, s.kw, s.f, *s.stride, *margin, oh, s.ow, images, rows, count, *flags)


def _even_share(count: int, most: int, n: int, parts: int) -> int:
    """Blocks an image, at least `count`: more where there are few tasks and not the same number for each thread."""
    for more in range(count, min(most, count + parts) + 1):
        if n * more % parts == 0 or n * more > 8 * parts:
            return more
    return count
