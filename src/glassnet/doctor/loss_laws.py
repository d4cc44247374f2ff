"""Laws of the loss, on random scores in float64."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from glassnet.check import sampled_numerical_gradient
from glassnet.doctor.finding import Finding
from glassnet.doctor.probe import Probe
from glassnet.nn import Hinge, SoftmaxCrossEntropy, SquaredError
from glassnet.nn import functional as F
from glassnet.nn.functional.arrays import Array

__all__ = ["loss_laws"]

_EXAMPLES, _TIMES = 6, 3  # examples, and how often they are written for the law of the mean
_STEP = 1e-6
_ROUNDING = 1e-9  # of the value: rounding in float64 is a millionth of it
_WRONG = 1e-6  # of the largest gradient: differences with that step are right to 1e-9


def loss_laws(probe: Probe) -> Iterator[Finding]:
    """What holds for a loss L(z, t) = 1/n sum_i l(z_i, t_i) of scores z (n, k), whatever l is, and for ours besides.

    - dL/dz is the derivative of L.
    - Written r times, a batch has the same loss: a sum in place of the mean would be r times as large, and the gradient
      with it, so that the learning rate would depend on the batch.
    - Rows of dL/dz sum to 0 where l does not change as a constant is added to all scores (softmax cross-entropy, since
      softmax(z + c) = softmax(z); the hinge, since it takes differences): differentiate l(z + c) with respect to c.
    - The value is that of the definition.
    - `run`, which training calls, gives what `loss` gives.
    """
    scores, target = _problem(probe)
    value, dscores = probe.loss.loss(scores.copy(), target)
    name = probe.loss.word
    found = [
        *_definition(probe, scores, target, value),
        *_mean(probe, scores, target, value),
        *_derivative(probe, scores, target, dscores),
        *_rows(probe, dscores),
    ]
    yield from found
    if found:
        return
    into = np.empty_like(scores)
    run_value, _ = probe.loss.run(scores.copy(), target, into)
    if abs(run_value - value) > _ROUNDING * max(1.0, abs(value)) or _differ(into, dscores):
        evidence = f"In training {name} gives {run_value:.6g}, where it is {value:.6g}, or another gradient."
        yield Finding("loss-wrong", "failure", evidence, remedy="Compute one loss everywhere.", where=name)


def _problem(probe: Probe) -> tuple[Array, Any]:
    """Random scores, and targets for them: of the kind that the loss takes."""
    rng, shape = probe.rng(), (_EXAMPLES, *probe.network.output_shape)
    scores = rng.normal(0.0, 2.0, shape)
    if probe.y.ndim == 1 and probe.y.dtype.kind in "iu":
        return scores, rng.integers(shape[-1], size=_EXAMPLES)
    return scores, rng.uniform(0.0, 1.0, shape)


def _definition(probe: Probe, scores: Array, target: Any, value: float) -> Iterator[Finding]:
    loss = probe.loss
    if isinstance(loss, SoftmaxCrossEntropy):
        right = F.softmax_cross_entropy_naive(scores, target, loss.smoothing)[0]
    elif isinstance(loss, Hinge):
        right = F.hinge_naive(scores, target)[0]
    elif isinstance(loss, SquaredError):
        right = F.squared_error_naive(scores, target, loss.convention)[0]
    else:
        return
    if not abs(value - right) <= _ROUNDING * max(1.0, abs(right)) and not _grows(probe, scores, target, value):
        evidence = f"On random scores {loss.word} gives {value:.6g}, where its definition gives {right:.6g}."
        yield Finding("loss-wrong", "failure", evidence, remedy="Compute it by its definition.", where=loss.word)


def _mean(probe: Probe, scores: Array, target: Any, value: float) -> Iterator[Finding]:
    if isinstance(probe.loss, SquaredError) and probe.loss.convention == "sum":
        return  # which says that it is one
    ratio = _grows(probe, scores, target, value)
    if ratio:
        yield Finding(
            "loss-not-mean",
            "failure",
            f"{probe.loss.word} is no mean over the examples: of a batch written {_TIMES} times it is {ratio:.3g} times"
            " as large, so the right learning rate depends on the size of the batch.",
            remedy="Divide the loss and its gradient by the number of examples.",
            where=probe.loss.word,
        )


def _grows(probe: Probe, scores: Array, target: Any, value: float) -> float:
    """How many times as large the loss of the batch written `_TIMES` times is; 0 where it is the same."""
    again, _ = probe.loss.loss(np.concatenate([scores] * _TIMES), np.concatenate([target] * _TIMES))
    return 0.0 if abs(again - value) <= _ROUNDING * max(1.0, abs(value)) or value == 0.0 else again / value


def _derivative(probe: Probe, scores: Array, target: Any, dscores: Array) -> Iterator[Finding]:
    entries = np.arange(scores.size)
    if scores.size > 600:  # of a network that gives pictures
        entries = probe.rng().choice(scores.size, 600, replace=False)
    true = sampled_numerical_gradient(lambda z: probe.loss.loss(z, target)[0], scores, entries, None, _STEP)
    given = np.asarray(dscores).reshape(-1)[entries]
    off = np.abs(given - true)
    if np.isfinite(given).all() and off.max() <= _WRONG * max(np.abs(true).max(), 1e-3):
        return
    worst = int(np.argmax(np.where(np.isfinite(off), off, np.inf)))
    example, score = (int(i) for i in np.unravel_index(entries[worst], (len(scores), scores[0].size)))
    name = probe.loss.word
    summed = _differ(given, true * _EXAMPLES)
    why = "" if summed else f": it is {_EXAMPLES} times too large, a sum over the {_EXAMPLES} examples and no mean"
    yield Finding(
        "gradient-wrong" if summed else "loss-not-mean",
        "failure",
        f"The gradient of {name} is wrong{why}: at example {example}, score {score} it is {given[worst]:.6g}, and"
        f" differences give {true[worst]:.6g}. All weights are trained by it.",
        remedy="Derive the gradient of this loss again, and compare it with differences.",
        where=name,
    )


def _rows(probe: Probe, dscores: Array) -> Iterator[Finding]:
    if not isinstance(probe.loss, SoftmaxCrossEntropy | Hinge):
        return
    sums = np.asarray(dscores).sum(axis=1)
    worst = int(np.argmax(np.abs(sums)))
    if not abs(sums[worst]) <= _ROUNDING * max(1.0, np.abs(dscores).max()):
        yield Finding(
            "gradient-wrong",
            "failure",
            f"The gradient of {probe.loss.word} does not sum to 0 over the classes: of example {worst} it sums to"
            f" {sums[worst]:.6g}, though adding a constant to all scores changes no loss.",
            remedy="The gradient of softmax cross-entropy is (p - onehot) / n.",
            where=probe.loss.word,
        )


def _differ(one: Array, other: Array) -> bool:
    return not np.abs(one - other).max() <= _WRONG * max(float(np.abs(other).max()), 1e-3)
