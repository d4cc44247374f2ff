"""A small matrix as coloured cells with its numbers in them."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from glassnet.report.figures import style

__all__ = ["NUMBERS_UP_TO", "draw_matrix"]

NUMBERS_UP_TO = 9  # rows or columns whose numbers are written out


def draw_matrix(axes: Axes, matrix: NDArray[np.float64]) -> None:
    """A matrix as coloured cells on a symmetric scale, the numbers in them where there is room."""
    limit = float(np.abs(matrix).max()) or 1.0
    kh, kw = matrix.shape
    axes.imshow(matrix, cmap=style.diverging(), vmin=-limit, vmax=limit, interpolation="nearest", aspect="equal")
    style.pictures_off(axes)
    if max(kh, kw) > NUMBERS_UP_TO:
        return
    axes.set_xticks(np.arange(kw + 1) - 0.5, minor=True)
    axes.set_yticks(np.arange(kh + 1) - 0.5, minor=True)
    axes.grid(which="minor", color=style.FAINT, linewidth=1.2)
    axes.tick_params(which="both", length=0)
    size = float(np.clip(34.0 / max(kh, kw), 5.5, 11.0))
    for (row, column), value in np.ndenumerate(matrix):
        colour = style.PAPER if abs(value) > 0.55 * limit else style.INK
        axes.text(column, row, f"{value:.3g}", ha="center", va="center", fontsize=size, color=colour)
