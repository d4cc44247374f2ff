"""Arrays that a callback finds in a checkpoint."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from glassnet.errors import ModelError
from glassnet.nn.functional.arrays import Array
from glassnet.train.loop import Saved, Training

__all__ = ["fitting_arrays"]


def fitting_arrays(saved: Saved, training: Training, what: str) -> dict[str, Array]:
    """Copies of saved arrays, none or all that the network has. Raises `ModelError` where they do not fit it."""
    wanted = _kinds(training.engine.weights())
    if saved and (not all(isinstance(a, np.ndarray) for a in saved.values()) or _kinds(saved) != wanted):
        raise ModelError(f"The {what} in the checkpoint do not fit the network.")
    return {name: array.copy() for name, array in saved.items()}


def _kinds(arrays: Mapping[str, Array]) -> dict[str, Any]:
    return {name: (array.shape, array.dtype) for name, array in arrays.items()}
