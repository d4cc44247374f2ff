"""Forward passes of many slightly different copies of a batch at once, for the fast numerical gradients.

Arrays are features first: `(f, r, n)` holds r copies of a batch of n examples with f features each, so that sums over
classes run along memory and a layer's product is one matrix product. The first half of the copies is moved up, the
second half down, in the same order. A `Piece` describes one layer in that form:

`full`     (f, r, n) -> (g, r, n): the layer on whole copies;
`columns`  (r, n), (r,) -> (r, n): the layer on one feature of every copy, where feature j of its output depends on
           feature j of its input alone; None for layers that mix features;
`product`  the weights (f, g) of a layer that is a product plus a constant; None for others.

Nothing here is taken from the layers' own forward pass but their settings, so that the two can be compared.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import singledispatch
from typing import Any

import numpy as np

from glassnet.nn import functional as F
from glassnet.nn.functional.arrays import Array
from glassnet.nn.functional.loss import squared_error_factor
from glassnet.nn.layer import Layer
from glassnet.nn.layers import (
    AveragePool,
    BatchNorm,
    Composite,
    Conv,
    Dropout,
    Flatten,
    GlobalAveragePool,
    Linear,
    MaxPool,
    ReLU,
    ReLU6,
    Sigmoid,
    Tanh,
)
from glassnet.nn.loss import Hinge, Loss, SoftmaxCrossEntropy, SquaredError

__all__ = ["Kinks", "Piece", "StackedLoss", "elementwise", "piece_of", "stacked_form", "stacked_loss"]


class Kinks:
    """Which pairs of copies lie on two sides of a kink, where a difference quotient is not a derivative."""

    def __init__(self, pairs: int) -> None:
        self.crossed = np.zeros(pairs, bool)

    def compare(self, positive: Array) -> None:
        """Note where the two copies of a pair differ; `positive` is boolean, (f, r, n) or (r, n)."""
        if not len(self.crossed):  # a batch that was not moved
            return
        up, down = np.split(positive, 2, axis=-2)
        differs = (up != down).any(axis=-1)
        self.crossed |= differs if differs.ndim == 1 else differs.any(axis=0)


Full = Callable[[Array, Kinks], Array]
Columns = Callable[[Array, Array, Kinks], Array]


@dataclass(frozen=True)
class Piece:
    """One layer on stacked copies; see the module."""

    full: Full
    columns: Columns | None = None
    product: Array | None = None


def piece_of(layer: Layer, x: Array, train: bool) -> Piece | None:
    """`stacked_form`, for layers of the very classes that have an entry: a class derived from one may differ."""
    return stacked_form(layer, x, train) if type(layer) in stacked_form.registry else None


@singledispatch
def stacked_form(layer: Layer, x: Array, train: bool) -> Piece | None:
    """The layer on stacked copies; every layer has an entry.

    Parameters
    ----------
    layer : Layer
        A built layer in float64.
    x : (n, ...) float64 array
        Its input for the unmoved batch.
    train : bool
        The mode.

    Returns
    -------
    Piece or None
        None where no such form is written down: the layer is then run itself, which is right, but slower.
    """
    return None


@stacked_form.register(Conv)
@stacked_form.register(MaxPool)
@stacked_form.register(AveragePool)
@stacked_form.register(GlobalAveragePool)
@stacked_form.register(Composite)
def _run_itself(layer: Layer, x: Array, train: bool) -> None:
    """One weight moves many numbers of the output: there is nothing to be saved."""


@stacked_form.register(Linear)
def _linear(layer: Linear, x: Array, train: bool) -> Piece:
    weight, bias = layer.parameters["weight"].value, layer.parameters["bias"].value
    transposed = np.ascontiguousarray(weight.T)

    def full(a: Array, kinks: Kinks) -> Array:
        y = transposed @ a.reshape(len(a), -1) + bias[:, None]  # (f, r n) -> (g, r n)
        stacked: Array = y.reshape(-1, *a.shape[1:])
        return stacked

    return Piece(full, None, weight)


def elementwise(function: Callable[[Array], Array], kinks_at: tuple[float, ...] = ()) -> Piece:
    """The piece of a function that acts on every number by itself, and where it has kinks."""

    def full(a: Array, kinks: Kinks) -> Array:
        for place in kinks_at:
            kinks.compare(a > place)
        return function(a)

    return Piece(full, lambda c, j, kinks: full(c, kinks))


@stacked_form.register(ReLU)
def _relu(layer: ReLU, x: Array, train: bool) -> Piece:
    return elementwise(lambda a: np.maximum(a, 0.0), (0.0,))


@stacked_form.register(ReLU6)
def _relu6(layer: ReLU6, x: Array, train: bool) -> Piece:
    return elementwise(lambda a: np.clip(a, 0.0, 6.0), (0.0, 6.0))


@stacked_form.register(Sigmoid)
def _sigmoid(layer: Sigmoid, x: Array, train: bool) -> Piece:
    def sigmoid(a: Array) -> Array:
        e = np.exp(-np.abs(a))
        y: Array = np.where(a < 0, e, 1.0) / (1 + e)
        return y

    return elementwise(sigmoid)


@stacked_form.register(Tanh)
def _tanh(layer: Tanh, x: Array, train: bool) -> Piece:
    return elementwise(np.tanh)


@stacked_form.register(Flatten)
def _flatten(layer: Flatten, x: Array, train: bool) -> Piece:
    return _IDENTITY


@stacked_form.register(Dropout)
def _dropout(layer: Dropout, x: Array, train: bool) -> Piece:
    if not train or layer.p == 0:
        return _IDENTITY
    rng = np.random.default_rng(layer.key)
    if layer.channels:
        mask = np.broadcast_to(F.channel_dropout_mask(len(x), x.shape[-1], layer.p, rng, np.float64), x.shape)
    else:
        mask = F.dropout_mask(x.shape, layer.p, rng, np.float64)
    mask = mask.reshape(len(x), -1)
    kept = np.ascontiguousarray(mask.T)  # (n, f) -> (f, n)
    return Piece(lambda a, kinks: a * kept[:, None, :], lambda c, j, kinks: c * kept[j])


@stacked_form.register(BatchNorm)
def _batchnorm(layer: BatchNorm, x: Array, train: bool) -> Piece | None:
    if x.ndim != 2:  # the channels of pictures: every number of a channel moves with one
        return None
    scale, shift = layer.parameters["scale"].value, layer.parameters["shift"].value
    mean, variance = layer.state["mean"], layer.state["variance"]

    def normalise(a: Array, pick: Callable[[Array], Array]) -> Array:
        if train:
            centred = a - a.mean(axis=-1, keepdims=True)
            spread = (centred * centred).mean(axis=-1, keepdims=True)
        else:
            centred, spread = a - pick(mean), pick(variance)
        y: Array = pick(scale) * (centred / np.sqrt(spread + layer.eps)) + pick(shift)
        return y

    return Piece(
        lambda a, kinks: normalise(a, lambda p: p[:, None, None]),
        lambda c, j, kinks: normalise(c, lambda p: p[j][:, None]),
    )


_IDENTITY = Piece(lambda a, kinks: a, lambda c, j, kinks: c)


# ---- losses --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class StackedLoss:
    """A loss on stacked scores, which it may overwrite: (k, r, n) -> (r, n), each example's share of it.

    `columns` (r, n), (r,) -> (r, n) is the part that score j of every copy adds; None where scores are mixed.
    """

    full: Full
    columns: Columns | None = None


def stacked_loss(loss: Loss, scores: Array, target: Any) -> StackedLoss | None:
    """The loss in stacked form; None for a loss not known here.

    scores (n, ...) are those of the unmoved batch; `target` is what the loss takes.
    """
    scores = scores.reshape(len(scores), -1)
    n, k = scores.shape
    if isinstance(loss, SquaredError):
        wanted = np.ascontiguousarray(np.asarray(target, np.float64).reshape(n, k).T)
        factor = squared_error_factor(n, k, loss.convention)
        return StackedLoss(
            lambda z, kinks: factor * ((z - wanted[:, None, :]) ** 2).sum(axis=0),
            lambda c, j, kinks: factor * (c - wanted[j]) ** 2,
        )
    if not isinstance(loss, SoftmaxCrossEntropy | Hinge):
        return None
    labels = np.asarray(target) if np.ndim(target) == 1 else np.asarray(target).argmax(axis=1)
    if isinstance(loss, SoftmaxCrossEntropy):
        return _softmax_cross_entropy(loss.smoothing, scores, labels)
    return _hinge(labels)


def _own(z: Array, labels: Array) -> Array:
    """The score of each example's label, (k, r, n) -> (r, n)."""
    own = np.empty(z.shape[1:])
    for example, label in enumerate(labels):
        own[:, example] = z[label, :, example]
    return own


def _softmax_cross_entropy(smoothing: float, scores: Array, labels: Array) -> StackedLoss:
    n, k = scores.shape
    top = scores.max(axis=1)  # of the unmoved batch: the copies differ from it only by the step

    def value(z: Array, kinks: Kinks) -> Array:
        z -= top
        own = _own(z, labels)
        own *= 1 - smoothing
        if smoothing:
            own += smoothing / k * z.sum(axis=0)
        losses: Array = np.log(np.exp(z, out=z).sum(axis=0))
        losses -= own
        losses /= n
        return losses

    return StackedLoss(value)


def _hinge(labels: Array) -> StackedLoss:
    def value(z: Array, kinks: Kinks) -> Array:
        n = z.shape[2]
        z -= _own(z, labels) - 1.0
        for example, label in enumerate(labels):
            z[label, :, example] = 0.0
        kinks.compare(z > 0)
        losses: Array = np.maximum(z, 0.0).sum(axis=0) / n
        return losses

    return StackedLoss(value)
