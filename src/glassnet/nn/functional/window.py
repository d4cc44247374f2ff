"""Sliding windows: kernel, stride and padding of convolution and pooling, checked and turned into sizes.

With an input of length n, padding p before and q after, a kernel of length k and stride s, the output has

    floor((n + p + q - k) / s) + 1        positions, or with `ceil` the ceiling instead of the floor,

where under `ceil` a last window that would begin in the padding behind the input is dropped (as PyTorch and ONNX do).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np

from glassnet.errors import GlassnetError
from glassnet.notation import is_whole

__all__ = ["Pad", "as_pad", "as_pair", "hashable", "output_length", "same_pad"]


class Pad(NamedTuple):
    """Rows and columns of padding on the four sides."""

    top: int
    bottom: int
    left: int
    right: int

    @property
    def any(self) -> bool:
        """Whether there is any padding."""
        return self != (0, 0, 0, 0)


def as_pair(value: Any, what: str, least: int = 1) -> tuple[int, int]:
    """(rows, columns) from one whole number for both or from two. Raises `GlassnetError` below `least`."""
    values = _numbers(value)
    if len(values) == 1:
        values = values * 2
    if len(values) != 2 or not all(_is_whole(v, least) for v in values):
        raise GlassnetError(f"{what} must be one or two whole numbers of at least {least}. Got {value} instead.")
    return int(values[0]), int(values[1])


def as_pad(value: Any) -> Pad:
    """Padding from one number for all sides, two (rows, columns), or four (top, bottom, left, right)."""
    values = _numbers(value)
    if len(values) == 1:
        values = values * 4
    if len(values) == 2:
        values = [values[0], values[0], values[1], values[1]]
    if len(values) != 4 or not all(_is_whole(v, 0) for v in values):
        raise GlassnetError(f"pad must be one, two or four whole numbers of at least 0. Got {value} instead.")
    return Pad(*(int(v) for v in values))


def hashable(value: Any) -> Any:
    """A size, stride or padding as the key of a cache: lists and arrays as tuples."""
    return tuple(hashable(v) for v in value) if isinstance(value, (tuple, list, np.ndarray)) else value


def _numbers(value: Any) -> list[Any]:
    return list(value) if isinstance(value, Iterable) else [value]


def _is_whole(value: Any, least: int) -> bool:
    return is_whole(value) and int(value) >= least


def same_pad(kernel: tuple[int, int], stride: tuple[int, int] = (1, 1), size: tuple[int, int] = (1, 1)) -> Pad:
    """The padding under which n numbers have ceil(n / stride) windows; of an odd number the greater half comes after.

    max(0, (ceil(n / s) - 1) s + k - n) in all, which for stride 1 is k - 1 whatever the size, as TensorFlow's "SAME".
    """
    sides: list[int] = []
    for k, s, n in zip(kernel, stride, size, strict=True):
        total = max(0, (-(-n // s) - 1) * s + k - n)
        sides += [total // 2, total - total // 2]
    return Pad(*sides)


def output_length(length: int, kernel: int, stride: int, before: int, after: int, ceil: bool = False) -> int:
    """Number of window positions along one axis; 0 where the kernel does not fit."""
    span = length + before + after - kernel
    if span < 0:
        return 0
    count = -(-span // stride) + 1 if ceil else span // stride + 1
    if ceil and (count - 1) * stride >= length + before:
        count -= 1
    return count
