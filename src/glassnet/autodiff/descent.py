"""Gradient descent on a formula, beside what theory promises of it.

Where no second derivative exceeds L, f lies below a parabola at every point w,

    f(u) <= f(w) + g . (u - w) + |u - w|^2 / (2 r)        for every step r <= 1 / L, with g the gradient at w,

and the lowest point of that parabola is u = w - r g: one step of descent. So f falls by at least r |g|^2 / 2 a step.
For convex f with its minimum f* at w*, r <= 1 / L and no momentum, that adds up to

    f(w_t) - f*  <=  |w_0 - w*|^2 / (2 r t)               and, where no second derivative is below m > 0, to
    f(w_t) - f*  <=  (1 - r m)^t (f(w_0) - f*)

L and m are the extreme eigenvalues of the Hessian, looked for on the path, between its points, and on the way to w*.

Several formulas f_1; ...; f_n are parts of f = (f_1 + ... + f_n) / n. A stochastic step follows one part's gradient:
downhill for that part, and for the mean only on average.

Source: Y. Nesterov, "Lectures on convex optimization", 2nd ed., Springer 2018, sections 1.2.3 and 2.1.5; momentum:
B. Polyak, "Some methods of speeding up the convergence of iteration methods", 1964.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from glassnet.autodiff import stationary
from glassnet.autodiff.expression import Graph
from glassnet.autodiff.modes import evaluate, hessian, is_analytic, vjp
from glassnet.errors import Fix, FormulaError

__all__ = ["Descent", "descend"]

Floats = npt.NDArray[np.float64]

_FAR = 1e12  # of the start's size and of the first step's length: further away a path is taken for a flight to infinity
_MOST_STEPS = 100_000
_PROBES = 5  # Hessians looked at on each stretch
_STRETCHES = 200  # of the path, at most
_TRIALS = 5  # of a smaller rate, where the path met more curvature than expected
_MARGIN = 0.99  # of that rate below 1 / L, as every path meets a slightly different L


@dataclass(frozen=True, eq=False)
class Descent:
    """A path and what theory says of it.

    Attributes
    ----------
    path : (steps + 1, variables)
    values : (steps + 1,) array
        f along the path.
    gradients : (steps + 1,) array
        Lengths of f's gradient.
    chosen : (steps,) array
        The part that each step followed; -1 for all of them.
    rate, momentum : float
        Of the steps.
    curvature, least_curvature : float
        L and m, the extreme eigenvalues of the Hessian that were met.
    rest : array or None
        The point without slope that a descent by second derivatives comes to from the path; None where it comes to
        none.
    kind : str
        What that point is, by the Hessian there: `minimum`, `maximum`, `saddle point` or `undecided`; `` for none.
    minimum : array or None
        w* where that point is a minimum; else None.
    lowest : float or None
        f(w*) likewise.
    diverged : bool
        Whether the path was cut because it left for infinity.
    """

    graph: Graph
    path: Floats
    values: Floats
    gradients: Floats
    chosen: npt.NDArray[np.intp]
    rate: float
    momentum: float
    curvature: float
    least_curvature: float
    rest: Floats | None
    kind: str
    diverged: bool

    @property
    def minimum(self) -> Floats | None:
        return self.rest if self.kind == "minimum" else None

    @property
    def lowest(self) -> float | None:
        return None if self.minimum is None else self.value(self.minimum)

    @property
    def safe_rate(self) -> float:
        """1 / L, the largest step with a promise; infinite for a formula without curvature."""
        return 1 / self.curvature if self.curvature > 0 else math.inf

    @property
    def convex(self) -> bool:
        """Whether no negative curvature was met."""
        return self.least_curvature >= -1e-9 * self.curvature

    @property
    def stochastic(self) -> bool:
        return bool((self.chosen >= 0).any())

    @property
    def bound(self) -> Floats | None:
        """(steps + 1,) what f(w_t) - f* cannot exceed, or None where nothing is promised.

        Nothing is where the formula has kinks (abs, relu, max, min), as its slope may jump there.
        """
        promised = (
            self.convex
            and is_analytic(self.graph)
            and not self.stochastic
            and self.momentum == 0
            and self.rate <= self.safe_rate * (1 + 1e-9)
        )
        if self.minimum is None or self.lowest is None or not promised:
            return None
        t = np.arange(len(self.values))
        first = self.values[0] - self.lowest
        slow = np.full(len(t), np.inf)
        slow[1:] = ((self.path[0] - self.minimum) ** 2).sum() / (2 * self.rate * t[1:])
        fast = first * (1 - min(1.0, self.rate * max(0.0, self.least_curvature))) ** t
        return np.asarray(np.minimum(slow, fast), float)

    @property
    def uphill(self) -> npt.NDArray[np.intp]:
        """The steps after which f is higher than before."""
        sizes = np.abs(self.values)
        noise = 1e-12 * np.maximum(sizes[:-1], sizes[1:]) + 1e-15 * sizes[0]
        return np.flatnonzero(np.diff(self.values) > noise)

    def parabola(self, t: int, at: Floats) -> Floats:
        """(points,) the parabola of step t of a formula of one variable: its lowest point is where the step goes."""
        w, gradient = self.path[t], self.gradient(self.path[t])
        away = at - w[0]
        return np.asarray(self.values[t] + gradient[0] * away + away**2 / (2 * self.rate), float)

    def value(self, w: Sequence[float] | Floats) -> float:
        """f, the mean of the formulas."""
        return _value(self.graph, w)

    def gradient(self, w: Sequence[float] | Floats) -> Floats:
        """(variables,) of f."""
        return _gradient(self.graph, w)


@np.errstate(over="ignore", invalid="ignore")  # what is not finite is found by name
def descend(
    graph: Graph,
    start: Sequence[float] | Floats,
    *,
    rate: float | None = None,
    steps: int = 50,
    momentum: float = 0.0,
    stochastic: bool = False,
    seed: int = 0,
) -> Descent:
    """`steps` steps w <- w - rate * gradient + momentum * (last step) from `start`.

    Parameters
    ----------
    rate : float, optional
        Of a step; None takes 1 / L with the largest L on the straight way to the minimum, and begins anew with one a
        hundredth below that where the path itself meets a larger L.
    stochastic : bool
        Each step follows one formula, drawn with `seed`, instead of their mean.

    Raises
    ------
    FormulaError
        No variable, a setting out of range, no value or derivative at the start, or f falls without bound.
    """
    w: Floats = np.array(start, np.float64)
    if w.size == 0:
        raise FormulaError("Descent needs a variable: the formula is a number.")
    if rate is not None and not (math.isfinite(rate) and rate > 0):
        raise FormulaError(f"The rate must be a positive number; got {rate}.")
    if not 0 <= momentum < 1:
        raise FormulaError(f"The momentum must be at least 0 and below 1; got {momentum}.")
    if not 1 <= steps <= _MOST_STEPS:
        raise FormulaError(f"There must be at least 1 step and at most {_MOST_STEPS:,}; got {steps}.")
    if stochastic and len(graph.outputs) < 2:
        raise FormulaError("A stochastic step follows one formula of several: give at least two, separated by ';'.")
    if rate is not None:
        return _walked(graph, w, rate, steps, momentum, stochastic, seed)
    found = _walked(graph, w, _rate_for(graph, w), steps, momentum, stochastic, seed)
    for _ in range(_TRIALS):
        if found.rate <= found.safe_rate:
            break
        found = _walked(graph, w, _MARGIN * found.safe_rate, steps, momentum, stochastic, seed)
    return found


def _walked(graph: Graph, w: Floats, rate: float, steps: int, momentum: float, stochastic: bool, seed: int) -> Descent:
    """The path from w with this rate, and what is found out about it."""
    rng = np.random.default_rng(seed)
    slope = _gradient(graph, w)
    path, values, lengths, chosen = [w], [_value(graph, w)], [float(np.linalg.norm(slope))], []
    last: Floats = np.zeros(len(w))
    diverged = False
    for _ in range(steps):
        part = int(rng.integers(len(graph.outputs))) if stochastic else None
        try:
            last = momentum * last - rate * (slope if part is None else _gradient(graph, path[-1], part))
            new = path[-1] + last
            value, slope = _value(graph, new), _gradient(graph, new)
        except FormulaError:
            diverged = True
            break
        path.append(new)
        values.append(value)
        lengths.append(float(np.linalg.norm(slope)))
        chosen.append(-1 if part is None else part)
        if _left(path):
            diverged = True
            break
    if diverged and values[-1] < values[0] - 1e3 * (1 + abs(values[0])):
        raise FormulaError(
            f"The formula falls without bound: after {len(chosen)} steps it is {values[-1]:.3g}. There is no minimum."
        )
    f = _function(graph)
    rest = stationary.find(f, path[int(np.argmin(values))])
    most, least = _curvatures(graph, path if rest is None else [*path, rest])
    kind = "" if rest is None else stationary.kind_of(f, rest, w, most)
    return Descent(
        graph, np.array(path), np.array(values), np.array(lengths), np.array(chosen, np.intp),
        rate, momentum, most, least, rest, kind, diverged,
    )  # fmt: skip


def _left(path: list[Floats]) -> bool:
    """Whether a path has left for infinity: far away for its start and its first step, with steps that grow."""
    away, first, last = (float(np.linalg.norm(path[a] - path[b])) for a, b in ((-1, 0), (1, 0), (-1, -2)))
    return away > _FAR * max(float(np.linalg.norm(path[0])), first) and last > first


def _function(graph: Graph) -> stationary.Function:
    return stationary.Function(
        lambda w: _value(graph, w),
        lambda w: _gradient(graph, w),
        lambda w: _hessian(graph, w),
        is_analytic(graph),
    )


def _value(graph: Graph, w: Sequence[float] | Floats) -> float:
    values = evaluate(graph, [float(v) for v in w])
    return math.fsum(values[k] for k in graph.outputs) / len(graph.outputs)


def _gradient(graph: Graph, w: Sequence[float] | Floats, part: int | None = None) -> Floats:
    """Of formula `part`, or of the mean of all."""
    count = len(graph.outputs)
    weights = [1 / count] * count if part is None else [float(k == part) for k in range(count)]
    found = vjp(graph, [float(v) for v in w], weights)
    if not np.isfinite(found).all():
        raise FormulaError("The gradient is not finite here. Choose another start.")
    return found


def _hessian(graph: Graph, w: Sequence[float] | Floats) -> Floats:
    """(variables, variables) of f."""
    at = [float(v) for v in w]
    return np.asarray(sum(hessian(graph, at, k) for k in range(len(graph.outputs))) / len(graph.outputs), float)


def _curvatures(graph: Graph, points: Sequence[Floats]) -> tuple[float, float]:
    """The largest and the smallest eigenvalue of f's Hessian on the stretches between points."""
    stretches = list(itertools.pairwise(points)) or [(points[0], points[0])]
    stretches = stretches[: _STRETCHES // 2] + stretches[max(_STRETCHES // 2, len(stretches) - _STRETCHES // 2) :]
    stretches.append((points[0], points[-1]))
    most, least = 0.0, math.inf
    for a, b in stretches:
        for share in np.linspace(0, 1, _PROBES):
            try:
                values = np.linalg.eigvalsh(_hessian(graph, a + share * (b - a)))
            except FormulaError:
                continue
            most, least = max(most, float(np.abs(values).max())), min(least, float(values.min()))
    return most, least if math.isfinite(least) else 0.0


def _rate_for(graph: Graph, start: Floats) -> float:
    """1 / L with L met on the way from the start to the point without slope that descent comes to."""
    _gradient(graph, start)
    rest = stationary.find(_function(graph), start)
    if rest is None:
        raise FormulaError("No minimum was found from there, so no rate can be chosen.", Fix.GIVE_RATE)
    most, _ = _curvatures(graph, [start, rest])
    return 1 / most if most > 0 else 1.0
