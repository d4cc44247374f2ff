"""The `glassnet` command: finds the sub-command and turns every error into one line and exit status 2."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from glassnet import compiling
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
from glassnet.errors import GlassnetError

__all__ = ["app", "main"]

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


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status: 0 done, 1 a check failed, 2 wrong input, 130 interrupted.

    Every error is one line on standard error. GLASSNET_TRACEBACK=1 shows the traceback as well.
    """
    command = typer.main.get_command(app)
    try:
        with compiling.announced(_remark if sys.stderr.isatty() else None):
            wanted = list(sys.argv[1:] if arguments is None else arguments)
            status = command.main(wanted, "glassnet", standalone_mode=False)
        sys.stdout.flush()
        return status if isinstance(status, int) else 0
    except BrokenPipeError:  # the reader of our output is gone: there is nobody to tell
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (Exception, KeyboardInterrupt) as error:
        if type(error).__name__ == "NoArgsIsHelpError":  # `glassnet` or `glassnet data` alone: which commands there are
            print(error.ctx.get_help())  # type: ignore[union-attr]
            return 0
        if os.environ.get("GLASSNET_TRACEBACK") == "1":
            raise
        text, status = _explain(error)
        print(text, file=sys.stderr)
        return status


def _remark(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _explain(error: BaseException) -> tuple[str, int]:
    """One line for an error, and the exit status."""
    if isinstance(error, GlassnetError):
        return f"error: {error}", 2
    if hasattr(error, "format_message"):  # a wrong option or argument, found by the parser of the command line
        context = getattr(error, "ctx", None)
        command = context.command_path if context is not None else "glassnet"
        return f"error: {_one_line(error.format_message())} Try '{command} --help'.", 2
    if isinstance(error, KeyboardInterrupt) or type(error).__name__ == "Abort":
        return "interrupted", 130
    if isinstance(error, MemoryError):
        return f"error: Not enough memory ({_one_line(str(error)) or 'no more'}); use smaller pictures or batches.", 2
    if isinstance(error, OSError):
        name = f" '{error.filename}'" if error.filename else ""
        return f"error: {error.strerror or _one_line(str(error))}{name}.", 2
    kind = type(error).__name__
    return (
        f"error: {kind}: {_one_line(str(error))} (this is a defect of glassnet; GLASSNET_TRACEBACK=1 shows where).",
        2,
    )


def _one_line(text: str) -> str:
    return " ".join(text.split())
