"""Commands that other packages add."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from glassnet.cli.commands import COMMANDS, SUMMARIES, load, plug_ins
from support.shell import Shell

PLUG_IN = '''
from typing import Annotated
import typer

def hello(name: str, loud: Annotated[bool, typer.Option("--loud")] = False) -> None:
    """Greet somebody."""
    typer.echo(f"hello {name}" + "!" * loud)

several = typer.Typer(help="Several greetings.", no_args_is_help=True)
several.command("one")(hello)
several.command("two")(hello)
'''


@pytest.fixture
def plug_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A distribution that is installed in a folder of its own."""
    name = f"greetings_{tmp_path.name.replace('-', '_')}"
    (tmp_path / f"{name}.py").write_text(PLUG_IN)
    about = tmp_path / "greetings-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: greetings\nVersion: 1.0\n")
    points = {"hello": "hello", "greet": "several", "check": "hello", "lost": "nothing"}
    lines = [f"{command} = {name}:{target}" for command, target in points.items()]
    (about / "entry_points.txt").write_text("\n".join(["[glassnet.commands]", *lines, "gone = no_such_module:f", ""]))
    monkeypatch.syspath_prepend(tmp_path)
    return name


def test_a_package_adds_commands(shell: Shell, plug_in: str) -> None:
    help_text = shell("--help")
    assert [line.split() for line in help_text.splitlines() if line.startswith("  hello ")] == [
        ["hello", "By", "greetings."]
    ]
    assert plug_in not in sys.modules  # the help imports nobody
    assert shell("hello", "world", "--loud") == "hello world!\n"
    assert shell("greet", "two", "you") == "hello you\n"
    assert "Several greetings." in shell("greet")
    assert shell("hello", "--help").startswith("Usage: glassnet hello")
    assert "Try 'glassnet hello --help'" in shell.error("hello")
    assert "Did you mean 'hello'" in shell.error("helo")


def test_a_command_of_ours_keeps_its_name(shell: Shell, plug_in: str) -> None:
    assert "check" not in plug_ins()
    assert "every gradient is right" in shell("check", "linear 2", "--input", 3)


@pytest.mark.parametrize(("name", "reason"), [("lost", "nothing"), ("gone", "No module named 'no_such_module'")])
def test_a_package_that_cannot_be_loaded(shell: Shell, plug_in: str, name: str, reason: str) -> None:
    said = shell.error(name)
    assert f"The command '{name}' of " in said and reason in said


def test_every_command_of_ours_is_described_and_can_be_loaded() -> None:
    assert list(COMMANDS) == list(SUMMARIES)
    assert all(load(name).name == name for name in COMMANDS) and load("nothing") is None
