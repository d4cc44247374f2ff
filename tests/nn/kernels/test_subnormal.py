"""Subnormal results become 0 within kernels, and nowhere else."""

from __future__ import annotations

import platform

import numpy as np
import pytest

from glassnet import threads
from glassnet.nn.kernels import blas
from glassnet.nn.parameter import Parameter
from glassnet.optim import Adam, make_optimizer

TINY = float(np.finfo(np.float32).tiny)  # the smallest normal number
X86 = platform.machine().lower() in ("x86_64", "amd64")
pytestmark = pytest.mark.skipif(not X86, reason="only x86 processors are slow with subnormal numbers")


def _is_subnormal(array: np.ndarray) -> np.ndarray:
    return (array != 0) & (np.abs(array) < TINY)


@pytest.mark.parametrize("number", [1, 2])
def test_moments_that_get_no_gradient_any_more_become_zero(number: int) -> None:
    """m shrinks by a tenth at every step: after ln(1.2e-38) / ln(0.9), 830 steps, it would be subnormal, for ever."""
    parameter = Parameter.of(np.ones(1 << 16, np.float32), "weight")
    optimizer = Adam(1e-3)
    parameter.grad[:] = 1
    with threads.use(number):
        optimizer.step({"w": parameter})
        parameter.grad[:] = 0
        smallest = np.inf
        for _ in range(900):
            optimizer.step({"w": parameter})
            m = optimizer.state["w.m"]
            assert not _is_subnormal(m).any()
            smallest = min(smallest, np.abs(m[m != 0]).min(initial=np.inf))
    assert not m.any() and smallest < 2 * TINY
    assert np.isfinite(parameter.value).all()


@pytest.mark.parametrize("word", ["momentum", "rmsprop", "adamw"])
def test_no_optimiser_keeps_one(word: str) -> None:
    parameter = Parameter.of(np.full(100, TINY, np.float32), "weight")
    parameter.grad[:] = TINY
    optimizer = make_optimizer(word)
    for _ in range(30):
        optimizer.step({"w": parameter})
        parameter.grad *= 0.5
        parameter.grad[np.abs(parameter.grad) < TINY] = 0
    assert not any(_is_subnormal(array).any() for array in optimizer.state.values())


def test_a_matrix_product_gives_none() -> None:
    a, b = np.full((40, 30), 1e-20, np.float32), np.full((30, 50), 1e-20, np.float32)
    assert not blas.matmul(a, b, np.ones((40, 50), np.float32)).any()
    wide = blas.matmul(a.astype(np.float64), b.astype(np.float64), np.ones((40, 50)))
    np.testing.assert_allclose(wide, 30e-40)


@pytest.mark.parametrize("number", [1, 2])
def test_what_is_given_is_read_and_the_processor_is_as_it_was(number: int) -> None:
    """A subnormal gradient times a large rate is a normal number; and NumPy has subnormal numbers before and after."""
    parameter = Parameter.of(np.zeros(1 << 16, np.float32), "weight")
    parameter.grad[:] = 1e-40
    with threads.use(number):
        make_optimizer("sgd").step({"w": parameter}, rate=1e10)
    np.testing.assert_allclose(parameter.value, np.float32(1e-40) * np.float32(-1e10), rtol=1e-6)
    half = np.full(1000, TINY, np.float32) * np.float32(0.5)
    assert _is_subnormal(half).all()
