"""`glassnet check`: every gradient of a network against central differences."""

from __future__ import annotations

from typing import Annotated

import typer

from glassnet.cli.options import Json, emit, parse_shape
from glassnet.text import folded


def check(
    network: Annotated[str, typer.Argument(help="A network in notation, or a model file.")],
    input: Annotated[str, typer.Option("--input", help="Sizes of one example, as in 28x28x1.")] = "",
    classes: Annotated[int, typer.Option(help="Size of a last 'linear' that names none.", min=1)] = 10,
    loss: Annotated[str, typer.Option(help="The loss, in notation.")] = "softmax-cross-entropy",
    examples: Annotated[int, typer.Option(help="Random examples to check on.", min=2)] = 5,
    samples: Annotated[
        int | None, typer.Option(help="Check so many random entries of each array (default: every entry).", min=1)
    ] = None,
    l2: Annotated[float, typer.Option("--l2", help="Include the regularisation term.", min=0)] = 0.0,
    seed: Annotated[int, typer.Option(help="Seed of weights and examples.", min=0)] = 0,
    json: Json = False,
) -> None:
    """Compare every gradient of a network, in float64, with central differences; exit status 1 if one is wrong.

    The error of an array is max|a - n| / max(|a|, |n|) over its entries, and must be at most 1e-7.

    Example: glassnet check "linear 64 -> relu -> linear 10" --input 28x28x1
    """
    from glassnet.actions.check import check as run

    shape = parse_shape(input) if input else None
    result = run(network, shape, classes, loss, examples=examples, samples=samples, l2=l2, seed=seed)
    for line in str(result).split("\n"):
        typer.echo(line if line.startswith(" ") or "  " in line else folded(line))
    if json:
        emit(result.to_dict())
    if not result.passed:
        raise typer.Exit(1)
