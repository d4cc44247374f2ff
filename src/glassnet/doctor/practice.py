"""Can it learn twenty pictures by heart? A short training that every sound network and every sound setting passes.

A network that cannot has no chance with more pictures. What stands in its way is found by trying: the training again
with another learning rate, without the penalty, from other weights. What helps is named.
"""

from __future__ import annotations

import copy
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from glassnet.doctor.finding import Finding
from glassnet.doctor.network import constant_loss
from glassnet.engines import Batch, NativeEngine
from glassnet.errors import GlassnetError
from glassnet.nn import Loss, Network, SoftmaxCrossEntropy
from glassnet.nn.functional.arrays import Array
from glassnet.optim import Optimizer, make_optimizer

__all__ = ["PICTURES", "Practice", "cannot_overfit", "practise"]

PICTURES = 20
# Steps, and the floating-point operations that they may take, about two seconds. On digits all networks of `GOOD` in
# `tests/doctor/test_findings.py` got to 0.02 to 0.74 of the loss of class frequencies in 200 steps, and
# all of `BAD` stayed at 0.98 or more.
_MOST, _FEWEST, _WORK = 400, 60, 4e10
_LEARNED = 0.9  # of the way from the best answers to that loss
_DONE = 0.75  # below which nothing more needs to be shown
_RATES = 10.0


@dataclass(frozen=True)
class Practice:
    """What came of it.

    Attributes
    ----------
    first, last : float
        The loss before the first step and after the last, without the penalty.
    constant : float
        The loss of the best answer that is the same for all these pictures.
    least : float
        The loss of the best answers; above 0 with label smoothing.
    right : int
        Pictures that it took for the right class in the end.
    pictures : int
        How many there were.
    steps : int
        Steps made.
    """

    first: float
    last: float
    constant: float
    least: float
    right: int
    pictures: int
    steps: int

    @property
    def learned(self) -> bool:
        """Whether it got clearly below what needs no picture."""
        return self.last < self.least + _LEARNED * (self.constant - self.least)


def practise(
    network: Network, loss: Loss, optimizer: Optimizer, x: Array, y: Array, *, l2: float = 0.0, lr: float | None = None
) -> Practice:
    """Train a copy on the first twenty pictures, all of them in each step, at the optimiser's own constant rate.

    Parameters
    ----------
    network : Network
        Where it starts from; it stays as it is.
    loss : Loss
        What is minimised.
    optimizer : Optimizer
        How; a copy is used.
    x : (n, *input_shape) array
        Preprocessed pictures.
    y : (n,) or (n, k) array
        What the loss takes for them.
    l2 : float
        As of `NativeEngine`.
    lr : float, optional
        Another learning rate.
    """
    made = network.astype(np.float32)
    own = copy.deepcopy(optimizer)
    own.reset()
    own.lr = optimizer.lr if lr is None else lr
    engine = NativeEngine(made, loss, own, l2=l2)
    n = min(PICTURES, len(x))
    pictures = np.ascontiguousarray(x[:n], np.float32).reshape(n, *network.input_shape)
    target = np.ascontiguousarray(y[:n], np.int64 if np.asarray(y).dtype.kind in "iu" else np.float32)
    constant = constant_loss(loss, target, network.output_shape[-1])
    least = _least(loss, network.output_shape[-1])
    most = int(np.clip(_WORK / (3 * n * max(network.flops, 1)), _FEWEST, _MOST))
    first = last = math.nan
    right = steps = 0
    with np.errstate(all="ignore"):
        for step in range(most):
            penalty = engine.penalty()
            result = engine.step(Batch(pictures, target, None, (step,)), own.lr)
            last, right, steps = result.loss - penalty, result.correct, step + 1
            first = last if step == 0 else first
            if not math.isfinite(last) or last < least + _DONE * (constant - least):
                break
    return Practice(first, last if math.isfinite(last) else math.inf, constant, least, right, n, steps)


def _least(loss: Loss, scores: int) -> float:
    """The loss of the best answers: with label smoothing the entropy of the targets, else 0."""
    if not isinstance(loss, SoftmaxCrossEntropy) or not loss.smoothing:
        return 0.0
    other = loss.smoothing / scores
    aimed = np.array([1.0 - loss.smoothing + other, *[other] * (scores - 1)])
    return float(-(aimed * np.log(aimed)).sum())


def cannot_overfit(
    network: Network,
    loss: Loss,
    optimizer: Optimizer,
    x: Array,
    y: Array,
    *,
    l2: float = 0.0,
    explained: bool = False,
) -> Iterator[Finding]:
    """That it does not learn twenty pictures by heart, and what lets it.

    Parameters are those of `practise`; `explained`: the cause is known, and other learning rates are not tried.
    """
    found = practise(network, loss, optimizer, x, y, l2=l2)
    if found.learned or len(x) < 2 or found.constant <= 0.0:
        return
    yield Finding(
        "cannot-overfit",
        "failure",
        f"It cannot learn {found.pictures} pictures by heart: after {found.steps} steps on them the loss is"
        f" {found.last:.3g} (first {found.first:.3g}; {found.constant:.3g} needs no picture), and {found.right} are"
        " right.",
        remedy="Find out why before training on more.",
        where="training",
        symptom=True,
    )
    yield from _cause(network, loss, optimizer, x, y, l2, found, [] if explained else _other_rates(optimizer))


def _cause(
    network: Network,
    loss: Loss,
    optimizer: Optimizer,
    x: Array,
    y: Array,
    l2: float,
    before: Practice,
    rates: Sequence[float],
) -> Iterator[Finding]:
    """The first of a few changes that lets it learn."""
    advice: dict[str, Any]
    shown = f"the loss on {before.pictures} pictures gets to {{:.3g}} in place of {before.last:.3g}."
    other = _started_otherwise(network)
    if other is not None:
        tried = practise(other, loss, optimizer, x, y, l2=l2)
        if tried.learned:
            evidence = "It starts from the wrong weights: from those by He or Xavier " + shown.format(tried.last)
            advice = {"model.network": other.notation()}
            yield Finding("initialisation-wrong", "failure", evidence, advice, where="weights")
            return
    if l2:
        tried = practise(network, loss, optimizer, x, y)
        if tried.learned:
            evidence = f"L2 of {l2:g} keeps it from learning: without it " + shown.format(tried.last)
            yield Finding("l2-too-strong", "failure", evidence, {"train.l2": l2 / 1000}, where="loss")
            return
    decay = getattr(optimizer, "weight_decay", 0.0)
    if decay:
        plain = copy.deepcopy(optimizer)
        vars(plain)["weight_decay"] = 0.0
        tried = practise(network, loss, plain, x, y, l2=l2)
        if tried.learned:
            evidence = f"A weight decay of {decay:g} keeps it from learning: without it " + shown.format(tried.last)
            advice = {"optimizer.weight_decay": 0.01}
            yield Finding("decay-too-strong", "failure", evidence, advice, where="optimizer")
            return
    for lr in rates:
        tried = practise(network, loss, optimizer, x, y, l2=l2, lr=lr)
        if tried.learned:
            high = lr < optimizer.lr
            word = "rate-too-high" if high else "rate-too-low"
            evidence = f"The learning rate of {optimizer.lr:g} is too {'high' if high else 'low'}: with {lr:g} "
            yield Finding(word, "failure", evidence + shown.format(tried.last), {"optimizer.lr": lr}, where="optimizer")
            return


def _other_rates(optimizer: Optimizer) -> list[float]:
    """The optimiser's usual rate and ten times that, a tenth and ten times its own."""
    try:
        usual = make_optimizer(optimizer.word).lr
    except GlassnetError:
        usual = optimizer.lr
    rates = [usual, usual * _RATES, optimizer.lr / _RATES, optimizer.lr * _RATES]
    return [lr for lr in dict.fromkeys(float(f"{rate:.2g}") for rate in rates) if lr > 0.0 and lr != optimizer.lr]


def _started_otherwise(network: Network) -> Network | None:
    """The same network with the usual starting weights; None where it has them already, or is no plain notation."""
    notation = network.notation()
    usual = re.sub(r",\s*init (zeros|he|xavier|gaussian [^\s,|)]+)", "", notation)
    if usual == notation:
        return None
    return Network(usual, network.input_shape, seed=0)
