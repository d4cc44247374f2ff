"""The state of a training after every epoch, to look at its networks one after the other and to begin again there."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

from glassnet.errors import DataError
from glassnet.files import exists
from glassnet.nn import model_file
from glassnet.nn.functional.arrays import Array
from glassnet.train.callbacks.checkpoint import save
from glassnet.train.loop import Callback, Saved, Training

__all__ = ["EPOCHS", "KeepEpochs", "epoch_file", "epoch_weights", "kept_epochs"]

EPOCHS = "epochs"
"""The folder of a run that they are kept in."""
_MOST, _FILES = 256 * 2**20, 200  # bytes of a run's epochs, and how many there are
_COPIES = 4  # of the weights, in a checkpoint: themselves, two moments, the best so far
_NETWORK = "network."


class KeepEpochs(Callback):
    """Keeps a checkpoint of every epoch, or of every second, third, ... so that they are not too large, nor over 200.

    Parameters
    ----------
    folder : Path
        The run folder; they lie in its folder `epochs`.
    most : int
        Bytes that all may have.
    say : callable
        Told where they lie, and which are kept.

    Attributes
    ----------
    every : int
        Of so many epochs one is kept; the first and the last always are.
    """

    last: ClassVar[bool] = True

    def __init__(self, folder: Path, most: int = _MOST, say: Callable[[str], None] = lambda text: None) -> None:
        self.folder, self.most, self.say, self.every = folder, most, say, 1

    def start(self, training: Training, saved: Saved) -> None:
        """Begin; epochs after the one at which the training goes on are taken away."""
        size = _COPIES * sum(array.nbytes for array in training.weights().values())
        epochs = training.settings.epochs
        self.every = max(1, math.ceil(size * epochs / self.most), math.ceil(epochs / _FILES))
        for epoch in kept_epochs(self.folder):
            if epoch > training.state.epoch:
                epoch_file(self.folder, epoch).unlink(missing_ok=True)
        which = "every epoch" if self.every == 1 else f"one of {self.every} epochs"
        self.say(f"keeping {which} in {self.folder / EPOCHS} ({self.most / 2**20:.0f} MB at most)")

    def epoch(self, training: Training, record: dict[str, Any]) -> None:
        number = record["epoch"]
        if number == 1 or number % self.every == 0 or training.state.stopped:
            save(epoch_file(self.folder, number), training)


def epoch_file(folder: Path, epoch: int) -> Path:
    """Where an epoch of a run is kept."""
    return folder / EPOCHS / f"{epoch:05d}.safetensors"


def kept_epochs(folder: Path) -> tuple[int, ...]:
    """The epochs that are kept of a run, in order; none where they were not."""
    place = folder / EPOCHS
    names = [path.stem for path in place.glob("*.safetensors")] if exists(place) else []
    return tuple(sorted(int(name) for name in names if name.isascii() and name.isdigit()))


def epoch_weights(folder: Path, epoch: int) -> dict[str, Array]:
    """The arrays of the network after an epoch, by name.

    Raises
    ------
    DataError
        That epoch is not kept.
    ModelError
        Its file is damaged.
    """
    path = epoch_file(folder, epoch)
    if not exists(path):
        raise DataError(f"Epoch {epoch} of this run is not kept.")
    _, arrays = model_file.read(path)
    return {n.removeprefix(_NETWORK): array for n, array in arrays.items() if n.startswith(_NETWORK)}
