"""The commands of `glassnet` by name."""

from __future__ import annotations

from typing import Annotated

import typer

from glassnet.cli import (
    bench,
    calculus,
    check,
    classic,
    data,
    descend,
    evaluate,
    filter,
    look,
    predict,
    read,
    reproduce,
    synthesise,
    train,
)

__all__ = ["app"]

app = typer.Typer(
    name="glassnet",
    help="Neural networks you can see through: train image recognisers, check every gradient, look inside.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("train", short_help="Train a network by flags or by a recipe; sweep, resume.")(train.train)
app.command("evaluate", short_help="Accuracy, classes and confusion of a model on a set.")(evaluate.evaluate)
app.command("predict", short_help="What a model sees in pictures.")(predict.predict)
app.command("look", short_help="Kernels, layers and feature maps of a model.")(look.look)
app.command("filter", short_help="Image processing by convolution, saved and shown.")(filter.filter_)
app.command("read", short_help="Hand-printed text from photographs.")(read.read)
app.command("synthesise", short_help="Hand-printed pages with known text.")(synthesise.synthesise)
app.command("check", short_help="Every gradient against central differences.")(check.check)
_FORMULA = {"ignore_unknown_options": True}  # a formula may begin with a minus
app.command("calculus", context_settings=_FORMULA, short_help="Derivatives of formulas, with the working shown.")(
    calculus.calculus
)
app.command("descend", context_settings=_FORMULA, short_help="Gradient descent on a formula, beside the theory.")(
    descend.descend
)
app.command("bench", short_help="Speed and memory on this machine, beside PyTorch's.")(bench.bench)
app.command("reproduce", short_help="Published figures against ours.")(reproduce.reproduce)
app.add_typer(classic.app, name="classic")
app.add_typer(data.app, name="data")


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"glassnet {version('glassnet')}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print it and exit.")
    ] = False,
) -> None:
    """Neural networks you can see through."""
