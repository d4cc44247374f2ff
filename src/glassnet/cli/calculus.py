"""`glassnet calculus`: the derivatives of formulas, with the working shown."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from glassnet.cli.options import Json, emit, say
from glassnet.text import columns

if TYPE_CHECKING:
    from glassnet.actions.calculus import Calculus
    from glassnet.autodiff.working import Working

__all__ = ["calculus"]

_MOST_ROWS = 60  # of the trace, on a terminal


def calculus(
    formulas: Annotated[str, typer.Argument(help="One or more formulas, separated by ';'.")],
    at: Annotated[
        str, typer.Option(help="The point: values in the order of the variables (1,-1), or by name (w1=1,w2=-1).")
    ] = "",
    step: Annotated[
        float | None, typer.Option(help="Step of forward differences, shown besides (default: none are shown).")
    ] = None,
    hessian: Annotated[bool, typer.Option("--hessian", help="Also the second derivatives of every formula.")] = False,
    out: Annotated[
        Path | None, typer.Option(help="Folder for graph.svg (the graph drawn) and working.tex (the working in LaTeX).")
    ] = None,
    json: Json = False,
) -> None:
    """The Jacobian of formulas at a point: by differences, forward mode, reverse mode and the complex step.

    Every intermediate value is shown with its dots (forward mode) and bars (reverse mode), and what each mode costs.

    Formulas have + - * / ** (or ^), parentheses, numbers, pi, e, variables of any name, and the functions exp, log (or
    ln), sqrt, sin, cos, tan, tanh, sigmoid, softplus, relu, abs, max and min. Variables are ordered by name, w2 before
    w10. A point may have numbers such as pi/2 and sqrt(2).

    Examples:

      glassnet calculus "x**2 * sin(y)" --at 2,0.5

      glassnet calculus "w1*w2 + max(w1, w2); exp(w1)" --at w1=1,w2=-1 --hessian --out working
    """
    from glassnet.actions.calculus import calculus as run

    found = run(formulas, at, step=step, hessian=hessian, out=out)
    for line in _lines(found):
        typer.echo(line)
    for file in found.files:
        say(f"wrote {file}")
    if json:
        emit(found.to_dict())


def _lines(found: Calculus) -> Iterator[str]:
    graph, working = found.graph, found.working
    names = graph.names
    yield "at " + (", ".join(f"{n} = {v:g}" for n, v in zip(names, found.point, strict=True)) or "no variables")
    for number, (k, value) in enumerate(zip(graph.outputs, found.values, strict=True), start=1):
        yield f"f{number} = {graph.text(k)} = {value:.10g}"
    rows = working.rows()
    yield "\n" + columns(rows[: _MOST_ROWS + 1], left=2)
    if len(rows) > _MOST_ROWS + 1:
        yield f"... and {len(rows) - 1 - _MOST_ROWS} more values (all of them with --json)"
    head = ("Jacobian", *(f"df{i}/d{n}" for i in range(1, len(graph.outputs) + 1) for n in names))
    ways = [(way, *(f"{v:.10g}" for v in matrix.reshape(-1))) for way, matrix in found.jacobians.items()]
    yield "\n" + columns([head, *ways])
    yield "\n" + _agreement(working)
    yield from _notes(working)
    cost = working.cost
    yield (
        f"cost in elementary operations: the value {cost.value}; the Jacobian by forward mode {cost.forward} "
        f"({len(names)} passes), by reverse mode {cost.reverse} ({len(graph.outputs)} passes back), "
        f"by central differences {cost.differences}"
    )
    for number, matrix in enumerate(found.hessians, start=1):
        yield f"\nsecond derivatives of f{number}"
        yield columns([("", *names), *((n, *(f"{v:.10g}" for v in r)) for n, r in zip(names, matrix, strict=True))])


def _notes(working: Working) -> Iterator[str]:
    if working.complex is not None and any(map(math.isnan, working.complex.reshape(-1).tolist())):
        yield "note: nan stands where the imaginary part of the complex step underflows, or has no room"
    for kink in working.kinks:
        yield f"note: {kink} has a kink exactly here; its derivative is the convention of glassnet.autodiff.dual"


def _agreement(working: Working) -> str:
    """Whether the ways that only round agree, and which one does not."""
    *first, last = working.exact_ways
    gap, odd = working.disagreement
    if odd is None:
        return f"{', '.join(first)} and {last} differ by {gap:.1e}, relative to the terms that each derivative sums"
    others = [way for way in working.exact_ways if way != odd]
    witnesses = " and ".join(others if len(others) > 1 else [*others, "central differences"])
    return f"{odd} stands apart: it differs by {gap:.1e} of the terms that the derivative sums from {witnesses}"
