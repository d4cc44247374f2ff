"""Why each finding matters, by its name: one sentence or two, the same whatever its numbers are."""

from __future__ import annotations

__all__ = ["WHY", "why"]

WHY: dict[str, str] = {
    # how bad it is
    "one-class": "A network that gives one answer has learned nothing from the pictures, whatever its accuracy.",
    "at-chance": "Guessing with the same frequencies does as well: nothing was learned that holds for other pictures.",
    # the start and the updates
    "same-units": "Units with equal weights get equal gradients and stay equal: the layer works as if it had one unit.",
    "no-update": "What never changes cannot learn.",
    "no-gradient": "A layer without a gradient keeps its random weights.",
    "rate-too-high": "Steps larger than the valley is wide land on the other side, higher up.",
    "rate-too-low": "The training ends long before it has arrived.",
    "loss-not-finite": "Once a weight is not a number every later one is: nothing after that step can be used.",
    # the data
    "absent-classes": "A class that was never shown is never answered.",
    "few-pictures": "From a few pictures of a class a network learns these pictures and not the class.",
    # after the training
    "overfitting": "What was learned by heart does not help with other pictures.",
    "good": "",
}


def why(name: str) -> str:
    """Why a finding of this name matters; empty where it does not."""
    return WHY.get(name, "")
