"""Memory that is used again: the outputs that a layer keeps, and the arrays that live for a moment.

A training step of a convnet moves through hundreds of megabytes. Taking them from the system anew at every step costs
more than the arithmetic of a small layer, so everything a steady step needs is taken once and reused.
"""

from __future__ import annotations

import ctypes
import math
import mmap
from typing import Any

import numpy as np

from glassnet.nn.functional.arrays import Array

__all__ = ["Arena", "Workspace", "address"]


def address(array: Array) -> int:
    """Where an array's memory begins: two arrays of one address show the same memory."""
    try:  # a quarter of the time that NumPy takes to say it
        found: int = _address_of(_of_buffer(array))
        return found
    except (TypeError, ValueError, BufferError):  # read-only, empty, or not in one piece
        place: int = array.__array_interface__["data"][0]
        return place


_address_of: Any = ctypes.addressof
_of_buffer: Any = ctypes.c_char.from_buffer


_ALIGNMENT = 64  # bytes of a cache line
_PRIVATE: dict[str, Any] = {"flags": mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS} if hasattr(mmap, "MAP_PRIVATE") else {}
_HUGE = 1 << 25  # bytes from which huge pages are asked for: those of smaller memory would be half empty


class Arena:
    """Arrays that live for a moment: scratch space within an operation, gradients on their way back.

    `take` hands out memory (uninitialised), `release` takes it back for the next one who asks. All layers of a network
    share one arena, so the gradients of a deep network need the memory of its two or three largest, not of all.

    The memory is one slab that requests are fitted into. Where it does not suffice another is added, and once nothing
    is in use all are replaced by one that would have sufficed: after a step or two nothing is asked of the system.

    `keep` says whether layers keep what a backward pass needs; without it their outputs live in the arena as well, and
    a network in use needs no more memory than its largest layers.
    """

    def __init__(self) -> None:
        self.keep = True
        self._slabs: list[_Slab] = []
        self._busy: dict[int, tuple[_Slab, int, int]] = {}  # by address: where it lies, and how many bytes
        self._used = self._most = 0  # bytes in use now, and at most so far

    def take(self, shape: tuple[int, ...], dtype: Any) -> Array:
        """A C-contiguous array of unknown contents, the caller's until it is released; it begins on a cache line."""
        wanted = math.prod(shape) * np.dtype(dtype).itemsize
        size = max(1, -(-wanted // _ALIGNMENT)) * _ALIGNMENT
        for slab in self._slabs:
            start = slab.take(size)
            if start is not None:
                break
        else:
            # What is free but too small will be part of the one slab that comes; until then it need not stand beside.
            slab = _Slab(size)
            self._slabs = [*(other for other in self._slabs if not other.idle), slab]
            start = slab.take(size)
            assert start is not None
        memory = slab.memory[start : start + wanted]
        self._busy[slab.address + start] = (slab, start, size)
        self._used += size
        self._most = max(self._most, self._used)
        array: Array = memory.view(dtype).reshape(shape)
        return array

    def release(self, *arrays: Array | None) -> None:
        """Take arrays back that this arena handed out; all others (and None) are left alone."""
        for array in arrays:
            entry = None if array is None else self._busy.pop(address(array), None)
            if entry is not None:
                slab, start, size = entry
                slab.release(start, size)
                self._used -= size
        if not self._busy and (len(self._slabs) > 1 or self.nbytes < self._most):
            # A slab of the most bytes ever in use can still be too small, where gaps do not fit: then take them all.
            enough = self.nbytes if any(slab.size >= self._most for slab in self._slabs) else self._most
            self._slabs = []  # the old memory goes before the new comes
            self._slabs = [_Slab(enough)]

    def clear(self) -> None:
        """Give the memory back to the system, where none of it is in use."""
        if not self._busy:
            self._slabs = []

    @property
    def nbytes(self) -> int:
        """Memory held, in bytes."""
        return sum(slab.size for slab in self._slabs)


class _Slab:
    """One piece of memory and the gaps in it that are free, as (start, end) in increasing order."""

    def __init__(self, size: int) -> None:
        # Pages of its own, which go back to the system with the slab; the C library would keep them. They are private:
        # a forked process would write into shared ones.
        pages = mmap.mmap(-1, size, **_PRIVATE)
        if hasattr(mmap, "MADV_HUGEPAGE") and size >= _HUGE:
            pages.madvise(mmap.MADV_HUGEPAGE)
        self.memory = np.frombuffer(pages, np.uint8)
        self.address = address(self.memory)
        self.size = size
        self._free = [(0, size)]

    @property
    def idle(self) -> bool:
        """Whether none of it is in use."""
        return self._free == [(0, self.size)]

    def take(self, size: int) -> int | None:
        """Where `size` bytes begin, in the smallest gap that holds them; None without one."""
        fitting = [(end - start, place) for place, (start, end) in enumerate(self._free) if end - start >= size]
        if not fitting:
            return None
        place = min(fitting)[1]
        start, end = self._free[place]
        self._free[place : place + 1] = [(start + size, end)] if end - start > size else []
        return start

    def release(self, start: int, size: int) -> None:
        """Free these bytes, and join gaps that touch."""
        gaps: list[tuple[int, int]] = []
        for low, high in sorted([*self._free, (start, start + size)]):
            if gaps and gaps[-1][1] == low:
                gaps[-1] = (gaps[-1][0], high)
            else:
                gaps.append((low, high))
        self._free = gaps


class Workspace:
    """Arrays by name that stay until the same name is asked for again; they grow to the largest asked for so far."""

    def __init__(self) -> None:
        self._buffers: dict[str, Array] = {}  # all the memory of a name, in one dimension
        self._views: dict[str, Array] = {}  # what was handed out last

    def get(self, name: str, shape: tuple[int, ...], dtype: Any) -> Array:
        """A C-contiguous buffer of `shape`, valid until the same name is asked for again."""
        view = self._views.get(name)
        if view is not None and view.shape == shape and view.dtype == dtype:
            return view
        size, buffer = math.prod(shape), self._buffers.get(name)
        if buffer is None or buffer.size < size or buffer.dtype != dtype:
            buffer = self._buffers[name] = np.empty(size, dtype)
        view = self._views[name] = buffer[:size].reshape(shape)
        return view

    @property
    def nbytes(self) -> int:
        """Memory held, in bytes."""
        return sum(buffer.nbytes for buffer in self._buffers.values())
