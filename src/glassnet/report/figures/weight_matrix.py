"""First-layer kernels too small to be pictures, as a matrix."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray

from glassnet.errors import DataError
from glassnet.report.figures import style
from glassnet.report.figures.matrix import draw_matrix

__all__ = ["matrix_figure", "shown_as_matrix", "strongest"]

_MATRIX_ROWS = 64


def shown_as_matrix(shape: tuple[int, ...]) -> bool:
    """Whether the weights are kernels of shape (kh, kw, c, f) too small to be pictures."""
    return len(shape) == 4 and min(shape[:2]) < 3


def strongest(weights: NDArray[np.float64], most: int) -> NDArray[np.int64]:
    """The `most` last-axis indices with the longest weights, increasing."""
    length = np.linalg.norm(weights.reshape(-1, weights.shape[-1]), axis=0)
    return np.sort(np.argsort(-length, kind="stable")[:most]).astype(np.int64)


def matrix_figure(weights: ArrayLike) -> Figure:
    """Small kernels (kh, kw, c, f) as a matrix: a column for each filter, a row for each place and channel.

    Of more than 64 filters or rows the strongest are shown, in their own order.
    """
    last = style.drawable(weights)
    if last.ndim != 4 or last.size == 0:
        raise DataError(f"Convolution weights have shape (kh, kw, channels, filters). Got {last.shape} instead.")
    kh, kw, channels, _ = last.shape
    matrix = last.reshape(kh * kw * channels, -1)
    filters, rows = strongest(matrix, _MATRIX_ROWS), strongest(matrix.T, _MATRIX_ROWS)
    names = _row_names(kh, kw, channels)
    figure = style.new_figure(
        float(np.clip(1.6 + 0.13 * len(filters), 3.0, 10.0)), float(np.clip(0.9 + 0.17 * len(rows), 1.7, 11.0))
    )
    axes = figure.subplots()
    draw_matrix(axes, matrix[np.ix_(rows, filters)])
    axes.set_aspect("auto")
    axes.tick_params(length=0, labelsize=7, labelcolor=style.GREY)
    axes.set_yticks(range(len(rows)), [names[row] for row in rows])
    each = max(1, len(filters) // 16)
    axes.set_xticks(range(0, len(filters), each), [str(filters[i]) for i in range(0, len(filters), each)])
    limit = float(np.abs(matrix).max())
    style.dress(axes, title="Weights of the first layer", grid="", xlabel=f"filter (full colour at ±{limit:.2g})")
    for spine in axes.spines.values():
        spine.set_visible(False)
    axes.tick_params(labelsize=7, pad=2)
    return figure


def _row_names(kh: int, kw: int, channels: int) -> list[str]:
    colours = ["red", "green", "blue"] if channels == 3 else [f"channel {c}" for c in range(channels)]
    if channels == 1:
        colours = ["input"]
    if (kh, kw) == (1, 1):
        return colours
    return [f"{colour} {i},{j}" for i in range(kh) for j in range(kw) for colour in colours]
