"""Matrix products `C = alpha * op(A) op(B) + beta * C`, called from compiled code so that threads can share them.

NumPy's wheels bring an OpenBLAS whose symbols carry a private prefix. Its `cblas_sgemm` and `cblas_dgemm` are looked
up by name and registered with LLVM under a fixed name (an address baked into the code would spoil Numba's cache on
disk). Where they cannot be found (a NumPy built with another BLAS), `AVAILABLE` is False and `np.matmul` is used.
GLASSNET_BLAS=numpy forces that way.
"""

from __future__ import annotations

import ctypes
import os
from pathlib import Path
from typing import Any

import numpy as np
from numba import types
from numba.extending import overload

from glassnet import threads
from glassnet.nn.kernels import narrow
from glassnet.nn.kernels.options import SERIAL, njit
from glassnet.nn.kernels.recording import alone, recording_now
from glassnet.nn.kernels.sharing import shared
from glassnet.nn.kernels.subnormal import flushing, restoring

__all__ = ["AVAILABLE", "gemm", "matmul"]

ROW_MAJOR, KEEP, TRANSPOSE = 101, 111, 112  # the constants of cblas.h

# Fewer multiplications than this are faster on one thread.
_SHARE_ABOVE = 1 << 20


def _find_openblas() -> dict[str, int] | None:
    """Addresses of `cblas_sgemm` and `cblas_dgemm` with 64-bit integers in NumPy's own OpenBLAS, or None."""
    if os.environ.get("GLASSNET_BLAS", "").lower() == "numpy":
        return None
    package = Path(np.__file__).resolve().parent
    for folder in (package.parent / "numpy.libs", package / ".dylibs"):
        for library in sorted(folder.glob("libscipy_openblas64_*")):
            try:
                loaded = ctypes.CDLL(str(library))
                return {
                    name: ctypes.cast(getattr(loaded, f"scipy_cblas_{name}64_"), ctypes.c_void_p).value or 0
                    for name in ("sgemm", "dgemm")
                }
            except (OSError, AttributeError):
                continue
    return None


_ADDRESSES = _find_openblas()
AVAILABLE: bool = _ADDRESSES is not None


def _external(name: str, scalar: Any) -> Any:
    import llvmlite.binding

    assert _ADDRESSES is not None
    llvmlite.binding.add_symbol(f"glassnet_{name}", _ADDRESSES[name])
    i32, i64, pointer = types.int32, types.int64, types.voidptr
    signature = types.void(i32, i32, i32, i64, i64, i64, scalar, pointer, i64, pointer, i64, scalar, pointer, i64)
    return types.ExternalFunction(f"glassnet_{name}", signature)


if AVAILABLE:
    _sgemm = _external("sgemm", types.float32)
    _dgemm = _external("dgemm", types.float64)

    @njit(**SERIAL)
    def sgemm(ta, tb, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc):  # type: ignore[no-untyped-def]
        before = flushing()
        _sgemm(101, ta, tb, m, n, k, alpha, a.ctypes, lda, b.ctypes, ldb, beta, c.ctypes, ldc)
        restoring(before)

    @njit(**SERIAL)
    def dgemm(ta, tb, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc):  # type: ignore[no-untyped-def]
        before = flushing()
        _dgemm(101, ta, tb, m, n, k, alpha, a.ctypes, lda, b.ctypes, ldb, beta, c.ctypes, ldc)
        restoring(before)


def gemm(ta: int, tb: int, m: int, n: int, k: int, alpha: Any, a: Any, lda: int, b: Any, ldb: int, beta: Any,
         c: Any, ldc: int) -> None:  # fmt: skip
    """C = alpha op(A) op(B) + beta C for row-major arrays in the precision of c, on one thread; inside kernels only.

    op(A) is (m, k), op(B) (k, n), C (m, n); ta, tb: KEEP or TRANSPOSE; lda, ldb, ldc: numbers from one row to the next.
    """
    raise NotImplementedError("gemm is compiled by Numba and has no interpreted form")


@overload(gemm, jit_options={"fastmath": SERIAL["fastmath"]}, inline="never")
def _gemm(ta, tb, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc):  # type: ignore[no-untyped-def]
    if not AVAILABLE or not a.dtype == b.dtype == c.dtype:
        return None
    if c.dtype == types.float32:

        def single(ta, tb, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc):  # type: ignore[no-untyped-def]
            sgemm(ta, tb, m, n, k, np.float32(alpha), a, lda, b, ldb, np.float32(beta), c, ldc)

        return single

    def double(ta, tb, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc):  # type: ignore[no-untyped-def]
        dgemm(ta, tb, m, n, k, np.float64(alpha), a, lda, b, ldb, np.float64(beta), c, ldc)

    return double


@shared
def gemm_shared(ta, tb, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc, t, parts):  # type: ignore[no-untyped-def]
    """`gemm` of matrices (2-D arrays): a block of the rows or of the columns of C, along the longer side.

    The shorter operand is then the one that every thread packs for itself.
    """
    fa, fb, fc = a.reshape(-1), b.reshape(-1), c.reshape(-1)
    if m > n:
        lo, hi = m * t // parts, m * (t + 1) // parts
        rows = fa[lo * lda :] if ta == KEEP else fa[lo:]
        gemm(ta, tb, hi - lo, n, k, alpha, rows, lda, fb, ldb, beta, fc[lo * ldc :], ldc)
    else:
        lo, hi = n * t // parts, n * (t + 1) // parts
        columns = fb[lo:] if tb == KEEP else fb[lo * ldb :]
        gemm(ta, tb, m, hi - lo, k, alpha, fa, lda, columns, ldb, beta, fc[lo:], ldc)


def matmul(
    a: np.ndarray,
    b: np.ndarray,
    out: np.ndarray,
    *,
    transpose_a: bool = False,
    transpose_b: bool = False,
    alpha: float = 1.0,
    beta: float = 0.0,
) -> np.ndarray:
    """`out = alpha * op(a) @ op(b) + beta * out` for C-contiguous matrices of one dtype, shared among the threads.

    a: (m, k), or (k, m) with `transpose_a`; b: (k, n), or (n, k) with `transpose_b`; out: (m, n). Returns `out`.
    """
    m, n = out.shape
    k = a.shape[0] if transpose_a else a.shape[1]
    if not AVAILABLE or k == 0 or m == 0 or n == 0:
        return _matmul_numpy(a.T if transpose_a else a, b.T if transpose_b else b, out, alpha, beta)
    scalar = out.dtype.type
    ta, tb = (TRANSPOSE if transpose_a else KEEP), (TRANSPOSE if transpose_b else KEEP)
    parts = threads.count() if m * n * k >= _SHARE_ABOVE else 1
    if n <= narrow.WIDEST and not transpose_b and parts == 1:
        if transpose_a:
            narrow.transposed_product(a, b, scalar(alpha), scalar(beta), out)
            return out
        if alpha == 1.0 and beta == 0.0:
            alone(narrow.product, narrow.product_shared, a, b, out)
            return out
    if not transpose_b and narrow.fits_thin(k, n, out.itemsize):
        if not transpose_a and alpha == 1.0 and beta == 0.0:
            narrow.thin(a.reshape(-1), narrow.places(m, k), narrow.places(k, 1), b, out, False, parts)
            return out
        if transpose_a and beta in (0.0, 1.0):
            scaled = b if alpha == 1.0 else b * scalar(alpha)
            narrow.thin(a.reshape(-1), narrow.places(m, 1), narrow.places(k, m), scaled, out, beta == 1.0, parts)
            return out
    single = out.dtype == np.float32
    arguments = (ta, tb, m, n, k, scalar(alpha), a, a.shape[1], b, b.shape[1], scalar(beta), out, n)
    if parts == 1 and not recording_now():
        (sgemm if single else dgemm)(*arguments)
    else:
        gemm_shared(*arguments, parts)
    return out


def _matmul_numpy(a: np.ndarray, b: np.ndarray, out: np.ndarray, alpha: float, beta: float) -> np.ndarray:
    if alpha == 1.0 and beta == 0.0:
        return np.matmul(a, b, out=out)
    if beta == 0.0:
        np.matmul(a, b, out=out)
        out *= alpha
        return out
    out *= beta
    out += out.dtype.type(alpha) * (a @ b)
    return out
