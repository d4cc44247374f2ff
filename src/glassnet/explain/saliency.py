"""Which pixels a score depends on most: the gradient of a class's score with respect to the picture.

For a picture x and the score S_c of class c, before any softmax, with G = dS_c/dx of the stored pixels in [0, 1]:

    saliency           M[i, j] = max over channels |G[i, j, k]|       Simonyan, Vedaldi and Zisserman 2014
    gradient x input   P[i, j] = sum over channels G[i, j, k] x[i, j, k]
    SmoothGrad         the mean of M over x + normal noise            Smilkov et al. 2017

A gradient tells what a very small change of a pixel would do, not what the pixel has contributed. Where a network is
linear in its pixels the two are the same: gradient x input then adds up to the score without its constant part.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from glassnet.attack import Victim
from glassnet.nn.functional.arrays import Array

__all__ = ["class_score", "gradient_times_input", "saliency", "score_gradient", "smooth_saliency"]


def class_score(chosen: int) -> Callable[[Array], Array]:
    """The gradient (n, K) of the score of class `chosen`, for scores (n, K): 1 there, else 0."""

    def upstream(scores: Array) -> Array:
        wanted = np.zeros_like(scores)
        wanted[:, chosen] = 1.0
        return wanted

    return upstream


def score_gradient(victim: Victim, pictures: Array, chosen: int) -> Array:
    """The gradient of a class's score with respect to the pixels.

    Parameters
    ----------
    victim : Victim
        The network behind its preprocessing.
    pictures : (N, H, W, C) array
        Floats in [0, 1].
    chosen : int
        The class, from 0.

    Returns
    -------
    (N, H, W, C) array
        Score per unit of brightness.

    Examples
    --------
    >>> import glassnet
    >>> from glassnet.attack import Victim
    >>> from glassnet.explain import score_gradient
    >>> victim = Victim.of(glassnet.fit("digits", "linear", epochs=1, verbose=False).model)
    >>> score_gradient(victim, np.zeros((2, 8, 8, 1)), 3).shape
    (2, 8, 8, 1)
    """
    upstream = class_score(chosen)
    return victim.input_gradient(pictures, lambda scores, _: upstream(scores))[1]


def saliency(gradient: Array) -> Array:
    """The largest absolute gradient among a pixel's channels: (..., H, W) of gradients (..., H, W, C).

    K. Simonyan, A. Vedaldi, A. Zisserman, "Deep Inside Convolutional Networks", ICLR workshop 2014, section 3.

    Examples
    --------
    >>> from glassnet.explain import saliency
    >>> saliency(np.array([[[0.1, -0.5], [0.2, 0.0]]]))
    array([[0.5, 0.2]])
    """
    return np.asarray(np.abs(gradient).max(axis=-1))


def gradient_times_input(gradient: Array, pictures: Array) -> Array:
    """Gradient times pixel, added up over a pixel's channels: (..., H, W) of two arrays (..., H, W, C).

    A. Shrikumar et al., "Not Just a Black Box", arXiv 1605.01713 (2016). For a network that is linear in its pixels it
    adds up to the score without its constant part.

    Examples
    --------
    >>> from glassnet.explain import gradient_times_input
    >>> gradient_times_input(np.array([[[0.5, 1.0]]]), np.array([[[2.0, 1.0]]]))
    array([[2.]])
    """
    return np.asarray((gradient * pictures).sum(axis=-1))


def smooth_saliency(
    victim: Victim, picture: Array, chosen: int, *, samples: int = 25, spread: float = 0.15, seed: int = 0
) -> Array:
    """The mean saliency of noisy copies of a picture.

    Parameters
    ----------
    victim : Victim
        The network behind its preprocessing.
    picture : (H, W, C) array
        Floats in [0, 1].
    chosen : int
        The class, from 0.
    samples : int
        How many copies.
    spread : float
        Standard deviation of the noise, as a share of the picture's range; the paper recommends 0.1 to 0.2.
    seed : int
        Of the noise.

    Returns
    -------
    (H, W) array
        At least 0.

    Notes
    -----
    D. Smilkov et al., "SmoothGrad: removing noise by adding noise", arXiv 1706.03825 (2017); here of the absolute
    gradient, as in the paper's maps of photographs.

    Examples
    --------
    >>> import glassnet
    >>> from glassnet.attack import Victim
    >>> from glassnet.explain import smooth_saliency
    >>> victim = Victim.of(glassnet.fit("digits", "linear", epochs=1, verbose=False).model)
    >>> smooth_saliency(victim, np.zeros((8, 8, 1)), 3, samples=5).shape
    (8, 8)
    """
    noise = np.random.default_rng(seed).standard_normal((samples, *picture.shape))
    scale = spread * float(np.ptp(picture))
    noisy = (picture + scale * noise).astype(picture.dtype)
    return np.asarray(saliency(score_gradient(victim, noisy, chosen)).mean(axis=0))
