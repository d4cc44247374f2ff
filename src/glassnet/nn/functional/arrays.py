"""What the operations ask of their arrays, and where their results go."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from glassnet.errors import GlassnetError

__all__ = ["Array", "Epilogue", "as_float", "as_labels", "expect_shape", "fitting", "flat"]

Array = NDArray[Any]


class Epilogue(NamedTuple):
    """What a convolution does with its results, in this order.

    Attributes
    ----------
    scale, bias : (f,) array
        What they are multiplied by, and what is added; either may be empty.
    relu : float
        The ceiling of a ReLU, infinity for the usual one; 0: none.
    pool : bool
        Whether 2x2 windows give their maximum.
    """

    scale: Array
    bias: Array
    relu: float
    pool: bool

    @classmethod
    def of(cls, scale: Array | None, b: Array | None, relu: float, pool: bool, f: int, dtype: Any) -> Epilogue:
        """With scale and bias as the kernels take them. Raises `GlassnetError` where they do not fit."""
        if b is None and scale is not None:
            raise GlassnetError("A scale needs a bias. Got none: give one of zeros.")
        found = [np.empty(0, dtype) if v is None else np.ascontiguousarray(v, dtype) for v in (scale, b)]
        for given, values, what in zip((scale, b), found, ("the scale", "the bias"), strict=True):
            if given is not None:
                expect_shape(values, (f,), what)
        return cls(found[0], found[1], relu, pool)


def as_float(x: Any, what: str = "x") -> Array:
    """`x` as a C-contiguous float32 or float64 array; float arrays that are so already are not copied."""
    array = np.asarray(x)
    if array.dtype != np.float32 and array.dtype != np.float64:
        if array.dtype.kind not in "fiub":
            raise GlassnetError(f"{what} must be an array of real numbers. Got dtype {array.dtype} instead.")
        array = array.astype(np.float64)
    return array if array.flags.c_contiguous else np.ascontiguousarray(array)


def expect_shape(array: Array, shape: tuple[int, ...], what: str) -> None:
    """Raise `GlassnetError` unless `array` has exactly this shape."""
    if array.shape != shape:
        raise GlassnetError(f"{what} must have shape {shape}. Got {array.shape} instead.")


def fitting(out: Array | None, shape: tuple[int, ...], dtype: Any) -> Array:
    """`out` itself where one is given (its shape and dtype are checked), else a new array."""
    if out is None:
        return np.empty(shape, dtype)
    if out.shape != shape or out.dtype != dtype or not out.flags.c_contiguous:
        raise GlassnetError(f"out must be a C-contiguous {np.dtype(dtype)} array of shape {shape}. Got {out.shape}.")
    return out


def flat(x: Array) -> Array:
    """`x` as a view of one dimension."""
    return x.reshape(-1)


def as_labels(labels: Any, n: int, classes: int) -> Array:
    """Integer labels (n,) in [0, classes), from integers or from one-hot rows (n, classes).

    Raises `GlassnetError` for another shape, a label out of range, or rows that are not one-hot.
    """
    array: Array = np.asarray(labels)
    if array.ndim == 2:
        expect_shape(array, (n, classes), "one-hot labels")
        if not (np.isin(array, (0, 1)).all() and (array.sum(axis=1) == 1).all()):
            raise GlassnetError("one-hot labels must have exactly one 1 in every row and 0 elsewhere.")
        return np.asarray(array.argmax(axis=1))
    if array.dtype.kind not in "iu":
        raise GlassnetError(f"labels must be integers or one-hot rows. Got dtype {array.dtype} instead.")
    expect_shape(array, (n,), "labels")
    if n and (array.min() < 0 or array.max() >= classes):
        raise GlassnetError(f"labels must lie in 0 ... {classes - 1}. Got {array.min()} ... {array.max()} instead.")
    return array
