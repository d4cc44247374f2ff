"""Memory that is used again."""

from __future__ import annotations

import numpy as np
import pytest

from glassnet.errors import GlassnetError
from glassnet.nn.functional.window import as_pad, as_pair, output_length, same_pad
from glassnet.nn.functional.workspace import Arena, Workspace


def test_arena_hands_out_released_memory_again() -> None:
    arena = Arena()
    first = arena.take((4, 5), np.float32)
    second = arena.take((4, 5), np.float32)
    assert not np.shares_memory(first, second)
    arena.release(first)
    third = arena.take((20,), np.float32)
    assert np.shares_memory(first, third) and not np.shares_memory(second, third)
    assert arena.nbytes == 160


def test_arena_takes_the_smallest_block_that_fits_and_lets_blocks_grow() -> None:
    arena = Arena()
    large, small = arena.take((100,), np.float64), arena.take((10,), np.float64)
    arena.release(large, small)
    assert np.shares_memory(arena.take((5,), np.float64), small)
    larger = arena.take((200,), np.float64)  # in place of the block of 100, not beside it
    assert arena.nbytes == 80 + 1600 and larger.shape == (200,)


def test_arena_leaves_foreign_arrays_alone() -> None:
    arena = Arena()
    own = arena.take((3,), np.float64)
    arena.release(np.zeros(3), None)
    assert arena.holds(own) and not arena.holds(np.zeros(3))
    arena.release(own)
    arena.release(own)  # twice does no harm
    assert not arena.holds(own)
    assert not np.shares_memory(arena.take((3,), np.float64), arena.take((3,), np.float64))


def test_workspace_grows_with_the_batch() -> None:
    workspace = Workspace()
    a = workspace.get("y", (4, 3), np.float32)
    assert np.shares_memory(a, workspace.get("y", (2, 3), np.float32))
    assert workspace.get("y", (8, 3), np.float32).shape == (8, 3)
    assert workspace.nbytes == 96


@pytest.mark.parametrize(
    ("length", "kernel", "stride", "before", "after", "ceil", "expected"),
    [
        (5, 3, 1, 0, 0, False, 3),
        (5, 3, 2, 1, 1, False, 3),
        (6, 3, 2, 0, 0, False, 2),
        (6, 3, 2, 0, 0, True, 3),
        (5, 2, 2, 1, 1, True, 3),  # a window beginning at 6 would lie in the padding
        (2, 3, 1, 0, 0, False, 0),
        (2, 3, 1, 0, 0, True, 0),
    ],
)
def test_output_length(
    length: int, kernel: int, stride: int, before: int, after: int, ceil: bool, expected: int
) -> None:
    assert output_length(length, kernel, stride, before, after, ceil) == expected


def test_pads_and_pairs() -> None:
    assert as_pad(2) == (2, 2, 2, 2) and as_pad((1, 2)) == (1, 1, 2, 2) and as_pad((1, 2, 3, 4)) == (1, 2, 3, 4)
    assert same_pad((3, 4)) == (1, 1, 1, 2) and as_pair(3, "x") == (3, 3)
    for bad in (-1, (1, 2, 3), (1.5, 2), True):
        with pytest.raises(GlassnetError):
            as_pad(bad)
    for bad_pair in (0, (1, 2, 3), (1, 0)):
        with pytest.raises(GlassnetError):
            as_pair(bad_pair, "x")
