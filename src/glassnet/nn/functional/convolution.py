"""Two-dimensional convolution (cross-correlation, as in every network library), with bias, ReLU and 2x2 pooling fused.

With x (n, h, w, c) padded by zeros to x~, weights W (kh, kw, c / groups, f) and strides (sh, sw),

    z[n, i, j, o] = b[o] + sum over a, b, k of x~[n, i sh + a, j sw + b, g(o) + k] W[a, b, k, o]

where g(o) is the first input channel of the group of output channel o. z is linear in x, W and b; with dz = dL/dz

    dL/dW[a, b, k, o]  = sum over n, i, j of x~[n, i sh + a, j sw + b, g(o) + k] dz[n, i, j, o]
    dL/dx~[n, p, q, m] = sum of W[a, b, m - g(o), o] dz[n, i, j, o] where i sh + a = p and j sw + b = q
    dL/db[o]           = sum over n, i, j of dz[n, i, j, o]

and dL/dx is dL/dx~ without its margin. As matrices: with E (n oh ow, kh kw c) the pixels that each window sees,
z = E W + b, dW = E^T dz and dE = dz W^T, whose numbers are added back to the pixels they came from (im2col:
Chellapilla, Puri and Simard 2006). `glassnet.nn.kernels.convolution` does this in blocks that stay in cache.

ReLU and pooling follow in the same pass. Backwards, dz is dy where the ReLU was open (y > 0); with pooling it stands
where each window's maximum came from, which the index remembers.
"""

from __future__ import annotations

import functools
from typing import Any, NamedTuple

import numpy as np

from glassnet import threads
from glassnet.errors import GlassnetError
from glassnet.nn.functional.activation import relu_ceiling
from glassnet.nn.functional.arrays import Array, Epilogue, as_float, expect_shape, fitting, flat
from glassnet.nn.functional.convolution_naive import (
    conv2d_backward_naive,
    conv2d_forward_naive,
    numpy_backward,
    numpy_forward,
)
from glassnet.nn.functional.convolution_plan import (
    METHODS,
    Sizes,
    blocks,
    check,
    choose_method,
    conv2d_output_shape,
    fits_product,
    fits_winograd,
)
from glassnet.nn.functional.workspace import Arena
from glassnet.nn.kernels import blas, convolution, depthwise, direct, epilogue, narrow
from glassnet.nn.kernels import packed as packed_product
from glassnet.nn.kernels.expansion import expansion_size
from glassnet.nn.kernels.vector import lanes

__all__ = [
    "choose_method",
    "conv2d_backward",
    "conv2d_backward_naive",
    "conv2d_forward",
    "conv2d_forward_naive",
    "conv2d_input_gradient",
    "conv2d_output_shape",
    "conv2d_pack",
]

_PRODUCTS = ("product", "rows")


class ConvolutionCache(NamedTuple):
    """What the backward pass needs; arrays are referenced, not copied."""

    x: Array
    w: Array
    y: Array
    winners: Array
    sizes: Sizes
    method: str
    bias: bool
    relu: float
    pool: bool


def conv2d_forward(
    x: Array,
    w: Array,
    b: Array | None = None,
    *,
    stride: Any = 1,
    pad: Any = 0,
    groups: int = 1,
    scale: Array | None = None,
    relu: bool | float = False,
    pool: bool = False,
    method: str | None = None,
    packed: Array | None = None,
    out: tuple[Array | None, Array | None] = (None, None),
    arena: Arena | None = None,
) -> tuple[Array, Any]:
    """Convolution, then optionally a ReLU and a 2x2 max pool of stride 2, in one pass.

    Parameters
    ----------
    x : (n, h, w, c) array
        Real numbers, converted to the weights' dtype.
    w : (kh, kw, c / groups, f) C-contiguous array, float32 or float64
    b : (f,) array, optional
    stride : int or (int, int)
        Rows and columns from one window to the next; one number for both or two.
    pad : int or tuple of int
        Zeros around the image; one number, (rows, columns) or (top, bottom, left, right).
    groups : int
        The channels are divided into so many groups, each with weights of its own.
    scale : (f,) array, optional
        z is multiplied by it before the bias (which must be given) is added, as a batch normalisation in use does. Such
        a result has no backward pass: the cache is None.
    relu : bool or float
        y = max(0, z); with a number y = min(max(0, z), relu).
    pool : bool
        y is the maximum of every 2x2 window; an odd last row or column is left out.
    method : str, optional
        One of `METHODS`; None takes that of `choose_method`.
    packed : array, optional
        What `conv2d_pack` made of these weights for this method.
    out : pair of array or None
        Arrays to write y and (with `pool`) the uint8 index of the maxima into.
    arena : Arena, optional
        Where scratch memory is taken from.

    Returns
    -------
    y : (n, oh, ow, f) array
        (n, oh // 2, ow // 2, f) with `pool`.
    cache : ConvolutionCache
        What `conv2d_backward` needs.

    Raises
    ------
    GlassnetError
        Sizes or dtypes do not fit, or the method cannot compute this convolution.

    Examples
    --------
    >>> from glassnet.nn import functional as F
    >>> x, w = np.arange(16.0).reshape(1, 4, 4, 1), np.ones((3, 3, 1, 1))
    >>> y, cache = F.conv2d_forward(x, w)
    >>> y[0, :, :, 0]
    array([[45., 54.],
           [81., 90.]])
    """
    if w.dtype not in (np.float32, np.float64) or not w.flags.c_contiguous:
        raise GlassnetError(
            f"Convolution weights must be a C-contiguous array of float32 or float64. Got {w.dtype} of shape {w.shape}."
        )
    x = _in_dtype_of(w, as_float(x))
    s = check(x.shape, w.shape, stride, pad, groups)
    if method is None:
        method, _ = choose_method(x.shape, w.shape, stride, pad, groups, w.dtype)
    _expect_fit(method, s, w.dtype)
    if method == "winograd":
        from glassnet.nn.functional.winograd import winograd_forward

        return winograd_forward(
            x, w, b, pad=pad, scale=scale, relu=relu, pool=pool, packed=packed, out=out, arena=arena
        )
    relu = relu_ceiling(relu)
    end = Epilogue.of(scale, b, relu, pool, s.f, w.dtype)
    shape = (s.n, s.oh // 2, s.ow // 2, s.f) if pool else (s.n, s.oh, s.ow, s.f)
    y = fitting(out[0], shape, w.dtype)
    index = fitting(out[1], shape, np.uint8) if pool else np.empty((s.n, 0, 0, 0), np.uint8)
    if y.size:
        if method == "product" and packed is not None:
            _forward_packed(x, packed, end, s, y, index, arena or Arena())
        else:
            forward = _FORWARD.get(method, _forward_whole)
            forward(x, w, end, s, method, y, index, arena or Arena())
    return y, None if scale is not None else ConvolutionCache(x, w, y, index, s, method, b is not None, relu, pool)


def conv2d_pack(w: Array, method: str) -> Array | None:
    """Weights (kh, kw, c, f) as a method reads them, for `conv2d_forward`; None where they are read as they are.

    Winograd's transform of 3x3 weights, (36, c f), or those of a product in the order of its tiles (`kernels.packed`).

    Examples
    --------
    >>> from glassnet.nn import functional as F
    >>> w = np.ones((3, 3, 16, 32), np.float32)
    >>> F.conv2d_pack(w, "winograd").shape, F.conv2d_pack(w, "direct")
    ((36, 512), None)
    """
    if method == "winograd":
        from glassnet.nn.functional.winograd import winograd_weights

        return winograd_weights(w)
    if method == "product" and packed_product.fits(w.shape[3], w.itemsize):
        return packed_product.pack(w.reshape(w.shape[2:]))
    return None


def conv2d_backward(
    dy: Array,
    cache: Any,
    *,
    input_gradient: bool = True,
    out: tuple[Array | None, Array | None, Array | None] = (None, None, None),
    arena: Arena | None = None,
) -> tuple[Array | None, Array, Array | None]:
    """Gradients (dx, dw, db) of a convolution with all that was fused into it.

    dy has the shape of y. `input_gradient=False` leaves dx out (None): the first layer of a network needs none. db is
    None where there was no bias. `out` are arrays to write (dx, dw, db) into.

    Examples
    --------
    >>> from glassnet.nn import functional as F
    >>> x, w, b = np.arange(16.0).reshape(1, 4, 4, 1), np.ones((3, 3, 1, 2)), np.zeros(2)
    >>> y, cache = F.conv2d_forward(x, w, b, pad=1)
    >>> dx, dw, db = F.conv2d_backward(np.ones_like(y), cache)
    >>> dx.shape, dw.shape, db
    ((1, 4, 4, 1), (3, 3, 1, 2), array([16., 16.]))
    """
    if not isinstance(cache, ConvolutionCache):
        from glassnet.nn.functional.winograd import winograd_backward

        return winograd_backward(dy, cache, input_gradient=input_gradient, out=out, arena=arena)
    x, w, y, s = cache.x, cache.w, cache.y, cache.sizes
    dy = _in_dtype_of(w, as_float(dy, "dy"))
    expect_shape(dy, y.shape, "dy")
    dx = fitting(out[0], x.shape, w.dtype) if input_gradient else None
    dw = fitting(out[1], w.shape, w.dtype)
    db = fitting(out[2], (s.f,), w.dtype) if cache.bias else None
    if dy.size:
        backward = _BACKWARD.get(cache.method, _backward_whole)
        backward(dy, cache, dx, dw, db, arena or Arena())
    else:
        for gradient in (dx, dw, db):
            if gradient is not None:
                gradient[...] = 0
    return dx, dw, db


def conv2d_input_gradient(dy: Array, cache: Any, *, out: Array | None = None, arena: Arena | None = None) -> Array:
    """dx alone, with the bits that `conv2d_backward` gives, for half its work.

    dy has the shape of y. `out` is an array of x's shape to write into.

    Examples
    --------
    >>> from glassnet.nn import functional as F
    >>> y, cache = F.conv2d_forward(np.zeros((1, 3, 3, 1)), np.ones((2, 2, 1, 1)))
    >>> F.conv2d_input_gradient(np.ones_like(y), cache)[0, :, :, 0]
    array([[1., 2., 1.],
           [2., 4., 2.],
           [1., 2., 1.]])
    """
    if not isinstance(cache, ConvolutionCache):
        from glassnet.nn.functional.winograd import winograd_input_gradient

        return winograd_input_gradient(dy, cache, out=out, arena=arena)
    dy = _in_dtype_of(cache.w, as_float(dy, "dy"))
    expect_shape(dy, cache.y.shape, "dy")
    dx = fitting(out, cache.x.shape, cache.w.dtype)
    if not dy.size:
        dx[...] = 0
    elif cache.method in _BACKWARD:
        _BACKWARD[cache.method](dy, cache, dx, None, None, arena or Arena())
    else:
        _backward_whole(dy, cache, dx, np.empty_like(cache.w), None, arena or Arena())
    return dx


def _in_dtype_of(w: Array, x: Array) -> Array:
    return x if x.dtype == w.dtype else x.astype(w.dtype)


@functools.lru_cache(1024)
def _expect_fit(method: str, s: Sizes, dtype: Any) -> None:
    """Raise `GlassnetError` unless the method exists and can compute this convolution."""
    if method not in METHODS:
        raise GlassnetError(f"method must be one of {', '.join(METHODS)}. Got '{method}' instead.")
    possible = {
        "product": fits_product(s),
        "winograd": fits_winograd(s) and dtype == np.float32,
        "depthwise": s.groups == s.c,
        "rows": s.groups == 1,
        "direct": s.groups == 1,
    }
    if not possible.get(method, True) or (method in (*_PRODUCTS, "grouped", "winograd") and not blas.AVAILABLE):
        raise GlassnetError(
            f"The method '{method}' cannot compute a {s.kh}x{s.kw} convolution of stride {s.stride}, {s.groups} groups "
            f"and {np.dtype(dtype)} here. Leave the method out to have one chosen."
        )


# ---- in blocks, epilogue included ----------------------------------------------------------------------------------


def _forward_by_products(
    x: Array, w: Array, end: Epilogue, s: Sizes, method: str, y: Array, index: Array, arena: Arena
) -> None:
    parts = threads.count()
    g = blocks(s, method, end.pool, w.itemsize, parts)
    results = g.images * g.rows * g.ow * g.f if end.pool or g.mixed else 1
    scratch = arena.take((parts, expansion_size(g) + results), w.dtype)
    convolution.forward(flat(x), flat(w), end.scale, end.bias, g, end.relu, end.pool, y, index, scratch, parts)
    arena.release(scratch)


def _forward_packed(x: Array, packed: Array, end: Epilogue, s: Sizes, y: Array, index: Array, arena: Arena) -> None:
    parts = threads.count()
    g = blocks(s, "product", end.pool, x.itemsize, parts)
    places = narrow.places(g.images * g.rows * g.ow, s.c), narrow.places(s.c, 1)
    scratch = arena.take((parts, g.images * g.rows * g.ow * g.f if end.pool or g.mixed else 1), x.dtype)
    packed_product.forward(
        flat(x), packed, *places, end.scale, end.bias, g, end.relu, end.pool, y, index, scratch, parts
    )
    arena.release(scratch)


def _forward_directly(
    x: Array, w: Array, end: Epilogue, s: Sizes, method: str, y: Array, index: Array, arena: Arena
) -> None:
    parts = threads.count()
    g, lane = blocks(s, method, end.pool, w.itemsize, parts), lanes(w.itemsize)
    scratch, places = arena.take((parts, direct.room(g, lane, False)), w.dtype), (direct.window(g), direct.pixels(g))
    lines, rest = (end.scale, end.bias), (end.relu, end.pool)
    direct.forward(flat(x), flat(w), *lines, g, *places, lane, *rest, y, index, scratch, parts)
    arena.release(scratch)


def _backward_in_blocks(
    dy: Array, cache: ConvolutionCache, dx: Array | None, dw: Array | None, db: Array | None, arena: Arena
) -> None:
    x, w, s, relu, pool = cache.x, cache.w, cache.sizes, cache.relu, cache.pool
    wanted = dw is not None, dx is not None
    parts = threads.count()
    g, lane = blocks(s, cache.method, pool, w.itemsize, parts), lanes(w.itemsize)
    parts = max(1, min(parts, -(-s.n // g.images) * (g.blocks if cache.method == "product" else 1)))
    shares = _shares(dw, parts, w.dtype, arena)
    dbs = arena.take((parts, s.f), w.dtype)
    there = flat(shares if dx is None else dx)  # not written where no input gradient is wanted
    if cache.method == "direct":
        scratch = arena.take((parts, direct.room(g, lane, dx is not None)), w.dtype)
        places = direct.window(g), direct.pixels(g), direct.channels(g.f), direct.results(g, lane)
        direct.backward(
            dy, cache.y, cache.winners, flat(x), flat(w), g, *places, lane, relu, pool, *wanted, there, shares, dbs,
            scratch, parts,
        )  # fmt: skip
    else:
        scratch = arena.take((parts, expansion_size(g) + g.images * g.rows * g.ow * g.f), w.dtype)
        convolution.backward(
            dy, cache.y, cache.winners, flat(x), flat(w), g, relu, pool, *wanted, there, shares, dbs, scratch, parts
        )
    if dw is not None and parts > 1:
        np.sum(shares, axis=0, out=flat(dw))
    if db is not None:
        np.sum(dbs, axis=0, out=db)
    arena.release(scratch, shares, dbs)


def _shares(dw: Array | None, parts: int, dtype: Any, arena: Arena) -> Array:
    """(parts, size of dw) memory for each thread's share of dw: dw itself for one thread; none where none is wanted."""
    if dw is None:
        return np.empty((parts, 0), dtype)
    return dw.reshape(1, -1) if parts == 1 else arena.take((parts, dw.size), dw.dtype)


_FORWARD = {"product": _forward_by_products, "rows": _forward_by_products, "direct": _forward_directly}
_BACKWARD = {"product": _backward_in_blocks, "rows": _backward_in_blocks, "direct": _backward_in_blocks}


# ---- the whole convolution first, then bias, ReLU and pooling ------------------------------------------------------


def _forward_whole(
    x: Array, w: Array, end: Epilogue, s: Sizes, method: str, y: Array, index: Array, arena: Arena
) -> None:
    if method == "depthwise" and not end.pool:
        _depthwise_forward(x, w, end, s, y)
        return
    z = arena.take((s.n, s.oh, s.ow, s.f), w.dtype)
    if method == "depthwise":
        _depthwise_forward(x, w, Epilogue.of(None, None, 0.0, False, s.f, w.dtype), s, z)
    elif method == "grouped":
        _grouped_forward(x, w, s, z, arena)
    else:
        numpy_forward(x, w, s, z)
    epilogue.finish_images(z, *end, y, index, threads.count())
    arena.release(z)


def _backward_whole(
    dy: Array, cache: ConvolutionCache, dx: Array | None, dw: Array, db: Array | None, arena: Arena
) -> None:
    x, w, s = cache.x, cache.w, cache.sizes
    parts = threads.count()
    dz = arena.take((s.n, s.oh, s.ow, s.f), w.dtype)
    dbs = arena.take((parts, s.f), w.dtype)
    epilogue.start_images(dy, cache.y, cache.winners, cache.relu, cache.pool, dz, dbs, parts)
    if db is not None:
        np.sum(dbs, axis=0, out=db)
    if cache.method == "depthwise":
        _depthwise_backward(dz, x, w, s, dx, dw, arena)
    elif cache.method == "grouped":
        _grouped_backward(dz, x, w, s, dx, dw, arena)
    else:
        numpy_backward(dz, x, w, s, dx, dw)
    arena.release(dz, dbs)


def _group(s: Sizes, number: int) -> tuple[slice, slice]:
    """Input and output channels of a group."""
    deep, wide = s.c // s.groups, s.f // s.groups
    return slice(number * deep, (number + 1) * deep), slice(number * wide, (number + 1) * wide)


def _inside(s: Sizes) -> str:
    """The method for one of several groups."""
    shape, w_shape = (s.n, s.h, s.w, s.c // s.groups), (s.kh, s.kw, s.c // s.groups, s.f // s.groups)
    return choose_method(shape, w_shape, s.stride, s.pad, winograd=False)[0]


def _grouped_forward(x: Array, w: Array, s: Sizes, z: Array, arena: Arena) -> None:
    for number in range(s.groups):
        inner, outer = _group(s, number)
        part, weights = np.ascontiguousarray(x[..., inner]), np.ascontiguousarray(w[..., outer])
        z[..., outer], _ = conv2d_forward(part, weights, stride=s.stride, pad=s.pad, method=_inside(s), arena=arena)


def _grouped_backward(dz: Array, x: Array, w: Array, s: Sizes, dx: Array | None, dw: Array, arena: Arena) -> None:
    for number in range(s.groups):
        inner, outer = _group(s, number)
        part, weights = np.ascontiguousarray(x[..., inner]), np.ascontiguousarray(w[..., outer])
        sizes = check(part.shape, weights.shape, s.stride, s.pad, 1)
        there, none = np.ascontiguousarray(dz[..., outer]), np.empty((s.n, 0, 0, 0), np.uint8)
        cache = ConvolutionCache(part, weights, there, none, sizes, _inside(s), False, 0.0, False)
        part_dx, part_dw, _ = conv2d_backward(there, cache, input_gradient=dx is not None, arena=arena)
        dw[..., outer] = part_dw
        if dx is not None:
            dx[..., inner] = part_dx


def _depthwise_forward(x: Array, w: Array, end: Epilogue, s: Sizes, z: Array) -> None:
    repeated = x if s.f == s.c else np.repeat(x, s.f // s.c, axis=3)
    corner, places = (s.pad.top, s.pad.left), depthwise.taps(s.kh, s.kw, s.w, s.f)
    depthwise.forward(repeated, w.reshape(s.kh, s.kw, s.f), places, s.stride, corner, *end[:3], z, threads.count())


def _depthwise_backward(dz: Array, x: Array, w: Array, s: Sizes, dx: Array | None, dw: Array, arena: Arena) -> None:
    repeated = x if s.f == s.c else np.repeat(x, s.f // s.c, axis=3)
    parts = min(threads.count(), s.n)
    dws = arena.take((parts, s.kh, s.kw, s.f), w.dtype)
    there = np.empty((0, 0, 0, 0), w.dtype) if dx is None else dx if s.f == s.c else np.empty_like(repeated)
    depthwise.backward(
        dz, repeated, w.reshape(s.kh, s.kw, s.f), s.stride, (s.pad.top, s.pad.left), dx is not None, there, dws, parts
    )
    np.sum(dws, axis=0, out=dw.reshape(dws.shape[1:]))
    if dx is not None and s.f != s.c:
        np.sum(there.reshape(*x.shape, s.f // s.c), axis=4, out=dx)
    arena.release(dws)
