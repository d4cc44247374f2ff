"""`glassnet import`: a model from an ONNX file, or from weights."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from glassnet.cli.options import Json, emit, parse_shape, say
from glassnet.errors import RecipeError
from glassnet.notation import as_real
from glassnet.text import columns, shorten

_SHOWN = 12  # layers whose module is shown


def import_model(
    file: Annotated[Path, typer.Argument(help="An ONNX file, or weights: .safetensors, .pth.")],
    network: Annotated[
        str,
        typer.Option(
            "--as",
            metavar="NETWORK",
            help="The network that weights are of: a name, or a notation. Of an ONNX file of another program: a"
            " published network whose preprocessing and classes it shares.",
        ),
    ] = "",
    out: Annotated[
        Path | None, typer.Option(help="The file to write (.safetensors), or a new folder (default: runs/NAME).")
    ] = None,
    input_: Annotated[
        str, typer.Option("--input", metavar="HxWxC", help="What the network takes, where nothing else says it.")
    ] = "",
    classes: Annotated[
        str, typer.Option(metavar="FILE|NAMES", help="Class names: a file with one a line, or with commas between.")
    ] = "",
    mean: Annotated[
        str, typer.Option(metavar="NUMBERS", help="The mean of each channel, in 0 to 1: 0.5,0.5,0.5.")
    ] = "",
    deviation: Annotated[str, typer.Option(metavar="NUMBERS", help="The standard deviation of each channel.")] = "",
    json: Json = False,
) -> None:
    """A model file from an ONNX file, or from the weights of a network that is named.

    What `glassnet export` wrote gives the very same model again. Of other ONNX files the graph is read, and the first
    operator that no layer here is, is named. Weights are recognised by their names and sizes. Nothing of a file is run.

    Examples:

      glassnet import digits.onnx --out runs/again

      glassnet import state.pth --as lenet-5 --classes 0,1,2,3,4,5,6,7,8,9

      glassnet import resnet18.onnx --as resnet-18
    """
    from glassnet.actions.import_model import import_model as run

    shape = parse_shape(input_) if input_ else ()
    numbers = {name: _numbers(name, text) for name, text in (("mean", mean), ("deviation", deviation))}
    result = run(file, network=network, out=out, input_shape=shape, classes=classes, **numbers)
    model = result.found.model
    say(f"wrote {result.file}")
    say(f"network: {shorten(model.network.notation(), 400)}")
    sizes = "x".join(map(str, model.image_shape))
    say(f"takes {sizes} -> {model.preprocess.notation()}; {model.network.size:,} parameters")
    if not model.task.rebuilds:
        say(f"{len(model.class_names):,} classes: {shorten(', '.join(model.class_names), 120)}")
    modules = list(result.found.modules.items())
    if modules:
        rows = [("layer", "taken from"), *modules[:_SHOWN]]
        typer.echo("")
        say_table = columns(rows, sides="<<")
        for line in say_table.splitlines():
            say(line)
        if len(modules) > _SHOWN:
            typer.echo(f"and {len(modules) - _SHOWN} more")
    for note in result.found.notes:
        say(f"note: {note}", err=True)
    if json:
        emit(result.to_dict())


def _numbers(name: str, text: str) -> tuple[float, ...]:
    """Numbers with commas between them. Raises `RecipeError`."""
    found = tuple(as_real(part.strip()) for part in text.split(",")) if text else ()
    if any(number != number or abs(number) > 1e6 for number in found):
        raise RecipeError(f"The {name} is written as a number for each channel, as in 0.5,0.5,0.5. Got '{text}'.")
    return found
