"""`glassnet lr`: the learning-rate range test."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer

from glassnet.cli.options import Json, Threads, emit, parse_setting, say, say_lines, setting_value
from glassnet.text import columns

if TYPE_CHECKING:
    from glassnet.train.range_test import RangeTest

_ROWS, _BAR = 16, 30  # lines of the curve; characters of the longest bar


def lr(
    data: Annotated[
        str, typer.Argument(metavar="DATA|RECIPE", help="A folder or file, a known set, or a recipe ending in .toml.")
    ],
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="Replace a recipe's value: optimizer.name=sgd."),
    ] = None,
    low: Annotated[float, typer.Option(help="The rate of the first step.")] = 1e-6,
    high: Annotated[float, typer.Option(help="The rate of the last step.")] = 10.0,
    steps: Annotated[int, typer.Option(help="Training steps, at least 20.")] = 200,
    out: Annotated[Path | None, typer.Option(help="Picture of the curve to write (PNG or SVG).")] = None,
    threads: Threads = None,
    json: Json = False,
) -> None:
    """Find a learning rate: train for some steps while the rate rises, and look where the loss falls.

    Engine, optimiser, batches and augmentation are the recipe's own. Nothing is kept of the training. Status 1 where
    the loss does not fall at any rate.

    Examples:

      glassnet lr digits

      glassnet lr recipe.toml --set optimizer.name=momentum --out rates.png
    """
    from glassnet.actions.lr import lr as run
    from glassnet.cli.events import TerminalEvents

    values: dict[str, Any] = {name: setting_value(value) for name, value in map(parse_setting, settings or [])}
    if threads is not None:
        values["train.threads"] = threads
    with TerminalEvents() as events:
        result = run(data, values, low=low, high=high, steps=steps, out=out, events=events)
    say_lines(_curve(result.found))
    say(f"ended {result.found.ended}")
    for file in result.files:
        say(f"wrote {file}")
    if result.rate is None:
        say("no suggestion: the loss does not fall at any of these rates")
    else:
        given = " ".join(f"--set {shlex.quote(text)}" for text in settings or [] if "optimizer.lr" not in text)
        say(f"suggested for {result.optimizer}: {result.rate:g}")
        say(f"try: glassnet train {shlex.quote(data)} {given}{' ' if given else ''}--lr {result.rate:g}")
    if json:
        emit(result.to_dict())
    if result.rate is None:
        raise typer.Exit(1)


def _curve(found: RangeTest) -> str:
    """Rate, smoothed loss and a bar for some steps at even distances; the suggested rate is marked."""
    count = len(found.rates)
    shown = np.unique(np.linspace(0, count - 1, min(_ROWS, count)).round().astype(int))
    highest = float(found.smoothed[: found.lowest + 1].max()) or 1.0
    marked = -1
    if found.suggestion is not None:
        marked = int(np.argmin(np.abs(np.log(found.rates[shown] / found.suggestion))))
    rows: list[tuple[str, ...]] = [("rate", "loss", "", "")]
    for place, step in enumerate(shown):
        loss = float(found.smoothed[step])
        bar = "#" * round(_BAR * min(1.0, max(0.0, loss / highest)))
        bar += "..." if loss > 1.02 * highest else ""
        rows.append((f"{found.rates[step]:.2g}", f"{loss:.4g}", bar, "<- suggested" if place == marked else ""))
    return columns(rows, sides=">><<")
