"""What every operation's tests share: random arrays, gradients by central differences, PyTorch twins."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st

from glassnet.check.numerical import gradient_error, numerical_gradient

GRADIENT_TOLERANCE = 1e-7
TORCH_TOLERANCE = 1e-10

# A kernel compiles on its first call, which no deadline should measure.
drawn = settings(max_examples=25, deadline=None, derandomize=True)
seeds = st.integers(0, 2**32 - 1)


def assert_gradients(
    f: Callable[..., Any],
    arrays: Sequence[np.ndarray],
    upstream: Any,
    gradients: Sequence[np.ndarray],
    *,
    step: float = 1e-5,
    tolerance: float = GRADIENT_TOLERANCE,
) -> None:
    """`gradients` are those of sum(upstream * f(*arrays)) with respect to each of `arrays`."""
    for position, gradient in enumerate(gradients):

        def of_one(value: np.ndarray, position: int = position) -> Any:
            return f(*(value if i == position else a for i, a in enumerate(arrays)))

        numerical = numerical_gradient(of_one, arrays[position], upstream, step)
        assert gradient.shape == arrays[position].shape
        assert gradient_error(gradient, numerical, floor=1e-3) <= tolerance, f"gradient number {position}"


def assert_close(ours: Any, reference: Any, tolerance: float) -> None:
    """Largest difference within `tolerance` of the reference's largest value (or of 1 where that is smaller)."""
    ours, reference = np.asarray(ours, np.float64), np.asarray(reference, np.float64)
    assert ours.shape == reference.shape
    if ours.size:
        assert np.abs(ours - reference).max() <= tolerance * max(1.0, np.abs(reference).max())


def torch_or_skip() -> Any:
    torch = pytest.importorskip("torch")
    torch.set_num_threads(1)
    return torch


def torch_gradients(f: Callable[..., Any], arrays: Sequence[np.ndarray], upstream: Any = None) -> tuple[Any, list[Any]]:
    """(output, gradients) of the PyTorch function f in float64 under the upstream gradient."""
    torch = torch_or_skip()
    leaves = [torch.tensor(np.asarray(a, np.float64), requires_grad=True) for a in arrays]
    y = f(*leaves)
    y.backward(None if upstream is None else torch.tensor(np.asarray(upstream, np.float64)))
    return y.detach().numpy(), [leaf.grad.numpy() for leaf in leaves]


def away_from_zero(x: np.ndarray, distance: float = 1e-2) -> np.ndarray:
    """x with every element moved at least `distance` away from 0, where some activations have a kink."""
    return np.where(x < 0, x - distance, x + distance)
