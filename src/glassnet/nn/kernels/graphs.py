"""Graphs of single units: many of them with one shared weight each, and one with its own weights, both ways.

Nodes are numbered inputs first, then the constant 1, then the units in an order in which each comes after its sources.
`start` (u + 1,) and `source` (e,) list the sources of every unit, in ascending order; `codes` (u,) are activations, by
their place in `glassnet.nn.functional.graph.ACTIVATIONS`. Arrays are features first, so that a connection is one pass
over the examples.
"""

from __future__ import annotations

import math

import numpy as np

from glassnet.nn.kernels import circular, exponential
from glassnet.nn.kernels.exponential import exp
from glassnet.nn.kernels.options import SERIAL, inner, njit

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


@inner
def _shared_unit(code, sources, x, weights, values, total, sums, made):
    """The values `made` (k n,) of one unit with every one of the weights (k,), and in `sums` what f is given.

    What it takes from inputs x (nodes, n) is summed once for all weights: w (a + b) is cheaper than w a + w b.
    `values` (u, k n) are those of units, of each one weight after another.
    """
    nodes, n = x.shape
    total[:] = 0
    edge = 0
    while edge < sources.size and sources[edge] < nodes:
        part = x[sources[edge]]
        for i in range(n):
            total[i] += part[i]
        edge += 1
    for which in range(weights.size):
        for i in range(n):
            sums[which * n + i] = total[i]
    for later in range(edge, sources.size):
        before = values[sources[later] - nodes]
        for i in range(sums.size):
            sums[i] += before[i]
    for which in range(weights.size):
        w = weights[which]
        for i in range(which * n, (which + 1) * n):
            sums[i] *= w
    activate(code, sums, made)


@njit(**SERIAL)
def shared_forward(codes, start, source, x, weights, sums, values):
    """What the activations of all units are given and give, `sums` and `values` (u, k n), for x (inputs + 1, n) with
    every one of the weights (k,) on all connections.
    """
    total = np.empty(x.shape[1], x.dtype)
    for unit in range(codes.size):
        sources = source[start[unit] : start[unit + 1]]
        _shared_unit(codes[unit], sources, x, weights, values, total, sums[unit], values[unit])


@njit(**SERIAL)
def shared_backward(codes, start, source, nodes, weights, sums, values, errors, bends):
    """Turn the gradients and curvatures in what outputs give, the last rows of `errors` and `bends` (u, k n), into
    those in what the activations of all units are given; of the curvature the diagonal, without that of activations.

    All other rows are 0 before; `nodes` is the number of inputs and the constant. A step is given the slope of the
    sigmoid, s (1 - s).
    """
    n = sums.shape[1] // weights.size
    one = sums.dtype.type(1)
    ones, slopes = np.ones(sums.shape[1], sums.dtype), np.empty(sums.shape[1], sums.dtype)
    for unit in range(codes.size - 1, -1, -1):
        z, dz, bend = sums[unit], errors[unit], bends[unit]
        if codes[unit] == 1:
            for i in range(z.size):
                s = _sigmoid(z[i])
                slopes[i] = s * (one - s)
        else:
            slope(codes[unit], z, values[unit], ones, slopes)
        for i in range(z.size):
            dz[i] *= slopes[i]
        for i in range(z.size):
            bend[i] *= slopes[i] * slopes[i]
        for edge in range(start[unit], start[unit + 1]):
            if source[edge] >= nodes:
                dx, before = errors[source[edge] - nodes], bends[source[edge] - nodes]
                for which in range(weights.size):
                    w = weights[which]
                    for i in range(which * n, (which + 1) * n):
                        dx[i] += w * dz[i]
                    for i in range(which * n, (which + 1) * n):
                        before[i] += w * w * bend[i]


@njit(**SERIAL)
def shared_scores(codes, start, source, place, x, weights, scores):
    """What units say of x (inputs + 1, n) with every one of the weights (k,) on all connections.

    Of unit u into row `place[u]` of `scores` (outputs, k, n), where that is not negative.
    """
    n, k = x.shape[1], weights.size
    values = np.empty((codes.size, k * _BLOCK), x.dtype)
    totals, sums = np.empty(_BLOCK, x.dtype), np.empty(k * _BLOCK, x.dtype)
    for begin in range(0, n, _BLOCK):
        size = min(_BLOCK, n - begin)
        block, made = x[:, begin : begin + size], values[:, : k * size]
        for unit in range(codes.size):
            sources = source[start[unit] : start[unit + 1]]
            _shared_unit(codes[unit], sources, block, weights, made, totals[:size], sums[: k * size], made[unit])
            if place[unit] >= 0:
                for which in range(k):
                    scores[place[unit], which, begin : begin + size] = made[unit, which * size : (which + 1) * size]


@inner
def _deviation(scores, rows, which, sums, squares):
    outputs, n = rows.size, scores.shape[2]
    sums[:] = 0
    squares[:] = 0
    for j in range(outputs):
        row = scores[rows[j], which]
        for i in range(n):
            sums[i] += row[i]
        for i in range(n):
            squares[i] += row[i] * row[i]
    total = 0.0
    for i in range(n):
        total += squares[i] - sums[i] * sums[i] / outputs
    return math.sqrt(max(total, 0.0) / (n * outputs))


@inner
def _judged(scores, rows, which, labels, factor, tops, masses, answers):
    """(right answers, summed cross-entropy) of one graph with one weight."""
    outputs, n = rows.size, labels.size
    right, total = 0, 0.0
    block = _BLOCK if outputs <= _BLOCK else _BLOCK // 4  # so that `product` stays finite
    for begin in range(0, n, block):
        size = min(block, n - begin)
        top, mass, answer = tops[:size], masses[:size], answers[:size]
        top[:] = scores[rows[0], which, begin : begin + size]
        answer[:] = 0
        for j in range(1, outputs):
            row = scores[rows[j], which, begin : begin + size]
            for i in range(size):
                answer[i] = j if row[i] > top[i] else answer[i]
                top[i] = row[i] if row[i] > top[i] else top[i]
        mass[:] = 0
        for j in range(outputs):
            row = scores[rows[j], which, begin : begin + size]
            for i in range(size):
                mass[i] += exp(factor * (row[i] - top[i]))
        product = 1.0  # of numbers from 1 to the number of classes
        for i in range(size):
            label = labels[begin + i]
            total += factor * (top[i] - scores[rows[label], which, begin + i])
            product *= mass[i]
            right += answer[i] == label
        total += math.log(product)
    return right, total


@njit(**SERIAL)
def judge(scores, rows, labels, sharpness, scale, correct, loss):
    """Right answers and summed cross-entropy of softmax, `correct` and `loss` (graphs, k), of scores (outputs, k, n);
    graph g has the rows `rows[g]`.

    Before the softmax scores are multiplied so that their standard deviation over examples and classes, less the mean
    of each example's, is `sharpness`: by `scale` (graphs, k). Of equal scores the first output's is the answer.
    """
    n = labels.size
    sums, squares = np.empty(n, scores.dtype), np.empty(n, scores.dtype)
    tops, masses = np.empty(_BLOCK, scores.dtype), np.empty(_BLOCK, scores.dtype)
    answers = np.empty(_BLOCK, np.int32)
    for g in range(rows.shape[0]):
        for which in range(scores.shape[1]):
            factor = sharpness / max(_deviation(scores, rows[g], which, sums, squares), 1e-6)
            scale[g, which] = factor
            correct[g, which], loss[g, which] = _judged(
                scores, rows[g], which, labels, scale[g, which], tops, masses, answers
            )


@inner
def _given(node, x, weights, values, given):
    """What a connection from `node`, an input or a unit, brings with each weight: `given` (k n,)."""
    first, n = x.shape
    for which in range(weights.size):
        w, part = weights[which], given[which * n : (which + 1) * n]
        if node < first:
            for i in range(n):
                part[i] = w * x[node, i]
        else:
            known = values[node - first, which * n : (which + 1) * n]
            for i in range(n):
                part[i] = w * known[i]


@njit(**SERIAL)
def try_changes(
    codes, start, source, x, labels, weights, sums, values, outputs, units, nodes, times, between, new, sharpness,
    correct, loss,
):  # fmt: skip
    """What would come of single changes of one graph, each by itself: into `correct` and `loss` (changes, k).

    `sums` and `values` (u, k n) are those of the graph as it is. Change c concerns unit `units[c]`: `times[c]` times
    what node `nodes[c]` gives is added to what it takes, and what a unit with the activation `between[c]` would make of
    that node (-1: nothing); its own activation is `new[c]`. What the node gives must not depend on the unit.
    """
    first, n = x.shape
    k, count = weights.size, codes.size
    before = count - outputs
    changed = np.zeros(count, np.bool_)
    z, made = np.empty(k * n, x.dtype), np.empty((count, k * n), x.dtype)
    given, added = np.empty(k * n, x.dtype), np.empty(k * n, x.dtype)
    scores = values[before:].copy().reshape((outputs, k, n))
    rows = np.arange(outputs)
    one, two = np.empty(n, x.dtype), np.empty(n, x.dtype)
    tops, masses, answers = np.empty(_BLOCK, x.dtype), np.empty(_BLOCK, x.dtype), np.empty(_BLOCK, np.int32)
    for c in range(units.size):
        changed[:] = False
        for unit in range(units[c], count):
            z[:] = sums[unit]
            code, touched = codes[unit], False
            if unit == units[c]:
                code, touched = new[c], True
                _given(nodes[c], x, weights, values, given)
                for i in range(k * n):
                    z[i] += times[c] * given[i]
                if between[c] >= 0:
                    activate(between[c], given, added)
                    for which in range(k):
                        w = weights[which]
                        for i in range(which * n, (which + 1) * n):
                            z[i] += w * added[i]
            for edge in range(start[unit], start[unit + 1]):
                node = source[edge] - first
                if node >= 0 and changed[node]:
                    touched = True
                    old, now = values[node], made[node]
                    for which in range(k):
                        w = weights[which]
                        for i in range(which * n, (which + 1) * n):
                            z[i] += w * (now[i] - old[i])
            if touched:
                changed[unit] = True
                activate(code, z, made[unit])
                if unit >= before:
                    scores[unit - before] = made[unit].reshape((k, n))
        for which in range(k):
            factor = x.dtype.type(sharpness / max(_deviation(scores, rows, which, one, two), 1e-6))
            correct[c, which], loss[c, which] = _judged(scores, rows, which, labels, factor, tops, masses, answers)
        for unit in range(before, count):
            if changed[unit]:
                scores[unit - before] = values[unit].reshape((k, n))


@njit(**SERIAL)
def predict_units(x, weights, values, errors, bends, units, nodes, times, between, found):
    """To second order, the change of the loss by each of many units `found` (c,): unit c has the activation
    `between[c]`, and stands between node `nodes[c]` and unit `units[c]`, to which `times[c]` times what the node gives
    is added besides.

    `errors` and `bends` (u, k n) are the derivatives of the loss in what the units are given, over the shared weight.
    """
    n, k = x.shape[1], weights.size
    given, made = np.empty(k * n, x.dtype), np.empty(k * n, x.dtype)
    half = x.dtype.type(0.5)
    for c in range(units.size):
        _given(nodes[c], x, weights, values, given)
        activate(between[c], given, made)
        if times[c] != 0:
            for which in range(k):
                scale = times[c] / weights[which]
                for i in range(which * n, (which + 1) * n):
                    made[i] += scale * given[i]
        slopes, bend = errors[units[c]], bends[units[c]]
        total = half * 0
        for i in range(k * n):
            total += made[i] * (slopes[i] + half * bend[i] * made[i])
        found[c] = total


@njit(**SERIAL)
def levels(source, target, most, level):
    """The longest way to every node in connections, `level` (nodes,), all 0 before; whether none is longer than `most`.

    The connections, in any order, go from `source` to `target` (e,). With a circle there is no longest way.
    """
    for _ in range(most + 1):  # once more than it takes, to see that nothing changes
        changed = False
        for edge in range(source.size):
            reached = level[source[edge]] + 1
            if reached > level[target[edge]]:
                if reached > most:
                    return False
                level[target[edge]] = reached
                changed = True
        if not changed:
            break
    return True


@njit(**SERIAL)
def mark(source, target, marked):
    """Mark every node that a way leads to from one that is marked, `marked` (nodes,), along connections (e,)."""
    changed = True
    while changed:
        changed = False
        for edge in range(source.size):
            if marked[source[edge]] and not marked[target[edge]]:
                marked[target[edge]] = 1
                changed = True
