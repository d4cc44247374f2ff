"""Memory that is used again: the outputs that a layer keeps, and the arrays that live for a moment.

A training step of a convnet moves through hundreds of megabytes. Taking them from the system anew at every step costs
more than the arithmetic of a small layer, so everything a steady step needs is taken once and reused.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from glassnet.nn.functional.arrays import Array

__all__ = ["Arena", "Workspace", "address"]


def address(array: Array) -> int:
    """Where an array's memory begins: two arrays of one address show the same memory."""
    place: int = array.__array_interface__["data"][0]
    return place


class Arena:
    """Arrays that live for a moment: scratch space within an operation, gradients on their way back.

    `take` hands out memory (uninitialised), `release` takes it back for the next one who asks. All layers of a network
    share one arena, so the gradients of a deep network need the memory of its two or three largest, not of all.

    `keep` says whether layers keep what a backward pass needs; without it their outputs live in the arena as well, and
    a network in use needs no more memory than its largest layer.
    """

    def __init__(self) -> None:
        self.keep = True
        self._free: list[Array] = []
        self._busy: dict[int, Array] = {}  # by the address of their memory

    def take(self, shape: tuple[int, ...], dtype: Any) -> Array:
        """A C-contiguous array of unknown contents, the caller's until it is released."""
        size = max(1, math.prod(shape) * np.dtype(dtype).itemsize)
        fitting = [block for block in self._free if block.nbytes >= size]
        if fitting:
            block = min(fitting, key=lambda b: b.nbytes)
            self._free = [other for other in self._free if other is not block]
        else:
            if self._free:  # a larger block takes the place of a smaller one instead of standing beside it
                largest = max(self._free, key=lambda b: b.nbytes)
                self._free = [other for other in self._free if other is not largest]
            block = np.empty(size, np.uint8)
        self._busy[address(block)] = block
        array: Array = block[:size].view(dtype).reshape(shape)
        return array

    def release(self, *arrays: Array | None) -> None:
        """Take arrays back that this arena handed out; all others (and None) are left alone."""
        for array in arrays:
            if array is not None:
                block = self._busy.pop(address(array), None)
                if block is not None:
                    self._free.append(block)

    def holds(self, array: Array) -> bool:
        """Whether the array is memory of this arena that is in use."""
        return address(array) in self._busy

    @property
    def nbytes(self) -> int:
        """Memory held, in bytes."""
        return sum(block.nbytes for block in (*self._free, *self._busy.values()))


class Workspace:
    """Arrays by name that stay until the same name is asked for again; they grow to the largest batch seen."""

    def __init__(self) -> None:
        self._buffers: dict[str, Array] = {}

    def get(self, name: str, shape: tuple[int, ...], dtype: Any) -> Array:
        """A C-contiguous buffer of `shape`, valid until the same name is asked for again."""
        buffer = self._buffers.get(name)
        if buffer is None or buffer.shape[0] < shape[0] or buffer.shape[1:] != shape[1:] or buffer.dtype != dtype:
            buffer = self._buffers[name] = np.empty(shape, dtype)
        return buffer if buffer.shape[0] == shape[0] else buffer[: shape[0]]

    @property
    def nbytes(self) -> int:
        """Memory held, in bytes."""
        return sum(buffer.nbytes for buffer in self._buffers.values())
