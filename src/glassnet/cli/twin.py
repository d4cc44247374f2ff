"""`glassnet twin`: two engines side by side on one training."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from glassnet.cli.options import Json, Threads, emit, parse_setting, parse_shape, say, say_lines, setting_value


def twin(
    what: Annotated[
        str,
        typer.Argument(
            metavar="MODEL|NOTATION|RECIPE",
            help="A model file, a run folder, a network by name or in notation, or a recipe ending in .toml.",
        ),
    ],
    pair: Annotated[
        str,
        typer.Option(
            metavar="A,B", help="The two sides: native or torch, with float32, a device or '2 processes' after it."
        ),
    ] = "native, torch",
    steps: Annotated[int, typer.Option(help="Training steps to compare.", min=1)] = 200,
    tolerance: Annotated[
        float | None, typer.Option(help="Largest error that passes. [1e-9; 1e-3 where a side is float32]")
    ] = None,
    data: Annotated[
        str | None,
        typer.Option(help="What is trained on. [the recipe's; digits for a notation, noise for a model or a name]"),
    ] = None,
    input: Annotated[
        str, typer.Option("--input", help="Train on pictures of noise of this size instead, as in 64x64x3.")
    ] = "",
    classes: Annotated[int, typer.Option(help="Classes of noise, where the network does not say.", min=2)] = 10,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="Replace a recipe's value: optimizer.name=sgd."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="The folder for page and figure, new or empty (default: NAME-twin).")
    ] = None,
    threads: Threads = None,
    json: Json = False,
) -> None:
    """Train two engines from the same weights on the same batches, and name the first step, tensor and element apart.

    The error of a tensor is max|a - b| / max(|a|, |b|, floor) over its entries. Where one exceeds the tolerance, the
    likely reason is named (a kink, a gradient of 0, rounding that grows, ...) and the exit status is 1.

    Examples:

      glassnet twin recipes/nist36-cnn.toml

      glassnet twin "linear 64 -> relu -> linear" --pair "native float32, native float64"

      glassnet twin resnet-18 --input 64x64x3 --set train.batch=2 --steps 5
    """
    from glassnet.actions.twin import twin as run
    from glassnet.cli.events import TerminalEvents

    values = {name: setting_value(value) for name, value in map(parse_setting, settings or [])}
    if threads is not None:
        values["train.threads"] = threads
    shape = parse_shape(input) if input else None
    with TerminalEvents() as events:
        result = run(
            what, pair=pair, data=data, input_shape=shape, classes=classes, steps=steps, settings=values,
            tolerance=tolerance, out=out, events=events,
        )  # fmt: skip
    say_lines(result.found.table())
    for line in result.found.summary():
        say(line)
    say(f"wrote {result.files[0]}")
    if json:
        emit(result.to_dict())
    if not result.found.passed:
        raise typer.Exit(1)
