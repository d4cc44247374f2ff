"""How the weights of each layer, and their gradients, are spread, at some epochs of a training."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from glassnet.engines import StepResult
from glassnet.errors import ModelError
from glassnet.files import arrays_of, atomic_write, exists
from glassnet.nn.functional.arrays import Array
from glassnet.train.loop import Callback, Saved, Training

__all__ = ["BINS", "Histograms", "read_histograms"]

BINS = 41  # odd: the middle one holds 0
_MOST = 24  # epochs that are looked at
_SAMPLE = 2048  # entries of a tensor that are counted, evenly spread
_WAITING = "waiting."

Counts = npt.NDArray[np.uint16]


class Histograms(Callback):
    """Counts the weights and the gradients of every weight tensor in bins, at up to 24 epochs evenly spread.

    Of a tensor up to 2,048 entries are counted, in 41 bins from -limit to limit, the largest of these entries in size.
    The gradient is that of the first recorded step of the epoch, where the engine leaves it in `network.parameters()`.

    Attributes
    ----------
    arrays : dict of str to array
        "epochs", (E,) int64, and by "weight.<tensor>" and "gradient.<tensor>" counts (E, 41) uint16, with limits (E,)
        float64 under the same name and ".limit".
    """

    def __init__(self) -> None:
        self.arrays: dict[str, Array] = {}
        self._gradients: dict[str, tuple[Counts, float]] = {}

    def start(self, training: Training, saved: Saved) -> None:
        """Begin, or go on after the epochs that a checkpoint has."""
        found = {name: np.asarray(array) for name, array in saved.items()}
        waiting = {name.removeprefix(_WAITING): found.pop(name) for name in list(found) if name.startswith(_WAITING)}
        self.arrays = _checked(found)
        self._gradients = {name: (row[:BINS].astype(np.uint16), float(row[BINS])) for name, row in waiting.items()}

    def step(self, training: Training, result: StepResult) -> None:
        """Count the gradients of the first recorded step of an epoch that is looked at."""
        if result.norms is not None and not self._gradients and _is_chosen(training):
            for name, parameter in training.engine.network.parameters().items():
                if name.endswith("weight") and parameter.grad is not None:
                    self._gradients[name] = histogram(parameter.grad)

    def epoch(self, training: Training, record: dict[str, Any]) -> None:
        """Count the weights."""
        gradients, self._gradients = self._gradients, {}
        if not _is_chosen(training, record["epoch"]):  # it was, where gradients wait, before the training became longer
            return
        weights = training.engine.weights()
        found = {f"gradient.{name}": counted for name, counted in gradients.items()}
        found |= {f"weight.{name}": histogram(array) for name, array in weights.items() if name.endswith("weight")}
        before = self.arrays.get("epochs", np.empty(0, np.int64))
        arrays: dict[str, Array] = {"epochs": np.append(before, np.int64(record["epoch"]))}
        known = (name for name in self.arrays if name != "epochs" and not name.endswith(".limit"))
        for name in dict.fromkeys([*found, *known]):  # an epoch without a recorded step has empty rows of gradients
            counts, limit = found.get(name, (np.zeros(BINS, np.uint16), 0.0))
            rows = self.arrays.get(name, np.zeros((len(before), BINS), np.uint16))
            limits = self.arrays.get(f"{name}.limit", np.zeros(len(before)))
            arrays |= {name: np.vstack([rows, counts]), f"{name}.limit": np.append(limits, limit)}
        self.arrays = arrays

    def state(self) -> Saved:
        """The counts so far, those of the epoch's gradients included."""
        waiting = {f"{_WAITING}{name}": np.append(counts, limit) for name, (counts, limit) in self._gradients.items()}
        return {**self.arrays, **waiting}

    def save(self, path: str | Path) -> None:
        """Write a NumPy archive (`.npz`), whole or not at all. Raises `GlassnetError`."""
        with atomic_write(path) as file:
            np.savez_compressed(file, allow_pickle=False, **self.arrays)  # type: ignore[arg-type]


def histogram(values: Array) -> tuple[Counts, float]:
    """(counts of a sample of the values in `BINS` bins from -limit to limit, limit), finite values alone."""
    flat = values.reshape(-1)
    sample = (flat if flat.size <= _SAMPLE else flat[_places(flat.size)]).astype(np.float64)
    sample = sample[np.isfinite(sample)]
    limit = float(np.abs(sample).max(initial=0.0))
    places = (sample * (0.5 * BINS / (limit or 1.0)) + 0.5 * BINS).astype(np.int64)
    return np.bincount(np.clip(places, 0, BINS - 1), minlength=BINS).astype(np.uint16), limit


@cache
def _places(size: int) -> npt.NDArray[np.int64]:
    """Evenly spread places of an array of this size: steps of the golden ratio, coprime to the size.

    So every row and every column of a matrix has its share, which a step that divides its width would not give.
    """
    step = round(size * (math.sqrt(5.0) - 1.0) / 2.0)
    while math.gcd(step, size) > 1:
        step += 1
    return np.sort(np.arange(_SAMPLE, dtype=np.int64) * step % size)


def read_histograms(path: str | Path) -> dict[str, Array]:
    """What `Histograms.save` wrote; nothing where there is no such file. Raises `TrainingError` where it is damaged."""
    if not exists(Path(path)):
        return {}
    with arrays_of(path, "the histograms") as arrays:
        return _checked(arrays)


def _checked(arrays: Mapping[str, Array]) -> dict[str, Array]:
    epochs = arrays.get("epochs", np.empty(0, np.int64))
    for name, array in arrays.items():
        shape = (len(epochs),) if name == "epochs" or name.endswith(".limit") else (len(epochs), BINS)
        if array.shape != shape:
            raise ModelError(f"The histograms '{name}' are {array.shape}, not {shape}.")
    return dict(arrays)


def _is_chosen(training: Training, epoch: int | None = None) -> bool:
    """Whether an epoch, from 1, is looked at: the first, the last, and those between that keep them to `_MOST`."""
    number = training.state.epoch + 1 if epoch is None else epoch
    every = max(1, math.ceil(training.settings.epochs / (_MOST - 1)))
    return number == 1 or number % every == 0
