"""What several commands share: option types, values of settings, the JSON line."""

from __future__ import annotations

import json
import re
import sys
import tomllib
from pathlib import Path
from typing import Annotated, Any

import typer

from glassnet.errors import RecipeError, escaped
from glassnet.files import json_value
from glassnet.text import folded

__all__ = [
    "Json",
    "Threads",
    "Weights",
    "emit",
    "parse_setting",
    "parse_shape",
    "say",
    "say_lines",
    "setting_value",
    "split_values",
]

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object as the last line.")]
Threads = Annotated[int | None, typer.Option("--threads", metavar="N", help="Threads to use (default: every core).")]
Weights = Annotated[
    Path | None,
    typer.Option("--weights", metavar="FILE", help="A pretrained network's weights: safetensors, torchvision's names."),
]


def parse_setting(text: str) -> tuple[str, str]:
    """`NAME=VALUE` as (name, value). Raises `RecipeError`."""
    name, equals, value = text.partition("=")
    if not equals or not name.strip():
        raise RecipeError(f"A setting is written NAME=VALUE, as in optimizer.lr=0.1. Got '{text}' instead.")
    return name.strip(), value.strip()


def setting_value(text: str) -> Any:
    """A value as TOML reads it (numbers, true/false, lists, quoted text); anything else is plain text.

    The empty value and `none` take a setting out.
    """
    if text.lower() in ("", "none"):
        return None
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def split_values(text: str) -> list[str]:
    """The values of a sweep: divided at semicolons where it has any (values may then hold commas), else at commas."""
    return [value.strip() for value in text.split(";" if ";" in text else ",")]


def parse_shape(text: str) -> tuple[int, ...]:
    """Sizes such as `28x28x1` or `784`. Raises `RecipeError`."""
    if not re.fullmatch(r"\d{1,6}(x\d{1,6}){0,2}", text) or "0" in text.split("x"):
        raise RecipeError(f"Sizes are written HxWxC (28x28x1) or as one number (784). Got '{text}' instead.")
    return tuple(int(size) for size in text.split("x"))


def say(text: str, *, err: bool = False) -> None:
    """Print a line, folded where the terminal is narrower, with escapes for whatever the names in it may hold."""
    typer.echo(folded(escaped(text)), err=err)


def say_lines(text: str) -> None:
    """Print lines as they are laid out, with escapes as `say` has."""
    for line in text.split("\n"):
        typer.echo(escaped(line))


def emit(values: dict[str, Any]) -> None:
    """Print one JSON object on a line; paths become text, numbers that are not finite become null."""
    sys.stdout.write(json.dumps(json_value(values)) + "\n")
