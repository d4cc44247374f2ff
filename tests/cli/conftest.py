"""The shell as a fixture."""

from __future__ import annotations

import pytest
from command_shell import Shell


@pytest.fixture
def shell(capsys: pytest.CaptureFixture[str]) -> Shell:
    return Shell(capsys)
