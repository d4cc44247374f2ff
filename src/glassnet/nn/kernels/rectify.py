"""Rectifiers in kernels: max(0, v), and with a ceiling min(max(0, v), ceiling).

Kernels take them as one number, `relu`: the ceiling, infinity for the usual ReLU, and 0 where there is none.
"""

from __future__ import annotations

import numpy as np

from glassnet.nn.kernels.options import inner

# mypy: disable-error-code="no-untyped-def"


@inner
def clamped(v, low, high):
    """v within [low, high]; a NaN stays a NaN."""
    return low if v < low else (high if v > high else v)


@inner
def passes(y, low, high):
    """Whether a gradient goes through where the result is y: strictly between the two."""
    return (y > low) & ~(y >= high)


@inner
def bounds(relu, like):
    """(low, high) in the dtype of the array `like`; NaN, to which no number compares, where there is no bound."""
    kind = like.dtype.type
    return kind(0 if relu > 0 else np.nan), kind(relu if 0 < relu < np.inf else np.nan)
