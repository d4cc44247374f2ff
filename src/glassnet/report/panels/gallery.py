"""The panels made of pictures: confident mistakes, reconstructions."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

import numpy as np
from numpy.typing import ArrayLike, NDArray

from glassnet.data.picture_files import Images
from glassnet.errors import DataError
from glassnet.metrics import Evaluation
from glassnet.report.figures.pictures import (
    as_rgb,
    mistakes_figure,
    picture_png,
    reconstruction_figure,
    reconstruction_psnr,
)
from glassnet.report.html import Html, data_uri, element
from glassnet.report.page import Chart, Panel
from glassnet.report.tables import number, percent

__all__ = ["mistakes_panel", "reconstructions_panel", "tile"]

_MISTAKES = 24
_RECONSTRUCTIONS = 12
_SIDE = 224  # pixels of a picture: small ones grow by whole factors, so that they stay sharp on dense screens


def mistakes_panel(
    found: Evaluation, images: Images, files: Sequence[Path] | None = None, folder: Path | None = None
) -> Panel:
    """The most confident mistakes.

    Parameters
    ----------
    found : Evaluation
        Of N examples.
    images : (N, H, W, C)
        Their pictures, uint8 or floating point in [0, 1], in memory or on the disk.
    files : sequence of Path, optional
        The file of each, by which it is named and linked; otherwise it is named by its number.
    folder : Path, optional
        The folder of the page: links lead from there, so that they hold where both are moved together.

    Raises
    ------
    DataError
        The pictures are not N.
    """
    if len(images) != found.n:
        raise DataError(f"The pictures must be the {found.n} evaluated ones. Got {len(images)} pictures instead.")
    chart = Chart("mistakes", lambda: mistakes_figure(images, found, _MISTAKES), on_page=False)
    chosen = found.mistakes(_MISTAKES)
    if len(chosen) == 0:
        return Panel("mistakes", "Mistakes", "There are none: every example was recognised.", chart)
    tiles = [
        tile([(f"example {i}", picture)], *_mistake_caption(found, int(i), files, folder))
        for i, picture in zip(chosen, as_rgb(images[chosen]), strict=True)
    ]
    total = len(found.mistakes())
    lead = f"The {len(chosen)} most confident of {number(total)} mistakes."
    if total == len(chosen):
        lead = f"All {total} mistakes, most confident first." if total > 1 else "The only mistake."
    return Panel("mistakes", "Most confident mistakes", lead, chart, element("div", *tiles, class_="tiles"))


def tile(pictures: list[tuple[str, NDArray[np.uint8]]], *caption: Html) -> Html:
    """Pictures (H, W, 3), each with what it is, one above the other over a caption."""
    images = [element("img", src=data_uri(picture_png(picture, _SIDE)), alt=name) for name, picture in pictures]
    return element("figure", *images, element("figcaption", *caption), class_="tile")


def _mistake_caption(found: Evaluation, i: int, files: Sequence[Path] | None, folder: Path | None) -> list[Html]:
    names = found.class_names
    return [
        element("span", element("i", "is "), names[found.labels[i]], class_="true"),
        element("span", element("i", "taken for "), names[found.predictions[i]], class_="wrong"),
        element(
            "span", f"{percent(float(found.confidences[i]), 0)} sure", None if files else f" · #{i}", class_="sure"
        ),
        *([] if files is None else [_link(files[i], folder)]),
    ]


def _link(file: Path, folder: Path | None) -> Html:
    """The file's name, with the way there from the folder of the page."""
    return element("a", file.name, href=_address(file, folder), title=str(file), class_="file")


def _address(file: Path, folder: Path | None) -> str:
    whole = file.resolve()
    try:
        if folder is not None:
            return quote(Path(os.path.relpath(whole, folder.resolve())).as_posix(), errors="surrogateescape")
    except ValueError:  # another drive: there is no way but the whole one
        pass
    return whole.as_uri()


def reconstructions_panel(inputs: ArrayLike, outputs: ArrayLike) -> Panel:
    """Pictures (N, H, W, C) above what an autoencoder made of them, both uint8 or floating point in [0, 1]."""
    before, after = np.asarray(inputs), np.asarray(outputs)
    quality = reconstruction_psnr(before, after)[:_RECONSTRUCTIONS]
    count = len(quality)
    tiles = []
    for above, below, decibels in zip(as_rgb(before[:count]), as_rgb(after[:count]), quality, strict=True):
        text = "identical" if math.isinf(decibels) else f"{decibels:.1f} dB"
        tiles.append(tile([("input", above), ("reconstruction", below)], element("span", text)))
    lead = (
        "Each input above what the network made of it. The figure is the peak signal-to-noise ratio (PSNR): higher is "
        "closer, and 3 dB more means half the squared error."
    )
    chart = Chart("reconstructions", lambda: reconstruction_figure(before, after), on_page=False)
    return Panel("reconstructions", "Reconstructions", lead, chart, element("div", *tiles, class_="tiles"))
