"""Sums of probabilities that are held as logarithms."""

from __future__ import annotations

import numpy as np

from glassnet.nn.kernels.options import inner

__all__ = ["log_add"]

# mypy: disable-error-code="no-untyped-def"


@inner
def log_add(a, b):
    """log(exp(a) + exp(b)), -inf where both are; a NaN goes through."""
    top, low = (a, b) if a > b else (b, a)
    return top if low == -np.inf else top + np.log1p(np.exp(low - top))
