"""The numbers that keep the random streams of this room apart: each generator is `default_rng([seed, stream, ...])`.

Two streams made from one seed are independent (`numpy.random.SeedSequence`), so that shuffling more often does not
change a split, and augmenting does not change the order of the batches.
"""

from __future__ import annotations

import numpy as np

from glassnet.errors import DataError
from glassnet.notation import is_whole

__all__ = ["AUGMENTATION", "LIMITING", "MIRRORING", "SHUFFLING", "SPLITTING", "generator"]

SPLITTING = 0x5B117
LIMITING = 0x11317
SHUFFLING = 0x5C0FF1E
AUGMENTATION = 0xA06
MIRRORING = 0xF11B


def generator(seed: int, stream: int, *keys: int) -> np.random.Generator:
    """A generator of its own for (seed, stream, keys). Raises `DataError` when the seed is not a whole number >= 0."""
    for value in (seed, *keys):
        if not is_whole(value) or value < 0:
            raise DataError(f"A seed or an epoch must be a whole number from 0. Got {value!r} instead.")
    return np.random.default_rng([int(seed), stream, *(int(key) for key in keys)])
