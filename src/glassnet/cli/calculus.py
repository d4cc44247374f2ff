"""`glassnet calculus`: the derivatives of formulas, with the working shown."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from glassnet.cli.options import Json, emit, say
from glassnet.errors import FormulaError

if TYPE_CHECKING:
    from glassnet.autodiff import Graph
    from glassnet.autodiff.working import Working

__all__ = ["calculus", "parse_point"]

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
    import numpy as np

    from glassnet.autodiff import differences, parse
    from glassnet.autodiff import hessian as second_derivatives
    from glassnet.autodiff.working import work
    from glassnet.cli.tables import columns
    from glassnet.files import write_text

    graph = parse(formulas)
    point = parse_point(at, graph)
    working = work(graph, point)
    coarse = None if step is None else differences(graph, point, step, central=False)
    second = [second_derivatives(graph, point, i) for i in range(len(graph.outputs))] if hessian else []
    written = {} if out is None else {out / "graph.svg": working.svg(), out / "working.tex": working.latex()}
    names = graph.names
    typer.echo("at " + (", ".join(f"{n} = {v:g}" for n, v in zip(names, point, strict=True)) or "no variables"))
    for number, k in enumerate(graph.outputs, start=1):
        typer.echo(f"f{number} = {graph.text(k)} = {working.forward.values[k]:.10g}")
    rows = working.rows()
    typer.echo("\n" + columns(rows[: _MOST_ROWS + 1], left=2))
    if len(rows) > _MOST_ROWS + 1:
        typer.echo(f"... and {len(rows) - 1 - _MOST_ROWS} more values (all of them with --json)")
    ways: dict[str, Any] = working.exact_ways | {"central differences": working.numerical}
    if coarse is not None:
        ways[f"forward differences, step {step:g}"] = coarse
    table: list[tuple[Any, ...]] = [
        ("Jacobian", *(f"df{i}/d{n}" for i in range(1, len(graph.outputs) + 1) for n in names))
    ]
    table += [(way, *(f"{v:.10g}" for v in found.reshape(-1))) for way, found in ways.items()]
    typer.echo("\n" + columns(table))
    typer.echo("\n" + _agreement(working))
    if working.complex is not None and np.isnan(working.complex).any():
        typer.echo("note: nan stands where the imaginary part of the complex step underflows, or has no room")
    for kink in working.kinks:
        typer.echo(f"note: {kink} has a kink exactly here; its derivative is the convention of glassnet.autodiff.dual")
    cost = working.cost
    typer.echo(
        f"cost in elementary operations: the value {cost.value}; the Jacobian by forward mode {cost.forward} "
        f"({len(names)} passes), by reverse mode {cost.reverse} ({len(graph.outputs)} passes back), "
        f"by central differences {cost.differences}"
    )
    for number, matrix in enumerate(second, start=1):
        typer.echo(f"\nsecond derivatives of f{number}")
        typer.echo(
            columns([("", *names), *((n, *(f"{v:.10g}" for v in row)) for n, row in zip(names, matrix, strict=True))])
        )
    for file, text in written.items():
        write_text(file, text)
        say(f"wrote {file}")
    if json:
        emit(
            {
                "names": names,
                "at": point,
                "values": [working.forward.values[k] for k in graph.outputs],
                "disagreement": working.disagreement[0],
                "stands_apart": working.disagreement[1],
                "jacobian": {way: found.tolist() for way, found in ways.items()},
                "hessian": [matrix.tolist() for matrix in second],
                "trace": rows,
                "cost": vars(cost),
                "files": list(written),
            }
        )


def _agreement(working: Working) -> str:
    """Whether the ways that only round agree, and which one does not."""
    *first, last = working.exact_ways
    gap, odd = working.disagreement
    if odd is None:
        return f"{', '.join(first)} and {last} differ by {gap:.1e}, relative to the terms that each derivative sums"
    others = [way for way in working.exact_ways if way != odd]
    witnesses = " and ".join(others if len(others) > 1 else [*others, "central differences"])
    return f"{odd} stands apart: it differs by {gap:.1e} of the terms that the derivative sums from {witnesses}"


def parse_point(text: str, graph: Graph, option: str = "--at") -> tuple[float, ...]:
    """The values of a graph's variables, in its order, from `1,-1` or `w1=1,w2=-1`. Raises `FormulaError`.

    Values are numbers, or formulas without variables: pi/2, sqrt(2).
    """
    names = graph.names
    parts = _separated(text, r"[,;\s]")
    if len(parts) != len(names):  # spaces may stand within a value: 1 / 2
        parts = _separated(text, "[,;]")
    if any("=" in part for part in parts):
        given = {name.strip(): value for name, _, value in (part.partition("=") for part in parts)}
        if set(given) != set(names) or len(given) != len(parts):
            raise FormulaError(f"Give each of {', '.join(names)} one value, as {_example(names)}. Got '{text}'.")
        parts = [given[name] for name in names]
    if len(parts) != len(names):
        need = f"{len(names)} values for {', '.join(names)}" if names else "no values: the formula has no variables"
        raise FormulaError(f"The point needs {need}; got {len(parts)}. Give {option} {_example(names)}.")
    point = tuple(_value_of(part, text, f"{option} {_example(names)}") for part in parts)
    if not all(map(math.isfinite, point)):
        raise FormulaError(f"The point '{text}' is not finite. Give {option} {_example(names)}.")
    return point


def _separated(text: str, signs: str) -> list[str]:
    """The parts between signs that stand outside of parentheses."""
    parts, depth = [""], 0
    for sign in text:
        depth += (sign == "(") - (sign == ")")
        if depth == 0 and re.match(signs, sign):
            parts.append("")
        else:
            parts[-1] += sign
    return [part.strip() for part in parts if part.strip()]


def _value_of(part: str, text: str, example: str) -> float:
    from glassnet.autodiff import evaluate, parse

    try:
        return float(part)
    except ValueError:
        pass
    try:
        graph = parse(part)
        if graph.names or len(graph.outputs) > 1:
            raise FormulaError(f"'{part[:60]}' is not a number.")
        return float(evaluate(graph, [])[graph.outputs[0]])
    except FormulaError as error:
        raise FormulaError(f"The point '{text}' is not a list of numbers: {error} Give {example}.") from None


def _example(names: tuple[str, ...]) -> str:
    return ",".join(f"{name}={k}" for k, name in enumerate(names, start=1)) or "nothing"
