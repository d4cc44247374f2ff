"""The shell as a fixture."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from command_processes import Server
from command_shell import Shell


@pytest.fixture
def shell(capsys: pytest.CaptureFixture[str]) -> Shell:
    return Shell(capsys)


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    running = Server()
    yield running
    running.close()
