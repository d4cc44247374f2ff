"""Sums and concatenations of arrays: where the branches of a network meet.

Derivation. y = a + b passes its gradient on to both: da = dy, db = dy. Concatenation along the last axis copies, so
its gradient is cut where the parts met: the part that held y[..., lo:hi] gets dy[..., lo:hi].
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from glassnet import threads
from glassnet.errors import GlassnetError
from glassnet.nn.functional.activation import relu_ceiling
from glassnet.nn.functional.arrays import Array, as_float, expect_shape, fitting, flat
from glassnet.nn.kernels import joining
from glassnet.nn.kernels.options import WORTH_SHARING

__all__ = [
    "add",
    "concat_backward",
    "concat_backward_naive",
    "concat_forward",
    "concat_forward_naive",
]


def add(a: Array, b: Array, *, relu: bool | float = False, out: Array | None = None) -> Array:
    """a + b for two arrays of one shape and dtype, with `relu` max(0, a + b); `out` may be one of them.

    Examples
    --------
    >>> from glassnet.nn import functional as F
    >>> F.add(np.array([1.0, 2.0]), np.array([-3.0, 4.0]), relu=True)
    array([0., 6.])
    """
    a, b = as_float(a, "a"), as_float(b, "b")
    expect_shape(b, a.shape, "b")
    y = fitting(out, a.shape, a.dtype)
    parts = threads.count() if a.size >= WORTH_SHARING else 1
    joining.add(flat(a), flat(b), relu_ceiling(relu), flat(y), parts)
    return y


def concat_forward(parts: Sequence[Array], *, out: Array | None = None) -> Array:
    """The arrays (..., w1), (..., w2), ... side by side: (..., w1 + w2 + ...).

    Examples
    --------
    >>> from glassnet.nn import functional as F
    >>> F.concat_forward([np.zeros((1, 2, 2, 3)), np.zeros((1, 2, 2, 5))]).shape
    (1, 2, 2, 8)
    """
    arrays = [as_float(part, "a part") for part in parts]
    if not arrays:
        raise GlassnetError("Concatenation needs at least one array. Got none.")
    lead = arrays[0].shape[:-1]
    for part in arrays:
        if part.ndim < 1 or part.shape[:-1] != lead or part.dtype != arrays[0].dtype:
            raise GlassnetError(
                f"Concatenated arrays must agree in all but the last size, and in dtype."
                f" Got {arrays[0].shape} ({arrays[0].dtype}) and {part.shape} ({part.dtype})."
            )
    y = fitting(out, (*lead, sum(part.shape[-1] for part in arrays)), arrays[0].dtype)
    start = 0
    rows = y.reshape(-1, y.shape[-1])
    for part in arrays:
        shares = threads.count() if part.size >= WORTH_SHARING else 1
        joining.put_columns(part.reshape(-1, part.shape[-1]), rows, start, shares)
        start += part.shape[-1]
    return y


def concat_backward(dy: Array, widths: Sequence[int], *, out: Sequence[Array] | None = None) -> list[Array]:
    """The gradients of the parts, of the given widths, from that of their concatenation.

    Examples
    --------
    >>> from glassnet.nn import functional as F
    >>> F.concat_backward(np.array([[1.0, 2.0, 3.0]]), [1, 2])
    [array([[1.]]), array([[2., 3.]])]
    """
    dy = as_float(dy, "dy")
    if sum(widths) != dy.shape[-1]:
        raise GlassnetError(f"dy must be {sum(widths)} wide, the sum of the parts {list(widths)}. Got {dy.shape}.")
    outs = list(out) if out is not None else [None] * len(widths)
    grads = [fitting(o, (*dy.shape[:-1], w), dy.dtype) for o, w in zip(outs, widths, strict=True)]
    start = 0
    rows = dy.reshape(-1, dy.shape[-1])
    for grad in grads:
        joining.get_columns(rows, start, grad.reshape(-1, grad.shape[-1]))
        start += grad.shape[-1]
    return grads


def concat_forward_naive(parts: Sequence[Any]) -> Array:
    """Reference: NumPy's own concatenation.

    Examples
    --------
    >>> from glassnet.nn import functional as F
    >>> F.concat_forward_naive([np.zeros((1, 2)), np.ones((1, 1))])
    array([[0., 0., 1.]])
    """
    return np.concatenate([np.asarray(part, np.float64) for part in parts], axis=-1)


def concat_backward_naive(dy: Any, widths: Sequence[int]) -> list[Array]:
    """Reference: slices.

    Examples
    --------
    >>> from glassnet.nn import functional as F
    >>> F.concat_backward_naive(np.array([[1.0, 2.0, 3.0]]), [1, 2])
    [array([[1.]]), array([[2., 3.]])]
    """
    edges = pairwise(np.cumsum([0, *widths]))
    return [np.asarray(dy, np.float64)[..., lo:hi] for lo, hi in edges]
