"""Why two engines part: rules that look at the step in which they do, the surest first.

The network is run again from the state before the step, layer by layer on our own layers, in the precision of each
side. A rule that has nothing to say gives None; the last ones tell rounding that grows from other arithmetic.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from glassnet.engines import Batch, Engine
from glassnet.nn import BatchNorm, Network
from glassnet.nn.functional.arrays import Array
from glassnet.nn.layer import Layer
from glassnet.optim import SGD, Optimizer
from glassnet.twin.distance import LOSS, Difference, Places

__all__ = ["Case", "Reason", "likely_reason"]

_NEAR = 16  # rounding errors, in units of eps at a layer's largest input, within which a kink counts as near
_JUMP = 1e3  # a step that multiplies the error by more is no growth of rounding errors
_SMALL_VARIANCE = 10  # times eps of a batch normalisation: below, 1 / sqrt(variance + eps) magnifies what is put in


@dataclass(frozen=True)
class Reason:
    """Why two engines part.

    Attributes
    ----------
    kind : str
        not finite, statistics, kink, zero gradient, optimiser, small variance, near kink, rounding, tie, forward or
        gradient.
    text : str
        The same in words, with the numbers that it rests on.

    Examples
    --------
    >>> from glassnet.twin import Reason
    >>> Reason("kink", "an input of relu lies at 0 within rounding").kind
    'kink'
    """

    kind: str
    text: str


class Pass(NamedTuple):
    """One layer in the two forward passes: its name, the layers and their inputs."""

    name: str
    layers: tuple[Layer, Layer]
    inputs: tuple[Array, Array]


@dataclass(frozen=True)
class Case:
    """The step in which two engines part.

    Attributes
    ----------
    engines : (Engine, Engine)
        The two.
    names : (str, str)
        What they are called.
    places : Places
        What is compared.
    batch : Batch
        The examples of the step.
    lr : float
        Its learning rate.
    before, after : sequence of dict
        The two states before and after it.
    largest : tuple of Difference
        The tensor that differs most after every step so far, this one included.
    left_out : tuple of str
        Trained arrays without a gradient, which have moved by chance.
    """

    engines: tuple[Engine, Engine]
    names: tuple[str, str]
    places: Places
    batch: Batch
    lr: float
    before: Sequence[Mapping[str, Array]]
    after: Sequence[Mapping[str, Array]]
    largest: tuple[Difference, ...]
    left_out: tuple[str, ...] = ()

    @cached_property
    def passes(self) -> list[Pass]:
        """The network's layers with their inputs in the step, on either side; empty where it cannot be run again."""
        if not isinstance(self.batch.x, np.ndarray):
            return []
        networks = [_restored(e.network, state) for e, state in zip(self.engines, self.before, strict=True)]
        for network in networks:
            network.set_dropout_key(self.batch.key)
        inputs = [self.batch.x.astype(network.dtype) for network in networks]
        found = []
        for position, layers in enumerate(zip(*(network.layers for network in networks), strict=True), start=1):
            first, second = layers
            found.append(Pass(f"{position}.{first.word}", (first, second), (inputs[0], inputs[1])))
            inputs = [layer.forward(x.copy(), train=True).copy() for layer, x in zip(layers, inputs, strict=True)]
        return found

    @property
    def step(self) -> int:
        """The step, from 1."""
        return len(self.largest)

    @property
    def optimizer(self) -> Optimizer | None:
        """The first side's optimiser, where it tells."""
        return getattr(self.engines[0], "optimizer", None)


Rule = Callable[[Case, Difference], Reason | None]


def likely_reason(case: Case, found: Difference) -> Reason:
    """The first rule that has something to say of where two engines part."""
    for rule in _RULES:
        reason = rule(case, found)
        if reason is not None:
            return reason
    raise AssertionError("the last rule always answers")


def _not_finite(case: Case, found: Difference) -> Reason | None:
    values = (found.first, found.second)
    broken = [name for name, value in zip(case.names, values, strict=True) if not math.isfinite(value)]
    if not broken:
        return None
    return Reason("not finite", f"{' and '.join(broken)} left the finite numbers here")


def _statistics(case: Case, found: Difference) -> Reason | None:
    """A running variance that one side divides by n and the other by n - 1, or running moments with other shares."""
    if not case.places.is_statistic(found.tensor):
        return None
    if case.left_out and found.name.endswith("mean"):
        return Reason(
            "zero gradient",
            f"{found.name} follows {case.left_out[-1]}, whose gradient is 0 but for rounding; each side moves it by"
            " chance",
        )
    position = _position(found.name)
    layer = case.engines[0].network.layers[position]
    if not isinstance(layer, BatchNorm) or not case.passes:
        return Reason("statistics", f"the running statistics of {found.name} are updated in another way")
    new = [
        float(after[found.tensor][found.index] - (1 - layer.momentum) * before[found.tensor][found.index])
        for before, after in zip(case.before, case.after, strict=True)
    ]
    ratio = new[1] / new[0] if new[0] else math.inf
    x = case.passes[position].inputs[0]
    count = x.size // x.shape[-1]
    for factor, words in ((count / (count - 1), "second"), ((count - 1) / count, "first")):
        if math.isclose(ratio, factor, rel_tol=1e-4) and found.name.endswith("variance"):
            biased = case.names[1 if words == "first" else 0]
            return Reason(
                "statistics",
                f"what the batch adds to the running variance differs by the factor {ratio:.6g} = n / (n - 1) of its"
                f" n = {count:,} numbers: {biased} divides by n, the other by n - 1",
            )
    return Reason(
        "statistics",
        f"what the batch adds to {found.name} differs by the factor {ratio:.6g}: another momentum, or other moments",
    )


def _kink(case: Case, found: Difference) -> Reason | None:
    """The two sides are on different sides of a kink of a layer behind the tensor."""
    for one in _behind(case, found):
        signatures = [_signature(layer, x) for layer, x in zip(one.layers, one.inputs, strict=True)]
        for first, second in zip(*signatures, strict=True):
            if (first != second).any():
                place = tuple(int(i) for i in np.argwhere(first != second)[0])
                return Reason("kink", _crossed(case, one, place, int((first != second).sum())))
    return None


def _near_kink(case: Case, found: Difference) -> Reason | None:
    """An input so near to a kink of a layer behind the tensor that rounding decides on which side it is."""
    return _at_kink(case, found, zeros=False)


def _tie(case: Case, found: Difference) -> Reason | None:
    """The same for inputs of exactly 0, which a layer without a bias often has: a kink by convention alone."""
    return _at_kink(case, found, zeros=True)


def _at_kink(case: Case, found: Difference, *, zeros: bool) -> Reason | None:
    for one in _behind(case, found):
        layer, x = one.layers[0], one.inputs[0]
        before = _signature(layer, x)
        if not before:
            continue
        size = _NEAR * float(np.finfo(case.places.dtype).eps) * float(np.abs(x).max(initial=0.0))
        noise = np.random.default_rng(0).choice((-size, size), x.shape).astype(x.dtype)
        noise *= (x == 0) == zeros
        for moved in (x + noise, x - noise):
            for first, second in zip(before, _signature(layer, moved), strict=True):
                if (first != second).any():
                    place = tuple(int(i) for i in np.argwhere(first != second)[0])
                    how = "exactly at" if zeros else "at"
                    return Reason(
                        "tie" if zeros else "near kink",
                        f"{one.name} is {how} a kink or a tie: at {_listed(place)} a change of its input by"
                        f" {size:.1e}, {_NEAR} rounding errors, takes another side, and with it another gradient",
                    )
    return None


def _optimiser(case: Case, found: Difference) -> Reason | None:
    """The gradients agree, or are 0 but for rounding, and the weights do not."""
    if not case.places.is_weight(found.tensor):
        return None
    name = found.name
    memories = [case.places.memory(name, state) for state in case.after]
    if not memories[0] or set(memories[0]) != set(memories[1]) or isinstance(case.optimizer, SGD):
        return None
    tolerance = case.places.tolerance
    for slot in memories[0]:
        a, b = (float(memory[slot][found.index]) for memory in memories)
        if abs(a - b) > tolerance * max(abs(a), abs(b)):
            largest = max(float(np.abs(memory[slot]).max()) for memory in memories)
            return Reason(
                "zero gradient",
                f"the gradient there is 0 but for rounding ({slot} is {a:.1e} and {b:.1e}; the largest of the tensor"
                f" {largest:.1e}), and {_words(case.optimizer)} divides it by its own size: eps decides the step",
            )
    moved = [
        float(after[found.tensor][found.index]) - float(before[found.tensor][found.index])
        for before, after in zip(case.before, case.after, strict=True)
    ]
    ratio = moved[1] / moved[0] if moved[0] else math.inf
    alone = "" if found.apart > 1 else f" in this one element of {found.size:,}"
    return Reason(
        "optimiser",
        f"what the optimiser remembers of the gradient agrees, and the step that it takes does not{alone}:"
        f" {moved[0]:.6g} and {moved[1]:.6g} (factor {ratio:.6g}); look at its eps, rate and weight decay",
    )


def _small_variance(case: Case, found: Difference) -> Reason | None:
    """A channel that hardly varies in the batch, divided by the square root of next to nothing."""
    for one in case.passes if found.tensor == LOSS else _behind(case, found, itself=True):
        layer, x = one.layers[0], np.asarray(one.inputs[0], np.float64)
        if not isinstance(layer, BatchNorm):
            continue
        variance = x.reshape(-1, x.shape[-1]).var(axis=0)
        channel = int(variance.argmin())
        if 0 < variance[channel] < _SMALL_VARIANCE * layer.eps:
            return Reason(
                "small variance",
                f"{one.name} divides channel {channel} by the root of its variance in the batch,"
                f" {variance[channel]:.1e} (eps {layer.eps:g}): rounding errors are magnified"
                f" {1 / math.sqrt(variance[channel] + layer.eps):.0f} times",
            )
    return None


def _rounding(case: Case, found: Difference) -> Reason | None:
    """Rounding errors that grow from step to step."""
    errors = [difference.error for difference in case.largest]
    if len(errors) < 2 or errors[-1] > _JUMP * max(errors[-2], case.places.noise):
        return None
    first = next((i for i, error in enumerate(errors) if error), len(errors) - 1)
    grown, count = errors[-1] / errors[first], len(errors) - 1 - first
    growth = f", by a factor of {grown ** (1 / count):.3g} a step" if count else ""
    since = f"{errors[first]:.1e} after step {first + 1}, {errors[-1]:.1e} now"
    return Reason("rounding", f"rounding errors that grow: {since}{growth}")


def _arithmetic(case: Case, found: Difference) -> Reason:
    """Something in the step is computed in another way; what it is by what is computed first."""
    errors = [difference.error for difference in case.largest]
    until = f"up to step {case.step - 1} they agreed to {max(errors[:-1]):.1e}; " if len(errors) > 1 else ""
    if found.tensor == LOSS:
        return Reason("forward", f"{until}from equal weights the forward pass or the loss gives another number")
    name = case.places.parameter_of(found.tensor) or found.name
    after = [one.name for one in _behind(case, found)]
    where = f"{name.rpartition('.')[0]}'s own backward pass" + (f", or that of {_ending(after)}" if after else "")
    return Reason("gradient", f"{until}the loss is the same and the gradient of {name} is not: look at {where}")


_RULES: tuple[Rule, ...] = (
    _not_finite, _statistics, _kink, _optimiser, _small_variance, _near_kink, _rounding, _tie, _arithmetic,
)  # fmt: skip


def _restored(network: Network, state: Mapping[str, Array]) -> Network:
    """A copy of a network as it was before the step."""
    made = network.astype(network.dtype)
    made.load_arrays({n.removeprefix("network."): a for n, a in state.items() if n.startswith("network.")})
    return made


def _behind(case: Case, found: Difference, *, itself: bool = False) -> Iterator[Pass]:
    """The layers between a tensor and the loss, through which its gradient comes; none where the loss itself parts."""
    if found.tensor == LOSS or not case.passes:
        return
    yield from case.passes[_position(found.name) + (not itself) :]


def _position(name: str) -> int:
    """The position of a tensor's layer, from 0."""
    head = name.partition(".")[0]
    return int(head) - 1 if head.isdigit() else 0


def _signature(layer: Layer, x: Array) -> list[Array]:
    layer.forward(x.copy(), train=True)
    return [np.array(part) for part in layer.kink_signature()]


def _crossed(case: Case, one: Pass, place: tuple[int, ...], count: int) -> str:
    more = f" (and {count - 1:,} more)" if count > 1 else ""
    if one.layers[0].kind == "activation" and one.inputs[0].ndim == len(place):
        a, b = (float(x[place]) for x in one.inputs)
        values = f": its input is {a:.3e} in {case.names[0]} and {b:.3e} in {case.names[1]}"
    else:
        values = ""
    return f"the two are on different sides of a kink of {one.name} at {_listed(place)}{more}{values}"


def _listed(place: tuple[int, ...]) -> str:
    """A place as (example, ...)."""
    return f"example {place[0]}, [{', '.join(map(str, place[1:]))}]" if len(place) > 1 else f"[{place[0]}]"


def _ending(names: list[str]) -> str:
    return " ... ".join(dict.fromkeys((names[0], names[-1])))


def _words(optimizer: Any) -> str:
    return "the optimiser" if optimizer is None else str(optimizer.word)
