"""The picture of a descent: the path on the formula, and f - f* beside its bound."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes

from glassnet.autodiff.descent import Descent
from glassnet.errors import FormulaError
from glassnet.report.figures.style import BLUE, GREEN, GREY, ORANGE, dress, legend, new_figure, save_png, whole_ticks

__all__ = ["save_descent"]

Window = tuple[float, float]

_POINTS = 240  # along a curve
_GRID = 90  # each way, of a map
_LARGEST = 1e100  # of a place or a value: differences of larger ones have no square
_SHAPE = 1.3  # a map is so many times as wide as high
_MOST_WIDENED = 12.0
_MOST = 200  # steps of the path that are drawn on the formula


def save_descent(descent: Descent, path: Path) -> Path:
    """Write a PNG: for one or two variables the formula with the path on it, and how f - f* shrinks.

    Raises `FormulaError` where numbers are too large for the axes of a picture.
    """
    largest = max(float(np.abs(numbers).max()) for numbers in (descent.path, descent.values))
    if largest > _LARGEST:
        raise FormulaError(f"The path reaches {largest:.3g}, too far to be drawn. Leave the picture out.")
    count = len(descent.graph.names)
    figure = new_figure(11 if count <= 2 else 6, 4.2)
    axes = figure.subplots(1, 2 if count <= 2 else 1, squeeze=False)[0]
    if count == 1:
        _curve(descent, axes[0])
    elif count == 2:
        _map(descent, axes[0])
    _gap(descent, axes[-1])
    return save_png(figure, path)


def _window(values: npt.NDArray[np.float64]) -> tuple[float, float]:
    low, high = float(values.min()), float(values.max())
    margin = 0.2 * (high - low) or max(1.0, 0.2 * abs(high))
    return low - margin, high + margin


def _seen(descent: Descent) -> npt.NDArray[np.float64]:
    """The places that the picture must show: the path's first steps and the minimum."""
    near = descent.path[:_MOST]
    return near if descent.minimum is None else np.vstack([near, descent.minimum])


def _value(descent: Descent, w: list[float]) -> float:
    try:
        return descent.value(w)
    except FormulaError:
        return np.nan


def _curve(descent: Descent, axes: Axes) -> None:
    """A formula of one variable, the path, and the parabola whose lowest point is the first step."""
    name = descent.graph.names[0]
    x = np.linspace(*_window(_seen(descent)[:, 0]), _POINTS)
    y = np.array([_value(descent, [float(v)]) for v in x])
    axes.plot(x, y, color=GREY, linewidth=1.6, label="f")
    if not descent.stochastic:
        parabola = descent.parabola(0, x)
        top = float(np.nanmax(y)) if np.isfinite(y).any() else 1.0
        axes.plot(x, np.where(parabola <= top, parabola, np.nan), color=GREEN, linewidth=1.2, linestyle="--",
                  label=f"parabola of step 1 (rate {descent.rate:.3g})")  # fmt: skip
    w, f = descent.path[:_MOST, 0], descent.values[:_MOST]
    axes.plot(w, f, color=BLUE, marker="o", markersize=4, linewidth=1, label="path")
    _mark_uphill(descent, axes, w, f)
    dress(axes, title="The path", xlabel=name, ylabel="f", grid="both")
    _legend_above(axes)


def _map(descent: Descent, axes: Axes) -> None:
    seen = _seen(descent)
    windows, to_scale = _to_scale(*(_window(seen[:, i]) for i in (0, 1)))
    xs, ys = (np.linspace(*window, _GRID) for window in windows)
    z = np.array([[_value(descent, [float(a), float(b)]) for a in xs] for b in ys])
    if np.isfinite(z).any():
        low = float(np.nanmin(z))
        levels = low + np.linspace(0, 1, 14) ** 2 * (float(np.nanmax(z)) - low)
        if levels[-1] > levels[0]:
            lines = axes.contour(xs, ys, z, levels=levels, colors="#b9c2ce", linewidths=0.9)
            axes.clabel(lines, levels[1::2], fmt="%.3g", fontsize=7, colors=GREY)
    w = descent.path[:_MOST]
    axes.plot(w[:, 0], w[:, 1], color=BLUE, marker="o", markersize=3.5, linewidth=1, label="path")
    if descent.minimum is not None:
        axes.plot(*descent.minimum, color=ORANGE, marker="*", markersize=12, linestyle="", label="minimum")
    _mark_uphill(descent, axes, w[:, 0], w[:, 1])
    dress(axes, title="The path", xlabel=descent.graph.names[0], ylabel=descent.graph.names[1], grid="")
    axes.set_xlim(*windows[0])
    axes.set_ylim(*windows[1])
    if to_scale:
        axes.set_aspect("equal")
    _legend_above(axes)


def _to_scale(x: Window, y: Window) -> tuple[tuple[Window, Window], bool]:
    """Windows widened so that a unit is as long on both axes, where neither grows beyond `_MOST_WIDENED` times."""
    wide, high = x[1] - x[0], y[1] - y[0]
    unit = max(wide / _SHAPE, high)
    if unit * _SHAPE > _MOST_WIDENED * wide or unit > _MOST_WIDENED * high:
        return (x, y), False

    def around(window: Window, length: float) -> Window:
        middle = (window[0] + window[1]) / 2
        return middle - length / 2, middle + length / 2

    return (around(x, unit * _SHAPE), around(y, unit)), True


def _legend_above(axes: Axes) -> None:
    """A legend beside the title, where it covers no line."""
    legend(axes, loc="lower right", bbox_to_anchor=(1.0, 1.0), ncols=3, borderaxespad=0.2)


def _mark_uphill(descent: Descent, axes: Axes, x: npt.NDArray[np.float64], y: npt.NDArray[np.float64]) -> None:
    steps = [t + 1 for t in descent.uphill if t + 1 < len(x)]
    if steps:
        axes.plot(x[steps], y[steps], color=ORANGE, marker="^", markersize=6, linestyle="", label="after a step uphill")


def _gap(descent: Descent, axes: Axes) -> None:
    """f - f* along the path, on a logarithmic axis, and the bound."""
    t = np.arange(len(descent.values))
    if descent.lowest is None:
        axes.plot(t, descent.values, color=BLUE, marker="o", markersize=3, linewidth=1.2, label="f")
        dress(axes, title="The formula along the path", xlabel="step", ylabel="f", grid="both")
    else:
        gap = np.maximum(descent.values - descent.lowest, 0)
        axes.plot(
            t, np.where(gap > 0, gap, np.nan), color=BLUE, marker="o", markersize=3, linewidth=1.2, label="f - f*"
        )
        bound = descent.bound
        if bound is not None:
            axes.plot(t, np.where(np.isfinite(bound), bound, np.nan), color=ORANGE, linewidth=1.4, label="bound")
        axes.set_yscale("log")
        dress(axes, title="How far from the minimum", xlabel="step", ylabel="f - f*", grid="both")
    whole_ticks(axes)
    _legend_above(axes)
