"""What computes: a network, its loss and its optimiser on some hardware, behind the protocol that the loop knows."""

from glassnet.engines.base import Batch, Engine, ManySteps, StepResult, load_weights, swapped_in, write_weights
from glassnet.engines.native import NativeEngine

__all__ = [
    "Batch",
    "Engine",
    "ManySteps",
    "NativeEngine",
    "StepResult",
    "load_weights",
    "swapped_in",
    "write_weights",
]
