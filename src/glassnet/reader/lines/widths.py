"""How wide a line's picture is made: by its own width alone.

A line that is filled up with paper to the widest of its batch would read differently in different company, because
the layers see paper on its right, and how much of it there is changes with the batch. Here a line's padded width
depends on nothing but its own, and a batch holds lines of one padded width: a line has the same scores alone and in
any batch, bit for bit. Widths go in steps of a quarter of the power of two below, so that at most a fifth of a picture
is paper that was filled in, and a network is sized for few different ones.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

__all__ = ["LEAST", "padded", "padded_width", "together"]

LEAST = 64  # pixels


def padded_width(width: int) -> int:
    """The padded width, in pixels, of a line of `width` pixels: the next of 64, 80, 96, 112, 128, 160, 192, 224, ..."""
    if width <= LEAST:
        return LEAST
    step = 1 << ((width - 1).bit_length() - 3)
    return -(-width // step) * step


def padded(strip: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """A strip (H, W) of ink, filled up with paper (0) on the right to its padded width."""
    return np.pad(strip, ((0, 0), (0, padded_width(strip.shape[1]) - strip.shape[1])))


def together(strips: Sequence[npt.NDArray[np.float32]]) -> npt.NDArray[np.float32]:
    """Strips (H, w) as one batch (n, H, width, 1), filled up with paper to the widest padded width among them."""
    width = max(padded_width(strip.shape[1]) for strip in strips)
    x = np.zeros((len(strips), strips[0].shape[0], width, 1), np.float32)
    for row, strip in zip(x, strips, strict=True):
        row[:, : strip.shape[1], 0] = strip
    return x
