"""The curve of a learning-rate range test, with the rate that it suggests."""

from __future__ import annotations

from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.figure import Figure

from glassnet.errors import RecipeError
from glassnet.files import atomic_write
from glassnet.report.figures import style
from glassnet.train.range_test import RangeTest

__all__ = ["range_figure", "save_range_test"]

_KINDS = (".png", ".svg")


def range_figure(found: RangeTest) -> Figure:
    """Losses by rate, on a logarithmic axis."""
    figure = style.new_figure(7.4, 3.8)
    axes = figure.subplots()
    style.dress(axes, xlabel="learning rate", ylabel="loss at the start of the step", grid="both")
    axes.set_xscale("log")
    axes.plot(found.rates, found.losses, ".", color="#b9c2ce", markersize=4, label="one step")
    axes.plot(found.rates, found.smoothed, color=style.BLUE, linewidth=2, label="smoothed")
    low, high = float(found.losses.min()), float(found.smoothed.max())
    room = 0.08 * (high - low) or 1.0
    axes.set_ylim(low - room, max(high, float(np.percentile(found.losses, 90))) + room)
    axes.set_xlim(found.rates[0], found.rates[-1])
    if found.suggestion is not None:
        axes.axvline(found.suggestion, color=style.ORANGE, linewidth=1.6, label=f"suggested: {found.suggestion:.2g}")
    style.legend(axes, loc="lower left")
    return figure


def save_range_test(found: RangeTest, path: Path) -> Path:
    """Write the curve as a PNG or SVG file, by its ending. Raises `RecipeError` for another one."""
    if path.suffix.lower() not in _KINDS:
        raise RecipeError(f"The curve is drawn as .png or .svg. Got '{path.name}' instead.")
    figure = range_figure(found)
    if path.suffix.lower() == ".png":
        return style.save_png(figure, path)
    with atomic_write(path) as file, matplotlib.rc_context({"svg.hashsalt": "glassnet"}):
        figure.savefig(file, format="svg", metadata={"Date": None})
    return path
