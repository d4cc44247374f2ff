"""Early stopping."""

from __future__ import annotations

from typing import Any

from glassnet.errors import RecipeError
from glassnet.train.loop import Callback, Training

__all__ = ["EarlyStopping"]


class EarlyStopping(Callback):
    """Stops when no epoch was better on validation for `patience` epochs, at least 1.

    Examples
    --------
    >>> from glassnet.train import EarlyStopping
    >>> EarlyStopping(patience=3).patience
    3
    """

    def __init__(self, patience: int) -> None:
        self.patience = patience

    def check(self, validates: bool) -> None:
        if not validates:
            raise RecipeError(
                "The 'patience' setting waits for a better validation result, and there is no validation part; hold"
                " one out or leave patience out."
            )

    def epoch(self, training: Training, record: dict[str, Any]) -> None:
        epoch = training.state.epoch
        waited = epoch - training.state.best_epoch
        if waited >= self.patience:
            training.stop(f"after epoch {epoch}: no better on validation for {waited} epochs")
