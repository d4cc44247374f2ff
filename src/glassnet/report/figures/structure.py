"""Whether pictures of weights show anything: noise and blank squares are not worth a panel."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

__all__ = ["shows_something"]

# Correlation of a weight with its neighbours' in the picture. Five epochs of `two-layer`: 0.17 on mnist, where strokes
# show; 0.02 on cifar10 and on photographs of sun8, where eyes see noise. Before training: 0 to within 0.02.
_VISIBLE = 0.05


def shows_something(weights: NDArray[np.generic], input_shape: tuple[int, ...]) -> bool:
    """Whether first-layer weights are worth drawing as pictures.

    Parameters
    ----------
    weights : (in, out) or (kh, kw, c, f) array
        Of an affine layer or a convolution. Kernels of a convolution show something unless all are equal.
    input_shape : tuple of int
        (H, W, C) of the layer's input. Units of an affine layer show something where neighbouring pixels have alike
        weights.
    """
    array = np.nan_to_num(np.asarray(weights, np.float64))
    if np.ptp(array, axis=-1).max() == 0.0:
        return False
    if array.ndim == 4 or len(input_shape) != 3 or array.shape[0] != np.prod(input_shape):
        return True
    return neighbour_correlation(array.reshape(*input_shape, -1)) >= _VISIBLE


def neighbour_correlation(pictures: NDArray[np.float64]) -> float:
    """Correlation of neighbours in pictures (H, W, C, K), each about its own mean; 0 where there is none."""
    centred = pictures - pictures.mean(axis=(0, 1), keepdims=True)
    pairs = ((centred[1:], centred[:-1]), (centred[:, 1:], centred[:, :-1]))
    together = sum(float((a * b).sum()) for a, b in pairs)
    alone = sum(float(np.sqrt((a**2).sum() * (b**2).sum())) for a, b in pairs)
    return together / alone if alone > 0.0 else 0.0
