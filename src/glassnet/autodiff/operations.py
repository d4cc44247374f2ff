"""What the nodes of a graph compute, and the local derivatives by which reverse mode goes back through them.

For y = f(x_1, x_2) the local derivatives are dy/dx_1 and dy/dx_2 at the values of the forward pass. They are written
in the generic arithmetic of `dual`, so that reverse mode over dual numbers gives second derivatives.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from glassnet.autodiff import dual

__all__ = ["FUNCTIONS", "OPERATIONS", "Operation"]

Written = tuple[str, int]  # a formula, and how tightly its outermost operation binds


@dataclass(frozen=True)
class Operation:
    """One operation of the grammar.

    Attributes
    ----------
    name : str
        Its name here.
    sign : str
        Its sign in formulas.
    compute : callable
        The value from the inputs' values.
    arity : int
        How many inputs; 0 for any number from 2 on.
    partials : callable
        The local derivatives from (inputs' values, the value).
    latex : str
        The value's formula.
    partials_latex : tuple of str
        The local derivatives' formulas; of an operation with any number of inputs, that of each `{own}` among `{all}`.
    binds : int
        How tightly it binds (0 a function).
    analytic : bool
        Whether a complex step may be taken through it.
    """

    name: str
    sign: str
    arity: int
    compute: Callable[..., Any]
    partials: Callable[..., tuple[Any, ...]]
    latex: str
    partials_latex: tuple[str, ...]
    binds: int = 0
    analytic: bool = True

    def as_latex(self, *inputs: str) -> str:
        """The value's formula in LaTeX, of inputs' names."""
        return self.latex.format(*inputs, all=", ".join(inputs))

    def partials_as_latex(self, *inputs: str, value: str) -> list[str]:
        """The local derivatives' formulas in LaTeX, of the names of the inputs and of the value."""
        if self.arity:
            return [text.format(*inputs, z=value) for text in self.partials_latex]
        tied = " + ".join(f"[{name} = {value}]" for name in inputs)
        return [self.partials_latex[0].format(own=own, z=value, tied=tied) for own in inputs]

    def written(self, *inputs: Written) -> Written:
        """The formula of the operation on inputs' formulas, with the parentheses that it needs."""
        if self.binds == 0:
            return f"{self.name}({', '.join(text for text, _ in inputs)})", 9
        if self.arity == 1:
            return f"-{_wrapped(inputs[0], 2)}", 1
        left, right = self.binds + (self.sign == "**"), self.binds + (self.sign in "-/")
        space = " " if self.binds == 1 else ""
        return f"{_wrapped(inputs[0], left)}{space}{self.sign}{space}{_wrapped(inputs[1], right)}", self.binds


def _wrapped(written: Written, least: int) -> str:
    text, binds = written
    return text if binds >= least else f"({text})"


def _power_partials(x: Any, y: Any, z: Any) -> tuple[Any, Any]:
    by_x = 0.0 if isinstance(y, float) and y == 0 else y * dual.power(x, y - 1)
    return by_x, dual.power_by_exponent(x, y, z)


def _shares(*values: Any) -> tuple[float, ...]:
    """The share that each input of max or min has in its derivative: equal for all that are tied, 0 for the others."""
    *inputs, chosen = (dual.value_of(v) for v in values)
    tied = [v == chosen for v in inputs]
    return tuple(is_tied / sum(tied) for is_tied in tied)


def _sign(x: Any) -> float:
    value = dual.value_of(x)
    return 1.0 if value > 0 else -1.0 if value < 0 else 0.0


_ALL = (
    Operation("add", "+", 2, operator.add, lambda x, y, z: (1.0, 1.0), "{0} + {1}", ("1", "1"), 1),
    Operation("subtract", "-", 2, operator.sub, lambda x, y, z: (1.0, -1.0), "{0} - {1}", ("1", "-1"), 1),
    Operation("multiply", "*", 2, operator.mul, lambda x, y, z: (y, x), r"{0} \cdot {1}", ("{1}", "{0}"), 2),
    Operation(
        "divide", "/", 2, operator.truediv, lambda x, y, z: (1 / y, -z / y), r"\frac{{{0}}}{{{1}}}",
        (r"\frac{{1}}{{{1}}}", r"-\frac{{{z}}}{{{1}}}"), 2,
    ),
    Operation("negate", "-", 1, operator.neg, lambda x, z: (-1.0,), "-{0}", ("-1",), 1),
    Operation(
        "power", "**", 2, dual.power, _power_partials, "{{{0}}}^{{{1}}}",
        (r"{1} \cdot {{{0}}}^{{{1}-1}}", r"{z} \ln {0}"), 3,
    ),
    Operation("exp", "exp", 1, dual.exp, lambda x, z: (z,), "e^{{{0}}}", ("{z}",)),
    Operation("log", "log", 1, dual.log, lambda x, z: (1 / x,), r"\ln {0}", (r"\frac{{1}}{{{0}}}",)),
    Operation("sqrt", "sqrt", 1, dual.sqrt, lambda x, z: (0.5 / z,), r"\sqrt{{{0}}}", (r"\frac{{1}}{{2 {z}}}",)),
    Operation("sin", "sin", 1, dual.sin, lambda x, z: (dual.cos(x),), r"\sin {0}", (r"\cos {0}",)),
    Operation("cos", "cos", 1, dual.cos, lambda x, z: (-dual.sin(x),), r"\cos {0}", (r"-\sin {0}",)),
    Operation("tan", "tan", 1, dual.tan, lambda x, z: (1 + z * z,), r"\tan {0}", ("1 + {z}^2",)),
    Operation("tanh", "tanh", 1, dual.tanh, lambda x, z: (dual.tanh_slope(x),), r"\tanh {0}", ("1 - {z}^2",)),
    Operation(
        "sigmoid", "sigmoid", 1, dual.sigmoid, lambda x, z: (dual.sigmoid_slope(x),), r"\sigma({0})",
        ("{z} (1 - {z})",),
    ),
    Operation(
        "softplus", "softplus", 1, dual.softplus, lambda x, z: (dual.sigmoid(x),), r"\ln(1 + e^{{{0}}})",
        (r"\sigma({0})",),
    ),
    Operation(
        "relu", "relu", 1, dual.relu, lambda x, z: (float(_sign(x) > 0),), r"\max({0}, 0)", ("[{0} > 0]",),
        analytic=False,
    ),
    Operation(
        "abs", "abs", 1, dual.absolute, lambda x, z: (_sign(x),), "|{0}|", (r"\operatorname{{sign}} {0}",),
        analytic=False,
    ),
    Operation(
        "max", "max", 0, dual.maximum, _shares, r"\max({all})", (r"\frac{{[{own} = {z}]}}{{{tied}}}",), analytic=False,
    ),
    Operation(
        "min", "min", 0, dual.minimum, _shares, r"\min({all})", (r"\frac{{[{own} = {z}]}}{{{tied}}}",), analytic=False,
    ),
)  # fmt: skip

OPERATIONS = {operation.name: operation for operation in _ALL}
FUNCTIONS = tuple(operation.name for operation in _ALL if operation.binds == 0)
