"""The two sides of a comparison in words: `native`, `torch`, `native float32`."""

from __future__ import annotations

import copy
import re
from dataclasses import dataclass

import numpy as np

from glassnet.engines import Engine, NativeEngine
from glassnet.errors import RecipeError, nearest
from glassnet.nn import Loss, Network
from glassnet.optim import Optimizer

__all__ = ["Side"]

_ENGINES = ("native", "torch")
_SIDE = re.compile(
    r"(?P<engine>native|torch)( +(?P<dtype>float32|float64))?( +(?P<device>cpu|cuda(:\d{1,2})?|mps))?"
    r"( +(?P<processes>[2-8]) +processes)?"
)
_PRECISIONS: dict[str, type] = {"float32": np.float32, "float64": np.float64}


@dataclass(frozen=True)
class Side:
    """One side of a comparison. Notation: `ENGINE [float32|float64] [DEVICE] [N processes]`, as in `native float32`,
    `torch cuda` or `torch 2 processes`.

    Attributes
    ----------
    engine : str
        native or torch.
    dtype : np.float32 or np.float64
        The precision; float64 where nothing is said.
    device : str
        Where PyTorch's engine computes; cpu where nothing is said.
    processes : int
        How many train together, of PyTorch's engine on the CPU.

    Examples
    --------
    >>> from glassnet.twin import Side
    >>> Side("native").dtype.__name__
    'float64'
    """

    engine: str
    dtype: type = np.float64
    device: str = "cpu"
    processes: int = 1

    @classmethod
    def parse(cls, text: str) -> Side:
        """The side that a notation names. Raises `RecipeError`."""
        found = _SIDE.fullmatch(text.strip())
        if found is None or (found["engine"] == "native" and (found["device"] or found["processes"])):
            word = text.split()[0] if text.split() else ""
            raise RecipeError(
                f"A side is an engine ({' or '.join(_ENGINES)}) and, where it is not float64, its precision, as in"
                " 'native float32'; PyTorch's may have a device ('torch cuda') or processes ('torch 2 processes'). Got"
                f" '{text.strip()}' instead.{nearest(word, _ENGINES)}"
            )
        dtype = _PRECISIONS[found["dtype"] or "float64"]
        return cls(found["engine"], dtype, found["device"] or "cpu", int(found["processes"] or 1))

    def __str__(self) -> str:
        words = [self.engine, np.dtype(self.dtype).name]
        words += [self.device] if self.device != "cpu" else []
        words += [f"{self.processes} processes"] if self.processes > 1 else []
        return " ".join(words)

    def make(self, network: Network, loss: Loss, optimizer: Optimizer, *, l2: float, clip: float | None) -> Engine:
        """An engine that trains a copy of the network, and has an optimiser of its own."""
        own, steps = network.astype(self.dtype), copy.deepcopy(optimizer)
        if self.engine == "native":
            return NativeEngine(own, loss, steps, l2=l2, clip=clip)
        from glassnet.engines.torch import PoolEngine, TorchEngine

        if self.processes > 1:
            return PoolEngine(own, loss, steps, workers=self.processes, l2=l2, clip=clip)
        return TorchEngine(own, loss, steps, l2=l2, clip=clip, device=self.device)
