"""Which fast ways a network may take."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Choices"]


@dataclass(frozen=True)
class Choices:
    """Which fast ways a network may take; each can be turned off.

    Attributes
    ----------
    fuse_relu : bool
        A ReLU is computed by the convolution, batch normalisation or residual sum before it.
    fuse_pool : bool
        A 2x2 max pool is computed by the convolution before it.
    fuse_norm : bool
        In use, a batch normalisation is computed by the convolution before it: a scale and a shift of its results.
    winograd : bool
        3x3 convolutions may run by Winograd's algorithm (float32; rounding errors are about ten times larger).

    Examples
    --------
    >>> from glassnet.nn import Choices, Network
    >>> Network("linear 5 -> relu", (4,)).choose(fuse_relu=False).choices == Choices(fuse_relu=False)
    True
    """

    fuse_relu: bool = True
    fuse_pool: bool = True
    fuse_norm: bool = True
    winograd: bool = True
