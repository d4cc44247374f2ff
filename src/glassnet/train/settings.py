"""How a network is trained: the settings of a `Trainer`, each with its constraint."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from glassnet.errors import RecipeError

__all__ = ["Settings"]


@dataclass(frozen=True)
class Settings:
    """Settings of a training, apart from network, loss, optimiser and schedule.

    Attributes
    ----------
    epochs : int
        Passes over the training data, at least 1.
    batch : int
        Examples per step, at least 1; 0 takes all of them (full-batch descent).
    l2 : float
        Coefficient of the penalty 0.5 l2 |w|^2 on weights, at least 0.
    clip : float or None
        Largest global norm of the gradient, above 0; None does not clip.
    patience : int or None
        Stop after this many epochs without a better validation result, which needs a validation part; None never stops
        early.
    seed : int
        Seed of starting weights, shuffling, augmentation and dropout (separate streams).
    average : float or None
        Decay in (0, 1) of an exponential moving average of the weights over the steps; validation, the best network and
        the model are then those of the averaged weights (see `glassnet.optim.averaging`); None: no average.
    log_every : int or None
        Steps between records of gradient, weight and update norms; None spreads 200 over the training.
    checkpoint_seconds : float
        Least time between checkpoints.

    Examples
    --------
    >>> from glassnet.train import Settings
    >>> Settings(epochs=5).batch
    64
    """

    epochs: int = 10
    batch: int = 64
    l2: float = 0.0
    clip: float | None = None
    patience: int | None = None
    seed: int = 0
    average: float | None = None
    log_every: int | None = None
    checkpoint_seconds: float = 5.0

    def __post_init__(self) -> None:
        _whole("epochs", self.epochs, 1)
        _whole("batch", self.batch, 0)
        _whole("seed", self.seed, 0)
        _real("l2", self.l2, 0)
        _real("checkpoint_seconds", self.checkpoint_seconds, 0)
        if self.clip is not None:
            _real("clip", self.clip, 0, excluded=True)
        if self.patience is not None:
            _whole("patience", self.patience, 1)
        if self.average is not None:
            _real("average", self.average, 0, excluded=True, below=1)
        if self.log_every is not None:
            _whole("log_every", self.log_every, 1)


def _whole(name: str, value: Any, least: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value < 2**63:
        raise RecipeError(f"The '{name}' setting must be a whole number of at least {least}. Got {value!r} instead.")


def _real(name: str, value: Any, least: float, *, excluded: bool = False, below: float = math.inf) -> None:
    right = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
    if not right or value < least or (excluded and value == least) or value >= below:
        bound = f"{'above' if excluded else 'at least'} {least:g}" + (
            f" and below {below:g}" if below < math.inf else ""
        )
        raise RecipeError(f"The '{name}' setting must be a number {bound}. Got {value!r} instead.")
