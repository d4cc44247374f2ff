"""`glassnet evaluate`: how well a model does on a labelled set."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from glassnet.cli.options import Json, emit


def evaluate(
    model: Annotated[Path, typer.Argument(help="A model file or a run folder.")],
    data: Annotated[str, typer.Argument(help="A folder or file, or a known set.")],
    part: Annotated[
        str, typer.Option(help="Which part: test, train, valid or all (default: test if there is one).")
    ] = "",
    json: Json = False,
) -> None:
    """Accuracy with its 95 % interval, a table of the classes, and the confusion matrix.

    Example: glassnet evaluate runs/digits-1 digits
    """
    from glassnet.cli.tables import class_table, confusion_table
    from glassnet.model import Model
    from glassnet.recipes import choose_part, load_for

    loaded = Model.load(model)
    name, dataset = choose_part(load_for(loaded, data), part)
    found = loaded.evaluate(dataset)
    low, high = found.accuracy_interval
    typer.echo(f"{data} ({name}, {found.n:,} pictures)")
    typer.echo(f"accuracy {found.accuracy:.4f}   95 % interval {low:.4f} to {high:.4f}   loss {found.loss:.4f}")
    typer.echo(f"expected calibration error {found.calibration.error:.4f}\n")
    typer.echo(class_table(found))
    typer.echo("")
    typer.echo(confusion_table(found))
    if json:
        emit({**found.to_dict(), "part": name})
