"""The smallest change that turns an answer, exactly: what attacks are compared with where it can be had.

Linear networks. The score of a rival class less that of the label is an affine function of the pixels, h + a . d for a
change d. The least d within the box with h + a . d = 0 is in closed form (see `glassnet.attack.norms`); here the pieces
of g are sorted and the root is read off, with no iteration. The smallest over all rivals is the answer, in either norm.

Small ReLU networks, linf. With the change bounded by what some attack found, every ReLU has an interval of inputs
[l, u]. One that does not contain 0 is linear; for the others y = max(0, s) is y >= 0, y >= s, y <= s - l (1 - b),
y <= u b with b in {0, 1}. The smallest size with the rival's score at the label's is a mixed-integer linear programme,
solved for each rival by HiGHS through `scipy.optimize.milp` (Tjeng, Xiao and Tedrake, ICLR 2019).
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from glassnet.attack.bounded import ascent
from glassnet.attack.goals import Goal
from glassnet.attack.victim import Victim
from glassnet.errors import ModelError
from glassnet.nn.functional.arrays import Array
from glassnet.nn.layers import Flatten, Linear, ReLU

__all__ = ["Exact", "exact_kind", "exact_linear", "exact_relu"]

_MOST_UNITS = 256


@dataclass(frozen=True, eq=False)
class Exact:
    """The exact sizes of the smallest changes.

    Attributes
    ----------
    sizes : (n,) float64 array
        0 where the answer is wrong already, infinity where no change within the box turns it.
    proved : (n,) bool array
        Whether the solver finished; where it did not, the size is a lower bound.

    Examples
    --------
    >>> import glassnet
    >>> from glassnet.attack import Victim, exact_linear
    >>> run = glassnet.fit("digits", "linear", epochs=1, verbose=False)
    >>> victim, test = Victim.of(run.model, dtype=np.float64), run.splits.test
    >>> found = exact_linear(victim, victim.pixels(test.images[:5]), test.labels[:5], "l2")
    >>> found.sizes.shape, bool(found.proved.all())
    ((5,), True)
    """

    sizes: Array
    proved: Array


def exact_kind(victim: Victim) -> str:
    """Whether the exact answer can be had: "linear", "relu" for a small ReLU network, or "".

    Examples
    --------
    >>> import glassnet
    >>> from glassnet.attack import Victim, exact_kind
    >>> exact_kind(Victim.of(glassnet.fit("digits", "linear", epochs=1, verbose=False).model))
    'linear'
    """
    layers = [layer for layer in victim.engine.network.layers if type(layer) is not Flatten]
    if not layers or any(type(layer) not in (Linear, ReLU) for layer in layers):
        return ""
    if type(layers[0]) is not Linear or type(layers[-1]) is not Linear:
        return ""
    units = sum(layer.output_shape[0] for layer in layers if type(layer) is ReLU)
    return "" if units > _MOST_UNITS else "relu" if units else "linear"


def exact_linear(victim: Victim, x: Array, labels: Array, norm: str) -> Exact:
    """The exact sizes for a network without hidden layers.

    Parameters
    ----------
    victim : Victim
        In np.float64.
    x : (n, H, W, C) float64 array
        Pictures in [0, 1].
    labels : (n,) int64 array
        Their classes.
    norm : str
        "linf" or "l2".

    Examples
    --------
    >>> import glassnet
    >>> from glassnet.attack import Victim, exact_linear
    >>> run = glassnet.fit("digits", "linear", epochs=5, verbose=False)
    >>> victim, test = Victim.of(run.model, dtype=np.float64), run.splits.test
    >>> exact_linear(victim, victim.pixels(test.images[:5]), test.labels[:5], "l2").sizes.shape
    (5,)
    """
    if exact_kind(victim) != "linear":
        raise ModelError("The closed form is for networks whose scores are linear in the pixels.")
    scores = victim.scores(x)
    sizes = np.full(len(x), np.inf)
    for rival in range(victim.classes):
        others = np.flatnonzero(labels != rival)
        if len(others):
            goal = Goal(labels[others], np.full(len(others), rival))
            _, value, slope = ascent(victim, x[others], goal, "rival")
            found = np.array([
                _closed_form(a.ravel(), start.ravel(), -float(h), norm)
                for a, start, h in zip(slope, x[others], value, strict=True)
            ])  # fmt: skip
            sizes[others] = np.minimum(sizes[others], found)
    sizes[Goal(labels).reached(scores)] = 0
    return Exact(sizes, np.ones(len(x), bool))


def _closed_form(a: Array, x: Array, rise: float, norm: str) -> float:
    """The size of the least d with a . d >= rise, 0 <= x + d <= 1."""
    if rise <= 0:
        return 0.0
    room, steep = np.where(a > 0, 1 - x, x), np.abs(a)
    use = steep > 0
    room, steep = room[use], steep[use]
    weight, most = (steep, room) if norm == "linf" else (steep**2, room / steep)
    order = np.argsort(most)
    weight, most = weight[order], most[order]
    # g at each breakpoint: what is used up below it, and what still grows at it.
    growing = np.append(np.cumsum(weight[::-1])[::-1], 0.0)
    used = np.append(0.0, np.cumsum(weight * most))
    at = used[:-1] + growing[:-1] * most
    place = int(np.searchsorted(at, rise))
    if place == len(at):
        return np.inf
    k = (rise - used[place]) / growing[place]
    if norm == "linf":
        return float(k)
    return float(np.sqrt((np.minimum(k * steep[order], room[order]) ** 2).sum()))


def exact_relu(
    victim: Victim,
    x: Array,
    labels: Array,
    upper: Array | None = None,
    *,
    seconds: float = 60.0,
    total: float = math.inf,
    progress: Callable[[int], None] = lambda done: None,
) -> Exact:
    """The exact linf sizes for a network of linear and ReLU layers.

    Parameters
    ----------
    victim : Victim
        In np.float64.
    x : (n, H, W, C) float64 array
        Pictures in [0, 1].
    labels : (n,) int64 array
        Their classes.
    upper : (n,) array or None
        Sizes that an attack found: no larger change is looked for. They make the programmes small, and do not change
        the answer. None, or infinity, is 1, the size of the box.
    seconds : float
        For each programme; what takes longer is not proved.
    total : float
        Seconds after which no further picture is begun; those that were not have the size NaN and are not proved.
    progress : callable
        Told how many pictures are done.

    Examples
    --------
    >>> import glassnet
    >>> from glassnet.attack import Victim, exact_relu
    >>> run = glassnet.fit("digits", "linear 4 -> relu -> linear", epochs=5, verbose=False)
    >>> victim, test = Victim.of(run.model, dtype=np.float64), run.splits.test
    >>> exact_relu(victim, victim.pixels(test.images[:2]), test.labels[:2]).sizes.shape
    (2,)
    """
    if exact_kind(victim) != "relu":
        raise ModelError(f"The exact answer is for networks of linear and ReLU layers, up to {_MOST_UNITS} units.")
    layers = _affine_layers(victim)
    wrong = Goal(labels).reached(victim.scores(x))
    sizes, proved = np.zeros(len(x)), np.ones(len(x), bool)
    began = time.perf_counter()
    for done, i in enumerate(np.flatnonzero(~wrong)):
        progress(done)
        if time.perf_counter() - began > total:
            sizes[i], proved[i] = np.nan, False
            continue
        bound = 1.0 if upper is None or not np.isfinite(upper[i]) else min(1.0, float(upper[i]))
        best = np.inf
        for rival in range(victim.classes):
            if rival != labels[i]:
                limit = min(bound, best) * (1 + 1e-6) + 1e-9
                size, sure = _smallest(layers, x[i].ravel(), int(labels[i]), rival, limit, seconds)
                best, proved[i] = min(best, size), proved[i] and sure
        sizes[i] = best
    return Exact(sizes, proved)


def _affine_layers(victim: Victim) -> list[tuple[Array, Array]]:
    """(weights (in, out), bias) of the affine maps with a ReLU between each two; the first has the preprocessing."""
    found: list[tuple[Array, Array]] = []
    follows = True  # a ReLU, or nothing yet, is before the next layer
    for layer in victim.engine.network.layers:
        if type(layer) is ReLU:
            follows = True
        if type(layer) is Linear:
            weight, bias = (layer.parameters[name].value.astype(np.float64) for name in ("weight", "bias"))
            if not follows:  # two linear layers in a row are one
                before, shift = found.pop()
                weight, bias = before @ weight, shift @ weight + bias
            found.append((weight, bias))
            follows = False
    weight, bias = found[0]
    nothing = victim.preprocess.transform(np.zeros((1, *victim.image_shape)), dtype=np.float64)
    rows: Any = np.ascontiguousarray(weight.T).reshape(-1, *nothing.shape[1:])
    pixels = victim.preprocess.adjoint(rows.copy(), victim.image_shape).reshape(len(rows), -1)
    return [(pixels.T, bias + nothing.ravel() @ weight), *found[1:]]


def _smallest(
    layers: list[tuple[Array, Array]], x: Array, label: int, rival: int, limit: float, seconds: float
) -> tuple[float, bool]:
    """(the least size, at most `limit`, whose rival's score reaches the label's, or infinity; whether it is proved)."""
    from scipy.optimize import Bounds, LinearConstraint, milp

    programme = _Programme(x, limit)
    inputs = programme.changes
    centre, low, high = x, np.maximum(-limit, -x), np.minimum(limit, 1 - x)
    for place, (weight, bias) in enumerate(layers):
        base = bias + (centre @ weight if place == 0 else 0)
        positive, negative = np.maximum(weight, 0), np.minimum(weight, 0)
        least, most = base + low @ positive + high @ negative, base + high @ positive + low @ negative
        if place == len(layers) - 1:
            programme.at_least(inputs, weight[:, rival] - weight[:, label], base[label] - base[rival])
            break
        inputs = programme.relu(inputs, weight, base, least, most)
        low, high = np.maximum(least, 0), np.maximum(most, 0)
    matrix, below, above = programme.constraints()
    done = milp(
        programme.cost(),
        constraints=LinearConstraint(matrix, below, above),
        bounds=Bounds(np.array(programme.low), np.array(programme.high)),
        integrality=np.array(programme.whole),
        options={"time_limit": seconds, "mip_rel_gap": 1e-6},
    )
    if done.status == 0:
        return float(done.fun), True
    if done.status == 2:  # infeasible: no change of this size
        return np.inf, True
    bound = getattr(done, "mip_dual_bound", None)
    return (float(bound) if bound is not None and np.isfinite(bound) else 0.0), False


class _Programme:
    """A mixed-integer linear programme, put together row by row. The first variable is the size of the change."""

    def __init__(self, x: Array, limit: float) -> None:
        self.low: list[float] = [0.0]
        self.high: list[float] = [limit]
        self.whole: list[int] = [0]
        self._rows: list[tuple[Array, Array]] = []
        self._below: list[float] = []
        self._above: list[float] = []
        self.changes = self._add(np.maximum(-limit, -x), np.minimum(limit, 1 - x))
        for at in self.changes:
            self._row([0, at], [1.0, -1.0], 0.0, np.inf)
            self._row([0, at], [1.0, 1.0], 0.0, np.inf)

    def _add(self, low: Array, high: Array, whole: int = 0) -> Array:
        first = len(self.low)
        self.low.extend(low.tolist())
        self.high.extend(high.tolist())
        self.whole.extend([whole] * len(low))
        return np.arange(first, len(self.low))

    def _row(self, places: object, values: object, below: float, above: float) -> None:
        self._rows.append((np.asarray(places), np.asarray(values, np.float64)))
        self._below.append(below)
        self._above.append(above)

    def relu(self, inputs: Array, weight: Array, base: Array, least: Array, most: Array) -> Array:
        """Variables for max(0, inputs W + base), whose arguments lie between `least` and `most`."""
        out = self._add(np.maximum(least, 0), np.maximum(most, 0))
        for j, y in enumerate(out):
            if most[j] <= 0:
                continue  # its bounds are 0 and 0
            if least[j] >= 0:
                self._row(np.append(inputs, y), np.append(-weight[:, j], 1.0), base[j], base[j])
                continue
            (s,) = self._add(least[j : j + 1], most[j : j + 1])  # the argument, so that only one row is a dense one
            (on,) = self._add(np.zeros(1), np.ones(1), 1)
            self._row(np.append(inputs, s), np.append(-weight[:, j], 1.0), base[j], base[j])
            self._row([y, s], [1.0, -1.0], 0.0, np.inf)
            self._row([y, s, on], [1.0, -1.0, -least[j]], -np.inf, -least[j])
            self._row([y, on], [1.0, -most[j]], -np.inf, 0.0)
        return out

    def at_least(self, inputs: Array, weight: Array, bound: float) -> None:
        """inputs . weight >= bound."""
        self._row(inputs, weight, bound, np.inf)

    def cost(self) -> Array:
        cost = np.zeros(len(self.low))
        cost[0] = 1
        return cost

    def constraints(self) -> tuple[object, Array, Array]:
        from scipy import sparse

        rows = np.repeat(np.arange(len(self._rows)), [len(places) for places, _ in self._rows])
        columns = np.concatenate([places for places, _ in self._rows])
        values = np.concatenate([values for _, values in self._rows])
        matrix = sparse.csr_array((values, (rows, columns)), shape=(len(self._rows), len(self.low)))
        return matrix, np.array(self._below), np.array(self._above)
