"""How close pictures come to their originals: the peak signal-to-noise ratio.

Two figures go by the name of a set's PSNR. The *mean of PSNRs* averages the decibels of the single pictures; it is what
`mean_psnr` returns and what glassnet reports, as image-restoration papers do. The *PSNR of the mean error* takes the
logarithm once, of the error over all pixels of the set; since -log is convex, it is never larger. Figures of
different kinds must not be compared.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from glassnet.errors import DataError
from glassnet.metrics.intervals import Interval, normal_interval
from glassnet.metrics.regression import mean_squared_error, paired

__all__ = [
    "Reconstruction",
    "evaluate_reconstruction",
    "evaluate_reconstruction_in_pieces",
    "mean_psnr",
    "psnr",
    "psnr_per_image",
]


@dataclass(frozen=True, eq=False)
class Reconstruction:
    """How well N pictures were reconstructed.

    Attributes
    ----------
    mean_squared_error : float
        Over all entries.
    psnr : float
        Mean of the pictures' PSNRs in dB, `inf` if one is exact; `psnr_interval` is the 95 % interval of that mean
        (central limit theorem), `nan` with fewer than two pictures or an exact one.
    psnr_of_mean_error : float
        10 log10(peak^2 / mean_squared_error) in dB.
    per_image : (N,) float64 array
        PSNRs in dB.

    Examples
    --------
    >>> from glassnet.metrics import evaluate_reconstruction
    >>> found = evaluate_reconstruction(np.zeros((3, 4, 4, 1)), np.full((3, 4, 4, 1), 0.1), peak=1.0)
    >>> found.describe()
    'PSNR 20.00 dB, mean squared error 0.01000, of 3 pictures'
    """

    n: int
    mean_squared_error: float
    psnr: float
    psnr_interval: Interval
    psnr_of_mean_error: float
    per_image: NDArray[np.float64]

    def __repr__(self) -> str:
        return f"<Reconstruction {self.describe()}>"

    def describe(self) -> str:
        """PSNR and mean squared error, of how many pictures, in one line."""
        return f"PSNR {self.psnr:.2f} dB, mean squared error {self.mean_squared_error:.5f}, of {self.n:,} pictures"

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values, `null` where a figure is infinite or undefined."""
        figures = {
            "n": self.n,
            "mean_squared_error": self.mean_squared_error,
            "psnr": self.psnr,
            "psnr_of_mean_error": self.psnr_of_mean_error,
        }
        plain: dict[str, Any] = {key: value if math.isfinite(value) else None for key, value in figures.items()}
        plain["psnr_interval"] = [end if math.isfinite(end) else None for end in self.psnr_interval]
        return plain


def psnr(reference: ArrayLike, image: ArrayLike, peak: float | None = None) -> float:
    """Peak signal-to-noise ratio in dB: 10 log10(peak^2 / MSE), the MSE over all entries; `inf` when both are
    identical.

    Parameters
    ----------
    reference, image : array-like
        Arrays of one shape, usually (H, W, C).
    peak : float, optional
        The largest value a pixel can have. None takes that of the pixels' type: 255 for uint8, 65535 for uint16, 1 for
        booleans and for floats, which are pixels in [0, 1].

    Raises
    ------
    DataError
        Shapes differ, an array is empty or not finite, `peak` is not a positive number, or it is None and the types
        do not say it: whole numbers beside floats, or signed ones.

    Notes
    -----
    Source: D. Salomon, Data Compression: The Complete Reference, 4th edition (2007), p. 281.

    Examples
    --------
    >>> from glassnet.metrics import psnr
    >>> round(psnr(np.zeros((4, 4)), np.full((4, 4), 0.1), peak=1.0), 6)
    20.0
    """
    peak = _peak(peak, reference, image)
    return _decibels(mean_squared_error(reference, image), peak)


def psnr_per_image(references: ArrayLike, images: ArrayLike, peak: float | None = None) -> NDArray[np.float64]:
    """(N,) float64 PSNRs in dB of N pictures along the first axis, `inf` where identical. Raises as `psnr` does.

    Examples
    --------
    >>> from glassnet.metrics import psnr_per_image
    >>> psnr_per_image(np.zeros((2, 4, 4)), np.full((2, 4, 4), 0.1), peak=1.0).round(6)
    array([20., 20.])
    """
    peak = _peak(peak, references, images)
    a, b = paired(references, images)
    if a.ndim < 2:
        raise DataError(
            f"Pictures must have an axis of examples and at least one of pixels. Got shape {a.shape} instead."
        )
    errors = ((a - b) ** 2).reshape(len(a), -1).mean(axis=1)
    return np.array([_decibels(float(error), peak) for error in errors])


def mean_psnr(references: ArrayLike, images: ArrayLike, peak: float | None = None) -> tuple[float, Interval]:
    """Mean of the single pictures' PSNRs in dB and its 95 % interval. Raises as `psnr` does.

    Examples
    --------
    >>> from glassnet.metrics import mean_psnr
    >>> value, interval = mean_psnr(np.zeros((3, 4, 4)), np.full((3, 4, 4), 0.1), peak=1.0)
    >>> round(value, 6)
    20.0
    """
    found = evaluate_reconstruction(references, images, peak)
    return found.psnr, found.psnr_interval


def evaluate_reconstruction(inputs: ArrayLike, outputs: ArrayLike, peak: float | None = None) -> Reconstruction:
    """Compare reconstructed pictures with their originals.

    Parameters
    ----------
    inputs, outputs : (N, ...) array
        Of one shape, pixels in [0, peak].
    peak : float, optional
        The largest value a pixel can have; None takes that of the pixels' type, as `psnr` does.

    Raises
    ------
    DataError
        As `psnr` does.

    Examples
    --------
    >>> from glassnet.metrics import evaluate_reconstruction
    >>> found = evaluate_reconstruction(np.zeros((3, 4, 4, 1)), np.full((3, 4, 4, 1), 0.1), peak=1.0)
    >>> round(found.psnr, 6)
    20.0
    """
    peak = _peak(peak, inputs, outputs)
    return _summary(psnr_per_image(inputs, outputs, peak), mean_squared_error(inputs, outputs), peak)


def evaluate_reconstruction_in_pieces(pairs: Iterable[tuple[ArrayLike, ArrayLike]], peak: float) -> Reconstruction:
    """As `evaluate_reconstruction`, for pictures that do not fit into memory together.

    Parameters
    ----------
    pairs : iterable of (array-like, array-like)
        Originals and reconstructions, (n, ...) arrays of one shape, one pair after another.
    peak : float
        The largest value a pixel can have.

    Returns
    -------
    Reconstruction
        The PSNRs have the bits of the whole; the mean squared error differs from it by rounding.

    Raises
    ------
    DataError
        As `psnr` does.

    Examples
    --------
    >>> from glassnet.metrics import evaluate_reconstruction_in_pieces
    >>> pair = np.zeros((3, 4, 4, 1)), np.full((3, 4, 4, 1), 0.1)
    >>> round(evaluate_reconstruction_in_pieces([pair, pair], peak=1.0).psnr, 6)
    20.0
    """
    singles, total = [], 0.0
    for inputs, outputs in pairs:
        singles.append(psnr_per_image(inputs, outputs, peak))
        total += mean_squared_error(inputs, outputs) * len(singles[-1])
    single = np.concatenate(singles)
    return _summary(single, total / len(single), peak)


def _summary(single: NDArray[np.float64], error: float, peak: float) -> Reconstruction:
    exact = bool(np.isinf(single).any())
    return Reconstruction(
        n=len(single),
        mean_squared_error=error,
        psnr=math.inf if exact else float(single.mean()),
        psnr_interval=Interval(math.nan, math.nan) if exact else normal_interval(single),
        psnr_of_mean_error=_decibels(error, peak),
        per_image=single,
    )


def _peak(peak: float | None, *pictures: ArrayLike) -> float:
    """The peak as given, or that of the pictures' type."""
    if peak is not None:
        if not (math.isfinite(peak) and peak > 0):
            raise DataError(
                f"The 'peak' of a PSNR must be a positive number, 1 or 255 as a rule. Got {peak!r} instead."
            )
        return peak
    kinds = {np.asarray(picture).dtype for picture in pictures}
    peaks = {float(np.iinfo(kind).max) if kind.kind == "u" else 1.0 for kind in kinds if kind.kind in "ufb"}
    if len(peaks) != 1 or any(kind.kind not in "ufb" for kind in kinds):
        names = " and ".join(sorted(map(str, kinds)))
        raise DataError(
            f"Pixels of type {names} do not say how large they can be: give the 'peak', 1 or 255 as a rule."
        )
    return peaks.pop()


def _decibels(error: float, peak: float) -> float:
    return math.inf if error == 0.0 else 20.0 * math.log10(peak) - 10.0 * math.log10(error)
