"""In which order an epoch visits the examples."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from glassnet.data.streams import SHUFFLING, generator
from glassnet.errors import DataError

__all__ = ["epoch_order"]


def epoch_order(n: int, seed: int, epoch: int) -> npt.NDArray[np.int64]:
    """(n,) the permutation of 0 .. n-1 in which this epoch visits the examples.

    It depends on (seed, epoch) alone: a run resumed in epoch 7 needs no generator state to see epoch 7's order.
    """
    if n < 1:
        raise DataError(f"An epoch needs at least 1 example. Got {n} instead.")
    return generator(seed, SHUFFLING, epoch).permutation(n).astype(np.int64, copy=False)
