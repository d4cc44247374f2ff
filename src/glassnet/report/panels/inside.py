"""The sections that look inside a network: first-layer weights, feature maps, and the network as a drawing."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from glassnet.errors import DataError
from glassnet.report.content import ReportContent
from glassnet.report.figures.diagram import network_figure
from glassnet.report.html import Html, data_uri, element
from glassnet.report.figures.kernels import kernel_pictures, matrix_figure, shown_as_matrix
from glassnet.report.figures.pictures import as_rgb, picture_png
from glassnet.report.page import Section, chart
from glassnet.report.figures.weights import weight_pictures

__all__ = ["feature_maps_section", "first_layer_section", "network_section"]

_SIDE = 1040  # pixels of a mosaic's longer side
_TITLE = "What the first layer looks for"
_LONG = 30  # lines of text that are shown without unfolding them


def first_layer_section(content: ReportContent) -> Section | None:
    after, shape = content.weights_after, content.image_shape
    if after is None:
        return None
    if np.ndim(after) == 4:
        return _kernels(content.weights_before, after)
    if shape is None:
        return None
    try:
        found = weight_pictures(content.weights_before, after, shape)
    except DataError:
        return None  # preprocessing such as whitening changed the input's size: there is no picture to draw
    total = np.asarray(after).shape[1]
    which = f"All {total}" if total == len(found.units) else f"The {len(found.units)} strongest of {total}"
    colours = (
        "mid-grey is 0" if found.colour else "red adds to the unit's value, blue takes away, white ignores the pixel"
    )
    lead = (
        f"{which} units of the first layer, each drawn as the picture it multiplies the input with: {colours}. "
        f"One scale for all, full colour at ±{found.limit:.3g}."
    )
    return Section("weights", _TITLE, lead, _boxes(found.mosaics()))


def _boxes(mosaics: list[tuple[str, NDArray[np.uint8]]]) -> Html:
    boxes = [
        element("figure", element("img", src=data_uri(picture_png(picture, _SIDE)), alt=f"Weights {name}"),
                element("figcaption", name), class_="weights")
        for name, picture in mosaics
    ]  # fmt: skip
    return element("div", *boxes, class_="pair-of-figures")


def _kernels(before: NDArray[np.generic] | None, after: NDArray[np.generic]) -> Section:
    kh, kw, channels, total = np.shape(after)
    if shown_as_matrix(np.shape(after)):
        lead = (
            f"The kernels of the first layer are {kh}x{kw} pixels, too small to be pictures: a column for each of its "
            f"{total} filters, a row for each number it multiplies the input with. Red adds, blue takes away."
        )
        return Section("weights", _TITLE, lead, chart(matrix_figure(after), "Weights of the first layer as a matrix"))
    found = kernel_pictures(before, after)
    which = f"All {total}" if total == len(found.filters) else f"The {len(found.filters)} strongest of {total}"
    colours = (
        "colours add, their complements take away, mid-grey is 0"
        if found.colour
        else "red adds to the result, blue takes away, white ignores the pixel"
    )
    mean = f" (the mean over its {channels} channels)" if channels not in (1, 3) else ""
    lead = (
        f"{which} kernels of the first layer, {kh}x{kw} pixels each{mean}: the patch of the picture that each "
        f"one answers to most. {colours[0].upper()}{colours[1:]}. Each is drawn on its own scale, full colour at "
        f"±{found.limits.min():.2g} to ±{found.limits.max():.2g}; the bar below compares it with the largest weight, "
        f"±{found.largest:.2g}."
    )
    return Section("weights", _TITLE, lead, _boxes(found.mosaics()))


def feature_maps_section(content: ReportContent) -> Section | None:
    found = content.feature_maps
    if found is None:
        return None
    picture = element("img", src=data_uri(picture_png(as_rgb(found.picture[None])[0], 224)), alt="the picture")
    boxes = [element("figure", picture, element("figcaption", found.caption), class_="looked-at")]
    boxes += [
        element("figure", element("img", src=data_uri(picture_png(layer.mosaic(), _SIDE)), alt=f"Maps of {layer.name}"),
                element("figcaption", layer.caption()), class_="maps")
        for layer in found.layers
    ]  # fmt: skip
    lead = (
        "One picture on its way through the network. Each little picture is one channel of a layer's output: red where "
        "it answers, white where it is silent, blue below zero. Of more than 16 channels those that vary most over "
        "this picture are shown. Each layer has a scale of its own."
    )
    return Section("maps", "What the layers see in one picture", lead, element("div", *boxes))


def network_section(content: ReportContent) -> Section | None:
    texts = [
        ("Layers, sizes and costs", content.network_table),
        ("Which kernel runs where, and why", content.network_plan),
    ]
    parts = [_text(title, text.strip("\n"), shown=i == 0) for i, (title, text) in enumerate(texts) if text.strip()]
    if content.network is not None:
        parts.insert(0, chart(network_figure(content.network), "The network's layers and their output sizes"))
    if not parts:
        return None
    lead = ""
    if content.network is not None:
        lead = (
            "The layers from the input to the result, with the size of what each gives. Blue: convolutions, orange: "
            "affine layers, green: pools."
        )
    return Section("network", "The network", lead, element("div", *parts))


def _text(title: str, text: str, *, shown: bool) -> Html:
    return element(
        "details", element("summary", title), element("pre", text), open=shown and text.count("\n") < _LONG
    )  # fmt: skip
