"""Fixtures of all tests. Each imports what it needs, so that the tests of operations load no command line."""

from __future__ import annotations

import gc
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from glassnet.experiments import Run
    from support.commands import Server
    from support.shell import Shell

pytest.register_assert_rewrite("support")


def pytest_configure() -> None:
    """A job in the background of a script ignores Ctrl-C, and so would the trainings that tests interrupt."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    os.environ["GLASSNET_FEATURES"] = "off"  # no test finds what another one left in the user's cache folder
    os.environ.pop("COLUMNS", None)  # which pytest's workers set: output of tests goes to no terminal


def pytest_collection_finish() -> None:
    """What is loaded by now stays: no search for garbage goes through it again (a twentieth of the time, or more)."""
    gc.freeze()
    gc.set_threshold(10_000, 10, 10)


def pytest_make_parametrize_id(config: pytest.Config, val: object, argname: str) -> str | None:
    """Long bytes are named by their length: workers that make them by themselves need not agree on every byte."""
    return f"{argname} of {len(val)} bytes" if isinstance(val, bytes) and len(val) > 50 else None


@pytest.fixture
def shell(capsys: pytest.CaptureFixture[str]) -> Shell:
    """Runs `glassnet ARGUMENTS` within this process."""
    from support.shell import Shell

    return Shell(capsys)


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    """Runs `glassnet ARGUMENTS` in processes of their own, with signals and odd streams."""
    from support.commands import Server

    running = Server()
    yield running
    running.close()


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A small run with everything in its folder; a test that changes the folder copies it first."""
    from support.runs import finished_run

    return finished_run(tmp_path_factory.mktemp("finished") / "run")


@pytest.fixture(scope="session")
def finished_folder(finished: Run) -> Path:
    """The folder of `finished`."""
    assert finished.folder is not None
    return finished.folder
