"""The page of a filtered picture: the original, the result and the kernel."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray
from PIL import Image

from glassnet.filters import Filter, Filtered, describe_filter, describe_result, kernel_text
from glassnet.report.figures import style
from glassnet.report.figures.matrix import draw_matrix
from glassnet.report.figures.pictures import as_rgb, picture_png
from glassnet.report.html import Html, data_uri, element, scroll_box
from glassnet.report.page import Chart, Heading, Panel, write_page

__all__ = ["filter_figure", "kernel_figure", "write_filter_page"]

_SIDE = 1000  # pixels of a picture on the page


def kernel_figure(chosen: Filter, *, narrow: bool = False) -> Figure:
    """The kernel as a picture, blue below zero, red above, with its numbers unless it is large.

    `narrow`: as a phone shows it.
    """
    count = len(chosen.matrices)
    kh, kw = chosen.size
    side = min(2.2, (style.NARROW - 0.1) / count) if narrow else 2.2
    figure = style.new_figure(side * count, float(np.clip(side * kh / kw, 0.8, 4.0)))
    figure.get_layout_engine().set(wspace=0.12)  # type: ignore[union-attr,call-arg]
    for axes, matrix in zip(figure.subplots(1, count, squeeze=False)[0], chosen.matrices, strict=True):
        draw_matrix(axes, matrix)
    return figure


def filter_figure(image: NDArray[np.uint8], found: Filtered, chosen: Filter) -> Figure:
    """Kernel, original and result side by side.

    Parameters
    ----------
    image : (H, W, C) uint8 array
        The picture that was filtered. Large pictures are drawn smaller.
    """
    count = len(chosen.matrices)
    before, after = (_small(as_rgb(picture[None])[0]) for picture in (image, found.picture))
    tall = float(np.clip(4.2 * before.shape[0] / before.shape[1], 1.6, 6.5))
    figure = style.new_figure(2.0 + 8.4, tall + 0.55)
    grid = figure.add_gridspec(count, 3, width_ratios=(1.9, 4.2, 4.2))
    for row, matrix in enumerate(chosen.matrices):
        axes = figure.add_subplot(grid[row, 0])
        draw_matrix(axes, matrix)
        if row == 0:
            style.dress(axes, title=style.shorten(chosen.name, 22), grid="")
            style.pictures_off(axes)
    for column, (title, picture) in enumerate((("Original", before), ("Result", after)), start=1):
        axes = figure.add_subplot(grid[:, column])
        axes.imshow(picture, interpolation="nearest" if max(picture.shape) < 200 else "antialiased")
        style.dress(axes, title=title, grid="")
        style.pictures_off(axes)
    return figure


def _small(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    image = Image.fromarray(picture)
    image.thumbnail((_SIDE, _SIDE), Image.Resampling.LANCZOS)
    return np.asarray(image)


def write_filter_page(
    path: str | os.PathLike[str], name: str, image: NDArray[np.uint8], found: Filtered, chosen: Filter, edge: str
) -> Path:
    """Write one self-contained HTML page: the kernel as numbers and picture, the original and the result.

    Parameters
    ----------
    path : path-like
        The file.
    name : str
        What the picture is called.
    image : (H, W, C) uint8 array
        The picture that was filtered.
    found : Filtered
        What came out.
    chosen : Filter
        The kernel.
    edge : str
        What lay beyond the border.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    GlassnetError
        It cannot be written.
    """
    meaning = chosen.meaning[:1].upper() + chosen.meaning[1:]
    heading = Heading(f"{name}: {chosen.name}", f"{meaning}. {describe_filter(chosen, edge)}")
    write_page(path, heading, [_pictures_panel(image, found, chosen), _kernel_panel(chosen)])
    return Path(path)


def _pictures_panel(image: NDArray[np.uint8], found: Filtered, chosen: Filter) -> Panel:
    pictures = _photograph("original", image), _photograph("result", found.picture)
    body = element("div", *pictures, class_="pair-of-figures")
    return Panel("pictures", "Before and after", describe_result(chosen, found), body=body)


def _kernel_panel(chosen: Filter) -> Panel:
    lead = "Each number multiplies the pixel under it, and the sum is the new pixel: blue takes away, red adds."
    chart = Chart("kernel", lambda: kernel_figure(chosen), "The kernel as a picture",
                  narrow=lambda: kernel_figure(chosen, narrow=True))  # fmt: skip
    numbers = scroll_box(element("pre", kernel_text(chosen)), "the numbers of the kernel")
    return Panel("kernel", "The kernel", lead, chart, numbers, beside=True)


def _photograph(label: str, picture: NDArray[np.uint8]) -> Html:
    image = element("img", src=data_uri(picture_png(_small(as_rgb(picture[None])[0]), _SIDE)), alt=label)
    size = f"{label}, {picture.shape[1]} pixels wide, {picture.shape[0]} high"
    return element("figure", image, element("figcaption", size), class_="photograph")
