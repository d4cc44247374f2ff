"""sin and cos inside kernels: vectorisable in float32, the C library's in float64.

LLVM cannot vectorise a call of the C library's `sinf`. The float32 version takes the nearest multiple of pi away,
`sin(x) = (-1)^n sin(x - n pi)`, pi in three parts, and evaluates an odd polynomial of degree 9 on [-pi/2, pi/2] (fitted
by linear programming to the smallest relative error, 6e-9 before rounding). cos(x) = sin(x + pi/2), the half being
added to n. The operations are done in the order in which they stand (`IN_ORDER`), and the error is below 1.3e-7 up to
|x| = 1000; beyond that it grows, but stays below the 6e-8 |x| that the rounding of x itself is worth. NaN stays NaN,
infinity becomes one.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from numba import types
from numba.extending import overload

from glassnet.nn.kernels.options import FAST, IN_ORDER, inner

__all__ = ["cos", "sin"]

_f = np.float32
_PER_PI = _f(0.318309886183790672)
_PI_1, _PI_2, _PI_3 = _f(3.140625), _f(9.67502593994140625e-4), _f(1.509957990978376432e-7)
_C3, _C5, _C7, _C9 = _f(-0.166666595), _f(8.33306609e-3), _f(-1.98095912e-4), _f(2.60575339e-6)
_HALF, _ONE, _TWO = _f(0.5), _f(1), _f(2)


@partial(inner, fastmath=IN_ORDER)
def _turned(x, n, whole):  # type: ignore[no-untyped-def]
    """(-1)^whole sin(x - n pi)."""
    r = x - n * _PI_1
    r = r - n * _PI_2
    r = r - n * _PI_3
    z = r * r
    p = _C9 * z + _C7
    p = p * z + _C5
    p = p * z + _C3
    y = r + r * z * p
    odd = whole - _TWO * np.floor(whole * _HALF)
    return y - _TWO * odd * y


@partial(inner, fastmath=IN_ORDER)
def _sin32(x):  # type: ignore[no-untyped-def]
    n = np.floor(x * _PER_PI + _HALF)
    return _turned(x, n, n)


@partial(inner, fastmath=IN_ORDER)
def _cos32(x):  # type: ignore[no-untyped-def]
    n = np.floor(x * _PER_PI + _ONE)
    return _turned(x, n - _HALF, n)


def sin(x: Any) -> Any:
    """sin(x) in the precision of x; use inside kernels only."""
    raise NotImplementedError("sin is compiled by Numba and has no interpreted form")


def cos(x: Any) -> Any:
    """cos(x) in the precision of x; use inside kernels only."""
    raise NotImplementedError("cos is compiled by Numba and has no interpreted form")


@overload(sin, jit_options={"fastmath": FAST}, inline="never")
def _sin(x):  # type: ignore[no-untyped-def]
    return (lambda x: _sin32(x)) if x == types.float32 else (lambda x: np.sin(x))


@overload(cos, jit_options={"fastmath": FAST}, inline="never")
def _cos(x):  # type: ignore[no-untyped-def]
    return (lambda x: _cos32(x)) if x == types.float32 else (lambda x: np.cos(x))
