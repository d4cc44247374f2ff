"""Errors of outputs that are numbers and not classes."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from glassnet.errors import DataError

__all__ = ["mean_squared_error", "paired"]


def paired(reference: ArrayLike, output: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Both arrays as float64, so that differences of uint8 pixels cannot wrap around.

    Raises `DataError` when shapes differ, an array is empty or a value is not finite.
    """
    a = np.asarray(reference, dtype=np.float64)
    b = np.asarray(output, dtype=np.float64)
    if a.shape != b.shape:
        raise DataError(f"The reference and the output must have one shape. Got {a.shape} and {b.shape} instead.")
    if a.size == 0:
        raise DataError(f"There is nothing to compare: the arrays of shape {a.shape} are empty.")
    if not (np.isfinite(a).all() and np.isfinite(b).all()):
        raise DataError("The reference and the output must be finite. Got nan or infinite values.")
    return a, b


def mean_squared_error(reference: ArrayLike, output: ArrayLike) -> float:
    """Mean over all entries of (reference - output)^2; any shape, the same for both; computed in float64.

    Raises
    ------
    DataError
        Shapes differ, an array is empty, or a value is not finite.

    Examples
    --------
    >>> from glassnet.metrics import mean_squared_error
    >>> mean_squared_error([1.0, 2.0], [1.0, 4.0])
    2.0
    """
    a, b = paired(reference, output)
    return float(np.mean((a - b) ** 2))
