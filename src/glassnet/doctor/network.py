"""What a network's first batches show: the size of its loss, and of its outputs and gradients, layer by layer.

Thresholds are from the networks of `tests/doctor/test_network.py` on digits, before training: all initialisations of
`glassnet.nn.initialise` and the networks of `GOOD` in `tests/doctor/test_findings.py` on one side, broken ones on the
other. A threshold lies between the two by about the same factor.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from glassnet.doctor.case import Case
from glassnet.doctor.finding import Finding
from glassnet.doctor.probe import Trace, before_normalisation, double
from glassnet.doctor.update_rules import same_units
from glassnet.nn import (
    BatchNorm,
    Conv,
    Hinge,
    Linear,
    Loss,
    Network,
    ReLU,
    Sigmoid,
    SoftmaxCrossEntropy,
    Tanh,
)
from glassnet.nn.functional.arrays import Array

__all__ = ["FirstBatch", "after_training", "before_training", "constant_loss"]

# First loss over that of equal scores, ln K: 0.94 to 1.65 where weights are He's or Xavier's; 37 where they are 24
# times as large, and their scores saturate the softmax.
_FIRST_LOSS = 6.0
# Root mean square of what the first layer takes: 0.3 to 1.0 for pixels in 0..1 or standardised; 80 and more for 0..255,
# 0.002 and less where pixels are divided by 255 twice.
_INPUT = (0.02, 10.0)
# sqrt(inputs) times the root mean square of the weights: 0.6 to 1.42 by He and Xavier, 8 for `gaussian 1` on 64 inputs.
_GAIN = 3.5
_SATURATED = 0.4  # share of outputs at the flat ends: 0 in healthy networks, 0.51 behind weights of that gain
_FLAT_SIGMOID, _FLAT_TANH = 0.01, 0.99  # where the slope is 0.01 and 0.02
# Share of a layer's units that are 0 for all pictures: up to 0.22 in the tenth of ten layers; a rate of 10 kills all.
_DEAD = 0.6
# Root mean square of a layer's output over that of the input: 0.4 to 4 in healthy networks; 8,000 after five layers of
# gain 8, 4e-5 after two of gain 0.008.
_EXPLODED, _VANISHED = 100.0, 1e-3
# Smallest over largest |gradient| / |weight| of the layers: 0.03 and more in healthy networks, 2e-4 below six sigmoids.
_GRADIENT_RATIO = 4e-3
# Deviation of the scores over the pictures, as a share of their size: 0.03 and more, 1e-4 above six sigmoids.
_SPREAD = 1e-3
# The penalty over the loss: 0.8 cost 2 points of accuracy on digits (`linear 64`, l2 0.03), 2.8 cost 13, 8 cost 46.
_PENALTY = 2.0
# Running moments against those of the pictures, in units of their deviation: 0.03 to 0.3 after healthy trainings of 10
# epochs on digits, 1 and more where they were never moved.
_STALE_MEAN, _STALE_VARIANCE = 1.0, 10.0
_SAME_PICTURES = 1e-6


class FirstBatch:
    """A network's pass over its first pictures, and the way back.

    Parameters
    ----------
    network : Network
        It is copied.
    loss : Loss
        Its loss.
    x : (n, *input_shape) array
        Preprocessed pictures.
    y : (n,) or (n, k) array
        What the loss takes for them.
    train : bool
        The mode.

    Attributes
    ----------
    value : float
        The loss.
    trace : Trace
        Outputs and gradients of all layers.
    affine : list of str
        Names of the layers with weights, in order.
    sized : list of str
        Those of them whose size no batch normalisation takes away.
    normalised : bool
        Whether there is batch normalisation.
    """

    def __init__(self, network: Network, loss: Loss, x: Array, y: Array, *, train: bool) -> None:
        self.network, self.loss, self.x, self.y = network, loss, np.asarray(x, np.float64), np.asarray(y)
        self.trace = Trace(double(network, fused=False), self.x, train=train)
        with np.errstate(all="ignore"):
            self.value, dscores = loss.loss(self.trace.scores, self.y)
        self.trace.backward(dscores)
        layers = self.trace.layers
        self.affine = [name for name, layer in layers.items() if isinstance(layer, Linear | Conv)]
        self.normalised = any(isinstance(layer, BatchNorm) for layer in layers.values())
        free = {id(layer) for layer in before_normalisation(self.trace.network.layers)}
        self.sized = [name for name in self.affine if id(layers[name]) not in free]

    def weight(self, name: str) -> Array:
        """The weights of a layer."""
        return self.trace.layers[name].parameters["weight"].value

    def steepness(self, name: str) -> float:
        """|gradient| / |weight| of a layer; 0 where the weights are 0."""
        size = _rms(self.weight(name))
        return _rms(self.trace.layers[name].parameters["weight"].grad) / size if size else 0.0

    def gain(self, name: str) -> float:
        """Sqrt(inputs of a unit) times the root mean square of the weights: by what they multiply sizes."""
        weight = self.weight(name)
        return float(np.sqrt(weight.size / weight.shape[-1])) * _rms(weight)


def before_training(batch: FirstBatch, *, l2: float = 0.0) -> Iterator[Finding]:
    """All that is wrong with a network that has not been trained."""
    if not batch.affine:
        return
    same = [replace(finding, severity="failure") for finding in same_units(Case((), network=batch.network))]
    if same:  # from which all else follows
        yield from same
        return
    if not np.isfinite(batch.value):
        yield _failure(
            "loss-not-finite",
            f"The loss of the first {len(batch.x)} pictures is {batch.value}, before any step.",
            "Bring pixels to 0..1, and start from smaller weights.",
            "loss",
        )
        return
    yield from _input(batch)
    yield from _sizes(batch)
    yield from _first_loss(batch)
    yield from _gradients(batch)
    yield from _saturated(batch)
    yield from _dead(batch)
    yield from _constant(batch)
    yield from _penalty(batch, l2)


def after_training(batch: FirstBatch) -> Iterator[Finding]:
    """All that is wrong with a network that has been trained, by itself; the batch was run in evaluation mode."""
    if batch.affine and np.isfinite(batch.value):
        yield from _dead(batch)
        yield from _constant(batch)
        yield from _stale(batch)


# ---- the loss


def constant_loss(loss: Loss, y: Array, scores: int) -> float:
    """The loss of the best answer that is the same for every picture.

    For softmax cross-entropy the class frequencies f: -sum f ln f, which is ln K where all K classes are as frequent.
    For a squared error the mean target. For the hinge the better of equal scores and the most frequent class.
    """
    n = len(y)
    if not isinstance(loss, SoftmaxCrossEntropy | Hinge):
        return loss.loss(np.repeat(y.reshape(n, -1).mean(axis=0, dtype=np.float64)[None], n, axis=0), y.reshape(n, -1))[
            0
        ]
    frequencies = np.bincount(y, minlength=scores) / n
    if isinstance(loss, SoftmaxCrossEntropy):
        aimed = (1 - loss.smoothing) * frequencies + loss.smoothing / scores
        return float(-(aimed[aimed > 0] * np.log(aimed[aimed > 0])).sum())
    most = np.zeros((n, scores))
    most[:, frequencies.argmax()] = 1.0
    return min(loss.loss(most, y)[0], loss.loss(np.zeros_like(most), y)[0])


def _first_loss(batch: FirstBatch) -> Iterator[Finding]:
    if not isinstance(batch.loss, SoftmaxCrossEntropy | Hinge):
        return
    equal = batch.loss.loss(np.zeros_like(batch.trace.scores), batch.y)[0]
    if not batch.value > _FIRST_LOSS * equal:
        return
    k = batch.trace.scores.shape[-1]
    chance = f"ln {k} = {equal:.3g}" if isinstance(batch.loss, SoftmaxCrossEntropy) else f"{equal:.3g}"
    by_frequency = constant_loss(batch.loss, batch.y, k)
    widest = max(batch.affine, key=batch.gain)
    yield _failure(
        "first-loss-high",
        f"The first loss is {batch.value:.3g}, where equal scores give {chance} and class frequencies"
        f" {by_frequency:.3g}: scores up to {np.abs(batch.trace.scores).max():.3g} are confident before anything is"
        f" learned. Weights of {widest} multiply sizes by {batch.gain(widest):.3g} (He's by 1.4).",
        "Start from smaller weights (init he or xavier), and bring the input to deviation 1.",
        f"{widest}.weight",
    )


def _penalty(batch: FirstBatch, l2: float) -> Iterator[Finding]:
    size = 0.5 * l2 * sum(float((batch.weight(name) ** 2).sum()) for name in batch.sized)
    if size > _PENALTY * batch.value > 0.0:
        yield Finding(
            "l2-too-strong",
            "warning",
            f"With l2 = {l2:g} the penalty is {size:.3g} in the first objective, the loss {batch.value:.3g}: training"
            " makes the weights small before it makes the answers right.",
            {"train.l2": float(f"{0.1 * l2 * batch.value / size:.0e}")},
            where="loss",
        )


# ---- sizes, layer by layer


def _input(batch: FirstBatch) -> Iterator[Finding]:
    size = _rms(batch.x)
    if not _INPUT[0] <= size <= _INPUT[1]:
        yield _failure(
            "input-range",
            f"What the first layer takes has a root mean square of {size:.3g} (up to {np.abs(batch.x).max():.3g});"
            " about 1 is what weights start for.",
            "Bring pixels to 0..1, and standardise.",
            "input",
            {"model.preprocess": "scale -> standardise"},
        )


def _sizes(batch: FirstBatch) -> Iterator[Finding]:
    """Outputs that grow or shrink from layer to layer."""
    start = _rms(batch.x)
    if not start:
        return
    hidden = batch.affine[:-1]
    sizes = {name: _rms(batch.trace.outputs[name]) / start for name in batch.affine}
    if batch.normalised:  # which brings sizes to 1, whatever the input's
        sizes = {name: size * min(1.0, start) for name, size in sizes.items()}
    if any(size > _EXPLODED for size in sizes.values()):
        name = next(name for name, size in sizes.items() if size > _EXPLODED)
        yield _failure(
            "exploding",
            f"Outputs grow from layer to layer: {_chain(sizes)} times the size of the input; from {name} on more than"
            f" {_EXPLODED:g} times.",
            "Start from smaller weights (init he), or put batch normalisation between the layers.",
            name,
        )
    small = [name for name in hidden if 0.0 < sizes.get(name, 1.0) < _VANISHED]
    if small and not _restored(batch, small[0]):
        yield _failure(
            "vanishing",
            f"Outputs shrink from layer to layer: {_chain(sizes)} times the size of the input; from {small[0]} on less"
            f" than {_VANISHED:g} times.",
            "Start from larger weights (init he), or put batch normalisation between the layers.",
            small[0],
        )


def _restored(batch: FirstBatch, name: str) -> bool:
    """Whether a batch normalisation follows, which brings any size to 1."""
    names = list(batch.trace.layers)
    after = names[names.index(name) + 1 :]
    return any(isinstance(batch.trace.layers[other], BatchNorm) for other in after)


def _gradients(batch: FirstBatch) -> Iterator[Finding]:
    """Gradients that shrink or grow on their way back, as shares of the weights."""
    steep = {name: batch.steepness(name) for name in batch.sized}
    steep = {name: value for name, value in steep.items() if value > 0.0}
    if len(steep) < 2:
        return
    least, most = min(steep, key=steep.__getitem__), max(steep, key=steep.__getitem__)
    if not steep[least] < _GRADIENT_RATIO * steep[most]:
        return
    names = list(steep)
    shrinks = names.index(least) < names.index(most)
    word, way = ("vanishing", "shrink") if shrinks else ("exploding", "grow")
    yield _failure(
        word,
        f"Gradients {way} on their way back: |gradient| / |weight| is {steep[most]:.2g} at {most} and"
        f" {steep[least]:.2g} at {least}, so one learning rate cannot suit both.",
        "Use ReLU in place of sigmoids, init he, or batch normalisation between the layers.",
        least if shrinks else most,
    )


def _saturated(batch: FirstBatch) -> Iterator[Finding]:
    for name, layer in batch.trace.layers.items():
        y = batch.trace.outputs[name]
        if isinstance(layer, Tanh):
            share = float((np.abs(y) > _FLAT_TANH).mean())
        elif isinstance(layer, Sigmoid):
            share = float((np.minimum(y, 1.0 - y) < _FLAT_SIGMOID).mean())
        else:
            continue
        last = name == next(reversed(batch.trace.layers))
        if share > _SATURATED and not last:
            yield _failure(
                "saturated",
                f"{100 * share:.0f} % of the outputs of {name} are at its flat ends, where the gradient is next to 0.",
                "Start from smaller weights before it (init xavier), and standardise the input.",
                name,
            )
            return


def _dead(batch: FirstBatch) -> Iterator[Finding]:
    for name, layer in batch.trace.layers.items():
        if not isinstance(layer, ReLU):
            continue
        y = batch.trace.outputs[name]
        share = float((y.reshape(-1, y.shape[-1]) <= 0.0).all(axis=0).mean())
        if share > _DEAD:
            yield _failure(
                "dead-units",
                f"{100 * share:.0f} % of the {y.shape[-1]:,} units of {name} are 0 for all {len(y)} pictures: they get"
                " no gradient, and nothing brings them back.",
                "Lower the learning rate, start from weights by init he and biases of 0.",
                name,
            )
            return


def _constant(batch: FirstBatch) -> Iterator[Finding]:
    """The same scores whatever the picture, and no gradient that would change it."""
    scores = batch.trace.scores
    moves = batch.x.reshape(len(batch.x), -1).std(axis=0).max()
    if len(scores) < 2 or not moves > _SAME_PICTURES:
        return
    spread, size = float(scores.std(axis=0).mean()), _rms(scores)
    if spread > _SPREAD * size:
        return
    if size == 0.0 and any(batch.trace.layers[name].parameters["weight"].grad.any() for name in batch.affine):
        return  # last weights that start at 0 learn
    yield _failure(
        "output-independent",
        f"The scores do not depend on the picture: over {len(scores)} pictures they move by {spread:.2g}, and their"
        f" size is {size:.2g}.",
        "Look for the first layer whose output is the same for all pictures; start from other weights.",
        "scores",
    )


def _stale(batch: FirstBatch) -> Iterator[Finding]:
    """Running moments that have little to do with what the layer takes."""
    for name, layer in batch.trace.layers.items():
        if not isinstance(layer, BatchNorm):
            continue
        x = batch.trace.inputs[name]
        axes = tuple(range(x.ndim - 1))
        mean, variance = x.mean(axis=axes), x.var(axis=axes)
        known = variance > 1e-3 * variance.max(initial=0.0)
        if not known.any():
            continue
        off = float(np.median((np.abs(layer.state["mean"] - mean) / np.sqrt(variance + layer.eps))[known]))
        ratios = np.abs(np.log((layer.state["variance"] + layer.eps) / (variance + layer.eps)))[known]
        times = float(np.exp(np.median(ratios)))
        if off > _STALE_MEAN or times > _STALE_VARIANCE:
            yield _failure(
                "statistics-frozen",
                f"The running moments of {name} are not those of the pictures: means off by {off:.2g} deviations,"
                f" variances by a factor of {times:.3g}. In evaluation it does not normalise.",
                "Move them in training, with momentum 0.1.",
                name,
            )
            return


def _chain(sizes: dict[str, float]) -> str:
    values = [f"{size:.2g}" for size in sizes.values()]
    return ", ".join(values if len(values) <= 6 else [*values[:3], "...", *values[-2:]])


def _failure(name: str, evidence: str, remedy: str, where: str, advice: dict[str, Any] | None = None) -> Finding:
    return Finding(name, "failure", evidence, advice or {}, remedy, where)


def _rms(values: Array) -> float:
    with np.errstate(all="ignore"):
        return float(np.sqrt((np.asarray(values, np.float64) ** 2).mean()))
