"""The kernels of image processing by name: what `glassnet filter` convolves a picture with.

Kernels are written as they are laid over the picture and are not turned round first: what image processing calls a
correlation and networks a convolution.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from glassnet.errors import DataError, Fix, nearest

__all__ = ["CHANNELS", "NAMES", "VALUES", "Filter", "box", "gaussian", "make_filter", "matrix_filter"]

Matrix = NDArray[np.float64]

# ITU-R BT.601-7, section 2.5.1: brightness as the eye weighs the three colours.
GREY = (0.299, 0.587, 0.114)
CHANNELS: dict[str, tuple[float, float, float] | None] = {
    "each": None,  # every channel by itself
    "grey": GREY,
    "red": (1.0, 0.0, 0.0),
    "green": (0.0, 1.0, 0.0),
    "blue": (0.0, 0.0, 1.0),
}
# How results become pixels 0 ... 255.
VALUES = {
    "clip": "below 0 is black, above 255 white",
    "absolute": "the sign is dropped; above 255 is white",
    "stretch": "the smallest is black, the largest white, the outermost thousandth at either end left out",
    "centre": "0 is mid-grey, the largest sizes are black or white, the outermost thousandth left out",
}
LARGEST = 255  # rows or columns of a kernel
_LARGEST_WEIGHT = 1e6


@dataclass(frozen=True, eq=False)
class Filter:
    """One or two kernels and how they are applied.

    Attributes
    ----------
    name, meaning : str
        What it is called, and what it does to a picture.
    matrices : tuple of Matrix
        Of shape (kh, kw), float64, of one size; of two, the result is the root of the sum of their squares.
    channel : str
        What they are applied to: each channel, the grey picture, or one of its colours.
    values : str
        How results become pixels, see `VALUES`.

    Examples
    --------
    >>> from glassnet.filters import make_filter
    >>> chosen = make_filter("laplacian").with_settings(channel="red")
    >>> chosen.size, chosen.channel
    ((3, 3), 'red')
    """

    name: str
    meaning: str
    matrices: tuple[Matrix, ...]
    channel: str = "each"
    values: str = "clip"

    @property
    def size(self) -> tuple[int, int]:
        """(rows, columns) of the kernel."""
        rows, columns = self.matrices[0].shape
        return rows, columns

    def normalised(self) -> Filter:
        """The same with weights that add up to 1, so that an even picture keeps its brightness.

        Raises `DataError` where the weights add up to zero, as those of an edge detector do.
        """
        sums = [float(matrix.sum()) for matrix in self.matrices]
        if any(abs(s) <= 1e-9 * float(np.abs(m).sum()) for s, m in zip(sums, self.matrices, strict=True)):
            raise DataError(f"The weights of '{self.name}' add up to 0, so no factor makes them 1.", Fix.KEEP_WEIGHTS)
        return replace(self, matrices=tuple(m / s for s, m in zip(sums, self.matrices, strict=True)))

    def with_settings(self, channel: str | None = None, values: str | None = None) -> Filter:
        """The same on another channel, or with other values. Raises `DataError` for an unknown word."""
        for word, known, what in ((channel, CHANNELS, "channel"), (values, VALUES, "way with values")):
            if word is not None and word not in known:
                raise DataError(f"There is no {what} '{word}'; known: {', '.join(known)}.{nearest(word, known)}")
        return replace(self, channel=channel or self.channel, values=values or self.values)


def matrix_filter(rows: Any, name: str = "kernel", meaning: str = "") -> Filter:
    """A filter of one's own from rows of numbers (kh, kw), any size up to 255 x 255.

    Raises `DataError` where the rows are no such matrix.

    Examples
    --------
    >>> from glassnet.filters import matrix_filter
    >>> matrix_filter([[0, 1], [-1, 0]]).size
    (2, 2)
    """
    try:
        matrix = np.array(rows, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise DataError(f"The kernel '{name}' must be rows of numbers, all of one length.") from error
    if matrix.ndim != 2 or matrix.size == 0 or max(matrix.shape) > LARGEST:
        shape = "x".join(map(str, matrix.shape)) or "a single number"
        raise DataError(
            f"The kernel '{name}' must be rows of numbers, at most {LARGEST}x{LARGEST}. Got {shape} instead."
        )
    # NaN fails this comparison as well.
    if not (np.abs(matrix) <= _LARGEST_WEIGHT).all():
        raise DataError(f"The kernel '{name}' must hold numbers of at most a million. Got {_first_bad(matrix)}.")
    signed = matrix.min() < 0
    whole = f"a kernel of {matrix.shape[0]}x{matrix.shape[1]}, on each channel"
    return Filter(name, meaning or whole, (matrix,), values="centre" if signed and abs(matrix.sum()) < 1e-9 else "clip")


def _first_bad(matrix: Matrix) -> float:
    return float(matrix[~(np.abs(matrix) <= _LARGEST_WEIGHT)][0])


# ---- the named ones

_SOBEL = np.array([[1.0, 2.0, 1.0], [0.0, 0.0, 0.0], [-1.0, -2.0, -1.0]])


def gaussian(sigma: float) -> Matrix:
    """exp(-(x^2 + y^2) / (2 sigma^2)) on a square grid out to three sigma, scaled so that the weights add up to 1."""
    if not 0.1 <= sigma <= 42.0:
        raise DataError(f"sigma must be from 0.1 to 42 pixels. Got {sigma:g} instead.")
    reach = math.ceil(3.0 * sigma)
    line = np.exp(-(np.arange(-reach, reach + 1.0) ** 2) / (2.0 * sigma**2))
    line /= line.sum()
    return np.outer(line, line)


def box(size: int) -> Matrix:
    """The plain mean of size x size pixels."""
    if not 1 <= size <= LARGEST:
        raise DataError(f"The size of 'box' must be from 1 to {LARGEST} pixels. Got {size} instead.")
    return np.full((size, size), 1.0 / size**2)


def _fixed(rows: list[list[float]]) -> Callable[[float, int], tuple[Matrix, ...]]:
    return lambda sigma, size: (np.array(rows, dtype=np.float64),)


# name -> (what it does, its kernels for a sigma and a size, channel, values)
_NAMED: dict[str, tuple[str, Callable[[float, int], tuple[Matrix, ...]], str, str]] = {
    "grayscale": (
        "brightness alone: 0.299 red + 0.587 green + 0.114 blue (ITU-R BT.601)",
        _fixed([[1]]),
        "grey",
        "clip",
    ),
    "edges": (
        "how steep the brightness is, in whichever direction (Sobel): dark where even, bright at edges",
        lambda sigma, size: (_SOBEL, _SOBEL.T),
        "grey",
        "stretch",
    ),
    "edges-horizontal": (
        "horizontal edges (Sobel): bright where it is lighter above than below, dark where darker",
        lambda sigma, size: (_SOBEL,),
        "grey",
        "centre",
    ),
    "edges-vertical": (
        "vertical edges (Sobel): bright where it is lighter on the left than on the right, dark where darker",
        lambda sigma, size: (_SOBEL.T,),
        "grey",
        "centre",
    ),
    "laplacian": (
        "how much a pixel differs from the mean of its four neighbours: lines and points, even areas mid-grey",
        _fixed([[0, 1, 0], [1, -4, 1], [0, 1, 0]]),
        "grey",
        "centre",
    ),
    "blur": (
        "a Gaussian mean of the neighbourhood, sigma pixels wide",
        lambda sigma, size: (gaussian(sigma),),
        "each",
        "clip",
    ),
    "box": (
        "the plain mean of a square of pixels, size pixels wide",
        lambda sigma, size: (box(size),),
        "each",
        "clip",
    ),
    "sharpen": (
        "what sets a pixel off against its neighbours is added to it",
        _fixed([[0, -1, 0], [-1, 5, -1], [0, -1, 0]]),
        "each",
        "clip",
    ),
    "emboss": (
        "a relief lit from the upper left",
        _fixed([[-2, -1, 0], [-1, 1, 1], [0, 1, 2]]),
        "each",
        "clip",
    ),
    "identity": (
        "nothing: the picture as it was",
        _fixed([[0, 0, 0], [0, 1, 0], [0, 0, 0]]),
        "each",
        "clip",
    ),
}
NAMES = {name: meaning for name, (meaning, *_) in _NAMED.items()}


def make_filter(name: str, *, sigma: float = 2.0, size: int = 5) -> Filter:
    """The filter of this name. `sigma` (pixels) is that of 'blur', `size` (pixels) that of 'box'.

    Raises `DataError` for an unknown name or an impossible size.

    Examples
    --------
    >>> from glassnet.filters import make_filter
    >>> make_filter("sharpen").matrices[0]
    array([[ 0., -1.,  0.],
           [-1.,  5., -1.],
           [ 0., -1.,  0.]])
    """
    if name not in _NAMED:
        raise DataError(
            f"There is no kernel '{name}', and no file of that name; known: {', '.join(_NAMED)}.{nearest(name, _NAMED)}"
        )
    meaning, matrices, channel, values = _NAMED[name]
    return Filter(name, meaning, matrices(sigma, size), channel, values)
