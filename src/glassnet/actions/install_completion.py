"""Completion of the command line, written to where a shell looks for it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from glassnet.errors import RecipeError, nearest
from glassnet.files import exists, plain_text, write_text

__all__ = ["Installed", "chosen_shell", "install"]


@dataclass(frozen=True)
class Installed:
    """A shell, and the files that were written or changed: none where all was there."""

    shell: str
    files: tuple[Path, ...]

    def to_dict(self) -> dict[str, Any]:
        """All of it with plain keys."""
        return {"shell": self.shell, "files": list(self.files)}


def chosen_shell(given: str | None, known: tuple[str, ...]) -> str:
    """The shell that is given, else the one that SHELL names. Raises `RecipeError` for one that is not known."""
    name = given or Path(os.environ.get("SHELL", "")).name
    if name not in known:
        listed = f"{', '.join(known[:-1])} or {known[-1]}"
        raise RecipeError(f"A shell is {listed}. Got '{name}' instead.{nearest(name, known)}")
    return name


def install(shell: str, script: str) -> Installed:
    """Write a shell's script, and have its start-up file read it.

    Parameters
    ----------
    shell : str
        "bash", "zsh" or "fish".
    script : str
        What the shell is to carry out.

    Raises
    ------
    GlassnetError
        A file cannot be read or written.
    """
    home = Path.home()
    settings = _base("XDG_CONFIG_HOME", home / ".config")
    if shell == "fish":
        return Installed(shell, tuple(_written(settings / "fish" / "completions" / "glassnet.fish", script)))
    place = _base("XDG_DATA_HOME", home / ".local" / "share") / "glassnet" / f"completion.{shell}"
    start = Path(os.environ.get("ZDOTDIR") or home) / ".zshrc" if shell == "zsh" else home / ".bashrc"
    line = f'[ -f "{place}" ] && source "{place}"'
    before = plain_text(start) if exists(start) else ""
    files = _written(place, script)
    if line not in before.splitlines():
        gap = "" if not before or before.endswith("\n") else "\n"
        files += _written(start.resolve(), f"{before}{gap}{line}\n")
    return Installed(shell, tuple(files))


def _base(variable: str, otherwise: Path) -> Path:
    """A folder of the XDG specification, which has relative paths ignored."""
    given = Path(os.environ.get(variable, ""))
    return given if given.is_absolute() else otherwise


def _written(place: Path, text: str) -> list[Path]:
    """The file, where it was not there with this text."""
    if exists(place) and plain_text(place) == text:
        return []
    write_text(place, text)
    return [place]
