"""A network: layers in a row, from one line of notation or from layer objects."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from glassnet import display, threads
from glassnet.errors import GlassnetError, ModelError, NotationError, nearest
from glassnet.nn.build import layers_from
from glassnet.nn.chain import Chain
from glassnet.nn.choices import Choices
from glassnet.nn.functional.arrays import Array, as_float
from glassnet.nn.functional.workspace import Arena
from glassnet.nn.layer import Layer, load_state, positive_int, sizes
from glassnet.nn.parameter import Parameter
from glassnet.nn.plan import Plan, make_plan
from glassnet.nn.replay import Replays
from glassnet.notation import as_whole
from glassnet.text import Shown, columns, ruled, shorten

__all__ = ["Network"]


class Network:
    """Layers in a row.

    Threads may share a network: calls of `forward`, `infer`, `activations` and `backward` are made one after the other.
    A backward pass is that of the latest forward pass, whoever made it: a thread that needs both together holds
    `network.turn` (``with network.turn: ...``) over the two. Training is for one thread alone.

    Parameters
    ----------
    layers : str or list of Layer
        A notation such as ``"conv 5x5, 32 -> relu -> maxpool 2x2 -> flatten -> linear 10"``, the name of a known
        network (``"two-layer"``, ``"resnet-18"``), or a list of layers that are not built yet.
    input_shape : sequence of int
        Shape of one example, (H, W, C) or (D,).
    classes : int, optional
        Size of a last `linear` or `conv` that names none.
    seed : int or None
        Seed of the starting weights; with None nothing is drawn, and what they hold is undefined.
    dtype : np.float32 or np.float64
        np.float32 (training) or np.float64 (checks).

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
        seed: int | None = 0,
        dtype: Any = np.float32,
    ) -> None:
        shape = [as_whole(size) for size in input_shape]
        self.input_shape = tuple(size for size in shape if size is not None and size >= 1)
        if not shape or len(self.input_shape) != len(shape):
            raise NotationError(
                f"input_shape must hold positive whole sizes, as in (28, 28, 1). Got {tuple(input_shape)}."
            )
        if classes is not None:
            classes = positive_int(classes, "The number of classes")
        self.dtype = np.dtype(dtype).type
        if self.dtype not in (np.float32, np.float64):
            raise NotationError(f"dtype must be float32 or float64. Got {np.dtype(dtype)} instead.")
        self.chain = Chain(layers_from(layers) if isinstance(layers, str) else list(layers))
        if not self.chain.layers:
            raise NotationError("A network needs at least one layer.")
        _size_last(self, classes)
        rng = None if seed is None else np.random.default_rng(seed)
        self.output_shape = self.chain.build(self.input_shape, rng, self.dtype)
        self.choices = Choices()
        self._start()

    def _start(self) -> None:
        self.turn = threads.Turn()  # layers and arena hold what a pass is about, so passes take turns
        self.arena = Arena()
        self.chain.share(self.arena)
        self.chain.plan(self.choices)
        self._sized: dict[tuple[int, ...], Network] = {}
        self._replays = Replays(self.chain)

    # ---- what it is made of

    @property
    def layers(self) -> list[Layer]:
        """The layers as written; those of a composite are in its `branches`."""
        return self.chain.layers

    def walk(self) -> Iterator[tuple[str, Layer]]:
        """Every layer with its name, `<position>.<word>` from 1; those inside a composite follow it."""
        return self.chain.walk()

    def notation(self) -> str:
        """This network in arrow notation, with every size written out."""
        return self.chain.notation()

    def parameters(self) -> dict[str, Parameter]:
        """The trained arrays by name, `<position>.<word>.<array>` with positions from 1."""
        return self.chain.parameters()

    def arrays(self) -> dict[str, Array]:
        """Everything that a model file keeps: trained arrays and state (running moments), by name, not copied."""
        return {name: parameter.value for name, parameter in self.parameters().items()} | self.chain.state()

    def load_arrays(self, arrays: dict[str, Array]) -> None:
        """Copy arrays in that `arrays()` of a network of the same notation gave. Raises `ModelError`."""
        left = set(arrays)
        self.unpack()
        with self.turn:
            for position, layer in enumerate(self.layers, start=1):
                prefix = f"{position}.{layer.word}."
                mine = {name: array for name, array in arrays.items() if name.startswith(prefix)}
                load_state(layer, {name.removeprefix(prefix): array for name, array in mine.items()})
                left -= set(mine)
        if left:
            raise ModelError(f"The network '{self.notation()}' has no place for the arrays {sorted(left)}.")

    def astype(self, dtype: Any) -> Network:
        """A copy in another precision; checks use np.float64."""
        made = copy.copy(self)
        made.dtype = np.dtype(dtype).type
        made.chain = self.chain.clone(made.dtype)
        made._start()
        return made

    def part(self, start: int, stop: int | None = None) -> Network:
        """The layers at positions start ... stop - 1, from 0, as a network; the weights are those of this one.

        The two take turns, and a backward pass of the part is that of its own latest forward pass as long as the whole
        has not run since.
        """
        made = copy.copy(self)
        made.chain = self.chain.part(start, stop, self.choices)
        made._replays = Replays(made.chain, 0)
        before = self.layers[:start]
        made.input_shape = before[-1].output_shape if before else self.input_shape
        made.output_shape = made.layers[-1].output_shape if made.layers else made.input_shape
        return made

    def at(self, input_shape: Sequence[int]) -> Network:
        """This network for examples of another size: the same layers, with the same arrays, not copied.

        A network of convolutions and pools has no size of its own, so one that was trained on pictures of 32 x 64
        scores lines of 32 x 640 as well. The two take turns, and a backward pass of either is that of the latest
        forward pass of both. What is made for a size is kept.

        Parameters
        ----------
        input_shape : sequence of int
            Shape of one example.

        Raises
        ------
        NotationError
            A layer does not fit the one before it at this size.
        ModelError
            A layer's weights are bound to the size of its input, as those of `linear` after `flatten` are.

        Examples
        --------
        >>> network = Network("conv 3x3, 8, pad 1 -> relu -> conv 1x1, 3", (16, 16, 1))
        >>> network.at((16, 40, 1)).infer(np.zeros((2, 16, 40, 1))).shape
        (2, 16, 40, 3)
        """
        shape = tuple(input_shape)
        if shape == self.input_shape:
            return self
        with self.turn:
            if shape not in self._sized:
                self._sized[shape] = self._at(shape)
            return self._sized[shape]

    def _at(self, shape: tuple[int, ...]) -> Network:
        made = copy.copy(self)
        made.input_shape, made.chain = shape, self.chain.unbuilt()
        made.output_shape = made.chain.build(shape, None, self.dtype)
        made.chain.adopt(self.chain)
        if any(layer.packed for layer in self.layers):
            made.chain.pack(True)
        made.chain.share(self.arena)
        made.chain.plan(self.choices)
        made._replays = Replays(made.chain, 0)
        return made

    def choose(self, **choices: bool) -> Network:
        """Turn fast ways off or on (`fuse_relu`, `fuse_norm`, `winograd`, ...; see `Choices`); return the network."""
        unknown = set(choices) - set(vars(self.choices))
        if unknown:
            known = ", ".join(vars(self.choices))
            raise GlassnetError(f"There is no choice named {', '.join(sorted(unknown))}. Known: {known}.")
        with self.turn:
            self.choices = replace(self.choices, **choices)
            self.chain.plan(self.choices)
            self._sized.clear()
            self._replays = Replays(self.chain)
        return self

    def pack(self) -> Network:
        """Lay the weights out as the kernels read them, once, for many passes of few examples; return the network.

        All arrays are read-only until `unpack`, which a training calls by itself. Convolutions take twice the memory.

        Examples
        --------
        >>> network = Network("conv 1x1, 32 -> linear 5", (8, 8, 16)).pack()
        >>> network.parameters()["1.conv.weight"].value.flags.writeable
        False
        """
        return self._pack(True)

    def unpack(self) -> Network:
        """Undo `pack`: the weights may change; return the network."""
        return self._pack(False)

    def _pack(self, packed: bool) -> Network:
        with self.turn:
            if any(layer.packed != packed for layer in self.layers):
                self.chain.pack(packed)
                self._sized.clear()
                self._replays = Replays(self.chain)
        return self

    def plan(self, batch: int = 1) -> Plan:
        """Which kernel runs where for a batch of this size, and why; print it."""
        return make_plan(self.chain, self.choices, batch, self.dtype)

    @property
    def size(self) -> int:
        """Number of trained numbers."""
        return sum(parameter.value.size for parameter in self.parameters().values())

    @property
    def flops(self) -> int:
        """Floating-point operations of one example's forward pass."""
        return sum(layer.flops for layer in self.layers)

    @property
    def nbytes(self) -> int:
        """Memory held for activations, gradients on their way and scratch space, in bytes."""
        return self.arena.nbytes + self._replays.nbytes + sum(layer.workspace.nbytes for _, layer in self.walk())

    def summary(self) -> str:
        """A table of the layers, as `print(network)` shows it: output shape, parameters, FLOPs."""
        return Shown(ruled(columns(self._rows(), sides="><>>>"), foot=1))

    def _rows(self) -> list[tuple[str, ...]]:
        rows: list[tuple[str, ...]] = [("", "layer", "output", "parameters", "FLOPs")]
        rows.append(("", "input", sizes(self.input_shape), "", ""))
        for name, layer in self.walk():
            place, depth = name.rsplit(".", 1)[0], name.count(".") // 3
            if depth:
                place = ""
            size = sum(parameter.value.size for parameter in layer.parameters.values())
            written = "  " * depth + (f"{layer.word} of" if layer.branches else layer.notation())
            rows.append((place, written, sizes(layer.output_shape), f"{size:,}", f"{layer.flops:,}"))
        rows.append(("", "total", "", f"{self.size:,}", f"{self.flops:,}"))
        return rows

    def __str__(self) -> str:
        return str(self.summary())

    def __repr__(self) -> str:
        return f"<Network {sizes(self.input_shape)} -> {shorten(self.notation(), 400)}>"

    def _repr_html_(self) -> str:
        return display.table(self._rows())

    # ---- the two passes

    def forward(self, x: Array, *, train: bool = False) -> Array:
        """Scores (n, k) for examples x (n, *input_shape), as a new array.

        `train=True` turns dropout on and normalises by the batch's own moments; evaluation is the default.
        """
        x = self._checked(x)
        with self.turn, threads.single_blas_thread():
            return self.run(x, train=train).copy()

    def infer(self, x: Array) -> Array:
        """Scores (n, k) in evaluation mode, with no more memory than the largest layers need.

        Nothing is kept for a backward pass; `forward` keeps it.
        """
        x = self._checked(x)
        with threads.single_blas_thread():
            return self.run_inference(x)

    def __call__(self, x: Array) -> Array:
        """`infer`: scores (n, k) in evaluation mode of examples x (n, *input_shape), preprocessed already.

        A `Model` is given pixels; it preprocesses them and names the classes.
        """
        return self.infer(x)

    def activations(self, x: Array) -> dict[str, Array]:
        """The output of every layer for x (n, *input_shape) in evaluation mode, by the layer's name, as new arrays."""
        kept: dict[str, Array] = {}
        x = self._checked(x)
        with self.turn, threads.single_blas_thread():
            for position, layer in enumerate(self.layers, start=1):
                x = layer.forward(x)
                kept[f"{position}.{layer.word}"] = x.copy()
        return kept

    def _checked(self, x: Array) -> Array:
        x = as_float(x).astype(self.dtype, copy=False)
        if x.shape[1:] != self.input_shape or len(x) == 0:
            raise GlassnetError(
                f"This network takes examples as an array of shape (n, {sizes(self.input_shape, ', ')}), n at least 1."
                f" Got an array of {x.shape} instead."
            )
        return x

    def run(self, x: Array, *, train: bool = False) -> Array:
        """`forward` without checks and copies, for training loops: the result is overwritten by the next call."""
        return self.chain.run(x, train=train)

    def run_inference(self, x: Array) -> Array:
        """`infer` without checks; the result is a new array."""
        with self.turn:
            self.arena.keep = False
            try:
                replayed = self._replays.scores(x)
                if replayed is not None:
                    return replayed
                return self.chain.run_in_use(x)
            finally:
                self.arena.keep = True

    def backward(self, dscores: Array, *, input_gradient: bool = False) -> Array | None:
        """Write every parameter's gradient for the latest forward pass, given that of its scores.

        Gradients are written, not added up: a second call gives the same. The input's gradient (n, *input_shape) is
        computed only when asked for, and returned as a new array.
        """
        with self.turn, threads.single_blas_thread():
            dx = self.run_backward(dscores, input_gradient=input_gradient)
            if dx is None:
                return None
            result = dx.reshape(-1, *self.input_shape).copy()
            self.arena.release(dx)
        return result

    def input_gradient(self, x: Array, dscores: Callable[[Array], Array]) -> tuple[Array, Array]:
        """Scores (n, k) of x (n, *input_shape) in evaluation mode, and the gradient of x, as new arrays.

        dscores is called with the scores and gives their gradient (n, k). Nothing can come between the two passes, so
        threads may share the network. Gradients of parameters are left undefined.
        """
        x = self._checked(x)
        with self.turn, threads.single_blas_thread():
            scores = self.run(x).copy()
            dx = self.chain.run_input_gradient(dscores(scores))
            result = dx.reshape(x.shape).copy()
            self.arena.release(dx)
        return scores, result

    def output_at(self, layer: str, x: Array) -> Array:
        """The output of one of the network's own layers, by its name (`"2.relu"`), for x (n, *input_shape) in
        evaluation mode, as a new array. Raises `GlassnetError` where there is no such layer.
        """
        head, _ = self._cut(layer)
        x = self._checked(x)
        with self.turn, threads.single_blas_thread():
            return head.run(x).copy()

    def gradient_at(self, layer: str, x: Array, dscores: Callable[[Array], Array]) -> tuple[Array, Array, Array]:
        """Scores (n, k) of x in evaluation mode, the output of one layer, and that output's gradient.

        Parameters
        ----------
        layer : str
            One of the network's own layers by its name, as `activations` has it: `"2.relu"`.
        x : (n, *input_shape) array
            Examples.
        dscores : callable
            Called with the scores; gives their gradient (n, k).

        Returns
        -------
        scores, output, gradient : arrays
            (n, k), and twice (n, *the layer's output_shape), as new arrays. Gradients of parameters are left undefined.

        Raises
        ------
        GlassnetError
            There is no such layer, or x has another shape.
        """
        head, tail = self._cut(layer)
        x = self._checked(x)
        with self.turn, threads.single_blas_thread():
            output = head.run(x).copy()
            scores = tail.run(output.copy()).copy()  # layers may write over their input
            dy = tail.run_input_gradient(dscores(scores))
            gradient = dy.reshape(output.shape).copy()
            self.arena.release(dy)
        return scores, output, gradient

    def _cut(self, name: str) -> tuple[Chain, Chain]:
        """The layers up to and with the one of that name, and those after it."""
        position = self.position_of(name)
        return self.chain.part(0, position, self.choices), self.chain.part(position, None, self.choices)

    def position_of(self, name: str) -> int:
        """The position, from 1, of one of the network's own layers. Raises `GlassnetError` where there is none."""
        names = [f"{position}.{layer.word}" for position, layer in enumerate(self.layers, start=1)]
        if name not in names:
            raise GlassnetError(
                f"The network has no layer '{name}'.{nearest(name, names)} Its layers: {', '.join(names)}."
            )
        return names.index(name) + 1

    def run_backward(self, dscores: Array, *, input_gradient: bool = False) -> Array | None:
        """`backward` without checks and copies."""
        return self.chain.run_backward(dscores, input_gradient=input_gradient)

    def run_descent(self, dscores: Array, rate: float, l2: float = 0.0) -> None:
        """Backward pass and a step of plain gradient descent in one; weight gradients are not stored."""
        self.chain.run_descent(dscores, rate, l2)

    def set_dropout_key(self, key: tuple[int, ...] | None) -> None:
        """Draw all dropout masks from `key` and the layer's place (None: from the layers' own generators)."""
        for place, (_, layer) in enumerate(self.walk(), start=1):
            layer.set_key(None if key is None else (*key, place))


def _size_last(network: Network, classes: int | None) -> None:
    """Give a last layer without a size the number of classes."""
    sized = [layer for _, layer in network.walk() if layer.sized]
    for layer in sized[:-1]:
        if layer.outputs is None:
            raise NotationError(
                f"Only the last layer may leave its size out (it takes the classes); '{layer.notation()}' is not."
            )
    if sized and sized[-1].outputs is None:
        sized[-1].outputs = classes
