"""The sections made of pictures: confident mistakes, reconstructions."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from glassnet.errors import DataError
from glassnet.report.content import ReportContent
from glassnet.report.html import Html, data_uri, element
from glassnet.report.figures.pictures import as_rgb, picture_png, reconstruction_psnr
from glassnet.report.page import Section
from glassnet.report.tables import number, percent
from glassnet.metrics import Evaluation

__all__ = ["mistakes_section", "reconstructions_section"]

_MISTAKES = 24
_RECONSTRUCTIONS = 12


def _tile(picture: NDArray[np.uint8], alternative: str, *caption: Html | None) -> Html:
    # Small pictures grow by whole pixels so that they stay sharp on dense screens.
    image = element("img", src=data_uri(picture_png(picture, 224)), alt=alternative)
    return element("figure", image, element("figcaption", *caption), class_="tile")


def mistakes_section(content: ReportContent) -> Section | None:
    found, images = content.evaluation, content.images
    if found is None or images is None:
        return None
    if len(images) != found.n:
        raise DataError(f"The pictures must be the {found.n} evaluated ones. Got {len(images)} pictures instead.")
    chosen = found.mistakes(_MISTAKES)
    if len(chosen) == 0:
        return Section("mistakes", "Mistakes", "There are none: every example was recognised.", Html(""))
    tiles = [
        _tile(picture, f"example {i}", *_mistake_caption(found, int(i)))
        for i, picture in zip(chosen, as_rgb(np.asarray(images)[chosen]), strict=True)
    ]
    total = len(found.mistakes())
    lead = f"The {len(chosen)} of {number(total)} mistakes in which the network was most sure of itself, surest first."
    if total == len(chosen):
        lead = f"All {total} mistakes, surest first." if total > 1 else "The only mistake."
    return Section("mistakes", "Most confident mistakes", lead, element("div", *tiles, class_="tiles"))


def _mistake_caption(found: Evaluation, i: int) -> list[Html]:
    names = found.class_names
    return [
        element("span", element("i", "is "), names[found.labels[i]], class_="true"),
        element("span", element("i", "read as "), names[found.predictions[i]], class_="wrong"),
        element("span", f"{percent(float(found.confidences[i]), 0)} sure · #{i}", class_="sure"),
    ]


def reconstructions_section(content: ReportContent) -> Section | None:
    if content.reconstructions is None:
        return None
    inputs, outputs = (np.asarray(images) for images in content.reconstructions)
    quality = reconstruction_psnr(inputs, outputs)
    count = min(_RECONSTRUCTIONS, len(quality))
    tiles = []
    for above, below, decibels in zip(as_rgb(inputs[:count]), as_rgb(outputs[:count]), quality, strict=False):
        text = "identical" if math.isinf(decibels) else f"{decibels:.1f} dB"
        first = element("img", src=data_uri(picture_png(above, 224)), alt="input")
        second = element("img", src=data_uri(picture_png(below, 224)), alt="reconstruction")
        tiles.append(element("figure", first, second, element("figcaption", element("span", text)), class_="tile"))
    lead = (
        "Each input above what the network made of it. The figure is the peak signal-to-noise ratio (PSNR): higher is "
        "closer, and 3 dB more means half the squared error."
    )
    return Section("reconstructions", "Reconstructions", lead, element("div", *tiles, class_="tiles"))
