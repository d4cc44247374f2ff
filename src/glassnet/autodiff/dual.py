"""Dual numbers a + b e with e^2 = 0: arithmetic that carries a derivative along (forward mode).

    f(a + b e) = f(a) + f'(a) b e

The functions here take a float, a complex or a `Dual` and answer in kind, so that one formula serves for values,
forward mode, the complex step, and reverse mode over duals (second derivatives).

Where a function has a kink (`max` and `min` at a tie, `abs` and `relu` at 0), its derivative is the mean of all that
are tied for `max` and `min`, and 0 for `abs` and `relu`, as in PyTorch (`amax`, `abs`, `relu`).

Complex numbers are those of a complex step, x + i h near the real axis. What has no real value there has none here.
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
    "sigmoid_slope",
    "sin",
    "softplus",
    "sqrt",
    "tan",
    "tanh",
    "tanh_slope",
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
    """max(x, 0) + log(1 + e^-|x|), the logarithm right for small e^-|x|, too."""
    e = cmath.exp(-x if x.real >= 0 else x)
    small = complex(0.5 * math.log1p(2 * e.real + abs(e) ** 2), math.atan2(e.imag, 1 + e.real))
    return x + small if x.real >= 0 else small


def _above_0(function: Callable[[complex], complex]) -> Callable[[complex], complex]:
    """A complex function that is real only from 0 on: elsewhere the complex step would take a jump for a slope."""

    def apply(x: complex) -> complex:
        if x.real <= 0:
            raise ValueError("no real value or no derivative")
        return function(x)

    return apply


def _slope_of_tanh(x: float) -> float:
    """1 - tanh(x)^2, without its cancellation where tanh(x) is near 1."""
    e = math.exp(-2 * abs(x))
    return 4 * e / (1 + e) ** 2


exp = _function(math.exp, cmath.exp, lambda x, y: y)
log = _function(math.log, _above_0(cmath.log), lambda x, y: 1 / x)
sqrt = _function(math.sqrt, _above_0(cmath.sqrt), lambda x, y: 0.5 / y)
sin = _function(math.sin, cmath.sin, lambda x, y: math.cos(x))
cos = _function(math.cos, cmath.cos, lambda x, y: -math.sin(x))
tan = _function(math.tan, cmath.tan, lambda x, y: 1 + y * y)
tanh = _function(math.tanh, cmath.tanh, lambda x, y: _slope_of_tanh(x))
sigmoid = _function(_sigmoid, _sigmoid, lambda x, y: y * _sigmoid(-x))
# Local derivatives of reverse mode, which meets no complex numbers; their own derivatives are those of the closed form.
sigmoid_slope = _function(lambda x: _sigmoid(x) * _sigmoid(-x), None, lambda x, y: -math.tanh(0.5 * x) * y)
tanh_slope = _function(_slope_of_tanh, None, lambda x, y: -2 * math.tanh(x) * y)
softplus = _function(_softplus, _complex_softplus, lambda x, y: _sigmoid(x))


def absolute(x: Any) -> Any:
    """|x|, with derivative 0 at 0."""
    return x if value_of(x) > 0 else -x if value_of(x) < 0 else 0.0 * x


def relu(x: Any) -> Any:
    """max(x, 0), with derivative 0 at 0."""
    return x if value_of(x) > 0 else 0.0 * x


def maximum(*values: Any) -> Any:
    """The largest; of several that are tied the mean, so that each has an equal share of the derivative."""
    return _mean_of_tied(values, max(value_of(v) for v in values))


def minimum(*values: Any) -> Any:
    """The smallest; of several that are tied the mean."""
    return _mean_of_tied(values, min(value_of(v) for v in values))


def _mean_of_tied(values: tuple[Any, ...], chosen: float) -> Any:
    tied = [v for v in values if value_of(v) == chosen]
    if len(tied) == 1 or not any(isinstance(v, Dual) for v in tied):
        return tied[0]
    return Dual(chosen, math.fsum(_dual(v).dot for v in tied) / len(tied))


def power(x: Any, y: Any) -> Any:
    """x^y. Where y varies too, see `power_by_exponent`."""
    if not isinstance(x, Dual) and not isinstance(y, Dual):
        return _complex_power(complex(x), complex(y)) if isinstance(x + y, complex) else math.pow(x, y)
    a, b = _dual(x), _dual(y)
    value = math.pow(a.value, b.value)
    dot = 0.0
    if a.dot != 0 and b.value != 0:
        dot += b.value * math.pow(a.value, b.value - 1) * a.dot
    if b.dot != 0:
        dot += power_by_exponent(a.value, b.value, value) * b.dot
    return Dual(value, dot)


def _complex_power(x: complex, y: complex) -> complex:
    """x^y near the real axis. For whole y and negative x it is (-1)^y (-x)^y, which stays off the branch cut."""
    if x == 0 and y.real > 0:
        return 0j
    if x.real == 0 and y.real > 1:  # a branch point: the step would not stay near the axis
        return 0j
    if x.real == 0 and y.real < 1 and y != 0:
        raise ValueError("no derivative")
    if x.real >= 0:
        return x**y
    if y.imag != 0 or not y.real.is_integer():
        raise ValueError("no real value")
    turned = (-x) ** y.real
    return -turned if y.real % 2 else turned


def power_by_exponent(x: Any, y: Any, z: Any) -> Any:
    """d x^y / dy = x^y log x for z = x^y: 0 at x = 0 where y > 0, not a number where x is negative."""
    if value_of(x) > 0:
        return z * log(x)
    return 0.0 if value_of(x) == 0 and value_of(y) > 0 else math.nan
