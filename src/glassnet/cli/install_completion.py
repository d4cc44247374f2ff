"""`glassnet install-completion`: the shell completes commands, options, data sets and models."""

from __future__ import annotations

from typing import Annotated

import typer

from glassnet.cli.options import Json, emit, say


def install_completion(
    shell: Annotated[str | None, typer.Argument(help="bash, zsh or fish (default: the one in SHELL).")] = None,
    show: Annotated[bool, typer.Option("--show", help="Print the script and change nothing.")] = False,
    json: Json = False,
) -> None:
    """Have the shell complete commands, options, known data sets, runs and named networks by the Tab key.

    The script goes to the folder in which the shell looks for completions; for bash and zsh a line in ~/.bashrc or
    ~/.zshrc reads it. What was done is printed; a second call changes nothing.

    Examples:

      glassnet install-completion

      glassnet install-completion zsh --show
    """
    from glassnet.actions.install_completion import chosen_shell, install
    from glassnet.cli.completion import SCRIPTS

    name = chosen_shell(shell, tuple(SCRIPTS))
    if show:
        typer.echo(SCRIPTS[name], nl=False)
        if json:
            emit({"shell": name, "script": SCRIPTS[name], "files": []})
        return
    found = install(name, SCRIPTS[name])
    for path in found.files:
        say(f"wrote {path}")
    say(f"{name} completes glassnet in every new terminal." if found.files else f"{name} completes glassnet already.")
    if json:
        emit(found.to_dict())
