"""Graphs of single units: many of them with one shared weight each, and one with its own weights, both ways.

Nodes are numbered inputs first, then the constant 1, then the units in an order in which each comes after its sources.
`start` (u + 1,) and `source` (e,) list the sources of every unit, in ascending order; `codes` (u,) are activations, by
their place in `glassnet.nn.functional.graph.ACTIVATIONS`. Arrays are features first, so that a connection is one pass
over the examples.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from glassnet.nn.kernels import circular, exponential
from glassnet.nn.kernels.exponential import exp
from glassnet.nn.kernels.options import SERIAL, inner

# mypy: disable-error-code="no-untyped-def"

_BLOCK = 128  # examples at a time: their values of a hundred units with six weights fill 400 kB


@inner
def _sigmoid(v):
    one = type(v)(1)
    e = exp(-v if v > 0 else v)
    s = one / (one + e)
    return e * s if v < 0 else s


@njit(**SERIAL)
def activate(code, z, y):
    """y = f(z) for arrays (n,)."""
    if code == 1:
        for i in range(z.size):
            y[i] = z[i] * 0 + (z[i] > 0)
    elif code == 2:
        for i in range(z.size):
            y[i] = circular.sin(z[i])
    elif code == 3:
        for i in range(z.size):
            y[i] = circular.cos(z[i])
    elif code == 4:
        half = z.dtype.type(0.5)
        for i in range(z.size):
            y[i] = exp(-half * z[i] * z[i])
    elif code == 5:
        for i in range(z.size):
            y[i] = exponential.tanh(z[i])
    elif code == 6:
        for i in range(z.size):
            y[i] = _sigmoid(z[i])
    elif code == 7:
        for i in range(z.size):
            y[i] = -z[i]
    elif code == 8:
        for i in range(z.size):
            y[i] = abs(z[i])
    elif code == 9:
        for i in range(z.size):
            y[i] = z[i] if not z[i] <= 0 else z.dtype.type(0)
    else:
        for i in range(z.size):
            y[i] = z[i]


@njit(**SERIAL)
def slope(code, z, y, dy, dz):
    """dz = dy f'(z), where y = f(z), for arrays (n,); `dz` may be `dy`."""
    zero, one = z.dtype.type(0), z.dtype.type(1)
    if code == 1:
        for i in range(z.size):
            dz[i] = zero
    elif code == 2:
        for i in range(z.size):
            dz[i] = dy[i] * circular.cos(z[i])
    elif code == 3:
        for i in range(z.size):
            dz[i] = -dy[i] * circular.sin(z[i])
    elif code == 4:
        for i in range(z.size):
            dz[i] = -dy[i] * z[i] * y[i]
    elif code == 5:
        for i in range(z.size):
            dz[i] = dy[i] * (one - y[i] * y[i])
    elif code == 6:
        for i in range(z.size):
            dz[i] = dy[i] * y[i] * (one - y[i])
    elif code == 7:
        for i in range(z.size):
            dz[i] = -dy[i]
    elif code == 8:
        for i in range(z.size):
            dz[i] = dy[i] if z[i] > 0 else -dy[i] if z[i] < 0 else zero
    elif code == 9:
        for i in range(z.size):
            dz[i] = dy[i] if z[i] > 0 else zero
    else:
        for i in range(z.size):
            dz[i] = dy[i]


@njit(**SERIAL)
def graph_forward(codes, start, source, weights, values, sums):
    """Fill `values` (nodes, n), whose inputs and constant are there, and `sums` (u, n), what activations are given."""
    before = values.shape[0] - codes.size
    for unit in range(codes.size):
        z = sums[unit]
        z[:] = 0
        for edge in range(start[unit], start[unit + 1]):
            w, x = weights[edge], values[source[edge]]
            for i in range(z.size):
                z[i] += w * x[i]
        activate(codes[unit], z, values[before + unit])


@njit(**SERIAL)
def graph_backward(codes, start, source, weights, values, sums, gradients, dweights, first):
    """Turn the gradients of the outputs, in the last rows of `gradients` (nodes, n), into those of all nodes from the
    node `first` on, and of the weights. All other rows are 0 before.
    """
    before = values.shape[0] - codes.size
    for unit in range(codes.size - 1, -1, -1):
        dz = gradients[before + unit]
        slope(codes[unit], sums[unit], values[before + unit], dz, dz)
        for edge in range(start[unit], start[unit + 1]):
            w, x = weights[edge], values[source[edge]]
            total = w * 0
            for i in range(dz.size):
                total += dz[i] * x[i]
            dweights[edge] = total
            if source[edge] >= first:
                dx = gradients[source[edge]]
                for i in range(dz.size):
                    dx[i] += w * dz[i]


@njit(**SERIAL)
def shared_scores(codes, start, source, x, weights, scores):
    """The last units of one graph for x (inputs + 1, n), with every one of the weights (k,) on all its connections:
    into `scores` (outputs, k, n).

    What a unit takes from inputs is summed once for all weights: w (a + b) is cheaper than w a + w b.
    """
    nodes, n, k = x.shape[0], x.shape[1], weights.size
    outputs = scores.shape[0]
    values = np.empty((codes.size, k * _BLOCK), x.dtype)  # of a unit: the block with the first weight, with the next
    shared = np.empty(_BLOCK, x.dtype)
    sums = np.empty(k * _BLOCK, x.dtype)  # a loop that reads and writes one array is not vectorised
    for begin in range(0, n, _BLOCK):
        size = min(_BLOCK, n - begin)
        for unit in range(codes.size):
            total = shared[:size]
            total[:] = 0
            edge, last = start[unit], start[unit + 1]
            while edge < last and source[edge] < nodes:
                part = x[source[edge], begin : begin + size]
                for i in range(size):
                    total[i] += part[i]
                edge += 1
            z = sums[: k * size]
            for which in range(k):
                for i in range(size):
                    z[which * size + i] = total[i]
            for later in range(edge, last):
                before = values[source[later] - nodes, : k * size]
                for i in range(k * size):
                    z[i] += before[i]
            for which in range(k):
                w = weights[which]
                for i in range(which * size, (which + 1) * size):
                    z[i] *= w
            activate(codes[unit], z, values[unit, : k * size])
        for output in range(outputs):
            y = values[codes.size - outputs + output]
            for which in range(k):
                row = scores[output, which, begin : begin + size]
                for i in range(size):
                    row[i] = y[which * size + i]


@njit(**SERIAL)
def judge(scores, labels, correct, loss):
    """Right answers and summed cross-entropy of softmax by weight, (k,) each, of `scores` (outputs, k, n).

    Of equal scores the first output's is the answer.
    """
    outputs, k, n = scores.shape
    tops, masses = np.empty(_BLOCK, scores.dtype), np.empty(_BLOCK, scores.dtype)
    for which in range(k):
        right, total = 0, 0.0
        for begin in range(0, n, _BLOCK):
            size = min(_BLOCK, n - begin)
            top, mass = tops[:size], masses[:size]
            top[:] = scores[0, which, begin : begin + size]
            for j in range(1, outputs):
                row = scores[j, which, begin : begin + size]
                for i in range(size):
                    top[i] = row[i] if row[i] > top[i] else top[i]
            mass[:] = 0
            for j in range(outputs):
                row = scores[j, which, begin : begin + size]
                for i in range(size):
                    mass[i] += exp(row[i] - top[i])
            for i in range(size):
                label = labels[begin + i]
                own = scores[label, which, begin + i]
                total += math.log(mass[i]) + (top[i] - own)
                wins = own == top[i]
                for j in range(label):
                    wins = wins and scores[j, which, begin + i] < own
                right += wins
        correct[which] = right
        loss[which] = total


@njit(**SERIAL)
def judge_many(unit_start, edge_start, codes, starts, sources, outputs, x, labels, weights, correct, loss):
    """`judge` of many graphs, one after another: of graph g units `unit_start[g]` to `unit_start[g + 1]` of `codes`,
    and as many and one more of `starts`; connections `edge_start[g]` to `edge_start[g + 1]` of `sources`.
    """
    scores = np.empty((outputs, weights.size, x.shape[1]), x.dtype)
    for g in range(correct.shape[0]):
        first, last = unit_start[g], unit_start[g + 1]
        source = sources[edge_start[g] : edge_start[g + 1]]
        shared_scores(codes[first:last], starts[first + g : last + g + 1], source, x, weights, scores)
        judge(scores, labels, correct[g], loss[g])
