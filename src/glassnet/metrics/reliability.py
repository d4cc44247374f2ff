"""Calibration: whether a network that says "90 % sure" is right nine times out of ten."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from glassnet.errors import DataError

__all__ = ["Calibration", "best_temperature", "calibration"]


@dataclass(frozen=True, eq=False)
class Calibration:
    """A reliability table with one row a confidence bin, and the error that sums it up.

    Attributes
    ----------
    edges : (bins + 1,) array
        From 0 to 1; bin m holds the confidences in (edges[m], edges[m + 1]].
    counts : (bins,) int64 array
        Examples in each bin.
    confidence, accuracy : (bins,) float64 array
        Means within each bin, `nan` in an empty one.
    error : float
        Expected calibration error in [0, 1]. 0 is perfect.

    Examples
    --------
    >>> from glassnet.metrics import calibration
    >>> int(calibration([0.9, 0.9], [True, True], bins=10).counts.sum())
    2
    """

    edges: NDArray[np.float64]
    counts: NDArray[np.int64]
    confidence: NDArray[np.float64]
    accuracy: NDArray[np.float64]
    error: float

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values: the error and a list of rows, `null` for the means of an empty bin."""
        rows = [
            {
                "low": float(self.edges[m]),
                "high": float(self.edges[m + 1]),
                "count": int(self.counts[m]),
                "confidence": None if self.counts[m] == 0 else float(self.confidence[m]),
                "accuracy": None if self.counts[m] == 0 else float(self.accuracy[m]),
            }
            for m in range(len(self.counts))
        ]
        return {"expected_calibration_error": None if math.isnan(self.error) else self.error, "bins": rows}


def calibration(confidences: ArrayLike, correct: ArrayLike, bins: int = 15) -> Calibration:
    """Expected calibration error and reliability table, over bins of equal width.

        ECE = sum_m  |B_m| / n  *  | accuracy(B_m) - confidence(B_m) |

    with B_m the examples whose confidence lies in ((m - 1) / M, m / M].

    Parameters
    ----------
    confidences : (N,) array
        Probability of the predicted class, in [0, 1].
    correct : (N,) array
        Truth values, whether the prediction was right.
    bins : int
        M, at least 1.

    Raises
    ------
    DataError
        Lengths differ, nothing was given, a confidence is outside [0, 1], or `bins` < 1.

    Notes
    -----
    Source: C. Guo, G. Pleiss, Y. Sun and K. Q. Weinberger, "On calibration of modern neural networks", ICML 2017,
    equations 1-3 (with M = 15 in their experiments).

    Examples
    --------
    >>> from glassnet.metrics import calibration
    >>> round(calibration([0.9, 0.9, 0.9, 0.9], [True, True, True, False]).error, 3)
    0.15
    """
    confidence = np.asarray(confidences, dtype=np.float64)
    right = np.asarray(correct, dtype=bool)
    if confidence.ndim != 1 or confidence.shape != right.shape or confidence.size == 0:
        raise DataError(
            "Calibration needs as many confidences as truth values, at least one. "
            f"Got shapes {confidence.shape} and {right.shape}."
        )
    if not ((confidence >= 0.0) & (confidence <= 1.0)).all():
        raise DataError("A confidence must be a probability between 0 and 1. Got values outside; apply softmax first.")
    if bins < 1:
        raise DataError(f"The number of 'bins' must be at least 1. Got {bins} instead.")
    edges = np.linspace(0.0, 1.0, bins + 1)
    place = np.clip(np.searchsorted(edges, confidence, side="left") - 1, 0, bins - 1)
    counts = np.bincount(place, minlength=bins).astype(np.int64)
    filled = np.maximum(counts, 1)
    mean_confidence = np.bincount(place, weights=confidence, minlength=bins) / filled
    mean_accuracy = np.bincount(place, weights=right.astype(np.float64), minlength=bins) / filled
    error = float(np.sum(counts / confidence.size * np.abs(mean_accuracy - mean_confidence)))
    empty = counts == 0
    mean_confidence[empty] = np.nan
    mean_accuracy[empty] = np.nan
    return Calibration(edges, counts, mean_confidence, mean_accuracy, error)


def best_temperature(scores: ArrayLike, labels: ArrayLike) -> float:
    """The temperature T > 0 under which softmax(scores / T) gives held-out labels the highest likelihood.

        T = argmin_T  - mean_n log softmax(scores_n / T)[label_n]

    Predictions stay as they are; only how sure they claim to be changes: T > 1 makes an overconfident network modest.

    Parameters
    ----------
    scores : (N, classes) array
        Of pictures that training has not seen.
    labels : (N,) array
        Their classes.

    Raises
    ------
    DataError
        Shapes do not fit, nothing was given, or a label is not a class.

    Notes
    -----
    Source: C. Guo et al. (2017), section 4.2, "temperature scaling".

    Examples
    --------
    >>> from glassnet.metrics import best_temperature
    >>> scores = np.array([[4.0, 0.0], [4.0, 0.0], [4.0, 0.0], [4.0, 0.0]])
    >>> best_temperature(scores, [0, 0, 0, 1]) > 1  # it is surer than it is right
    True
    """
    from scipy import optimize, special  # slow to import, and seldom needed

    s, y = np.asarray(scores, dtype=np.float64), np.asarray(labels)
    if s.ndim != 2 or y.shape != s.shape[:1] or y.size == 0 or y.min() < 0 or y.max() >= s.shape[1]:
        raise DataError(f"A temperature needs scores (N, classes) and a class for each. Got {s.shape} and {y.shape}.")

    def loss(log_temperature: float) -> float:
        z = s * np.exp(-log_temperature)
        return float((special.logsumexp(z, axis=1) - z[np.arange(len(y)), y]).mean())

    found = optimize.minimize_scalar(loss, bounds=(-3.0, 3.0), method="bounded")
    return float(np.exp(found.x))
