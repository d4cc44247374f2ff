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

    Formulas have + - * / ** (or ^), parentheses, numbers, pi, e, variables of any name, and the functions exp, log,
    sqrt, sin, cos, tan, tanh, sigmoid, softplus, relu, abs, max and min. Variables are ordered by name, w2 before w10.

    Examples:

      glassnet calculus "x**2 * sin(y)" --at 2,0.5

      glassnet calculus "w1*w2 + max(w1, w2); exp(w1)" --at w1=1,w2=-1 --hessian --out working
    """
    from glassnet.autodiff import differences, parse
    from glassnet.autodiff import hessian as second_derivatives
    from glassnet.autodiff.working import work
    from glassnet.cli.tables import columns
    from glassnet.files import write_text

    graph = parse(formulas)
    point = parse_point(at, graph)
    working = work(graph, point)
    names = graph.names
    typer.echo("at " + (", ".join(f"{n} = {v:g}" for n, v in zip(names, point, strict=True)) or "no variables"))
    for number, k in enumerate(graph.outputs, start=1):
        typer.echo(f"f{number} = {graph.text(k)} = {working.forward.values[k]:.10g}")
    rows = working.rows()
    typer.echo("\n" + columns(rows[: _MOST_ROWS + 1], left=2))
    if len(rows) > _MOST_ROWS + 1:
        typer.echo(f"... and {len(rows) - 1 - _MOST_ROWS} more values (all of them with --json)")
    ways: dict[str, Any] = {"forward mode": working.forward.jacobian, "reverse mode": working.reverse.jacobian}
    if working.complex is not None:
        ways["complex step"] = working.complex
    ways["central differences"] = working.numerical
    if step is not None:
        ways[f"forward differences, step {step:g}"] = differences(graph, point, step, central=False)
    table: list[tuple[Any, ...]] = [
        ("Jacobian", *(f"df{i}/d{n}" for i in range(1, len(graph.outputs) + 1) for n in names))
    ]
    table += [(way, *(f"{v:.10g}" for v in found.reshape(-1))) for way, found in ways.items()]
    typer.echo("\n" + columns(table))
    typer.echo(f"\nforward and reverse mode differ by {working.disagreement:.1e} of the largest intermediate value")
    for kink in working.kinks:
        typer.echo(f"note: {kink} has a kink exactly here; its derivative is the convention of glassnet.autodiff.dual")
    cost = working.cost
    typer.echo(
        f"cost in elementary operations: the value {cost.value}; the Jacobian by forward mode {cost.forward} "
        f"({len(names)} passes), by reverse mode {cost.reverse} ({len(graph.outputs)} passes back), "
        f"by central differences {cost.differences}"
    )
    second = [second_derivatives(graph, point, i) for i in range(len(graph.outputs))] if hessian else []
    for number, matrix in enumerate(second, start=1):
        typer.echo(f"\nsecond derivatives of f{number}")
        typer.echo(
            columns([("", *names), *((n, *(f"{v:.10g}" for v in row)) for n, row in zip(names, matrix, strict=True))])
        )
    files = []
    if out is not None:
        files = [out / "graph.svg", out / "working.tex"]
        for file, text in zip(files, (working.svg(), working.latex()), strict=True):
            write_text(file, text)
            say(f"wrote {file}")
    if json:
        emit(
            {
                "names": names,
                "at": point,
                "values": [working.forward.values[k] for k in graph.outputs],
                "jacobian": {way: found.tolist() for way, found in ways.items()},
                "hessian": [matrix.tolist() for matrix in second],
                "trace": rows,
                "cost": vars(cost),
                "files": files,
            }
        )


def parse_point(text: str, graph: Graph, option: str = "--at") -> tuple[float, ...]:
    """The values of a graph's variables, in its order, from `1,-1` or `w1=1,w2=-1`. Raises `FormulaError`."""
    names = graph.names
    parts = [part.strip() for part in re.split(r"[,;\s]+", text.strip()) if part.strip()]
    if any("=" in part for part in parts):
        given = {name: value for name, _, value in (part.partition("=") for part in parts)}
        if set(given) != set(names) or len(given) != len(parts):
            raise FormulaError(f"Give each of {', '.join(names)} one value, as {_example(names)}. Got '{text}'.")
        parts = [given[name] for name in names]
    if len(parts) != len(names):
        need = f"{len(names)} values for {', '.join(names)}" if names else "no values: the formula has no variables"
        raise FormulaError(f"The point needs {need}; got {len(parts)}. Give {option} {_example(names)}.")
    try:
        point = tuple(float(part) for part in parts)
    except ValueError:
        raise FormulaError(f"The point '{text}' is not a list of numbers. Give {option} {_example(names)}.") from None
    if not all(map(math.isfinite, point)):
        raise FormulaError(f"The point '{text}' is not finite. Give {option} {_example(names)}.")
    return point


def _example(names: tuple[str, ...]) -> str:
    return ",".join(f"{name}={k}" for k, name in enumerate(names, start=1)) or "nothing"
