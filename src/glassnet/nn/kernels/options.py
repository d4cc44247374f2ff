"""How kernels are compiled.

A kernel is called from Python, so it gets a wrapper that takes Python's objects apart, and is kept on disk. What only
other kernels call is `inner`: it has no wrapper, which halves the time to compile it, and travels inside its callers.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from typing import Any

import numba
from numba.extending import register_jitable
from numba.np import linalg

from glassnet.nn.kernels.cache import KernelCache

__all__ = ["FAST", "INNER", "IN_ORDER", "PARALLEL", "SERIAL", "WORTH_SHARING", "inner", "njit"]

# NaN and infinity stay visible: neither `nnan` nor `ninf` is allowed, so that a diverging network is noticed.
FAST: set[str] = {"reassoc", "contract", "nsz", "arcp"}
IN_ORDER = FAST - {"reassoc"}  # for what is written so that roundings cancel

_COMMON: dict[str, Any] = {"nogil": True, "error_model": "numpy", "fastmath": FAST}
SERIAL: dict[str, Any] = {**_COMMON, "cache": True}
PARALLEL: dict[str, Any] = {**SERIAL, "parallel": True}
INNER: dict[str, Any] = {**_COMMON, "no_cpython_wrapper": True, "no_cfunc_wrapper": True}

# Below this many array elements a parallel region costs more (about 2 microseconds and a wait) than it saves.
WORTH_SHARING = 1 << 15


def _skip_a_slow_question() -> None:
    """Numba, while it loads, imports SciPy's linear algebra to see whether it is there; that it is we know.

    It takes 0.1 to 0.2 s of every command. What Numba compiles with linear algebra in it still asks.
    """
    if "numba.np.arraymath" in sys.modules:
        return
    asked = linalg.ensure_blas
    linalg.ensure_blas = lambda: None
    try:
        importlib.import_module("numba.np.arraymath")
    finally:
        linalg.ensure_blas = asked


_skip_a_slow_question()


def njit(*, cache: bool = False, **options: Any) -> Callable[[Callable[..., Any]], Any]:
    """Numba's decorator, with our own way to keep what was compiled (`KernelCache`)."""
    compiled: Any = numba.njit(**options)

    def decorate(function: Callable[..., Any]) -> Any:
        kernel = compiled(function)
        if cache:
            kernel._cache = KernelCache(function)
        return kernel

    return decorate


def inner(function: Callable[..., Any], *, fastmath: set[str] | bool = FAST) -> Any:
    """The function as kernels may call it; called from Python it stays a Python function."""
    register: Any = register_jitable(**{**INNER, "fastmath": fastmath})
    return register(function)
