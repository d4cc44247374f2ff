"""Gradient clipping by the global norm (Pascanu, Mikolov and Bengio 2013, algorithm 1)."""

from __future__ import annotations

import math
from collections.abc import Iterable

from glassnet.nn.functional.arrays import Array, flat
from glassnet.nn.kernels import updates

__all__ = ["clip_factor", "global_norm"]


def global_norm(arrays: Iterable[Array]) -> float:
    """The Euclidean norm of all arrays taken as one vector.

    Examples
    --------
    >>> from glassnet.optim import global_norm
    >>> float(global_norm([np.array([3.0]), np.array([4.0])]))
    5.0
    """
    return math.sqrt(sum(updates.sum_of_squares(flat(array)) for array in arrays))


def clip_factor(arrays: Iterable[Array], largest: float) -> float:
    """The factor, at most 1, that brings the global norm down to `largest`.

    Examples
    --------
    >>> from glassnet.optim import clip_factor
    >>> round(float(clip_factor([np.array([3.0]), np.array([4.0])], 1.0)), 6)
    0.2
    """
    norm = global_norm(arrays)
    return largest / norm if norm > largest else 1.0
