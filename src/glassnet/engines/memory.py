"""The memory of an optimiser among the arrays of an engine: `optimizer.<parameter>.<slot>` and `optimizer.steps`."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from glassnet.errors import ModelError
from glassnet.nn import Parameter
from glassnet.nn.functional.arrays import Array
from glassnet.optim import Optimizer

__all__ = ["memory_arrays", "memory_from"]

_PREFIX, _STEPS = "optimizer.", "steps"


def memory_arrays(slots: Mapping[str, Array], steps: int) -> dict[str, Array]:
    """The arrays `<parameter>.<slot>` of an optimiser and the number of its steps, as an engine keeps them."""
    arrays = {f"{_PREFIX}{name}": array for name, array in slots.items()}
    return arrays | {f"{_PREFIX}{_STEPS}": np.array([steps], np.int64)}


def memory_from(
    arrays: Mapping[str, Array], optimizer: Optimizer, parameters: Mapping[str, Parameter]
) -> tuple[dict[str, Array], int] | None:
    """What `memory_arrays` was given, copied; None where there is nothing of an optimiser among the arrays.

    Raises
    ------
    ModelError
        They do not fit: whoever uses them trusts their names and sizes.
    """
    memory = {n.removeprefix(_PREFIX): array.copy() for n, array in arrays.items() if n.startswith(_PREFIX)}
    if not memory:
        return None
    steps = memory.pop(_STEPS, np.empty(0))
    if steps.shape != (1,) or steps.dtype != np.int64 or steps[0] < 0:
        raise ModelError("The optimiser's number of steps is missing or none.")
    places = {f"{name}.{slot}": p.value for name, p in parameters.items() for slot in optimizer.slots}
    for name, array in memory.items():
        if name not in places or array.shape != (places[name].size,) or array.dtype != places[name].dtype:
            raise ModelError(f"The optimiser's array '{name}' does not fit the network.")
    return memory, int(steps[0])
