"""exp and tanh inside kernels: vectorisable in float32, the C library's in float64.

LLVM cannot vectorise a call of the C library's `expf`, so a sigmoid over a hundred thousand numbers would take six
times as long. The float32 version reduces the range, `exp(x) = 2^n exp(r)` with `n = round(x / ln 2)`,
`|r| <= ln(2) / 2`, evaluates a minimax polynomial of degree 6 in r (coefficients: Cephes library, `expf`) and builds
2^n from its bits. Relative error below 1e-7 on [-87, 88], since the operations are done in the order in which they
stand (`IN_ORDER`); below that range the result is a number near 1e-38 rather than 0, above it one near the largest
float32. NaN stays NaN.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from numba import types
from numba.extending import overload

from glassnet.nn.kernels.options import FAST, IN_ORDER, inner

__all__ = ["exp", "tanh"]

_f = np.float32
_LOG2E = _f(1.44269504088896341)
_LN2_HIGH, _LN2_LOW = _f(0.693359375), _f(-2.12194440e-4)  # ln 2 in two parts, so that x - n ln 2 loses no digits
_C0, _C1, _C2 = _f(1.9875691500e-4), _f(1.3981999507e-3), _f(8.3334519073e-3)
_C3, _C4, _C5 = _f(4.1665795894e-2), _f(1.6666665459e-1), _f(5.0000001201e-1)
_ONE, _HALF, _LOW, _HIGH = _f(1), _f(0.5), _f(-87.3), _f(88.0)


@partial(inner, fastmath=IN_ORDER)
def _exp32(x):  # type: ignore[no-untyped-def]
    # Written so that a NaN fails both comparisons and passes through.
    x = _LOW if x < _LOW else x
    x = _HIGH if x > _HIGH else x
    n = np.floor(x * _LOG2E + _HALF)
    r = x - n * _LN2_HIGH
    r = r - n * _LN2_LOW
    p = _C0 * r + _C1
    p = p * r + _C2
    p = p * r + _C3
    p = p * r + _C4
    p = p * r + _C5
    p = p * r * r + r + _ONE
    bits = (np.int32(n) + np.int32(127)) << np.int32(23)
    return p * np.int32(bits).view(np.float32)


def exp(x: Any) -> Any:
    """exp(x) in the precision of x; use inside kernels only."""
    raise NotImplementedError("exp is compiled by Numba and has no interpreted form")


@overload(exp, jit_options={"fastmath": FAST}, inline="never")
def _exp(x):  # type: ignore[no-untyped-def]  # Numba compares the signatures, annotations included
    return (lambda x: _exp32(x)) if x == types.float32 else (lambda x: np.exp(x))


_T0, _T1, _T2 = _f(-5.70498872745e-3), _f(2.06390887954e-2), _f(-5.37397155531e-2)
_T3, _T4, _SMALL, _TWO = _f(1.33314422036e-1), _f(-3.33332819422e-1), _f(0.625), _f(2)


@partial(inner, fastmath=IN_ORDER)
def _tanh32(x):  # type: ignore[no-untyped-def]
    """1 - 2 / (exp(2|x|) + 1) with the sign of x; near 0, where that cancels, the odd polynomial of Cephes' tanhf."""
    a = -x if x < 0 else x
    far = _ONE - _TWO / (_exp32(a + a) + _ONE)
    z = x * x
    p = _T0 * z + _T1
    p = p * z + _T2
    p = p * z + _T3
    p = p * z + _T4
    near = x + x * z * p
    return near if a < _SMALL else (-far if x < 0 else far)


def tanh(x: Any) -> Any:
    """tanh(x) in the precision of x; use inside kernels only."""
    raise NotImplementedError("tanh is compiled by Numba and has no interpreted form")


@overload(tanh, jit_options={"fastmath": FAST}, inline="never")
def _tanh(x):  # type: ignore[no-untyped-def]
    return (lambda x: _tanh32(x)) if x == types.float32 else (lambda x: np.tanh(x))
