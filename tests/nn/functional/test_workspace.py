"""Memory that is used again."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given

from glassnet.errors import GlassnetError
from glassnet.nn.functional.window import as_pad, as_pair, output_length, same_pad
from glassnet.nn.functional.workspace import Arena, Workspace, address
from support.gradients import drawn, seeds


def test_arena_hands_out_released_memory_again() -> None:
    arena = Arena()
    first = arena.take((4, 5), np.float32)
    second = arena.take((4, 5), np.float32)
    assert not np.shares_memory(first, second)
    arena.release(first)
    third = arena.take((20,), np.float32)
    assert np.shares_memory(first, third) and not np.shares_memory(second, third)
    assert address(third) % 64 == 0 and third.flags.c_contiguous


def test_address_of_any_array() -> None:
    array = np.arange(24.0).reshape(4, 6)
    fixed = array.copy()
    fixed.flags.writeable = False
    for one in (array, array[1:], array.T, array[::2, 1::2], array[:0], fixed, np.float32(3) * np.ones(())):
        assert address(one) == one.__array_interface__["data"][0]


def test_arena_settles_on_one_piece_of_memory() -> None:
    """The same requests in the same order, step after step, soon ask nothing of the system."""
    arena = Arena()

    def step() -> list[int]:
        a, b = arena.take((1000,), np.float64), arena.take((10,), np.float64)
        arena.release(a)
        c, d = arena.take((600,), np.float64), arena.take((300,), np.float64)
        arena.release(b, c)
        e = arena.take((700,), np.float64)
        for one, other in ((d, e), (c, d)):
            assert not np.shares_memory(one, other)
        arena.release(d, e)
        return [address(x) for x in (a, b, c, d, e)]

    for _ in range(3):
        step()
    held, places = arena.nbytes, step()
    assert [step() for _ in range(5)] == [places] * 5 and arena.nbytes == held
    assert held <= 1.5 * 8 * 1310


@drawn
@given(seeds)
def test_arena_never_hands_out_the_same_memory_twice(seed: int) -> None:
    rng = np.random.default_rng(seed)
    arena, taken = Arena(), []
    for number in range(60):
        if taken and rng.random() < 0.5:
            array, mark = taken.pop(int(rng.integers(len(taken))))
            assert (array == mark).all()
            arena.release(array)
        else:
            array = arena.take((int(rng.integers(1, 200)),), np.float32)
            array[...] = number
            taken.append((array, number))
    for array, mark in taken:
        assert (array == mark).all()
        arena.release(array)
    assert not arena._busy and len(arena._slabs) == 1


def test_arena_leaves_foreign_arrays_alone() -> None:
    arena = Arena()
    own = arena.take((3,), np.float64)
    arena.release(np.zeros(3), None)
    assert address(own) in arena._busy and len(arena._busy) == 1
    arena.release(own)
    arena.release(own)  # twice does no harm
    assert not arena._busy
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
    assert as_pair(np.int64(2), "x") == (2, 2) and as_pad(np.array([1, 2])) == (1, 1, 2, 2)
    for bad_pair in (0, 1.5, "3", (1, 2, 3), (1, 0), ()):
        with pytest.raises(GlassnetError):
            as_pair(bad_pair, "x")
