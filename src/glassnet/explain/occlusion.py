"""Occlusion: a grey patch is slid over the picture; where the class's probability drops, there was evidence for it.

M. D. Zeiler and R. Fergus, "Visualizing and Understanding Convolutional Networks", ECCV 2014, section 4.2. With p the
probability of the picture as it is and p_r that with patch r grey, patch r has the drop p - p_r, and a pixel the mean
drop of the patches that cover it. No gradient is needed, so saturated units hide nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from glassnet.attack import Victim
from glassnet.nn.functional.arrays import Array

__all__ = ["Occlusion", "occlusion"]

_PATCHES = 7  # a patch is this part of the picture's shorter side: 32 of 224 pixels, 4 of 28
_COPIES = 8  # of the picture, for the noise
GREY = 0.5


@dataclass(frozen=True, eq=False)
class Occlusion:
    """What hiding parts of a picture does to the probability of a class.

    Attributes
    ----------
    patch, stride : int
        Pixels a side, and from one patch to the next.
    tops, lefts : (R,) and (S,) arrays
        Where the patches begin.
    probability : float
        Of the class, in the picture as it is.
    drops : (R, S) array
        By how much each patch lowers it.
    heat : (H, W) array
        The mean drop of the patches over each pixel.
    noise : float
        By how much a change of each pixel by one step of 1/255, up or down at random, changes the probability: the
        largest of eight tries. A drop below it says nothing.

    Examples
    --------
    >>> import glassnet
    >>> from glassnet.attack import Victim
    >>> from glassnet.explain import occlusion
    >>> victim = Victim.of(glassnet.fit("digits", "linear", epochs=1, verbose=False).model)
    >>> found = occlusion(victim, np.zeros((8, 8, 1)), 3, patch=4, stride=2)
    >>> found.drops.shape, found.heat.shape
    ((3, 3), (8, 8))
    """

    patch: int
    stride: int
    tops: Array
    lefts: Array
    probability: float
    drops: Array
    heat: Array
    noise: float


def occlusion(
    victim: Victim,
    picture: Array,
    chosen: int,
    *,
    patch: int | None = None,
    stride: int | None = None,
    fill: float = GREY,
    seed: int = 0,
) -> Occlusion:
    """Slide a patch over a picture and see what becomes of a class's probability.

    Parameters
    ----------
    victim : Victim
        The network behind its preprocessing.
    picture : (H, W, C) array
        Floats in [0, 1].
    chosen : int
        The class, from 0.
    patch : int, optional
        Pixels a side; None: a seventh of the shorter side, at least 2.
    stride : int, optional
        Pixels from one patch to the next; None: half a patch. The last patch ends where the picture ends.
    fill : float
        Brightness of the patch.
    seed : int
        Of the noise that the drops are compared with.

    Returns
    -------
    Occlusion
        The drops and their map.

    Examples
    --------
    >>> import glassnet
    >>> from glassnet.attack import Victim
    >>> from glassnet.explain import occlusion
    >>> victim = Victim.of(glassnet.fit("digits", "linear", epochs=1, verbose=False).model)
    >>> occlusion(victim, np.zeros((8, 8, 1)), 3, patch=2).heat.shape
    (8, 8)
    """
    height, width = picture.shape[:2]
    patch = min(patch or max(2, round(min(height, width) / _PATCHES)), height, width)
    stride = stride or max(1, patch // 2)
    tops, lefts = (_starts(length, patch, stride) for length in (height, width))
    probability = _probabilities(victim, picture[None], chosen)[0]
    drops = np.empty((len(tops), len(lefts)))
    for row, top in enumerate(tops):
        hidden = np.repeat(picture[None], len(lefts), axis=0)
        for one, left in zip(hidden, lefts, strict=True):
            one[top : top + patch, left : left + patch] = fill
        drops[row] = probability - _probabilities(victim, hidden, chosen)
    steps = np.random.default_rng(seed).choice([-1.0, 1.0], (_COPIES, *picture.shape)) / 255.0
    noisy = np.clip(picture + steps, 0.0, 1.0).astype(picture.dtype)
    noise = float(np.abs(_probabilities(victim, noisy, chosen) - probability).max())
    heat = _spread(drops, tops, lefts, patch, (height, width))
    return Occlusion(patch, stride, tops, lefts, float(probability), drops, heat, noise)


def _probabilities(victim: Victim, pictures: Array, chosen: int) -> Array:
    return np.asarray(victim.engine.loss.probabilities(victim.scores(pictures))[:, chosen], np.float64)


def _starts(length: int, patch: int, stride: int) -> Array:
    """Where patches begin: every `stride` pixels, and one that ends at the end."""
    return np.unique([*range(0, length - patch + 1, stride), length - patch])


def _spread(drops: Array, tops: Array, lefts: Array, patch: int, shape: tuple[int, int]) -> Array:
    """For each pixel the mean drop of the patches over it; 0 where a stride wider than the patch left it out."""
    covers_row, covers_column = (
        (starts <= places[:, None]) & (places[:, None] < starts + patch)
        for starts, places in ((tops, np.arange(shape[0])), (lefts, np.arange(shape[1])))
    )
    total = covers_row.astype(float) @ drops @ covers_column.T.astype(float)
    counts = np.outer(covers_row.sum(axis=1), covers_column.sum(axis=1))
    return np.asarray(total / np.maximum(counts, 1))
