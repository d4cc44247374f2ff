"""A layer card: what one layer computes, what it trains, and what was checked of it, as a small table."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from glassnet.check.network import check_network
from glassnet.errors import CheckError, nearest
from glassnet.nn import functional as F
from glassnet.nn.functional.arrays import Array
from glassnet.nn.layer import Layer
from glassnet.nn.layers import (
    LAYERS,
    AveragePool,
    BatchNorm,
    Concat,
    Conv,
    Dropout,
    Flatten,
    GlobalAveragePool,
    Linear,
    MaxPool,
    Residual,
)
from glassnet.nn.loss import SquaredError
from glassnet.nn.network import Network

__all__ = ["Card", "layer_card"]


@dataclass(frozen=True)
class Card:
    """One layer's card.

    `formula` is the first line of the layer's docstring, `parameters` their shapes by name. `errors` are the largest
    gradient errors of the parameters and of the input by mode, `naive` the largest difference from the reference
    implementation relative to its largest value (None where the layer has none here).
    """

    word: str
    notation: str
    formula: str
    input_shape: tuple[int, ...]
    output_shape: tuple[int, ...]
    parameters: dict[str, tuple[int, ...]]
    flops: int
    errors: dict[str, float]
    naive: float | None
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
        if self.naive is not None:
            rows.append(("fast against naive", f"difference {self.naive:.1e}"))
        rows.append(("verdict", "right" if self.passed else "WRONG"))
        width = max(len(name) for name, _ in rows)
        return "\n".join(f"{name:<{width}}  {text}" for name, text in rows)


def layer_card(word: str, input_shape: tuple[int, ...] = (4, 3, 2), examples: int = 6, seed: int = 0) -> Card:
    """Check one kind of layer on random input and make its card.

    word : a step of a notation, such as ``"linear 5"`` or ``"relu"`` (a bare ``"linear"`` gets 5 units). The layer is
    checked alone, under a squared error against random targets, in float64. Raises `CheckError` for an unknown word
    and `NotationError` for settings that the layer does not take.
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
    naive = _naive_difference(layer, x)
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
        passed=check.passed and (naive is None or naive < 1e-12),
    )


def _naive_difference(layer: Layer, x: Array) -> float | None:
    """Largest difference between the fast forward pass and the reference, relative to the reference's largest value."""
    values = {name: parameter.value for name, parameter in layer.parameters.items()}
    if isinstance(layer, BatchNorm):
        fast = F.batchnorm_forward(x, values["scale"], values["shift"])[0]
        naive = F.batchnorm_forward_naive(x, values["scale"], values["shift"])
    elif isinstance(layer, (Dropout, Flatten, Concat, Residual)):
        return None
    else:
        fast, naive = layer.forward(x), _reference(layer, values, x)
    return float(np.abs(fast - naive).max() / np.abs(naive).max())


def _reference(layer: Layer, values: dict[str, Array], x: Array) -> Array:
    """The layer's output by the naive reference of its operation."""
    if isinstance(layer, Linear):
        return F.affine_forward_naive(x, values["weight"], values["bias"])
    if isinstance(layer, Conv):
        settings: dict[str, Any] = {"stride": layer.stride, "pad": layer.pad, "groups": layer.groups}
        return F.conv2d_forward_naive(x, values["weight"], values.get("bias"), **settings)
    if isinstance(layer, MaxPool):
        return F.max_pool_forward_naive(x, layer.size, stride=layer.stride, pad=layer.pad, ceil=layer.ceil)
    if isinstance(layer, AveragePool):
        settings = {"stride": layer.stride, "pad": layer.pad, "ceil": layer.ceil, "count_pad": layer.count_pad}
        return F.average_pool_forward_naive(x, layer.size, **settings)
    if isinstance(layer, GlobalAveragePool):
        return F.global_average_pool_forward_naive(x)
    reference: Array = getattr(F, f"{layer.word}_forward_naive")(x)
    return reference


def _sizes(shape: tuple[int, ...]) -> str:
    return "x".join(str(size) for size in shape)
