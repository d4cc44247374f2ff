"""The `[fault]` part of a recipe: something broken on purpose, for whoever learns to find what is wrong.

    [fault]
    code = "5c1f-9e01c2a47b33"   # says which to those who know the faults, and tells a reader nothing

A fault changes the data when they have been read and the trainer when it has been made. Nothing else knows of it: a
run is carried out, resumed and examined with its fault. What codes stand for is announced by a room above.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from glassnet import plugins
from glassnet.data import Splits
from glassnet.errors import RecipeError
from glassnet.train import Trainer

__all__ = ["FINDERS", "Fault", "FaultPart"]


class Fault:
    """Base of the faults: breaks nothing."""

    def in_data(self, splits: Splits, seed: int) -> Splits:
        """The data with the fault; `seed` is the recipe's."""
        return splits

    def in_trainer(self, trainer: Trainer) -> Trainer:
        """The trainer with the fault."""
        return trainer


FINDERS: list[Callable[[str], Fault | None]] = []
"""Each gives the fault of a code, or None where it does not know the code."""


@dataclass(frozen=True)
class FaultPart:
    """The `[fault]` part: the code of what is broken; "" is nothing."""

    code: str = ""

    def __post_init__(self) -> None:
        if not isinstance(self.code, str):
            raise RecipeError(f"The setting 'fault.code' must be text. Got {self.code!r} instead.")

    def planted(self) -> Fault:
        """What is broken. Raises `RecipeError` where nobody knows the code."""
        if not self.code:
            return Fault()
        plugins.load("faults")
        for find in FINDERS:
            if (found := find(self.code)) is not None:
                return found
        raise RecipeError(f"No fault has the code '{self.code}'. Leave the part [fault] out, or plant a fault anew.")
