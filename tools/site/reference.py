"""The reference, written from the code: public names from their docstrings, commands from the command line's registry,
layers from the notation's own table.
"""

from __future__ import annotations

import importlib
import inspect
import re
from collections.abc import Iterator
from typing import Any

import typer
from numpydoc.docscrape import NumpyDocString

from glassnet.cli.commands import COMMANDS, SUMMARIES, load

# Rooms in the order of their layers; those of the command line have pages of their own.
ROOMS = [
    "glassnet",
    "glassnet.nn",
    "glassnet.nn.functional",
    "glassnet.optim",
    "glassnet.data",
    "glassnet.metrics",
    "glassnet.tasks",
    "glassnet.train",
    "glassnet.engines",
    "glassnet.experiments",
    "glassnet.autodiff",
    "glassnet.check",
    "glassnet.classic",
    "glassnet.filters",
    "glassnet.attack",
    "glassnet.explain",
    "glassnet.watch",
    "glassnet.doctor",
    "glassnet.clinic",
    "glassnet.twin",
    "glassnet.interop",
    "glassnet.reader",
    "glassnet.report",
    "glassnet.reproduce",
    "glassnet.bench",
    "glassnet.lessons",
]

_SECTIONS = [
    "Parameters",
    "Attributes",
    "Returns",
    "Yields",
    "Raises",
    "Warns",
    "See Also",
    "Notes",
    "References",
    "Examples",
]
_SIGNS = re.compile(r"([*<>\[\]$|{}_\\#])")  # that mean something in Markdown


def pages() -> dict[str, str]:
    """The text of each generated page, by the name under which it is laid out."""
    rooms = {f"reference/{room}.md": room_page(room) for room in ROOMS}
    names = "\n".join(f"{room}" for room in ROOMS)
    index = (
        "# Reference\n\nWritten from the code: every command, every layer of the notation, every public name.\n\n"
        f"```{{toctree}}\n:maxdepth: 1\n\ncommands\nlayers\n{names}\n```\n"
    )
    return {
        "reference/index.md": index,
        "reference/commands.md": commands_page(),
        "reference/layers.md": layers_page(),
    } | rooms


# ---- commands


def commands_page() -> str:
    """Every command with its whole help."""
    parts = ["# Commands\n\nWhat `glassnet COMMAND --help` says. Every command also takes `--json`.\n"]
    parts += [f"- [`glassnet {name}`](#glassnet-{name}): {SUMMARIES[name]}" for name in COMMANDS]
    for name in COMMANDS:
        command: Any = load(name)
        parts.append(f"\n(glassnet-{name})=\n## glassnet {name}\n\n{SUMMARIES[name]}\n")
        for words, each in (("", command), *sorted(getattr(command, "commands", {}).items())):
            title = f"glassnet {name} {words}".strip()
            if words:
                parts.append(f"### {title}\n")
            parts.append(f"```text\n{_help(each, title)}\n```\n")
    return "\n".join(parts)


def _help(command: Any, title: str) -> str:
    with typer.Context(command, info_name=title, max_content_width=84, terminal_width=84) as context:
        return str(command.get_help(context)).rstrip()


# ---- layers


def layers_page() -> str:
    """Every word of the notation, from the layers themselves."""
    from glassnet.nn.layers import LAYERS

    rows = [
        "# Layers by their words",
        "",
        "The words of the [arrow notation](../notation.md), and the layer that each one makes.",
        "",
    ]
    rows += ["| word | layer | what it does |", "|---|---|---|"]
    for word, layer in LAYERS.items():
        summary = _inline(_first_line(inspect.getdoc(layer) or "")).replace("|", r"\|")
        rows.append(f"| `{word}` | `{layer.__name__}` | {summary} |")
    return "\n".join(rows) + "\n"


# ---- public names


def public(room: str) -> list[str]:
    """The public names of a room: its `__all__`, else what it defines without an underscore."""
    module = importlib.import_module(room)
    return list(getattr(module, "__all__", [name for name in vars(module) if not name.startswith("_")]))


def room_page(room: str) -> str:
    """Every public name of a room."""
    module = importlib.import_module(room)
    parts = [f"# {room}\n", f"```{{py:module}} {room}\n```\n", _prose(inspect.getdoc(module) or "")]
    for name in public(room):
        parts.append("\n".join(entry(room, name, getattr(module, name))))
    return "\n\n".join(parts) + "\n"


def entry(room: str, name: str, found: Any) -> Iterator[str]:
    """The lines that describe a name: a directive with its docstring, of a class its methods within it."""
    kind = "class" if inspect.isclass(found) else "function" if callable(found) else "data"
    if kind == "class" and issubclass(found, BaseException):
        kind = "exception"
    yield f"::::{{py:{kind}}} {name}{_signature(found) if kind != 'data' else ''}"
    yield ""
    if kind == "data":
        yield _value(found)
    else:
        yield document(inspect.getdoc(found) or "")
    if kind in ("class", "exception"):
        for method, what in sorted(vars(found).items()):
            if not method.startswith("_"):
                yield from _member(method, what)
    yield "::::"


def _member(name: str, found: Any) -> Iterator[str]:
    inner = found.__func__ if isinstance(found, classmethod | staticmethod) else found
    is_property = isinstance(inner, property) or type(inner).__name__ == "cached_property"
    if not (inspect.isfunction(inner) or is_property) or not (text := inspect.getdoc(inner)):
        return
    option = {classmethod: "\n:classmethod:", staticmethod: "\n:staticmethod:"}.get(type(found), "")
    kind, signature = ("property", "") if is_property else ("method", _signature(inner, method=True))
    yield f"\n:::{{py:{kind}}} {name}{signature}{option}\n"
    yield document(text)
    yield ":::"


def _signature(found: Any, method: bool = False) -> str:
    """Names and defaults; types stand in the docstring."""
    try:
        signature = inspect.signature(found)
    except (TypeError, ValueError):
        return "()"
    kept = [each.replace(annotation=inspect.Parameter.empty) for each in signature.parameters.values()]
    if method:
        kept = [each for each in kept if each.name not in ("self", "cls")]
    plain = [each if _plain(each.default) else each.replace(default=_Shown()) for each in kept]
    return str(signature.replace(parameters=plain, return_annotation=inspect.Signature.empty))


class _Shown:
    """Stands for a default that is an object."""

    def __repr__(self) -> str:
        return "..."


def _plain(value: Any) -> bool:
    return value is inspect.Parameter.empty or isinstance(value, bool | int | float | str | None | tuple)


def _value(found: Any) -> str:
    shown = repr(found)
    return f"```text\n{shown if len(shown) < 300 else shown[:300] + ' ...'}\n```"


def document(text: str) -> str:
    """A docstring in numpydoc's form as Markdown."""
    found = NumpyDocString(text)
    parts = [_prose("\n".join(found["Summary"])), _prose("\n".join(found["Extended Summary"]))]
    for section in _SECTIONS:
        content = found[section]
        if not content:
            continue
        if section in ("Notes", "References", "Examples"):
            parts.append(f"**{section}**\n\n{_prose(chr(10).join(content))}")
        elif section == "See Also":
            names = [name for each in content for name, _ in each[0]]
            parts.append("**See also** " + ", ".join(f"`{name}`" for name in names))
        else:
            parts.append(f"**{section}**\n\n" + "\n".join(map(_parameter, content)))
    return "\n\n".join(part for part in parts if part)


def _parameter(found: Any) -> str:
    head = f"{found.name} : {found.type}" if found.name and found.type else found.name or found.type
    body = _prose("\n".join(found.desc)).replace("\n", "\n  ")
    return f"- `{head}`" + (f"\\\n  {body}" if body else "")


def _prose(text: str) -> str:
    """Paragraphs of a docstring as Markdown: what is indented or a session stays as it is, the rest is plain text."""
    blocks = []
    for block in re.split(r"\n\s*\n", text.strip("\n")):
        lines = block.split("\n")
        if all(line.startswith("    ") for line in lines) or lines[0].lstrip().startswith(">>>"):
            language = "pycon" if ">>>" in lines[0] else "text"
            least = min(len(line) - len(line.lstrip()) for line in lines)
            blocks.append(f"```{language}\n" + "\n".join(line[least:] for line in lines) + "\n```")
        elif block.strip():
            plain = [line if line.lstrip().startswith("-") else line.strip() for line in lines]
            blocks.append(_inline("\n".join(plain)))
    return "\n\n".join(blocks)


def _inline(text: str) -> str:
    """Markdown's signs taken for themselves, but for code between backticks."""
    text = text.replace("``", "`")
    pieces = re.split(r"(`[^`\n]+`)", text)
    return "".join(piece if number % 2 else _SIGNS.sub(r"\\\1", piece) for number, piece in enumerate(pieces))


def _first_line(text: str) -> str:
    return text.strip().split("\n")[0]
