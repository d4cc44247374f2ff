"""Training: the loop, its callbacks, the history of a training and how it is shown."""

from glassnet.train.callbacks import (
    Callback,
    Checkpoint,
    EarlyStopping,
    Interrupt,
    KeepBest,
    Saved,
    Shown,
    WeightAverage,
)
from glassnet.train.class_weights import ClassWeights
from glassnet.train.history import History, read_history, write_csv
from glassnet.train.loop import Examples, Training
from glassnet.train.progress import LiveProgress, PlainProgress, Progress, progress_for
from glassnet.train.settings import Settings
from glassnet.train.state import Progression
from glassnet.train.trainer import Trainer

__all__ = [
    "Callback",
    "Checkpoint",
    "ClassWeights",
    "EarlyStopping",
    "Examples",
    "History",
    "Interrupt",
    "KeepBest",
    "LiveProgress",
    "PlainProgress",
    "Progress",
    "Progression",
    "Saved",
    "Settings",
    "Shown",
    "Trainer",
    "Training",
    "WeightAverage",
    "progress_for",
    "read_history",
    "write_csv",
]
