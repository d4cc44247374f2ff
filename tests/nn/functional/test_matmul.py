"""Matrix products through BLAS from compiled code: every combination of transposes, factors, types and threads."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from glassnet import threads
from glassnet.nn.kernels import blas, narrow
from support.gradients import assert_close, drawn, seeds

transposes = list(itertools.product([False, True], repeat=2))
factors = [(1.0, 0.0), (-0.3, 0.0), (2.0, 0.0), (0.0, 0.0), (1.0, 1.0), (0.7, -0.4), (0.5, 2.0)]


def _check(seed: int, m: int, n: int, k: int, ta: bool, tb: bool, alpha: float, beta: float, dtype: type) -> None:
    rng = np.random.default_rng(seed)
    a = rng.standard_normal((k, m) if ta else (m, k)).astype(dtype)
    b = rng.standard_normal((n, k) if tb else (k, n)).astype(dtype)
    c = rng.standard_normal((m, n)).astype(dtype)
    expected = alpha * ((a.T if ta else a).astype(float) @ (b.T if tb else b).astype(float)) + beta * c.astype(float)
    if beta == 0:
        c[:] = np.nan  # must not be read
    assert blas.matmul(a, b, c, transpose_a=ta, transpose_b=tb, alpha=alpha, beta=beta) is c
    assert_close(c, expected, (1e-13 if dtype == np.float64 else 1e-5) * max(1, k) ** 0.5)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("ta", "tb"), transposes)
@drawn
@given(seed=seeds, m=st.integers(1, 9), n=st.integers(1, 14), k=st.integers(0, 9), pair=st.sampled_from(factors))
def test_small(ta: bool, tb: bool, dtype: type, seed: int, m: int, n: int, k: int, pair: tuple[float, float]) -> None:
    _check(seed, m, n, k, ta, tb, *pair, dtype)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(("ta", "tb"), transposes)
@pytest.mark.parametrize(
    "shape",
    [
        (301, 90, 77),
        (90, 301, 77),
        (301, 10, 77),
        (301, 32, 77),  # `narrow.thin`: whole vectors
        (9, 16, 5),
        (128, 128, 128),
        (1, 1, 1 << 20),
        (3, 1, 400_000),
    ],
)
@pytest.mark.parametrize("number", [1, 2])
def test_shared(shape: tuple[int, int, int], ta: bool, tb: bool, dtype: type, number: int) -> None:
    with threads.use(number):
        for alpha, beta in factors if max(shape) < 1000 else factors[:1]:
            _check(1, *shape, ta, tb, alpha, beta, dtype)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@drawn
@given(seed=seeds, n=st.integers(1, 11), d=st.integers(1, 9), m=st.integers(1, 12), pair=st.sampled_from(factors))
def test_narrow(dtype: type, seed: int, n: int, d: int, m: int, pair: tuple[float, float]) -> None:
    """The kernels for few columns, at every remainder of their blocks."""
    rng = np.random.default_rng(seed)
    x, w, dy = (rng.standard_normal(shape).astype(dtype) for shape in [(n, d), (d, m), (n, m)])
    tolerance = 1e-13 if dtype == np.float64 else 1e-5
    beyond = np.full((n + 4, d), np.nan, dtype)  # what lies behind the last row must not be read
    beyond[:n] = x
    x = beyond[:n]
    y = np.full((n, m), np.nan, dtype)
    narrow.product(x, w, y)
    assert_close(y, x.astype(float) @ w.astype(float), tolerance)
    alpha, beta = pair
    expected = alpha * (x.astype(float).T @ dy.astype(float)) + beta * w.astype(float)
    if beta == 0:
        w[:] = np.nan  # must not be read
    narrow.transposed_product(x, dy, dtype(alpha), dtype(beta), w)
    assert_close(w, expected, tolerance)


FALLBACK = """
import numpy as np
from glassnet.nn import functional as F
from glassnet.nn.kernels import blas
assert not blas.AVAILABLE
rng = np.random.default_rng(0)
for dtype in (np.float32, np.float64):
    x, w, b, dy = (rng.standard_normal(s).astype(dtype) for s in [(7, 5), (5, 4), (4,), (7, 4)])
    y, cache = F.affine_forward(x, w, b)
    dx, dw, db = F.affine_backward(dy, cache)
    for ours, numpy in [(y, x @ w + b), (dx, dy @ w.T), (dw, x.T @ dy), (db, dy.sum(axis=0))]:
        np.testing.assert_allclose(ours, numpy, rtol=1e-4, atol=1e-5)
    for alpha, beta in [(1.0, 0.0), (-0.3, 0.0), (2.0, 0.0), (0.0, 0.0), (1.0, 1.0), (0.7, -0.4)]:
        c = rng.standard_normal((5, 4)).astype(dtype)
        expected = alpha * (x.T @ dy) + beta * c
        if beta == 0:
            c[:] = np.nan
        blas.matmul(x, dy, c, transpose_a=True, alpha=alpha, beta=beta)
        np.testing.assert_allclose(c, expected, rtol=1e-4, atol=1e-5)
    before, expected = w.copy(), w - 0.1 * (dw + 0.2 * w)
    F.affine_descend(dy, cache, b, 0.1, 0.2)
    np.testing.assert_allclose(w, expected, rtol=1e-4, atol=1e-5)
print("ok")
"""


def test_falls_back_to_numpy() -> None:
    """GLASSNET_BLAS=numpy, or a NumPy with another BLAS: the same results by np.matmul."""
    environment = {**os.environ, "GLASSNET_BLAS": "numpy"}
    done = subprocess.run(
        [sys.executable, "-c", FALLBACK], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0 and done.stdout.strip() == "ok", done.stderr
