"""The sum that made a unit, term by term, as an expression that gives the same number in Python."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import singledispatch
from itertools import product
from typing import Any

import numpy as np

from glassnet.errors import GlassnetError
from glassnet.nn.functional.arrays import Array
from glassnet.nn.layer import Layer
from glassnet.nn.layers import (
    AveragePool,
    BatchNorm,
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
from glassnet.nn.network import Network

__all__ = ["Term", "Working", "unit_working"]

Unit = tuple[int, ...]


@dataclass(frozen=True)
class Term:
    """One number that a unit is made of: where it comes from, the number, its weight (None: it has none), its part.

    Examples
    --------
    >>> from glassnet import Network
    >>> from glassnet.explain import unit_working
    >>> network = Network("linear 1", (2,))
    >>> network.load_arrays({"1.linear.weight": np.array([[2.0], [3.0]]), "1.linear.bias": np.zeros(1)})
    >>> term = unit_working(network, np.array([1.0, 4.0]), "1.linear", [0]).terms[1]
    >>> term.value, term.weight, term.part
    (4.0, 3.0, 12.0)
    """

    source: str
    value: float
    weight: float | None
    part: float


@dataclass(frozen=True)
class Working:
    """How a unit came about.

    Attributes
    ----------
    layer : str
        The layer, by its name.
    unit : tuple of int
        Place of the unit in the layer's output, from 0: (row, column, map), or (number,).
    computed : float
        What the network computed, in its own precision.
    expression : str
        The same as Python; it may use `math`. Empty where the layer's work is no single expression.
    value : float or None
        What Python makes of the expression, in float64.
    terms : tuple of Term
        What goes in, in the expression's order.
    left_out : int
        Further inputs that are 0, or that padding adds, and change nothing.

    Examples
    --------
    >>> from glassnet import Network
    >>> from glassnet.explain import unit_working
    >>> network = Network("linear 1", (2,))
    >>> network.load_arrays({"1.linear.weight": np.array([[2.0], [3.0]]), "1.linear.bias": np.ones(1)})
    >>> working = unit_working(network, np.array([1.0, 4.0]), "1.linear", [0])
    >>> working.computed, working.value, [term.part for term in working.terms]
    (15.0, 15.0, [2.0, 12.0])
    """

    layer: str
    unit: Unit
    computed: float
    expression: str
    value: float | None
    terms: tuple[Term, ...]
    left_out: int


@dataclass(frozen=True)
class _Written:
    expression: str
    value: float
    terms: tuple[Term, ...]
    left_out: int = 0


def unit_working(network: Network, x: Array, layer: str, unit: Sequence[int]) -> Working:
    """Write out how one unit of a layer came about.

    Parameters
    ----------
    network : Network
        In evaluation mode.
    x : (*input_shape) array
        One example, preprocessed.
    layer : str
        One of the network's own layers, by its name: "2.relu".
    unit : sequence of int
        Its place in the layer's output.

    Raises
    ------
    GlassnetError
        There is no such layer or unit.

    Examples
    --------
    >>> from glassnet import Network
    >>> from glassnet.explain import unit_working
    >>> working = unit_working(Network("linear 3", (4,)), np.ones(4), "1.linear", [0])
    >>> type(working).__name__
    'Working'
    """
    position, place = network.position_of(layer), tuple(int(i) for i in unit)
    found = network.activations(x[None])
    values = list(found.values())
    output = values[position - 1][0]
    inside = len(place) == output.ndim and all(0 <= i < n for i, n in zip(place, output.shape, strict=True))
    if not inside:
        raise GlassnetError(f"The layer '{layer}' has no unit {place}; its output is of shape {output.shape}.")
    below = np.asarray(x, network.dtype) if position == 1 else values[position - 2][0]
    written = _written(network.layers[position - 1], below, place)
    parts: dict[str, Any] = {"expression": "", "value": None, "terms": (), "left_out": 0}
    return Working(layer, place, float(output[place]), **(parts if written is None else vars(written)))


def _number(value: Any) -> str:
    """The shortest decimal that is this number in its own precision."""
    return str(value.item() if value.dtype == np.float64 else value)


def _at(place: Unit) -> str:
    if len(place) == 1:
        return f"unit {place[0]}"
    row, column, channel = place
    return f"map {channel} at {row}, {column}"


@singledispatch
def _written(layer: Layer, x: Array, unit: Unit) -> _Written | None:
    """A layer's unit written out, given the layer's input; None: of several layers inside, which are no single sum."""
    return None


def _summed(inputs: Sequence[tuple[Unit, Any]], weights: Sequence[Any], bias: Any) -> _Written:
    """bias + value * weight + ..., from left to right; what is 0 is left out."""
    text, total = _number(bias), float(_number(bias))
    terms, parts = [], [text]
    for (place, value), weight in zip(inputs, weights, strict=True):
        if value == 0:
            continue
        v, w = float(_number(value)), float(_number(weight))
        total += v * w
        terms.append(Term(_at(place), v, w, v * w))
        parts.append(f"{_number(value)}*{_number(weight)}")
    return _Written(" + ".join(parts), total, tuple(terms), len(inputs) - len(terms))


@_written.register
def _linear(layer: Linear, x: Array, unit: Unit) -> _Written:
    flat = x.reshape(-1)
    weights, bias = layer.parameters["weight"].value[:, unit[0]], _bias(layer, unit[0])
    places = [np.unravel_index(i, x.shape) for i in range(flat.size)]
    return _summed([(tuple(map(int, p)), v) for p, v in zip(places, flat, strict=True)], list(weights), bias)


def _bias(layer: Layer, output: int) -> Any:
    return layer.parameters["bias"].value[output] if "bias" in layer.parameters else np.float32(0)


@_written.register
def _conv(layer: Conv, x: Array, unit: Unit) -> _Written:
    weight = layer.parameters["weight"].value
    kernel_inputs, group = weight.shape[2], unit[2] // (layer.output_shape[2] // layer.groups)
    window = _window(layer, x, unit)
    inputs, weights = [], []
    for (i, j, row, column), c in product(window, range(kernel_inputs)):
        channel = group * kernel_inputs + c
        inputs.append(((row, column, channel), x[row, column, channel]))
        weights.append(weight[i, j, c, unit[2]])
    return _summed(inputs, weights, _bias(layer, unit[2]))


def _window(layer: Any, x: Array, unit: Unit) -> list[tuple[int, int, int, int]]:
    """(row and column in the window, row and column in the input) of all places that are not padding."""
    top, left = unit[0] * layer.stride[0] - layer.pad[0], unit[1] * layer.stride[1] - layer.pad[2]
    return [
        (i, j, top + i, left + j)
        for i, j in product(range(layer.size[0]), range(layer.size[1]))
        if 0 <= top + i < x.shape[0] and 0 <= left + j < x.shape[1]
    ]


def _plain(x: Array, places: list[Unit]) -> tuple[list[str], tuple[Term, ...]]:
    texts = [_number(x[place]) for place in places]
    return texts, tuple(Term(_at(p), float(t), None, float(t)) for p, t in zip(places, texts, strict=True))


@_written.register
def _max_pool(layer: MaxPool, x: Array, unit: Unit) -> _Written:
    texts, terms = _plain(x, [(row, column, unit[2]) for _, _, row, column in _window(layer, x, unit)])
    value = max(term.value for term in terms)
    return _Written(f"max({', '.join(texts)})" if len(texts) > 1 else texts[0], value, terms)


@_written.register
def _average_pool(layer: AveragePool, x: Array, unit: Unit) -> _Written | None:
    if layer.count_pad and (layer.pad.any or layer.ceil):
        return None  # how many places count depends on the edge
    return _mean(x, [(row, column, unit[2]) for _, _, row, column in _window(layer, x, unit)])


@_written.register
def _global_average(layer: GlobalAveragePool, x: Array, unit: Unit) -> _Written:
    return _mean(x, [(row, column, unit[-1]) for row, column in product(range(x.shape[0]), range(x.shape[1]))])


def _mean(x: Array, places: list[Unit]) -> _Written:
    texts, terms = _plain(x, places)
    total = terms[0].value
    for term in terms[1:]:
        total += term.value
    return _Written(f"({' + '.join(texts)}) / {len(texts)}", total / len(texts), terms)


@_written.register
def _batch_norm(layer: BatchNorm, x: Array, unit: Unit) -> _Written:
    channel = unit[-1]
    scale, shift = (_number(layer.parameters[name].value[channel]) for name in ("scale", "shift"))
    mean, variance = (repr(float(layer.state[name][channel])) for name in ("mean", "variance"))
    texts, terms = _plain(x, [unit])
    value = (terms[0].value - float(mean)) / math.sqrt(float(variance) + layer.eps) * float(scale) + float(shift)
    return _Written(f"({texts[0]} - {mean}) / math.sqrt({variance} + {layer.eps}) * {scale} + {shift}", value, terms)


@_written.register
def _relu(layer: ReLU, x: Array, unit: Unit) -> _Written:
    texts, terms = _plain(x, [unit])
    return _Written(f"max(0.0, {texts[0]})", max(0.0, terms[0].value), terms)


@_written.register
def _relu6(layer: ReLU6, x: Array, unit: Unit) -> _Written:
    texts, terms = _plain(x, [unit])
    return _Written(f"min(6.0, max(0.0, {texts[0]}))", min(6.0, max(0.0, terms[0].value)), terms)


@_written.register
def _sigmoid(layer: Sigmoid, x: Array, unit: Unit) -> _Written:
    """The form that does not overflow: e^v / (1 + e^v) below 0."""
    texts, terms = _plain(x, [unit])
    v = terms[0].value
    if v >= 0:
        return _Written(f"1 / (1 + math.exp(-{texts[0]}))", 1 / (1 + math.exp(-v)), terms)
    return _Written(f"math.exp({texts[0]}) / (1 + math.exp({texts[0]}))", math.exp(v) / (1 + math.exp(v)), terms)


@_written.register
def _tanh(layer: Tanh, x: Array, unit: Unit) -> _Written:
    texts, terms = _plain(x, [unit])
    return _Written(f"math.tanh({texts[0]})", math.tanh(terms[0].value), terms)


@_written.register
def _flatten(layer: Flatten, x: Array, unit: Unit) -> _Written:
    place = tuple(int(i) for i in np.unravel_index(unit[0], x.shape))
    texts, terms = _plain(x, [place])
    return _Written(texts[0], terms[0].value, terms)


@_written.register
def _dropout(layer: Dropout, x: Array, unit: Unit) -> _Written:
    """In use nothing is dropped."""
    texts, terms = _plain(x, [unit])
    return _Written(texts[0], terms[0].value, terms)
