"""Derivatives of a graph in four ways: forward mode, reverse mode, differences, and the complex step.

With v_k the values of the nodes and p_kj = dv_k / dv_j for the inputs j of node k,

    forward mode    dot_k  = sum_j p_kj dot_j           from the inputs on: one pass gives J d for a direction d
    reverse mode    bar_j += bar_k p_kj                 from an output back: one pass gives w^T J for weights w
    differences     (f(w + h e_i) - f(w - h e_i)) / 2h  error of order h^2, and rounding of order 1 / h
    complex step    Im f(w + i h e_i) / h               no rounding, h from 1e-200 on; for analytic functions

Forward mode computes with dual numbers and knows nothing of the local derivatives that reverse mode uses: the two are
independent opinions. Second derivatives run reverse mode over dual numbers (forward over reverse).

Sources: A. Griewank and A. Walther, "Evaluating derivatives", 2nd ed., SIAM 2008; W. Squire and G. Trapp, "Using
complex variables to estimate derivatives of real functions", SIAM Review 40 (1998).
"""

from __future__ import annotations

import contextlib
import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from glassnet.autodiff.dual import Dual, value_of
from glassnet.autodiff.expression import Graph
from glassnet.autodiff.operations import OPERATIONS
from glassnet.errors import FormulaError

__all__ = [
    "Cost",
    "Forward",
    "Reverse",
    "complex_step",
    "costs",
    "differences",
    "evaluate",
    "forward_mode",
    "hessian",
    "is_analytic",
    "jvp",
    "reverse_mode",
    "vjp",
]

Floats = npt.NDArray[np.float64]

_COMPLEX_STEP, _LARGEST_STEP, _STEPS = 1e-200, 1e-20, 7  # the latter of a variable below 1: h^2 is below rounding
_LEAST_STEP = 1e-306  # of the variable's size, so that the angle does not underflow
_NORMAL = 1e-290  # imaginary parts from here on have all digits
_ROOM = 1e-120  # largest steps from here on show every derivative of some 1e-170 or more


def evaluate(graph: Graph, at: Sequence[Any]) -> list[Any]:
    """The value of every node, with the variables (floats, complex or dual numbers) in the order of `graph.names`.

    Raises `FormulaError` where a value is not finite: which part of the formula, and of what.

    Examples
    --------
    >>> from glassnet.autodiff import evaluate, parse
    >>> evaluate(parse("x * y; x + y"), [3, 4])
    [3.0, 4.0, 12.0, 7.0]
    """
    _expect_values(graph, at)
    values: list[Any] = [None] * len(graph.nodes)
    # Python's own floats raise where NumPy's would warn.
    plain = (float(v) if isinstance(v, (int, np.floating)) else v for v in at)
    given = dict(zip(graph.variables, plain, strict=True))
    for k, node in enumerate(graph.nodes):
        if node.op == "variable":
            values[k] = given[k]
        elif node.op == "number":
            values[k] = node.number
        else:
            values[k] = _computed(node.op, [values[i] for i in node.inputs])
        if not math.isfinite(value_of(values[k])):
            raise FormulaError(_not_finite(graph, k, values))
        if isinstance(values[k], Dual) and not math.isfinite(values[k].dot):
            raise FormulaError(_not_finite(graph, k, values, "derivative"))
    return values


def _expect_values(graph: Graph, at: Sequence[Any]) -> None:
    if len(at) != len(graph.names):
        named = ", ".join(graph.names) or "none"
        raise FormulaError(f"The formula has {len(graph.names)} variables ({named}); got {len(at)} values.")


def _computed(op: str, inputs: list[Any]) -> Any:
    """The value of an operation; not a number where there is none."""
    try:
        return OPERATIONS[op].compute(*inputs)
    except (ValueError, OverflowError, ZeroDivisionError):
        if not any(isinstance(v, Dual) for v in inputs):
            return math.nan
        return Dual(_computed(op, [value_of(v) for v in inputs]), math.nan)  # perhaps only the derivative is missing


def _not_finite(graph: Graph, k: int, values: list[Any], what: str = "value") -> str:
    node = graph.nodes[k]
    text = graph.text(k)
    shown = text if len(text) <= 60 else f"{OPERATIONS[node.op].name}(...)" if node.inputs else text[:60]
    of = ", ".join(f"{value_of(values[i]):.6g}" for i in node.inputs)
    return f"{shown} has no finite {what}{f': {OPERATIONS[node.op].name} of {of}' if of else ''}. Choose another point."


@dataclass(frozen=True)
class Forward:
    """What forward mode found: values (nodes,), dots (variables, nodes), and the Jacobian (outputs, variables).

    Examples
    --------
    >>> from glassnet.autodiff import forward_mode, parse
    >>> forward_mode(parse("x * y"), [3, 4]).jacobian
    array([[4., 3.]])
    """

    values: list[float]
    dots: list[list[float]]
    jacobian: Floats


@dataclass(frozen=True)
class Reverse:
    """What reverse mode found: values (nodes,), bars (outputs, nodes), and the Jacobian (outputs, variables).

    Examples
    --------
    >>> from glassnet.autodiff import parse, reverse_mode
    >>> reverse_mode(parse("x * y"), [3, 4]).jacobian
    array([[4., 3.]])
    """

    values: list[float]
    bars: list[list[float]]
    jacobian: Floats


def forward_mode(graph: Graph, at: Sequence[float]) -> Forward:
    """The Jacobian by one pass of dual numbers per variable.

    Examples
    --------
    >>> from glassnet.autodiff import forward_mode, parse
    >>> forward_mode(parse("x * y; x + y"), [3, 4]).jacobian
    array([[4., 3.],
           [1., 1.]])
    """
    values = [float(v) for v in evaluate(graph, at)]
    dots = [_dots(graph, at, direction) for direction in np.eye(len(graph.names))]
    columns = [[row[k] for k in graph.outputs] for row in dots]
    jacobian = np.array(columns, float).reshape(len(dots), len(graph.outputs)).T
    return Forward(values, dots, _finite(jacobian, graph))


def jvp(graph: Graph, at: Sequence[float], direction: Sequence[float] | Floats) -> Floats:
    """J d (outputs,), the Jacobian times a direction (variables,): one pass of forward mode.

    Examples
    --------
    >>> from glassnet.autodiff import jvp, parse
    >>> jvp(parse("x * y; x + y"), [3, 4], [1, 0])
    array([4., 1.])
    """
    row = _dots(graph, at, direction)
    return np.array([row[k] for k in graph.outputs])


def _dots(graph: Graph, at: Sequence[float], direction: Sequence[float] | Floats) -> list[float]:
    if len(direction) != len(graph.names):
        raise FormulaError(f"A direction has a value for each of {len(graph.names)} variables; got {len(direction)}.")
    _expect_values(graph, at)
    duals = evaluate(graph, [Dual(float(a), float(d)) for a, d in zip(at, direction, strict=True)])
    return [v.dot if isinstance(v, Dual) else 0.0 for v in duals]


def reverse_mode(graph: Graph, at: Sequence[float]) -> Reverse:
    """The Jacobian by one pass back from each output.

    Examples
    --------
    >>> from glassnet.autodiff import parse, reverse_mode
    >>> reverse_mode(parse("x * y; x + y"), [3, 4]).jacobian
    array([[4., 3.],
           [1., 1.]])
    """
    values = [float(v) for v in evaluate(graph, at)]
    bars = [_bars(graph, values, {k: 1.0}) for k in graph.outputs]
    rows = [[bar[k] for k in graph.variables] for bar in bars]
    jacobian = np.array(rows, float).reshape(len(bars), len(graph.variables))
    return Reverse(values, bars, _finite(jacobian, graph))


def vjp(graph: Graph, at: Sequence[float], weights: Sequence[float] | Floats) -> Floats:
    """w^T J (variables,), weights (outputs,) times the Jacobian: one pass of reverse mode.

    Examples
    --------
    >>> from glassnet.autodiff import parse, vjp
    >>> vjp(parse("x * y; x + y"), [3, 4], [1, 0])
    array([4., 3.])
    """
    if len(weights) != len(graph.outputs):
        raise FormulaError(f"There is a weight for each of {len(graph.outputs)} formulas; got {len(weights)}.")
    seeds: dict[int, float] = {}
    for k, weight in zip(graph.outputs, weights, strict=True):
        seeds[k] = seeds.get(k, 0.0) + float(weight)
    bars = _bars(graph, evaluate(graph, at), seeds)
    return np.array([bars[k] for k in graph.variables])


def _bars(graph: Graph, values: list[Any], seeds: dict[int, float]) -> list[Any]:
    """Bars of all nodes; values and bars may be dual numbers."""
    varies = graph.varies
    bars: dict[int, Any] = dict(seeds)  # of what the seeds depend on
    for k in reversed(range(max(seeds) + 1)):
        node = graph.nodes[k]
        if k in bars and node.inputs and varies[k]:
            for j, partial in zip(node.inputs, local_derivatives(graph, values, k), strict=True):
                if varies[j]:
                    bars[j] = bars.get(j, 0.0) + bars[k] * partial
    return [bars.get(k, 0.0) for k in range(len(graph.nodes))]


def local_derivatives(graph: Graph, values: list[Any], k: int) -> tuple[Any, ...]:
    """dv_k / dv_j for the inputs j of node k; not a number where there is none."""
    node = graph.nodes[k]
    try:
        return OPERATIONS[node.op].partials(*(values[i] for i in node.inputs), values[k])
    except (ValueError, OverflowError, ZeroDivisionError):
        return (math.nan,) * len(node.inputs)


def hessian(graph: Graph, at: Sequence[float], output: int = 0) -> Floats:
    """(variables, variables) the second derivatives of one formula: forward over reverse, one pass a variable.

    Examples
    --------
    >>> from glassnet.autodiff import hessian, parse
    >>> hessian(parse("x**2 * y"), [3, 4])
    array([[8., 6.],
           [6., 0.]])
    """
    _expect_values(graph, at)
    rows = []
    for direction in np.eye(len(graph.names)):
        values = evaluate(graph, [Dual(float(a), float(d)) for a, d in zip(at, direction, strict=True)])
        bars = _bars(graph, values, {graph.outputs[output]: 1.0})
        rows.append([bars[k].dot if isinstance(bars[k], Dual) else 0.0 for k in graph.variables])
    return _finite(np.array(rows, float).reshape(len(graph.names), len(graph.names)), graph)


def differences(graph: Graph, at: Sequence[float], step: float | None = None, *, central: bool = True) -> Floats:
    """(outputs, variables) the Jacobian by differences.

    step: absolute; None takes eps^(1/3) (central) or eps^(1/2) (forward) times the variable's size, at least 1.

    Examples
    --------
    >>> from glassnet.autodiff import differences, parse
    >>> differences(parse("x**2"), [3], 0.5, central=False)
    array([[6.5]])
    """
    if step is not None and not (math.isfinite(step) and step > 0):
        raise FormulaError(f"The step of a difference must be a positive number; got {step}.")
    jacobian = np.empty((len(graph.outputs), len(at)))
    at = [float(x) for x in at]
    for i, x in enumerate(at):
        h = step or sys.float_info.epsilon ** (1 / 3 if central else 1 / 2) * max(1.0, abs(x))
        above, below = x + h, x - h if central else x
        if above == below:
            raise FormulaError(f"The step {h:g} is too small: {x:g} + {h:g} is {x:g} in floating point.")
        high, low = (evaluate(graph, [*at[:i], place, *at[i + 1 :]]) for place in (above, below))
        jacobian[:, i] = [(high[k] - low[k]) / (above - below) for k in graph.outputs]
    return jacobian


def is_analytic(graph: Graph) -> bool:
    """Whether the complex step may be used: no max, min, abs or relu of anything.

    Examples
    --------
    >>> from glassnet.autodiff import is_analytic, parse
    >>> is_analytic(parse("exp(x)")), is_analytic(parse("max(x, 0)"))
    (True, False)
    """
    return all(OPERATIONS[graph.nodes[k].op].analytic for k in graph.operations)


def complex_step(graph: Graph, at: Sequence[float]) -> Floats:
    """(outputs, variables) the Jacobian by the complex step.

    Raises `FormulaError` where `is_analytic` is false, and where the formula has no value. The imaginary part of a
    small derivative underflows with a step that is right for a large one. So the smallest step is taken with which none
    on the way does; an entry that no step gives is not a number.

    Examples
    --------
    >>> from glassnet.autodiff import complex_step, parse
    >>> complex_step(parse("exp(x)"), [0])
    array([[1.]])
    """
    if not is_analytic(graph):
        raise FormulaError("The complex step needs analytic functions: no max, min, abs or relu.")
    evaluate(graph, at)  # beside a pole complex numbers have one
    columns = [_by_complex_steps(graph, at, i) for i in range(len(at))]
    return np.array(columns, float).reshape(len(at), len(graph.outputs)).T


def _by_complex_steps(graph: Graph, at: Sequence[float], i: int) -> list[float]:
    """The outputs' derivatives for variable i."""
    x = abs(at[i])
    largest = _LARGEST_STEP * (min(x, 1.0) or 1.0)
    if largest < _NORMAL:
        return [math.nan] * len(graph.outputs)
    least = max(min(_COMPLEX_STEP, largest), min(_LEAST_STEP * x, 1e-6))
    steps = np.geomspace(least, max(least, largest), _STEPS)
    depends: list[bool] = []
    for k, node in enumerate(graph.nodes):
        depends.append(k == graph.variables[i] or any(depends[j] for j in node.inputs))
    parts = [_imaginary(graph, at, i, steps[0])]
    chosen = 0
    if (np.abs(parts[0][depends]) < _NORMAL).any():
        with contextlib.suppress(FormulaError):  # a longer step may leave the formula's domain
            for h in steps[1:]:
                parts.append(_imaginary(graph, at, i, h))
        none = ~np.any(parts, axis=0)  # derivatives that are 0
        chosen = next((n for n, part in enumerate(parts) if ((np.abs(part) >= _NORMAL) | none).all()), len(parts) - 1)
    slopes = [_slope([part[k] for part in parts], steps, chosen, x == 0) for k in graph.outputs]
    unsure = largest < _ROOM  # whether a derivative of 0 is one that underflows
    return [math.nan if s == 0 and unsure and depends[k] else s for s, k in zip(slopes, graph.outputs, strict=True)]


def _slope(imaginary: Sequence[float], steps: Floats, chosen: int, at_zero: bool) -> float:
    """The derivative by the chosen step; 0 where another one denies it: it was a power of the step, or rounding."""
    part = imaginary[chosen]
    if 0 < abs(part) < _NORMAL:
        return math.nan
    slope = float(part / steps[chosen])
    other = chosen + 1 if chosen + 1 < len(imaginary) else chosen - 1 if at_zero else chosen
    if chosen and abs(imaginary[other] / steps[other] - slope) > 0.5 * abs(slope):
        return 0.0
    return slope


def _imaginary(graph: Graph, at: Sequence[float], i: int, h: float) -> Floats:
    """(nodes,) the imaginary parts where variable i has the imaginary part h."""
    values = evaluate(graph, [complex(x, h * (i == j)) for j, x in enumerate(at)])
    return np.array([complex(v).imag for v in values])


def _finite(jacobian: Floats, graph: Graph) -> Floats:
    bad = np.argwhere(~np.isfinite(jacobian))
    if len(bad):
        raise FormulaError(
            f"The derivative for {graph.names[int(bad[0][-1])]} is not finite here. Choose another point."
        )
    return jacobian


@dataclass(frozen=True)
class Cost:
    """Elementary operations of a whole Jacobian in each mode: one for a value, two (times, plus) a local derivative.

    Examples
    --------
    >>> from glassnet.autodiff import costs, parse
    >>> costs(parse("x * y; x + y")).reverse > 0
    True
    """

    value: int
    forward: int
    reverse: int
    differences: int


def costs(graph: Graph) -> Cost:
    """What each mode costs on this graph: forward a pass a variable, reverse a pass back a formula.

    Examples
    --------
    >>> from glassnet.autodiff import costs, parse
    >>> costs(parse("x * y"))
    Cost(value=1, forward=9, reverse=5, differences=4)
    """
    varies = graph.varies
    edges = sum(varies[j] for k in graph.operations for j in graph.nodes[k].inputs)
    variables, outputs = len(graph.names), len(graph.outputs)
    value = sum(max(1, len(graph.nodes[k].inputs) - 1) for k in graph.operations)  # max of three is two operations
    return Cost(value, value + 2 * edges * variables, value + 2 * edges * outputs, 2 * variables * value)
