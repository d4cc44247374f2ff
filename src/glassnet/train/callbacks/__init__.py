"""What happens beside the steps of a training, each in a file of its own: see `Callback`."""

from glassnet.train.callbacks.average import WeightAverage
from glassnet.train.callbacks.best import KeepBest
from glassnet.train.callbacks.checkpoint import Checkpoint
from glassnet.train.callbacks.epochs import KeepEpochs
from glassnet.train.callbacks.histograms import Histograms
from glassnet.train.callbacks.interrupt import Interrupt
from glassnet.train.callbacks.shown import Shown
from glassnet.train.callbacks.stopping import EarlyStopping
from glassnet.train.loop import Callback, Saved

__all__ = [
    "Callback",
    "Checkpoint",
    "EarlyStopping",
    "Histograms",
    "Interrupt",
    "KeepBest",
    "KeepEpochs",
    "Saved",
    "Shown",
    "WeightAverage",
]
