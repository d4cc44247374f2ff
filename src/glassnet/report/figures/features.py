"""Feature maps: what the layers of a convolutional network make of one picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import ArrayLike, NDArray

from glassnet.errors import DataError
from glassnet.nn import Network
from glassnet.nn.layer import Kind, sizes
from glassnet.report.figures import style
from glassnet.report.figures.pictures import as_rgb, enlarged, mosaic
from glassnet.report.figures.stages import stages_of

__all__ = ["FeatureMaps", "LayerMaps", "chosen_layers", "compared_maps", "feature_maps", "feature_maps_figure"]

_COLUMNS = 8
_SIDE = 28  # pixels a side to which small maps grow, by a whole factor
_MAKERS: tuple[Kind, ...] = ("convolution", "composite")  # what makes maps; the others alter them
_MAP_KINDS: tuple[Kind, ...] = (*_MAKERS, "normalisation", "activation")


@dataclass(frozen=True, eq=False)
class LayerMaps:
    """Some channels of a layer's output for one picture.

    Attributes
    ----------
    name : str
        The layer's, as in "3.relu".
    made_by : str
        The layers of its stage up to it, in notation.
    shape : (int, int, int)
        (H, W, C) of the whole output.
    channels : (K,) array
        Those shown, increasing.
    maps : (K, H, W) array
        Their values.
    limit : float
        The value that has the strongest colour, for all maps of the layer.
    """

    name: str
    made_by: str
    shape: tuple[int, int, int]
    channels: NDArray[np.int64]
    maps: NDArray[np.float64]
    limit: float

    def pictures(self) -> NDArray[np.uint8]:
        """(K, H', W', 3) uint8: 0 white, red above, blue below; small maps grown by a whole factor."""
        level = np.clip(0.5 + 0.5 * self.maps / self.limit, 0.0, 1.0)
        return enlarged(np.rint(255.0 * style.diverging()(level)[..., :3]).astype(np.uint8), _SIDE)

    def mosaic(self) -> NDArray[np.uint8]:
        """The pictures row by row, eight in a row, as one RGBA picture."""
        pictures = self.pictures()
        return mosaic(pictures, min(_COLUMNS, len(pictures)), max(2, pictures.shape[1] // 14))

    def caption(self) -> str:
        """Which maps of which layer."""
        total = self.shape[2]
        which = f"all {total} maps" if total == len(self.channels) else f"{len(self.channels)} of {total} maps"
        return f"{self.name} ({self.made_by}), {sizes(self.shape)}: {which}, full colour at {self.limit:.3g}"


@dataclass(frozen=True, eq=False)
class FeatureMaps:
    """One picture on its way through a network.

    Attributes
    ----------
    picture : (H, W, C) array
        As it is looked at, uint8 or floating point in [0, 1].
    caption : str
        What it is.
    layers : tuple of LayerMaps
        Those shown, from the input to the output.

    Examples
    --------
    >>> from glassnet.report import FeatureMaps
    >>> from glassnet.report.figures.features import LayerMaps
    >>> layer = LayerMaps("2.relu", "relu", (6, 6, 1), np.array([0]), np.ones((1, 6, 6)), 1.0)
    >>> maps = FeatureMaps(np.zeros((8, 8, 1), np.uint8), "an empty picture", (layer,))  # as `feature_maps` gives it
    >>> maps.layers[0].caption()
    '2.relu (relu), 6x6x1: all 1 maps, full colour at 1'
    """

    picture: NDArray[np.generic]
    caption: str
    layers: tuple[LayerMaps, ...]


def chosen_layers(network: Network, most: int = 6) -> list[tuple[str, str]]:
    """(name, the stage's notation up to it) of at most `most` layers with feature maps.

    Of more they are evenly spread, the first and the last among them. Of each stage (a convolution or composite and
    what follows it) it is the last layer before any pooling.
    """
    found = []
    for stage in stages_of(network):
        maps = [i for i, (_, layer) in enumerate(stage) if layer.kind in _MAP_KINDS and _is_map(layer.output_shape)]
        if maps and stage[0][1].kind in _MAKERS:
            made_by = " -> ".join(
                f"{layer.word}(...)" if layer.branches else layer.notation() for _, layer in stage[: maps[-1] + 1]
            )
            found.append((stage[maps[-1]][0], made_by))
    if len(found) <= most:
        return found
    return [found[i] for i in np.unique(np.rint(np.linspace(0, len(found) - 1, most)).astype(int))]


def _is_map(shape: tuple[int, ...]) -> bool:
    return len(shape) == 3 and min(shape[:2]) > 1


def feature_maps(
    network: Network,
    x: ArrayLike,
    picture: NDArray[np.generic] | None = None,
    caption: str = "",
    *,
    most_layers: int = 6,
    most_maps: int = 16,
) -> FeatureMaps | None:
    """What each of at most `most_layers` layers makes of a picture; `None` for a network without feature maps.

    Parameters
    ----------
    network : Network
        The network.
    x : (H, W, C) array
        The picture as the network takes it, after preprocessing.
    picture : array, optional
        The picture as it is looked at; x itself if it is not given.
    most_maps : int
        Of more channels, those that vary most over this picture are shown, in their own order.

    Raises
    ------
    DataError
        x does not have the network's input shape.

    Examples
    --------
    >>> from glassnet import Network
    >>> from glassnet.report import feature_maps
    >>> found = feature_maps(Network("conv 3x3, 4 -> relu -> linear 3", (9, 9, 1)), np.zeros((9, 9, 1)))
    >>> len(found.layers)
    1
    """
    x = np.asarray(x)
    found = compared_maps(network, [x], [x if picture is None else picture], [caption], most_layers, most_maps)
    return found[0] if found else None


def compared_maps(
    network: Network,
    xs: Sequence[ArrayLike],
    pictures: Sequence[NDArray[np.generic]],
    captions: Sequence[str],
    most_layers: int = 6,
    most_maps: int = 16,
) -> list[FeatureMaps]:
    """`feature_maps` of several pictures, of the same channels on the same scale; empty without feature maps.

    Of more channels than `most_maps`, those that vary most over all the pictures are shown.
    """
    for x in map(np.asarray, xs):
        if x.shape != network.input_shape:
            raise DataError(
                f"The network takes a picture of {sizes(network.input_shape)}. Got {sizes(x.shape)} instead."
            )
    wanted = chosen_layers(network, most_layers)
    if not wanted:
        return []
    outputs = [network.activations(np.asarray(x)[None]) for x in xs]
    layers = [_layer_maps(*layer, [output[layer[0]][0] for output in outputs], most_maps) for layer in wanted]
    return [
        FeatureMaps(picture, caption, tuple(each[i] for each in layers))
        for i, (picture, caption) in enumerate(zip(pictures, captions, strict=True))
    ]


def _layer_maps(name: str, made_by: str, outputs: Sequence[NDArray[np.float64]], most: int) -> list[LayerMaps]:
    values = style.drawable(np.moveaxis(np.stack(outputs), -1, 1))  # (N, C, H, W)
    order = np.argsort(-values.std(axis=(2, 3)).mean(axis=0), kind="stable")[:most]
    channels = np.sort(order).astype(np.int64)
    maps = values[:, channels]
    # A few outliers don't bleach the rest.
    limit = float(np.quantile(np.abs(maps), 0.998)) or float(np.abs(maps).max()) or 1.0
    height, width, depth = outputs[0].shape
    return [LayerMaps(name, made_by, (height, width, depth), channels, each, limit) for each in maps]


def feature_maps_figure(*found: FeatureMaps) -> Figure:
    """A column for each picture: the picture, and below it two rows of maps for each layer.

    Examples
    --------
    >>> from glassnet import Network
    >>> from glassnet.report import feature_maps, feature_maps_figure
    >>> found = feature_maps(Network("conv 3x3, 4 -> relu -> linear 3", (9, 9, 1)), np.zeros((9, 9, 1)))
    >>> type(feature_maps_figure(found)).__name__
    'Figure'
    """
    mosaics = [layer.mosaic() for layer in found[0].layers]
    width, title = 7.6, 0.3
    heights = [1.3 + title] + [_height(picture, width) + title for picture in mosaics]
    figure = style.new_figure(len(found) * (width + 0.3), sum(heights) + 0.12 * len(heights))
    axes = figure.subplots(len(heights), len(found), height_ratios=heights, squeeze=False)
    for column, each in zip(axes.T, found, strict=True):
        pictures = [as_rgb(each.picture[None])[0], *(layer.mosaic() for layer in each.layers)]
        titles = [each.caption or "Input", *(layer.caption() for layer in each.layers)]
        for one, picture, text in zip(column, pictures, titles, strict=True):
            one.imshow(picture, interpolation="nearest")
            one.set_anchor("W")
            style.pictures_off(one)
            one.set_title(style.plain(style.shorten(text, 110)), loc="left", fontsize=8, color=style.INK, pad=4)
    return figure


def _height(picture: NDArray[np.uint8], width: float) -> float:
    """Inches of a mosaic as wide as the page, or as high as its maps need where they are few."""
    return float(min(2.4, width * picture.shape[0] / picture.shape[1]))
