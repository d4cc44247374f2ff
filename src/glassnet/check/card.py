"""A layer card: what one layer computes, what it trains, and what was checked of it, as a small table."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from glassnet.check.network import check_network
from glassnet.errors import CheckError, nearest
from glassnet.nn.functional.arrays import Array
from glassnet.nn.layer import Layer
from glassnet.nn.layers import LAYERS
from glassnet.nn.loss import SquaredError
from glassnet.nn.network import Network

__all__ = ["Card", "layer_card"]


@dataclass(frozen=True)
class Card:
    """One layer's card.

    `formula` is the first line of the layer's docstring, `parameters` their shapes by name. `errors` are the largest
    gradient errors of the parameters and of the input by mode, `naive` the largest difference from the reference
    implementation in either mode, relative to its largest value.

    Examples
    --------
    >>> from glassnet.check import layer_card
    >>> card = layer_card("relu")
    >>> card.notation, card.passed
    ('relu', True)
    """

    word: str
    notation: str
    formula: str
    input_shape: tuple[int, ...]
    output_shape: tuple[int, ...]
    parameters: dict[str, tuple[int, ...]]
    flops: int
    errors: dict[str, float]
    naive: float
    passed: bool

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        shapes = {name: list(shape) for name, shape in self.parameters.items()}
        sizes = {"input_shape": list(self.input_shape), "output_shape": list(self.output_shape)}
        return {**asdict(self), **sizes, "parameters": shapes}

    def __str__(self) -> str:
        shapes = ", ".join(f"{name} {_sizes(shape)}" for name, shape in self.parameters.items())
        rows = [
            ("layer", self.notation),
            ("formula", self.formula),
            ("shape", f"{_sizes(self.input_shape)} -> {_sizes(self.output_shape)}"),
            ("trained", shapes or "nothing"),
            ("FLOPs", f"{self.flops:,} an example"),
            *((f"gradient of {name}", f"error {error:.1e}") for name, error in self.errors.items()),
        ]
        rows.append(("fast against naive", f"difference {self.naive:.1e}"))
        rows.append(("verdict", "right" if self.passed else "WRONG"))
        width = max(len(name) for name, _ in rows)
        return "\n".join(f"{name:<{width}}  {text}" for name, text in rows)


def layer_card(word: str, input_shape: tuple[int, ...] = (4, 3, 2), examples: int = 6, seed: int = 0) -> Card:
    """Check one kind of layer on random input and make its card.

    Parameters
    ----------
    word : str
        A step of a notation, such as ``"linear 5"`` or ``"relu"`` (a bare ``"linear"`` gets 5 units). The layer is
        checked alone, under a squared error against random targets, in float64.

    Raises
    ------
    CheckError
        The word is unknown.
    NotationError
        The layer does not take these settings.

    Examples
    --------
    >>> from glassnet.check import layer_card
    >>> card = layer_card("linear 5")
    >>> card.passed, card.parameters
    (True, {'weight': (24, 5), 'bias': (5,)})
    """
    name = re.split(r"[\s,(]", word.strip(), maxsplit=1)[0]
    if name not in LAYERS:
        raise CheckError(f"Unknown layer '{word}'.{nearest(name, LAYERS)} Known: {', '.join(LAYERS)}.")
    rng = np.random.default_rng(seed)
    shape = tuple(input_shape)
    network = Network(word, shape, classes=5, seed=seed, dtype=np.float64)
    layer = network.layers[0]
    for parameter in layer.parameters.values():  # biases of 0 and scales of 1 would hide mistakes
        parameter.value += 0.3 * rng.standard_normal(parameter.value.shape)
    x = rng.standard_normal((examples, *shape))
    target = rng.standard_normal((examples, *network.output_shape))
    check = check_network(network, x, target, SquaredError("half"), seed=seed)
    errors: dict[str, float] = {}
    for row in check.rows:
        short = row.parameter.rpartition(".")[2]
        errors[short] = max(row.error, errors.get(short, 0.0))
    naive = max(_naive_difference(layer, x, train) for train in (False, True))
    return Card(
        word=name,
        notation=layer.notation(),
        formula=(type(layer).__doc__ or "").strip().splitlines()[0],
        input_shape=shape,
        output_shape=network.output_shape,
        parameters={key: parameter.value.shape for key, parameter in layer.parameters.items()},
        flops=layer.flops,
        errors=errors,
        naive=naive,
        passed=check.passed and naive < 1e-12,
    )


def _naive_difference(layer: Layer, x: Array, train: bool) -> float:
    """Largest difference between the fast forward pass and the reference, relative to the reference's largest value."""
    naive = layer.reference(x, train=train)
    return float(np.abs(layer.forward(x, train=train) - naive).max() / np.abs(naive).max())


def _sizes(shape: tuple[int, ...]) -> str:
    return "x".join(str(size) for size in shape)
