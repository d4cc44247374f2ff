"""Central differences and the error of a gradient."""

from __future__ import annotations

import numpy as np
import pytest

from glassnet.check import gradient_error, numerical_gradient, sampled_numerical_gradient
from glassnet.errors import CheckError


def test_of_a_product() -> None:
    rng = np.random.default_rng(0)
    a, x, u = rng.standard_normal((4, 3)), rng.standard_normal((3, 2)), rng.standard_normal((4, 2))
    gradient = numerical_gradient(lambda x: a @ x, x, u)
    np.testing.assert_allclose(gradient, a.T @ u, atol=1e-9)
    some = sampled_numerical_gradient(lambda x: a @ x, x, [5, 0, 3], u)
    np.testing.assert_array_equal(some, gradient.reshape(-1)[[5, 0, 3]])


def test_of_a_number_needs_no_upstream() -> None:
    np.testing.assert_allclose(numerical_gradient(lambda x: float((x**3).sum()), [1.0, 2.0]), [3, 12], atol=1e-8)
    assert numerical_gradient(lambda x: x**2, 3.0).shape == ()


def test_argument_is_left_alone_and_reused_buffers_are_safe() -> None:
    x, buffer = np.array([1.0, 2.0]), np.empty(2)
    gradient = numerical_gradient(lambda x: np.multiply(x, x, out=buffer), x, np.array([1.0, -1.0]))
    np.testing.assert_allclose(gradient, [2, -4], atol=1e-9)
    np.testing.assert_array_equal(x, [1, 2])


def test_second_order() -> None:
    """The error falls with the square of the step."""
    errors = [abs(float(numerical_gradient(np.sin, np.array(0.5), 1.0, step)) - np.cos(0.5)) for step in (1e-1, 1e-2)]
    assert 90 < errors[0] / errors[1] < 110


def test_gradient_error() -> None:
    assert gradient_error([1.0, 0.0], [1.0, 0.0]) == 0
    assert gradient_error([1.0, 1e-9], [1.0, -1e-9]) == pytest.approx(2e-9)  # an entry near 0 does not spoil it
    assert gradient_error([0.0, 0.5], [0.0, 1.0]) == 0.5
    assert gradient_error([1e-12], [0.0]) == pytest.approx(1e-4)  # the floor
    assert gradient_error([np.nan], [0.0]) == gradient_error([1.0], [np.inf]) == np.inf
    assert gradient_error(np.empty(0), np.empty(0)) == 0


def test_wrong_arguments() -> None:
    x = np.ones(3)
    for step in (0.0, -1e-5, float("nan"), float("inf")):
        with pytest.raises(CheckError, match="step"):
            numerical_gradient(np.sin, x, x, step)
    with pytest.raises(CheckError, match="needs an upstream"):
        numerical_gradient(np.sin, x)
    with pytest.raises(CheckError, match="output's shape"):
        numerical_gradient(np.sin, x, np.ones(2))
    with pytest.raises(CheckError, match="shape"):
        gradient_error(np.ones(2), np.ones(3))
