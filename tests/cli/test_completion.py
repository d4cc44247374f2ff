"""What the shell is told to complete, the scripts that ask, `help COMMAND` and `-V`."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from glassnet.cli.commands import COMMANDS
from glassnet.cli.completion import SCRIPTS, VARIABLE, candidates
from glassnet.data import CATALOGUE
from glassnet.imagenet import PRETRAINED
from glassnet.nn.named import NAMED
from support.shell import Shell


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with a run, pictures and a hidden file."""
    monkeypatch.chdir(tmp_path)
    for name in ("runs/mine/model.safetensors", "runs/unfinished/recipe.toml", "mnist-photos/a.png", ".hidden"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    return tmp_path


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("tr", ["train"]),
        ("", [*COMMANDS, "help"]),
        ("help da", ["data"]),
        ("data ", ["list", "get", "show"]),
        ("help data s", ["show"]),
        ("train mn", ["mnist", "mnist-photos/"]),
        ("train mnist-photos/", ["mnist-photos/a.png"]),
        ("data get mn", ["mnist"]),
        ("data show .h", [".hidden"]),
        ("predict ", ["runs/mine", *PRETRAINED, "mnist-photos/", "runs/"]),
        ("predict runs/m", ["runs/mine", "runs/mine/"]),
        ("predict runs/mine mn", []),
        ("predict runs/mine a b mn", []),
        ("evaluate runs/mine --weights x dig", ["digits"]),
        ("train digits --model ", list(NAMED)),
        ("train digits --model le", [name for name in NAMED if name.startswith("le")]),
        ("train digits --epo", ["--epochs"]),
        ("train digits --out x", []),
        ("nonsense x", []),
        ("predict nowhere/", []),
    ],
)
def test_candidates(typed: str, expected: list[str], here: Path) -> None:
    found = candidates(typed.split(" "))
    assert list(dict.fromkeys(found)) == expected


def test_data_sets_come_before_files(here: Path) -> None:
    sets = [name for name, entry in CATALOGUE.items() if entry.open is not None]
    assert candidates(["train", ""])[: len(sets)] == sets
    assert "unipen" in candidates(["data", "get", ""]) and "unipen" not in sets


def test_the_command_answers(shell: Shell, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "1")
    assert shell("data", "g") == "get\n"


@pytest.mark.skipif(shutil.which("bash") is None, reason="no bash")
def test_bash_completes(here: Path) -> None:
    program = here / "glassnet"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m glassnet "$@"\n')
    program.chmod(0o755)
    script = f'{SCRIPTS["bash"]}\nCOMP_WORDS=(glassnet data get mn)\nCOMP_CWORD=3\n_glassnet\necho "${{COMPREPLY[@]}}"'
    found = subprocess.run(
        ["bash", "-c", script], env={**os.environ, "PATH": f"{here}:{os.environ['PATH']}"}, capture_output=True,
        text=True, check=True,
    )  # fmt: skip
    assert found.stdout == "mnist\n" and found.stderr == ""


@pytest.mark.parametrize("name", SCRIPTS)
def test_show_prints_the_script(name: str, shell: Shell, here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(here / "home"))
    assert shell("install-completion", name, "--show") == SCRIPTS[name] and VARIABLE in SCRIPTS[name]
    assert not (here / "home").exists()


@pytest.mark.parametrize(("name", "start"), [("bash", ".bashrc"), ("zsh", ".zshrc"), ("fish", None)])
def test_install(name: str, start: str | None, shell: Shell, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "ZDOTDIR"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("SHELL", f"/usr/bin/{name}")
    if start is not None:
        (tmp_path / start).write_text("alias l=ls")
    files = shell.json("install-completion")["files"]
    assert Path(files[0]).read_text() == SCRIPTS[name]
    if start is not None:
        assert files[1] == str(tmp_path / start)
        assert re.fullmatch(
            rf'alias l=ls\n\[ -f "(.*)" \] && source "{re.escape(files[0])}"\n', Path(files[1]).read_text()
        )
    assert shell.json("install-completion", name)["files"] == [], "all is there"


def test_other_shells(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHELL", "/bin/tcsh")
    assert "bash, zsh or fish. Got 'tcsh'" in shell.error("install-completion")
    assert "Did you mean 'bash'" in shell.error("install-completion", "bsh", "--show")


def test_help_of_a_command(shell: Shell) -> None:
    assert shell("help", "data", "show") == shell("data", "show", "--help")
    assert shell("help") == shell("--help") and "glassnet help COMMAND" in shell("help")
    assert "Did you mean 'train'" in shell.error("help", "trian")


def test_version(shell: Shell) -> None:
    assert shell("-V") == shell("--version") == f"glassnet {version('glassnet')}\n"


def test_options_are_suggested_where_they_are_near(shell: Shell) -> None:
    assert "There is no option '--epohs'. Did you mean '--epochs'?" in shell.error("train", "digits", "--epohs", 3)
    assert shell.error("predict", "a", "b", "--verbose").startswith("error: There is no option '--verbose'. Try ")
