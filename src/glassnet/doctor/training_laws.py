"""Laws of what trains and uses a network: the first step of its optimiser, its penalty, its preprocessing, its file."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from glassnet.data import Preprocess
from glassnet.doctor.finding import Finding
from glassnet.doctor.probe import Probe, double
from glassnet.engines import Batch, NativeEngine
from glassnet.model import Model
from glassnet.nn.functional.arrays import Array
from glassnet.optim import Optimizer

__all__ = ["model_law", "penalty_law", "preprocess_law", "scores_law", "step_law"]

_CLEAR = 0.01  # of a tensor's largest gradient: below it, float32 may round to the other sign
_NOTHING = 1e-4  # of the largest gradient of all: a tensor below has none but rounding, as a bias before batch norm
_EXCEPTIONS = 0.05  # share of elements: a ReLU at its kink may open in one precision and not in the other
_FLOAT32 = 1e-3  # of the largest score: float32 against float64 was 1e-6 to 1e-4 off on all named networks
_EXACT = 1e-5  # of a sum of squares in float32


def step_law(probe: Probe, optimizer: Optimizer) -> Iterator[Finding]:
    """The first step of an optimiser moves every weight against its own gradient.

    All of ours take away a positive multiple of g in the first step, element by element: r g (momentum: v = g;
    Nesterov: g + mu g), r g / sqrt((1 - d) g^2 + eps), r g / (|g| + eps) after Adam's corrections. So the update and g
    differ in sign everywhere, g with its penalty. AdamW's decay is left out.
    """
    taken = _first_step(probe, optimizer)
    if taken is None:
        return
    updates, gradients = taken
    rates = {name: parameter.rate for name, parameter in probe.network.parameters().items()}
    largest = max((float(np.abs(g).max()) for g in gradients.values()), default=0.0)
    for name, g in gradients.items():
        size = float(np.abs(g).max())
        if not np.isfinite(size) or size <= _NOTHING * largest or not rates[name]:
            continue
        clear = np.abs(g) > _CLEAR * size
        uphill = updates[name] * g >= 0.0
        if not updates[name].any():
            word, evidence = "not-updated", f"A step of {optimizer.word} does not move {name}, which has a gradient."
        elif float(uphill[clear].mean()) > 0.5:
            word, evidence = (
                "step-uphill",
                f"A step of {optimizer.word} moves {name} along its gradient: the loss rises.",
            )
        elif float(uphill[clear].mean()) > _EXCEPTIONS:
            share = 100 * float(uphill[clear].mean())
            word = "step-wrong"
            evidence = f"A step of {optimizer.word} moves {share:.0f} % of {name} along its gradient, not against it."
        else:
            continue
        remedy = "Take a positive multiple of the gradient away from every weight."
        yield Finding(word, "failure", evidence, remedy=remedy, where=name)
        return


def _first_step(probe: Probe, optimizer: Optimizer) -> tuple[dict[str, Array], dict[str, Array]] | None:
    """(what a step at rate 1 adds, the gradient by float64) of every parameter; None where a number is not finite."""
    reference = double(probe.network, key=probe.seed)
    network = probe.network.astype(np.float32)
    own = copy.deepcopy(optimizer)
    own.reset()
    if hasattr(own, "weight_decay"):
        vars(own)["weight_decay"] = 0.0
    with np.errstate(all="ignore"):
        value, dscores = probe.loss.loss(reference.forward(probe.x, train=True), probe.y)
        if not np.isfinite(value):
            return None
        reference.backward(dscores)
        gradients = {
            name: p.grad + (probe.l2 * p.value if p.decays else 0.0) for name, p in reference.parameters().items()
        }
        before = {name: p.value.copy() for name, p in network.parameters().items()}
        engine = NativeEngine(network, probe.loss, own, l2=probe.l2)
        engine.step(Batch(probe.x.astype(np.float32), _target(probe), None, (probe.seed,)), 1.0)
    return {name: p.value - before[name] for name, p in network.parameters().items()}, gradients


def _target(probe: Probe) -> Array:
    kind = np.int64 if probe.y.dtype.kind in "iu" else np.float32
    return np.ascontiguousarray(probe.y, kind)


def penalty_law(probe: Probe, optimizer: Optimizer) -> Iterator[Finding]:
    """With L2, the objective is larger by 0.5 l2 |w|^2 over the weights that decay, and by nothing without it."""
    if not probe.l2:
        return
    network = probe.network.astype(np.float32)
    weights = [p.value.astype(np.float64) for p in network.parameters().values() if p.decays]
    right = 0.5 * probe.l2 * sum(float((w**2).sum()) for w in weights)
    x, y = probe.x.astype(np.float32), _target(probe)
    losses = []
    for l2 in (0.0, probe.l2):
        engine = NativeEngine(network.astype(np.float32), probe.loss, copy.deepcopy(optimizer), l2=l2)
        with np.errstate(all="ignore"):
            losses.append(engine.step(Batch(x, y, None, (probe.seed,)), 0.0).loss)
    rise = losses[1] - losses[0]
    if np.isfinite(rise) and abs(rise - right) > _EXACT * max(1.0, abs(losses[0]), right):
        yield Finding(
            "penalty-wrong",
            "failure",
            f"With l2 = {probe.l2:g} the loss of the first batch changes by {rise:.4g}, where 0.5 l2 |w|^2 is"
            f" {right:.4g}.",
            remedy="Add the penalty to the loss, and l2 w to the gradient.",
            where="loss",
        )


def scores_law(probe: Probe, scores: Callable[[Array], Array]) -> Iterator[Finding]:
    """Whatever computes scores in evaluation gives the same ones twice, and those of the network.

    `scores` is asked with float32 examples, so the second holds to float32's rounding.
    """
    x = np.ascontiguousarray(probe.x, np.float32)
    one, other = np.array(scores(x.copy())), np.array(scores(x.copy()))
    if not np.array_equal(one, other, equal_nan=True):
        yield Finding(
            "evaluation-random",
            "failure",
            f"The same {len(x)} examples have other scores each time, by up to {np.abs(one - other).max():.3g}.",
            remedy="Evaluate with dropout off.",
            where="scores",
        )
        return
    right = double(probe.network).forward(x)
    if not np.isfinite(right).all() or _close(one, right):
        return
    training = double(probe.network, key=probe.seed).forward(x, train=True)
    if _close(one, training):
        word, evidence = "training-mode-in-evaluation", "Scores are those of training mode, batch by batch."
    else:
        word = "forward-differs"
        evidence = f"Scores differ from those of the network by up to {np.abs(one - right).max():.3g}."
    remedy = "Evaluate with the network in evaluation mode, and with the weights that were trained."
    yield Finding(word, "failure", evidence, remedy=remedy, where="scores")


def _close(one: Array, other: Array) -> bool:
    return one.shape == other.shape and bool(np.abs(one - other).max() <= _FLOAT32 * max(1.0, np.abs(other).max()))


def preprocess_law(model: Model, preprocess: Preprocess, images: Array) -> Iterator[Finding]:
    """A model preprocesses pictures as its training did, to the bit: its file has the training's own statistics.

    Parameters
    ----------
    model : Model
        What was saved, or will be.
    preprocess : Preprocess
        The training's, fitted.
    images : (n, H, W, C) array
        Some pictures as they are stored.
    """
    given, wanted = model.preprocess.transform(images), preprocess.transform(images)
    if given.shape == wanted.shape and np.array_equal(given, wanted, equal_nan=True):
        return
    ours, theirs = model.preprocess.notation(), preprocess.notation()
    if ours != theirs:
        what, where = f"'{ours}' in the model and '{theirs}' in training", "notation"
    else:
        where = _differing(model.preprocess.arrays(), preprocess.arrays())
        what = f"other statistics of '{ours}' ({where})"
    if given.shape == wanted.shape:
        off = np.abs(given - wanted)
        place = tuple(int(i) for i in np.unravel_index(int(off.argmax()), off.shape))
        what += (
            f": picture {place[0]}, row {place[1]}, column {place[2]} is {given[place]:.6g}, not {wanted[place]:.6g}"
        )
    yield Finding(
        "preprocess-differs",
        "failure",
        f"The model preprocesses otherwise than its training: {what}. It sees pictures unlike those it learned from.",
        remedy="Save the preprocessing that was fitted on the training pictures with the model.",
        where=where,
    )


def _differing(one: dict[str, Any], other: dict[str, Any]) -> str:
    same = (name for name in other if name in one and np.array_equal(one[name], other[name]))
    return next(iter(sorted(set(other) - set(same))), "steps")


def model_law(model: Model) -> Iterator[Finding]:
    """A model read from its own contents has the same arrays: what is saved is what was trained."""
    description, arrays = model.contents()
    again = Model.from_contents(description, {name: array.copy() for name, array in arrays.items()}, "model").contents()
    for name, array in arrays.items():
        if not np.array_equal(array, again[1][name], equal_nan=True):
            evidence = f"'{name}' of the model is not what its file gives back."
            yield Finding("model-differs", "failure", evidence, remedy="Save all arrays of the network.", where=name)
            return
