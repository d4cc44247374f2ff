"""A network: layers in a row, from one line of notation or from layer objects."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import numpy as np

from glassnet import threads
from glassnet.errors import GlassnetError, ModelError, NotationError, nearest
from glassnet.nn.functional.arrays import Array, as_float
from glassnet.nn.layer import Layer
from glassnet.nn.layers import LAYERS, Dropout, Linear, load_state
from glassnet.nn.parameter import Parameter
from glassnet.nn.zoo import expand
from glassnet.notation import parse

__all__ = ["Network"]


class Network:
    """Layers in a row.

    Parameters
    ----------
    layers : a notation such as ``"linear 64 -> relu -> linear 10"``, the name of a known network (``"two-layer"``), or
        a list of layers that are not built yet
    input_shape : shape of one example, (H, W, C) or (D,)
    classes : size of a last `linear` that names none
    seed : seed of the starting weights
    dtype : np.float32 (training) or np.float64 (checks)

    Raises
    ------
    NotationError
        The notation is not understood or a layer does not fit the one before it.

    Examples
    --------
    >>> network = Network("linear 64 -> relu -> linear 10", input_shape=(28, 28, 1))
    >>> network.forward(np.zeros((5, 28, 28, 1))).shape
    (5, 10)
    """

    def __init__(
        self,
        layers: str | Sequence[Layer],
        input_shape: Sequence[int],
        classes: int | None = None,
        *,
        seed: int = 0,
        dtype: Any = np.float32,
    ) -> None:
        self.input_shape = tuple(int(size) for size in input_shape)
        if not self.input_shape or min(self.input_shape) < 1:
            raise NotationError(f"input_shape must hold positive sizes, as in (28, 28, 1). Got {tuple(input_shape)}.")
        self.dtype = np.dtype(dtype).type
        if self.dtype not in (np.float32, np.float64):
            raise NotationError(f"dtype must be float32 or float64. Got {np.dtype(dtype)} instead.")
        self.layers = _layers_from(layers, classes) if isinstance(layers, str) else list(layers)
        if not self.layers:
            raise NotationError("A network needs at least one layer.")
        _size_last_linear(self.layers, classes)
        rng = np.random.default_rng(seed)
        shape = self.input_shape
        words = [layer.word for layer in self.layers] + [""]
        for layer, following in zip(self.layers, words[1:], strict=True):
            layer.build(shape, rng, self.dtype, following)
            shape = layer.output_shape
        self.output_shape = shape

    # ---- what it is made of

    def notation(self) -> str:
        """This network in arrow notation, with every size written out."""
        return " -> ".join(layer.notation() for layer in self.layers)

    def parameters(self) -> dict[str, Parameter]:
        """The trained arrays by name, `<position>.<word>.<array>` with positions from 1."""
        return {
            f"{position}.{layer.word}.{name}": parameter
            for position, layer in enumerate(self.layers, start=1)
            for name, parameter in layer.parameters.items()
        }

    def arrays(self) -> dict[str, Array]:
        """Everything that a model file keeps: trained arrays and state (running moments), by name, not copied."""
        arrays = {name: parameter.value for name, parameter in self.parameters().items()}
        for position, layer in enumerate(self.layers, start=1):
            arrays |= {f"{position}.{layer.word}.{name}": array for name, array in layer.state.items()}
        return arrays

    def load_arrays(self, arrays: dict[str, Array]) -> None:
        """Copy arrays in that `arrays()` of a network of the same notation gave. Raises `ModelError`."""
        left = set(arrays)
        for position, layer in enumerate(self.layers, start=1):
            prefix = f"{position}.{layer.word}."
            mine = {name: array for name, array in arrays.items() if name.startswith(prefix)}
            load_state(layer, {name.removeprefix(prefix): array for name, array in mine.items()})
            left -= set(mine)
        if left:
            raise ModelError(f"The network '{self.notation()}' has no place for the arrays {sorted(left)}.")

    def astype(self, dtype: Any) -> Network:
        """A copy in another precision; checks use np.float64."""
        twin = copy.copy(self)
        twin.dtype = np.dtype(dtype).type
        twin.layers = []
        for layer in self.layers:
            clone = copy.copy(layer)
            clone.state = {name: array.copy() for name, array in layer.state.items()}
            clone.astype(twin.dtype)
            twin.layers.append(clone)
        return twin

    @property
    def size(self) -> int:
        """Number of trained numbers."""
        return sum(parameter.value.size for parameter in self.parameters().values())

    @property
    def flops(self) -> int:
        """Floating-point operations of one example's forward pass."""
        return sum(layer.flops for layer in self.layers)

    def __str__(self) -> str:
        """A table: layer, output shape, parameters, FLOPs."""
        rows = [("", "layer", "output", "parameters", "FLOPs"), ("", "input", _sizes(self.input_shape), "", "")]
        for position, layer in enumerate(self.layers, start=1):
            size = sum(parameter.value.size for parameter in layer.parameters.values())
            rows.append((str(position), layer.notation(), _sizes(layer.output_shape), f"{size:,}", f"{layer.flops:,}"))
        rows.append(("", "total", "", f"{self.size:,}", f"{self.flops:,}"))
        widths = [max(len(row[i]) for row in rows) for i in range(5)]
        lines = [
            f"{a:>{widths[0]}}  {b:<{widths[1]}}  {c:>{widths[2]}}  {d:>{widths[3]}}  {e:>{widths[4]}}".rstrip()
            for a, b, c, d, e in rows
        ]
        rule = "-" * max(len(line) for line in lines)
        return "\n".join([lines[0], rule, *lines[1:-1], rule, lines[-1]])

    def __repr__(self) -> str:
        return f"<Network {_sizes(self.input_shape)} -> {self.notation()}>"

    # ---- the two passes

    def forward(self, x: Array, *, train: bool = False) -> Array:
        """Scores (n, k) for examples x (n, *input_shape), as a new array.

        `train=True` turns dropout on and normalises by the batch's own moments; evaluation is the default.
        """
        x = as_float(x).astype(self.dtype, copy=False)
        if x.shape[1:] != self.input_shape or len(x) == 0:
            raise GlassnetError(
                f"This network takes examples as an array of shape (n, {_sizes(self.input_shape, ', ')}), n at least 1."
                f" Got an array of {x.shape} instead."
            )
        with threads.single_blas_thread():
            return self.run(x, train=train).copy()

    def run(self, x: Array, *, train: bool = False) -> Array:
        """`forward` without checks and copies, for training loops: the result is overwritten by the next call."""
        for layer in self.layers:
            x = layer.forward(x, train=train)
        return x

    def backward(self, dscores: Array, *, input_gradient: bool = False) -> Array | None:
        """Write every parameter's gradient for the latest forward pass, given that of its scores.

        Gradients are written, not added up: a second call gives the same. The input's gradient (n, *input_shape) is
        computed only when asked for, and returned as a new array.
        """
        with threads.single_blas_thread():
            dx = self.run_backward(dscores, input_gradient=input_gradient)
        return dx.reshape(-1, *self.input_shape).copy() if input_gradient and dx is not None else None

    def run_backward(self, dscores: Array, *, input_gradient: bool = False) -> Array | None:
        """`backward` without checks and copies."""
        grad: Array | None = dscores
        first = 0 if input_gradient else self._first_trained
        for position in range(len(self.layers) - 1, first - 1, -1):
            assert grad is not None
            grad = self.layers[position].backward(grad, input_gradient=input_gradient or position > first)
        return grad

    def run_descent(self, dscores: Array, rate: float, l2: float = 0.0) -> None:
        """Backward pass and a step of plain gradient descent in one; weight gradients are not stored."""
        grad: Array | None = dscores
        first = self._first_trained
        for position in range(len(self.layers) - 1, first - 1, -1):
            assert grad is not None
            grad = self.layers[position].descend(grad, rate, l2, input_gradient=position > first)

    @property
    def _first_trained(self) -> int:
        """Position of the first layer with parameters: no gradient is needed below it."""
        for position, layer in enumerate(self.layers):
            if layer.parameters:
                return position
        return len(self.layers)

    def set_dropout_key(self, key: tuple[int, ...] | None) -> None:
        """Draw all dropout masks from `key` and the layer's position (None: from the layers' own generators)."""
        for position, layer in enumerate(self.layers, start=1):
            if isinstance(layer, Dropout):
                layer.key = None if key is None else (*key, position)


def _layers_from(text: str, classes: int | None) -> list[Layer]:
    layers = []
    for step in parse(expand(text), "network"):
        kind = LAYERS.get(step.word)
        if kind is None:
            raise NotationError(
                f"Unknown layer '{step.word}' in '{step.text}'.{nearest(step.word, LAYERS)} Known: {', '.join(LAYERS)}."
            )
        layers.append(kind.from_step(step, classes))
    return layers


def _size_last_linear(layers: list[Layer], classes: int | None) -> None:
    """Give a last `linear` without units the number of classes."""
    linear = [layer for layer in layers if isinstance(layer, Linear)]
    for layer in linear[:-1]:
        if layer.units is None:
            raise NotationError("Only the last 'linear' may leave its number of units out (it takes the classes).")
    if linear and linear[-1].units is None:
        linear[-1].units = classes


def _sizes(shape: tuple[int, ...], joint: str = "x") -> str:
    return joint.join(str(size) for size in shape)
