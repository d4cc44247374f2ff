"""Compilation is told of once, results read from disk are not, and there is always a place to keep them."""

from __future__ import annotations

import io
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from numba.core import event

import glassnet
from glassnet import compiling
from glassnet.cli import main
from glassnet.errors import GlassnetError
from glassnet.train import PlainProgress, Progress

PACKAGE = Path(glassnet.__file__).parent
BEGIN = "compiling kernels for this machine (once; usually less than a minute)"


class Clock:
    """Time that stands still unless it is told to go on."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    compiling.listen()
    made = Clock()
    monkeypatch.setattr(compiling.time, "perf_counter", made)
    monkeypatch.setattr(compiling, "_watch", compiling._Watch())
    return made


@contextmanager
def compilation(clock: Clock, seconds: float) -> Iterator[None]:
    """What Numba says when it compiles, without the compilation."""
    with event.trigger_event("numba:compile", data={}):
        clock.now += seconds
        yield


def compiled(clock: Clock, *seconds: float) -> None:
    for each in seconds:
        with compilation(clock, each):
            pass


def test_a_first_use_is_told_of_once(clock: Clock) -> None:
    said: list[str] = []
    with compiling.announced(said.append):
        assert said == []
        compiled(clock, 1.0)
        assert said == [BEGIN]
        compiled(clock, 2.0, 2.5, 1.0, 4.5)
        assert said[1:] == ["compiling kernels: 3 done, 6 s", "compiling kernels: 5 done, 11 s"]
        compiling.settle()  # the work in which they were compiled
        assert len(said) == 3
        compiling.settle()  # the same work again
        assert said[3:] == ["compiled 5 kernels in 11.0 s"]
        compiling.settle()
        compiled(clock, 0.2)  # one more, too quick to have been noticed
        compiling.settle()
        compiling.settle()
        assert len(said) == 4
        compiled(clock, 1.5, 0.5)
    assert said[4:] == ["compiled 2 more kernels in 2.0 s"]


def test_kernels_within_a_kernel_are_part_of_it(clock: Clock) -> None:
    said: list[str] = []
    with compiling.announced(said.append), compilation(clock, 1.0):
        compiled(clock, 0.5, 0.25)
    assert said == [BEGIN, "compiled 1 kernel in 1.8 s"]


def test_a_failed_compilation_ends_too(clock: Clock) -> None:
    said: list[str] = []
    with compiling.announced(said.append):
        with pytest.raises(ZeroDivisionError), compilation(clock, 1.0):
            raise ZeroDivisionError
        compiled(clock, 1.0)
    assert said[-1] == "compiled 2 kernels in 2.0 s"


def test_nothing_is_said_where_nobody_watches(clock: Clock, capfd: pytest.CaptureFixture[str]) -> None:
    compiled(clock, 9.0)
    with compiling.announced(None):
        compiled(clock, 9.0)
    with Progress():
        compiled(clock, 9.0)
    assert tuple(capfd.readouterr()) == ("", "")
    said: list[str] = []
    with compiling.announced(said.append):
        compiling.settle()
    assert said == []


def test_the_display_that_is_open_says_it(clock: Clock) -> None:
    outer: list[str] = []
    stream = io.StringIO()
    progress = PlainProgress(stream)
    with compiling.announced(outer.append):
        with progress:
            compiled(clock, 3.0)
            progress.step(1, 0.5)
            progress.step(2, 0.5)
        assert outer == []
        assert stream.getvalue().splitlines() == [BEGIN, "compiled 1 kernel in 3.0 s"]
        compiled(clock, 1.5)
    assert outer == ["compiled 1 more kernel in 1.5 s"]


@pytest.mark.parametrize("terminal", [True, False])
def test_commands_say_it_on_a_terminal(terminal: bool, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return terminal

    def check(*arguments: object, **named: object) -> None:
        compiled(clock, 2.0)
        raise GlassnetError("Enough.")

    monkeypatch.setattr("glassnet.actions.check.check", check)
    monkeypatch.setattr(sys, "stderr", Terminal())
    assert main(["check", "linear 3", "--input", "4"]) == 2
    lines = sys.stderr.getvalue().splitlines()  # type: ignore[attr-defined]
    assert lines == ([BEGIN, "compiled 1 kernel in 2.0 s"] if terminal else []) + ["error: Enough."]


SCRIPT = """
import sys, numpy as np
from glassnet import compiling
from glassnet.nn.kernels import updates
with compiling.announced(print):
    assert updates.sum_of_squares(np.ones(3)) == 3.0
import numba
print("cache:", numba.config.CACHE_DIR)
"""


def run(path: Path, **environment: str | None) -> list[str]:
    """The script's lines, with the package in `path` and these variables (None: not set)."""
    kept = {name: value for name, value in os.environ.items() if name not in environment}
    given = {name: value for name, value in environment.items() if value is not None}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        env={**kept, "PYTHONPATH": str(path), "PYTHONDONTWRITEBYTECODE": "1", **given},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout.splitlines()


def test_what_is_read_from_disk_is_not_compiled(tmp_path: Path) -> None:
    first, second = (run(PACKAGE.parent, NUMBA_CACHE_DIR=str(tmp_path)) for _ in range(2))
    assert first[0] == BEGIN and re.fullmatch(r"compiled 1 kernel in \d+\.\d s", first[1])
    assert first[2:] == second == [f"cache: {tmp_path}"]


@pytest.fixture(scope="module")
def unwritable(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package where nothing can be kept beside the source files, not even by the superuser."""
    folder = tmp_path_factory.mktemp("installed")
    shutil.copytree(PACKAGE, folder / "glassnet", ignore=shutil.ignore_patterns("__pycache__"))
    for place in compiling._KERNEL_FOLDERS:
        (folder / "glassnet" / place / "__pycache__").write_text("no folder")
    return folder


def test_kernels_are_kept_in_the_users_cache_folder(unwritable: Path, tmp_path: Path) -> None:
    lines = run(unwritable, NUMBA_CACHE_DIR=None, XDG_CACHE_HOME=None, HOME=str(tmp_path))
    folder = tmp_path / ".cache" / "glassnet" / "kernels"
    assert lines[0] == BEGIN and lines[2] == f"cache: {folder}" and list(folder.rglob("*.nbc"))
    assert run(unwritable, NUMBA_CACHE_DIR=None, XDG_CACHE_HOME=None, HOME=str(tmp_path)) == lines[2:]


def test_kernels_are_kept_among_temporary_files_at_last(unwritable: Path, tmp_path: Path) -> None:
    (tmp_path / "home").write_text("no folder")
    homeless = {"NUMBA_CACHE_DIR": None, "XDG_CACHE_HOME": None, "HOME": str(tmp_path / "home")}
    lines = run(unwritable, **homeless, TMPDIR=str(tmp_path))
    folder = Path(lines[2].removeprefix("cache: "))
    assert folder.parent == tmp_path and list(folder.rglob("*.nbc"))
    assert run(unwritable, **homeless, TMPDIR=str(tmp_path)) == lines[2:]


def test_a_folder_that_the_user_names_is_used(unwritable: Path, tmp_path: Path) -> None:
    assert run(unwritable, NUMBA_CACHE_DIR=str(tmp_path))[2] == f"cache: {tmp_path}"


def test_a_writable_installation_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
    compiling.choose_cache()
    assert "NUMBA_CACHE_DIR" not in os.environ


@pytest.mark.skipif(not hasattr(os, "getuid"), reason="folders have no owners here")
def test_a_temporary_folder_that_others_may_write_to_is_not_trusted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    own = compiling._own_temporary_folder()
    assert own == compiling._own_temporary_folder() and own.stat().st_mode & 0o777 == 0o700
    own.chmod(0o777)
    other = compiling._own_temporary_folder()
    assert other != own and other.stat().st_mode & 0o777 == 0o700
    own.rmdir()
    own.symlink_to(other)
    assert compiling._own_temporary_folder() not in (own, other)


def test_every_kernel_stands_in_a_folder_that_is_looked_at() -> None:
    kernel = re.compile(r"^@?\w*njit\(|= njit\(|^@shared$", re.M)
    kernels = [path for path in PACKAGE.rglob("*.py") if kernel.search(path.read_text())]
    assert len(kernels) > 5
    assert {path.parent.relative_to(PACKAGE).as_posix() for path in kernels} == set(compiling._KERNEL_FOLDERS)
