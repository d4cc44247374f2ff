"""Checkpoints: everything that a training needs to go on as if it had never stopped.

One safetensors file, written whole or not at all and checked by a digest, holds the network's arrays, the optimiser's
state, the best arrays so far, the averaged weights where they are asked for, and the counters. No state of a random
generator is needed: every random number is drawn from the seed and the place in the training (epoch, step, example).
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from glassnet.errors import ModelError, TrainingError
from glassnet.nn import Network, model_file
from glassnet.nn.functional.arrays import Array
from glassnet.optim import Optimizer
from glassnet.tasks import Rank

__all__ = ["Progression", "load", "save"]

_FORMAT = "glassnet-checkpoint"


@dataclass
class Progression:
    """Where a training stands. Sums are over the steps of the current epoch."""

    epoch: int = 0  # epochs completed
    position: int = 0  # examples of the current epoch already used
    step: int = 0  # steps taken in all
    epoch_steps: int = 0
    loss_sum: float = 0.0
    correct: int = 0
    best: Rank | None = None  # rank of the best epoch so far, see `glassnet.tasks`
    best_epoch: int = 0
    stopped: str = ""  # why the training ended, empty while it has not
    seconds: float = 0.0
    records: int = 0  # records in the history
    best_arrays: dict[str, Array] = field(default_factory=dict)
    average: dict[str, Array] = field(default_factory=dict)  # averaged arrays of the network, empty without averaging


def save(
    path: Path, network: Network, optimizer: Optimizer, progression: Progression, identity: dict[str, Any]
) -> None:
    """Write a checkpoint. `identity` is what must be the same on resuming (settings, data hash)."""
    counters = {f.name: getattr(progression, f.name) for f in fields(progression)}
    best, average = counters.pop("best_arrays"), counters.pop("average")
    description = {
        "format": _FORMAT,
        "identity": identity,
        "progression": counters,
        "optimizer_steps": optimizer.steps,
    }
    arrays = {f"network.{name}": array for name, array in network.arrays().items()}
    arrays |= {f"optimizer.{name}": array for name, array in optimizer.state.items()}
    arrays |= {f"best.{name}": array for name, array in best.items()}
    arrays |= {f"average.{name}": array for name, array in average.items()}
    model_file.write(path, description, arrays)


def load(path: Path, network: Network, optimizer: Optimizer, identity: dict[str, Any]) -> Progression:
    """Bring network and optimiser to a checkpoint's state and return where the training stands.

    Raises `TrainingError` when the checkpoint is of another training, `ModelError` when it is damaged.
    """
    description, arrays = model_file.read(path)
    if description.get("format") != _FORMAT:
        raise ModelError(f"'{path}' is no checkpoint of a training.")
    theirs = description.get("identity")
    if not isinstance(theirs, dict):
        raise ModelError(f"The checkpoint '{path}' does not say what it was made with.")
    for name, value in identity.items():
        if theirs.get(name) != value:
            raise TrainingError(
                f"Cannot resume: the checkpoint was made with {name} = {theirs.get(name)!r}, this run has {value!r}."
            )
    network.load_arrays(_part(arrays, "network."))
    state = _part(arrays, "optimizer.")
    _check_state(path, state, network, optimizer)
    average = _part(arrays, "average.")
    _check_average(path, average, network)
    try:
        counters = _counters(description["progression"])
        progression = Progression(**counters, best_arrays=_part(arrays, "best."), average=average)
        optimizer.steps = int(description["optimizer_steps"])
    except (KeyError, TypeError, ValueError) as error:
        raise ModelError(f"The counters of the checkpoint '{path}' do not fit this version of glassnet.") from error
    optimizer.state = state
    return progression


def _counters(saved: Any) -> dict[str, Any]:
    """What `save` wrote of a `Progression`, but for its arrays. Raises `TypeError` or `ValueError` where it is not."""
    plain = vars(Progression())
    if not isinstance(saved, dict):
        raise TypeError
    counters = dict(saved)
    if counters.get("best") is not None:
        measure, loss = counters["best"]  # JSON knows no tuples
        counters["best"] = (float(measure), float(loss))
    for name, value in counters.items():
        right = name == "best" or type(value) is type(plain.get(name))
        if not right or (isinstance(value, int) and value < 0):
            raise TypeError
    return counters


def _check_state(path: Path, state: dict[str, Array], network: Network, optimizer: Optimizer) -> None:
    """The optimiser's compiled loops trust the sizes of its arrays, so these are checked here."""
    trained = network.parameters()
    slots = {f"{name}.{slot}": trained[name].value for name in trained for slot in optimizer.slots}
    for name, array in state.items():
        if name not in slots or array.shape != (slots[name].size,) or array.dtype != slots[name].dtype:
            raise ModelError(f"The optimiser's array '{name}' in the checkpoint '{path}' does not fit the network.")


def _check_average(path: Path, average: dict[str, Array], network: Network) -> None:
    """The compiled loop of averaging trusts these sizes."""
    theirs = {name: (array.shape, array.dtype) for name, array in average.items()}
    if theirs and theirs != {name: (array.shape, array.dtype) for name, array in network.arrays().items()}:
        raise ModelError(f"The averaged weights in the checkpoint '{path}' do not fit the network.")


def _part(arrays: dict[str, Array], prefix: str) -> dict[str, Array]:
    return {name.removeprefix(prefix): array.copy() for name, array in arrays.items() if name.startswith(prefix)}
