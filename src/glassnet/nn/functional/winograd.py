"""3x3 convolution of stride 1 with a quarter of the multiplications: Winograd's F(4x4, 3x3).

**One dimension.** Let g be three weights and d six numbers; wanted are the four results `y_i = sum_k g_k d_(i+k)`.

Multiply polynomials instead: g(t) of degree 2 by p(t) of degree 3 gives s(t) of degree 5, and s = T p with a 6 x 4
matrix T whose entries are those of g, `s_j = sum_k g_k p_(j-k)`. Six values determine s: those at the points 0, 1, -1,
2, -2 and the leading coefficient, "the value at infinity" (Toom and Cook). At every point s is g times p, so

    T p = B [(G g) * (A p)]

where A evaluates p at the points, G evaluates g, and B interpolates: its columns hold the coefficients of the products
of (t - other point), and the constants that these are to be divided by are moved into G. All three are fixed matrices,
and only the six products * depend on both g and p. Now T is linear, and its transpose is what was wanted, since
`(T^T d)_i = sum_k g_k d_(i+k)`:

    y = T^T d = A^T [(G g) * (B^T d)]                              6 multiplications instead of 12

        | 4  0 -5  0  1  0 |           |  1/4    0    0  |
        | 0 -4 -4  1  1  0 |           | -1/6 -1/6  -1/6 |           | 1  1  1  1  1  0 |
    B^T=| 0  4 -4 -1  1  0 |       G = | -1/6  1/6  -1/6 |       A^T=| 0  1 -1  2 -2  0 |
        | 0 -2 -1  2  1  0 |           | 1/24  1/12  1/6 |           | 0  1  1  4  4  0 |
        | 0  2 -1 -2  1  0 |           | 1/24 -1/12  1/6 |           | 0  1 -1  8 -8  1 |
        | 0  4  0 -5  0  1 |           |   0    0     1  |

**Two dimensions.** The same for columns and for rows: for a tile d of 6 x 6 pixels and a kernel g of 3 x 3

    Y = A^T [(G g G^T) * (B^T d B)] A            36 multiplications for 16 results instead of 144

Tiles lie 4 pixels apart and overlap by 2. Sums over input channels can be taken before A is applied: with V = B^T d B
and U = G g G^T, each of the 36 places e of a tile is one matrix product over all tiles, M_e (tiles, f) = V_e (tiles, c)
U_e (c, f). The weights are transformed once a pass, each pixel of the input 2.25 times.

**Backwards** every step is transposed, exactly:

    dM = A dY A^T     dU_e = V_e^T dM_e     dV_e = dM_e U_e^T     dd = B dV B^T     dg = G^T dU G

where dd is added up over the tiles that a pixel belongs to.

V is computed again in the backward pass rather than kept. It has 2.25 times as many numbers as the input, more than
anything else in a network. Computing it takes 1 to 5 % of a training step, and keeping it is no faster: writing it to
memory and reading it again takes longer than transforming a chunk that stays in cache.

**Rounding.** The entries of A and B reach 8, and their sums cancel: float32 results are right to about 5e-6 of the
largest one, where direct summation reaches 5e-7. Training does not notice. Gradient checks, which use float64, do
not take this way.

Source: Lavin and Gray, "Fast Algorithms for Convolutional Neural Networks", 2016 (matrices: section 4.3).
"""

from __future__ import annotations

import functools
import math
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np

from glassnet import threads
from glassnet.errors import GlassnetError
from glassnet.nn.functional.activation import relu_ceiling
from glassnet.nn.functional.arrays import Array, Epilogue, as_float, expect_shape, fitting
from glassnet.nn.functional.convolution_plan import Sizes, check
from glassnet.nn.functional.workspace import Arena
from glassnet.nn.kernels import blas, winograd
from glassnet.nn.kernels.winograd_transforms import LANES, PATCH

__all__ = [
    "WinogradCache",
    "transform_matrices",
    "winograd_backward",
    "winograd_forward",
    "winograd_input_gradient",
    "winograd_weights",
]

# Tiles worked on at a time: enough rows for a matrix product to run at full speed, few enough to stay in cache.
_TILES = 96

_LINE = 16  # float32 numbers of a cache line


class WinogradCache(NamedTuple):
    """What the backward pass needs; arrays are referenced, not copied."""

    x: Array
    w: Array
    y: Array
    winners: Array
    sizes: Sizes
    bias: bool
    relu: float
    pool: bool


def transform_matrices() -> tuple[Array, Array, Array]:
    """(A, B, G) of shapes (6, 4), (6, 6), (6, 3), as exact fractions, from the points 0, 1, -1, 2, -2 and infinity."""
    points = [Fraction(p) for p in (0, 1, -1, 2, -2)]
    a = [[p**i for i in range(4)] for p in points] + [[Fraction(i == 3) for i in range(4)]]
    g = [[p**i for i in range(3)] for p in points] + [[Fraction(i == 2) for i in range(3)]]
    columns = []
    for j, point in enumerate(points):
        others = points[:j] + points[j + 1 :]
        columns.append([*_coefficients(others), Fraction(0)])
        scale = math.prod((point - other for other in others), start=Fraction(1))
        g[j] = [entry / scale for entry in g[j]]
    columns.append(_coefficients(points))
    return np.array(a), np.array(columns).T, np.array(g)


def _coefficients(roots: list[Fraction]) -> list[Fraction]:
    """Coefficients of the product of (t - root), the constant one first."""
    product = [Fraction(1)]
    for root in roots:
        product = [
            low - root * high for low, high in zip([Fraction(0), *product], [*product, Fraction(0)], strict=True)
        ]
    return product


def winograd_forward(
    x: Array,
    w: Array,
    b: Array | None = None,
    *,
    pad: Any = 0,
    scale: Array | None = None,
    relu: bool | float = False,
    pool: bool = False,
    packed: Array | None = None,
    out: tuple[Array | None, Array | None] = (None, None),
    arena: Arena | None = None,
) -> tuple[Array, Any]:
    """3x3 convolution of stride 1, then optionally a ReLU and a 2x2 max pool of stride 2, in one pass.

    Parameters
    ----------
    x : (n, h, w, c) array
        Real numbers, converted to float32; c a multiple of the numbers in a vector: 16, 8 or 4, see `kernels.target`.
    w : (3, 3, c, f) C-contiguous float32 array
        f likewise.
    b : (f,) array, optional
    pad : int or tuple of int
        Zeros around the image; one number, (rows, columns) or (top, bottom, left, right).
    scale : (f,) array, optional
        See `conv2d_forward`; the cache is then None.
    relu : bool or float
        y = max(0, z); with a number y = min(max(0, z), relu).
    pool : bool
        y is the maximum of every 2x2 window; an odd last row or column is left out.
    packed : (36, c f) array, optional
        The transformed weights, as `winograd_weights` gives them.
    out : pair of array or None
        Arrays to write y and (with `pool`) the uint8 index of the maxima into.
    arena : Arena, optional
        Where scratch memory is taken from.

    Returns
    -------
    y : (n, oh, ow, f) float32 array
        (n, oh // 2, ow // 2, f) with `pool`.
    cache : WinogradCache
        What `winograd_backward` needs.

    Raises
    ------
    GlassnetError
        Sizes do not fit, the kernel is not 3x3 float32, the channels do not fill vectors, or no BLAS was found.
    """
    if w.dtype != np.float32 or w.ndim != 4 or w.shape[:2] != (3, 3) or not w.flags.c_contiguous:
        raise GlassnetError(
            f"Winograd's method takes C-contiguous float32 weights (3, 3, in, out). Got {w.dtype} of shape {w.shape}."
        )
    if not blas.AVAILABLE:
        raise GlassnetError("Winograd's method needs NumPy's own OpenBLAS, not found here. Use another method.")
    x = _as_single(as_float(x))
    s = check(x.shape, w.shape, 1, pad, 1)
    if s.c % LANES or s.f % LANES:
        raise GlassnetError(
            f"Winograd's method takes multiples of {LANES} channels. Got {s.c} and {s.f}: use another method."
        )
    relu = relu_ceiling(relu)
    end = Epilogue.of(scale, b, relu, pool, s.f, np.float32)
    shape = (s.n, s.oh // 2, s.ow // 2, s.f) if pool else (s.n, s.oh, s.ow, s.f)
    y = fitting(out[0], shape, np.float32)
    index = fitting(out[1], shape, np.uint8) if pool else np.empty((s.n, 0, 0, 0), np.uint8)
    if y.size:
        _forward(x, w, packed, end, s, y, index, arena or Arena())
    return y, None if scale is not None else WinogradCache(x, w, y, index, s, b is not None, relu, pool)


def winograd_backward(
    dy: Array,
    cache: WinogradCache,
    *,
    input_gradient: bool = True,
    out: tuple[Array | None, Array | None, Array | None] = (None, None, None),
    arena: Arena | None = None,
) -> tuple[Array | None, Array, Array | None]:
    """Gradients (dx, dw, db) of `winograd_forward` with all that was fused into it.

    dy has the shape of y. `input_gradient=False` leaves dx out (None): the first layer of a network needs none. db is
    None where there was no bias. `out` are arrays to write (dx, dw, db) into.
    """
    s = cache.sizes
    dy = _as_single(as_float(dy, "dy"))
    expect_shape(dy, cache.y.shape, "dy")
    dx = fitting(out[0], cache.x.shape, np.float32) if input_gradient else None
    dw = fitting(out[1], cache.w.shape, np.float32)
    db = fitting(out[2], (s.f,), np.float32) if cache.bias else None
    if dy.size:
        _backward(dy, cache, dx, dw, db, arena or Arena())
    else:
        for gradient in (dx, dw, db):
            if gradient is not None:
                gradient[...] = 0
    return dx, dw, db


def winograd_input_gradient(
    dy: Array, cache: WinogradCache, *, out: Array | None = None, arena: Arena | None = None
) -> Array:
    """dx alone, with the bits that `winograd_backward` gives."""
    dy = _as_single(as_float(dy, "dy"))
    expect_shape(dy, cache.y.shape, "dy")
    dx = fitting(out, cache.x.shape, np.float32)
    if dy.size:
        _backward(dy, cache, dx, None, None, arena or Arena())
    else:
        dx[...] = 0
    return dx


def _as_single(x: Array) -> Array:
    return x if x.dtype == np.float32 else x.astype(np.float32)


def winograd_weights(w: Array) -> Array:
    """U = G g G^T of every kernel of w (3, 3, c, f), float32: (36, c f)."""
    u, parts = np.empty((36, w.shape[2] * w.shape[3]), np.float32), threads.count()
    winograd.weights(w.reshape(9, -1), u[None], False, np.empty((parts, PATCH), np.float32), parts)
    return u


def _forward(
    x: Array, w: Array, packed: Array | None, end: Epilogue, s: Sizes, y: Array, index: Array, arena: Arena
) -> None:
    parts = min(threads.count(), s.n * -(-s.oh // 4))
    u_shape, *shapes = _forward_shapes(s, parts)
    memory, (u, patch, v, m, z) = _scratch(arena, u_shape if packed is None else (0,), *shapes)
    if packed is None:
        winograd.weights(w.reshape(9, -1), u[None], False, patch, parts)
    else:
        u = packed
    top, left = s.pad.top, s.pad.left
    lines, rest = (end.scale, end.bias), (end.relu, end.pool)
    winograd.forward(
        x, u, *lines, top, left, s.oh, s.ow, *rest, _TILES, y, index, _nothing(s.w * s.c), v, m, z, patch, parts
    )
    arena.release(memory)


@functools.lru_cache(64)
def _nothing(size: int) -> Array:
    """A row of zeros, which is read alone."""
    return np.zeros(size, np.float32)


def _backward(
    dy: Array, cache: WinogradCache, dx: Array | None, dw: Array | None, db: Array | None, arena: Arena
) -> None:
    x, w, s = cache.x, cache.w, cache.sizes
    parts = min(threads.count(), s.n)
    shapes = [*_forward_shapes(s, parts), (parts, 36, s.c * s.f), (parts, s.f), (parts, s.w * s.c)]
    memory, (u, patch, v, m, z, du, db_parts, nowhere) = _scratch(arena, *shapes)
    if dx is not None:
        winograd.weights(w.reshape(9, -1), u[None], False, patch, parts)
    top, left = s.pad.top, s.pad.left
    winograd.backward(
        dy, x, u, cache.y, cache.winners, top, left, s.oh, s.ow, cache.relu, cache.pool, _TILES, dw is not None,
        dx is not None, np.empty((0, 0, 0, 0), np.float32) if dx is None else dx, du, db_parts, _nothing(s.w * s.c),
        nowhere, v, m, z, patch, parts,
    )  # fmt: skip
    if dw is not None:
        winograd.weights(dw.reshape(9, -1), du, True, patch, parts)
    if db is not None:
        np.sum(db_parts, axis=0, out=db)
    arena.release(memory)


def _forward_shapes(s: Sizes, parts: int) -> list[tuple[int, ...]]:
    """Shapes of u, patch, v, m and z; see the kernels."""
    across = -(-s.ow // 4)
    tiles = max(1, _TILES // across) * across
    return [
        (36, s.c * s.f),
        (parts, PATCH),
        (parts, 36, _odd_lines(tiles * s.c)),
        (parts, 36, _odd_lines(tiles * s.f)),
        (parts, 4 * s.ow, s.f),
    ]


def _odd_lines(size: int) -> int:
    """`size` rounded up to an odd number of cache lines: at a power of two, 36 matrices fight for the same places."""
    return (-(-size // _LINE) | 1) * _LINE


def _scratch(arena: Arena, *shapes: tuple[int, ...]) -> tuple[Array, list[Array]]:
    """One block of the arena's memory, to be released, and float32 arrays in it that begin on cache lines."""
    sizes = [-(-math.prod(shape) // _LINE) * _LINE for shape in shapes]
    memory = arena.take((sum(sizes) + _LINE,), np.float32)
    start = -(memory.ctypes.data // 4) % _LINE
    arrays = []
    for shape, size in zip(shapes, sizes, strict=True):
        arrays.append(memory[start : start + math.prod(shape)].reshape(shape))
        start += size
    return memory, arrays
