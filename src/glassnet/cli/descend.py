"""`glassnet descend`: gradient descent on a formula, beside what theory promises."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from glassnet.cli.options import Json, emit, say
from glassnet.text import columns

if TYPE_CHECKING:
    from glassnet.actions.descend import Descended
    from glassnet.autodiff.descent import Descent

__all__ = ["descend"]

_MOST_ROWS = 24


def descend(
    formula: Annotated[
        str, typer.Argument(help="A formula; several, separated by ';', are parts of which the mean is taken.")
    ],
    start: Annotated[str, typer.Option("--from", help="The start: 0, or 1,-1, or w1=1,w2=-1.")] = "",
    rate: Annotated[float | None, typer.Option(help="Length of a step (default: the largest safe one, 1/L).")] = None,
    steps: Annotated[int, typer.Option(help="How many steps.")] = 50,
    momentum: Annotated[float, typer.Option(help="Share of the last step that goes on, below 1.")] = 0.0,
    stochastic: Annotated[
        bool, typer.Option("--stochastic", help="Each step follows one part, drawn at random, not their mean.")
    ] = False,
    seed: Annotated[int, typer.Option(help="Of the random draws.")] = 0,
    out: Annotated[Path | None, typer.Option(help="Picture of the path and of the bound to write (PNG).")] = None,
    json: Json = False,
) -> None:
    """Descend on a formula and print the path, f(w) - f* beside the bound that theory gives, and the largest safe step.

    A step goes to the lowest point of a parabola that lies above the formula while the rate is at most 1/L, with L the
    largest second derivative: so each step goes down. A stochastic step goes down for its own part alone.

    Examples:

      glassnet descend "(w-3)**2 / 2" --from 0 --rate 0.1

      glassnet descend "(w-1)**2; (w+1)**2" --from 2 --rate 0.2 --stochastic --out path.png
    """
    from glassnet.actions.descend import descend as run

    result = run(formula, start, rate=rate, steps=steps, momentum=momentum, stochastic=stochastic, seed=seed, out=out)
    typer.echo(columns(_table(result.descent), left=1))
    typer.echo("")
    for line in _remarks(result):
        typer.echo(line)
    if not result.files and (result.descent.diverged or result.descent.rate > 2 * result.descent.safe_rate):
        typer.echo("--out path.png draws it")
    for file in result.files:
        say(f"wrote {file}")
    if json:
        emit(result.to_dict())


def _table(found: Descent) -> list[tuple[Any, ...]]:
    """Step, place, f, f - f*, bound; the middle of a long path is left out."""
    names, bound = found.graph.names, found.bound
    head: list[Any] = ["step", *names, "f", "|gradient|"]
    head += ["f - f*"] * (found.lowest is not None) + ["bound"] * (bound is not None) + ["part"] * found.stochastic
    rows: list[tuple[Any, ...]] = [tuple(head)]
    last = len(found.values) - 1
    shown = [t for t in range(last + 1) if last < _MOST_ROWS or t < _MOST_ROWS // 2 or t > last - _MOST_ROWS // 2]
    for t in shown:
        if t and t - 1 not in shown:
            rows.append(("...", *[""] * (len(head) - 1)))
        row: list[Any] = [
            t,
            *(f"{v:.6g}" for v in found.path[t]),
            f"{found.values[t]:.6g}",
            f"{found.gradients[t]:.3g}",
        ]
        if found.lowest is not None:
            row.append(f"{max(0.0, found.values[t] - found.lowest):.3g}")
        if bound is not None:
            row.append(f"{bound[t]:.3g}")
        if found.stochastic:
            row.append("" if t == 0 else f"f{found.chosen[t - 1] + 1}{' uphill' if t - 1 in found.uphill else ''}")
        rows.append(tuple(row))
    return rows


def _remarks(result: Descended) -> list[str]:
    from glassnet.autodiff import is_analytic

    found, lines = result.descent, []
    if found.rest is None:
        lines.append("no minimum was found from the path: where the search stopped, f still falls")
    else:
        place = ", ".join(f"{n} = {v:.6g}" for n, v in zip(found.graph.names, found.rest, strict=True))
        value = f"{found.value(found.rest):.6g}"
        saddle = "an inflection point" if len(found.graph.names) == 1 else "a saddle point"
        lines.append(
            {
                "minimum": f"minimum f* = {value} at {place}",
                "maximum": f"no minimum: f = {value} at {place} is a maximum, where descent rests",
                "saddle point": f"no minimum: f = {value} at {place} is {saddle}, where descent rests",
                "undecided": f"f = {value} at {place} has no slope; its second derivatives do not tell what it is",
            }[found.kind]
        )
    lines.append(
        f"largest second derivative met L = {found.curvature:.6g}: the largest safe step 1/L = {found.safe_rate:.6g}"
    )
    if found.rate > 2 * found.safe_rate * (1 + 1e-9):
        lines.append(f"the rate {found.rate:g} is above 2/L: where the curvature is L, steps grow instead of shrinking")
    elif found.rate > found.safe_rate * (1 + 1e-9):
        lines.append(f"the rate {found.rate:g} is above 1/L: nothing is promised of single steps")
    if found.diverged:
        lines.append(
            f"the path left for infinity, or for where the formula has no value, after {len(found.chosen)} steps"
        )
    if not found.convex:
        lines.append(
            f"not convex on the way (smallest second derivative {found.least_curvature:.3g}): no bound on f - f*"
        )
    elif not is_analytic(found.graph):
        lines.append("the formula has kinks (abs, relu, max or min), where its slope may jump: no bound on f - f*")
    elif result.bound_kept is not None:
        lines.append(f"the bound is {'kept at every step' if result.bound_kept else 'NOT KEPT'}")
    if found.stochastic:
        lines.append(_why_uphill(found))
    return lines


def _why_uphill(found: Descent) -> str:
    steps = len(found.chosen)
    if not len(found.uphill):
        return f"none of {steps} stochastic steps went uphill"
    t = int(found.uphill[0])
    return (
        f"{len(found.uphill)} of {steps} stochastic steps went uphill. Step {t + 1} followed f{found.chosen[t] + 1} "
        f"alone, whose slope is not the mean's: f rose from {found.values[t]:.6g} to {found.values[t + 1]:.6g}"
    )
