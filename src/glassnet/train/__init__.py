"""Training: the loop, its history, checkpoints and run folders."""

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
    "progress_for",
    "read_history",
]
