"""The pictures of a set that are nearest to one picture as a network sees them: by what comes into its last layer."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from glassnet.attack import Victim
from glassnet.nn.functional.arrays import Array

__all__ = ["Gallery", "last_features"]


def last_features(victim: Victim, pictures: Array) -> Array:
    """What comes into the last layer (N, d) for pictures (N, H, W, C), uint8 or floats in [0, 1].

    Examples
    --------
    >>> import glassnet
    >>> from glassnet.attack import Victim
    >>> from glassnet.explain import last_features
    >>> run = glassnet.fit("digits", "linear 5 -> relu -> linear", epochs=1, verbose=False)
    >>> last_features(Victim.of(run.model), np.zeros((2, 8, 8, 1))).shape
    (2, 5)
    """
    layers = victim.engine.network.layers
    if len(layers) == 1:
        found = victim.preprocess.transform(pictures, dtype=victim.dtype)
    else:
        found = victim.output_at(f"{len(layers) - 1}.{layers[-2].word}", pictures)
    return np.asarray(found.reshape(len(pictures), -1))


@dataclass(frozen=True, eq=False)
class Gallery:
    """N pictures by their features (N, d).

    Examples
    --------
    >>> from glassnet.explain import Gallery
    >>> type(Gallery(np.eye(4, dtype=np.float32))).__name__
    'Gallery'
    """

    features: Array

    def nearest(self, features: Array, count: int = 8) -> tuple[Array, Array]:
        """The rows (count,) nearest to features (d,) and their Euclidean distances (count,), the nearest first."""
        distances = np.linalg.norm(self.features - features, axis=1)
        rows = np.argsort(distances, kind="stable")[:count]
        return rows, distances[rows]
