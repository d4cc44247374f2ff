"""One training step, in the fastest of three ways that do the same arithmetic.

    general     forward, loss, backward, optimiser: any network, any optimiser
    folded      plain gradient descent: the product that makes a weight gradient subtracts it from the weights at once
    one by one  softmax regression, one example a step: many steps in one compiled call

Results of the three agree to rounding; which one runs depends on the settings alone, so equal runs take equal ways.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from glassnet.nn import Loss, Network, SoftmaxCrossEntropy
from glassnet.nn.functional.arrays import Array, flat
from glassnet.nn.kernels import updates
from glassnet.nn.kernels.stochastic import softmax_descent
from glassnet.nn.layers import Flatten, Linear
from glassnet.optim import Optimizer, clip_factor, global_norm

__all__ = ["Stepper"]


class Stepper:
    """Trains a network by single steps.

    Parameters
    ----------
    network, loss, optimizer : what is trained, and how
    l2 : coefficient of the penalty 0.5 l2 |w|^2
    clip : largest global gradient norm, or None
    """

    def __init__(
        self, network: Network, loss: Loss, optimizer: Optimizer, *, l2: float = 0.0, clip: float | None = None
    ) -> None:
        self.network, self.loss, self.optimizer, self.l2, self.clip = network, loss, optimizer, l2, clip
        self.parameters = network.parameters()
        self.weights = [flat(p.value) for p in self.parameters.values() if p.decays]
        self.folded = optimizer.is_plain_descent and clip is None
        self._dscores = np.empty((0, *network.output_shape), network.dtype)

    @property
    def one_by_one(self) -> bool:
        """Whether single examples may be trained on by the compiled loop."""
        trained = [layer for layer in self.network.layers if not isinstance(layer, Flatten)]
        return (
            self.folded and len(trained) == 1 and type(trained[0]) is Linear and type(self.loss) is SoftmaxCrossEntropy
        )

    def penalty(self) -> float:
        """The L2 term of the objective, 0.5 l2 |w|^2."""
        return 0.5 * self.l2 * sum(updates.sum_of_squares(w) for w in self.weights) if self.l2 else 0.0

    def step(self, x: Array, target: Array, rate: float) -> tuple[float, int]:
        """One step at learning rate `rate`; returns (objective at the step's start, correct examples)."""
        loss, correct, dscores = self._forward(x, target)
        if self.folded:
            self.optimizer.steps += 1
            self.network.run_descent(dscores, rate, self.l2)
        else:
            self.network.run_backward(dscores)
            self._update(rate)
        return loss, correct

    def recorded_step(self, x: Array, target: Array, rate: float) -> tuple[float, int, dict[str, dict[str, float]]]:
        """A general step that also returns, by parameter, the norms of gradient, weight and update."""
        loss, correct, dscores = self._forward(x, target)
        self.network.run_backward(dscores)
        before = {name: parameter.value.copy() for name, parameter in self.parameters.items()}
        self._update(rate)
        norms = {
            name: {
                "gradient": global_norm([parameter.grad]),
                "weight": global_norm([before[name]]),
                "update": global_norm([parameter.value - before[name]]),
            }
            for name, parameter in self.parameters.items()
        }
        return loss, correct, norms

    def steps_one_by_one(self, rows: Array, labels: Array, order: Array, rates: Array) -> tuple[float, int]:
        """A step on each example of `order`, in one call; returns (sum of the objectives, correct examples).

        The penalty of the sum is that at the start of the call.
        """
        penalty = self.penalty() * len(order)
        linear = next(layer for layer in self.network.layers if isinstance(layer, Linear))
        weight, bias = linear.parameters["weight"].value, linear.parameters["bias"].value
        scalar = self.network.dtype
        by_class = np.ascontiguousarray(weight.T)
        smoothing: Any = self.loss.smoothing  # type: ignore[attr-defined]
        total, correct = softmax_descent(
            by_class, bias, rows, labels, order, rates.astype(scalar), scalar(self.l2), scalar(smoothing)
        )
        weight[...] = by_class.T
        self.optimizer.steps += len(order)
        return total + penalty, correct

    def _forward(self, x: Array, target: Array) -> tuple[float, int, Array]:
        scores = self.network.run(x, train=True)
        if len(self._dscores) < len(scores):
            self._dscores = np.empty_like(scores)
        dscores = self._dscores[: len(scores)]
        loss, correct = self.loss.run(scores, target, dscores)
        return (loss + self.penalty() if self.l2 else loss), correct, dscores

    def _update(self, rate: float) -> None:
        clip = 1.0 if self.clip is None else clip_factor((p.grad for p in self.parameters.values()), self.clip)
        self.optimizer.step(self.parameters, rate, l2=self.l2, clip=clip)
