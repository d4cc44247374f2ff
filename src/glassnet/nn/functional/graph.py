"""Graphs of single units: each sums what its connections bring, and has an activation of its own.

Unit u has the sources S(u), nodes that come before it: inputs, the constant 1, or other units.

    z_u = sum over s in S(u) of w_us a_s,    a_u = f_u(z_u)

Derivation. A node acts on the loss through the units that it is a source of, so with d_u = dL/da_u f_u'(z_u)

    dL/dw_us = d_u a_s,    dL/da_s = sum over u with s in S(u) of w_us d_u  (and what comes from outside, for an output)

which a pass through the units in reverse order gives: when u is reached, all that it is a source of are done. The
slopes f' come from z and a = f(z):

    linear 1      step 0          sin cos z      cos -sin z    gauss exp(-z^2/2): -z a
    tanh 1 - a^2  sigmoid a (1-a)  inverse (-z) -1  abs sign z    relu 1 where z > 0

At the kinks of abs and relu, and at the jump of the step, the slope is taken to be 0.

Source: the activations are those of A. Gaier and D. Ha, "Weight Agnostic Neural Networks", NeurIPS 2019.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from glassnet.errors import GlassnetError
from glassnet.nn.functional.arrays import Array, as_float
from glassnet.nn.kernels import graphs

__all__ = ["ACTIVATIONS", "graph_backward", "graph_backward_naive", "graph_forward", "graph_forward_naive"]

ACTIVATIONS = ("linear", "step", "sin", "cos", "gauss", "tanh", "sigmoid", "inverse", "abs", "relu")
"""The activations by their codes."""

Numbers = NDArray[np.integer[Any]]
Cache = tuple[Numbers, Numbers, Numbers, Array, Array, Array, int]


def graph_forward(
    x: Array, codes: Numbers, start: Numbers, source: Numbers, weights: Array, outputs: int
) -> tuple[Array, Cache]:
    """The last units of a graph.

    Parameters
    ----------
    x : (n, d) array
        Float32 or float64.
    codes : (u,) array
        The activation of each unit, by its place in `ACTIVATIONS`.
    start : (u + 1,) array
        Unit k has the connections `start[k]` to `start[k + 1]`.
    source : (e,) array
        Where each connection comes from: 0 to d - 1 an input, d the constant 1, d + 1 + k unit k, which must come
        before.
    weights : (e,) array
        One for each connection, of x's dtype.
    outputs : int
        How many of the last units are outputs.

    Returns
    -------
    y : (n, outputs) array
        The scores.
    cache : tuple
        What `graph_backward` needs.

    Raises
    ------
    GlassnetError
        The arrays do not fit together.

    Examples
    --------
    >>> from glassnet.nn.functional import graph_forward
    >>> codes, start, source = np.array([0]), np.array([0, 2]), np.array([0, 1])  # a linear unit, of both inputs
    >>> scores, cache = graph_forward(np.array([[1.0, 4.0]]), codes, start, source, np.array([2.0, 3.0]), outputs=1)
    >>> scores
    array([[14.]])
    """
    x = as_float(x)
    if x.ndim != 2 or len(start) != len(codes) + 1 or not len(weights) == len(source) == start[-1]:
        raise GlassnetError(
            f"A graph needs rows x, the start of every unit's connections and their end, and a weight for each. Got x"
            f" {x.shape}, {len(codes)} units, {len(start)} starts, {len(source)} connections, {len(weights)} weights."
        )
    n, d = x.shape
    values = np.empty((d + 1 + len(codes), n), x.dtype)
    values[:d], values[d] = x.T, 1
    sums = np.empty((len(codes), n), x.dtype)
    weights = weights.astype(x.dtype, copy=False)
    graphs.graph_forward(codes, start, source, weights, values, sums)
    return np.ascontiguousarray(values[len(values) - outputs :].T), (codes, start, source, weights, values, sums, d)


def graph_backward(dy: Array, cache: Cache, *, input_gradient: bool = True) -> tuple[Array | None, Array]:
    """(dx (n, d) or None where it is not asked for, dweights (e,)) from dy (n, outputs).

    Examples
    --------
    >>> from glassnet.nn.functional import graph_backward, graph_forward
    >>> codes, start, source = np.array([0]), np.array([0, 2]), np.array([0, 1])  # a linear unit, of both inputs
    >>> scores, cache = graph_forward(np.array([[1.0, 4.0]]), codes, start, source, np.array([2.0, 3.0]), outputs=1)
    >>> graph_backward(np.array([[1.0]]), cache)
    (array([[2., 3.]]), array([1., 4.]))
    """
    codes, start, source, weights, values, sums, d = cache
    gradients = np.zeros_like(values)
    gradients[len(values) - dy.shape[1] :] = dy.T
    dweights = np.empty_like(weights)
    first = 0 if input_gradient else d + 1
    graphs.graph_backward(codes, start, source, weights, values, sums, gradients, dweights, first)
    return (np.ascontiguousarray(gradients[:d].T) if input_gradient else None), dweights


# ---- references ----------------------------------------------------------------------------------------------------

_FUNCTIONS: dict[str, tuple[Any, Any]] = {
    "linear": (lambda z: z, lambda z: 1.0),
    "step": (lambda z: float(z > 0), lambda z: 0.0),
    "sin": (math.sin, math.cos),
    "cos": (math.cos, lambda z: -math.sin(z)),
    "gauss": (lambda z: math.exp(-(z**2) / 2), lambda z: -z * math.exp(-(z**2) / 2)),
    "tanh": (math.tanh, lambda z: 1 - math.tanh(z) ** 2),
    "sigmoid": (lambda z: (1 + math.tanh(z / 2)) / 2, lambda z: (1 - math.tanh(z / 2) ** 2) / 4),
    "inverse": (lambda z: -z, lambda z: -1.0),
    "abs": (abs, lambda z: float(np.sign(z))),
    "relu": (lambda z: max(0.0, z), lambda z: float(z > 0)),
}


def graph_forward_naive(
    x: Any, codes: Numbers, start: Numbers, source: Numbers, weights: Any, outputs: int
) -> tuple[Array, list[Array]]:
    """Reference: one example and one unit at a time, float64; the scores, and every unit's sum by example.

    Examples
    --------
    >>> from glassnet.nn.functional import graph_forward_naive
    >>> codes, start, source = np.array([0]), np.array([0, 2]), np.array([0, 1])  # a linear unit, of both inputs
    >>> graph_forward_naive(np.array([[1.0, 4.0]]), codes, start, source, np.array([2.0, 3.0]), outputs=1)[0]
    array([[14.]])
    """
    scores, sums = [], []
    for row in np.asarray(x, np.float64):
        nodes, given = [*map(float, row), 1.0], []
        for unit, code in enumerate(codes):
            edges = range(start[unit], start[unit + 1])
            given.append(sum(float(weights[edge]) * nodes[source[edge]] for edge in edges))
            nodes.append(_FUNCTIONS[ACTIVATIONS[code]][0](given[-1]))
        scores.append(nodes[-outputs:])
        sums.append(np.array(given))
    return np.array(scores), sums


def graph_backward_naive(
    dy: Any, x: Any, codes: Numbers, start: Numbers, source: Numbers, weights: Any
) -> tuple[Array, Array]:
    """Reference: (dx, dweights), float64, by the chain rule forwards: how every node moves with one weight or input.

    It goes the other way than the fast version does.

    Examples
    --------
    >>> from glassnet.nn.functional import graph_backward_naive
    >>> codes, start, source = np.array([0]), np.array([0, 2]), np.array([0, 1])  # a linear unit, of both inputs
    >>> graph_backward_naive(np.array([[1.0]]), np.array([[1.0, 4.0]]), codes, start, source, np.array([2.0, 3.0]))
    (array([[2., 3.]]), array([1., 4.]))
    """
    dy, x = np.asarray(dy, np.float64), np.asarray(x, np.float64)
    n, d = x.shape
    outputs = dy.shape[1]
    dx, dw = np.zeros((n, d)), np.zeros(len(weights))
    for i in range(n):
        sums = graph_forward_naive(x[i : i + 1], codes, start, source, weights, outputs)[1][0]
        nodes = [*x[i], 1.0, *(_FUNCTIONS[ACTIVATIONS[code]][0](z) for code, z in zip(codes, sums, strict=True))]
        slopes = [_FUNCTIONS[ACTIVATIONS[code]][1](z) for code, z in zip(codes, sums, strict=True)]

        def moved(by_input: int, by_weight: int) -> float:
            motion = [float(node == by_input) for node in range(d + 1)]
            for unit, slope in enumerate(slopes):  # noqa: B023 - used at once
                edges = range(start[unit], start[unit + 1])
                total = sum(float(weights[e]) * motion[source[e]] for e in edges)
                total += sum(nodes[source[e]] for e in edges if e == by_weight)  # noqa: B023
                motion.append(slope * total)
            return float(np.dot(motion[-outputs:], dy[i]))  # noqa: B023

        dx[i] = [moved(k, -1) for k in range(d)]
        dw += [moved(-1, e) for e in range(len(weights))]
    return dx, dw
