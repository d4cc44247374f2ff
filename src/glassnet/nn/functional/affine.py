"""The affine operation y = x W + b.

Derivation. With x (n, d), W (d, m), b (m,) and a scalar loss L, `y_ij = sum_k x_ik W_kj + b_j`, so

    dL/dx_ik = sum_j dL/dy_ij W_kj      dx = dy W^T
    dL/dW_kj = sum_i x_ik dL/dy_ij      dW = x^T dy
    dL/db_j  = sum_i dL/dy_ij           db = 1^T dy

Inputs of any shape (n, ...) are flattened to (n, d), and dx is given back in the input's shape.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from glassnet.errors import GlassnetError
from glassnet.nn.functional.arrays import Array, as_float, expect_shape, fitting
from glassnet.nn.kernels import blas, elementwise
from glassnet.nn.kernels.recording import alone

__all__ = [
    "affine_backward",
    "affine_backward_naive",
    "affine_descend",
    "affine_forward",
    "affine_forward_naive",
    "affine_input_gradient",
]

AffineCache = tuple[Array, Array, tuple[int, ...]]


def affine_forward(x: Array, w: Array, b: Array, *, out: Array | None = None) -> tuple[Array, AffineCache]:
    """y = x W + b.

    Parameters
    ----------
    x : (n, ...) array, float32 or float64
        Flattened to (n, d).
    w : (d, m) array
        Of the same dtype.
    b : (m,) array
    out : (n, m) array, optional
        To write y into.

    Returns
    -------
    y : (n, m) array
    cache : AffineCache
        What `affine_backward` needs (x is referenced, not copied).

    Raises
    ------
    GlassnetError
        The sizes do not fit, or w is not a C-contiguous matrix of floats.

    Examples
    --------
    >>> from glassnet.nn import functional as F
    >>> y, cache = F.affine_forward(np.array([[1.0, 2.0]]), np.array([[3.0], [4.0]]), np.array([5.0]))
    >>> y
    array([[16.]])
    """
    if w.ndim != 2 or w.dtype.kind != "f" or not w.flags.c_contiguous:
        raise GlassnetError(f"w must be a C-contiguous matrix of floats. Got {w.dtype} of shape {w.shape} instead.")
    x = _in_dtype_of(w, as_float(x))
    if x.ndim < 1 or math.prod(x.shape[1:]) != w.shape[0] or b.shape != (w.shape[1],):
        raise GlassnetError(f"An affine operation with weights {w.shape} and bias {b.shape} cannot take {x.shape}.")
    rows = x if x.ndim == 2 else x.reshape(x.shape[0], w.shape[0])  # (n, ...) -> (n, d)
    y = fitting(out, (rows.shape[0], w.shape[1]), w.dtype)
    blas.matmul(rows, w, y)
    alone(elementwise.add_bias, elementwise.add_bias_shared, y, b)
    return y, (rows, w, x.shape)


def affine_backward(
    dy: Array,
    cache: AffineCache,
    *,
    input_gradient: bool = True,
    out: tuple[Array | None, Array | None, Array | None] = (None, None, None),
) -> tuple[Array | None, Array, Array]:
    """Gradients (dx, dw, db) of an affine operation.

    dy: (n, m). `input_gradient=False` leaves dx out (None): the first layer of a network needs none. `out` are arrays
    to write (dx as (n, d), dw, db) into.

    Examples
    --------
    >>> from glassnet.nn import functional as F
    >>> _, cache = F.affine_forward(np.array([[1.0, 2.0]]), np.array([[3.0], [4.0]]), np.array([5.0]))
    >>> dx, dw, db = F.affine_backward(np.array([[10.0]]), cache)
    >>> dx, dw.ravel(), db
    (array([[30., 40.]]), array([10., 20.]), array([10.]))
    """
    rows, w, shape = cache
    dy = _in_dtype_of(w, as_float(dy, "dy"))
    expect_shape(dy, (rows.shape[0], w.shape[1]), "dy")
    dx = _input_gradient(dy, w, shape, out[0]) if input_gradient else None
    dw = fitting(out[1], w.shape, w.dtype)
    db = fitting(out[2], (w.shape[1],), w.dtype)
    blas.matmul(rows, dy, dw, transpose_a=True)
    elementwise.sum_rows(dy, db)
    return dx, dw, db


def affine_input_gradient(dy: Array, cache: AffineCache, *, out: Array | None = None) -> Array:
    """dx alone, with the bits that `affine_backward` gives, for half its work.

    dy: (n, m). `out` is an array (n, d) to write into.

    Examples
    --------
    >>> from glassnet.nn import functional as F
    >>> _, cache = F.affine_forward(np.array([[1.0, 2.0]]), np.array([[3.0], [4.0]]), np.array([5.0]))
    >>> F.affine_input_gradient(np.array([[10.0]]), cache)
    array([[30., 40.]])
    """
    rows, w, shape = cache
    dy = _in_dtype_of(w, as_float(dy, "dy"))
    expect_shape(dy, (rows.shape[0], w.shape[1]), "dy")
    return _input_gradient(dy, w, shape, out)


def affine_descend(
    dy: Array,
    cache: AffineCache,
    b: Array,
    rate: float,
    l2: float = 0.0,
    *,
    input_gradient: bool = True,
    out: tuple[Array | None, Array | None] = (None, None),
) -> Array | None:
    """Backward pass and one plain step of gradient descent in one: W and b are changed in place, dx is returned.

    W <- (1 - rate * l2) W - rate * x^T dy and b <- b - rate * 1^T dy. The product writes straight into W (BLAS'
    alpha and beta), so that dW, which may be as large as the network, is never stored nor read again. `out` are arrays
    for dx (n, d) and for the bias gradient (m,).

    Examples
    --------
    >>> from glassnet.nn import functional as F
    >>> w, b = np.array([[3.0], [4.0]]), np.array([5.0])
    >>> _, cache = F.affine_forward(np.array([[1.0, 2.0]]), w, b)
    >>> _ = F.affine_descend(np.array([[10.0]]), cache, b, 0.1)
    >>> w.ravel(), b
    (array([2., 2.]), array([4.]))
    """
    rows, w, shape = cache
    dy = _in_dtype_of(w, as_float(dy, "dy"))
    expect_shape(dy, (rows.shape[0], w.shape[1]), "dy")
    expect_shape(b, (w.shape[1],), "bias")
    dx = _input_gradient(dy, w, shape, out[0]) if input_gradient else None  # before W changes
    db = fitting(out[1], (w.shape[1],), w.dtype)
    blas.matmul(rows, dy, w, transpose_a=True, alpha=-rate, beta=1.0 - rate * l2)
    elementwise.sum_rows(dy, db)
    db *= rate
    b -= db
    return dx


def _in_dtype_of(w: Array, x: Array) -> Array:
    # BLAS reads memory as numbers of the weights' dtype, whatever is there.
    return x if x.dtype == w.dtype else x.astype(w.dtype)


def _input_gradient(dy: Array, w: Array, shape: tuple[int, ...], out: Array | None) -> Array:
    dx = fitting(out, (dy.shape[0], w.shape[0]), w.dtype)
    blas.matmul(dy, w, dx, transpose_b=True)
    return dx.reshape(shape)


def affine_forward_naive(x: Any, w: Any, b: Any) -> Array:
    """Reference: y_ij = sum_k x_ik w_kj + b_j, one element at a time.

    Examples
    --------
    >>> from glassnet.nn import functional as F
    >>> F.affine_forward_naive(np.array([[1.0, 2.0]]), np.array([[3.0], [4.0]]), np.array([5.0]))
    array([[16.]])
    """
    rows = np.asarray(x, np.float64).reshape(len(x), -1)
    n, d = rows.shape
    m = w.shape[1]
    y = np.zeros((n, m))
    for i in range(n):
        for j in range(m):
            y[i, j] = b[j]
            for k in range(d):
                y[i, j] += rows[i, k] * w[k, j]
    return y


def affine_backward_naive(dy: Any, x: Any, w: Any) -> tuple[Array, Array, Array]:
    """Reference: (dx, dw, db) by the sums of the derivation, one product at a time.

    Examples
    --------
    >>> from glassnet.nn import functional as F
    >>> dx, dw, db = F.affine_backward_naive(np.array([[10.0]]), np.array([[1.0, 2.0]]), np.array([[3.0], [4.0]]))
    >>> dx
    array([[30., 40.]])
    """
    rows = np.asarray(x, np.float64).reshape(len(x), -1)
    n, d = rows.shape
    m = w.shape[1]
    dx, dw, db = np.zeros((n, d)), np.zeros((d, m)), np.zeros(m)
    for i in range(n):
        for j in range(m):
            db[j] += dy[i, j]
            for k in range(d):
                dx[i, k] += dy[i, j] * w[k, j]
                dw[k, j] += rows[i, k] * dy[i, j]
    return dx.reshape(np.shape(x)), dw, db
