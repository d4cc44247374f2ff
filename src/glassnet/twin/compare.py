"""Train two engines on the same batches and compare them after every step.

The two stand behind one engine, `Both`, so that the steps are those of any training: the loop gives it the order of the
examples, their augmentation, the learning rate and the key of the random numbers, and both sides take the same.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from glassnet.attack.adversarial import AdversarialEngine
from glassnet.data import Dataset
from glassnet.engines import Batch, Engine, StepResult
from glassnet.errors import CheckError, TrainingError
from glassnet.nn.functional.arrays import Array
from glassnet.train import Trainer
from glassnet.train.callbacks import Callback
from glassnet.train.loop import Training
from glassnet.twin.distance import LOSS, TOLERANCES, Difference, Places, coarser
from glassnet.twin.reasons import Case, likely_reason
from glassnet.twin.result import Parting, Twin

__all__ = ["Both", "both_of", "compare"]

State = dict[str, Array]


class Both(Engine):
    """Two engines that take the same steps, the second one compared with the first.

    Parameters
    ----------
    first, second : Engine
        Engines of equal networks, losses and optimisers; the precision of each is that of its network. What else an
        engine does, as the gradient of its inputs for an attack, the first one does for both.
    names : (str, str)
        What they are called.
    tolerance : float, optional
        The largest error that passes; None takes that of the coarser precision, see `TOLERANCES`.

    Raises
    ------
    CheckError
        The two do not train the same network, or the tolerance is no positive number.

    Examples
    --------
    >>> from glassnet import Network
    >>> from glassnet.engines import NativeEngine
    >>> from glassnet.nn import SoftmaxCrossEntropy
    >>> from glassnet.optim import SGD
    >>> from glassnet.twin import Both
    >>> def engine(dtype):
    ...     return NativeEngine(Network("linear 3", (4,), dtype=dtype), SoftmaxCrossEntropy(), SGD(0.1))
    >>> both = Both(engine(np.float64), engine(np.float32), ("float64", "float32"))
    >>> both.names, both.lr
    (('float64', 'float32'), 0.1)
    """

    def __init__(
        self, first: Engine, second: Engine, names: tuple[str, str] = ("first", "second"), *,
        tolerance: float | None = None,
    ) -> None:  # fmt: skip
        ours, theirs = (engine.network.notation() for engine in (first, second))
        if ours != theirs:
            raise CheckError(f"Both engines must train the same network. Got '{ours}' and '{theirs}'.")
        dtype = coarser(first.network.dtype, second.network.dtype)
        tolerance = TOLERANCES[dtype] if tolerance is None else tolerance
        if not 0 < tolerance < math.inf:
            raise CheckError(f"The tolerance must be a number above 0. Got {tolerance} instead.")
        self.engines, self.names, self.tolerance = (first, second), names, tolerance
        self.network, self.loss = first.network, first.loss
        self.places = Places(first.network, dtype, tolerance)
        self.losses: tuple[list[float], list[float]] = ([], [])
        self.largest: list[Difference] = []
        self.left_out: dict[str, None] = {}  # parameters without a gradient, in the order in which they were met
        self.parted: Parting | None = None
        self._same_start()

    def _same_start(self) -> None:
        """The second network begins with the weights of the first."""
        first, second = self.engines
        second.load_state({name: array for name, array in first.state().items() if name.startswith("network.")})

    @property
    def lr(self) -> float:
        return self.engines[0].lr

    @property
    def least_batch(self) -> int:
        return max(engine.least_batch for engine in self.engines)

    def reset(self) -> None:
        for engine in self.engines:
            engine.reset()

    def step(self, batch: Batch, lr: float, *, norms: bool = False) -> StepResult:
        before = [_copied(engine.state()) for engine in self.engines] if self.parted is None else []
        results = [engine.step(_in_precision(batch, engine.network.dtype), lr, norms=norms) for engine in self.engines]
        for losses, result in zip(self.losses, results, strict=True):
            losses.append(result.loss)
        after = [engine.state() for engine in self.engines]
        found = [self.places.loss(*(result.loss for result in results)), *self._compared(*after)]
        self.largest.append(max(found, key=lambda difference: difference.error))
        if self.parted is None:
            apart = [difference for difference in found if not difference.error <= self.tolerance]
            if apart:
                largest, left_out = tuple(self.largest), tuple(self.left_out)
                case = Case(self.engines, self.names, self.places, batch, lr, before, after, largest, left_out)
                first, *others = apart
                self.parted = Parting(len(self.largest), first, tuple(others), likely_reason(case, first))
        return results[0]

    def _compared(self, first: State, second: State) -> list[Difference]:
        """The differences of two states, but for tensors without a gradient that have moved by chance."""
        found, idle = self.places.between(first, second), self.places.idle(first, second)
        moved = {d.tensor for d in found if d.error > self.tolerance and self.places.parameter_of(d.tensor) in idle}
        self.left_out |= {self.places.parameter_of(name): None for name in moved}
        return [difference for difference in found if self.places.parameter_of(difference.tensor) not in self.left_out]

    def scores(self, x: Any) -> Array:
        return self.engines[0].scores(x.astype(self.network.dtype, copy=False))

    def input_gradient(self, x: Any, dscores: Callable[[Array], Array]) -> tuple[Array, Array]:
        return self.engines[0].input_gradient(x.astype(self.network.dtype, copy=False), dscores)

    def state(self) -> State:
        return self.engines[0].state()

    def load_state(self, arrays: Mapping[str, Array]) -> None:
        for engine in self.engines:
            engine.load_state(arrays)

    def close(self) -> None:
        """End the processes that an engine may have started."""
        for engine in self.engines:
            engine.close()

    def result(self) -> Twin:
        """What was found in the steps so far."""
        return Twin(
            notation=self.network.notation(),
            names=self.names,
            tolerance=self.tolerance,
            losses=(tuple(self.losses[0]), tuple(self.losses[1])),
            errors=tuple(difference.error for difference in self.largest),
            worst=tuple(LOSS if d.tensor == LOSS else d.name for d in self.largest),
            ulps=tuple(difference.ulps for difference in self.largest),
            left_out=tuple(self.left_out),
            parted=self.parted,
        )


def compare(
    trainer: Trainer, train: Dataset, steps: int = 200, *, progress: Callable[[int, int], None] = lambda done, of: None
) -> Twin:
    """Train both engines of a trainer, and say where they part.

    Parameters
    ----------
    trainer : Trainer
        Its engine is a `Both`.
    train : Dataset
        What is trained on.
    steps : int
        How many steps; fewer where the trainer's epochs have no more, or a loss is no longer finite.
    progress : callable, optional
        Called as `progress(steps done, steps in all)`.

    Raises
    ------
    GlassnetError
        The data do not fit the network, or steps is below 1.
    TrainingInterrupted
        The training was asked to stop.

    Examples
    --------
    >>> from glassnet import Network, Trainer, load_data
    >>> from glassnet.engines import NativeEngine
    >>> from glassnet.nn import SoftmaxCrossEntropy
    >>> from glassnet.optim import SGD
    >>> from glassnet.twin import Both, compare
    >>> engines = [NativeEngine(Network("linear 10", (8, 8, 1)), SoftmaxCrossEntropy(), SGD(0.1)) for _ in range(2)]
    >>> found = compare(Trainer(engine=Both(*engines), epochs=1), load_data("digits").train, steps=3)
    >>> found.passed, found.errors
    (True, (0.0, 0.0, 0.0))
    """
    both = both_of(trainer)
    if steps < 1:
        raise CheckError(f"A comparison takes at least 1 step. Got {steps} instead.")
    try:
        trainer.fit(train, callbacks=[_Until(steps, progress)])
    except TrainingError:
        ended = len(both.largest) >= steps or not all(math.isfinite(losses[-1]) for losses in both.losses if losses)
        if not both.largest or not ended:
            raise
    return both.result()


class _Until(Callback):
    """Ends the training after so many steps."""

    every_step = True

    def __init__(self, steps: int, progress: Callable[[int, int], None]) -> None:
        self.steps, self.progress = steps, progress

    def step(self, training: Training, result: StepResult) -> None:
        self.progress(training.state.step, self.steps)
        if training.state.step >= self.steps:
            training.interrupt()


def both_of(trainer: Trainer) -> Both:
    """The two engines of a trainer. Raises `CheckError` where it has one alone.

    Examples
    --------
    >>> from glassnet import Network, Trainer
    >>> from glassnet.engines import NativeEngine
    >>> from glassnet.nn import SoftmaxCrossEntropy
    >>> from glassnet.optim import SGD
    >>> from glassnet.twin import Both, both_of
    >>> engines = [NativeEngine(Network("linear 3", (4,)), SoftmaxCrossEntropy(), SGD(0.1)) for _ in range(2)]
    >>> both_of(Trainer(engine=Both(*engines), epochs=1)).names
    ('first', 'second')
    """
    engine = trainer.engine
    found = engine.engine if isinstance(engine, AdversarialEngine) else engine
    if not isinstance(found, Both):
        raise CheckError(f"A comparison needs a trainer of two engines (Both). Got {type(engine).__name__}.")
    return found


def _copied(state: State) -> State:
    return {name: array.copy() for name, array in state.items()}


def _in_precision(batch: Batch, dtype: type) -> Batch:
    """The batch with its floats in another precision."""
    return batch._replace(x=_floats(batch.x, dtype), target=_floats(batch.target, dtype))


def _floats(value: Any, dtype: type) -> Any:
    return value.astype(dtype, copy=False) if isinstance(value, np.ndarray) and value.dtype.kind == "f" else value
