"""The sliding window of a pooling operation, checked, and what follows from it."""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from glassnet.errors import GlassnetError
from glassnet.nn.functional.arrays import Array
from glassnet.nn.functional.window import Pad, as_pad, as_pair, hashable, output_length
from glassnet.nn.kernels.pooling import DIRECT

__all__ = ["Pair", "PoolWindow", "Size", "pool_window"]

Pair = tuple[int, int]
Size = int | Pair


@dataclass(frozen=True)
class PoolWindow:
    """The sliding window of a pooling operation on images of one shape, and what the kernels are told about it."""

    size: Pair
    stride: Pair
    dilation: Pair
    pad: Pad
    input_shape: tuple[int, ...]
    output_shape: tuple[int, ...]

    def taps(self, axis: int, margin: Pair = (0, 0)) -> Array:
        """(positions, taps) boolean: which taps of every window lie in the image, or within `margin` around it."""
        before = (self.pad.top, self.pad.left)[axis]
        at = np.arange(self.output_shape[1 + axis])[:, None] * self.stride[axis] - before
        at = at + np.arange(self.size[axis]) * self.dilation[axis]
        inside: Array = (at >= -margin[0]) & (at < self.input_shape[1 + axis] + margin[1])
        return inside

    @functools.cached_property
    def numbers(self) -> tuple[int, ...]:
        """Size, stride, dilation, padding above and to the left."""
        return (*self.size, *self.stride, *self.dilation, self.pad.top, self.pad.left)

    @functools.cached_property
    def plain(self) -> bool:
        """Whether windows of 2x2 lie side by side, all in the image."""
        side_by_side = self.size == self.stride == (2, 2) and self.dilation == (1, 1)
        return side_by_side and bool(self.taps(0).all() and self.taps(1).all())

    @functools.cached_property
    def nine_taps(self) -> bool:
        """Whether windows of 3x3 without dilation run over channels that fill whole registers."""
        return self.size == (3, 3) and self.dilation == (1, 1) and self.input_shape[3] % DIRECT == 0

    @functools.cached_property
    def index_dtype(self) -> Any:
        """The smallest unsigned integers that number the taps."""
        return np.min_scalar_type(math.prod(self.size) - 1)

    @functools.cached_property
    def first_columns(self) -> Array:
        """(ow c,) the first column of every window that lies in the image."""
        return np.repeat(self.taps(1).argmax(axis=1), self.input_shape[3]).astype(self.index_dtype)

    @functools.cached_property
    def tap_offsets(self) -> Array:
        """(taps,) unsigned: how far in memory every tap lies from the window's first."""
        (kh, kw), (dh, dw), (_, _, w, c) = self.size, self.dilation, self.input_shape
        return (np.arange(kh)[:, None] * (dh * w * c) + np.arange(kw) * (dw * c)).reshape(-1).astype(np.uint64)


def pool_window(
    shape: tuple[int, ...], size: Size, stride: Size | None, pad: Any, ceil: bool, dilation: Size
) -> PoolWindow:
    """The window, checked against images of `shape`."""
    try:
        return _window(shape, size, stride, pad, ceil, dilation)
    except TypeError:  # a list is not a key of a cache
        return _window(shape, hashable(size), hashable(stride), hashable(pad), ceil, hashable(dilation))


@functools.lru_cache(maxsize=256, typed=True)  # a training step asks for the same few windows again and again
def _window(shape: tuple[int, ...], size: Any, stride: Any, pad: Any, ceil: bool, dilation: Any) -> PoolWindow:
    if len(shape) != 4 or 0 in shape[1:]:
        raise GlassnetError(f"Pooling takes images of shape (n, height, width, channels). Got {shape} instead.")
    kernel, gaps = as_pair(size, "The window's size"), as_pair(dilation, "dilation")
    step = kernel if stride is None else as_pair(stride, "stride")
    return _checked_window(shape, kernel, step, as_pad(pad), bool(ceil), gaps)


def _checked_window(shape: tuple[int, ...], kernel: Pair, step: Pair, pad: Pad, ceil: bool, gaps: Pair) -> PoolWindow:
    span = ((kernel[0] - 1) * gaps[0] + 1, (kernel[1] - 1) * gaps[1] + 1)
    if max(pad.top, pad.bottom) >= span[0] or max(pad.left, pad.right) >= span[1]:
        raise GlassnetError(
            f"The padding must be smaller than the window, which spans {span[0]}x{span[1]}. Got {tuple(pad)} instead."
        )
    rows = output_length(shape[1], span[0], step[0], pad.top, pad.bottom, ceil)
    columns = output_length(shape[2], span[1], step[1], pad.left, pad.right, ceil)
    if rows < 1 or columns < 1:
        raise GlassnetError(
            f"A window that spans {span[0]}x{span[1]} does not fit into images of {shape[1]}x{shape[2]} with padding "
            f"{tuple(pad)}. Take a smaller window or larger images."
        )
    window = PoolWindow(kernel, step, gaps, pad, shape, (shape[0], rows, columns, shape[3]))
    if not all(window.taps(axis).any(axis=1).all() for axis in (0, 1)):
        raise GlassnetError(
            f"A window of {kernel[0]}x{kernel[1]}, dilation {gaps}, has no pixel of the image under its taps in some "
            "places. Take less padding or less dilation."
        )
    return window
