"""The learning-rate range test: one short training in which the rate rises from tiny to far too large.

While the rate is too small the loss stands still; it then falls, and where the rate becomes too large it rises again.
L. N. Smith, "Cyclical learning rates for training neural networks", 2017, section 3.3. The network, the optimiser's
memory and the random numbers are afterwards what they were before, bit for bit.

The rate that is suggested lies between the one at which half of the fall is behind and the one at which a fifth of it
is lost again: on a logarithmic scale 45 % of the way, for plain gradient descent two thirds, whose step depends on the
present rate alone, while momentum and moments still carry what smaller rates gave. Chosen on recipes of `python -m
benchmarks.range_test` (docs/tune.md), where the rate of the steepest fall, which is often advised, lost up to 60 points
of accuracy, and a tenth of the rate of the lowest loss up to 25.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np

from glassnet.attack.adversarial import AdversarialEngine
from glassnet.data import Dataset
from glassnet.engines import Engine, StepResult
from glassnet.engines.fine_tune import FineTuneEngine
from glassnet.engines.optimised import OptimisedEngine
from glassnet.errors import RecipeError, TrainingError
from glassnet.nn.functional.arrays import Array
from glassnet.nn.layers import Dropout
from glassnet.train.loop import Callback, Training
from glassnet.train.trainer import Trainer

__all__ = ["RangeTest", "range_test"]

_BLOWN_UP = 1.5  # times the first loss: what a sweep, too, takes for divergence
_LATEST = 5  # steps whose mean loss is looked at for that
_WIDTH = 0.25  # decades of the rate: standard deviation of the bell curve that the losses are smoothed with
_BEHIND, _LOST = 0.5, 0.2  # of the fall: behind where the useful rates begin, lost again where they end
_WAY, _PLAIN_WAY = 0.45, 2 / 3  # from the one to the other; of plain gradient descent
_A_FALL = 0.05  # of the loss: less is noise


@dataclass(frozen=True, eq=False)
class RangeTest:
    """The curve of a range test.

    Attributes
    ----------
    rates : (n,) array
        The rate of each step, rising by a factor.
    losses : (n,) array
        The objective at the start of each step.
    smoothed : (n,) array
        The losses as weighted means over neighbouring rates; no loss counts for more than 1.5 times the first ones.
    ended : str
        Why it ended, as "after all 200 steps".
    lowest : int
        The step of the lowest smoothed loss.
    begin, end : float or None
        Between which rates the loss is low; None where it never falls.
    suggestion : float or None
        The rate to train with; None where the loss never falls.
    """

    rates: Array
    losses: Array
    smoothed: Array
    ended: str
    lowest: int
    begin: float | None
    end: float | None
    suggestion: float | None

    def to_dict(self) -> dict[str, Any]:
        """All of it with plain keys."""
        return {
            "suggestion": self.suggestion,
            "begin": self.begin,
            "end": self.end,
            "lowest": float(self.rates[self.lowest]),
            "ended": self.ended,
            "rates": self.rates.tolist(),
            "losses": self.losses.tolist(),
            "smoothed": self.smoothed.tolist(),
        }


def range_test(
    trainer: Trainer,
    train: Dataset,
    *,
    low: float = 1e-6,
    high: float = 10.0,
    steps: int = 200,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> RangeTest:
    """Train for some steps while the learning rate rises, and take everything back.

    Parameters
    ----------
    trainer : Trainer
        Whose engine, optimiser, augmentation and batches are used; it is left as it is.
    train : Dataset
        What it is to train on.
    low, high : float
        The rates of the first and of the last step.
    steps : int
        How many, at least 20.
    progress : callable
        Called as `progress(steps so far, steps in all)`.

    Returns
    -------
    RangeTest
        The curve and the rate that it suggests.

    Raises
    ------
    RecipeError
        The rates or the number of steps make no range.
    DataError
        The data do not fit the network.
    """
    if not 0 < low < high < math.inf:
        raise RecipeError(f"The rates of a range test rise from above 0. Got {low:g} to {high:g} instead.")
    if steps < 20:
        raise RecipeError(f"A range test needs at least 20 steps. Got {steps}.")
    trainer.check(train)
    engine, walked = trainer.engine, dict(trainer.network.walk())
    kept = {name: array.copy() for name, array in engine.state().items()}
    keys = {name: layer.key for name, layer in walked.items() if isinstance(layer, Dropout)}
    recorder = _Recorder(steps, progress)
    examples = trainer.training_examples(train)
    try:
        engine.reset()
        settings = replace(trainer.settings, epochs=steps, log_every=steps)  # an epoch has one step at least
        training = _Rising(engine, examples, settings=settings, callbacks=[recorder])
        training.rise(low, high, steps)
        recorder.run(training)
    finally:
        if close := getattr(examples, "close", None):
            close()
        engine.load_state(kept)
        for name, key in keys.items():
            walked[name].set_key(key)
    rates = np.array([training.rate(step) for step in range(len(recorder.losses))])
    losses = np.array(recorder.losses)
    smoothed = smooth(rates, np.minimum(losses, _BLOWN_UP * losses[:_LATEST].mean()))  # or the last would outweigh all
    begin, end = useful(rates, smoothed)
    way = _PLAIN_WAY if _descends_plainly(engine) else _WAY
    suggestion = None if begin is None or end is None else begin * (end / begin) ** way
    return RangeTest(rates, losses, smoothed, recorder.ended, int(np.argmin(smoothed)), begin, end, suggestion)


def _descends_plainly(engine: Engine) -> bool:
    if isinstance(engine, AdversarialEngine):
        engine = engine.engine
    return isinstance(engine, OptimisedEngine | FineTuneEngine) and engine.optimizer.is_plain_descent


class _Rising(Training):
    """A training whose rate is that of the range test, whatever the optimiser's own is."""

    def rise(self, low: float, high: float, steps: int) -> None:
        """Go from one rate to the other in so many steps."""
        self._low, self._ratio, self._last = low, high / low, steps - 1

    def rate(self, step: int) -> float:
        return float(self._low * self._ratio ** (step / self._last))


class _Enough(Exception):
    """Ends the training."""


class _Recorder(Callback):
    """Keeps the losses, and ends the training when it has blown up or made all its steps."""

    every_step: ClassVar[bool] = True

    def __init__(self, steps: int, progress: Callable[[int, int], None]) -> None:
        self.steps, self.progress = steps, progress
        self.losses: list[float] = []
        self.ended = f"after all {steps} steps"

    def run(self, training: Training) -> None:
        """Carry it out."""
        try:
            training.run()
        except _Enough:
            return
        except TrainingError:
            if math.isfinite(training.state.loss_sum):
                raise
            self.ended = f"the loss became infinite at step {training.state.step}"

    def step(self, training: Training, result: StepResult) -> None:
        self.losses.append(result.loss)
        count = len(self.losses)
        self.progress(count, self.steps)
        first = float(np.mean(self.losses[:_LATEST]))
        if count > 2 * _LATEST and np.mean(self.losses[-_LATEST:]) > _BLOWN_UP * first:
            self.ended = f"at step {count}, where the loss was above {_BLOWN_UP:g} times the first"
            raise _Enough
        if count == self.steps:
            raise _Enough


def smooth(rates: Array, losses: Array) -> Array:
    """The losses as means over neighbouring rates, by a bell curve of `_WIDTH` decades."""
    decades = np.log10(rates)
    weights = np.exp(-0.5 * ((decades[:, None] - decades) / _WIDTH) ** 2)
    return np.asarray(weights @ losses / weights.sum(axis=1))


def useful(rates: Array, smoothed: Array) -> tuple[float, float] | tuple[None, None]:
    """(the rate at which half of the fall is behind, that at which a fifth is lost again); Nones without a fall.

    A loss that does not rise again ends with the last rate.
    """
    lowest = int(np.argmin(smoothed))
    top = int(np.argmax(smoothed[: lowest + 1]))
    highest, deepest = float(smoothed[top]), float(smoothed[lowest])
    fall = highest - deepest
    if not fall > _A_FALL * abs(highest):
        return None, None
    begin = top + int(np.argmax(smoothed[top : lowest + 1] <= highest - _BEHIND * fall))
    risen = np.flatnonzero(smoothed[lowest:] >= deepest + _LOST * fall)
    end = lowest + int(risen[0]) if len(risen) else len(rates) - 1
    return float(rates[begin]), float(rates[end])
