"""A shell for the tests of the command line."""

from __future__ import annotations

import json
from typing import Any

import pytest

from glassnet.cli import main
from support.runs import small_reports


class Shell:
    """Runs commands and keeps what they printed."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self.capsys = capsys

    def __call__(self, *arguments: object, status: int = 0) -> str:
        self.capsys.readouterr()
        with small_reports():
            returned = main([str(argument) for argument in arguments])
        shown = self.capsys.readouterr()
        self.err = shown.err
        assert returned == status, shown.err
        if status == 2:
            assert shown.err.startswith("error: ") and shown.err.count("\n") == 1
        return shown.out

    def error(self, *arguments: object) -> str:
        """The one line that wrong input is answered with."""
        self(*arguments, status=2)
        return self.err

    def json(self, *arguments: object, status: int = 0) -> dict[str, Any]:
        """The object of the last line."""
        last = self(*arguments, "--json", status=status).splitlines()[-1]
        found = json.loads(last)
        assert isinstance(found, dict)
        assert all(key.replace("_", "").isalnum() for key in found), found.keys()
        return found
