"""The sheet of paper that a photograph shows, and the picture without what lies around it.

A sheet on a table is the largest light and colourless thing of the picture: its inside is even once its writing is
filled, and along its whole edge the picture grows darker at a stroke. Thresholds of all heights are tried on a small
copy, and the regions with the sharpest edge are taken. The edge of a shadow is softer, or leaves the colour as it is.
So a picture of paper alone shows no sheet, and is left whole.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image
from scipy import ndimage, spatial

from glassnet.reader.resizing import enlarged, reduced
from glassnet.reader.settings import DEFAULTS, SheetSettings

__all__ = ["Sheet", "find_sheet"]

Pixels = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Sheet:
    """One sheet, or several that lie apart.

    Attributes
    ----------
    mask : (h, w) bool array
        Where there is paper, on a small copy of the picture.
    shade : (h, w, 1 or 3) float32 array
        The paper's colour there, and around it that of the nearest paper, in [0, 255].

    Examples
    --------
    >>> sheet = Sheet(np.eye(2, dtype=bool), np.full((2, 2, 1), 200, np.float32))
    >>> part, top, left = sheet.cut_out(np.zeros((4, 4, 1), np.uint8))
    >>> int(part.max())
    200
    """

    mask: Mask
    shade: Floats

    def cut_out(self, picture: Pixels) -> tuple[Pixels, int, int]:
        """The part of the picture (h, w, 1 or 3) that holds the paper, with the paper's colour around that; and the
        rows and columns of the picture that were left out above it and on its left."""
        height, width = picture.shape[:2]
        mask = enlarged(self.mask.astype(np.float32), (width, height)) > 0.5
        rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
        box = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
        outside = ~mask[box]
        part = picture[box].copy()
        for channel in range(picture.shape[2]):
            shade = enlarged(np.ascontiguousarray(self.shade[..., channel]), (width, height))[box]
            part[outside, channel] = shade[outside]
        return part, int(rows[0]), int(columns[0])


def find_sheet(picture: Pixels, settings: SheetSettings = DEFAULTS.sheet) -> Sheet | None:
    """The sheet on a picture (h, w, 1 or 3), or None where it shows nothing but paper, or none with a clear edge.

    Examples
    --------
    >>> picture = np.full((200, 300, 3), (120, 80, 50), np.uint8)
    >>> picture[40:160, 50:250] = 230
    >>> sheet = find_sheet(picture)
    >>> part, top, left = sheet.cut_out(picture)
    >>> 40 <= top < 50 and 50 <= left < 60
    True
    """
    small = _small(picture, settings.side)
    light = small.min(axis=2)  # paper is light and has little colour, wood has more
    window = max(3, round(settings.ink * max(light.shape)))
    filled: Floats = ndimage.grey_closing(light, (window, window), mode="nearest")
    smooth = ndimage.gaussian_filter(filled, 1.0)
    abrupt = _span(filled, settings) > settings.step * np.median(filled)
    best: tuple[float, list[Mask]] = 0.0, []
    darkest, lightest = (float(v) for v in np.percentile(smooth, [3, 97]))
    for threshold in np.linspace(darkest, lightest, settings.thresholds):
        regions = [(_edge(r, filled, small, settings), r) for r in _regions(smooth > threshold, abrupt, settings)]
        sheets = [r for sharp, r in regions if sharp >= settings.sharp]
        sharpest = max((sharp for sharp, _ in regions), default=0.0)
        if sheets and max(r.mean() for r in sheets) >= settings.least and sharpest > best[0]:
            best = sharpest, sheets
    if not best[1]:
        return None
    mask = np.logical_or.reduce(best[1])
    inside = ndimage.binary_erosion(mask, iterations=settings.edge, border_value=1)
    return Sheet(inside, _shade(small, ndimage.binary_erosion(inside, iterations=settings.edge), window))


def _small(picture: Pixels, side: int) -> Floats:
    """The picture (h, w, 1 or 3) with a longer side of at most so many pixels."""
    height, width = picture.shape[:2]
    factor = max(1.0, max(height, width) / side)
    size = max(8, round(width / factor)), max(8, round(height / factor))
    small = np.asarray(reduced(picture, size, Image.Resampling.BOX), np.float32)
    return small.reshape(*small.shape[:2], -1)


def _span(values: Floats, s: SheetSettings) -> Floats:
    """How far values (h, w) lie apart within reach of every place."""
    window = 2 * math.ceil(s.reach) + 1
    span: Floats = ndimage.maximum_filter(values, window) - ndimage.minimum_filter(values, window)
    return span


def _regions(light: Mask, abrupt: Mask, s: SheetSettings) -> Iterator[Mask]:
    """The light regions that may be sheets: large, edged mostly by what is abrupt, and compact; with what is within
    them, without thin parts."""
    labels, _ = ndimage.label(light)
    areas = np.bincount(labels.ravel())[1:] / labels.size
    for label in np.flatnonzero(areas >= s.small) + 1:
        region = ndimage.binary_fill_holes(labels == label)
        edge = _edge_of(region, s)
        if np.count_nonzero(abrupt & edge) < s.likely * np.count_nonzero(edge):
            continue
        region = ndimage.binary_opening(np.pad(region, s.edge, mode="edge"), iterations=s.edge)
        region = region[s.edge : -s.edge, s.edge : -s.edge]
        if s.small <= region.mean() <= s.most and _is_compact(region, s):
            yield region


def _outline(region: Mask) -> Mask:
    """The outermost pixels of a region, on the picture's edge too."""
    outline: Mask = region & ~ndimage.binary_erosion(region)
    return outline


def _edge_of(region: Mask, s: SheetSettings) -> Mask:
    """The edge of a region, where that is not the picture's."""
    edge: Mask = region & ~ndimage.binary_erosion(region, border_value=1)
    edge[: s.margin], edge[-s.margin :] = False, False
    edge[:, : s.margin], edge[:, -s.margin :] = False, False
    return edge


def _is_compact(region: Mask, s: SheetSettings) -> bool:
    """Whether a region fills its convex hull, as a sheet does, be it cut by the picture's edge or by a thumb."""
    ys, xs = np.nonzero(_outline(region))
    if len(ys) < 3 or np.ptp(ys) == 0 or np.ptp(xs) == 0:
        return False
    corners = [(x + dx, y + dy) for x, y in zip(xs, ys, strict=True) for dx in (0, 1) for dy in (0, 1)]
    return bool(region.sum() >= s.compact * spatial.ConvexHull(corners).volume)


def _edge(region: Mask, filled: Floats, small: Floats, s: SheetSettings) -> float:
    """The share of a region's edge, where that is not the picture's, across which the picture grows darker at once.

    0 for an edge that is short, or whose two sides differ as paper does from paper in a shadow.
    """
    ys, xs = np.nonzero(_edge_of(region, s))
    if len(ys) < s.length * min(region.shape):
        return 0.0
    down, along = np.gradient(ndimage.gaussian_filter(region.astype(np.float32), 3.0))
    down, along = down[ys, xs], along[ys, xs]
    long = np.hypot(down, along) + 1e-6
    down, along = down / long, along / long

    def at(values: Floats, way: float) -> Floats:
        """Values so many pixels inwards of the edge."""
        places = [ys + way * down, xs + way * along]
        found: Floats = ndimage.map_coordinates(values, places, order=1, mode="nearest")
        return found

    colours = np.moveaxis(small, 2, 0)
    near, far = (at(filled, way) - at(filled, -way) for way in (s.reach, s.far))
    sharp = float(np.mean((near > s.step * np.median(filled[region])) & (near > s.at_once * far)))
    return 0.0 if _is_shadow(region, [at(c, -s.reach) / np.maximum(at(c, s.reach), 1.0) for c in colours], s) else sharp


def _is_shadow(region: Mask, kept: Sequence[npt.NDArray[Any]], s: SheetSettings) -> bool:
    """Whether what lies beyond the edge may be the same paper in a shadow that falls into the picture, by the share of
    every colour's brightness that is left there. A sheet that lies whole within the picture is in no such shadow."""
    frame = np.ones_like(region)
    frame[1:-1, 1:-1] = False
    cut = np.count_nonzero(region & frame) / np.count_nonzero(_outline(region))
    shares = [float(np.median(share)) for share in kept]
    alike = max(shares) - min(shares) < s.tint * max(shares)
    return bool(cut > s.cut and min(shares) > s.shadow and alike)


def _shade(small: Floats, inside: Mask, window: int) -> Floats:
    """The paper's colour (h, w, 1 or 3), beyond the paper that of the nearest paper."""
    if not inside.any():
        inside = np.ones_like(inside)
    near = ndimage.distance_transform_edt(~inside, return_distances=False, return_indices=True)
    filled = ndimage.grey_closing(small, (window, window, 1), mode="nearest")
    shade: Floats = ndimage.gaussian_filter(filled[near[0], near[1]], (3.0, 3.0, 0.0))
    return shade.clip(0, 255)
