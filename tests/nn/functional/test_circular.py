"""The float32 sine and cosine of the kernels, against float64."""

from __future__ import annotations

import numpy as np
import pytest

from glassnet.nn.kernels.graphs import activate

SIN, COS = 2, 3


@pytest.mark.parametrize(("code", "exact"), [(SIN, np.sin), (COS, np.cos)])
def test_error_over_the_range(code: int, exact: np.ufunc) -> None:
    rng = np.random.default_rng(0)
    for span in (1e-3, 3.0, 30.0, 1000.0, 1e5):
        x = rng.uniform(-span, span, 200_000).astype(np.float32)
        y = np.empty_like(x)
        activate(code, x, y)
        error = np.abs(y - exact(x.astype(np.float64)))
        assert (error <= np.maximum(1.3e-7, 6e-8 * np.abs(x) * (span > 1000))).all(), error.max()
        assert np.abs(y).max() <= 1 + 1.3e-7


def test_what_is_no_angle() -> None:
    x = np.array([np.nan, np.inf, -np.inf, 0.0], np.float32)
    for code, at_zero in ((SIN, 0.0), (COS, 1.0)):
        y = np.empty_like(x)
        activate(code, x, y)
        assert np.isnan(y[:3]).all() and y[3] == pytest.approx(at_zero, abs=1e-6)


def test_float64_is_that_of_the_library() -> None:
    x = np.linspace(-50, 50, 1001)
    for code, exact in ((SIN, np.sin), (COS, np.cos)):
        y = np.empty_like(x)
        activate(code, x, y)
        np.testing.assert_allclose(y, exact(x), atol=1e-15)
