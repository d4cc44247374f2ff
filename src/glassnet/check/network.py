"""Every gradient of a network against central differences, in float64, with a verdict for each tensor."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from glassnet.check.differences import Differences, Move
from glassnet.check.numerical import DEFAULT_STEP
from glassnet.check.opinion import third_opinion
from glassnet.check.result import Check, Row
from glassnet.errors import CheckError
from glassnet.nn.first_use import passes
from glassnet.nn.functional.arrays import Array, as_float
from glassnet.nn.kernels.ahead import ahead
from glassnet.nn.loss import Loss, parse_loss
from glassnet.nn.network import Network

__all__ = ["TOLERANCE", "check_network"]

# Above the truncation error of the step (about 1e-9) and far below any mistake in a formula.
TOLERANCE = 1e-7

# Entries checked of the input's gradient, and of a tensor that only reruns of the network can check, unless told.
_DEFAULT_SAMPLES = 1000

# An entry that disagrees, or whose difference crosses a kink, is looked at again with a step this much smaller; one
# that still crosses, with the next.
_FINER = (0.1, 0.01)

# Rounding errors of a difference of two losses, in units of float64's eps: where both come from the same activations,
# and where a whole forward pass lies between.
_NOISE_FAST, _NOISE_RERUN = 4, 40

Numerical = Callable[[Array, float], tuple[Array, Array]]


class _Tensor(NamedTuple):
    """What is to be checked: `limit` is the default number of samples (None: all), `noise` in units of eps."""

    name: str
    value: Array
    gradient: Array
    numerical: Numerical
    step: float
    limit: int | None
    noise: int


def check_network(
    network: Network,
    x: Any,
    target: Any,
    loss: Loss | str,
    *,
    l2: float = 0.0,
    samples: int | None = None,
    step: float = DEFAULT_STEP,
    seed: int = 0,
    train: bool | None = None,
    input_gradient: bool = True,
    tolerance: float = TOLERANCE,
) -> Check:
    """Compare every gradient of a network with central differences of its loss.

    The network is copied in float64 and is not changed. The objective is `loss` + 0.5 l2 |w|^2 over the weights that
    L2 acts on. For every tensor of n entries the error is max|a - n| / max(|a|, |n|, floor), the maxima taken over the
    tensor; where the whole gradient is no larger than the differences can resolve (a bias before batch normalisation
    is 0 by symmetry) that comes to an absolute comparison, and the row says so. Two things are checked besides: a
    second backward pass must give the same gradients as the first, and a step of plain gradient descent must move the
    parameters by exactly the gradient, L2 included.

    A difference quotient across a kink (of a ReLU, or of the hinge) is not a derivative. Entries that cross one, or
    that disagree, are looked at again with a tenth of the step, and those that still cross with a hundredth; they are
    allowed the larger rounding error of those steps. Entries that cross even then are skipped. Both are counted.

    Parameters
    ----------
    network : Network
        Any network.
    x : (n, *input_shape) array
        The examples.
    target : object
        What the loss takes, usually labels (n,).
    loss : Loss or str
        A loss or its notation.
    samples : int, optional
        Random entries checked of each tensor; None: every entry, but at most 1,000 of the input and of a tensor of a
        layer kind that has no fast way.
    step : float
        Of the central differences, divided by the largest input of the layer where that exceeds 1.
    seed : int
        Of the samples and of the dropout masks, which stay fixed.
    train : bool, optional
        The mode; None: evaluation, and training as well where a layer behaves differently in it.
    input_gradient : bool
        Whether the gradient with respect to x is checked too.
    tolerance : float
        Largest error that passes.

    Returns
    -------
    Check
        A row for every tensor and mode; `passed`, `to_dict()`, and a table as its text.

    Raises
    ------
    CheckError
        samples, step, l2 or tolerance make no sense, or the loss is not finite. (Wrong shapes or labels raise what
        the network and the loss raise.)

    Examples
    --------
    >>> from glassnet import Network
    >>> from glassnet.check import check_network
    >>> from glassnet.nn import SoftmaxCrossEntropy
    >>> network, x = Network("linear 5 -> relu -> linear 3", (4,)), np.random.default_rng(0).normal(size=(3, 4))
    >>> check_network(network, x, [0, 1, 2], SoftmaxCrossEntropy()).passed
    True
    """
    if samples is not None and samples < 1:
        raise CheckError(f"samples must be at least 1. Got {samples} instead.")
    for name, value in (("step", step), ("tolerance", tolerance)):
        if not 0 < value < 1:
            raise CheckError(f"{name} must be a number between 0 and 1. Got {value} instead.")
    if not 0 <= l2 < float("inf"):
        raise CheckError(f"l2 must be a number of at least 0. Got {l2} instead.")
    loss = parse_loss(loss) if isinstance(loss, str) else loss
    x = np.array(as_float(x), np.float64)
    started = time.perf_counter()
    modes = [train] if train is not None else ([False, True] if _has_modes(network) else [False])
    with ahead(partial(passes, network, len(x), np.float64)):
        checks = [
            _ModeCheck(network, x, target, loss, mode, l2, seed).rows(samples, step, tolerance, input_gradient)
            for mode in modes
        ]
    rows = [row for rows, _, _ in checks for row in rows]
    return Check(
        notation=network.notation(),
        loss_notation=loss.notation(),
        examples=len(x),
        loss=checks[0][1],
        l2=l2,
        step=step,
        tolerance=tolerance,
        rows=tuple(rows),
        seconds=time.perf_counter() - started,
        numerical_seconds=sum(seconds for _, _, seconds in checks),
        opinion=third_opinion(network, x, target, loss, l2),
    )


def _has_modes(network: Network) -> bool:
    return any(layer.state or layer.draws for _, layer in network.walk())


class _ModeCheck:
    """The check of one network in one mode: its analytic gradients, then one row after the other."""

    def __init__(self, network: Network, x: Array, target: Any, loss: Loss, train: bool, l2: float, seed: int) -> None:
        self.train, self.l2, self.rng = train, l2, np.random.default_rng(seed)
        self.network = _copy(network, seed)
        self.network.forward(x[:1] if not train else x)  # raises where x does not fit
        self.around = Differences(self.network, x, target, loss, train)
        if not np.isfinite(self.around.value):
            raise CheckError(f"The loss is {self.around.value}: no gradient can be checked. Is the input finite?")
        dscores = self.around.dscores
        self.network.run(x, train=train)  # as it is used: layers that run as one unit are checked as one
        self.network.backward(dscores.copy())
        self.dx = self.network.backward(dscores.copy(), input_gradient=True)  # a second pass must not add to the first
        self.gradients = {
            name: p.grad + (l2 * p.value if p.decays else 0.0) for name, p in self.network.parameters().items()
        }
        self.moved = self._descent(_copy(network, seed), x, dscores)

    def _descent(self, twin: Network, x: Array, dscores: Array) -> dict[str, Array]:
        """What a step of plain gradient descent with rate 1 takes away from every parameter."""
        twin.run(x, train=self.train)
        before = {name: p.value.copy() for name, p in twin.parameters().items()}
        twin.run_descent(dscores.copy(), 1.0, self.l2)
        return {name: before[name] - p.value for name, p in twin.parameters().items()}

    def rows(
        self, samples: int | None, step: float, tolerance: float, input_gradient: bool
    ) -> tuple[list[Row], float, float]:
        """(a row for every tensor, the loss, seconds of the numerical part)."""
        started = time.perf_counter()
        rows = [self._row(tensor, samples, tolerance) for tensor in self._tensors(step, input_gradient)]
        return rows, self.around.value, time.perf_counter() - started

    def _tensors(self, step: float, input_gradient: bool) -> Iterator[_Tensor]:
        around = self.around
        for position, layer in enumerate(self.network.layers):
            for short, parameter in layer.parameters.items():
                name = f"{position + 1}.{layer.word}.{short}"
                value, gradient = parameter.value, self.gradients[name]
                move = around.move_of(position, short)
                if move is not None:
                    finer = step / max(1.0, float(np.abs(move.basis).max()))
                    yield _Tensor(name, value, gradient, _fast(around, move), finer, None, _NOISE_FAST)
                else:
                    finer = step / max(1.0, float(np.abs(around.activations[position]).max()))
                    numerical = _rerun(around, value, position)
                    yield _Tensor(name, value, gradient, numerical, finer, _DEFAULT_SAMPLES, _NOISE_RERUN)
        if input_gradient and self.dx is not None:
            x = around.activations[0]
            move = around.move_of_input()
            if move is not None:
                yield _Tensor("input", x, self.dx, _fast(around, move), step, _DEFAULT_SAMPLES, _NOISE_FAST)
            else:
                yield _Tensor("input", x, self.dx, _rerun(around, x, 0), step, _DEFAULT_SAMPLES, _NOISE_RERUN)

    def _row(self, tensor: _Tensor, samples: int | None, tolerance: float) -> Row:
        value, gradient = tensor.value, tensor.gradient
        wanted = samples if samples is not None else tensor.limit
        if wanted is None or wanted >= value.size:
            entries = np.arange(value.size)
        else:
            entries = np.sort(self.rng.choice(value.size, wanted, replace=False))
        analytic = gradient.reshape(-1)[entries].astype(np.float64)
        # The penalty is quadratic, so its central difference is its derivative, exactly.
        parameter = self.network.parameters().get(tensor.name)
        decays = parameter is not None and parameter.decays
        penalty = self.l2 * value.reshape(-1)[entries] if decays else np.zeros(len(entries))
        noise = tensor.noise * self._rounding()
        found = _Comparison(analytic, penalty, entries, tensor.numerical, tensor.step, tolerance, noise)
        note = ""
        if tensor.name in self.moved:
            slack = 1e-9 * max(float(np.abs(gradient).max()), found.floor) + 1e-13 * float(np.abs(value).max())
            if not np.abs(self.moved[tensor.name] - gradient).max() <= slack:
                note = "a step of gradient descent moves it otherwise"
        return found.row(tensor.name, "training" if self.train else "evaluation", value.shape, note)

    def _rounding(self) -> float:
        """float64's eps at the size of the scores and the loss."""
        size = max(1.0, abs(self.around.value), float(np.abs(self.around.scores).max()))
        return float(np.finfo(np.float64).eps) * size


class _Comparison:
    """Analytic against numerical entries of one tensor; see `check_network` for the rules."""

    def __init__(
        self, analytic: Array, penalty: Array, entries: Array, numerical: Numerical,
        step: float, tolerance: float, noise: float,
    ) -> None:  # fmt: skip
        self.entries, self.analytic, self.tolerance = entries, analytic, tolerance
        self.resolution = noise / step
        self.floor = self.resolution / tolerance
        self.numerical, crossed = numerical(entries, step)
        self.numerical += penalty
        clean = ~crossed
        self.size = max(_largest(analytic), _largest(self.numerical[clean]), self.floor)
        self.wrong = ~(np.abs(analytic - self.numerical) <= tolerance * self.size)
        again = crossed | self.wrong
        self.rechecked = again.copy()
        for finer in _FINER:
            where = np.flatnonzero(again)
            if len(where) == 0:
                break
            self.numerical[where], crossed[where] = numerical(entries[where], step * finer)
            self.numerical[where] += penalty[where]
            allowed = tolerance * self.size + noise / (step * finer)
            self.wrong[where] = ~(np.abs(analytic[where] - self.numerical[where]) <= allowed)
            again = crossed  # the rounding error of the finest step could cover a mistake up
        self.skipped = crossed
        self.wrong &= ~crossed

    def row(self, name: str, mode: str, shape: tuple[int, ...], note: str) -> Row:
        """The row of the result. Its errors are those of the full step, or of the wrong entries where there are any."""
        difference = np.abs(self.analytic - self.numerical)
        counted = self.wrong if self.wrong.any() else ~self.rechecked
        if not counted.any():
            counted = ~self.skipped
        position = int(np.flatnonzero(counted)[np.argmax(difference[counted])]) if counted.any() else 0
        checked = difference[counted]
        kept = ~self.skipped
        largest = max(_largest(self.analytic[kept]), _largest(self.numerical[kept]))
        return Row(
            parameter=name,
            mode=mode,
            shape=shape,
            entries=int(kept.sum()),
            error=self._error(checked, largest),
            mean_difference=float(checked.mean()) if len(checked) else 0.0,
            max_difference=float(checked.max()) if len(checked) else 0.0,
            worst=tuple(int(i) for i in np.unravel_index(self.entries[position], shape)),
            analytic=float(self.analytic[position]),
            numerical=float(self.numerical[position]),
            rechecked=int((self.rechecked & kept).sum()),
            skipped=int(self.skipped.sum()),
            absolute=bool(largest <= self.resolution),
            note=note,
            passed=not self.wrong.any() and not note,
        )

    def _error(self, differences: Array, largest: float) -> float:
        if not np.isfinite(self.analytic).all():
            return float("inf")
        return float(differences.max() / max(largest, self.floor)) if len(differences) else 0.0


def _largest(values: Array) -> float:
    return float(np.abs(values).max()) if len(values) else 0.0


def _fast(around: Differences, move: Move) -> Numerical:
    return lambda entries, step: around.fast(move, entries, step)


def _rerun(around: Differences, array: Array, position: int) -> Numerical:
    return lambda entries, step: around.rerun(array, position, entries, step)


def _copy(network: Network, seed: int) -> Network:
    """A float64 copy that draws the same dropout masks in every pass, and the same as any other such copy."""
    twin = network.astype(np.float64)
    twin.set_dropout_key((seed,))
    return twin
