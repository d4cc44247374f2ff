"""`glassnet export`: a model as an ONNX file, or as a page to draw on."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from glassnet.cli.options import Json, Weights, emit, say
from glassnet.errors import ModelError

if TYPE_CHECKING:
    from glassnet.actions.export import Exported


def export(
    model: Annotated[str, typer.Argument(help="A model file, a run folder or a pretrained network ('resnet-18').")],
    file: Annotated[Path, typer.Argument(help="The file to write: NAME.onnx, or NAME.html for a page to draw on.")],
    pixels: Annotated[
        str, typer.Option(help="What it takes: uint8 (0 to 255) or float32 (0 to 1) (default: uint8; rows: float32).")
    ] = "",
    pictures: Annotated[
        list[Path] | None,
        typer.Option(help="Pictures, or folders of them, to compare on (default: 16 that are generated); repeatable."),
    ] = None,
    weights: Weights = None,
    json: Json = False,
) -> None:
    """A model as one ONNX file, with its preprocessing and its class names inside; or as a page to draw on.

    The file takes pictures (n, C, H, W) of the model's size, any number at once, and gives scores and probabilities.
    Where onnxruntime is installed, its scores are compared with the model's: the exit status is 1 where they differ by
    more than rounding. `glassnet import` makes the very same model of it again. PyTorch is not needed.

    NAME.html is a single file that answers drawings in any browser, without Python and without a network, for a small
    classifier (8 MB of weights).

    Examples:

      glassnet export runs/digits-1 digits.onnx

      glassnet export runs/digits-1 try-it.html

      glassnet export squeezenet-1.1 squeezenet.onnx --pixels float32 --pictures photos
    """
    from glassnet.actions import export as actions
    from glassnet.actions.export import export as run

    if actions.is_page(file):
        if pixels or pictures:
            raise ModelError("--pixels and --pictures are for ONNX files. Leave them out.")
        page = actions.export_page(model, file, weights=weights)
        say(f"wrote {page.file}: {page.size:,} bytes; open it in a browser")
        if json:
            emit(page.to_dict())
        return
    result = run(model, file, pixels=pixels, pictures=pictures or (), weights=weights)
    sizes = ", ".join(map(str, result.input_shape))
    what = "pictures" if len(result.input_shape) == 3 else "rows"
    say(f"wrote {result.file}: {result.size:,} bytes, ONNX opset {result.opset}")
    typer.echo(f"takes {what} (n, {sizes}) {result.pixels}, gives scores (n, {result.outputs})")
    say(_checked(result))
    for note in result.notes:
        say(f"note: {note}", err=True)
    if json:
        emit(result.to_dict())
    if not result.passed:
        raise typer.Exit(1)


def _checked(result: Exported) -> str:
    """How the file agrees with the model, in a line."""
    found = result.agreement
    if found is None:
        return "not compared: the package onnxruntime is not installed (pip install 'glassnet[onnx]')"
    kind = "generated" if result.generated else "given"
    count = f"{found.pictures} {kind} {'pictures' if len(result.input_shape) == 3 else 'rows'}"
    same = "" if found.decided is None else f"; the same class for {found.same_class} of {found.decided}"
    if found.decided is not None and found.decided < found.pictures:
        same += f" ({found.pictures - found.decided} too close to call)"
    verdict = "agrees" if found.agrees else "DIFFERS"
    return (
        f"{verdict} in onnxruntime {result.runtime} on {count}: scores within {found.difference:.1e}"
        f" ({found.relative:.1e} of the largest){same}"
    )
