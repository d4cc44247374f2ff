"""Learning-rate schedules: the factor by which the rate of a step is multiplied.

With t the step from 0, T the number of steps of the whole training and e = t // (steps per epoch) the epoch:

    constant                   1
    exponential G              G^e                                  the rate falls by the factor G every epoch
    steps E1 E2 ..., gamma G   G^(number of epochs E_i <= e)
    cosine, floor F            F + (1 - F) (1 + cos(pi t / T)) / 2        (Loshchilov and Hutter 2017, eq. 5)
    cosine, restart E1 E2 ...  the same from each of the epochs E1, E2, ... anew, T the steps up to the next of them
    onecycle, warmup W, start S, end E                              (Smith and Topin 2018, with cosine legs)
                               from S up to 1 over the first W T steps, then down to E at the end
    linear, warmup W, start S, end E                                (the same with straight legs)

The peak of every schedule is the optimiser's learning rate, factor 1.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import ClassVar

from glassnet.errors import RecipeError, nearest
from glassnet.notation import Step, as_real, as_whole, parse, real_text

__all__ = [
    "SCHEDULES",
    "Constant",
    "Cosine",
    "Exponential",
    "Linear",
    "OneCycle",
    "Schedule",
    "Steps",
    "parse_schedule",
]


def _number(text: str | float, what: str, low: float, high: float) -> float:
    value = as_real(text)
    if not low <= value <= high:
        raise RecipeError(f"{what} must be a number from {low:g} to {high:g}. Got '{text}' instead.")
    return value


def _epoch(value: str | int, word: str) -> int:
    number = as_whole(value)
    if number is None or not 1 <= number <= 1_000_000_000:
        raise RecipeError(
            f"An epoch of '{word}' must be a whole number from 1 to 1,000,000,000. Got '{value}' instead."
        )
    return number


class Schedule:
    """Base of the schedules.

    Examples
    --------
    >>> from glassnet.optim import parse_schedule
    >>> parse_schedule("exponential 0.9").factor(10, steps_per_epoch=10, epochs=2)
    0.9
    """

    word: ClassVar[str]
    options: ClassVar[tuple[str, ...]] = ()

    @classmethod
    def from_step(cls, step: Step) -> Schedule:
        """The schedule that a step of notation describes."""
        positional, named = step.split(cls.options)
        if any(len(values) != 1 for values in named.values()):
            raise RecipeError(f"Every option of the schedule '{step.text}' takes one number.")
        try:
            return cls(*positional, **{name: values[0] for name, values in named.items()})  # type: ignore[arg-type]
        except TypeError:
            raise RecipeError(f"The schedule '{step.text}' has the wrong arguments. See: {cls.__doc__}") from None

    def factor(self, step: int, steps_per_epoch: int, epochs: int) -> float:
        """The factor of step `step` (from 0) of a training of `epochs` epochs."""
        raise NotImplementedError

    def notation(self) -> str:
        """This schedule in notation."""
        return self.word


class Constant(Schedule):
    """`constant`: the same rate throughout.

    Examples
    --------
    >>> from glassnet.optim import Constant
    >>> Constant().factor(5, 10, 2)
    1.0
    """

    word = "constant"

    def factor(self, step: int, steps_per_epoch: int, epochs: int) -> float:
        return 1.0


class Exponential(Schedule):
    """`exponential G`: the rate is multiplied by G after every epoch.

    Examples
    --------
    >>> from glassnet.optim import Exponential
    >>> [round(Exponential(0.9).factor(step, 10, 3), 3) for step in (0, 10, 20)]
    [1.0, 0.9, 0.81]
    """

    word = "exponential"

    def __init__(self, gamma: str | float) -> None:
        self.gamma = _number(gamma, "The factor of 'exponential'", 0, 1)

    def factor(self, step: int, steps_per_epoch: int, epochs: int) -> float:
        return float(self.gamma ** (step // steps_per_epoch))

    def notation(self) -> str:
        return f"{self.word} {real_text(self.gamma)}"


class Steps(Schedule):
    """`steps E1 E2 ..., gamma G`: the rate is multiplied by G (default 0.1) after the epochs E1, E2, ...

    Examples
    --------
    >>> from glassnet.optim import Steps
    >>> [round(Steps(1, 2).factor(step, 10, 3), 3) for step in (0, 10, 20)]
    [1.0, 0.1, 0.01]
    """

    word = "steps"
    options = ("gamma",)

    def __init__(self, *epochs: str | int, gamma: str | float = 0.1) -> None:
        if not epochs:
            raise RecipeError("The schedule 'steps' needs at least one epoch, as in 'steps 10 20, gamma 0.1'.")
        self.epochs = [_epoch(epoch, self.word) for epoch in epochs]
        self.gamma = _number(gamma, "The factor of 'steps'", 0, 1)

    def factor(self, step: int, steps_per_epoch: int, epochs: int) -> float:
        epoch = step // steps_per_epoch
        return float(self.gamma ** sum(milestone <= epoch for milestone in self.epochs))

    def notation(self) -> str:
        return f"{self.word} {' '.join(map(str, self.epochs))}, gamma {real_text(self.gamma)}"


class Cosine(Schedule):
    """`cosine, floor F, restart E1 E2 ...`: half a cosine from 1 down to F (default 0), anew after each epoch E.

    Examples
    --------
    >>> from glassnet.optim import Cosine
    >>> [round(Cosine().factor(step, 10, 2), 3) for step in (0, 10, 20)]
    [1.0, 0.5, 0.0]
    """

    word = "cosine"
    options = ("floor", "restart")

    def __init__(self, floor: str | float = 0.0, restart: Sequence[str | int] = ()) -> None:
        self.floor = _number(floor, "The floor of 'cosine'", 0, 1)
        self.restart = sorted({_epoch(epoch, self.word) for epoch in restart})

    @classmethod
    def from_step(cls, step: Step) -> Cosine:
        positional, named = step.split(cls.options)
        floor = named.get("floor", [0.0])
        if positional or len(floor) != 1 or named.get("restart") == []:
            raise RecipeError(f"The schedule '{step.text}' has the wrong arguments. See: {cls.__doc__}")
        return cls(floor[0], named.get("restart", ()))

    def factor(self, step: int, steps_per_epoch: int, epochs: int) -> float:
        epoch = step // max(1, steps_per_epoch)
        start = max((e for e in self.restart if e <= epoch), default=0)
        end = min((e for e in self.restart if epoch < e < epochs), default=epochs)
        share = (step - start * steps_per_epoch) / max(1, (end - start) * steps_per_epoch)
        return _between(1.0, self.floor, share)

    def notation(self) -> str:
        floor = f", floor {real_text(self.floor)}" if self.floor else ""
        return self.word + floor + (f", restart {' '.join(map(str, self.restart))}" if self.restart else "")


class OneCycle(Schedule):
    """`onecycle, warmup W, start S, end E`: up from S (0.04) over the share W (0.3) of the steps, down to E (1e-4).

    Examples
    --------
    >>> from glassnet.optim import OneCycle
    >>> [round(OneCycle().factor(step, 10, 2), 3) for step in (0, 6, 20)]
    [0.04, 1.0, 0.0]
    """

    word = "onecycle"
    options = ("warmup", "start", "end")

    def __init__(self, warmup: str | float = 0.3, start: str | float = 0.04, end: str | float = 1e-4) -> None:
        self.warmup = _number(warmup, f"The warmup of '{self.word}'", 0, 1)
        self.start = _number(start, f"The start of '{self.word}'", 0, 1)
        self.end = _number(end, f"The end of '{self.word}'", 0, 1)

    def factor(self, step: int, steps_per_epoch: int, epochs: int) -> float:
        total = max(1, steps_per_epoch * epochs)
        rise = self.warmup * total
        if step < rise:
            return self._leg(self.start, 1.0, step / rise)
        return self._leg(1.0, self.end, (step - rise) / max(1.0, total - rise))

    def _leg(self, first: float, last: float, share: float) -> float:
        return _between(first, last, share)

    def notation(self) -> str:
        warmup, start, end = map(real_text, (self.warmup, self.start, self.end))
        return f"{self.word}, warmup {warmup}, start {start}, end {end}"


class Linear(OneCycle):
    """`linear, warmup W, start S, end E`: up from S (0.04) over the share W (0) of the steps, down to E (0).

    Examples
    --------
    >>> from glassnet.optim import Linear
    >>> [round(Linear().factor(step, 10, 2), 3) for step in (0, 10, 20)]
    [1.0, 0.5, 0.0]
    """

    word = "linear"

    def __init__(self, warmup: str | float = 0.0, start: str | float = 0.04, end: str | float = 0.0) -> None:
        super().__init__(warmup, start, end)

    def _leg(self, first: float, last: float, share: float) -> float:
        return first + (last - first) * min(1.0, share)


def _between(first: float, last: float, share: float) -> float:
    """Half a cosine from `first` (share 0) to `last` (share 1)."""
    return last + (first - last) * (1 + math.cos(math.pi * min(1.0, share))) / 2


_ALL: Sequence[type[Schedule]] = (Constant, Exponential, Steps, Cosine, OneCycle, Linear)
SCHEDULES: dict[str, type[Schedule]] = {schedule.word: schedule for schedule in _ALL}


def parse_schedule(text: str) -> Schedule:
    """The schedule of a notation such as `exponential 0.9`. Raises `RecipeError`.

    Examples
    --------
    >>> from glassnet.optim import parse_schedule
    >>> schedule = parse_schedule("cosine")
    >>> [round(schedule.factor(step, 10, 2), 3) for step in (0, 10, 20)]
    [1.0, 0.5, 0.0]
    """
    steps = parse(text, "schedule")
    word = steps[0].word
    if len(steps) != 1 or word not in SCHEDULES:
        known = ", ".join(SCHEDULES)
        raise RecipeError(f"schedule must be one of {known}. Got '{text}' instead.{nearest(word, SCHEDULES)}")
    return SCHEDULES[word].from_step(steps[0])
