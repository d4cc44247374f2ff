"""Harris corners: principal components of a picture's gradients in a window.

Where g = (g_x, g_y) are the gradients in a window with weights w that add up to 1,

    M = sum w g g^T = [[a, b], [b, c]]

is their covariance about 0. Its eigenvalues l1 >= l2 say how much brightness changes along its two principal
components, and for a shift d of the window the change is d^T M d. Both small: nothing there. One large: an edge, along
the second component. Both large: a corner. Harris and Stephens asked for no eigenvectors:

    R = det M - k (trace M)^2 = l1 l2 - k (l1 + l2)^2

Source: C. Harris and M. Stephens, "A combined corner and edge detector", Alvey Vision Conference 1988.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from glassnet.errors import DataError

__all__ = ["LUMA", "Components", "Corners", "harris"]

LUMA = np.array([0.2126, 0.7152, 0.0722])
"""Shares of red, green and blue in brightness (ITU-R BT.709)."""

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Components:
    """The two principal components of the gradients around a pixel.

    Attributes
    ----------
    variances : (float, float)
        l1 >= l2.
    directions : (2, 2) array
        Rows (x, y) of length 1: across the edge, and along it.
    """

    variances: tuple[float, float]
    directions: Floats

    @property
    def kind(self) -> str:
        """What the window shows: "flat", "edge" or "corner", by the ratio of the variances."""
        first, second = self.variances
        return "flat" if first < 1e-4 else "edge" if second < 0.1 * first else "corner"


@dataclass(frozen=True, eq=False)
class Corners:
    """Responses of a picture of (H, W) pixels.

    Attributes
    ----------
    xx, xy, yy : (H, W) array
        The entries a, b, c of M.
    response : (H, W) array
        R.

    Examples
    --------
    >>> from glassnet.classic import harris
    >>> picture = np.zeros((20, 20))
    >>> picture[8:, 8:] = 1.0
    >>> harris(picture, window="box").components(8, 8).kind
    'corner'
    """

    xx: Floats
    xy: Floats
    yy: Floats
    response: Floats

    def components(self, x: int, y: int) -> Components:
        """The principal components at column x and row y. Raises `DataError` outside of the picture."""
        height, width = self.xx.shape
        if not (0 <= x < width and 0 <= y < height):
            raise DataError(f"The picture has columns 0 to {width - 1} and rows 0 to {height - 1}; got {x},{y}.")
        matrix = np.array([[self.xx[y, x], self.xy[y, x]], [self.xy[y, x], self.yy[y, x]]])
        values, vectors = np.linalg.eigh(matrix)
        directions = vectors.T[::-1]
        directions = directions * np.where(directions[:, :1] < 0, -1.0, 1.0)
        return Components((float(values[1]), float(max(values[0], 0.0))), directions)

    def peaks(self, count: int = 200, *, distance: int = 5, share: float = 0.01) -> npt.NDArray[np.intp]:
        """(n, 2) columns and rows of the strongest corners, the strongest first: local maxima of R, more than
        `distance` pixels apart (by rows or by columns), each above `share` of the strongest."""
        size = 2 * distance + 1
        highest = ndimage.maximum_filter(self.response, size=size, mode="constant", cval=-np.inf)
        is_peak = (self.response == highest) & (self.response > share * self.response.max()) & (self.response > 0)
        rows, columns = np.nonzero(is_peak)
        order = np.argsort(-self.response[rows, columns], kind="stable")
        free = np.ones(self.response.shape, bool)  # a plateau of equal responses gives several peaks; the first stays
        chosen: list[tuple[int, int]] = []
        for x, y in zip(columns[order].tolist(), rows[order].tolist(), strict=True):
            if len(chosen) == count:
                break
            if free[y, x]:
                chosen.append((x, y))
                free[y : y + distance + 1, max(0, x - distance) : x + distance + 1] = False  # those above came before
        return np.array(chosen, np.intp).reshape(-1, 2)


def harris(
    picture: npt.NDArray[Any], *, window: str = "gaussian", sigma: float = 1.0, k: float = 0.05, border: str = "repeat"
) -> Corners:
    """The corner response of a picture.

    Parameters
    ----------
    picture : (H, W) or (H, W, C) array
        uint8 (divided by 255) or floats; colours are averaged as brightness.
    window : str
        "gaussian", of width `sigma`, or "box", 3x3.
    k : float
        Weight of the squared trace.
    border : str
        What lies beyond the picture: "repeat" (its last pixels) or "zero" (black, as in scikit-image, which makes
        corners at the edges of a bright picture).

    Raises
    ------
    DataError
        The array is not a picture, or a setting is out of range.

    Notes
    -----
    Gradients are Sobel's, divided by 8 so that they are slopes per pixel.

    Examples
    --------
    >>> from glassnet.classic import harris
    >>> picture = np.zeros((20, 20))
    >>> picture[8:, 8:] = 1.0
    >>> harris(picture, window="box").peaks(1).tolist()
    [[8, 8]]
    """
    grey = _brightness(picture)
    if window not in ("gaussian", "box"):
        raise DataError(f"The window is 'gaussian' or 'box'. Got '{window}'.")
    widest = max(10, *grey.shape)
    if not 0 < sigma <= widest or not 0 <= k <= 0.25:
        raise DataError(
            f"sigma must be positive and at most {widest}, and k lie in 0 ... 0.25. Got sigma {sigma} and k {k}."
        )
    if border not in ("repeat", "zero"):
        raise DataError(f"The border is 'repeat' or 'zero'. Got '{border}'.")
    gaussian, mode = window == "gaussian", "nearest" if border == "repeat" else "constant"
    gx, gy = (ndimage.sobel(grey, axis=axis, mode=mode) / 8 for axis in (1, 0))

    def blurred(values: Floats) -> Floats:
        if gaussian:
            return np.asarray(ndimage.gaussian_filter(values, sigma, mode=mode), np.float64)
        return np.asarray(ndimage.uniform_filter(values, 3, mode=mode), np.float64)

    xx, xy, yy = blurred(gx * gx), blurred(gx * gy), blurred(gy * gy)
    return Corners(xx, xy, yy, xx * yy - xy * xy - k * (xx + yy) ** 2)


def _brightness(picture: npt.NDArray[Any]) -> Floats:
    array = np.asarray(picture)
    if array.ndim not in (2, 3) or array.size == 0 or array.dtype.kind not in "uif":
        raise DataError(f"A picture is an array (H, W) or (H, W, C) of numbers. Got {array.shape} of {array.dtype}.")
    values = array.astype(np.float64) / (255.0 if array.dtype == np.uint8 else 1.0)
    if not np.isfinite(values).all():
        raise DataError("The picture has values that are not finite.")
    if values.ndim == 2:
        return values
    return np.asarray(values @ LUMA if values.shape[2] == 3 else values.mean(axis=2))
