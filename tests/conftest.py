"""Fixtures of all tests. Each imports what it needs, so that the tests of operations load no command line."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from support.commands import Server
    from support.shell import Shell

pytest.register_assert_rewrite("support")


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
