"""Where a training stands, as numbers."""

from __future__ import annotations

from dataclasses import dataclass

from glassnet.tasks import Rank

__all__ = ["Progression"]


@dataclass
class Progression:
    """Where a training stands. Sums are over the steps of the current epoch.

    Attributes
    ----------
    epoch : epochs completed
    position : examples of the current epoch already used
    step : steps taken in all
    epoch_steps : steps of the current epoch
    loss_sum : sum of their objectives
    correct : examples among them that the loss counted as correct
    best : rank of the best epoch so far, see `glassnet.tasks.Metric`
    best_epoch : its number from 1; 0 while there is none
    stopped : why the training ended, empty while it has not
    seconds : time it took up to its latest checkpoint
    """

    epoch: int = 0
    position: int = 0
    step: int = 0
    epoch_steps: int = 0
    loss_sum: float = 0.0
    correct: int = 0
    best: Rank | None = None
    best_epoch: int = 0
    stopped: str = ""
    seconds: float = 0.0
