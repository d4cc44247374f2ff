"""The panels that look inside a network: first-layer weights, feature maps, and its layers as a drawing."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from glassnet.errors import DataError
from glassnet.nn import Network
from glassnet.report.figures.diagram import network_figure
from glassnet.report.figures.features import FeatureMaps, feature_maps_figure
from glassnet.report.figures.first_layer import (
    WeightPictures,
    first_weights,
    kernel_figure,
    kernel_pictures,
    unit_figure,
    unit_pictures,
)
from glassnet.report.figures.pictures import as_rgb, picture_png
from glassnet.report.figures.weight_matrix import matrix_figure, shown_as_matrix
from glassnet.report.html import Html, data_uri, element
from glassnet.report.page import Chart, Panel

__all__ = ["feature_maps_panel", "first_layer_panel", "network_panel"]

_SIDE = 1040  # pixels of a mosaic's longer side
_SMALL_SIDE = 224  # of the picture that is followed
_LONG = 30  # lines of text that are shown without unfolding them

Weights = NDArray[np.generic]


def first_layer_panel(network: Network, untrained: Network | None = None) -> Panel | None:
    """What the first layer with weights looks for.

    Parameters
    ----------
    network : Network
        A trained network.
    untrained : Network or None
        The same before it was trained.

    Returns
    -------
    Panel or None
        None where there are no weights, or their inputs are not pictures.
    """
    found, earlier = first_weights(network), None if untrained is None else first_weights(untrained)
    if found is None:
        return None
    after = found[1].parameters["weight"].value
    before = None if earlier is None else earlier[1].parameters["weight"].value
    if before is not None and before.shape != after.shape:
        before = None
    if shown_as_matrix(after.shape):
        return _matrix(after)
    if after.ndim == 4:
        return _kernels(before, after)
    return _units(before, after, network.input_shape)


def _panel(lead: str, chart: Chart, body: Html | None = None) -> Panel:
    return Panel("weights", "What the first layer looks for", lead, chart, body)


def _matrix(after: Weights) -> Panel:
    kh, kw, _, total = after.shape
    lead = (
        f"The kernels of the first layer are {kh}x{kw} pixels, too small to be pictures: a column for each of its "
        f"{total} filters, a row for each number it multiplies the input with. Red adds, blue takes away."
    )
    return _panel(lead, Chart("first_layer", lambda: matrix_figure(after), "Weights of the first layer as a matrix"))


def _kernels(before: Weights | None, after: Weights) -> Panel:
    kh, kw, channels, total = after.shape
    found = kernel_pictures(before, after)
    colours = (
        "Colours add, their complements take away, mid-grey is 0"
        if found.colour
        else "Red adds to the result, blue takes away, white ignores the pixel"
    )
    mean = f" (the mean over its {channels} channels)" if channels not in (1, 3) else ""
    lead = (
        f"{_which(found, total)} kernels of the first layer, {kh}x{kw} pixels each{mean}: the patch of the picture "
        f"that each one answers to most. {colours}. Each is drawn on its own scale, full colour at "
        f"±{found.limits.min():.2g} to ±{found.limits.max():.2g}; the bar below compares it with the largest weight, "
        f"±{found.largest:.2g}."
    )
    return _panel(lead, Chart("first_layer", lambda: kernel_figure(found), on_page=False), _boxes(found))


def _units(before: Weights | None, after: Weights, input_shape: tuple[int, ...]) -> Panel | None:
    height, width, channels = input_shape if len(input_shape) == 3 else (1, 1, input_shape[0])
    try:
        found = unit_pictures(before, after, (height, width, channels))
    except DataError:
        return None  # a layer before it changed the input's size: there is no picture to draw
    colours = (
        "mid-grey is 0" if found.colour else "red adds to the unit's value, blue takes away, white ignores the pixel"
    )
    lead = (
        f"{_which(found, after.shape[1])} units of the first layer, each drawn as the picture it multiplies the input "
        f"with: {colours}. One scale for all, full colour at ±{found.largest:.3g}."
    )
    return _panel(lead, Chart("first_layer", lambda: unit_figure(found), on_page=False), _boxes(found))


def _which(found: WeightPictures, total: int) -> str:
    return f"All {total}" if total == len(found.shown) else f"The {len(found.shown)} strongest of {total}"


def _boxes(found: WeightPictures) -> Html:
    boxes = [_picture(picture, _SIDE, f"Weights {name}", name, "weights") for name, picture in found.mosaics()]
    return element("div", *boxes, class_="pair-of-figures")


def _picture(picture: NDArray[np.uint8], side: int, alternative: str, caption: str, kind: str) -> Html:
    image = element("img", src=data_uri(picture_png(picture, side)), alt=alternative)
    return element("figure", image, element("figcaption", caption), class_=kind)


def feature_maps_panel(*found: FeatureMaps) -> Panel:
    """One picture on its way through the layers, or several side by side, of the same channels on the same scale."""
    lead = (
        "One picture on its way through the network. Each little picture is one channel of a layer's output: red where "
        "it answers, white where it is silent, blue below zero. Of more than 16 channels those that vary most over "
        "this picture are shown. Each layer has a scale of its own."
    )
    title = "What the layers see in one picture"
    if len(found) > 1:
        title = f"What the layers see in {len(found)} pictures"
        lead = (
            "The pictures on their way through the network, side by side: the same channels on the same scale. Red is "
            "where a channel answers, white where it is silent, blue below zero."
        )
    chart = Chart("feature_maps", lambda: feature_maps_figure(*found), on_page=False)
    columns = [element("div", *_way(each)) for each in found]
    body = columns[0] if len(found) == 1 else element("div", *columns, class_="pair-of-figures")
    return Panel("maps", title, lead, chart, body)


def _way(found: FeatureMaps) -> list[Html]:
    return [
        _picture(as_rgb(found.picture[None])[0], _SMALL_SIDE, "the picture", found.caption, "looked-at"),
        *(_picture(layer.mosaic(), _SIDE, f"Maps of {layer.name}", layer.caption(), "maps") for layer in found.layers),
    ]


def network_panel(network: Network, batch: int = 1) -> Panel:
    """The layers as a drawing, as a table, and the kernels that run them on a batch of that size."""
    lead = (
        "The layers from the input to the result, with the size of what each gives. Blue: convolutions, orange: affine "
        "layers, green: pools."
    )
    layers, plan = str(network).strip("\n"), str(network.plan(batch)).strip("\n")
    body = element(
        "div",
        _folded("Layers, sizes and costs", layers, shown=layers.count("\n") < _LONG),
        _folded("Which kernel runs where, and why", plan, shown=False),
    )
    chart = Chart("network", lambda: network_figure(network), "The network's layers and their output sizes")
    return Panel("network", "The network", lead, chart, body)


def _folded(title: str, text: str, *, shown: bool) -> Html:
    return element("details", element("summary", title), element("pre", text), open=shown)
