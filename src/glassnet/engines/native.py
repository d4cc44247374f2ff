"""Our own engine: a training step on NumPy and Numba, in the fastest of three ways that do the same arithmetic.

    general     forward, loss, backward, optimiser: any network, any optimiser
    folded      plain gradient descent: the product that makes a weight gradient subtracts it from the weights at once
    one by one  softmax regression, one example a step: many steps in one compiled call

Results of the three agree to rounding; which one runs depends on the settings alone, so equal runs take equal ways.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np

from glassnet.engines.base import Batch, ManySteps, StepResult
from glassnet.engines.memory import memory_arrays, memory_from
from glassnet.engines.optimised import OptimisedEngine
from glassnet.nn import Loss, Network, SoftmaxCrossEntropy
from glassnet.nn.first_use import like
from glassnet.nn.functional.arrays import Array, flat
from glassnet.nn.functional.workspace import Workspace
from glassnet.nn.kernels import updates
from glassnet.nn.kernels.ahead import ahead
from glassnet.nn.kernels.needed import Calls, Listed
from glassnet.nn.kernels.stochastic import LINE, softmax_descent
from glassnet.nn.layers import Flatten, Linear
from glassnet.optim import Optimizer, clip_factor, global_norm

__all__ = ["NativeEngine"]

_FIRST_STEPS = 2  # with norms of gradients, and without


class NativeEngine(OptimisedEngine):
    """Trains a network by single steps, in place. Parameters are those of `OptimisedEngine`.

    Examples
    --------
    >>> from glassnet import Network
    >>> from glassnet.engines import NativeEngine
    >>> from glassnet.nn import SoftmaxCrossEntropy
    >>> from glassnet.optim import SGD
    >>> engine = NativeEngine(Network("linear 3", (4,)), SoftmaxCrossEntropy(), SGD(0.1))
    >>> engine.scores(np.zeros((2, 4), np.float32)).shape
    (2, 3)
    """

    def __init__(
        self, network: Network, loss: Loss, optimizer: Optimizer, *, l2: float = 0.0, clip: float | None = None
    ) -> None:
        super().__init__(network, loss, optimizer, l2=l2, clip=clip)
        self._decaying = [flat(p.value) for p in self.parameters.values() if p.decays]
        alike = all(parameter.rate == 1 for parameter in self.parameters.values())
        self.folded = optimizer.is_plain_descent and clip is None and alike
        self._memory = Workspace()
        self._first_steps = _FIRST_STEPS

    @property
    def one_by_one(self) -> bool:
        """Whether single examples may be trained on by the compiled loop."""
        trained = [layer for layer in self.network.layers if not isinstance(layer, Flatten)]
        return (
            self.folded and len(trained) == 1 and type(trained[0]) is Linear and type(self.loss) is SoftmaxCrossEntropy
        )

    def penalty(self) -> float:
        """The L2 term of the objective, 0.5 l2 |w|^2."""
        return 0.5 * self.l2 * sum(updates.sum_of_squares(w) for w in self._decaying) if self.l2 else 0.0

    # ---- steps

    def step(self, batch: Batch, lr: float, *, norms: bool = False) -> StepResult:
        if not self._first_steps:
            return self._step(batch, lr, norms)
        self._first_steps -= 1
        with ahead(partial(self._calls, batch)):
            return self._step(batch, lr, norms)

    def _step(self, batch: Batch, lr: float, norms: bool) -> StepResult:
        network = self.network.at(batch.x.shape[1:])
        if self.dropouts and batch.key is not None:
            network.set_dropout_key(batch.key)
        loss, correct, dscores = self._forward(network, batch)
        if norms:  # by the general way, which stores every gradient
            network.run_backward(dscores)
            return StepResult(loss, correct, self._recorded_update(lr))
        if self.folded:
            self.optimizer.steps += 1
            network.run_descent(dscores, lr, self.l2)
        else:
            network.run_backward(dscores)
            self._update(lr)
        return StepResult(loss, correct)

    def scores(self, x: Array) -> Array:
        return self.network.at(x.shape[1:]).run_inference(x)

    def input_gradient(self, x: Array, dscores: Callable[[Array], Array]) -> tuple[Array, Array]:
        return self.network.input_gradient(x, dscores)

    def output_at(self, layer: str, x: Array) -> Array:
        return self.network.output_at(layer, x)

    def gradient_at(self, layer: str, x: Array, dscores: Callable[[Array], Array]) -> tuple[Array, Array, Array]:
        return self.network.gradient_at(layer, x, dscores)

    def many_steps(self, examples: Any, batch: int) -> ManySteps | None:
        """The compiled loop of softmax regression, where single examples lie ready as rows."""
        rows = getattr(examples, "rows", None)
        weighted = getattr(examples, "weights", None) is not None
        if batch != 1 or rows is None or weighted or not self.one_by_one:
            return None
        return partial(self.steps_one_by_one, rows, examples.labels)

    def steps_one_by_one(self, rows: Array, labels: Array, order: Array, rates: Array) -> StepResult:
        """A step on each example of `order`, in one call. The penalty of the sum is that at the start of the call."""
        penalty = self.penalty() * len(order)
        linear = next(layer for layer in self.network.layers if isinstance(layer, Linear))
        weight, bias = linear.parameters["weight"].value, linear.parameters["bias"].value
        scalar = self.network.dtype
        features = len(weight)
        wide = -(-features // LINE) * LINE
        by_class = self.network.arena.take((weight.shape[1], wide), scalar)  # begins on a line
        by_class[:, :features] = weight.T
        smoothing: Any = self.loss.smoothing  # type: ignore[attr-defined]
        total, correct = softmax_descent(
            by_class, bias, rows, labels, order, rates.astype(scalar), scalar(self.l2), scalar(smoothing)
        )
        weight[...] = by_class[:, :features].T
        self.network.arena.release(by_class)
        self.optimizer.steps += len(order)
        return StepResult(total + penalty, correct, steps=len(order))

    def _forward(self, network: Network, batch: Batch) -> tuple[float, int, Array]:
        scores = network.run(batch.x, train=True)
        dscores = self._memory.get("dscores", scores.shape, scores.dtype)
        loss, correct = self.loss.run(scores, batch.target, dscores)
        if batch.weights is not None:
            if (batch.weights != 1).any():
                loss = self.loss.weighted(scores, batch.target, batch.weights)
            dscores *= batch.weights.reshape(-1, *(1,) * (dscores.ndim - 1))
        return (loss + self.penalty() if self.l2 else loss), correct, dscores

    def _update(self, lr: float) -> None:
        clip = 1.0 if self.clip is None else clip_factor((p.grad for p in self.parameters.values()), self.clip)
        self.optimizer.step(self.parameters, lr, l2=self.l2, clip=clip)

    def _recorded_update(self, lr: float) -> dict[str, dict[str, float]]:
        """Update, and the norms of every parameter's gradient, weight and update."""
        before = {name: parameter.value.copy() for name, parameter in self.parameters.items()}
        self._update(lr)
        return {
            name: {
                "gradient": global_norm([parameter.grad]),
                "weight": global_norm([before[name]]),
                "update": global_norm([parameter.value - before[name]]),
            }
            for name, parameter in self.parameters.items()
        }

    # ---- first use

    def _calls(self, batch: Batch) -> Calls:
        """What a step on such a batch calls, in a process that compiles it ahead."""
        shape, optimizer = np.shape(batch.x), type(self.optimizer)(**self.optimizer.settings)
        make = like(self.network.at(shape[1:]))
        return partial(_calls_of_step, make, self.loss, optimizer, self.l2, self.clip, self.folded, shape, batch.target)

    # ---- state

    def state(self) -> dict[str, Array]:
        """`network.<array>`, `optimizer.<parameter>.<slot>` and `optimizer.steps`, (1,) int64."""
        arrays = {f"network.{name}": array for name, array in self.network.arrays().items()}
        return arrays | memory_arrays(self.optimizer.state, self.optimizer.steps)

    def weights(self) -> dict[str, Array]:
        return self.network.arrays()

    def load_state(self, arrays: Mapping[str, Array]) -> None:
        memory = memory_from(arrays, self.optimizer, self.parameters)
        self.network.load_arrays({n.removeprefix("network."): a for n, a in arrays.items() if n.startswith("network.")})
        if memory is not None:
            self.optimizer.state, self.optimizer.steps = memory

    def about(self) -> dict[str, Any]:
        return {"name": "native"}


def _calls_of_step(
    make: Callable[[], Network],
    loss: Loss,
    optimizer: Optimizer,
    l2: float,
    clip: float | None,
    folded: bool,
    shape: tuple[int, ...],
    target: Any,
) -> Listed:
    """Both kinds of step that a training makes, on examples of which nothing is known but their shape."""
    engine = NativeEngine(make(), loss, optimizer, l2=l2, clip=clip)
    engine.folded = folded
    step = partial(engine.step, Batch(np.empty(shape, engine.network.dtype), target), 0.0)
    return [partial(step, norms=True), step]
