"""Training: the loop, its history, checkpoints and run folders."""

from glassnet.train.best import best_epoch
from glassnet.train.history import History, read_history
from glassnet.train.progress import LiveProgress, PlainProgress, Progress, progress_for
from glassnet.train.settings import Settings
from glassnet.train.trainer import Trainer

__all__ = [
    "History",
    "LiveProgress",
    "PlainProgress",
    "Progress",
    "Settings",
    "Trainer",
    "best_epoch",
    "progress_for",
    "read_history",
]
