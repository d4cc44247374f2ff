"""Dual numbers a + b e with e^2 = 0: arithmetic that carries a derivative along (forward mode).

    f(a + b e) = f(a) + f'(a) b e

The functions here take a float, a complex or a `Dual` and answer in kind, so that one formula serves for values,
forward mode, the complex step, and reverse mode over duals (second derivatives).

Where a function has a kink (`max` and `min` at a tie, `abs` and `relu` at 0), its derivative is the mean of the two
sides for `max` and `min`, and 0 for `abs` and `relu`, as in PyTorch.
"""

from __future__ import annotations

import cmath
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Union

__all__ = [
    "Dual",
    "Number",
    "absolute",
    "cos",
    "exp",
    "log",
    "maximum",
    "minimum",
    "power",
    "power_by_exponent",
    "relu",
    "sigmoid",
    "sin",
    "softplus",
    "sqrt",
    "tan",
    "tanh",
    "value_of",
]

Number = Union[float, complex, "Dual"]


@dataclass(frozen=True, slots=True)
class Dual:
    """A value and its derivative in one direction."""

    value: float
    dot: float

    def __add__(self, other: Any) -> Dual:
        o = _dual(other)
        return Dual(self.value + o.value, self.dot + o.dot)

    __radd__ = __add__

    def __neg__(self) -> Dual:
        return Dual(-self.value, -self.dot)

    def __sub__(self, other: Any) -> Dual:
        return self + -_dual(other)

    def __rsub__(self, other: Any) -> Dual:
        return _dual(other) + -self

    def __mul__(self, other: Any) -> Dual:
        o = _dual(other)
        return Dual(self.value * o.value, self.dot * o.value + self.value * o.dot)

    __rmul__ = __mul__

    def __truediv__(self, other: Any) -> Dual:
        o = _dual(other)
        value = self.value / o.value
        return Dual(value, (self.dot - value * o.dot) / o.value)

    def __rtruediv__(self, other: Any) -> Dual:
        return _dual(other) / self


def _dual(x: Any) -> Dual:
    return x if isinstance(x, Dual) else Dual(float(x), 0.0)


def value_of(x: Any) -> float:
    """The real value of a float, a complex or a `Dual`: what comparisons go by."""
    return x.value if isinstance(x, Dual) else x.real


def _function(real: Callable[[float], float], complex_: Any, derivative: Callable[[float, float], float]) -> Any:
    """A function of any number from its real and complex forms and its derivative from (x, f(x))."""

    def apply(x: Any) -> Any:
        if isinstance(x, Dual):
            value = real(x.value)
            return Dual(value, derivative(x.value, value) * x.dot)
        return complex_(x) if isinstance(x, complex) else real(x)

    return apply


def _sigmoid(x: Any) -> Any:
    """1 / (1 + e^-x), without overflow on either side."""
    e = (cmath if isinstance(x, complex) else math).exp(-x if x.real >= 0 else x)
    return 1 / (1 + e) if x.real >= 0 else e / (1 + e)


def _softplus(x: float) -> float:
    return max(x, 0.0) + math.log1p(math.exp(-abs(x)))


def _complex_softplus(x: complex) -> complex:
    return x + cmath.log(1 + cmath.exp(-x)) if x.real >= 0 else cmath.log(1 + cmath.exp(x))


exp = _function(math.exp, cmath.exp, lambda x, y: y)
log = _function(math.log, cmath.log, lambda x, y: 1 / x)
sqrt = _function(math.sqrt, cmath.sqrt, lambda x, y: 0.5 / y)
sin = _function(math.sin, cmath.sin, lambda x, y: math.cos(x))
cos = _function(math.cos, cmath.cos, lambda x, y: -math.sin(x))
tan = _function(math.tan, cmath.tan, lambda x, y: 1 + y * y)
tanh = _function(math.tanh, cmath.tanh, lambda x, y: 1 - y * y)
sigmoid = _function(_sigmoid, _sigmoid, lambda x, y: y * (1 - y))
softplus = _function(_softplus, _complex_softplus, lambda x, y: _sigmoid(x))


def absolute(x: Any) -> Any:
    """|x|, with derivative 0 at 0."""
    return x if value_of(x) > 0 else -x if value_of(x) < 0 else 0.0 * x


def relu(x: Any) -> Any:
    """max(x, 0), with derivative 0 at 0."""
    return x if value_of(x) > 0 else 0.0 * x


def maximum(x: Any, y: Any) -> Any:
    """The larger; at a tie the mean of both, so that each has half of the derivative."""
    a, b = value_of(x), value_of(y)
    return x if a > b else y if b > a else x * 0.5 + y * 0.5


def minimum(x: Any, y: Any) -> Any:
    """The smaller; at a tie the mean of both."""
    a, b = value_of(x), value_of(y)
    return x if a < b else y if b < a else x * 0.5 + y * 0.5


def power(x: Any, y: Any) -> Any:
    """x^y. Where y varies too, see `power_by_exponent`."""
    if not isinstance(x, Dual) and not isinstance(y, Dual):
        return x**y if isinstance(x, complex) or isinstance(y, complex) else math.pow(x, y)
    a, b = _dual(x), _dual(y)
    value = math.pow(a.value, b.value)
    dot = 0.0
    if a.dot != 0 and b.value != 0:
        dot += b.value * math.pow(a.value, b.value - 1) * a.dot
    if b.dot != 0:
        dot += power_by_exponent(a.value, b.value, value) * b.dot
    return Dual(value, dot)


def power_by_exponent(x: Any, y: Any, z: Any) -> Any:
    """d x^y / dy = x^y log x for z = x^y: 0 at x = 0 where y > 0, not a number where x is negative."""
    if value_of(x) > 0:
        return z * log(x)
    return 0.0 if value_of(x) == 0 and value_of(y) > 0 else math.nan
