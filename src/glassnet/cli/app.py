"""The commands of `glassnet` as one command line."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from glassnet.cli.commands import COMMANDS, SUMMARIES, load, plug_ins
from glassnet.errors import nearest

__all__ = ["app"]


class _Commands(TyperGroup):
    """Finds commands by name; the help lists them without importing any."""

    def list_commands(self, ctx: Any) -> list[str]:
        return [*COMMANDS, *plug_ins()]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        return load(cmd_name)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        name = args[0]
        if not name.startswith("-") and name not in COMMANDS and name not in (others := plug_ins()):
            ctx.fail(f"No such command '{name}'.{nearest(name, [*COMMANDS, *others])}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        others = {name: f"By {entry.dist.name}." if entry.dist else "" for name, entry in plug_ins().items()}
        with formatter.section("Commands"):
            formatter.write_dl([*SUMMARIES.items(), *others.items()])


app = typer.Typer(
    cls=_Commands,
    name="glassnet",
    help="Neural networks you can see through: train image recognisers, check every gradient, look inside.",
    epilog="'glassnet help COMMAND' says more about one.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"glassnet {version('glassnet')}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("-V", "--version", callback=_version, is_eager=True, help="Print it and exit.")
    ] = False,
) -> None:
    """Neural networks you can see through."""
