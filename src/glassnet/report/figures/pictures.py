"""Pictures beside pictures: grids with captions, confident mistakes, inputs above their reconstructions."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import ArrayLike, NDArray
from PIL import Image

from glassnet.data import PictureFiles
from glassnet.data.picture_files import Images
from glassnet.errors import DataError
from glassnet.metrics import Evaluation, psnr_per_image
from glassnet.report.figures import style

__all__ = [
    "as_rgb",
    "enlarged",
    "image_grid",
    "mistakes_figure",
    "mosaic",
    "picture_png",
    "reconstruction_figure",
    "reconstruction_psnr",
]

Line = tuple[str, str]  # a line of a caption and its colour
_LINE_HEIGHT = 0.155  # inches


def as_rgb(images: ArrayLike) -> NDArray[np.uint8]:
    """Pictures (N, H, W, C), uint8 or floating point in [0, 1], as (N, H, W, 3) uint8.

    One channel becomes grey; with any number other than 1 or 3, the mean over channels does. Values outside [0, 1]
    are cut off.

    Raises
    ------
    DataError
        The array does not have four axes.
    """
    array = np.asarray(images)
    if array.ndim != 4:
        raise DataError(
            f"Pictures must have shape (N, H, W, C). Got {array.shape} instead; give one picture as images[None]."
        )
    if array.dtype != np.uint8:
        levels = np.nan_to_num(np.asarray(array, dtype=np.float64), nan=0.0)
        array = np.rint(np.clip(levels, 0.0, 1.0) * 255.0).astype(np.uint8)
    if array.shape[-1] not in (1, 3):
        array = np.rint(array.mean(axis=-1, keepdims=True)).astype(np.uint8)
    return np.ascontiguousarray(np.broadcast_to(array, (*array.shape[:-1], 3)))


def enlarged(pictures: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    """(N, H, W, C) grown by the whole factor that brings the longer side up to `side`, each pixel a square."""
    times = -(-side // max(pictures.shape[1:3]))
    return np.repeat(np.repeat(pictures, times, axis=1), times, axis=2)


def mosaic(pictures: NDArray[np.uint8], columns: int, gap: int = 1) -> NDArray[np.uint8]:
    """(N, H, W, 3) uint8 laid out row by row as one RGBA picture, `gap` transparent pixels between them."""
    n, height, width, _ = pictures.shape
    rows = math.ceil(n / columns)
    out = np.zeros((rows * (height + gap) - gap, columns * (width + gap) - gap, 4), dtype=np.uint8)
    for i, picture in enumerate(pictures):
        top, left = (i // columns) * (height + gap), (i % columns) * (width + gap)
        out[top : top + height, left : left + width, :3] = picture
        out[top : top + height, left : left + width, 3] = 255
    return out


def picture_png(picture: NDArray[np.uint8], side: int) -> bytes:
    """A picture (H, W, 3 or 4) as PNG whose longer side is about `side` pixels.

    Small pictures grow by a whole factor, each pixel a square as the network sees it; large ones shrink smoothly.
    """
    image = Image.fromarray(picture)
    longer = max(image.size)
    if longer > side:
        factor = side / longer
        size = (max(1, round(image.width * factor)), max(1, round(image.height * factor)))
        image = image.resize(size, Image.Resampling.LANCZOS)
    else:
        times = max(1, side // longer)
        image = image.resize((image.width * times, image.height * times), Image.Resampling.NEAREST)
    buffer = io.BytesIO()
    image.save(buffer, format="PNG", optimize=True)
    return buffer.getvalue()


def image_grid(
    images: ArrayLike, captions: Sequence[str] | None = None, columns: int | None = None, *, inches: float = 1.05
) -> Figure:
    """Pictures row by row with an optional caption below each.

    Parameters
    ----------
    images : (N, H, W, C) array
        uint8 or floating point in [0, 1], N >= 1.
    captions : sequence of str, optional
        N texts, or none.
    columns : int, optional
        Pictures in a row; 10 or fewer unless told.
    inches : float
        Width of a picture.

    Raises
    ------
    DataError
        No pictures, another shape, or another number of captions.

    Examples
    --------
    >>> from glassnet.report import image_grid
    >>> len(image_grid(np.zeros((6, 8, 8, 1)), columns=3).axes)
    1
    """
    pictures = as_rgb(images)
    texts = None if captions is None else [str(text) for text in captions]
    if texts is not None and len(texts) != len(pictures):
        raise DataError(
            f"There must be one caption for each picture. Got {len(texts)} captions for {len(pictures)} pictures."
        )
    lines = [[(text, style.INK)] for text in texts] if texts is not None else [[] for _ in pictures]
    return _grid(pictures, lines, columns or min(10, max(1, len(pictures))), inches)


def mistakes_figure(images: ArrayLike | PictureFiles, evaluation: Evaluation, k: int = 24, columns: int = 8) -> Figure:
    """The `k` most confident mistakes: each picture with its true class, the predicted one and the confidence.

    `images` are all N evaluated pictures (N, H, W, C), in the order of the evaluation. Raises `DataError` on another
    number.

    Examples
    --------
    >>> from glassnet.metrics import evaluate
    >>> from glassnet.report import mistakes_figure
    >>> found = evaluate([[0.9, 0.1], [0.4, 0.6], [0.7, 0.3]], [0, 1, 1], ["cat", "dog"])
    >>> type(mistakes_figure(np.zeros((3, 8, 8, 1), np.uint8), found)).__name__
    'Figure'
    """
    array = _as_evaluated(images, evaluation)
    chosen = evaluation.mistakes(k)
    if len(chosen) == 0:
        figure = style.new_figure(5, 1)
        axes = figure.subplots()
        style.pictures_off(axes)
        style.empty_note(axes, "No mistakes: every example was recognised.")
        return figure
    names = evaluation.class_names
    lines: list[list[Line]] = [
        [
            (f"true: {names[evaluation.labels[i]]}", style.INK),
            (f"{names[evaluation.predictions[i]]}  {100 * evaluation.confidences[i]:.0f} %", style.ORANGE),
        ]
        for i in chosen
    ]
    return _grid(as_rgb(array[chosen]), lines, min(columns, len(chosen)), 1.15)


def _as_evaluated(images: ArrayLike | PictureFiles, evaluation: Evaluation) -> Images:
    array = images if isinstance(images, PictureFiles) else np.asarray(images)
    if array.ndim != 4 or len(array) != evaluation.n:
        raise DataError(
            f"The pictures must be the {evaluation.n} evaluated ones, (N, H, W, C). Got shape {array.shape} instead."
        )
    return array


def reconstruction_psnr(inputs: ArrayLike, outputs: ArrayLike) -> NDArray[np.float64]:
    """(N,) PSNR in dB with peak 1, of pictures that are uint8 or floating point in [0, 1] each."""
    first, second = (_unit_range(images) for images in (inputs, outputs))
    return psnr_per_image(first, second)


def _unit_range(images: ArrayLike) -> NDArray[np.float64]:
    array = np.asarray(images)
    return array / 255.0 if array.dtype == np.uint8 else array.astype(np.float64)


def reconstruction_figure(inputs: ArrayLike, outputs: ArrayLike, most: int = 10) -> Figure:
    """Up to `most` inputs in a row, their reconstructions below with the PSNR of each in dB.

    Parameters
    ----------
    inputs, outputs : (N, H, W, C) array
        uint8 or floating point in [0, 1], of one shape.

    Raises
    ------
    DataError
        Shapes differ, or there are no pictures.

    Examples
    --------
    >>> from glassnet.report import reconstruction_figure
    >>> type(reconstruction_figure(np.zeros((3, 8, 8, 1)), np.zeros((3, 8, 8, 1)))).__name__
    'Figure'
    """
    quality = reconstruction_psnr(inputs, outputs)[:most]
    count = len(quality)
    pictures = np.concatenate([as_rgb(np.asarray(inputs)[:count]), as_rgb(np.asarray(outputs)[:count])])
    lines: list[list[Line]] = [[("", style.INK)] for _ in range(count)]
    lines += [[("identical" if math.isinf(q) else f"{q:.1f} dB", style.INK)] for q in quality]
    return _grid(pictures, lines, count, 1.05)


def _grid(pictures: NDArray[np.uint8], lines: list[list[Line]], columns: int, width: float) -> Figure:
    """One pair of axes in inches for the whole grid: hundreds of small axes would take seconds to lay out."""
    if len(pictures) == 0:
        raise DataError("There are no pictures to show.")
    if columns < 1:
        raise DataError(f"The number of 'columns' must be at least 1. Got {columns} instead.")
    gap, margin = 0.16, 0.15
    height = width * pictures.shape[1] / pictures.shape[2]
    text_lines = max(len(caption) for caption in lines)
    cell = height + text_lines * _LINE_HEIGHT + gap + (0.04 if text_lines else 0.0)
    rows = math.ceil(len(pictures) / columns)
    total = (columns * (width + gap) - gap + 2 * margin, rows * cell - gap + 2 * margin)
    figure = style.new_figure(*total)
    figure.set_layout_engine("none")
    axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
    style.pictures_off(axes)
    letters = max(6, int(width / 0.068))
    for i, picture in enumerate(pictures):
        left = margin + (i % columns) * (width + gap)
        top = margin + (i // columns) * cell
        axes.imshow(picture, extent=(left, left + width, top + height, top), interpolation="nearest", aspect="auto")
        axes.add_patch(Rectangle((left, top), width, height, fill=False, edgecolor=style.FAINT, linewidth=0.8))
        for place, (text, colour) in enumerate(lines[i]):
            y = top + height + 0.1 + place * _LINE_HEIGHT
            axes.text(left, y, style.plain(style.shorten(text, letters)), fontsize=7.5, color=colour, va="center")
    axes.set_xlim(0.0, total[0])
    axes.set_ylim(total[1], 0.0)
    return figure
