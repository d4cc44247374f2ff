"""The float32 exponential and tanh of the kernels, against float64, over their whole range."""

from __future__ import annotations

import numpy as np
import pytest
from numba import njit

from glassnet.nn.kernels import exponential
from glassnet.nn.kernels.options import SERIAL

OPTIONS = {**SERIAL, "cache": False}  # the functions below live in a test, not in the package
_exp, _tanh = exponential.exp, exponential.tanh


@njit(**OPTIONS)
def _exp_each(x, y):  # type: ignore[no-untyped-def]
    for i in range(x.size):
        y[i] = _exp(x[i])


@njit(**OPTIONS)
def _tanh_each(x, y):  # type: ignore[no-untyped-def]
    for i in range(x.size):
        y[i] = _tanh(x[i])


def _apply(function, x):  # type: ignore[no-untyped-def]
    y = np.empty_like(x)
    function(x, y)
    return y


def _relative_error(y: np.ndarray, exact: np.ndarray) -> float:
    return float(np.abs(y.astype(np.float64) / exact - 1).max())


def test_exp_relative_error() -> None:
    rng = np.random.default_rng(0)
    x = np.concatenate(
        [np.linspace(-87, 88, 2_000_001), rng.uniform(-1, 1, 200_000), 10.0 ** rng.uniform(-30, 0, 1000)]
    )
    x = x.astype(np.float32)
    assert _relative_error(_apply(_exp_each, x), np.exp(x.astype(np.float64))) < 1e-7


def test_exp_outside_its_range() -> None:
    y = _apply(_exp_each, np.array([-88, -104, -1e30, -np.inf, 89, 1e30, np.inf, np.nan, 0, -0.0], np.float32))
    assert (y[:4] >= 0).all() and (y[:4] < 1.3e-38).all()
    assert (y[4:7] > 1e38).all()
    assert np.isnan(y[7]) and y[8] == y[9] == 1


def test_tanh_relative_error() -> None:
    rng = np.random.default_rng(1)
    small = 10.0 ** rng.uniform(-30, 0, 100_000)
    x = np.concatenate([np.linspace(-12, 12, 2_000_000), small, -small]).astype(np.float32)
    x = x[x != 0]
    assert _relative_error(_apply(_tanh_each, x), np.tanh(x.astype(np.float64))) < 3e-7


def test_tanh_at_the_ends() -> None:
    y = _apply(_tanh_each, np.array([-np.inf, np.inf, -1e30, 1e30, 0, -0.0, np.nan], np.float32))
    np.testing.assert_array_equal(y[:6], [-1, 1, -1, 1, 0, 0])
    assert np.isnan(y[6])


@pytest.mark.parametrize(("function", "exact"), [(_exp_each, np.exp), (_tanh_each, np.tanh)])
def test_float64_is_the_library(function, exact) -> None:  # type: ignore[no-untyped-def]
    x = np.linspace(-700, 700, 10_001)
    np.testing.assert_allclose(_apply(function, x), exact(x), rtol=1e-14)


@pytest.mark.parametrize("function", [exponential.exp, exponential.tanh])
def test_has_no_interpreted_form(function) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(NotImplementedError, match="compiled"):
        function(1.0)
