"""Optimisers. With g the gradient of the objective (its L2 term included) and r the learning rate, a step does:

    sgd        w <- w - r g
    momentum   v <- mu v + g,  w <- w - r v                                    (Polyak 1964)
    nesterov   v <- mu v + g,  w <- w - r (g + mu v)                           (Sutskever et al. 2013)
    rmsprop    s <- d s + (1 - d) g^2,  w <- w - r g / sqrt(s + eps)           (Tieleman and Hinton 2012)
               eps_inside=False: w <- w - r g / (sqrt(s) + eps)
    adam       m <- b1 m + (1 - b1) g,  v <- b2 v + (1 - b2) g^2               (Kingma and Ba 2015, algorithm 1)
               w <- w - r m' / (sqrt(v') + eps)  with m' = m / (1 - b1^t), v' = v / (1 - b2^t)
    adamw      adam, and w <- (1 - r decay) w first, on weights alone          (Loshchilov and Hutter 2019)

L2 regularisation, 0.5 l2 |w|^2 in the objective, adds l2 w to g on weights, never on biases or on batch norm.
A step is one call for all arrays, and one fused pass over each.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from glassnet import threads
from glassnet.errors import GlassnetError, RecipeError, nearest
from glassnet.nn.functional.arrays import Array
from glassnet.nn.functional.workspace import address
from glassnet.nn.kernels import updates
from glassnet.nn.kernels.options import WORTH_SHARING
from glassnet.nn.parameter import Parameter
from glassnet.notation import is_real

__all__ = ["OPTIMIZERS", "SGD", "Adam", "AdamW", "Optimizer", "RMSProp", "make_optimizer"]


def _in_range(owner: str, name: str, value: Any, low: float, high: float, *, closed: bool = False) -> float:
    """`value` as a float within [low, high) (or [low, high]), or `RecipeError` in the one phrasing used for all."""
    number = float(value) if is_real(value) else float("nan")
    if not (low <= number < high or (closed and number == high)):
        bracket = "]" if closed else ")"
        raise RecipeError(
            f"The '{name}' parameter of {owner} must be a number in [{low:g}, {high:g}{bracket}. Got {value!r} instead."
        )
    return number


def _truth(owner: str, name: str, value: Any) -> bool:
    if not isinstance(value, (bool, np.bool_)):
        raise RecipeError(f"The '{name}' parameter of {owner} must be true or false. Got {value!r} instead.")
    return bool(value)


class Optimizer:
    """Base of the optimisers: a learning rate, settings, and state arrays that a checkpoint keeps.

    `step` changes parameters in place. State is made at the first step, by parameter name.

    Examples
    --------
    >>> from glassnet.nn import Parameter
    >>> from glassnet.optim import SGD
    >>> optimizer, w = SGD(0.1, momentum=0.9), Parameter(np.array([1.0]), "weight", grad=np.array([1.0]))
    >>> optimizer.step({"w": w})
    >>> optimizer.steps, w.value
    (1, array([0.9]))
    """

    word: ClassVar[str]
    slots: ClassVar[tuple[str, ...]] = ()

    def __init__(self, lr: float) -> None:
        self.lr = _in_range(self.word, "lr", lr, 0, float("inf"))
        self.steps = 0
        self.state: dict[str, Array] = {}
        self._places = Places()

    @property
    def settings(self) -> dict[str, Any]:
        """The settings by name, as a recipe writes them."""
        hidden = {"state", "steps", "_places"}
        return {name: value for name, value in vars(self).items() if name not in hidden}

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{k}={v!r}' for k, v in self.settings.items())})"

    def reset(self) -> None:
        """Forget all steps: the next one is the first again, with no state behind it."""
        self.steps, self.state = 0, {}

    @property
    def is_plain_descent(self) -> bool:
        """Whether a step is w <- w - r g and nothing else, so that it may be folded into the backward pass."""
        return False

    def step(
        self, parameters: Mapping[str, Parameter], rate: float | None = None, *, l2: float = 0.0, clip: float = 1.0
    ) -> None:
        """One step on every parameter.

        rate: learning rate of this step (default: `lr`), times each parameter's own factor; l2: coefficient of the
        penalty on weights; clip: factor that gradients are multiplied by first.
        """
        self.steps += 1
        rate = self.lr if rate is None else rate
        for dtype in {parameter.value.dtype: None for parameter in parameters.values()}:  # nearly always one
            chosen = {name: p for name, p in parameters.items() if p.value.dtype == dtype}
            rows = [(p.value, p.grad, *(self._slot(n, slot, p) for slot in self.slots)) for n, p in chosen.items()]
            rates = [rate * p.rate for p in chosen.values()]
            penalties = [l2 if p.decays else 0.0 for p in chosen.values()]
            self._update(rows, list(chosen.values()), rates, clip, penalties)

    def _slot(self, name: str, slot: str, parameter: Parameter) -> Array:
        key = f"{name}.{slot}"
        array = self.state.get(key)
        if array is None:
            array = self.state[key] = np.zeros(parameter.value.size, parameter.value.dtype)
        return array

    def _update(
        self,
        rows: Sequence[tuple[Array, ...]],
        parameters: list[Parameter],
        rates: list[float],
        clip: float,
        l2: list[float],
    ) -> None:
        """Call `run_update` with a kernel and its settings; rows: w, its gradient and its state arrays."""
        raise NotImplementedError


class Places:
    """Where arrays lie and how large they are, as kernels take it; looked up again only for others than the last time.

    A copy of it knows nothing: it may be asked for copies of the arrays. Kernels write wherever they are told to, so
    arrays that do not fit each other are refused here.
    """

    def __init__(self) -> None:
        self._rows: Sequence[tuple[Array, ...]] = ()
        self._found: tuple[Array, Array] = (np.empty((0, 0), np.int64), np.empty(0, np.int64))

    def of(self, rows: Sequence[tuple[Array, ...]]) -> tuple[Array, Array]:
        """(addresses (p, slots), elements (p,)) of p rows of arrays that are alike in their number of elements."""
        before = self._rows
        if len(rows) != len(before) or any(
            a is not b for row, known in zip(rows, before, strict=True) for a, b in zip(row, known, strict=True)
        ):
            for row in rows:
                kinds = {(a.size, a.dtype, bool(a.flags.c_contiguous)) for a in row}
                if kinds != {(row[0].size, rows[0][0].dtype, True)}:
                    shapes = ", ".join(f"{a.dtype} {a.shape}" for a in row)
                    raise GlassnetError(
                        "A parameter, its gradient and what the optimiser remembers of it must be C-contiguous arrays"
                        f" of one size and dtype. Got {shapes}."
                    )
            places = np.array([[address(array) for array in row] for row in rows])
            self._rows, self._found = rows, (places, np.array([row[0].size for row in rows]))
        return self._found

    def __reduce__(self) -> tuple[type[Places], tuple[()]]:
        return Places, ()


def run_update(kernel: Callable[..., None], rows: Sequence[tuple[Array, ...]], known: Places, *arguments: Any) -> None:
    """Run a kernel of `nn.kernels.updates` on arrays of one dtype, on one thread or on all. Numbers, and lists with one
    for each row, take the precision of the arrays.
    """
    scalar: Any = rows[0][0].dtype.type
    values = [
        np.array(a, scalar) if isinstance(a, list) else a if isinstance(a, bool) else scalar(a) for a in arguments
    ]
    places, sizes = known.of(rows)
    kernel(_like(scalar), places, sizes, *values, threads.count() if sizes.sum() >= WORTH_SHARING else 1)


@functools.cache
def _like(scalar: Any) -> Array:
    return np.empty(0, scalar)


class SGD(Optimizer):
    """Gradient descent, with momentum and Nesterov's look-ahead where asked for.

    Examples
    --------
    >>> from glassnet.nn import Parameter
    >>> from glassnet.optim import SGD
    >>> w = Parameter(np.array([1.0]), "weight", grad=np.array([2.0]))
    >>> SGD(0.1).step({"w": w})
    >>> w.value
    array([0.8])
    """

    word = "sgd"

    def __init__(self, lr: float = 0.01, momentum: float = 0.0, nesterov: bool = False) -> None:
        super().__init__(lr)
        self.momentum = _in_range("sgd", "momentum", momentum, 0, 1)
        self.nesterov = _truth("sgd", "nesterov", nesterov)
        if self.nesterov and not self.momentum:
            raise RecipeError("The 'nesterov' parameter of sgd needs a momentum above 0, as in momentum=0.9.")
        self.slots = ("velocity",) if self.momentum else ()  # type: ignore[misc]

    @property
    def settings(self) -> dict[str, Any]:
        return {"lr": self.lr, "momentum": self.momentum, "nesterov": self.nesterov}

    @property
    def is_plain_descent(self) -> bool:
        return not self.momentum

    def _update(self, rows: Any, parameters: Any, rates: list[float], clip: float, l2: list[float]) -> None:
        if self.momentum:
            run_update(updates.momentum, rows, self._places, rates, clip, l2, self.momentum, self.nesterov)
        else:
            run_update(updates.sgd, rows, self._places, rates, clip, l2)


class RMSProp(Optimizer):
    """Steps divided by a running root mean square of the gradient. `eps_inside` puts eps under the root.

    Examples
    --------
    >>> from glassnet.nn import Parameter
    >>> from glassnet.optim import RMSProp
    >>> w = Parameter(np.array([1.0]), "weight", grad=np.array([2.0]))
    >>> RMSProp(0.1, decay=0.75).step({"w": w})
    >>> w.value.round(6)
    array([0.8])
    """

    word = "rmsprop"
    slots = ("square",)

    def __init__(self, lr: float = 1e-3, decay: float = 0.99, eps: float = 1e-8, eps_inside: bool = True) -> None:
        super().__init__(lr)
        self.decay = _in_range("rmsprop", "decay", decay, 0, 1)
        self.eps = _in_range("rmsprop", "eps", eps, 0, 1)
        self.eps_inside = _truth("rmsprop", "eps_inside", eps_inside)

    def _update(self, rows: Any, parameters: Any, rates: list[float], clip: float, l2: list[float]) -> None:
        run_update(updates.rmsprop, rows, self._places, rates, clip, l2, self.decay, self.eps, self.eps_inside)


class Adam(Optimizer):
    """Adam: momentum and a running mean square, both corrected for their start at zero.

    Examples
    --------
    >>> from glassnet.nn import Parameter
    >>> from glassnet.optim import Adam
    >>> w = Parameter(np.array([1.0]), "weight", grad=np.array([2.0]))
    >>> Adam(0.1).step({"w": w})  # the first step is the rate, whatever the gradient
    >>> w.value.round(6)
    array([0.9])
    """

    word = "adam"
    slots = ("m", "v")
    weight_decay: float = 0.0

    def __init__(self, lr: float = 1e-3, beta1: float = 0.9, beta2: float = 0.999, eps: float = 1e-8) -> None:
        super().__init__(lr)
        self.beta1 = _in_range(self.word, "beta1", beta1, 0, 1)
        self.beta2 = _in_range(self.word, "beta2", beta2, 0, 1)
        self.eps = _in_range(self.word, "eps", eps, 0, 1)

    def _update(self, rows: Any, parameters: Any, rates: list[float], clip: float, l2: list[float]) -> None:
        settings = self.beta1, self.beta2, self.eps, 1 / (1 - self.beta1**self.steps), 1 / (1 - self.beta2**self.steps)
        decays = [self.weight_decay if parameter.decays else 0.0 for parameter in parameters]
        run_update(updates.adam, rows, self._places, rates, clip, l2, *settings, decays)


class AdamW(Adam):
    """Adam with weight decay that stands apart from the gradient.

    Examples
    --------
    >>> from glassnet.nn import Parameter
    >>> from glassnet.optim import AdamW
    >>> w = Parameter(np.array([1.0]), "weight", grad=np.array([0.0]))
    >>> AdamW(0.1, weight_decay=0.5).step({"w": w})
    >>> w.value.round(6)
    array([0.95])
    """

    word = "adamw"

    def __init__(
        self,
        lr: float = 1e-3,
        beta1: float = 0.9,
        beta2: float = 0.999,
        eps: float = 1e-8,
        weight_decay: float = 0.01,
    ) -> None:
        super().__init__(lr, beta1, beta2, eps)
        self.weight_decay = _in_range("adamw", "weight_decay", weight_decay, 0, float("inf"))


OPTIMIZERS: dict[str, tuple[type[Optimizer], dict[str, Any]]] = {
    "sgd": (SGD, {}),
    "momentum": (SGD, {"momentum": 0.9}),
    "nesterov": (SGD, {"momentum": 0.9, "nesterov": True}),
    "rmsprop": (RMSProp, {}),
    "adam": (Adam, {}),
    "adamw": (AdamW, {}),
}


def make_optimizer(word: str, **settings: Any) -> Optimizer:
    """An optimiser by its word, as a recipe or the command line names it. Raises `RecipeError`.

    Examples
    --------
    >>> from glassnet.optim import make_optimizer
    >>> make_optimizer("adam", lr=0.01).lr
    0.01
    """
    if word not in OPTIMIZERS:
        known = ", ".join(OPTIMIZERS)
        raise RecipeError(f"optimizer must be one of {known}. Got '{word}' instead.{nearest(word, OPTIMIZERS)}")
    kind, defaults = OPTIMIZERS[word]
    names = kind.__init__.__code__.co_varnames[1 : kind.__init__.__code__.co_argcount]
    for name in settings:
        if name not in names:
            raise RecipeError(f"{word} has no parameter '{name}'. It takes {', '.join(names)}.{nearest(name, names)}")
    return kind(**{**defaults, **settings})
