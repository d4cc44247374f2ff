"""What every layer is: parameters, a forward and a backward pass, and the memory that they reuse."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from typing import Any, ClassVar, Literal, NamedTuple, get_args

import numpy as np

from glassnet.errors import ModelError, NotationError
from glassnet.nn.choices import Choices
from glassnet.nn.functional.arrays import Array
from glassnet.nn.functional.workspace import Arena, Workspace
from glassnet.nn.parameter import Parameter
from glassnet.notation import Step, as_whole

__all__ = [
    "KINDS",
    "LARGEST_WEIGHTS",
    "Kind",
    "Layer",
    "Tail",
    "check_numbers",
    "load_state",
    "positive_int",
    "sizes",
    "walk",
]

# Weights that a mistyped notation may ask for by accident are refused before memory is.
LARGEST_WEIGHTS = 2**28

# What a layer is among the layers: how it is drawn, and whether its output is worth a look, are decided by it.
Kind = Literal["affine", "convolution", "normalisation", "activation", "pool", "dropout", "reshape", "composite"]
KINDS: tuple[Kind, ...] = get_args(Kind)


class Tail(NamedTuple):
    """What a layer computes besides its own work, in the same pass; see `glassnet.nn.fusion`.

    Attributes
    ----------
    relu : float
        The ceiling of a ReLU, infinity for the usual one; 0: none.
    pool : bool
        Whether a 2x2 max pool of stride 2 follows.
    norm : callable or None
        Gives slope and offset of each channel, which come first, for the bias that is added before: a batch
        normalisation in use.
    """

    relu: float = 0.0
    pool: bool = False
    norm: Callable[[Array | None], tuple[Array, Array]] | None = None


class Layer:
    """Base of all layers.

    A layer is made with its settings alone; `build` gives it its sizes and parameters. `forward` keeps what
    `backward` needs, so a backward pass belongs to the latest forward pass. Arrays that `forward` returns live in the
    layer's workspace and are overwritten by its next call; gradients that `backward` returns live in the arena that
    all layers of a network share. A `Network` copies what it hands out.

    A new layer gives `word`, `kind`, `forward`, `backward` and `reference`, and whatever else below is not as the base
    has it; CONTRIBUTING.md lists the steps.

    Attributes
    ----------
    word : str
        What it is called in the notation, and in the names of its arrays.
    kind : Kind
        What it is among the layers.
    options : tuple of str
        Words of the options that its notation takes.
    kernel : (str, str)
        What `explain` says where it is the same for every batch.
    sized : bool
        Whether it has a number of outputs of its own (`outputs`), which a last layer may leave to the classes.
    draws : bool
        Whether a training pass draws random numbers.
    output_is_free : bool
        Whether nothing but the next layer reads its output, which may then be overwritten. False is always right.
    recordable : bool
        Whether its pass in evaluation is made of shared kernels' calls and nothing else that looks at numbers, so that
        these calls can be made again in its stead (`glassnet.nn.replay`). A class says so for itself: it does not pass
        on to classes derived from it.

    Examples
    --------
    >>> from glassnet.nn import Layer, Network
    >>> class Double(Layer):
    ...     word, kind = "double", "activation"
    ...     def forward(self, x, *, train=False):
    ...         return 2 * x
    ...     def backward(self, dy, *, input_gradient=True):
    ...         return 2 * dy
    >>> Network([Double()], (2,))(np.array([[1.0, 3.0]]))
    array([[2., 6.]], dtype=float32)
    """

    word: ClassVar[str]
    kind: ClassVar[Kind]
    options: ClassVar[tuple[str, ...]] = ()
    kernel: ClassVar[tuple[str, str]] = ("one pass", "every number is read and written once")
    sized: ClassVar[bool] = False
    draws: ClassVar[bool] = False
    output_is_free: ClassVar[bool] = False
    recordable: ClassVar[bool] = False

    def __init__(self) -> None:
        self.parameters: dict[str, Parameter] = {}
        self.state: dict[str, Array] = {}  # arrays that are saved but not trained: running moments
        self.branches: dict[str, list[Layer]] = {}  # the layers inside, of a composite
        self.input_shape: tuple[int, ...] = ()
        self.output_shape: tuple[int, ...] = ()
        self.dtype: type = np.float32
        self.workspace = Workspace()
        self.arena = Arena()
        self.packed = False  # whether its arrays stay as they are, see `pack`
        self._cache: Any = None  # what the backward pass needs

    # ---- from and to notation

    @classmethod
    def from_step(cls, step: Step) -> Layer:
        """The layer that a step of a notation describes; the step has no branches."""
        positional, _ = step.split(cls.options)
        if positional:
            raise NotationError(f"'{cls.word}' takes no arguments. Got '{step.text}' instead.")
        return cls()

    def notation(self) -> str:
        """This layer as a step of a notation."""
        return self.word

    def __repr__(self) -> str:
        return f"<{self.notation()}: {self.input_shape} -> {self.output_shape}>"

    # ---- sizes and parameters

    def build(
        self, input_shape: tuple[int, ...], rng: np.random.Generator | None, dtype: type, following: str = ""
    ) -> None:
        """Set the sizes and draw the parameters. `following` is the next layer's word (an initialisation may ask).

        Without a generator nothing is drawn, and what the weights hold is undefined: `adopt` comes next.
        """
        self.input_shape = self.output_shape = input_shape
        self.dtype = dtype

    @property
    def outputs(self) -> int | None:
        """The number of outputs of a `sized` layer; None where its notation leaves it out."""
        return None

    @outputs.setter
    def outputs(self, count: int | None) -> None:
        raise NotImplementedError

    def clone(self, dtype: type) -> Layer:
        """A copy in another precision that shares no array with this one."""
        made = self.unbuilt()
        made.dtype = dtype
        made.parameters = {name: parameter.astype(dtype) for name, parameter in self.parameters.items()}
        made.state = {name: array.copy() for name, array in self.state.items()}
        return made

    def unbuilt(self) -> Layer:
        """A layer of the same settings without any array; `build` gives it its own, for an input of any size."""
        made = copy.copy(self)
        made.parameters, made.state = {}, {}
        made.workspace, made.arena = Workspace(), Arena()
        made.packed = False
        made.forget()
        return made

    def adopt(self, other: Layer) -> None:
        """Take the parameters, the state and the memory of a layer of the same settings that has another input size.

        Raises `ModelError` where its parameters are of other sizes: a layer that is bound to the size of its input.
        """
        mine, its = ({**{n: p.value for n, p in x.parameters.items()}, **x.state} for x in (self, other))
        for name, array in mine.items():
            if array.shape != its[name].shape:
                here, there = sizes(self.input_shape), sizes(other.input_shape)
                raise ModelError(
                    f"'{self.notation()}' is bound to inputs of {there}: for {here} its {name} would be"
                    f" {sizes(array.shape)} instead of {sizes(its[name].shape)}."
                )
        self.parameters, self.state, self.workspace = other.parameters, other.state, other.workspace

    def pack(self, packed: bool = True) -> None:
        """Make the arrays read-only, so that what is computed from them alone can be kept; or with False writable."""
        self.packed = packed
        for array in (*(parameter.value for parameter in self.parameters.values()), *self.state.values()):
            array.flags.writeable = not packed

    def share(self, arena: Arena) -> None:
        """Use this arena from now on."""
        self.arena = arena

    def choose(self, choices: Choices) -> None:
        """Take the choices that concern this layer by itself."""

    def set_key(self, key: tuple[int, ...] | None) -> None:
        """Draw random numbers from this key (None: from a generator of the layer's own), where it draws any."""

    def fused_as(self) -> Tail | None:
        """What the layer before may do in the same pass in this one's stead; None where that cannot be."""
        return None

    @property
    def flops(self) -> int:
        """Floating-point operations of one example's forward pass; a multiplication and an addition are two."""
        return int(np.prod(self.output_shape))

    def explain(self, n: int) -> tuple[str, str]:
        """(the kernel that runs for a batch of n, why that one)."""
        return self.kernel

    # ---- the two passes

    def forward(self, x: Array, *, train: bool = False) -> Array:
        """The layer's output for x (n, *input_shape)."""
        raise NotImplementedError

    def reference(self, x: Array, *, train: bool = False) -> Array:
        """What `forward` should give for x, float64, by the naive form of the operation; nothing is kept or changed.

        Random numbers are those that the next `forward` would draw.
        """
        raise NotImplementedError

    def backward(self, dy: Array, *, input_gradient: bool = True) -> Array | None:
        """Write the parameters' gradients and return that of the input (None where it is not asked for)."""
        raise NotImplementedError

    def input_gradient(self, dy: Array) -> Array:
        """The gradient of the input alone, as `backward` gives it; those of the parameters need not be written.

        Layers that save work by it override it.
        """
        dx = self.backward(dy)
        assert dx is not None
        return dx

    def descend(self, dy: Array, rate: float, l2: float, *, input_gradient: bool = True) -> Array | None:
        """`backward`, then a plain step of gradient descent on this layer's parameters.

        Layers whose product can write straight into the weights override it; their gradients are then not stored.
        """
        dx = self.backward(dy, input_gradient=input_gradient)
        for parameter in self.parameters.values():
            if parameter.decays and l2:
                parameter.value *= 1 - rate * l2
            parameter.value -= rate * parameter.grad
        return dx

    def kink_signature(self) -> list[Array]:
        """Which smooth piece of the layer the latest forward pass used: on two sides of a kink it differs.

        A difference quotient across a kink is not a derivative; by this a gradient check knows that it crossed one. A
        ReLU gives the signs, a max pool the winners' places; smooth layers give nothing.
        """
        return []

    # ---- memory

    def forget(self) -> None:
        """Drop what the latest forward pass left behind for a backward pass."""
        self._cache = None

    def _output(self, n: int, name: str = "y", shape: tuple[int, ...] | None = None) -> Array:
        """Memory for the output of n examples: kept for the backward pass, or the arena's where there will be none."""
        shape = (n, *(self.output_shape if shape is None else shape))
        return self.workspace.get(name, shape, self.dtype) if self.arena.keep else self.arena.take(shape, self.dtype)

    def _gradient(self, n: int) -> Array:
        """Memory for the gradient of n inputs."""
        return self.arena.take((n, *self.input_shape), self.dtype)


def walk(layers: Sequence[Layer], prefix: str = "") -> Iterator[tuple[str, Layer]]:
    """Every layer with its name, `<position>.<word>` from 1; those inside a composite follow it."""
    for position, layer in enumerate(layers, start=1):
        name = f"{prefix}{position}.{layer.word}"
        yield name, layer
        for branch, inside in layer.branches.items():
            yield from walk(inside, f"{name}.{branch}.")


def positive_int(value: str | int, what: str) -> int:
    """A whole number from 1 to a hundred million, or `NotationError`."""
    number = as_whole(value)
    if number is None or not 1 <= number <= 100_000_000:
        raise NotationError(f"{what} must be a whole number from 1 to 100,000,000. Got '{value}' instead.")
    return number


def sizes(shape: tuple[int, ...], joint: str = "x") -> str:
    """A shape as text: 32x32x3."""
    return joint.join(str(size) for size in shape)


def load_state(layer: Layer, arrays: dict[str, Array]) -> None:
    """Put saved parameters and state into a built layer. Raises `ModelError` where names or shapes differ."""
    slots = {**{name: p.value for name, p in layer.parameters.items()}, **layer.state}
    if set(arrays) != set(slots):
        raise ModelError(f"'{layer.notation()}' needs the arrays {sorted(slots)}. Got {sorted(arrays)} instead.")
    for name, slot in slots.items():
        if arrays[name].shape != slot.shape:
            raise ModelError(f"'{layer.notation()}' needs a {name} of {slot.shape}. Got {arrays[name].shape} instead.")
        check_numbers(name, arrays[name], slot.dtype, f"The {name} of '{layer.notation()}' has values")
    for name, slot in slots.items():
        slot[...] = arrays[name]


def check_numbers(name: str, array: Array, dtype: np.dtype[Any], owner: str) -> None:
    """Raise `ModelError` where saved numbers cannot be a network's: of another type than floating point, not finite
    (in the precision they are brought to), or a running variance below 0.
    """
    if array.dtype.kind != "f":
        raise ModelError(f"{owner} of the type {array.dtype}; the numbers of a network are floating point (F32).")
    with np.errstate(over="ignore"):
        values = array.astype(dtype, copy=False)
    if not np.isfinite(values).all():
        raise ModelError(f"{owner} that are not finite numbers; use another copy, or train again at a lower rate.")
    if name.rpartition(".")[2] in ("variance", "running_var") and (values < 0).any():
        raise ModelError(f"{owner} below 0, which no variance is; use another copy.")
