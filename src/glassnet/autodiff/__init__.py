"""Autodiff: formulas as small graphs, their derivatives by forward and reverse mode, and the working shown."""

from glassnet.autodiff.expression import Graph, Node, parse
from glassnet.autodiff.modes import (
    Cost,
    Forward,
    Reverse,
    complex_step,
    costs,
    differences,
    evaluate,
    forward_mode,
    hessian,
    is_analytic,
    jvp,
    reverse_mode,
    vjp,
)

__all__ = [
    "Cost",
    "Forward",
    "Graph",
    "Node",
    "Reverse",
    "complex_step",
    "costs",
    "differences",
    "evaluate",
    "forward_mode",
    "hessian",
    "is_analytic",
    "jvp",
    "parse",
    "reverse_mode",
    "vjp",
]
