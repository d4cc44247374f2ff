"""The two sides of a comparison in words: `native`, `torch`, `native float32`."""

from __future__ import annotations

import copy
from dataclasses import dataclass

import numpy as np

from glassnet.engines import Engine, NativeEngine
from glassnet.errors import RecipeError, nearest
from glassnet.nn import Loss, Network
from glassnet.optim import Optimizer

__all__ = ["Side"]

_ENGINES = ("native", "torch")
_PRECISIONS: dict[str, type] = {"float32": np.float32, "float64": np.float64}


@dataclass(frozen=True)
class Side:
    """One side of a comparison. Notation: `ENGINE [float32|float64]`, as in `native float32`.

    Attributes
    ----------
    engine : str
        native or torch.
    dtype : np.float32 or np.float64
        The precision; float64 where nothing is said.
    """

    engine: str
    dtype: type = np.float64

    @classmethod
    def parse(cls, text: str) -> Side:
        """The side that a notation names. Raises `RecipeError`."""
        word, *more = text.split() or [""]
        precisions = [_PRECISIONS[name] for name in more if name in _PRECISIONS]
        if word not in _ENGINES or len(more) > 1 or len(precisions) != len(more):
            raise RecipeError(
                f"A side is an engine ({' or '.join(_ENGINES)}) and, where it is not float64, its precision, as in"
                f" 'native float32'. Got '{text.strip()}' instead.{nearest(word, _ENGINES)}"
            )
        return cls(word, *precisions)

    def __str__(self) -> str:
        return f"{self.engine} {np.dtype(self.dtype).name}"

    def make(self, network: Network, loss: Loss, optimizer: Optimizer, *, l2: float, clip: float | None) -> Engine:
        """An engine that trains a copy of the network, and has an optimiser of its own."""
        own, steps = network.astype(self.dtype), copy.deepcopy(optimizer)
        if self.engine == "native":
            return NativeEngine(own, loss, steps, l2=l2, clip=clip)
        from glassnet.engines.torch import TorchEngine

        return TorchEngine(own, loss, steps, l2=l2, clip=clip)
