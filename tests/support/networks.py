"""A step of every layer, and networks that are not what they start as."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from glassnet.nn import Network

# A step of each layer that fits pictures of 6x6x4; a layer without one here is written by its word alone.
STEPS = {
    "linear": "linear 3",
    "conv": "conv 3x3, 4, pad 1",
    "depthwise": "depthwise 3x3, 2, pad 1",
    "maxpool": "maxpool 2x2",
    "avgpool": "avgpool 3x2, pad 1, count_pad",
    "residual": "residual(conv 3x3, 4, pad 1 -> relu | conv 1x1, 4 -> dropout 0.5)",
    "concat": "concat(conv 1x1, 2 -> batchnorm | maxpool 3x3, stride 1, pad 1)",
}
SHAPE = (6, 6, 4)  # of these pictures


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
