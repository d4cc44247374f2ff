"""Sums and concatenations."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from glassnet import threads
from glassnet.errors import GlassnetError
from glassnet.nn import functional as F
from glassnet.nn.kernels import joining
from support.gradients import assert_gradients, drawn, seeds, torch_gradients, torch_or_skip

leads = st.sampled_from([(3,), (2, 3, 4), (5, 1, 2)])
widths = st.lists(st.integers(1, 4), min_size=1, max_size=3)


@drawn
@given(seeds, leads, widths)
def test_concat(seed: int, lead: tuple[int, ...], width: list[int]) -> None:
    rng = np.random.default_rng(seed)
    parts = [rng.standard_normal((*lead, w)) for w in width]
    y = F.concat_forward(parts)
    np.testing.assert_array_equal(y, F.concat_forward_naive(parts))
    dy = rng.standard_normal(y.shape)
    grads = F.concat_backward(dy, width)
    for fast, slow in zip(grads, F.concat_backward_naive(dy, width), strict=True):
        np.testing.assert_array_equal(fast, slow)
    assert_gradients(lambda *a: F.concat_forward(a), parts, dy, grads)


@drawn
@given(seeds, leads, widths)
def test_concat_torch(seed: int, lead: tuple[int, ...], width: list[int]) -> None:
    torch = torch_or_skip()
    rng = np.random.default_rng(seed)
    parts = [rng.standard_normal((*lead, w)) for w in width]
    dy = rng.standard_normal((*lead, sum(width)))
    y, grads = torch_gradients(lambda *a: torch.cat(a, -1), parts, dy)
    np.testing.assert_array_equal(F.concat_forward(parts), y)
    for ours, theirs in zip(F.concat_backward(dy, width), grads, strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("size", [7, 70_000])
@pytest.mark.parametrize("parts", [1, 2])
def test_add(dtype: type, size: int, parts: int) -> None:
    rng = np.random.default_rng(0)
    a, b = (rng.standard_normal((1, size)).astype(dtype) for _ in range(2))
    with threads.use(parts):
        np.testing.assert_array_equal(F.add(a, b), a + b)
        np.testing.assert_array_equal(F.add(a, b, relu=True), np.maximum(a + b, 0))
        wanted = a + b
        assert F.add(a, b, out=a) is a
    np.testing.assert_array_equal(a, wanted)


@pytest.mark.parametrize("parts", [1, 2, 5])
def test_every_element_is_added_once(parts: int) -> None:
    """In place, an element that two threads computed would come out wrong, as would one that none did."""
    a, b = np.random.default_rng(1).standard_normal((2, 1003))
    wanted = a + b
    joining.add(a, b, 0.0, a, parts)
    np.testing.assert_array_equal(a, wanted)


@pytest.mark.parametrize("ceiling", [0.5, 6.0])
def test_a_sum_with_a_ceiling(ceiling: float) -> None:
    a, b = 3 * np.random.default_rng(2).standard_normal((2, 1003))
    np.testing.assert_array_equal(F.add(a, b, relu=ceiling), np.clip(a + b, 0, ceiling))


@pytest.mark.parametrize("relu", [False, True])
def test_nan_goes_through_a_sum(relu: bool) -> None:
    assert np.isnan(F.add(np.array([np.nan, -1.0]), np.array([1.0, np.nan]), relu=relu)).all()


def test_out_arrays_are_written() -> None:
    parts = [np.ones((2, 3)), np.zeros((2, 1))]
    y = np.empty((2, 4))
    assert F.concat_forward(parts, out=y) is y
    out = [np.empty((2, 3)), np.empty((2, 1))]
    for grad, place in zip(F.concat_backward(y, [3, 1], out=out), out, strict=True):
        assert grad is place


def test_wrong_arrays() -> None:
    with pytest.raises(GlassnetError, match="at least one"):
        F.concat_forward([])
    with pytest.raises(GlassnetError, match="agree"):
        F.concat_forward([np.ones((2, 3)), np.ones((3, 3))])
    with pytest.raises(GlassnetError, match="agree"):
        F.concat_forward([np.ones((2, 3)), np.ones((2, 3), np.float32)])
    with pytest.raises(GlassnetError, match="wide"):
        F.concat_backward(np.ones((2, 3)), [1, 1])
    with pytest.raises(GlassnetError, match="shape"):
        F.add(np.ones((2, 3)), np.ones((2, 2)))
