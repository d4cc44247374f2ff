"""Completion of the command line: the words that may stand where the cursor is, and the scripts that ask for them.

A shell's script calls `glassnet` with `_GLASSNET_COMPLETE` set and the words so far as its arguments, the last one
being completed; the answer is a word a line. Where there is none, the shell completes names of files.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import typer

__all__ = ["SCRIPTS", "VARIABLE", "candidates"]

VARIABLE = "_GLASSNET_COMPLETE"

SCRIPTS = {
    "bash": f"""_glassnet() {{
    local IFS=$'\\n'
    COMPREPLY=($({VARIABLE}=1 glassnet "${{COMP_WORDS[@]:1:COMP_CWORD}}" 2>/dev/null))
    [[ ${{#COMPREPLY[@]}} -eq 1 && ${{COMPREPLY[0]}} == */ ]] && compopt -o nospace
}}
complete -o default -F _glassnet glassnet
""",
    "zsh": f"""#compdef glassnet
_glassnet() {{
    local -a found folders others
    found=(${{(f)"$({VARIABLE}=1 glassnet "${{(@)words[2,CURRENT]}}" 2>/dev/null)"}})
    folders=(${{(M)found:#*/}}) others=(${{found:#*/}})
    (( $#folders )) && compadd -S '' -a folders
    (( $#others )) && compadd -a others
    (( $#found )) || _files
}}
(( $+functions[compdef] )) || {{ autoload -Uz compinit && compinit }}
compdef _glassnet glassnet
""",
    "fish": f"""function __glassnet
    set -l words (commandline -opc) (commandline -ct)
    env {VARIABLE}=1 glassnet $words[2..-1] 2>/dev/null
end
complete -c glassnet -a "(__glassnet)"
""",
}


def candidates(words: Sequence[str]) -> list[str]:
    """The words that may stand for the last of `words`, which is what has been typed of it.

    Parameters
    ----------
    words : sequence of str
        The arguments so far, the last one incomplete (empty at a new word).
    """
    from glassnet.cli.app import app

    *before, current = words or [""]
    command: Any = typer.main.get_command(app)
    context = command.make_context("glassnet", [], resilient_parsing=True)
    rest = list(before)
    path: list[str] = []
    if rest[:1] == ["help"]:
        rest = rest[1:]
    while rest and hasattr(command, "get_command") and not rest[0].startswith("-"):
        found = command.get_command(context, rest[0])
        if found is None:
            return []
        command, path, rest = found, [*path, rest[0]], rest[1:]
    if hasattr(command, "list_commands") and not current.startswith("-"):
        names = [*command.list_commands(context), *([] if path or before else ["help"])]
        return _beginning(current, names)
    options = [p for p in command.params if p.param_type_name == "option"]
    if current.startswith("-"):
        return _beginning(current, [opt for p in options for opt in p.opts if opt.startswith("--")] + ["--help"])
    if rest and any(rest[-1] in p.opts and not p.is_flag for p in options):
        return _beginning(current, _OPTIONS.get((" ".join(path), rest[-1]), list)())
    arguments = [p for p in command.params if p.param_type_name == "argument"]
    place = _given(rest, options)
    if arguments and arguments[-1].nargs == -1:
        place = min(place, len(arguments) - 1)
    if place >= len(arguments) or arguments[place].name not in _ARGUMENTS:
        return []
    paths = [] if arguments[place].name in _NO_PATHS else _paths(current)
    return [*_beginning(current, _ARGUMENTS[arguments[place].name]()), *paths]


def _given(words: Sequence[str], options: Sequence[Any]) -> int:
    """How many of the words are arguments, not options nor their values."""
    valued = {opt for p in options if not p.is_flag for opt in p.opts}
    return sum(
        not word.startswith("-") and (place == 0 or words[place - 1] not in valued) for place, word in enumerate(words)
    )


def _beginning(current: str, names: Iterable[str]) -> list[str]:
    return [name for name in dict.fromkeys(names) if name.startswith(current)]


def _paths(current: str) -> list[str]:
    """Files and folders, these with a slash at their end; hidden ones where a dot is typed."""
    head, slash, tail = current.rpartition("/")
    start = f"{head}{slash}"
    try:
        found = sorted(Path(start or ".").expanduser().iterdir())
    except OSError:
        return []
    shown = [entry for entry in found if entry.name.startswith(tail) and (tail.startswith(".") or entry.name[0] != ".")]
    return [f"{start}{entry.name}{'/' if entry.is_dir() else ''}" for entry in shown]


def _sets() -> list[str]:
    from glassnet.data import CATALOGUE

    return [name for name, entry in CATALOGUE.items() if entry.open is not None]


def _all_sets() -> list[str]:
    from glassnet.data import CATALOGUE

    return list(CATALOGUE)


def _models() -> list[str]:
    """The runs of the working folder, and the networks that come with weights."""
    from glassnet.imagenet import PRETRAINED

    runs = sorted(Path("runs").glob("*/model.safetensors")) if Path("runs").is_dir() else []
    return [*(str(run.parent) for run in runs), *PRETRAINED]


def _networks() -> list[str]:
    from glassnet.nn.named import NAMED

    return list(NAMED)


# By the name of an argument, and by command and option.
_ARGUMENTS: dict[str, Callable[[], list[str]]] = {
    "data": _sets, "name": _all_sets, "source": _sets, "model": _models, "network": _networks, "networks": _networks,
}  # fmt: skip
_OPTIONS: dict[tuple[str, str], Callable[[], list[str]]] = {
    ("train", "--from"): _models, ("train", "--model"): _networks,
}  # fmt: skip
_NO_PATHS = ("name",)
