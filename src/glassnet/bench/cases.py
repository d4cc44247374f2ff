"""What is timed: a network, its batch, and how it is trained or used."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from glassnet.errors import Fix, RecipeError, nearest
from glassnet.files import exists
from glassnet.model import Model
from glassnet.nn import Network
from glassnet.nn.build import layers_from
from glassnet.nn.functional.arrays import Array
from glassnet.nn.layers import LAYERS
from glassnet.nn.named import NAMED, NamedNetwork
from glassnet.nn.shorthands import SHORTHANDS
from glassnet.optim import OPTIMIZERS
from glassnet.text import shorten

__all__ = ["DEFAULTS", "KNOWN", "THREE_CONVOLUTIONS", "Case", "cases_for", "make_batches"]

Mode = Literal["train", "infer"]
_MODES = ("train", "infer")
_MOST_BATCHES = 20  # different batches that are stepped through, fewer where they are large
_MOST_BYTES = 64 * 2**20
_TIMED_LOSS = {"classification": "softmax-cross-entropy", "reconstruction": "squared-error"}  # of a model, by its task


@dataclass(frozen=True)
class Case:
    """A network and how it is trained or used.

    Attributes
    ----------
    name : str
        What it is called in tables.
    network : str
        Notation or known name.
    input_shape : (H, W, C) or (D,)
    classes : int
        Outputs of a last layer that names none.
    batch : int
        Examples per step.
    optimizer : str
        sgd, momentum, nesterov, rmsprop, adam or adamw; learning rate 1e-3.
    mode : Mode
        'train' (whole training steps) or 'infer' (scores in evaluation mode).
    loss : str
        softmax-cross-entropy, or squared-error against the input itself.

    Examples
    --------
    >>> from glassnet.bench import Case
    >>> case = Case("small", "linear 8 -> relu -> linear", (4,), classes=3, batch=16, optimizer="adam")
    >>> case.task, case.build().output_shape
    ('training, adam', (3,))
    """

    name: str
    network: str
    input_shape: tuple[int, ...]
    classes: int = 10
    batch: int = 64
    optimizer: str = "sgd"
    mode: Mode = "train"
    loss: str = "softmax-cross-entropy"

    def __post_init__(self) -> None:
        object.__setattr__(self, "input_shape", tuple(self.input_shape))  # JSON knows lists alone
        if self.mode not in _MODES:
            raise RecipeError(f"mode must be train or infer. Got '{self.mode}' instead.{nearest(self.mode, _MODES)}")
        if self.optimizer not in OPTIMIZERS:
            raise RecipeError(
                f"optimizer must be one of {', '.join(OPTIMIZERS)}. Got '{self.optimizer}' instead."
                f"{nearest(self.optimizer, OPTIMIZERS)}"
            )
        numbers = self.batch * math.prod(self.input_shape)
        if self.batch < 1 or numbers > 2**28:
            raise RecipeError(f"A batch of {self.batch} examples is {numbers:,} numbers; at most 2^28 are taken.")

    def build(self) -> Network:
        """The network, float32. Raises `NotationError`."""
        return Network(self.network, self.input_shape, self.classes)

    @property
    def task(self) -> str:
        """How it is trained or used, in a few words."""
        return "inference" if self.mode == "infer" else f"training, {self.optimizer}"

    def flops(self, network: Network) -> int:
        """Floating-point operations of a step: a training step counts as three forward passes."""
        return network.flops * self.batch * (1 if self.mode == "infer" else 3)


def make_batches(case: Case) -> tuple[Array, Array]:
    """(batches (k, batch, *input_shape) float32, targets: labels (k, batch), or the rows themselves to be rebuilt)."""
    rng = np.random.default_rng(0)
    size = 4 * case.batch * math.prod(case.input_shape)
    count = max(2, min(_MOST_BATCHES, _MOST_BYTES // size))
    x = rng.random((count, case.batch, *case.input_shape), np.float32)
    if case.loss == "squared-error":
        return x, x.reshape(count, case.batch, -1)
    classes = case.build().output_shape[0]
    return x, rng.integers(0, classes, (count, case.batch))


THREE_CONVOLUTIONS = (
    "conv-relu-pool 3x3, 64, pad 1 -> conv-relu-pool 3x3, 128, pad 1 -> conv-relu-pool 3x3, 256, pad 1"
    " -> flatten -> linear"
)


def _cases_of(named: NamedNetwork) -> tuple[Case, ...]:
    """The cases of a named network: as it is usually used."""
    use = named.use
    mode: Mode = "train" if use.trains else "infer"
    return tuple(
        Case(named.name, named.name, use.input_shape, use.classes, batch, use.optimizer, mode, use.loss)
        for batch in use.batches
    )


# Networks that need no sizes: their cases by name. Two are of this benchmark alone.
KNOWN: dict[str, tuple[Case, ...]] = {
    "mlp-784-1024-10": (Case("mlp-784-1024-10", "linear 1024 -> relu -> linear", (784,), optimizer="adam"),),
    "three-convolutions": (Case("three-convolutions", THREE_CONVOLUTIONS, (32, 32, 3)),),
    **{name: _cases_of(named) for name, named in NAMED.items()},
}
DEFAULTS = ("mlp-784-1024-10", "digits-convnet", "small-convnet", "three-convolutions", "squeezenet-1.1")


def cases_for(
    networks: Sequence[str] = (),
    *,
    input_shape: tuple[int, ...] | None = None,
    classes: int | None = None,
    batch: int | None = None,
    optimizer: str | None = None,
    mode: str | None = None,
) -> list[Case]:
    """The cases that networks stand for: known names, notations (with `input_shape`) or model files; none: `DEFAULTS`.

    What is given replaces what a case would have by itself. Raises `GlassnetError` for whatever does not fit.

    Examples
    --------
    >>> from glassnet.bench import cases_for
    >>> [case.name for case in cases_for(["mlp-784-1024-10"], batch=16)]
    ['mlp-784-1024-10']
    >>> cases_for(["linear 8 -> relu -> linear"], input_shape=(4,), mode="infer")[0].batch
    16
    """
    given: dict[str, Any] = {
        name: value
        for name, value in {
            "input_shape": input_shape, "classes": classes, "batch": batch, "optimizer": optimizer, "mode": mode,
        }.items()
        if value is not None
    }  # fmt: skip
    found: list[Case] = []
    for network in networks or DEFAULTS:
        for case in _cases(network, given):
            changed = replace(case, **given)
            changed.build()
            if changed not in found:
                found.append(changed)
    return found


def _cases(network: str, given: dict[str, Any]) -> tuple[Case, ...]:
    """The cases of one network before anything is replaced."""
    key = network.strip().lower()
    if key in KNOWN:
        return KNOWN[key]
    batch = 16 if given.get("mode") == "infer" else 64
    if exists(network):
        model = Model.load(network)
        loss = _TIMED_LOSS[model.loss.task]
        shape, outputs = model.network.input_shape, model.network.output_shape[0]
        return (Case(_short(network), model.network.notation(), shape, outputs, batch, loss=loss),)
    known = (*LAYERS, *SHORTHANDS)
    if len(network.split()) == 1 and key not in known and (hint := nearest(key, KNOWN)):
        raise RecipeError(f"There is no network named '{_short(network)}'.{hint} Known: {', '.join(KNOWN)}.")
    shape = given.get("input_shape", (1, 1, 1))
    case = Case(_short(network), network, shape, batch=batch)
    if "input_shape" not in given:
        layers_from(network)  # a mistyped word is the error to name first
        raise RecipeError(
            f"The sizes of one example for '{_short(network)}' are not known.", Fix.GIVE_INPUT_SHAPE, example="32x32x3"
        )
    return (case,)


def _short(text: str) -> str:
    return shorten(text, 40, "...")
