"""What the last linear layer adds up for a class: score = sum over hidden units of activation x weight, plus a bias."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from glassnet.attack import Victim
from glassnet.nn import Linear
from glassnet.nn.functional.arrays import Array
from glassnet.nn.layer import Layer

__all__ = ["Contributions", "contributions"]


@dataclass(frozen=True, eq=False)
class Contributions:
    """How a last linear layer makes the score of a class.

    Attributes
    ----------
    layer : str
        The layer, by its name.
    activations, weights : (D,) arrays
        What comes in, and what it is multiplied with for this class.
    bias : float
        What is added.
    shape : tuple of int
        (D,), or the (h, w, c) of the maps that were laid out in a row.

    Examples
    --------
    >>> from glassnet.explain import Contributions
    >>> added = Contributions("3.linear", np.array([1.0, 2.0]), np.array([3.0, -1.0]), 0.5, (2,))
    >>> added.parts, added.score, added.unit_name(int(added.largest(1)[0]))
    (array([ 3., -2.]), 1.5, 'unit 0')
    """

    layer: str
    activations: Array
    weights: Array
    bias: float
    shape: tuple[int, ...]

    @property
    def parts(self) -> Array:
        """(D,): activation x weight of each unit, float64."""
        return np.asarray(self.activations.astype(np.float64) * self.weights)

    @property
    def score(self) -> float:
        """The sum of the parts and the bias."""
        return float(self.parts.sum() + self.bias)

    def largest(self, most: int = 10) -> Array:
        """The units with the largest parts, up or down, the largest first."""
        return np.argsort(-np.abs(self.parts), kind="stable")[:most]

    def to_dict(self) -> dict[str, Any]:
        """Layer, score, bias and the ten largest parts."""
        return {
            "layer": self.layer,
            "score": self.score,
            "bias": self.bias,
            "largest": [
                {
                    "unit": self.unit_name(int(i)),
                    "activation": float(self.activations[i]),
                    "weight": float(self.weights[i]),
                    "part": float(self.parts[i]),
                }
                for i in self.largest()
            ],
        }

    def unit_name(self, unit: int) -> str:
        """Where a unit is: `unit 17`, or `map 5 at 2, 3` (row, column); all counted from 0."""
        if len(self.shape) != 3:
            return f"unit {unit}"
        row, column, channel = np.unravel_index(unit, self.shape)
        return f"pixel {row}, {column}" if self.shape[2] == 1 else f"map {channel} at {row}, {column}"


def contributions(victim: Victim, picture: Array, chosen: int) -> Contributions | None:
    """What the last layer adds up for a class; None where it is no linear layer.

    Parameters
    ----------
    victim : Victim
        The network behind its preprocessing.
    picture : (H, W, C) array
        Floats in [0, 1].
    chosen : int
        The class, from 0.

    Returns
    -------
    Contributions or None
        Their sum is the score.

    Examples
    --------
    >>> import glassnet
    >>> from glassnet.attack import Victim
    >>> from glassnet.explain import contributions
    >>> run = glassnet.fit("digits", "linear 5 -> relu -> linear", epochs=1, verbose=False)
    >>> type(contributions(Victim.of(run.model), np.zeros((8, 8, 1)), 3)).__name__
    'Contributions'
    """
    layers = victim.engine.network.layers
    if not isinstance(layers[-1], Linear):
        return None
    name = f"{len(layers)}.{layers[-1].word}"
    if len(layers) == 1:
        found = victim.preprocess.transform(picture[None], dtype=victim.dtype)
    else:
        found = victim.output_at(f"{len(layers) - 1}.{layers[-2].word}", picture[None])
    arrays = victim.engine.weights()
    weights, bias = arrays[f"{name}.weight"][:, chosen], arrays[f"{name}.bias"][chosen]
    return Contributions(name, found.reshape(-1), weights, float(bias), _laid_out(layers))


def _laid_out(layers: list[Layer]) -> tuple[int, ...]:
    """The shape of what comes into the last layer, before layers that only lay it out in a row or drop some of it."""
    shape = layers[-1].input_shape
    for layer in reversed(layers[:-1]):
        if len(shape) == 3 or layer.kind not in ("reshape", "dropout"):
            break
        shape = layer.input_shape
    return shape if shape[:2] != (1, 1) else shape[2:]
