"""A kernel and what it did to a picture, in words and numbers."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from glassnet.filters.apply import Filtered
from glassnet.filters.kernels import GREY, VALUES, Filter

__all__ = ["NUMBERS_UP_TO", "describe_filter", "describe_result", "kernel_text"]

NUMBERS_UP_TO = 9  # rows or columns of a kernel whose numbers are all written


def kernel_text(chosen: Filter) -> str:
    """The kernel's numbers as aligned rows, two kernels side by side; of a large one the middle row and column's.

    Examples
    --------
    >>> from glassnet.filters import kernel_text, make_filter
    >>> print(kernel_text(make_filter("laplacian")))
     0   1   0
     1  -4   1
     0   1   0
    """
    blocks = [_block(matrix) for matrix in chosen.matrices]
    return "\n".join("     ".join(lines).rstrip() for lines in zip(*blocks, strict=True))


def _block(matrix: NDArray[np.float64]) -> list[str]:
    kh, kw = matrix.shape
    if max(kh, kw) <= NUMBERS_UP_TO:
        return _aligned(matrix)
    middle = _aligned(np.stack([matrix[kh // 2, _few(kw)]]))[0]
    return [
        f"{kh}x{kw} numbers from {matrix.min():.4g} to {matrix.max():.4g}; around the middle of row {kh // 2 + 1}:",
        f"  ... {middle} ...",
    ]


def _few(length: int) -> slice:
    middle, reach = length // 2, NUMBERS_UP_TO // 2
    return slice(max(0, middle - reach), middle + reach + 1)


def _aligned(matrix: NDArray[np.float64]) -> list[str]:
    texts = [[f"{value:.4g}" for value in row] for row in matrix]
    width = max(len(text) for row in texts for text in row)
    return ["  ".join(text.rjust(width) for text in row) for row in texts]


def describe_filter(chosen: Filter, edge: str) -> str:
    """In a sentence or two: what it is applied to, and what lies beyond the border.

    Examples
    --------
    >>> from glassnet.filters import describe_filter, make_filter
    >>> print(describe_filter(make_filter("blur"), "reflect"))
    Applied to each channel by itself. Beyond the border the picture is reflected at its last row and column.
    """
    on = {
        "each": "each channel by itself",
        "grey": f"the grey picture ({GREY[0]} red + {GREY[1]} green + {GREY[2]} blue)",
    }.get(chosen.channel, f"the {chosen.channel} channel alone")
    two = "; the result is the root of the sum of both squares" if len(chosen.matrices) == 2 else ""
    beyond = {
        "reflect": "reflected at its last row and column",
        "repeat": "its last pixel repeated",
        "zero": "black",
    }[edge]
    return f"Applied to {on}{two}. Beyond the border the picture is {beyond}."


def describe_result(chosen: Filter, found: Filtered) -> str:
    """In a sentence: the numbers that came out, and how they became pixels.

    Examples
    --------
    >>> from glassnet.filters import apply_filter, describe_result, make_filter
    >>> chosen = make_filter("laplacian")
    >>> print(describe_result(chosen, apply_filter(np.full((5, 5), 100, np.uint8), chosen)))
    The numbers run from 0 to 0; ...
    """
    low, high = (f"{round(value, 3):.5g}" for value in (found.lowest, found.highest))
    text = f"The numbers run from {low} to {high}; '{chosen.values}': {VALUES[chosen.values]}."
    if found.outside > 0:
        text += f" {100 * found.outside:.2g} % of them were cut off."
    return text
