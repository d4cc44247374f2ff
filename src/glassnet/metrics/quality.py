"""What a picture by itself says of its quality: light, sharpness, noise, the blocks of a coder.

Each takes a picture (H, W), (H, W, 1) or (H, W, 3) of uint8 values, or floats in [0, 1], and looks at its luma,
0.299 R + 0.587 G + 0.114 B, in [0, 1]. None needs an undamaged original to compare with; so none can tell a soft
subject from a soft lens, nor grain from noise. What they are for is comparing pictures of the same kind.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["blockiness", "blur", "brightness", "contrast", "noise"]

_LUMA = np.array([0.299, 0.587, 0.114])  # ITU-R BT.601
_WINDOW = 11  # pixels that a picture is blurred over once more (Crété-Roffet et al.: 9 to 11)
_MEDIAN = 0.6744897501960817  # of |z| of a standard normal z
_BLOCK = 8  # pixels: the side of the blocks of JPEG, and of MPEG's transforms

Floats = NDArray[np.float64]


def _luma(picture: NDArray[Any]) -> Floats:
    values = picture / 255.0 if picture.dtype == np.uint8 else np.asarray(picture, np.float64)
    if values.ndim == 2:
        return values
    return values[:, :, 0] if values.shape[2] == 1 else values[:, :, :3] @ _LUMA


def brightness(picture: NDArray[Any]) -> float:
    """The mean luma.

    Examples
    --------
    >>> from glassnet.metrics import brightness
    >>> brightness(np.full((4, 4, 1), 255, np.uint8))
    1.0
    """
    return float(_luma(picture).mean())


def contrast(picture: NDArray[Any]) -> float:
    """The standard deviation of the luma.

    Examples
    --------
    >>> from glassnet.metrics import contrast
    >>> contrast(np.zeros((4, 4, 1), np.uint8))
    0.0
    """
    return float(_luma(picture).std())


def blur(picture: NDArray[Any]) -> float:
    """How little a picture loses when it is blurred once more: near 0 for a sharp one, towards 1 for a blurred one.

    With F the luma I after a box of 11 pixels along an axis, and D the differences of neighbours along it:

        1 - sum max(0, |D I| - |D F|) / sum |D I|

    the larger of both axes; 1 for a picture of one colour. Neither brightness nor a factor of contrast changes it.

    Notes
    -----
    Source: F. Crété-Roffet, T. Dolmiere, P. Ladret and M. Nicolas, "The blur effect: perception and estimation with a
    new no-reference perceptual blur metric", Human Vision and Electronic Imaging XII (SPIE 6492, 2007).

    Examples
    --------
    >>> from glassnet.metrics import blur
    >>> from glassnet.filters import filter_picture
    >>> sharp = np.random.default_rng(0).integers(0, 256, (64, 64, 1)).astype(np.uint8)
    >>> blur(sharp) < blur(filter_picture(sharp, "blur"))
    True
    """
    from scipy import ndimage  # slow to import, and seldom needed

    luma, found = _luma(picture), []
    for axis in (0, 1):
        before = np.abs(np.diff(luma, axis=axis))
        after = np.abs(np.diff(ndimage.uniform_filter1d(luma, _WINDOW, axis=axis, mode="reflect"), axis=axis))
        whole = before.sum()
        found.append(1.0 - float(np.maximum(0.0, before - after).sum() / whole) if whole > 0 else 1.0)
    return max(found)


def noise(picture: NDArray[Any]) -> float:
    """The standard deviation of white noise in the luma, by the differences of two Laplacians, which planes leave at 0.

        median |I * [[1, -2, 1], [-2, 4, -2], [1, -2, 1]]| / (6 * 0.6745)

    36 is the sum of the mask's squares, 0.6745 the median of |z|. Fine texture is taken for noise; noise that is alike
    in neighbouring pixels is not seen.

    Notes
    -----
    Source: J. Immerkær, "Fast noise variance estimation", Computer Vision and Image Understanding 64 (1996) 300-302.
    The median in the place of the mean, as edges are few, is that of D. L. Donoho and I. M. Johnstone, Biometrika 81
    (1994).

    Examples
    --------
    >>> from glassnet.metrics import noise
    >>> noise(np.full((32, 32, 1), 128, np.uint8))
    0.0
    """
    luma = _luma(picture)
    once = luma[:, 2:] - 2 * luma[:, 1:-1] + luma[:, :-2]
    twice = once[2:] - 2 * once[1:-1] + once[:-2]
    return float(np.median(np.abs(twice))) / (6 * _MEDIAN) if twice.size else 0.0


def blockiness(picture: NDArray[Any]) -> float:
    """How much higher the steps of the luma are between blocks of 8 pixels than within them.

    Blocks are counted from the upper left corner. The mean of |D I| over their borders less that over all other
    neighbours, the mean of both axes: near 0 without blocks, and as high as the steps that a coder leaves at them.

    Examples
    --------
    >>> from glassnet.metrics import blockiness
    >>> blocks = np.kron(np.array([[0, 200], [200, 0]], np.uint8), np.ones((8, 8), np.uint8))[:, :, None]
    >>> blockiness(np.zeros((16, 16, 1), np.uint8)), blockiness(blocks) > 0.5
    (0.0, True)
    """
    luma, found = _luma(picture), []
    for axis in (0, 1):
        steps = np.abs(np.diff(luma, axis=axis)).mean(axis=1 - axis)
        border = np.arange(len(steps)) % _BLOCK == _BLOCK - 1
        if border.any():
            found.append(float(steps[border].mean() - steps[~border].mean()))
    return float(np.mean(found)) if found else 0.0
