"""What is read of an ONNX graph on the way to a network: steps with their arrays, and what flows between them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np

from glassnet.errors import NotationError
from glassnet.interop.places import Order
from glassnet.nn import Initialisation
from glassnet.nn.build import layers_from
from glassnet.nn.functional.arrays import Array

__all__ = ["Flow", "Lay", "Step", "arrays_of", "composite", "notation_of"]

Lay = Literal["NCHW", "NHWC", "pooled", "flat"]


@dataclass(frozen=True)
class Flow:
    """What a value of the graph is with us.

    Attributes
    ----------
    shape : tuple of int
        (H, W, C) or (d,).
    lay : Lay
        How it lies there: pictures (n, C, H, W) or (n, H, W, C), means (n, C, 1, 1), or rows (n, d).
    order : Order
        The graph's feature j is our feature order[j]; None: the same order.
    """

    shape: tuple[int, ...]
    lay: Lay
    order: Order = None

    @property
    def is_picture(self) -> bool:
        """Whether it has rows and columns."""
        return self.lay in ("NCHW", "NHWC")

    def after(self, step: Step) -> Flow:
        """What a step makes of it. Raises `NotationError` where it does not fit."""
        (layer,) = layers_from(step.text)
        if hasattr(layer, "init"):
            layer.init = Initialisation("zeros")  # only the sizes are wanted: nothing need be drawn
        layer.build(self.shape, np.random.default_rng(0), np.float32)
        return replace(self, shape=layer.output_shape)


@dataclass
class Step:
    """A layer as notation, with its arrays by name, in our layout."""

    written: str
    arrays: dict[str, Array] = field(default_factory=dict)

    @property
    def word(self) -> str:
        """What the layer is called."""
        return self.written.partition("(")[0].split(",")[0].split()[0]

    @property
    def text(self) -> str:
        """Its notation."""
        biased = self.word not in ("conv", "depthwise") or "bias" in self.arrays
        return self.written + ("" if biased else ", bias off")

    def add(self, constant: Array) -> bool:
        """Add a constant (k,) to what the step gives; whether it can take one along, as its bias."""
        if self.word not in ("linear", "conv", "depthwise"):
            return False
        self.arrays["bias"] = self.arrays["bias"] + constant if "bias" in self.arrays else constant
        return True


def notation_of(steps: Sequence[Step]) -> str:
    """Steps in a row as notation; where there are none, a dropout that drops nothing, since a branch has a layer."""
    return " -> ".join(step.text for step in steps) or "dropout 0"


def arrays_of(steps: Sequence[Step], prefix: str = "") -> dict[str, Array]:
    """The arrays of steps in a row under the names that a network has for them."""
    return {
        f"{prefix}{position}.{step.word}.{name}": array
        for position, step in enumerate(steps, start=1)
        for name, array in step.arrays.items()
    }


def composite(word: Literal["residual", "concat"], branches: Sequence[Sequence[Step]]) -> Step:
    """Branches that come together, as one step. Raises `NotationError` for a sum of other than two."""
    if word == "residual":
        if len(branches) != 2:
            raise NotationError(f"A sum is of two values. Got {len(branches)}.")
        body, shortcut = sorted(branches, key=lambda steps: not steps)  # x itself is the shortcut
        names: tuple[str, ...] = ("body", "shortcut")
        branches = [body, shortcut] if shortcut else [body]
    else:
        names = tuple(f"branch{number}" for number in range(1, len(branches) + 1))
    arrays = {
        name: array
        for branch, steps in zip(names, branches, strict=False)
        for name, array in arrays_of(steps, f"{branch}.").items()
    }
    return Step(f"{word}({' | '.join(map(notation_of, branches))})", arrays)
