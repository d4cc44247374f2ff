"""The one look of every glassnet figure: a light page, quiet axes, colours that colour-blind readers tell apart.

Figures are made with Matplotlib's object interface on the Agg canvas: no window, no `pyplot`, no global settings
changed, so a figure drawn here never alters one drawn by the caller, and drawing works in threads and on machines
without a display.
"""

from __future__ import annotations

import io
import math
import os
import warnings
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import Colormap, LinearSegmentedColormap, to_rgb
from matplotlib.figure import Figure
from matplotlib.ticker import Formatter, FuncFormatter, MaxNLocator
from numpy.typing import ArrayLike, NDArray

from glassnet.files import atomic_write
from glassnet.text import shorten

__all__ = [
    "BLUE",
    "CYCLE",
    "FAINT",
    "GREEN",
    "GREY",
    "INK",
    "NARROW",
    "ORANGE",
    "PAPER",
    "SOFT",
    "blend",
    "diverging",
    "drawable",
    "dress",
    "empty_note",
    "figure_legend",
    "finite",
    "legend",
    "natural_width",
    "new_figure",
    "percent_axis",
    "pictures_off",
    "plain",
    "png_bytes",
    "save_png",
    "shorten",
    "whole_ticks",
]

PAPER = "#ffffff"
INK = "#1f2733"
GREY = "#66707f"
FAINT = "#e4e8ee"
SOFT = "#f5f7fa"
# After M. Okabe and K. Ito, "Color universal design" (2008): distinct under the common colour-vision deficiencies.
BLUE = "#0b6fb8"
ORANGE = "#d55e00"
GREEN = "#009e73"
_SKY = "#56b4e9"
_PINK = "#cc79a7"
_AMBER = "#e69f00"
CYCLE = (BLUE, ORANGE, GREEN, _PINK, _SKY, _AMBER, "#5b4b9a", "#7a6a4f")

LARGEST = 1e100  # of what is drawn; float32 ends at 3.4e38, and near 1e308 the arithmetic of axes and ticks overflows
DENSITY = 100  # pixels an inch at 1x
NARROW = 3.6  # inches: the width of a figure that a phone shows whole
_SCALE = 2.0  # at which pages embed figures


def new_figure(width: float, height: float) -> Figure:
    """An empty figure of `width` x `height` inches on white, with its own Agg canvas and automatic layout."""
    figure = Figure(figsize=(width, height), dpi=DENSITY, facecolor=PAPER, layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def png_bytes(figure: Figure, *, scale: float = _SCALE, transparent: bool = False) -> bytes:
    """The figure as a PNG file, `scale` times as dense as its size on a page. The same figure gives the same bytes.

    Examples
    --------
    >>> from glassnet.report import image_grid, png_bytes
    >>> png_bytes(image_grid(np.zeros((2, 8, 8, 1))))[1:4]
    b'PNG'
    """
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        # A class name in a script the font lacks is drawn as boxes; the page's tables show it properly.
        warnings.filterwarnings("ignore", message=".*[Gg]lyph.*missing.*")
        dpi, software = DENSITY * scale, {"Software": None}
        if transparent or type(figure.canvas) is not FigureCanvasAgg:
            figure.savefig(buffer, format="png", dpi=dpi, transparent=transparent, metadata=software)
        else:  # `savefig` would draw twice, the first time for the layout alone
            before = figure.dpi
            try:
                figure.set_dpi(dpi)
                figure.canvas.print_png(buffer, metadata=software)  # type: ignore[no-untyped-call]
            finally:
                figure.set_dpi(before)
    return buffer.getvalue()


def natural_width(png: bytes) -> int:
    """The width of a figure on a page, in pixels, from its PNG file."""
    return round(int.from_bytes(png[16:20], "big") / _SCALE)  # the first number of the header chunk, IHDR


def save_png(figure: Figure, path: str | os.PathLike[str]) -> Path:
    """Write the figure as a PNG file, whole or not at all; returns the path.

    Examples
    --------
    >>> import tempfile
    >>> from glassnet.report import image_grid, save_png
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save_png(image_grid(np.zeros((2, 8, 8, 1))), f"{folder}/digits.png").name
    'digits.png'
    """
    with atomic_write(path) as file:
        file.write(png_bytes(figure))
    return Path(path)


def dress(axes: Axes, *, title: str = "", xlabel: str = "", ylabel: str = "", grid: str = "y") -> None:
    """Give axes the house look. `grid` is "x", "y", "both" or "" for none; texts may hold any characters."""
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color("#c3cad4")
        axes.spines[side].set_linewidth(0.8)
    axes.set_facecolor(PAPER)
    axes.tick_params(which="both", length=0, labelsize=8.5, labelcolor=GREY, pad=5)
    if grid:
        axes.grid(True, axis=grid, color=FAINT, linewidth=0.8)  # type: ignore[arg-type]
        axes.set_axisbelow(True)
    if title:
        axes.set_title(plain(title), loc="left", fontsize=10.5, fontweight="bold", color=INK, pad=9)
    if xlabel:
        axes.set_xlabel(plain(xlabel), fontsize=9, color=GREY, labelpad=6)
    if ylabel:
        axes.set_ylabel(plain(ylabel), fontsize=9, color=GREY, labelpad=6)


def pictures_off(axes: Axes) -> None:
    """Axes that only hold a picture: no ticks, no frame."""
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_visible(False)


def legend(axes: Axes, **where: Any) -> None:
    """A frameless legend in the house type."""
    settings: dict[str, Any] = {
        "loc": "best",
        "frameon": False,
        "fontsize": 8.5,
        "labelcolor": INK,
        "handlelength": 1.6,
    }
    axes.legend(**(settings | where))


def figure_legend(figure: Figure, columns: int | None = None) -> None:
    """One legend above all panels, where it can cover no curve: every label once, in order of appearance.

    It stands on one line, or in so many columns.
    """
    found: dict[str, Any] = {}
    for axes in figure.axes:
        for handle, label in zip(*axes.get_legend_handles_labels(), strict=True):
            found.setdefault(label, handle)
    if found:
        figure.legend(
            list(found.values()),
            list(found),
            loc="outside upper right",
            ncols=columns or len(found),
            frameon=False,
            fontsize=8.5,
            labelcolor=INK,
            handlelength=1.6,
        )


def empty_note(axes: Axes, text: str) -> None:
    """Say in the middle of empty axes why there is nothing to see."""
    axes.text(0.5, 0.5, plain(text), transform=axes.transAxes, ha="center", va="center", fontsize=9, color=GREY)


def whole_ticks(axes: Axes, most: int = 6) -> None:
    """Ticks of the horizontal axis at whole numbers, for epochs and steps; thousands as 10k."""
    axes.xaxis.set_major_locator(MaxNLocator(most, integer=True, min_n_ticks=1))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: _thousands(value)))


class _Percent(Formatter):
    """Shares as percentages, with as many digits as it takes to tell every tick from its neighbours, exactly."""

    def __call__(self, value: float, pos: int | None = None) -> str:
        return self.format_ticks([value])[0]

    def format_ticks(self, values: Sequence[float]) -> list[str]:
        ticks = 100.0 * np.asarray(values, dtype=np.float64)
        digits = next((d for d in range(6) if np.allclose(ticks, np.round(ticks, d), rtol=0, atol=1e-7)), 6)
        return [f"{tick:.{digits}f} %" if abs(tick) < 1e6 else f"{tick:.3g} %" for tick in ticks]


def percent_axis(axis: Axis, most: int = 6) -> None:
    """Label an axis of shares in percent: no label twice, each exactly at its place."""
    axis.set_major_locator(MaxNLocator(most, steps=[1, 2, 2.5, 5, 10]))
    axis.set_major_formatter(_Percent())


def _thousands(value: float) -> str:
    return f"{value / 1000:g}k" if abs(value) >= 10_000 else f"{value:g}"


def plain(text: object) -> str:
    """Text that Matplotlib draws as it stands: `$` starts no formula, control characters become blanks."""
    cleaned = "".join(c if c.isprintable() else " " for c in str(text))
    return cleaned.replace("$", r"\$")


def blend(colour: str, strength: NDArray[np.float64]) -> NDArray[np.float64]:
    """RGB in [0, 1] of shape `strength.shape + (3,)`: white at strength 0, the full colour at 1."""
    target = np.array(to_rgb(colour))
    amount = np.clip(np.nan_to_num(strength), 0.0, 1.0)[..., None]
    return np.asarray(1.0 - amount * (1.0 - target))


def diverging() -> Colormap:
    """Blue below zero, white at zero, red above: told apart by colour-blind readers, darker the further from zero."""
    stops = ["#0a4f8f", "#4a90c8", "#b5d3ea", "#fbfbfb", "#f6c3a9", "#d9683c", "#93260f"]
    return LinearSegmentedColormap.from_list("glassnet_diverging", stops)


def drawable(values: ArrayLike) -> NDArray[np.float64]:
    """Values as float64 that an axis can hold: 0 for what is not finite, none beyond `LARGEST` or, but for 0, below 1 /
    `LARGEST`.
    """
    found = np.nan_to_num(np.asarray(values, dtype=np.float64), posinf=0.0, neginf=0.0)
    return np.where(np.abs(found) < 1.0 / LARGEST, 0.0, np.clip(found, -LARGEST, LARGEST))


def finite(values: Iterable[Any]) -> NDArray[np.float64]:
    """Values as float64 within what an axis can hold, `nan` for whatever is missing, infinite or no number."""
    numbers = []
    for value in values:
        try:
            number = float(value)
        except (TypeError, ValueError):
            number = math.nan
        numbers.append(number if math.isfinite(number) else math.nan)
    found = np.array(numbers, dtype=np.float64)
    return np.where(np.isnan(found), math.nan, drawable(found))
