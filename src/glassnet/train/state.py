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
    epoch : int
        Epochs completed.
    position : int
        Examples of the current epoch already used.
    step : int
        Steps taken in all.
    epoch_steps : int
        Steps of the current epoch.
    loss_sum : float
        Sum of their objectives.
    correct : int
        Examples among them that the loss counted as correct.
    best : Rank or None
        Rank of the best epoch so far, see `glassnet.tasks.Metric`.
    best_epoch : int
        Its number from 1; 0 while there is none.
    stopped : str
        Why the training ended, empty while it has not.
    seconds : float
        Time it took up to its latest checkpoint.

    Examples
    --------
    >>> from glassnet.train import Progression
    >>> Progression(epoch=2, step=40).step
    40
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
