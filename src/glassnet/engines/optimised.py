"""What engines have in common that train a whole network by one of our optimisers."""

from __future__ import annotations

from typing import Any

from glassnet.engines.base import Engine
from glassnet.nn import BatchNorm, Loss, Network
from glassnet.nn.layers import Dropout
from glassnet.optim import Optimizer

__all__ = ["OptimisedEngine"]


class OptimisedEngine(Engine):
    """A network, its loss and one optimiser for all of it.

    Two such engines with the same settings may resume each other's trainings.

    Parameters
    ----------
    network : Network
        What is trained.
    loss : Loss
        What is minimised.
    optimizer : Optimizer
        How.
    l2 : float
        Coefficient of the penalty 0.5 l2 |w|^2.
    clip : float, optional
        Largest global gradient norm, or None.

    Attributes
    ----------
    parameters : dict of str to Parameter
        What the network has to be trained, by name.
    dropouts : dict of str to Dropout
        The layers that drop anything, by name.
    normalises : bool
        Whether a layer takes its moments from the batch.
    """

    def __init__(
        self, network: Network, loss: Loss, optimizer: Optimizer, *, l2: float = 0.0, clip: float | None = None
    ) -> None:
        self.network, self.loss, self.optimizer, self.l2, self.clip = network.unpack(), loss, optimizer, l2, clip
        self.parameters = network.parameters()
        layers = dict(network.walk())
        self.dropouts = {name: layer for name, layer in layers.items() if isinstance(layer, Dropout) and layer.p}
        self.normalises = any(isinstance(layer, BatchNorm) for layer in layers.values())

    @property
    def lr(self) -> float:
        return self.optimizer.lr

    @property
    def least_batch(self) -> int:
        """2 with batch normalisation: a single example has no variance."""
        return 2 if self.normalises else 1

    def reset(self) -> None:
        self.optimizer.reset()

    def identity(self) -> dict[str, Any]:
        return {**super().identity(), "optimizer": repr(self.optimizer), "l2": self.l2, "clip": self.clip}
