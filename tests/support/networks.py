"""Networks that are not what they start as."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from glassnet.nn import Network


def stirred(
    notation: str, shape: Sequence[int], classes: int | None = 10, *, dtype: Any = np.float32, seed: int = 2
) -> Network:
    """A network whose biases, scales and running moments are not what they start with."""
    network = Network(notation, shape, classes, seed=seed, dtype=dtype)
    rng = np.random.default_rng(5)
    for name, array in network.arrays().items():
        if name.endswith("variance"):
            array *= rng.uniform(0.5, 2.0, array.shape)
        elif not name.endswith("weight"):
            array += (0.1 * rng.standard_normal(array.shape)).astype(array.dtype)
    return network
