"""Maps of evidence over pictures."""

from __future__ import annotations

import numpy as np
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from numpy.typing import NDArray

from glassnet.explain import HeatMap, Seen
from glassnet.report.figures import style
from glassnet.report.figures.pictures import as_rgb, image_grid

__all__ = ["evidence_figure", "heat_picture"]

_FOR, _AGAINST, _DEPENDS = "#c8250a", "#0a5aa8", style.GREEN
_PALE = 0.55  # how far the picture below is brought towards white, so that colours show on dark pictures
_FULL = 0.995  # the quantile that has the full colour: single pixels do not bleach the rest


def heat_picture(pixels: NDArray[np.generic], heat: HeatMap) -> NDArray[np.uint8]:
    """A picture (H, W, C) in pale grey, and a map over it: red speaks for the class, blue against it.

    Where a method has no sign, green is where the score depends on the pixel. Each map has its own scale.
    """
    grey = as_rgb(pixels[None])[0].astype(np.float64) @ np.array([0.299, 0.587, 0.114])
    ground = (255 - (1 - _PALE) * (255 - grey))[..., None]
    size = np.abs(heat.values)
    limit = float(np.quantile(size, _FULL)) or float(size.max()) or 1.0
    strength = np.clip(size / limit, 0.0, 1.0)[..., None]
    above = to_rgb(_DEPENDS if heat.speaking == "size" else _FOR)
    colours = np.where(heat.values[..., None] >= 0, above, to_rgb(_AGAINST))
    shown: NDArray[np.uint8] = np.rint((1 - strength) * ground + strength * 255 * colours).astype(np.uint8)
    return shown


def evidence_figure(seen: list[Seen]) -> Figure:
    """A row for each picture and class: the picture, then the map of each method."""
    pictures, captions = [], []
    for one in seen:
        for each in one.explanations:
            pictures += [as_rgb(one.pixels[None])[0], *(heat_picture(one.pixels, heat) for heat in each.maps)]
            captions += [one.caption, *(f"{heat.method}: {each.name}" for heat in each.maps)]
    return image_grid(np.stack(pictures), captions, 1 + len(seen[0].explanations[0].maps), inches=1.9)
